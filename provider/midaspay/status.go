package midaspay

import "github.com/payonce/payonce"

// OrderStatus is an order's state. The set is open, and its documentation was read in part.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
type OrderStatus string

// The documented order statuses, and OrderFailed.
const (
	OrderUnknown             OrderStatus = "UNKNOWN"
	OrderCreated             OrderStatus = "CREATED"
	OrderSaved               OrderStatus = "SAVED"
	OrderApproved            OrderStatus = "APPROVED"
	OrderVoided              OrderStatus = "VOIDED"
	OrderCompleted           OrderStatus = "COMPLETED" // not the end: it may be refunded or charged back
	OrderPayerActionRequired OrderStatus = "PAYER_ACTION_REQUIRED"
	OrderRefunding           OrderStatus = "REFUNDING"
	OrderRefunded            OrderStatus = "REFUNDED"
	OrderCaptureRequired     OrderStatus = "CAPTURE_REQUIRED"
	OrderCaptureFailed       OrderStatus = "CAPTURE_FAILED" // nothing says that the capture is not tried again
	OrderRefundReversed      OrderStatus = "REFUND_REVERSED"
	OrderChargeback          OrderStatus = "CHARGEBACK"
	OrderChargebackReversed  OrderStatus = "CHARGEBACK_REVERSED"
	OrderSecondChargeback    OrderStatus = "SECOND_CHARGEBACK"
	// OrderFailed is not in the part that could be read; assumed to go with the event PAYMENT_ORDER_FAILED, which is definitive.
	OrderFailed OrderStatus = "FAILED"
)

// UnmarshalJSON keeps a status that is no string as it is spelled.
func (s *OrderStatus) UnmarshalJSON(text []byte) error {
	*s = OrderStatus(word(text))
	return nil
}

// portable puts an order's status into portable words. The order of the statuses is inferred from their names.
func (s OrderStatus) portable() payonce.Status {
	switch s {
	case OrderCreated, OrderSaved:
		return payonce.StatusPending
	case OrderPayerActionRequired:
		return payonce.StatusActionRequired
	case OrderApproved, OrderCaptureRequired:
		return payonce.StatusAuthorized
	case OrderCompleted, OrderRefunding, OrderRefundReversed, OrderChargebackReversed:
		return payonce.StatusSucceeded
	case OrderRefunded, OrderChargeback, OrderSecondChargeback:
		return payonce.StatusReturned
	case OrderVoided:
		return payonce.StatusCanceled
	case OrderFailed, OrderCaptureFailed:
		return payonce.StatusFailed
	case OrderUnknown:
	}
	return ""
}

// noMoneyMoved says that the order is over without a payment: a paid one can't be voided, and a failed one is final
// (https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-void-payment/,
// https://developer.midaspayment.com/docs/api-concepts/idempotency/).
func (s OrderStatus) noMoneyMoved() bool { return s == OrderVoided || s == OrderFailed }

// beyondVoiding says that the order can't be voided any more: a fully paid one can't
// (https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-void-payment/), and a failed one is over.
func (s OrderStatus) beyondVoiding() bool {
	switch s {
	case OrderCompleted, OrderRefunding, OrderRefunded, OrderRefundReversed, OrderChargeback, OrderChargebackReversed, OrderSecondChargeback, OrderFailed:
		return true
	case OrderUnknown, OrderCreated, OrderSaved, OrderApproved, OrderVoided, OrderPayerActionRequired, OrderCaptureRequired, OrderCaptureFailed:
	}
	return false
}

// refundStatus puts the word of a refund into the portable one. Refunds have no documented words of their own; these are what refunds
// make of their orders.
func refundStatus(word string) payonce.Status {
	switch OrderStatus(word) {
	case OrderRefunding:
		return payonce.StatusPending
	case OrderRefunded:
		return payonce.StatusSucceeded
	case OrderRefundReversed, OrderFailed:
		return payonce.StatusFailed
	case OrderUnknown, OrderCreated, OrderSaved, OrderApproved, OrderVoided, OrderCompleted, OrderPayerActionRequired,
		OrderCaptureRequired, OrderCaptureFailed, OrderChargeback, OrderChargebackReversed, OrderSecondChargeback:
	}
	return ""
}

// SubscriptionStatus is a subscription's state. The set is open.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-query-subscription/.
type SubscriptionStatus string

// The documented subscription statuses.
const (
	SubscriptionUnknown   SubscriptionStatus = "UNKNOWN"
	SubscriptionPending   SubscriptionStatus = "PENDING"
	SubscriptionApproved  SubscriptionStatus = "APPROVED"
	SubscriptionActive    SubscriptionStatus = "ACTIVE"
	SubscriptionSuspended SubscriptionStatus = "SUSPENDED"
	SubscriptionCancelled SubscriptionStatus = "CANCELLED"
	SubscriptionVoided    SubscriptionStatus = "VOIDED"
	SubscriptionCompleted SubscriptionStatus = "COMPLETED"
)

// TransactionStatus is the state of a merchant-of-record transaction. The set is open.
// Source: https://developer.midaspayment.com/docs/apis/payment/mor-query-transaction/.
type TransactionStatus string

// The documented transaction statuses, in mixed case.
const (
	TransactionUnknown   TransactionStatus = "Unknown"
	TransactionPending   TransactionStatus = "Pending"
	TransactionCompleted TransactionStatus = "Completed"
	TransactionCancelled TransactionStatus = "Cancelled"
)
