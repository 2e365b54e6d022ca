package memstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) payonce.KeyStore { return memstore.New() })
}

func TestItSaysThatItForgets(t *testing.T) {
	t.Parallel()
	d := memstore.New().Durability()
	if d.Process || d.Power || d.Text != "memory, forgets everything when the process ends" {
		t.Errorf("durability is %+v", d)
	}
}
