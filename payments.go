package payonce

import (
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
