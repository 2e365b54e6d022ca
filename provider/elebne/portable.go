package elebne

import (
	"cmp"
	"errors"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// errUnreadable says that a body is not what Elebne documents, without repeating any of it.
var errUnreadable = errors.New("the answer is not what Elebne documents")

// Portable returns how Elebne speaks the portable services. There is no capture, and refunds can't be read.
func (p *Provider) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment: p.d.createPayment,
		CancelPayment: p.d.cancelPayment,
		CreateRefund:  p.d.createRefund,
		GetPayment:    getPayment,
		Payment:       portablePayment,
		Refund:        portableRefund,
		PaymentStatus: func(word string) payonce.Status { return IntentStatus(word).portable() },
		RefundStatus:  refundStatus,
		Check:         func() payonce.Query { return payonce.Query{Kind: kindCheck, Path: intents} },
	}
}

// createPayment encodes POST /dev/intents.
func (d *dialect) createPayment(params payonce.PaymentParams) (payonce.Operation, error) {
	var p adapter.Problems
	intent := intentOf(&p, params.Method)
	checkAmount(&p, "Amount", params.Amount)
	wire := wireIntent{
		Amount: params.Amount.Minor, AmountType: cmp.Or(intent.AmountType, AmountFixed), Label: params.Description,
		SuccessURL: intent.SuccessURL, CancelURL: intent.CancelURL,
	}
	refs := 1
	if d.noRef {
		refs = 0
	}
	wire.check(&p, params.Metadata, refs)
	op := payonce.Operation{Kind: kindCreatePayment, Reference: params.Reference, Path: intents, NotAfter: params.NotAfter}
	return d.write(&p, adapter.WithRef(&p, d.account, op, params.Metadata, d.noRef, func(metadata map[string]string) any {
		wire := wire
		wire.Metadata = metadata
		return wire
	}))
}

// cancelPayment encodes POST /dev/intents/{ref}/cancel; no body is documented, so none is sent.
func (d *dialect) cancelPayment(params payonce.CancelParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	return d.write(&p, payonce.Operation{
		Kind: kindCancelPayment, Reference: cmp.Or(params.Reference, params.PaymentID),
		Path: under(intents, params.PaymentID, "/cancel"), NotAfter: params.NotAfter,
	})
}

func getPayment(id string) payonce.Query {
	return payonce.Query{Kind: kindGetPayment, Path: under(intents, id, "")}
}

// The collections of the API.
const (
	intents   = "/dev/intents"
	products  = "/dev/store/products"
	orders    = "/dev/store/orders"
	endpoints = "/dev/webhooks/endpoints"
)

// under is the path of one member of a collection, or of an action on it.
func under(collection, id, action string) string {
	return collection + "/" + adapter.Element(id) + action
}

// portablePayment reads an intent. The answer to a cancellation is not documented: what of it can be read is, and one without a status
// says that it was accepted.
func portablePayment(kind string, body []byte) (*payonce.Payment, error) {
	doc := adapter.ObjectOf(body)
	data, isCancel := doc.Object("data"), kind == kindCancelPayment
	var intent PaymentIntent
	_, _ = adapter.Decode(doc["data"], &intent) // what can't be read of it stays empty
	if doc == nil || (!isCancel && data == nil) {
		return nil, errUnreadable
	}
	payment := &payonce.Payment{
		ID: intent.ReferenceNumber, Status: intent.Status.portable(), ProviderStatus: string(intent.Status), Amount: intent.Amount(),
		NoMoneyMoved: intent.Status.noMoneyMoved() && !saysPaid(data), NextURL: intent.PayURL, Metadata: intent.Metadata,
		CreatedAt: intent.CreatedAt.Time, Raw: body,
	}
	if isCancel && intent.Status == "" {
		payment.Status = payonce.StatusPending
	}
	return payment, nil
}
