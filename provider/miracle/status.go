package miracle

import "github.com/payonce/payonce"

// PaymentStatus is a payment's state. The set is open. Source: https://docs.gate.miracleapi.ai/merchant/payments.
type PaymentStatus string

// The documented payment statuses.
const (
	// PaymentCreated comes before PaymentProcessing; only the events and the test cards' page show it.
	PaymentCreated    PaymentStatus = "created"
	PaymentProcessing PaymentStatus = "processing"
	// PaymentRequiresAction: the payer has a step to take, such as 3-D Secure.
	PaymentRequiresAction PaymentStatus = "requires_action"
	// PaymentRequiresCapture: authorized; capture or cancel it.
	PaymentRequiresCapture PaymentStatus = "requires_capture"
	// PaymentSucceeded: the money was taken by automatic capture, PaymentCaptured: by a capture of the merchant's.
	PaymentSucceeded PaymentStatus = "succeeded"
	PaymentCaptured  PaymentStatus = "captured"
	// PaymentFailed: over, without money moved unless the breakdown of the amount shows some. With CodeGatewayTimeout the acquirer may
	// know otherwise.
	PaymentFailed PaymentStatus = "failed"
	// PaymentCanceled: by the merchant, or because the authorization expired. No money moved, unless the breakdown of the amount shows
	// some. BEWARE: a payment that was canceled while it was PaymentProcessing is canceled at Miracle only; its acquirer is not told
	// (https://docs.gate.miracleapi.ai/merchant/payments/cancel) and may still take the money. Don't cancel such payments: wait for
	// their end.
	PaymentCanceled          PaymentStatus = "canceled"
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded"
	PaymentRefunded          PaymentStatus = "refunded"
)

// portable puts a status into the portable word; "" for one that this version does not know.
func (s PaymentStatus) portable() payonce.Status {
	switch s {
	case PaymentCreated, PaymentProcessing:
		return payonce.StatusPending
	case PaymentRequiresAction:
		return payonce.StatusActionRequired
	case PaymentRequiresCapture:
		return payonce.StatusAuthorized
	case PaymentSucceeded, PaymentCaptured:
		return payonce.StatusSucceeded
	case PaymentFailed:
		return payonce.StatusFailed
	case PaymentCanceled:
		return payonce.StatusCanceled
	case PaymentPartiallyRefunded, PaymentRefunded:
		return payonce.StatusReturned
	}
	return ""
}

// overWithoutMoney says that the documentation calls the status an end that no money moves by. It holds for PaymentCanceled too, though a
// payment that was canceled while processing may still be taken by its acquirer: a payer who gave up must be able to pay again, and the
// merchant was told not to cancel what is processing.
func (s PaymentStatus) overWithoutMoney() bool { return s == PaymentFailed || s == PaymentCanceled }

// RefundStatus is a refund's state. The set is open.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/refunds/RefundController_create.
type RefundStatus string

// The refund statuses that were seen. How the ends are spelled is not documented; assumed as in the events refund.succeeded and
// refund.failed.
const (
	RefundPending    RefundStatus = "pending"
	RefundProcessing RefundStatus = "processing"
	RefundSucceeded  RefundStatus = "succeeded"
	RefundFailed     RefundStatus = "failed"
)

// portable puts a status into the portable word; "" for one that this version does not know.
func (s RefundStatus) portable() payonce.Status {
	switch s {
	case RefundPending, RefundProcessing:
		return payonce.StatusPending
	case RefundSucceeded:
		return payonce.StatusSucceeded
	case RefundFailed:
		return payonce.StatusFailed
	}
	return ""
}

// The error codes that the documentation names. The set is open.
const (
	// CodeDuplicateTransaction: the key was used with another body (https://docs.gate.miracleapi.ai/merchant/payments/idempotency).
	CodeDuplicateTransaction = "DUPLICATE_TRANSACTION"
	// The codes of failed payments (https://docs.gate.miracleapi.ai/merchant/testing/test-cards).
	CodeInsufficientFunds = "INSUFFICIENT_FUNDS"
	CodeDoNotHonor        = "DO_NOT_HONOR"
	// CodeGatewayTimeout is called retryable: as a new payment with a new key, which is the merchant's decision. BEWARE: it is a
	// provider behind Miracle that did not answer, so that its acquirer may still take the money of the payment that failed. Wait, or
	// ask the acquirer, before the payer pays again.
	CodeGatewayTimeout = "GATEWAY_TIMEOUT"
)
