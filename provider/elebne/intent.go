package elebne

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Intent is a payment that the payer makes on Elebne's page or in its app, for payonce.PaymentParams.Method: what Elebne takes beside
// amount, label (PaymentParams.Description, at most 200 characters) and metadata. Its zero value, or no Method at all, is a fixed amount
// without redirects. Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
type Intent struct {
	// AmountType says who chooses the amount. Defaults to AmountFixed. With AmountOpen the payer does, and PaymentParams.Amount, which
	// Elebne requires all the same, is not compared with the answer's.
	AmountType AmountType
	// SuccessURL and CancelURL are where the payer comes back to.
	SuccessURL, CancelURL string
}

// AmountType says who chooses the amount of an intent. The set is open.
type AmountType string

// The documented types.
const (
	AmountFixed AmountType = "FIXED"
	AmountOpen  AmountType = "OPEN"
)

// PaymentIntent is an intent as Elebne tells it. A repeated create may be answered with the intent as it was when it was made.
// Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
type PaymentIntent struct {
	// ReferenceNumber is Elebne's id, such as PI-3XXXXXXXXXXXXXX.
	ReferenceNumber string `json:"referenceNumber"`
	// ShortCode, Code (for paying in person) and PayURL lead a payer to the intent.
	ShortCode     payonce.Secret `json:"shortCode"`
	Code          payonce.Secret `json:"code"`
	CodeExpiresAt Timestamp      `json:"codeExpiresAt"`
	PayURL        payonce.Secret `json:"payUrl"`
	// AmountInCentimes is nil for AmountOpen.
	AmountInCentimes *Centimes    `json:"amount"`
	AmountType       AmountType   `json:"amountType"`
	Currency         string       `json:"currency"`
	Label            string       `json:"label"`
	Status           IntentStatus `json:"status"`
	// Metadata, CreatedAt and PaidAt are not documented; they are read if they appear.
	Metadata  Metadata  `json:"metadata"`
	CreatedAt Timestamp `json:"createdAt"`
	PaidAt    Timestamp `json:"paidAt"`
}

// Amount returns the intent's amount; zero for AmountOpen.
func (i *PaymentIntent) Amount() payonce.Amount { return amountOf(i.AmountInCentimes, i.Currency) }

func amountOf(centimes *Centimes, currency string) payonce.Amount {
	if centimes == nil {
		return payonce.Amount{}
	}
	return payonce.Amount{Minor: int64(*centimes), Currency: strings.ToUpper(currency)}
}

// Metadata is what the merchant stored with an intent. A value that is not text is left out, and metadata that is no object is none:
// neither makes an intent unreadable. The text is in Result.Raw.
type Metadata map[string]string

// UnmarshalJSON keeps what is text.
func (m *Metadata) UnmarshalJSON(text []byte) error {
	var object map[string]any
	_ = json.Unmarshal(text, &object) // what is no object holds nothing
	*m = nil
	for key, value := range object {
		if s, ok := value.(string); ok {
			if *m == nil {
				*m = Metadata{}
			}
			(*m)[key] = s
		}
	}
	return nil
}

