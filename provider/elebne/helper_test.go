package elebne_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/store/memstore"
)

const (
	merchantID = "shop-1"
	testKey    = "sk_test_example"
	intentID   = "PI-312345678901234"
)

func config() elebne.Config {
	return elebne.Config{MerchantID: merchantID, SecretKey: testKey}
}

func newProvider(tb testing.TB, change ...func(*elebne.Config)) *elebne.Provider {
	tb.Helper()
	cfg := config()
	for _, c := range change {
		c(&cfg)
	}
	p, err := elebne.New(cfg)
	require.NoError(tb, err)
	return p
}

func publishable(c *elebne.Config) { c.SecretKey = "pk_test_example" }

func live(c *elebne.Config) { c.SecretKey = "sk_live_example" }

// encode returns an operation's body as the client sends it.
func encode(tb testing.TB, op payonce.Operation, generation int) string {
	tb.Helper()
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody("key", generation)
	}
	switch body := body.(type) {
	case nil:
		return ""
	case []byte:
		return string(body)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(tb, encoder.Encode(body))
	return strings.TrimSuffix(buffer.String(), "\n")
}

func mru(minor int64) payonce.Amount { return payonce.Amount{Minor: minor, Currency: "MRU"} }

func order(method any) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: "order-12345", Amount: mru(50000), Method: method, Description: "2 shoes"}
}

// sent is one request as it arrived.
type sent struct {
	method, target, key, credential, contentType, body string
}

// line is the request in one line.
func (s sent) line() string { return s.method + " " + s.target + " " + s.body }

// vendor is an http.RoundTripper that answers as Elebne is documented to: a key is remembered within API key, method and path, and a
// repeat gets the first answer whatever its content.
type vendor struct {
	mu       sync.Mutex
	answer   func(sent) (int, string)
	stored   map[string]string
	lose     int // how many answers get lost after the request was executed
	requests []sent
	executed []sent
}

func newVendor(answer func(sent) (int, string)) *vendor {
	return &vendor{answer: answer, stored: map[string]string{}}
}

var errLost = fmt.Errorf("connection reset")

// RoundTrip executes a request, or replays its answer.
func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s := sent{r.Method, r.URL.RequestURI(), r.Header.Get("X-Idempotency-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests = append(v.requests, s)
	scope := strings.Join([]string{s.credential, s.key, s.method, s.target}, " ")
	text, replay := v.stored[scope]
	status := http.StatusOK
	if !replay || s.key == "" {
		status, text = v.answer(s)
		if s.key != "" && status < 300 {
			v.stored[scope] = text
			v.executed = append(v.executed, s)
		}
	}
	if v.lose > 0 {
		v.lose--
		return nil, errLost
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

func (v *vendor) count() (requests, executed int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.requests), len(v.executed)
}

func (v *vendor) last() sent {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.requests[len(v.requests)-1]
}

// open makes a client of a provider, over a store.
func open(t *testing.T, p *elebne.Provider, v *vendor, store payonce.KeyStore) *payonce.Client {
	t.Helper()
	client, err := payonce.New(payonce.Config{
		Provider: p, Store: store, HTTPClient: &http.Client{Transport: v}, RecoverEvery: -1,
		Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

func shop(t *testing.T, answer func(sent) (int, string), change ...func(*elebne.Config)) (*payonce.Client, *elebne.API, *vendor) {
	t.Helper()
	p, v := newProvider(t, change...), newVendor(answer)
	client := open(t, p, v, memstore.New())
	return client, p.API(client), v
}

// always gives one answer.
func always(status int, body string) func(sent) (int, string) {
	return func(sent) (int, string) { return status, body }
}

// echo answers a create with an intent that has what was sent.
func echo(s sent) (int, string) {
	var body map[string]any
	if json.Unmarshal([]byte(s.body), &body) != nil {
		return http.StatusBadRequest, refusal("VALIDATION_ERROR")
	}
	body["referenceNumber"], body["status"], body["currency"] = intentID, "PENDING", "MRU"
	body["payUrl"], body["shortCode"], body["code"] = "https://pay.elebne.ai/p/ABC123", "ABC123", "123456"
	if body["amountType"] == "OPEN" {
		body["amount"] = nil
	}
	text, _ := json.Marshal(map[string]any{"success": true, "data": body})
	return http.StatusCreated, string(text)
}

func refusal(code string) string {
	return `{"success":false,"error":{"code":"` + code + `","message":"No."}}`
}

// intent is an answer with an intent.
func intent(status string) string {
	return `{"success":true,"data":{"referenceNumber":"` + intentID + `","amount":50000,"amountType":"FIXED","currency":"MRU","status":"` + status + `"}}`
}
