package midaspay

import (
	"encoding/json"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

const refundPath = "/v1/payment/orders/refund"

// RefundParams asks for one refund in MidasPay's own words, which could not be read.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/ (path and reference_id only).
type RefundParams struct {
	// Reference is the merchant's own id of the refund. Required; it is the operation's identity, shared with Client.Refunds.
	Reference string
	// Body is the request, a JSON object without reference_id, which is the key and is filled in. Required.
	Body payonce.Raw
	// NotAfter: not refunded for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CreatedRefund is the answer to a new refund. Not documented; assumed to have an id.
type CreatedRefund struct {
	ID          string `json:"id"`
	ReferenceID string `json:"reference_id,omitempty"`
	// Status is MidasPay's word; no set of them is documented for refunds.
	Status OrderStatus `json:"status,omitempty"`
	Amount Money       `json:"amount,omitzero"`
	// CreateTime is zero where the answer has none.
	CreateTime Timestamp `json:"create_time,omitzero"`
}

// createRefund encodes a portable refund. Unverified: the request's fields could not be read and are guessed after the rest of the API,
// unless Config.RefundBody makes them. MidasPay should refuse what it can't read; if it ignored an amount of another name, a partial refund
// would be a full one: try it in its sandbox first.
func (d *dialect) createRefund(params payonce.RefundParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkID(&p, "PaymentID", params.PaymentID)
	if len(params.Metadata) > 0 {
		p.Add("Metadata", "must be empty: MidasPay documents no room for it")
	}
	var amount Money
	switch {
	case params.Full && params.Amount != (payonce.Amount{}):
		p.Add("Full", "and Amount exclude each other")
	case !params.Full:
		amount = d.encode(&p, "Amount", params.Amount)
	}
	body := object{"id": params.PaymentID}
	if !params.Full {
		body["amount"] = amount
	}
	if d.refundBody != nil {
		own, err := json.Marshal(d.refundBody(params, amount))
		if err != nil || len(own) == 0 {
			p.Add("Config.RefundBody", "made what can't be encoded as JSON")
		}
		body = object{}
		body.add(&p, "Config.RefundBody", own, keyField)
	}
	return keyedWrite(&p, kindCreateRefund, params.Reference, refundPath, body, params.NotAfter)
}

// createOwnRefund encodes a refund in the caller's words.
func createOwnRefund(params RefundParams) (payonce.Operation, error) {
	return ownWrite(kindCreateRefund, params.Reference, refundPath, params.Body, params.NotAfter)
}

// ownWrite encodes a write whose body is the caller's but for the key.
func ownWrite(kind, reference, path string, own payonce.Raw, notAfter time.Time) (payonce.Operation, error) {
	var p adapter.Problems
	if len(own) == 0 {
		p.Add("Body", "is required: a JSON object in MidasPay's words, without %s", keyField)
	}
	body := object{}
	body.add(&p, "Body", own, keyField)
	return keyedWrite(&p, kind, reference, path, body, notAfter)
}

func keyedWrite(p *adapter.Problems, kind, reference, path string, body object, notAfter time.Time) (payonce.Operation, error) {
	return payonce.Operation{Kind: kind, Reference: reference, Path: path, KeyedBody: body.keyedBody, NotAfter: notAfter}, p.Err()
}
