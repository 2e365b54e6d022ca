package miracle_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/store/memstore"
)

const (
	merchantID = "c3073b9d-edd0-49f2-a28d-b7ded8ff9a8b"
	secretKey  = "sk_test_example"
)

func config() miracle.Config {
	return miracle.Config{MerchantID: merchantID, SecretKey: secretKey}
}

func newProvider(tb testing.TB, change ...func(*miracle.Config)) *miracle.Provider {
	tb.Helper()
	cfg := config()
	for _, c := range change {
		c(&cfg)
	}
	p, err := miracle.New(cfg)
	require.NoError(tb, err)
	return p
}

func inLive(c *miracle.Config) { c.SecretKey = "sk_live_example" }

// encode returns an operation's body as the client would send it.
func encode(tb testing.TB, op payonce.Operation, generation int) string {
	tb.Helper()
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody("key", generation)
	}
	if body == nil {
		return ""
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(tb, encoder.Encode(body))
	return string(bytes.TrimSpace(buffer.Bytes()))
}

// exchange is one answer of a desk; the zero value loses the answer.
type exchange struct {
	status int
	body   string
}

func answer(status int, body string) exchange { return exchange{status, body} }

func lost() exchange { return exchange{} }

// received is one request as it arrived.
type received struct {
	method, path, key, authorization, contentType, body string
}

// desk is a stand-in for Miracle, in the place of the network. It answers each path with what was laid out for it; the last answer of
// a path is repeated.
type desk struct {
	mu       sync.Mutex
	answers  map[string][]exchange
	requests []received
}

func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	path := strings.TrimPrefix(r.URL.RequestURI(), "/gateway")
	d.requests = append(d.requests, received{
		r.Method, path, r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body),
	})
	next := answer(http.StatusNotFound, `{"code":"NOT_FOUND","message":"nothing was laid out"}`)
	if left := d.answers[r.Method+" "+path]; len(left) > 0 {
		next = left[0]
		if len(left) > 1 {
			d.answers[r.Method+" "+path] = left[1:]
		}
	}
	if next == lost() {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: next.status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(next.body)), ContentLength: int64(len(next.body)), Request: r,
	}, nil
}

// arrived returns the requests that arrived under a method and path.
func (d *desk) arrived(method, path string) []received {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []received
	for _, r := range d.requests {
		if r.method == method && r.path == path {
			out = append(out, r)
		}
	}
	return out
}

// shop is a merchant in front of a desk.
type shop struct {
	*desk
	client   *payonce.Client
	api      *miracle.API
	provider *miracle.Provider
}

func openShop(t *testing.T, answers map[string][]exchange) *shop {
	t.Helper()
	d := &desk{answers: answers}
	provider := newProvider(t, func(c *miracle.Config) { c.BaseURL = miracle.DefaultBaseURL + "/gateway" })
	client, err := payonce.New(payonce.Config{
		Provider: provider, Store: memstore.New(), HTTPClient: &http.Client{Transport: d}, RecoverEvery: -1,
		Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return &shop{d, client, provider.API(client), provider}
}

func order(method any) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: "order-12345", Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: method}
}

func card() miracle.Method { return miracle.Method{Type: miracle.Card, Token: "tok_xxx"} }
