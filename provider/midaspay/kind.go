package midaspay

// The kinds of operations and reads. The first group is portable.
const (
	kindCreatePayment = "payment.create"
	kindCancelPayment = "payment.cancel"
	kindGetPayment    = "payment.get"
	kindCreateRefund  = "refund.create"
	kindCheck         = "check"

	kindCreateAuthorization = "midaspay.authorization.create"
	kindPayAuthorization    = "midaspay.authorization.pay"
	kindCancelAuthorization = "midaspay.authorization.cancel"
	kindGetAuthorization    = "midaspay.authorization.get"
	kindCreateSubscription  = "midaspay.subscription.create"
	kindCancelSubscription  = "midaspay.subscription.cancel"
	kindGetSubscription     = "midaspay.subscription.get"
	kindCreateMORSession    = "midaspay.mor_session.create"
	kindCreateCheckout      = "midaspay.mor_token.create"
	kindGetTransaction      = "midaspay.mor_transaction.get"
	kindCreateCard          = "midaspay.card.create"
)
