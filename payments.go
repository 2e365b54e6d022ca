package payonce

import (
	"context"
	"time"
)

// Status is a payment's or refund's state in portable words. The provider's own word stays in ProviderStatus.
type Status string

// The portable statuses. The zero value is a word of the provider's that this version does not know: treat it as pending.
const (
	// StatusPending: accepted, nothing to do but wait.
	StatusPending Status = "pending"
	// StatusActionRequired: the payer, or the merchant, has a step to take.
	StatusActionRequired Status = "action_required"
	// StatusAuthorized: the payer agreed; the money has not arrived.
	StatusAuthorized Status = "authorized"
	// StatusSucceeded: the money moved, as far as the provider tells.
	StatusSucceeded Status = "succeeded"
	// StatusFailed: it failed or expired.
	StatusFailed Status = "failed"
	// StatusCanceled: it was cancelled or voided.
	StatusCanceled Status = "canceled"
	// StatusReturned: the money moved and came back, in part or whole (refunded, reversed, charged back).
	StatusReturned Status = "returned"
)

// PaymentParams asks for one payment.
type PaymentParams struct {
	// Reference is the merchant's own id of the payment, such as the order's. Required; it is the operation's identity.
	Reference string
	// Amount is what to take.
	Amount Amount
	// Method is the provider's own value, such as truelayer.BankTransfer: everything else that the provider offers.
	Method any
	// Description is text for the payer, where the provider has room for it.
	Description string
	// Metadata is stored with the payment where the provider can. The provider adds payonce_ref unless told otherwise.
	Metadata map[string]string
	// NotAfter: the payment is not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CaptureParams asks to capture an authorized payment.
type CaptureParams struct {
	// PaymentID is the provider's id.
	PaymentID string
	// Reference names this capture; defaults to PaymentID.
	Reference string
	// NotAfter: not captured for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CancelParams asks to cancel a payment.
type CancelParams struct {
	// PaymentID is the provider's id.
	PaymentID string
	// Reference names this cancellation; defaults to PaymentID.
	Reference string
	// NotAfter: not cancelled for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// Payment is a payment as of Receipt.AnsweredAt; Payments.Get tells what is true now.
type Payment struct {
	// ID is the provider's id.
	ID string
	// Status is the portable status, ProviderStatus the provider's own word.
	Status         Status
	ProviderStatus string
	// Amount is zero where the answer does not echo it.
	Amount Amount
	// FailureCode is the provider's reason for a failed payment.
	FailureCode string
	// NoMoneyMoved says that the payment is over and no money moved: it may be paid again under WithNewKey.
	NoMoneyMoved bool
	// NextURL is where the payer goes next, ClientToken what a browser or app needs; they are bearer secrets.
	NextURL, ClientToken Secret
	// Metadata is what the merchant stored with it.
	Metadata map[string]string
	// CreatedAt is the provider's time of creation; zero where the answer has none.
	CreatedAt time.Time
	// Raw is the provider's whole answer.
	Raw Raw
	// Receipt says how the answer came about; for a read only RequestID and AnsweredAt are set.
	Receipt Receipt
}

// Payments is the portable payment service.
type Payments struct{ c *Client }

const (
	kindPaymentCreate  = "payment.create"
	kindPaymentCapture = "payment.capture"
	kindPaymentCancel  = "payment.cancel"
	kindPaymentGet     = "payment.get"
)

// Create makes the payment of p.Reference, once, however often it is called and whatever happens in between. Calling again with the
// same parameters returns the stored answer, with no request; with other parameters it is ErrKeyReuse. A declined payment returns
// both the payment and ErrDeclined. A payment that was made and whose answer can't be decoded has its ID and Raw, with an error that
// matches none of the Err values.
func (s *Payments) Create(ctx context.Context, p PaymentParams, opts ...CallOption) (*Payment, error) {
	op, err := s.create(p)
	if err != nil {
		return nil, err
	}
	return s.write(ctx, op, opts)
}

// Prepare makes the record of the payment without any I/O, for a merchant who inserts it into the key store in the transaction that
// stores the order. After the commit, Client.Run or any Recover sends it.
func (s *Payments) Prepare(p PaymentParams, opts ...CallOption) (*Record, error) {
	op, err := s.create(p)
	if err != nil {
		return nil, err
	}
	return s.c.prepare(op, opts)
}

// Capture takes the money of an authorized payment, once. ErrUnsupported where the provider has no capture.
func (s *Payments) Capture(ctx context.Context, p CaptureParams, opts ...CallOption) (*Payment, error) {
	if s.c.portable.CapturePayment == nil {
		return nil, s.c.unsupported(kindPaymentCapture)
	}
	op, err := s.c.portable.CapturePayment(p)
	op.Kind, op.Reference, op.NotAfter = kindPaymentCapture, orDefault(p.Reference, p.PaymentID), p.NotAfter
	if err != nil {
		return nil, s.c.invalidCall(op, err)
	}
	return s.write(ctx, op, opts)
}

// Cancel cancels a payment, once. Where the provider only accepts the wish, the payment says so: Get tells what became of it.
func (s *Payments) Cancel(ctx context.Context, p CancelParams, opts ...CallOption) (*Payment, error) {
	if s.c.portable.CancelPayment == nil {
		return nil, s.c.unsupported(kindPaymentCancel)
	}
	op, err := s.c.portable.CancelPayment(p)
	op.Kind, op.Reference, op.NotAfter = kindPaymentCancel, orDefault(p.Reference, p.PaymentID), p.NotAfter
	if err != nil {
		return nil, s.c.invalidCall(op, err)
	}
	payment, err := s.write(ctx, op, opts)
	if payment != nil && payment.ID == "" {
		payment.ID = p.PaymentID
	}
	return payment, err
}

// Get reads the payment as it is now. ErrNotFound if the provider has none of this id.
func (s *Payments) Get(ctx context.Context, id string) (*Payment, error) {
	if s.c.portable.GetPayment == nil {
		return nil, s.c.unsupported(kindPaymentGet)
	}
	if err := checkID("id", id); err != nil {
		return nil, s.c.invalidCall(Operation{Kind: kindPaymentGet}, err)
	}
	q := s.c.portable.GetPayment(id)
	q.Kind = kindPaymentGet
	a, err := s.c.read(ctx, q)
	if err != nil {
		return nil, err
	}
	payment, err := s.decode(&a, a.rec.ID.Kind)
	return payment, a.undecodable(err)
}

// create checks the parameters, all at once, and encodes them.
func (s *Payments) create(p PaymentParams) (Operation, error) {
	if s.c.portable.CreatePayment == nil {
		return Operation{}, s.c.unsupported(kindPaymentCreate)
	}
	var wrong problems
	checkAmount(&wrong, "Amount", p.Amount, s.c.profile.Currencies)
	if p.Reference == "" {
		wrong.add("Reference", "is empty; it is the merchant's own id of the payment")
	}
	op, err := s.c.portable.CreatePayment(p)
	wrong.addErr(err)
	op.Kind, op.Reference, op.NotAfter = kindPaymentCreate, p.Reference, p.NotAfter
	if err := wrong.err(); err != nil {
		return op, s.c.invalidCall(op, err)
	}
	return op, nil
}

// write makes the operation happen and reads its answer as a payment.
func (s *Payments) write(ctx context.Context, op Operation, opts []CallOption) (*Payment, error) {
	a, err := s.c.do(ctx, op, opts)
	if !a.answered(err) {
		return nil, err
	}
	payment, decodeErr := s.decode(&a, op.Kind)
	if err == nil {
		err = a.succeededAllTheSame(decodeErr)
	}
	return payment, err
}

// decode reads an answer; a purged or empty one still has the id and the provider's word.
func (s *Payments) decode(a *answer, kind string) (*Payment, error) {
	payment := &Payment{}
	var err error
	if body := a.body(); len(body) > 0 && s.c.portable.Payment != nil {
		if payment, err = s.c.portable.Payment(kind, body); err != nil {
			payment = &Payment{}
		}
		payment.Raw = body
	}
	if o := a.rec.Outcome; o != nil {
		payment.ID = orDefault(payment.ID, o.ResourceID)
		o.describe(&payment.Status, &payment.ProviderStatus, &payment.FailureCode, s.c.portable.PaymentStatus)
	}
	payment.Receipt = a.receipt()
	return payment, err
}
