package midaspay

import (
	"cmp"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// AuthorizationParams asks for one authorization in MidasPay's own words, which could not be read.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/ (path and reference_id only).
type AuthorizationParams struct {
	// Reference is the merchant's own id of the authorization. Required; it is the operation's identity.
	Reference string
	// Body is the request, a JSON object without reference_id, which is the key and is filled in. Required.
	Body payonce.Raw
	// NotAfter: not authorized for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// AuthorizationPaymentParams asks for one payment under an authorization.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-authorization-payment/ (read in part).
type AuthorizationPaymentParams struct {
	// Reference is the merchant's own id of the payment. Required; it is the operation's identity.
	Reference string
	// AuthorizationID is MidasPay's id of the authorization. Required.
	AuthorizationID string
	// Payer is who pays. The zero value leaves it out.
	Payer Payer
	// Extra is a JSON object with the other members of the request, without reference_id, which is the key and is filled in.
	Extra payonce.Raw
	// NotAfter: not paid for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CancelAuthorizationParams asks to cancel an authorization.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-cancel-authorization/ (read in part).
type CancelAuthorizationParams struct {
	// AuthorizationID is MidasPay's id. Required.
	AuthorizationID string
	// Reference names this cancellation; defaults to AuthorizationID.
	Reference string
	// Extra is a JSON object with the other members of the request.
	Extra payonce.Raw
	// NotAfter: not cancelled for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// Authorization is an authorization as MidasPay tells it. Its answers could not be read; assumed to have an id and a status.
type Authorization struct {
	ID string `json:"id"`
	// AuthorizationID is what an answer may have instead of ID.
	AuthorizationID string `json:"authorization_id,omitempty"`
	ReferenceID     string `json:"reference_id,omitempty"`
	// ReferenceAuthorizationID is what an answer may have instead of ReferenceID.
	ReferenceAuthorizationID string         `json:"reference_authorization_id,omitempty"`
	Status                   string         `json:"status,omitempty"`
	PurchaseUnits            []PurchaseUnit `json:"purchase_units,omitempty"`
	CreateTime               Timestamp      `json:"create_time,omitzero"`
}

func createAuthorization(params AuthorizationParams) (payonce.Operation, error) {
	return ownWrite(kindCreateAuthorization, params.Reference, "/v1/payment/orders/authorization", params.Body, params.NotAfter)
}

// payAuthorization encodes POST /v1/authorization/payment. It is not in the documented list of what reference_id dedupes, so it is sent
// once, and a lost answer is in doubt. The key is put into reference_id all the same: every create call is said to require it.
func payAuthorization(params AuthorizationPaymentParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkID(&p, "AuthorizationID", params.AuthorizationID)
	body := object{"authorization_id": params.AuthorizationID}
	if params.Payer != (Payer{}) {
		params.Payer.check(&p, "Payer")
		body["payer"] = params.Payer
	}
	body.add(&p, "Extra", params.Extra, keyField)
	op, err := keyedWrite(&p, kindPayAuthorization, params.Reference, "/v1/authorization/payment", body, params.NotAfter)
	op.Replay = payonce.ReplayOnce
	return op, err
}

// cancelAuthorization encodes POST /v1/authorization/cancel. It has no key; that a repeat has no second effect is assumed.
func cancelAuthorization(params CancelAuthorizationParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkID(&p, "AuthorizationID", params.AuthorizationID)
	body := object{"authorization_id": params.AuthorizationID}
	body.add(&p, "Extra", params.Extra)
	return payonce.Operation{
		Kind: kindCancelAuthorization, Reference: cmp.Or(params.Reference, params.AuthorizationID), Path: "/v1/authorization/cancel",
		Replay: payonce.ReplayByState, Body: body, NotAfter: params.NotAfter,
	}, p.Err()
}

// queryAuthorization encodes POST /v1/authorization/query by "authorization_id" or "reference_authorization_id".
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-authorization/ (read in part).
func queryAuthorization(by, value string) payonce.Query {
	return payonce.Query{Kind: kindGetAuthorization, Method: "POST", Path: "/v1/authorization/query", Body: object{by: value}.query()}
}
