package payonce

import (
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
