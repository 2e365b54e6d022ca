package providertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/payonce/payonce"
)

// Provider is AcmePay for a payonce.Client. A real one has a Config and a New that reports every mistake at once.
type Provider struct {
	BaseURL, MerchantID string
	SecretKey           payonce.Secret
}

var _ payonce.Provider = (*Provider)(nil)

// Profile states the facts.
func (p *Provider) Profile() payonce.Profile {
	return payonce.Profile{
		Name: "acme", Account: "acme/live/" + p.MerchantID, BaseURL: p.BaseURL,
		KeyHeader: "Idempotency-Key", RequestIDHeader: "Request-Id", Keys: payonce.KeysDerived, KeyLife: 24 * time.Hour,
		Timeout: 30 * time.Second, Currencies: map[string]int{"GBP": 2},
	}
}

// Authorize adds the credential. There is no token to fetch.
func (p *Provider) Authorize(context.Context, *http.Client, *payonce.Request, http.Header) (http.Header, error) {
	return http.Header{"Authorization": {"Bearer " + p.SecretKey.Reveal()}}, nil
}

// Portable says what AcmePay has: payments, and reading one.
func (p *Provider) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment: func(params payonce.PaymentParams) (payonce.Operation, error) {
			return payonce.Operation{Path: "/payments", Body: answer{Amount: params.Amount.Minor}}, nil
		},
		GetPayment: func(id string) payonce.Query { return payonce.Query{Path: "/payments/" + id} },
		Payment: func(_ string, body []byte) (*payonce.Payment, error) {
			var a answer
			if json.Unmarshal(body, &a) != nil {
				return nil, errors.New("the answer is not what AcmePay documents")
			}
			return &payonce.Payment{ID: a.ID, Status: statusOf(a.Status), ProviderStatus: a.Status, NoMoneyMoved: a.Status == "expired"}, nil
		},
		PaymentStatus: statusOf,
		Check:         func() payonce.Query { return payonce.Query{Kind: "acme.check", Path: "/payments?limit=1"} },
	}
}

func statusOf(word string) payonce.Status {
	return map[string]payonce.Status{
		"pending": payonce.StatusPending, "paid": payonce.StatusSucceeded, "failed": payonce.StatusFailed, "expired": payonce.StatusFailed,
	}[word]
}

// answer is what of a body decides.
type answer struct {
	ID     string `json:"id,omitempty"`
	Status string `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
	Amount int64  `json:"amount,omitempty"`
}

// Classify reads one answer. AcmePay does not say what it keeps under a key, so no refusal is proven.
func (p *Provider) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	var got, sent answer
	whole := res.Complete && json.Unmarshal(res.Body, &got) == nil
	_ = json.Unmarshal(req.Body, &sent) // a read sends nothing
	v := payonce.Verdict{Code: got.Code, RequestID: res.Header.Get("Request-Id"), Wait: retryAfter(res.Header)}
	switch {
	case res.Status >= 200 && res.Status <= 299:
		return success(req, &got, &sent, whole)
	case res.Status >= 500 && res.Status <= 599, res.Status == http.StatusRequestTimeout, res.Status == http.StatusTooEarly:
		v.Resend = true
	case res.Status == http.StatusTooManyRequests:
		v.Resend = true
	case !whole || got.Code == "": // not AcmePay's own error document: proves nothing
	case got.Code == "key_reuse":
		v.Class = payonce.ClassReuse
	case res.Status == http.StatusConflict:
		v.Class, v.Resend = payonce.ClassInFlight, true
	case res.Status >= 400 && res.Status <= 499:
		v.Class = payonce.ClassRefused
	}
	return v
}

// success reads a 2xx.
func success(req *payonce.Request, got, sent *answer, whole bool) payonce.Verdict {
	switch {
	case !whole || got.ID == "" || got.Status == "":
		return payonce.Verdict{Resend: true} // unknown: it may have been executed
	case sent.Amount != 0 && got.Amount != 0 && got.Amount != sent.Amount:
		return payonce.Verdict{Class: payonce.ClassMismatch}
	case got.Status == "failed" && req.Key != "":
		return payonce.Verdict{Class: payonce.ClassDeclined, Proven: true, KeySpent: true, ResourceID: got.ID, Code: got.Code}
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: got.Status}
}

// retryAfter reads a hint in seconds and bounds it.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseInt(header.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(min(max(seconds, 0), 86400)) * time.Second
}
