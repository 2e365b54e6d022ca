package payonce

import (
	"context"
	"iter"
	"time"
)

// RefundParams asks for one refund. An Amount and Full exclude each other; neither is an error, so that a forgotten amount never
// refunds everything.
type RefundParams struct {
	// Reference is the merchant's own id of the refund. Required; two partial refunds have two references.
	Reference string
	// PaymentID is the provider's id of the payment.
	PaymentID string
	// Amount is what to give back.
	Amount Amount
	// Full gives back all that is left.
	Full bool
	// Reason is text for the provider or the payer, where there is room for it.
	Reason string
	// Metadata is stored with the refund where the provider can.
	Metadata map[string]string
	// NotAfter: not refunded for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// Refund is a refund as of Receipt.AnsweredAt; Refunds.Get tells what is true now.
type Refund struct {
	// ID is the provider's id, PaymentID that of its payment.
	ID, PaymentID string
	// Status is the portable status, ProviderStatus the provider's own word.
	Status         Status
	ProviderStatus string
	// Amount is zero where the answer does not echo it.
	Amount Amount
	// FailureCode is the provider's reason for a failed refund.
	FailureCode string
	// Metadata is what the merchant stored with it.
	Metadata map[string]string
	// CreatedAt is the provider's time of creation; zero where the answer has none.
	CreatedAt time.Time
	// Raw is the provider's whole answer.
	Raw Raw
	// Receipt says how the answer came about; for a read only RequestID and AnsweredAt are set.
	Receipt Receipt
}

// Refunds is the portable refund service.
type Refunds struct{ c *Client }

const (
	kindRefundCreate = "refund.create"
	kindRefundGet    = "refund.get"
	kindRefundList   = "refund.list"
)

// Create makes the refund of p.Reference, once, however often it is called and whatever happens in between. Its answers are those of
// Payments.Create.
func (s *Refunds) Create(ctx context.Context, p RefundParams, opts ...CallOption) (*Refund, error) {
	op, err := s.create(p)
	if err != nil {
		return nil, err
	}
	a, err := s.c.do(ctx, op, opts)
	if !a.answered(err) {
		return nil, err
	}
	refund, decodeErr := s.decode(&a, op.Kind)
	refund.PaymentID = orDefault(refund.PaymentID, p.PaymentID)
	if err == nil {
		err = a.succeededAllTheSame(decodeErr)
	}
	return refund, err
}

// Prepare makes the record of the refund without any I/O; see Payments.Prepare.
func (s *Refunds) Prepare(p RefundParams, opts ...CallOption) (*Record, error) {
	op, err := s.create(p)
	if err != nil {
		return nil, err
	}
	return s.c.prepare(op, opts)
}

// Get reads the refund as it is now. ErrNotFound if the provider has none of this id.
func (s *Refunds) Get(ctx context.Context, paymentID, id string) (*Refund, error) {
	if s.c.portable.GetRefund == nil {
		return nil, s.c.unsupported(kindRefundGet)
	}
	var wrong problems
	wrong.addErr(checkID("paymentID", paymentID))
	wrong.addErr(checkID("id", id))
	if err := wrong.err(); err != nil {
		return nil, s.c.invalidCall(Operation{Kind: kindRefundGet}, err)
	}
	q := s.c.portable.GetRefund(paymentID, id)
	q.Kind = kindRefundGet
	a, err := s.c.read(ctx, q)
	if err != nil {
		return nil, err
	}
	refund, err := s.decode(&a, q.Kind)
	refund.PaymentID = orDefault(refund.PaymentID, paymentID)
	return refund, a.undecodable(err)
}

// List reads the refunds of a payment, page by page as the loop goes on. An error ends it.
func (s *Refunds) List(ctx context.Context, paymentID string) iter.Seq2[*Refund, error] {
	return func(yield func(*Refund, error) bool) {
		if s.c.portable.ListRefunds == nil {
			yield(nil, s.c.unsupported(kindRefundList))
			return
		}
		if err := checkID("paymentID", paymentID); err != nil {
			yield(nil, s.c.invalidCall(Operation{Kind: kindRefundList}, err))
			return
		}
		cursor := ""
		for {
			page, next, err := s.page(ctx, paymentID, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, refund := range page {
				refund.PaymentID = orDefault(refund.PaymentID, paymentID)
				if !yield(refund, nil) {
					return
				}
			}
			if next == "" || next == cursor {
				return
			}
			cursor = next
		}
	}
}

// page reads one page of refunds.
func (s *Refunds) page(ctx context.Context, paymentID, cursor string) ([]*Refund, string, error) {
	q := s.c.portable.ListRefunds(paymentID, cursor)
	q.Kind = kindRefundList
	a, err := s.c.read(ctx, q)
	if err != nil {
		return nil, "", err
	}
	refunds, next, err := s.c.portable.Refunds(a.body())
	if err != nil {
		return nil, "", a.undecodable(err)
	}
	return refunds, next, nil
}

// create checks the parameters, all at once, and encodes them.
func (s *Refunds) create(p RefundParams) (Operation, error) {
	if s.c.portable.CreateRefund == nil {
		return Operation{}, s.c.unsupported(kindRefundCreate)
	}
	var wrong problems
	switch {
	case p.Full && p.Amount != Amount{}:
		wrong.add("Amount", "and Full exclude each other")
	case !p.Full && p.Amount == Amount{}:
		wrong.add("Amount", "is missing; to give back all that is left set Full")
	case !p.Full:
		checkAmount(&wrong, "Amount", p.Amount, s.c.profile.Currencies)
	}
	if p.Reference == "" {
		wrong.add("Reference", "is empty; it is the merchant's own id of the refund")
	}
	wrong.addErr(checkID("PaymentID", p.PaymentID))
	op, err := s.c.portable.CreateRefund(p)
	wrong.addErr(err)
	op.Kind, op.Reference, op.NotAfter = kindRefundCreate, p.Reference, p.NotAfter
	if err := wrong.err(); err != nil {
		return op, s.c.invalidCall(op, err)
	}
	return op, nil
}

// decode reads an answer; a purged one still has the id and the provider's word.
func (s *Refunds) decode(a *answer, kind string) (*Refund, error) {
	refund := &Refund{}
	var err error
	if body := a.body(); len(body) > 0 && s.c.portable.Refund != nil {
		if refund, err = s.c.portable.Refund(kind, body); err != nil {
			refund = &Refund{}
		}
		refund.Raw = body
	}
	if o := a.rec.Outcome; o != nil {
		refund.ID = orDefault(refund.ID, o.ResourceID)
		o.describe(&refund.Status, &refund.ProviderStatus, &refund.FailureCode, s.c.portable.RefundStatus)
	}
	refund.Receipt = a.receipt()
	return refund, err
}
