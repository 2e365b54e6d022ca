package miracle

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Method is how a payment is made, for payonce.PaymentParams.Method. A nil Method and the zero value leave the way to pay to Miracle's
// routing and capture at once. Source: https://docs.gate.miracleapi.ai/merchant/payments/payment-methods.
type Method struct {
	// Type is the way to pay. Required with Token or Fields.
	Type MethodType
	// Token is the token of a card or wallet, "tok_…". Never a card number.
	Token payonce.Secret
	// Fields holds further fields of paymentMethod, as a JSON object without type and token: which fields the types take is not
	// documented.
	Fields payonce.Raw
	// CaptureMethod says when the money is taken. Defaults to Miracle's default, which is at once.
	CaptureMethod CaptureMethod
}

// MethodType is a way to pay. Which of them work depends on the operator's configuration, the currency and the payer's country.
type MethodType string

// The documented ways. Source: https://docs.gate.miracleapi.ai/merchant/payments/payment-methods.
const (
	Card         MethodType = "card"
	BankTransfer MethodType = "bank_transfer"
	Wallet       MethodType = "wallet"
	GooglePay    MethodType = "google_pay"
	BNPL         MethodType = "bnpl"
	Local        MethodType = "local"
	Cash         MethodType = "cash"
	QR           MethodType = "qr"
	AgentToken   MethodType = "agent_token"
)

// CaptureMethod says when the money of an authorized payment is taken.
type CaptureMethod string

// The documented ways to capture. Source: https://docs.gate.miracleapi.ai/merchant/payments/capture.
const (
	// CaptureAutomatic authorizes and captures at once.
	CaptureAutomatic CaptureMethod = "automatic"
	// CaptureManual authorizes; Payments.Capture takes the money, all of it.
	CaptureManual CaptureMethod = "manual"
)

// wire returns the paymentMethod of the body, nil for none.
func (m *Method) wire(p *adapter.Problems) json.RawMessage {
	checkCaptureMethod(p, "Method.CaptureMethod", m.CaptureMethod)
	if m.Type == "" {
		if m.Token != "" || len(m.Fields) > 0 {
			p.Add("Method.Type", "is required with a token or fields")
		}
		return nil
	}
	types := []MethodType{AgentToken, BankTransfer, BNPL, Card, Cash, GooglePay, Local, QR, Wallet}
	if !slices.Contains(types, m.Type) {
		p.Add("Method.Type", "must be one of %s", join(types))
		return nil
	}
	fields := map[string]any{"type": string(m.Type)}
	if m.Token != "" {
		fields["token"] = m.Token.Reveal()
	}
	maps.Copy(fields, m.further(p))
	body, _ := json.Marshal(fields) // words and JSON that was read can't fail; maps are written in the order of their keys
	return body
}

// further reads Fields.
func (m *Method) further(p *adapter.Problems) map[string]any {
	var raw map[string]json.RawMessage
	if len(m.Fields) > 0 && (m.Fields.Decode(&raw) != nil || raw == nil) {
		p.Add("Method.Fields", "must be a JSON object")
		return nil
	}
	fields := make(map[string]any, len(raw))
	for name, value := range raw {
		if name == "type" || name == "token" {
			p.Add("Method.Fields", "must not have %s, which has a field of its own", name)
			continue
		}
		fields[name] = value
	}
	return fields
}

func checkCaptureMethod(p *adapter.Problems, field string, c CaptureMethod) {
	if c != "" && c != CaptureAutomatic && c != CaptureManual {
		p.Add(field, "must be one of %s", join([]CaptureMethod{CaptureAutomatic, CaptureManual}))
	}
}

func join[S ~string](words []S) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}

// methodOf reads PaymentParams.Method.
func methodOf(p *adapter.Problems, method any) Method {
	switch m := method.(type) {
	case nil:
		return Method{}
	case Method:
		return m
	case *Method:
		if m != nil {
			return *m
		}
	}
	p.Add("Method", "must be a miracle.Method or nil, is %T", method)
	return Method{}
}
