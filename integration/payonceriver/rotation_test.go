package payonceriver_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// TestAWorkerWithoutTheNewKeyLeavesTheJobToOneThatHasIt is a fleet whose API key is rotated, one process after the other. Elebne dedupes
// within a key.
func TestAWorkerWithoutTheNewKeyLeavesTheJobToOneThatHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const older, newer = "sk_test_older", "sk_test_newer"
		bank := simulator.NewElebne(simulator.ElebneConfig{SecretKeys: []string{older, newer}, AutoPay: true})
		transport := bank.Transport()
		t.Cleanup(transport.Close)
		store := memstore.New()
		process := func(key payonce.Secret, old ...payonce.Secret) *payonce.Client {
			provider, err := elebne.New(elebne.Config{BaseURL: "https://elebne.example/api/v1", MerchantID: merchantID, SecretKey: key, OldSecretKeys: old})
			require.NoError(t, err)
			client, err := payonce.New(payonce.Config{Provider: provider, Store: store, HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			return client
		}
		behind, ahead := process(older), process(newer, older)
		rec, err := ahead.Payments.Prepare(payonce.PaymentParams{Reference: "order-1", Amount: payonce.Amount{Minor: 5000, Currency: "MRU"}})
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		job := &river.Job[payonceriver.Args]{Args: payonceriver.Args{OperationID: rec.ID}}
		var snooze *river.JobSnoozeError
		assert.ErrorAs(t, payonceriver.NewWorker(behind).Work(t.Context(), job), &snooze)
		require.NoError(t, payonceriver.NewWorker(ahead).Work(t.Context(), job))
		assert.Equal(t, 1, bank.Ledger().Count("payment"))
	})
}
