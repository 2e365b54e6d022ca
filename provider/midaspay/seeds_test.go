package midaspay_test

import "testing"

func TestTheSeedCorporaAreThere(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"FuzzClassify", "FuzzLookup", "FuzzPayment", "FuzzValue", "FuzzWebhook"} {
		requireSeeds(t, target, 5)
	}
}