// wireIntent is the body of POST /dev/intents.
type wireIntent struct {
	Amount     int64             `json:"amount"`
	AmountType AmountType        `json:"amountType"`
	Label      string            `json:"label,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	SuccessURL string            `json:"success_url,omitempty"`
	CancelURL  string            `json:"cancel_url,omitempty"`
}

// intentOf reads PaymentParams.Method.
func intentOf(p *adapter.Problems, method any) Intent {
	switch method := method.(type) {
	case nil:
		return Intent{}
	case Intent:
		return method
	case *Intent:
		if method == nil {
			return Intent{}
		}
		return *method
	}
	p.Add("Method", "must be an elebne.Intent or nil, is a %T", method)
	return Intent{}
}

const (
	maxLabel        = 200
	maxMetadata     = 50
	maxMetadataText = 500
)

// check finds everything that is wrong with an intent; refs is how many pairs the client adds to the metadata.
func (w *wireIntent) check(p *adapter.Problems, own map[string]string, refs int) {
	if w.AmountType != AmountFixed && w.AmountType != AmountOpen {
		p.Add("AmountType", "must be %s or %s", AmountFixed, AmountOpen)
	}
	if n := utf8.RuneCountInString(w.Label); n > maxLabel {
		p.Add("Description", "must have at most %d characters, has %d", maxLabel, n)
	}
	checkLink(p, "SuccessURL", w.SuccessURL)
	checkLink(p, "CancelURL", w.CancelURL)
	if n := len(own) + refs; n > maxMetadata {
		p.Add("Metadata", "must have at most %d pairs, has %d with %s", maxMetadata, n, adapter.RefKey)
	}
	for key, value := range own {
		if n := utf8.RuneCountInString(key); n == 0 || n > maxMetadataText {
			p.Add("Metadata", "has a key of %d characters; 1 to %d are taken", n, maxMetadataText)
		}
		if n := utf8.RuneCountInString(value); n > maxMetadataText {
			p.Add("Metadata", "has a value of %d characters; at most %d are taken", n, maxMetadataText)
		}
	}
}

// checkLink takes any absolute URL, also one that opens an app, or none.
func checkLink(p *adapter.Problems, field, link string) {
	if link == "" {
		return
	}
	if u, err := url.Parse(link); err != nil || u.Scheme == "" {
		p.Add(field, "is not a URL with a scheme, such as https://shop.example/thanks")
	}
}

// ListIntentsParams says which intents to list. The zero value is what Elebne lists by itself.
type ListIntentsParams struct {
	// From and To bound the time (https://docs.staging.elebne.ai/en/docs/getting-started/common-patterns). The zero value is no bound.
	From, To time.Time
	// Page is the page, from 1. It is documented for orders; for intents it is assumed. 0 leaves it out.
	Page int
}

func (params *ListIntentsParams) query() (payonce.Query, error) {
	var p adapter.Problems
	values := url.Values{}
	if !params.From.IsZero() {
		values.Set("from", timeParam(params.From))
	}
	if !params.To.IsZero() {
		values.Set("to", timeParam(params.To))
	}
	if !params.From.IsZero() && !params.To.IsZero() && params.To.Before(params.From) {
		p.Add("To", "must not be before From")
	}
	addPage(&p, values, params.Page)
	return payonce.Query{Kind: kindListIntents, Path: withQuery(intents, values)}, p.Err()
}

func addPage(p *adapter.Problems, values url.Values, page int) {
	switch {
	case page < 0:
		p.Add("Page", "must be at least 1, is %d", page)
	case page > 0:
		values.Set("page", strconv.Itoa(page))
	}
}

func withQuery(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// IntentList is one page of intents.
type IntentList = List[PaymentIntent]

// SimulateParams asks to complete or fail an intent of the sandbox: it is paid, unless its amount is 99901 centimes.
// Source: https://docs.staging.elebne.ai/docs/getting-started/sandbox.
type SimulateParams struct {
	// PaymentID is the intent's reference number. Required.
	PaymentID string
	// Reference names this simulation; defaults to PaymentID.
	Reference string
	// NotAfter: not simulated for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// simulatePayment encodes POST /dev/intents/{ref}/simulate-payment; no body is documented, so none is sent. Elebne answers 404 to a
// live key, so live keys are refused here.
func (d *dialect) simulatePayment(params SimulateParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	if d.key.environment == "live" {
		p.Add("SecretKey", "is for live; payments are simulated in the sandbox only")
	}
	return d.write(&p, payonce.Operation{
		Kind: kindSimulate, Reference: cmp.Or(params.Reference, params.PaymentID),
		Path: under(intents, params.PaymentID, "/simulate-payment"), NotAfter: params.NotAfter,
	})
}
