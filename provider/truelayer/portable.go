package truelayer

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// errUnreadable says that a body is not what TrueLayer documents, without repeating any of it.
var errUnreadable = errors.New("the answer is not what TrueLayer documents")

// Portable returns how TrueLayer speaks the portable services. There is no capture: a bank transfer has none.
func (p *Provider) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment: p.d.createPayment,
		CancelPayment: p.d.cancelPayment,
		CreateRefund:  p.d.createRefund,
		GetPayment:    getPayment,
		GetRefund:     getRefund,
		ListRefunds:   func(paymentID, _ string) payonce.Query { return listRefunds(paymentID) },
		Payment:       portablePayment,
		Refund:        portableRefund,
		Refunds:       portableRefunds,
		PaymentStatus: func(word string) payonce.Status { return (&Payment{Status: PaymentStatus(word)}).status() },
		RefundStatus:  func(word string) payonce.Status { return (&Refund{Status: RefundStatus(word)}).status() },
		Check:         check,
	}
}

// createPayment encodes POST /v3/payments.
func (d *dialect) createPayment(params payonce.PaymentParams) (payonce.Operation, error) {
	var p adapter.Problems
	wire, header := wireOf(&p, &params)
	if err := p.Err(); err != nil {
		return payonce.Operation{}, err
	}
	wire.AmountInMinor, wire.Currency = params.Amount.Minor, params.Amount.Currency
	if wire.HostedPage != (HostedPage{}) && wire.AuthorizationFlow != nil {
		p.Add("hosted_page", "and authorization_flow exclude each other")
	}
	d.checkUser(&p, &wire.User)
	checkHeader(&p, header)
	body := func(metadata map[string]string) any {
		wire := wire
		wire.Metadata = metadata
		return wire
	}
	return d.write(&p, payonce.Operation{
		Kind: kindCreatePayment, Reference: params.Reference, Path: "/v3/payments", Header: header, NotAfter: params.NotAfter,
	}, params.Metadata, body)
}

// createRefund encodes POST /v3/payments/{id}/refunds. TrueLayer wants a text for the statement: the reason, or else the reference
// in the characters that banks take. Without an amount it gives everything back, so that is sent only if it was said.
func (d *dialect) createRefund(params payonce.RefundParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	amount := params.Amount.Minor
	switch {
	case params.Full && params.Amount != (payonce.Amount{}):
		p.Add("Full", "and Amount exclude each other")
	case !params.Full && amount <= 0:
		p.Add("Amount", "must be at least 1 minor unit, or Full must be set")
	}
	text := params.Reason
	if text == "" {
		text = statementText(params.Reference)
	}
	type wireRefund struct {
		AmountInMinor int64             `json:"amount_in_minor,omitempty"`
		Reference     string            `json:"reference"`
		Metadata      map[string]string `json:"metadata,omitempty"`
	}
	body := func(metadata map[string]string) any { return wireRefund{max(amount, 0), text, metadata} }
	return d.write(&p, payonce.Operation{
		Kind: kindCreateRefund, Reference: params.Reference, Path: "/v3/payments/" + params.PaymentID + "/refunds", NotAfter: params.NotAfter,
	}, params.Metadata, body)
}

// cancelPayment encodes POST /v3/payments/{id}/actions/cancel, which has no body, and whose answer has none.
func (d *dialect) cancelPayment(params payonce.CancelParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	reference := params.Reference
	if reference == "" {
		reference = params.PaymentID
	}
	return payonce.Operation{
		Kind: kindCancelPayment, Reference: reference, Path: "/v3/payments/" + params.PaymentID + "/actions/cancel",
		EmptyOK: true, NotAfter: params.NotAfter,
	}, p.Err()
}

// write checks a body against the rules of its kind, with payonce_ref in its metadata unless the merchant wants it out.
func (d *dialect) write(p *adapter.Problems, op payonce.Operation, own map[string]string, body func(metadata map[string]string) any) (payonce.Operation, error) {
	op = adapter.WithRef(p, d.profile.Account, op, own, d.noRef, body)
	d.rules[op.Kind].inspect(p, op.KeyedBody("", 1))
	return op, p.Err()
}

// checkUser asks for what TrueLayer needs to know of a payer who is not under the merchant's own licence.
func (d *dialect) checkUser(p *adapter.Problems, user *User) {
	if d.ownLicence {
		return
	}
	if user.Name == "" {
		p.Add("user.name", "is required")
	}
	if user.Email == "" && user.Phone == "" {
		p.Add("user.email", "is required, or user.phone")
	}
}

// checkHeader refuses what no header can hold.
func checkHeader(p *adapter.Problems, header http.Header) {
	for name := range header {
		if strings.ContainsFunc(header.Get(name), func(r rune) bool { return r < ' ' || r > '~' }) {
			p.Add(name, "has a character that no header takes")
		}
	}
}

// statementText puts a reference into the characters that banks take.
func statementText(reference string) string {
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune(referenceAlphabet, r) && r != utf8.RuneError {
			return r
		}
		return '-'
	}, reference)
	return text[:min(len(text), 140)]
}

func getPayment(id string) payonce.Query {
	return payonce.Query{Kind: kindGetPayment, Path: "/v3/payments/" + adapter.Element(id)}
}

func getRefund(paymentID, id string) payonce.Query {
	return payonce.Query{Kind: kindGetRefund, Path: "/v3/payments/" + adapter.Element(paymentID) + "/refunds/" + adapter.Element(id)}
}

func listRefunds(paymentID string) payonce.Query {
	return payonce.Query{Kind: kindListRefunds, Path: "/v3/payments/" + adapter.Element(paymentID) + "/refunds"}
}

// check asks for a signed request without effect. Source: https://docs.truelayer.com/docs/sign-your-payments-requests.
func check() payonce.Query {
	return payonce.Query{Kind: kindCheck, Method: http.MethodPost, Path: "/test-signature", Body: []byte(`{"nonce":"payonce"}`), EmptyOK: true}
}
