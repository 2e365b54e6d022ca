package truelayer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// sight is what a read with the merchant's credentials showed of what an event is about. The zero value is for what nobody has read:
// it may be anybody's.
type sight struct {
	id, ref      string
	noMoneyMoved bool
}

// Confirm finds out whether an event is this merchant's, which its signature does not say: TrueLayer signs the webhooks of all merchants
// of an environment with the same keys, does not sign the host, and the body names no client. So another merchant can have an event with
// any metadata signed, and deliver it here. Confirm reads what the event is about (its payment, refund or payout, or the merchant
// account) through c, which must be a client of the same provider, with the merchant's credentials: one request for each delivery.
// Handler does all this by itself.
//
// false, with a nil error, says that TrueLayer knows no such thing of this merchant's (ErrNotFound): the event is none of his business.
// An error says that it can't be told now, as of payonce.Get. Only the event that is returned with true has an account in Portable, and
// payonce_ref is then the one that was read.
//
// An event about a mandate, a payment link that was disabled, or something that is not documented has nothing to be read. It is returned
// with true, but proves nothing about whose it is: Portable names neither an operation nor a resource, and before acting on its ids or
// metadata ask TrueLayer.
func (w *Webhooks) Confirm(ctx context.Context, c *payonce.Client, e Event) (Event, bool, error) {
	seen, err := look(ctx, adapter.Service{Client: c, Account: w.account}, &e)
	switch {
	case errors.Is(err, payonce.ErrNotFound):
		return Event{}, false, nil
	case err != nil:
		return Event{}, false, err
	}
	e.account, e.seen = w.account, seen
	return e, true, nil
}

// look reads what an event is about, the same thing that Portable then names. A payment that a link made is a payment like any other
// (https://docs.truelayer.com/reference/get-payment-link-payments), but no operation of the client's: its payonce_ref does not count.
func look(ctx context.Context, s adapter.Service, e *Event) (sight, error) {
	switch {
	case e.PayoutID != "":
		q := payonce.Query{Kind: kindGetPayout, Path: "/v3/payouts/" + adapter.Element(e.PayoutID)}
		return see(ctx, s, q, func(p *Payout) sight {
			same := Refund{Status: RefundStatus(p.Status), ExecutedAt: p.ExecutedAt, FailureReason: p.FailureReason}
			return sight{p.ID, p.Metadata[adapter.RefKey], unsent(&same)}
		}, e.PayoutID)
	case e.RefundID != "" && e.PaymentID != "":
		return see(ctx, s, getRefund(e.PaymentID, e.RefundID), func(r *Refund) sight {
			return sight{r.ID, r.Metadata[adapter.RefKey], unsent(r)}
		}, e.PaymentID, e.RefundID)
	case e.RefundID != "": // TrueLayer reads a refund by its payment only
	case e.PaymentID != "":
		return see(ctx, s, getPayment(e.PaymentID), func(p *Payment) sight {
			return sight{p.ID, p.Metadata[adapter.RefKey], p.noMoneyMoved()}
		}, e.PaymentID)
	case e.Payment.ID != "":
		return see(ctx, s, getPayment(e.Payment.ID), func(p *Payment) sight { return sight{id: p.ID} }, e.Payment.ID)
	case e.MerchantAccountID != "":
		q := payonce.Query{Kind: kindGetAccount, Path: accountPath(e.MerchantAccountID, "")}
		return see(ctx, s, q, func(a *MerchantAccount) sight { return sight{id: a.ID} }, e.MerchantAccountID)
	}
	return sight{}, nil
}

// see makes one read. The last of the ids is the one that the answer must have.
func see[T any](ctx context.Context, s adapter.Service, q payonce.Query, tell func(*T) sight, ids ...string) (sight, error) {
	read, err := adapter.Get[T](ctx, s, q, ids...)
	if err != nil {
		return sight{}, err
	}
	seen := tell(&read.Value)
	seen.noMoneyMoved = seen.noMoneyMoved && !hidesMoney(read.Raw)
	if !strings.EqualFold(seen.id, ids[len(ids)-1]) {
		return sight{}, fmt.Errorf("%w: %s was answered about something else", payonce.ErrUnavailable, q.Kind)
	}
	return seen, nil
}
