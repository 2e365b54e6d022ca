package miracle

import (
	"cmp"
	"encoding/json"
	"net/url"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Portable returns how Miracle speaks the portable services. BEWARE: Payments.Cancel of a payment that is processing cancels it at
// Miracle only; its acquirer may still take the money (PaymentCanceled). Don't cancel such payments: wait for their end.
func (p *Provider) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment:  p.d.createPayment,
		CapturePayment: capturePayment,
		CancelPayment:  cancelPayment,
		CreateRefund:   p.d.createRefund,
		GetPayment:     getPayment,
		GetRefund:      func(_, id string) payonce.Query { return getRefund(id) },
		ListRefunds:    listRefunds,
		Payment:        func(_ string, body []byte) (*payonce.Payment, error) { return portablePayment(body) },
		Refund:         func(_ string, body []byte) (*payonce.Refund, error) { return portableRefund(body) },
		Refunds:        portableRefunds,
		PaymentStatus:  func(word string) payonce.Status { return PaymentStatus(word).portable() },
		RefundStatus:   func(word string) payonce.Status { return RefundStatus(word).portable() },
		Check:          check,
	}
}

// createPayment encodes POST /v1/payments. The merchant's reference is the merchantReference. That a new payment takes metadata is not
// documented; assumed, because payments have it.
func (d *dialect) createPayment(params payonce.PaymentParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	method := methodOf(&p, params.Method)
	type wirePayment struct {
		Amount            Money             `json:"amount"`
		MerchantReference string            `json:"merchantReference"`
		CaptureMethod     CaptureMethod     `json:"captureMethod,omitempty"`
		PaymentMethod     json.RawMessage   `json:"paymentMethod,omitempty"`
		Metadata          map[string]string `json:"metadata,omitempty"`
	}
	wire := wirePayment{
		Amount: moneyOf(&p, "Amount", params.Amount), MerchantReference: params.Reference,
		CaptureMethod: method.CaptureMethod, PaymentMethod: method.wire(&p),
	}
	op := payonce.Operation{Kind: kindCreatePayment, Reference: params.Reference, Path: "/v1/payments", NotAfter: params.NotAfter}
	op = adapter.WithRef(&p, d.profile.Account, op, params.Metadata, d.noRef, func(metadata map[string]string) any {
		wire := wire
		wire.Metadata = metadata
		return wire
	})
	return op, p.Err()
}

// createRefund encodes POST /v1/payments/{id}/refund: singular, as in the reference and the idempotency guide. The refund guide says
// refunds; keys are scoped by endpoint, so only one of them is ever used. Without an amount Miracle gives everything back, so that is
// sent only if it was said. That a new refund takes metadata is not documented; assumed, because refunds have it.
func (d *dialect) createRefund(params payonce.RefundParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	p.PathID("PaymentID", params.PaymentID)
	type wireRefund struct {
		Amount            Money             `json:"amount,omitzero"`
		Reason            string            `json:"reason,omitempty"`
		MerchantReference string            `json:"merchantReference"`
		Metadata          map[string]string `json:"metadata,omitempty"`
	}
	wire := wireRefund{Reason: params.Reason, MerchantReference: params.Reference}
	switch {
	case params.Full && params.Amount != payonce.Amount{}:
		p.Add("Full", "and Amount exclude each other")
	case !params.Full:
		wire.Amount = moneyOf(&p, "Amount", params.Amount)
	}
	op := payonce.Operation{
		Kind: kindCreateRefund, Reference: params.Reference, Path: paymentPath(params.PaymentID, "/refund"), NotAfter: params.NotAfter,
	}
	op = adapter.WithRef(&p, d.profile.Account, op, params.Metadata, d.noRef, func(metadata map[string]string) any {
		wire := wire
		wire.Metadata = metadata
		return wire
	})
	return op, p.Err()
}

// capturePayment encodes POST /v1/payments/{id}/capture, which has no body: the reference says that only the whole amount can be
// captured, and the guide's hint at other amounts is not followed.
func capturePayment(params payonce.CaptureParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	return payonce.Operation{
		Kind: kindCapturePayment, Reference: cmp.Or(params.Reference, params.PaymentID),
		Path: paymentPath(params.PaymentID, "/capture"), NotAfter: params.NotAfter,
	}, p.Err()
}

// cancelPayment encodes POST /v1/payments/{id}/cancel, which has no body. A payment that is processing is canceled at Miracle only, and its
// acquirer may still take the money: see PaymentCanceled.
func cancelPayment(params payonce.CancelParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	return payonce.Operation{
		Kind: kindCancelPayment, Reference: cmp.Or(params.Reference, params.PaymentID),
		Path: paymentPath(params.PaymentID, "/cancel"), NotAfter: params.NotAfter,
	}, p.Err()
}

// payments is the path under which a payment's id follows.
const payments = "/v1/payments/"

func paymentPath(id, rest string) string { return payments + adapter.Element(id) + rest }

func getPayment(id string) payonce.Query {
	return payonce.Query{Kind: kindGetPayment, Path: paymentPath(id, "")}
}

func getRefund(id string) payonce.Query {
	return payonce.Query{Kind: kindGetRefund, Path: "/v1/refunds/" + adapter.Element(id)}
}

func listRefunds(paymentID, cursor string) payonce.Query {
	return payonce.Query{Kind: kindListRefunds, Path: paymentPath(paymentID, "/refunds") + queryOf(url.Values{"cursor": {cursor}})}
}

// check reads the first page of payments, which has no effect.
func check() payonce.Query { return payonce.Query{Kind: kindCheck, Path: "/v1/payments"} }

// queryOf writes the values that are there.
func queryOf(values url.Values) string {
	for name := range values {
		if values.Get(name) == "" {
			values.Del(name)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}
