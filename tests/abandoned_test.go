package tests_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
)

func paysAgainAfterExpiry(t *testing.T, d *dialect) {
	t.Helper()
	paysAgain(t, d, simulated.ExpirePayment)
}

func paysAgainAfterFailure(t *testing.T, d *dialect) {
	t.Helper()
	paysAgain(t, d, d.fail)
}

// paysAgain is the checkout that ends without money: a new key is refused while it lives, and had once it is over.
func paysAgain(t *testing.T, d *dialect, end func(simulated, string) error) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, signed: true})
	c := w.client(t)
	abandoned, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.NoError(t, err)
	refusesANewKey(t, w, c, w.params("order-1"), "the first could still move money")
	require.NoError(t, end(w.sim, abandoned.ID))
	same, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.NoError(t, err)
	assert.Equal(t, abandoned.ID, same.ID, "without being asked nothing new is made")
	second, err := c.Payments.Create(t.Context(), w.params("order-1"), payonce.WithNewKey())
	require.NoError(t, err)
	assert.NotEqual(t, abandoned.ID, second.ID)
	assert.Equal(t, 2, second.Receipt.Generation)
	require.NoError(t, w.sim.Pay(second.ID))
	refusesANewKey(t, w, c, w.params("order-1"), "it is paid")
	assert.Equal(t, 2, w.sim.Ledger().Count("payment"), "one that nobody paid and one that was paid")
}

// keepsWhatIsAuthorized is a checkout whose payer agreed: its money may yet move, until the bank says no.
func keepsWhatIsAuthorized(t *testing.T, d *dialect) {
	t.Helper()
	if d.authorize == nil {
		return // a payment is paid or it is not
	}
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, signed: true})
	c := w.client(t)
	params := w.params("order-1")
	if d.captures != nil {
		params.Method = d.captures
	}
	first, err := c.Payments.Create(t.Context(), params)
	require.NoError(t, err)
	require.NoError(t, d.authorize(w.sim, first.ID))
	got, err := c.Payments.Get(t.Context(), first.ID)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusAuthorized, got.Status)
	assert.False(t, got.NoMoneyMoved)
	refusesANewKey(t, w, c, params, "it is authorized")
	require.NoError(t, d.fail(w.sim, first.ID))
	second, err := c.Payments.Create(t.Context(), params, payonce.WithNewKey())
	require.NoError(t, err)
	assert.NotEqual(t, first.ID, second.ID)
}

// refusesANewKey asks for a new key, which must be refused before anything is sent.
func refusesANewKey(t *testing.T, w *world, c *payonce.Client, params payonce.PaymentParams, why string) {
	t.Helper()
	made := w.sim.Ledger().Count("payment")
	_, err := c.Payments.Create(t.Context(), params, payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrKeyReuse, why)
	assert.Equal(t, made, w.sim.Ledger().Count("payment"), why)
}
