package payonce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
)

// TestMain keeps net/http's remarks on broken connections out of the output.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// bank is the smallest provider with a ledger: it dedupes on the key, and its answers can be scripted.
type bank struct {
	mu     sync.Mutex
	script []reply
	seen   []received
	made   map[string]string // key -> stored answer
	ledger []string          // keys, one entry for each time that money moved
	status map[string]string // payment -> status
	tokens int
	// authorize and profile change the provider.
	authorize func(fresh bool) error
	profile   func(*payonce.Profile)
	// lookup makes the bank findable by key.
	lookup bool
	// credential makes the request's credential the token.
	credential bool
}

type received struct{ method, path, key, body, token string }

// reply is what the bank does with one write: nil fields mean what an honest bank does.
type reply struct {
	skip   bool // don't execute
	lose   bool // execute, lose the answer
	dial   bool // fail before anything is sent
	status int
	body   string
	header http.Header
	err    error
	hook   func()
}

func newBank(script ...reply) *bank {
	return &bank{script: script, made: map[string]string{}, status: map[string]string{}}
}

func (b *bank) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	write := req.Header.Get("Idempotency-Key") != ""
	var step reply
	if write && len(b.script) > 0 {
		step, b.script = b.script[0], b.script[1:]
	}
	if step.dial {
		return nil, errDial()
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	b.seen = append(b.seen, received{req.Method, req.URL.RequestURI(), req.Header.Get("Idempotency-Key"), string(body), req.Header.Get("Authorization")})
	if step.hook != nil {
		step.hook()
	}
	if !write {
		return b.read(req)
	}
	status, answer := 201, ""
	if !step.skip {
		status, answer = b.execute(req.Header.Get("Idempotency-Key"), req.URL.Path+"\n"+string(body))
	}
	switch {
	case step.lose:
		return nil, io.ErrUnexpectedEOF
	case step.err != nil:
		return nil, step.err
	case step.status != 0:
		return response(req, step.status, step.body, step.header), nil
	}
	return response(req, status, answer, nil), nil
}

func (b *bank) execute(key, content string) (int, string) {
	if stored, ok := b.made[key]; ok {
		was, answer, _ := strings.Cut(stored, "\x00")
		if was != content {
			return 422, `{"code":"reuse"}`
		}
		return 201, answer
	}
	id := fmt.Sprintf("pay_%d", len(b.made)+1)
	answer := fmt.Sprintf(`{"id":%q,"status":"pending"}`, id)
	b.made[key], b.status[id] = content+"\x00"+answer, "pending"
	b.ledger = append(b.ledger, key)
	return 201, answer
}

func (b *bank) read(req *http.Request) (*http.Response, error) {
	if key, ok := strings.CutPrefix(req.URL.Path, "/by-key/"); ok {
		stored, ok := b.made[key]
		if !ok {
			return response(req, 404, `{"code":"absent"}`, nil), nil
		}
		_, answer, _ := strings.Cut(stored, "\x00")
		return response(req, 200, answer, nil), nil
	}
	id := strings.TrimPrefix(req.URL.Path, "/payments/")
	status, ok := b.status[id]
	if !ok {
		return response(req, 404, `{"code":"absent"}`, nil), nil
	}
	return response(req, 200, fmt.Sprintf(`{"id":%q,"status":%q}`, id, status), nil), nil
}

func response(req *http.Request, status int, body string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

func (b *bank) moved() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ledger)
}

func (b *bank) writes() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	var writes []received
	for _, r := range b.seen {
		if r.key != "" {
			writes = append(writes, r)
		}
	}
	return writes
}

// forget is what a provider does at the end of a key's life.
func (b *bank) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made = map[string]string{}
}

func (b *bank) set(id, status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status[id] = status
}

// dialect is the bank's payonce.Provider.
type dialect struct{ *bank }

func (d dialect) Profile() payonce.Profile {
	p := payonce.Profile{
		Name: "bank", Account: "bank/test/shop", BaseURL: "https://bank.example", KeyHeader: "Idempotency-Key",
		Keys: payonce.KeysDerived, KeyLife: 24 * time.Hour, Timeout: 10 * time.Second, Currencies: map[string]int{"GBP": 2, "JPY": 0},
	}
	if d.profile != nil {
		d.profile(&p)
	}
	return p
}

