package midaspay

import (
	"cmp"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Order is how a payment is made, for payonce.PaymentParams.Method. Of MidasPay's request only reference_id, purchase_units, the name
// of the payment method and region_code could be read; what else it takes goes into Context, Extra and Unit.Extra as the reference has
// it. Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
type Order struct {
	// PaymentMethod is the name of a payment method, such as CREDIT_CARD (application_context.payment_method.name).
	PaymentMethod string
	// RegionCode is two capitals (application_context.region_code).
	RegionCode string
	// Units are the purchase units, whose amounts add up to PaymentParams.Amount. Defaults to one of that amount.
	Units []Unit
	// Payer is who pays. Not documented for orders; assumed to be as in authorizations.
	Payer Payer
	// Context is a JSON object with further members of application_context.
	Context payonce.Raw
	// Extra is a JSON object with further members of the request.
	Extra payonce.Raw
}

// placeOrder encodes POST /v1/payment/orders. The ids of the units are made from the key, so that they are the same in every attempt
// and change with the generation.
func (d *dialect) placeOrder(params payonce.PaymentParams) (payonce.Operation, error) {
	var p adapter.Problems
	order := orderOf(&p, params.Method)
	if len(params.Metadata) > 0 {
		p.Add("Metadata", "must be empty: MidasPay documents no room for it")
	}
	context := object{}
	if order.PaymentMethod != "" {
		context["payment_method"] = object{"name": order.PaymentMethod}
	}
	if order.RegionCode != "" {
		checkRegion(&p, "RegionCode", order.RegionCode)
		context["region_code"] = order.RegionCode
	}
	context.add(&p, "Context", order.Context)
	body := object{}
	if len(context) > 0 {
		body["application_context"] = context
	}
	if order.Payer != (Payer{}) {
		order.Payer.check(&p, "Payer")
		body["payer"] = order.Payer
	}
	if d.subMerchantID != "" {
		body["sub_merchant_id"] = d.subMerchantID
	}
	body.add(&p, "Extra", order.Extra, keyField, "purchase_units", "application_context")
	units := d.purchaseUnits(&p, params.Amount, order.Units)
	return payonce.Operation{
		Kind: kindCreatePayment, Reference: params.Reference, Path: "/v1/payment/orders", NotAfter: params.NotAfter,
		KeyedBody: func(key string, _ int) any {
			whole := body.keyed(key)
			whole["purchase_units"] = units.keyed(key)
			return whole
		},
	}, p.Err()
}

func orderOf(p *adapter.Problems, method any) Order {
	switch m := method.(type) {
	case Order:
		return m
	case *Order:
		if m != nil {
			return *m
		}
	}
	p.Add("Method", "must be a midaspay.Order, is %T", method)
	return Order{}
}

// voidOrder encodes POST /v1/payment/void. It has no key: a repeat finds the order voided.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-void-payment/.
func voidOrder(params payonce.CancelParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkID(&p, "PaymentID", params.PaymentID)
	return payonce.Operation{
		Kind: kindCancelPayment, Reference: cmp.Or(params.Reference, params.PaymentID), Path: "/v1/payment/void",
		Replay: payonce.ReplayByState, Body: object{"id": params.PaymentID}, NotAfter: params.NotAfter,
	}, p.Err()
}

// queryOrder encodes POST /v1/payment/query by "id" or "reference_id". That reference_id alone is enough is assumed: neither is marked
// required. Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
func queryOrder(by, value string) payonce.Query {
	return payonce.Query{Kind: kindGetPayment, Method: "POST", Path: "/v1/payment/query", Body: object{by: value}.query()}
}

// PlacedOrder is an order as MidasPay tells it. Of a new one only the id is documented; the rest is assumed to be as in a query.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
type PlacedOrder struct {
	ID string `json:"id"`
	// ReferenceID is the key (Receipt.Key), where the answer echoes it.
	ReferenceID string      `json:"reference_id,omitempty"`
	Status      OrderStatus `json:"status"`
	// PurchaseUnits are in MidasPay's order.
	PurchaseUnits []PurchaseUnit `json:"purchase_units,omitempty"`
	CreateTime    Timestamp      `json:"create_time,omitzero"`
	UpdateTime    Timestamp      `json:"update_time,omitzero"`
}

// PurchaseUnit is a part of an order.
type PurchaseUnit struct {
	// ReferenceID is the unit's own, made from the order's key and Unit.Reference.
	ReferenceID string `json:"reference_id,omitempty"`
	Amount      Money  `json:"amount,omitzero"`
}

// Voided is the answer to a void. Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-void-payment/.
type Voided struct {
	Succeed bool   `json:"succeed"`
	Message string `json:"message,omitempty"`
}

// UnmarshalJSON also reads the order itself, which is what the answer is when the first one was lost and the order was looked up.
func (v *Voided) UnmarshalJSON(text []byte) error {
	var answer struct {
		Succeed bool        `json:"succeed"`
		Message string      `json:"message"`
		Status  OrderStatus `json:"status"`
	}
	if _, err := adapter.Decode(text, &answer); err != nil {
		return err
	}
	v.Succeed, v.Message = answer.Succeed || answer.Status == OrderVoided, answer.Message
	return nil
}

// checkRegion checks for ^[A-Z]{2}$.
func checkRegion(p *adapter.Problems, field, code string) {
	if len(code) != 2 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		p.Add(field, "must be two capitals, such as US")
	}
}
