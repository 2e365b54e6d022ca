package elebne

import "github.com/payonce/payonce"

// IntentStatus is an intent's state. The set is open. Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
type IntentStatus string

// The documented intent statuses.
const (
	// IntentPending: the payer has not paid yet.
	IntentPending IntentStatus = "PENDING"
	IntentPaid    IntentStatus = "PAID"
	// IntentCompleted is what the sandbox page calls IntentPaid (https://docs.staging.elebne.ai/docs/getting-started/sandbox).
	IntentCompleted IntentStatus = "COMPLETED"
	// IntentCancelled: by the merchant, or by Elebne 24 hours after it was made.
	IntentCancelled IntentStatus = "CANCELLED"
	IntentFailed    IntentStatus = "FAILED"
	// IntentRefunded: after one refund or more, of a part or of all.
	IntentRefunded IntentStatus = "REFUNDED"
)

// portable is the portable status.
func (s IntentStatus) portable() payonce.Status {
	switch s {
	case IntentPending:
		return payonce.StatusActionRequired
	case IntentPaid, IntentCompleted:
		return payonce.StatusSucceeded
	case IntentCancelled:
		return payonce.StatusCanceled
	case IntentFailed:
		return payonce.StatusFailed
	case IntentRefunded:
		return payonce.StatusReturned
	}
	return ""
}

// noMoneyMoved says that the intent is over and was not paid: both states are reached from PENDING only, and left for none.
func (s IntentStatus) noMoneyMoved() bool { return s == IntentCancelled || s == IntentFailed }

// moneyMoved says that the intent was paid, whatever became of the money later.
func (s IntentStatus) moneyMoved() bool {
	return s == IntentPaid || s == IntentCompleted || s == IntentRefunded
}

// wordRefunded is the portable refund's ProviderStatus: the one thing that is documented of a refund's answer is "refunded": true.
const wordRefunded = "refunded"

// refundStatus is the portable status of a refund. Elebne documents no refund statuses; FAILED, should it appear, says what it says.
func refundStatus(word string) payonce.Status {
	switch word {
	case wordRefunded, string(IntentRefunded):
		return payonce.StatusSucceeded
	case string(IntentFailed):
		return payonce.StatusFailed
	}
	return ""
}

// ProductStatus says whether a product is on sale. The set is open. Source: https://docs.staging.elebne.ai/en/docs/store-api/products.
type ProductStatus string

// The documented product statuses.
const (
	ProductActive ProductStatus = "ACTIVE"
	// ProductDisabled is what a new product is unless told otherwise.
	ProductDisabled ProductStatus = "DISABLED"
)

// OrderStatus is a store order's state. The set is open. Source: https://docs.staging.elebne.ai/en/docs/store-api/orders.
type OrderStatus string

// The documented order statuses.
const (
	OrderNew       OrderStatus = "NEW"
	OrderPreparing OrderStatus = "PREPARING"
	OrderReady     OrderStatus = "READY"
	OrderPickedUp  OrderStatus = "PICKED_UP"
	OrderDelivered OrderStatus = "DELIVERED"
	OrderCancelled OrderStatus = "CANCELLED"
	OrderRefunded  OrderStatus = "REFUNDED"
)
