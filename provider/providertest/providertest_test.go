package providertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/providertest"
)

func acme(secret payonce.Secret) payonce.Provider {
	return &Provider{BaseURL: "https://api.acme.example", MerchantID: "shop-1", SecretKey: secret}
}

func subject() providertest.Subject {
	return providertest.Subject{
		New:     func() payonce.Provider { return acme("sk_test_example") },
		Rotated: func() payonce.Provider { return acme("sk_test_another") },
		Secrets: []string{"sk_test_example"},
		Payment: payonce.PaymentParams{Amount: payonce.Amount{Minor: 5000, Currency: "GBP"}},
		Created: providertest.Answer{Status: 201, Body: `{"id":"pay_1","status":"pending","amount":5000,"label":"tea"}`},
		Refused: providertest.Answer{Status: 400, Body: `{"code":"invalid_amount"}`},
	}
}

func TestAcmeKeepsTheContract(t *testing.T) {
	t.Parallel()
	providertest.Run(t, subject())
	assert.Empty(t, providertest.Breaches(subject()))
}

// TestTheDocumentedProviderIsThisOne keeps the example of docs/adding.md what is judged here.
func TestTheDocumentedProviderIsThisOne(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/adding.md")
	require.NoError(t, err)
	code, err := os.ReadFile("acme_test.go")
	require.NoError(t, err)
	_, code, _ = bytes.Cut(code, []byte("\n\n"))
	assert.True(t, bytes.Contains(page, code), "docs/adding.md shows another provider than acme_test.go")
}

// mutant is acme with one mistake.
type mutant struct {
	payonce.Provider
	profile   func(*payonce.Profile)
	portable  func(*payonce.Portable)
	authorize func(*payonce.Request, http.Header)
	classify  func(*payonce.Request, *payonce.Response, *payonce.Verdict)
}

var mistakes sync.Mutex

// Format keeps fmt, which prints what it can't format without asking its type, from making a mistake of its own.
func (mutant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "mutant") }

func (m mutant) Profile() payonce.Profile {
	p := m.Provider.Profile()
	if m.profile != nil {
		m.profile(&p)
	}
	return p
}

func (m mutant) Portable() payonce.Portable {
	p := m.Provider.Portable()
	if m.portable != nil {
		m.portable(&p)
	}
	return p
}

func (m mutant) Authorize(ctx context.Context, hc *http.Client, req *payonce.Request, refused http.Header) (http.Header, error) {
	header, err := m.Provider.Authorize(ctx, hc, req, refused)
	if m.authorize != nil {
		mistakes.Lock() // the suite authorizes many at once
		defer mistakes.Unlock()
		m.authorize(req, header)
	}
	return header, err
}

func (m mutant) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	v := m.Provider.Classify(req, res)
	if m.classify != nil {
		m.classify(req, res, &v)
	}
	return v
}

// lookingMutant also looks up, and believes anything.
type lookingMutant struct{ mutant }

func (lookingMutant) Lookup(*payonce.Request) (payonce.Query, bool) {
	return payonce.Query{Path: "/x"}, true
}

func (lookingMutant) ClassifyLookup(_ *payonce.Request, res *payonce.Response) payonce.Verdict {
	if res.Status == http.StatusNotFound {
		return payonce.Verdict{Class: payonce.ClassRefused}
	}
	return payonce.Verdict{}
}

