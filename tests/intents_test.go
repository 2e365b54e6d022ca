package tests_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/payonce/payonce"
)

// intent is one operation that callers ask for.
type intent struct {
	id payonce.OperationID
	// call asks for it. A native write knows no options.
	call func(ctx context.Context, c *payonce.Client, opts ...payonce.CallOption) error
	// prepare makes its record for the merchant's own transaction; nil for a native write.
	prepare func(c *payonce.Client) (*payonce.Record, error)
	// renewable says that call knows WithNewKey, declines that the provider declines it.
	renewable, declines bool
	// notAfter is the time after which it must not happen for the first time; zero is none.
	notAfter time.Time
}

func (op *intent) String() string { return fmt.Sprintf("%s %q", op.id.Kind, op.id.Reference) }

// declinedPrice is what a provider declines that was set up to.
const declinedPrice = 6666

// payment is the intent of an ordinary payment.
func (w *world) payment(reference string) *intent {
	op := &intent{id: w.id(reference), renewable: true}
	op.prepare = func(c *payonce.Client) (*payonce.Record, error) { return c.Payments.Prepare(w.params(reference)) }
	op.call = func(ctx context.Context, c *payonce.Client, opts ...payonce.CallOption) error {
		params := w.params(reference)
		params.NotAfter = op.notAfter
		if op.declines {
			params.Amount.Minor = declinedPrice
		}
		_, err := c.Payments.Create(ctx, params, opts...)
		return err
	}
	return op
}

// refund is the intent of a refund in part.
func (w *world) refund(reference, paymentID string) *intent {
	id := w.id(reference)
	id.Kind = "refund.create"
	params := payonce.RefundParams{Reference: reference, PaymentID: paymentID, Amount: payonce.Amount{Minor: 100, Currency: w.price.Currency}}
	return &intent{
		id: id, renewable: true,
		prepare: func(c *payonce.Client) (*payonce.Record, error) { return c.Refunds.Prepare(params) },
		call: func(ctx context.Context, c *payonce.Client, opts ...payonce.CallOption) error {
			_, err := c.Refunds.Create(ctx, params, opts...)
			return err
		},
	}
}

// ownWrite is the intent of a write that only this provider has.
func (w *world) ownWrite(reference string) *intent {
	id := w.id(reference)
	id.Kind = w.native.kind
	return &intent{id: id, call: func(ctx context.Context, c *payonce.Client, _ ...payonce.CallOption) error {
		return w.native.call(ctx, w.provider, c, reference)
	}}
}

// anyIntent is a random one. paid makes a payment that can be refunded.
func (w *world) anyIntent(rnd *rand.Rand, reference string, paid func() string) *intent {
	switch rnd.IntN(8) {
	case 0, 1:
		return w.refund(reference, paid())
	case 2, 3:
		return w.ownWrite(reference)
	}
	op := w.payment(reference)
	op.declines = !w.declinesLater && rnd.IntN(5) == 0
	if rnd.IntN(5) == 0 {
		op.notAfter = time.Now().Add(time.Duration(rnd.Int64N(int64(time.Hour))))
	}
	return op
}
