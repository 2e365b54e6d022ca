package tests_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// TestAnOperationSurvivesTheRotationOfItsAPIKey rotates Elebne's API key, which is in the dedupe scope, between an executed attempt and
// the next. With the new key the same request would be another payment: nothing is sent. With the old one among OldSecretKeys it is
// finished under that.
func TestAnOperationSurvivesTheRotationOfItsAPIKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.NewElebne(simulator.ElebneConfig{SecretKeys: []string{"sk_test_old", "sk_test_new"}, AutoPay: true})
		w := &world{dialect: new(elebnePay()), sim: sim, store: memstore.New()}
		rotate := func(current payonce.Secret, old ...payonce.Secret) {
			provider, err := elebne.New(elebne.Config{MerchantID: "merchant-1", SecretKey: current, OldSecretKeys: old})
			require.NoError(t, err)
			w.provider = provider
		}
		rotate("sk_test_old")
		sim.Script(lostForGood()...)
		_, err := w.client(t).Payments.Create(t.Context(), w.params("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		sim.ClearScript()
		sent := w.posts()

		rotate("sk_test_new")
		_, err = w.client(t).Payments.Create(t.Context(), w.params("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.Equal(t, sent, w.posts(), "nothing was sent")

		require.NoError(t, w.client(t).Resolve(t.Context(), w.id("order-1"), payonce.StopSending, "the old key is lost"))
		rotate("sk_test_old")
		sim.Script(lostForGood()...)
		_, err = w.client(t).Payments.Create(t.Context(), w.params("order-2"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		sim.ClearScript()
		rotate("sk_test_new", "sk_test_old")
		p, err := w.client(t).Payments.Create(t.Context(), w.params("order-2"))
		require.NoError(t, err)
		assert.NotEmpty(t, p.ID)
		_, err = w.client(t).Payments.Create(t.Context(), w.params("order-3"))
		require.NoError(t, err)
		requests := sim.Requests()
		assert.Equal(t, "Bearer sk_test_old", requests[len(requests)-2].Header.Get("Authorization"), "finished under the old key")
		assert.Equal(t, "Bearer sk_test_new", requests[len(requests)-1].Header.Get("Authorization"), "begun under the new one")
		assert.Equal(t, 3, sim.Ledger().Count("payment"), "one for each order")
	})
}
