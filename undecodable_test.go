package payonce_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// garbler is a dialect that can decode no answer.
type garbler struct{ dialect }

func (g garbler) Portable() payonce.Portable {
	p := g.dialect.Portable()
	p.Payment = func(string, []byte) (*payonce.Payment, error) { return nil, errors.New("amount is a list") }
	p.Refund = func(string, []byte) (*payonce.Refund, error) { return nil, errors.New("amount is a list") }
	return p
}

// answers are all that an error of the client may be.
func answers() []error {
	return []error{
		payonce.ErrNotSent, payonce.ErrRejected, payonce.ErrOutcomeUnknown, payonce.ErrInDoubt, payonce.ErrUnavailable, payonce.ErrInvalid,
		payonce.ErrKeyReuse, payonce.ErrNotFound, payonce.ErrUnsupported,
	}
}

func TestAWriteThatSucceededIsNeverCalledAnythingElse(t *testing.T) {
	t.Parallel()
	b := newBank()
	client := newClient(t, b, memory(), func(c *payonce.Config) { c.Provider = garbler{dialect{b}} })
	for range 2 { // from the wire, and from the record
		payment, err := client.Payments.Create(t.Context(), order("order-1"))
		require.ErrorContains(t, err, "payment.create order-1 succeeded, but its answer could not be decoded: amount is a list")
		for _, answer := range answers() {
			require.NotErrorIs(t, err, answer)
		}
		require.NotNil(t, payment)
		assert.NotEmpty(t, payment.ID)
		assert.NotEmpty(t, payment.Raw)
		refund, err := client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-1", PaymentID: payment.ID, Amount: payonce.Amount{Minor: 1, Currency: "GBP"}})
		require.ErrorContains(t, err, "refund.create rma-1 succeeded, but its answer could not be decoded")
		assert.NotEmpty(t, refund.ID)
	}
	assert.Equal(t, 2, b.moved())
}

func TestAReadThatCanNotBeDecodedIsUnavailable(t *testing.T) {
	t.Parallel()
	b := newBank()
	client := newClient(t, b, memory(), func(c *payonce.Config) { c.Provider = garbler{dialect{b}} })
	payment, _ := client.Payments.Create(t.Context(), order("order-1"))
	read, err := client.Payments.Get(t.Context(), payment.ID)
	require.ErrorIs(t, err, payonce.ErrUnavailable)
	assert.NotEmpty(t, read.Raw)
}
