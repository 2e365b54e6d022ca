package miracle

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// SessionParams asks for a checkout session: a page, or a widget, on which the payer chooses how to pay.
// Source: https://docs.gate.miracleapi.ai/merchant/payments/hpp-integration.
type SessionParams struct {
	// Reference is the merchant's own id of the session, such as the order's, and the merchantReference. Required. Another session
	// for the same order needs another one.
	Reference string
	// Amount is what to take. Required.
	Amount payonce.Amount
	// LineItems are what is shown. Required. Whether their sum must be Amount is not documented; it is not checked.
	LineItems []LineItem
	// SuccessURL and CancelURL are where the payer comes back to, paid or not. Required.
	SuccessURL, CancelURL string
	// ReturnURL is where the payer comes back to from a step such as 3-D Secure.
	ReturnURL string
	// CaptureMethod says when the money is taken. Defaults to Miracle's default, which is at once.
	CaptureMethod CaptureMethod
	// NotAfter: not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// LineItem is one line of an order.
type LineItem struct {
	ID        string `json:"id,omitempty"`
	ProductID string `json:"productId,omitempty"`
	// Label is what the payer reads. Required.
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
	ImageURL    string `json:"imageUrl,omitempty"`
	// UnitAmount is the price of one. Required.
	UnitAmount Money `json:"unitAmount"`
	// Quantity is how many. Required.
	Quantity int64 `json:"quantity"`
	// TaxRate is a number whose unit is not documented; "" leaves it out.
	TaxRate   json.Number       `json:"taxRate,omitempty"`
	TaxAmount Money             `json:"taxAmount,omitzero"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// UnmarshalJSON reads a line of Miracle's. What can't be read of it stays empty: it must not make a refund or session unreadable.
func (l *LineItem) UnmarshalJSON(body []byte) error {
	type plain LineItem
	var wire struct {
		plain
		TaxRate  Word            `json:"taxRate"`
		Metadata map[string]Word `json:"metadata"`
	}
	_, _ = adapter.Decode(body, &wire) // what is no line is an empty one
	*l = LineItem(wire.plain)
	l.Metadata = textsOf(wire.Metadata)
	if rate := json.RawMessage(wire.TaxRate); isNumber(rate) && json.Valid(rate) {
		l.TaxRate = json.Number(wire.TaxRate)
	}
	return nil
}

// Session is a checkout session as Miracle tells it. A field of another type than documented stays empty.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/checkout-sessions/CheckoutController_getCurrent.
type Session struct {
	ID           string `json:"id"`
	TenantID     string `json:"tenantId,omitempty"`
	MerchantID   string `json:"merchantId,omitempty"`
	MerchantName string `json:"merchantName,omitempty"`
	TenantName   string `json:"tenantName,omitempty"`
	TermsURL     string `json:"termsUrl,omitempty"`
	PrivacyURL   string `json:"privacyUrl,omitempty"`
	// Livemode is false for a test session, which moves no money.
	Livemode bool `json:"livemode"`
	// Status is SessionOpen or a later one.
	Status        SessionStatus `json:"status"`
	PaymentStatus PaymentStatus `json:"paymentStatus,omitempty"`
	Amount        Money         `json:"amount"`
	LineItems     []LineItem    `json:"lineItems,omitempty"`
	Totals        []Total       `json:"totals,omitempty"`
	// FulfillmentOptions and SelectedFulfillment are as Miracle writes them; the payer's address may be among it.
	FulfillmentOptions  payonce.Raw `json:"fulfillmentOptions,omitempty"`
	SelectedFulfillment payonce.Raw `json:"selectedFulfillment,omitempty"`
	// URL is where to send the payer. Whoever has it can go on with the session.
	URL payonce.Secret `json:"url,omitempty"`
	// ClientSecret is for the widget in the payer's browser. Only the answer to CheckoutSessions.Create has it; it lives as long as
	// that answer's stored body.
	ClientSecret       payonce.Secret `json:"clientSecret,omitempty"`
	MerchantReference  string         `json:"merchantReference,omitempty"`
	PaymentID          string         `json:"paymentId,omitempty"`
	ProviderCheckoutID string         `json:"providerCheckoutId,omitempty"`
	CustomerInfo       CustomerInfo   `json:"customerInfo,omitzero"`
	CreatedAt          Timestamp      `json:"createdAt,omitzero"`
	UpdatedAt          Timestamp      `json:"updatedAt,omitzero"`
}

// SessionStatus is a session's state. The set is open, and only one of them was seen.
type SessionStatus string

// SessionOpen is the status of the documentation's sample.
const SessionOpen SessionStatus = "open"

// Total is a line of a session's sum.
type Total struct {
	Type        string `json:"type"`
	DisplayText string `json:"displayText,omitempty"`
	Amount      Money  `json:"amount"`
	Description string `json:"description,omitempty"`
}

// CustomerInfo is what the payer said of themselves. It is personal data, so it does not print.
type CustomerInfo struct {
	Email     payonce.Secret `json:"email,omitempty"`
	Phone     payonce.Secret `json:"phone,omitempty"`
	Name      payonce.Secret `json:"name,omitempty"`
	FirstName payonce.Secret `json:"firstName,omitempty"`
	LastName  payonce.Secret `json:"lastName,omitempty"`
}

// UnmarshalJSON reads a session, also in its envelope.
func (s *Session) UnmarshalJSON(body []byte) error {
	type plain Session
	var wire struct {
		plain
		FulfillmentOptions  json.RawMessage `json:"fulfillmentOptions"`
		SelectedFulfillment json.RawMessage `json:"selectedFulfillment"`
	}
	if err := decode(body, &wire); err != nil {
		return err
	}
	*s = Session(wire.plain)
	s.FulfillmentOptions, s.SelectedFulfillment = payonce.Raw(wire.FulfillmentOptions), payonce.Raw(wire.SelectedFulfillment)
	return nil
}

// createSession encodes both POST /v1/checkout-sessions and POST /v1/hpp/sessions: the same fields are documented for them. Neither
// documents metadata, so payonce_ref is not sent. A session is no payment: the payer still has to pay.
func createSession(kind, path string, params *SessionParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	p.Require("SuccessURL", params.SuccessURL)
	p.Require("CancelURL", params.CancelURL)
	checkCaptureMethod(&p, "CaptureMethod", params.CaptureMethod)
	checkLineItems(&p, params.LineItems)
	type wireSession struct {
		Amount            Money         `json:"amount"`
		LineItems         []LineItem    `json:"lineItems"`
		MerchantReference string        `json:"merchantReference"`
		SuccessURL        string        `json:"successUrl"`
		CancelURL         string        `json:"cancelUrl"`
		ReturnURL         string        `json:"returnUrl,omitempty"`
		CaptureMethod     CaptureMethod `json:"captureMethod,omitempty"`
	}
	return payonce.Operation{
		Kind: kind, Reference: params.Reference, Path: path, NotAfter: params.NotAfter,
		Body: wireSession{
			moneyOf(&p, "Amount", params.Amount), params.LineItems, params.Reference, params.SuccessURL, params.CancelURL,
			params.ReturnURL, params.CaptureMethod,
		},
	}, p.Err()
}

func checkLineItems(p *adapter.Problems, items []LineItem) {
	if len(items) == 0 {
		p.Add("LineItems", "is required")
	}
	for i, item := range items {
		field := "LineItems[" + strconv.Itoa(i) + "]."
		p.Require(field+"Label", item.Label)
		if item.Quantity < 1 {
			p.Add(field+"Quantity", "must be at least 1, is %d", item.Quantity)
		}
		checkCurrency(p, field+"UnitAmount", item.UnitAmount.Currency)
		var rate float64
		if item.TaxRate != "" && json.Unmarshal([]byte(item.TaxRate), &rate) != nil {
			p.Add(field+"TaxRate", "is not a number")
		}
	}
}

// checkoutSessions is the path under which a session's id follows.
const checkoutSessions = "/v1/checkout-sessions/"

// CheckoutSessionService makes sessions for Miracle's widget, or its hosted page.
type CheckoutSessionService struct{ s service }

// Create makes a checkout session once. Its ClientSecret is in this answer only.
// Source: https://docs.gate.miracleapi.ai/reference/merchant.
func (s *CheckoutSessionService) Create(ctx context.Context, params SessionParams, opts ...payonce.CallOption) (*payonce.Result[Session], error) {
	op, err := createSession(kindCreateSession, strings.TrimSuffix(checkoutSessions, "/"), &params)
	return adapter.Do[Session](ctx, s.s.Service, op, err, opts)
}

// Get reads a checkout session, without its ClientSecret. The key needs the permission payment-experience:checkout:view. The path is
// not documented; assumed /v1/checkout-sessions/{id}. Source: https://docs.gate.miracleapi.ai/reference/merchant.
func (s *CheckoutSessionService) Get(ctx context.Context, id string) (*payonce.Result[Session], error) {
	return adapter.Get[Session](ctx, s.s.Service, payonce.Query{Kind: kindGetSession, Path: checkoutSessions + adapter.Element(id)}, id)
}

// HPPSessionService makes sessions on Miracle's hosted payment page.
type HPPSessionService struct{ s service }

// Create makes a session once; its URL is where to send the payer.
// Source: https://docs.gate.miracleapi.ai/merchant/payments/hpp-integration.
func (s *HPPSessionService) Create(ctx context.Context, params SessionParams, opts ...payonce.CallOption) (*payonce.Result[Session], error) {
	op, err := createSession(kindCreateHPP, "/v1/hpp/sessions", &params)
	return adapter.Do[Session](ctx, s.s.Service, op, err, opts)
}