// TestEveryMistakeIsFound makes each mistake that a provider's author might make.
func TestEveryMistakeIsFound(t *testing.T) {
	t.Parallel()
	s := subject()
	s.New = func() payonce.Provider { return mutant{Provider: acme("sk_test_example")} }
	require.Empty(t, providertest.Breaches(s), "without a mistake nothing is found")
	calls := 0
	on := func(status int, change func(*payonce.Verdict)) mutant {
		return mutant{classify: func(_ *payonce.Request, res *payonce.Response, v *payonce.Verdict) {
			if res.Status == status {
				change(v)
			}
		}}
	}
	create := func(change func(*payonce.Operation)) mutant {
		return mutant{portable: func(p *payonce.Portable) {
			encode := p.CreatePayment
			p.CreatePayment = func(params payonce.PaymentParams) (payonce.Operation, error) {
				op, err := encode(params)
				change(&op)
				return op, err
			}
		}}
	}
	for name, m := range map[string]mutant{
		"a base URL with a slash":        {profile: func(p *payonce.Profile) { p.BaseURL += "/" }},
		"an account without environment": {profile: func(p *payonce.Profile) { p.Account = "acme/shop-1" }},
		"an account made of the secret":  {profile: func(p *payonce.Profile) { p.Account = "acme/live/sk_test_example" }},
		"no timeout":                     {profile: func(p *payonce.Profile) { p.Timeout = 0 }},
		"a changing profile":             {profile: func(p *payonce.Profile) { calls++; p.KeyLife = time.Duration(calls) }},
		"keys that don't fit":            {profile: func(p *payonce.Profile) { p.KeyMaxLen = 20 }},
		"an alphabet without digits":     {profile: func(p *payonce.Profile) { p.KeyAlphabet = "abcdef-" }},
		"no check":                       {portable: func(p *payonce.Portable) { p.Check = nil }},
		"no statuses":                    {portable: func(p *payonce.Portable) { p.PaymentStatus = nil }},
		"every status is known": {portable: func(p *payonce.Portable) {
			p.PaymentStatus = func(string) payonce.Status { return payonce.StatusFailed }
		}},
		"a decoder that panics": {portable: func(p *payonce.Portable) { p.Payment = func(string, []byte) (*payonce.Payment, error) { panic("x") } }},
		"a decoder that repeats": {portable: func(p *payonce.Portable) {
			p.Payment = func(_ string, b []byte) (*payonce.Payment, error) { return nil, errors.New(string(b)) }
		}},
		"a decoder that reads another status": {portable: func(p *payonce.Portable) {
			decode := p.Payment
			p.Payment = func(kind string, b []byte) (*payonce.Payment, error) {
				payment, err := decode(kind, b)
				if bytes.Contains(b, []byte(`"STATUS"`)) && err == nil {
					payment.ProviderStatus += "!"
				}
				return payment, err
			}
		}},
		"a decoder that minds other fields": {portable: func(p *payonce.Portable) {
			decode := p.Payment
			p.Payment = func(kind string, b []byte) (*payonce.Payment, error) {
				if bytes.Contains(b, []byte(`{"n":1}`)) {
					return nil, errors.New("unreadable")
				}
				return decode(kind, b)
			}
		}},
		"an id that leads elsewhere": {portable: func(p *payonce.Portable) {
			p.CancelPayment = func(payonce.CancelParams) (payonce.Operation, error) { return payonce.Operation{}, nil }
		}},
		"an encoder that counts":           create(func(op *payonce.Operation) { calls++; op.Body = answer{Amount: int64(calls)} }),
		"a relative path":                  create(func(op *payonce.Operation) { op.Path = "payments" }),
		"a reference to itself as content": create(func(op *payonce.Operation) { op.Body = map[string]string{"payonce_ref": "x"} }),
		"the body changes":                 {authorize: func(req *payonce.Request, _ http.Header) { req.Body = payonce.Raw("{}") }},
		"the header changes":               {authorize: func(req *payonce.Request, _ http.Header) { req.Header.Set("X", "y") }},
		"the key is fresh":                 {authorize: func(_ *payonce.Request, h http.Header) { h.Set("Idempotency-Key", "new") }},
		"a created payment is unknown":     on(201, func(v *payonce.Verdict) { v.Class = payonce.ClassUnknown }),
		"a created payment has no id":      on(201, func(v *payonce.Verdict) { v.ResourceID = "" }),
		"a cut success": {classify: func(_ *payonce.Request, res *payonce.Response, v *payonce.Verdict) {
			if res.Status == 201 {
				v.Class = payonce.ClassSucceeded
			}
		}},
		"a cut success is not asked for": on(201, func(v *payonce.Verdict) { v.Resend = false }),
		"an HTML 404 refuses":            on(404, func(v *payonce.Verdict) { v.Class = payonce.ClassRefused }),
		"a 401 proves":                   on(401, func(v *payonce.Verdict) { v.Proven = true }),
		"a 500 refuses":                  on(500, func(v *payonce.Verdict) { v.Class = payonce.ClassRefused }),
		"a 503 is not sent again":        on(503, func(v *payonce.Verdict) { v.Resend = false }),
		"a redirect is followed":         on(302, func(v *payonce.Verdict) { v.Resend = true }),
		"a hint for ever":                on(429, func(v *payonce.Verdict) { v.Wait *= 1000 }),
		"hints are ignored":              on(429, func(v *payonce.Verdict) { v.Wait = 0 }),
		"a refusal is resent":            on(400, func(v *payonce.Verdict) { v.Resend = true }),
		"two meanings":                   on(200, func(v *payonce.Verdict) { calls++; v.Code = strconv.Itoa(calls) }),
	} {
		m.Provider = acme("sk_test_example")
		s := subject()
		s.New = func() payonce.Provider { return m }
		if name == "a changing profile" {
			s.Rotated = s.New
		}
		assert.NotEmpty(t, providertest.Breaches(s), name)
	}
	s = subject()
	s.New = func() payonce.Provider { return lookingMutant{mutant{Provider: acme("sk_test_example")}} }
	assert.NotEmpty(t, providertest.Breaches(s), "a lookup that believes anything")
	s = subject()
	s.Rotated = func() payonce.Provider { return &Provider{BaseURL: "https://api.acme.example", MerchantID: "shop-2"} }
	assert.NotEmpty(t, providertest.Breaches(s), "an account that depends on a credential")
	s = subject()
	s.Secrets = []string{"shop-1"}
	assert.NotEmpty(t, providertest.Breaches(s), "a secret that is printed")
}
