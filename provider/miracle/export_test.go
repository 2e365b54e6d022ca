package miracle

import "github.com/payonce/payonce"

// What the tests see of the inside: operations of the native services, without a client.

func CompleteAction(params CompleteActionParams) (payonce.Operation, error) {
	return completeAction(&params)
}

func CreateCheckoutSession(params SessionParams) (payonce.Operation, error) {
	return createSession(kindCreateSession, "/v1/checkout-sessions", &params)
}

func CreateHPPSession(params SessionParams) (payonce.Operation, error) {
	return createSession(kindCreateHPP, "/v1/hpp/sessions", &params)
}

func CreateEndpoint(params WebhookEndpointParams) (payonce.Operation, error) {
	return createEndpoint(&params)
}

func DeleteEndpoint(params WebhookEndpointChange) (payonce.Operation, error) {
	return deleteEndpoint(&params)
}

func RotateSecret(params WebhookEndpointChange) (payonce.Operation, error) {
	return rotateSecret(&params)
}

func ListPayments(filter PaymentFilter, cursor string) payonce.Query { return filter.query(cursor) }

// PageOfPayments reads a page.
func PageOfPayments(body []byte) (items []Payment, next string, err error) {
	var p page[Payment]
	err = p.UnmarshalJSON(body)
	return p.items, p.next, err
}