func (d dialect) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment: func(p payonce.PaymentParams) (payonce.Operation, error) {
			return payonce.Operation{Path: "/payments", Body: map[string]any{"amount": p.Amount.Minor, "text": p.Description}}, nil
		},
		CreateRefund: func(p payonce.RefundParams) (payonce.Operation, error) {
			return payonce.Operation{Path: "/payments/" + p.PaymentID + "/refunds", Body: map[string]any{"amount": p.Amount.Minor}}, nil
		},
		CancelPayment: func(p payonce.CancelParams) (payonce.Operation, error) {
			return payonce.Operation{Path: "/payments/" + p.PaymentID + "/cancel", EmptyOK: true}, nil
		},
		GetPayment: func(id string) payonce.Query { return payonce.Query{Path: "/payments/" + id} },
		GetRefund:  func(_, id string) payonce.Query { return payonce.Query{Path: "/payments/" + id} },
		ListRefunds: func(id, cursor string) payonce.Query {
			return payonce.Query{Path: "/payments/" + id + "?cursor=" + cursor}
		},
		Payment: func(_ string, body []byte) (*payonce.Payment, error) {
			var v struct{ ID, Status string }
			err := json.Unmarshal(body, &v)
			return &payonce.Payment{ID: v.ID, ProviderStatus: v.Status, NoMoneyMoved: v.Status == "expired"}, err
		},
		Refund: func(_ string, body []byte) (*payonce.Refund, error) {
			var v struct{ ID, Status string }
			err := json.Unmarshal(body, &v)
			return &payonce.Refund{ID: v.ID, ProviderStatus: v.Status}, err
		},
		Refunds: func(body []byte) ([]*payonce.Refund, string, error) {
			var v struct{ ID string }
			err := json.Unmarshal(body, &v)
			return []*payonce.Refund{{ID: v.ID}}, "", err
		},
		Check: func() payonce.Query { return payonce.Query{Kind: "check", Path: "/payments/check"} },
	}
}

func (d dialect) Authorize(ctx context.Context, _ *http.Client, req *payonce.Request, refused http.Header) (http.Header, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.authorize != nil {
		if err := d.authorize(refused != nil); err != nil {
			return nil, err
		}
	}
	if d.credential {
		return http.Header{"Authorization": {"Bearer " + req.Credential.Reveal()}}, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if refused != nil || d.tokens == 0 {
		d.tokens++
	}
	return http.Header{"Authorization": {fmt.Sprintf("Bearer token-%d", d.tokens)}}, nil
}

func (d dialect) Classify(_ *payonce.Request, res *payonce.Response) payonce.Verdict {
	var body struct{ ID, Code string }
	whole := res.Complete && json.Unmarshal(res.Body, &body) == nil
	v := payonce.Verdict{Code: body.Code, RequestID: res.Header.Get("Request-Id"), ResourceID: body.ID}
	if seconds, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil {
		v.Wait = seconds
	}
	switch {
	case res.Status/100 == 2 && (whole || (res.Complete && len(res.Body) == 0 && res.Status == 202)):
		v.Class = payonce.ClassSucceeded
		if body.Code == "declined" {
			v.Class, v.Proven, v.KeySpent = payonce.ClassDeclined, true, true
		}
	case res.Status/100 == 2, res.Status >= 500:
		v.Resend = true
	case res.Status == 409:
		v.Class, v.Resend = payonce.ClassInFlight, true
		if body.Code == "duplicate" {
			v.Class = payonce.ClassDuplicate
		}
	case res.Status == 422:
		v.Class = payonce.ClassReuse
	case res.Status == 401:
		v.Class, v.Reauthorize = payonce.ClassRefused, true
	case res.Status == 429:
		v.Class, v.Resend = payonce.ClassRefused, true
	case res.Status/100 == 4 && whole:
		v.Class = payonce.ClassRefused
		v.Proven, v.KeySpent = body.Code == "final", body.Code == "final"
	}
	return v
}

// finder is the bank's provider with a lookup by key.
type finder struct{ dialect }

func (f finder) Lookup(req *payonce.Request) (payonce.Query, bool) {
	return payonce.Query{Kind: "bank.lookup", Path: "/by-key/" + req.Key}, f.lookup
}

func (f finder) ClassifyLookup(_ *payonce.Request, res *payonce.Response) payonce.Verdict {
	var body struct{ ID string }
	switch {
	case res.Status == 404:
		return payonce.Verdict{Class: payonce.ClassRefused}
	case res.Status == 200 && json.Unmarshal(res.Body, &body) == nil:
		return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: body.ID}
	}
	return payonce.Verdict{}
}

func (b *bank) provider() payonce.Provider {
	if b.lookup {
		return finder{dialect{b}}
	}
	return dialect{b}
}

// newClient joins the bank with a store. Recovery by itself is off unless a test turns it on.
func newClient(t *testing.T, b *bank, store payonce.KeyStore, change ...func(*payonce.Config)) *payonce.Client {
	t.Helper()
	cfg := payonce.Config{Provider: b.provider(), Store: store, HTTPClient: &http.Client{Transport: b}, RecoverEvery: -1}
	for _, f := range change {
		f(&cfg)
	}
	c, err := payonce.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func order(reference string) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: reference, Amount: payonce.Amount{Minor: 5000, Currency: "GBP"}}
}

func detail(t *testing.T, err error) *payonce.Error {
	t.Helper()
	var e *payonce.Error
	require.ErrorAs(t, err, &e)
	return e
}

func clone(b []byte) []byte { return bytes.Clone(b) }

func memory() *memstore.Store { return memstore.New() }

// advance lets virtual time pass; it is only for tests inside a synctest bubble.
func advance(d time.Duration) { <-time.NewTimer(d).C }
