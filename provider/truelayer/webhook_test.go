package truelayer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// keyServer publishes a key set and counts how often it is asked.
type keyServer struct {
	text   []byte
	status int
	asked  atomic.Int32
}

func serveKeys(tb testing.TB, file string) *keyServer {
	tb.Helper()
	text, err := os.ReadFile("testdata/signing/" + file)
	require.NoError(tb, err)
	return &keyServer{text: text, status: http.StatusOK}
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	return &http.Response{
		StatusCode: s.status, Request: r, Body: io.NopCloser(bytes.NewReader(s.text)),
		Header: http.Header{"Location": {"https://attacker.example"}, "Cache-Control": {"no-store"}},
	}, nil
}

func (s *keyServer) client() *http.Client { return &http.Client{Transport: s} }

// hooks are the webhooks of an environment whose keys the server publishes.
func hooks(tb testing.TB, baseURL string, keys *keyServer, change ...func(*truelayer.WebhookConfig)) *truelayer.Webhooks {
	tb.Helper()
	cfg := truelayer.WebhookConfig{HTTPClient: keys.client()}
	for _, c := range change {
		c(&cfg)
	}
	w, err := newProvider(tb, func(c *truelayer.Config) { c.BaseURL = baseURL }).Webhooks(cfg)
	require.NoError(tb, err)
	return w
}

// published are the vectors of webhooks that TrueLayer has signed.
func published(tb testing.TB) (live, sandbox vector) {
	tb.Helper()
	for _, v := range vectors(tb) {
		switch v.Name {
		case "webhook-static":
			live = v
		case "webhook-jwk-y-without-zero-padding":
			sandbox = v
		}
	}
	require.NotEmpty(tb, live.Signature)
	require.NotEmpty(tb, sandbox.Signature)
	return live, sandbox
}

func (v *vector) request() *http.Request {
	r := httptest.NewRequest(v.Method, v.Path, strings.NewReader(v.Body))
	r.Header = v.header()
	r.Header.Set("Tl-Signature", v.Signature)
	return r
}

func TestPublishedWebhooksAreGenuine(t *testing.T) {
	t.Parallel()
	live, sandbox := published(t)
	liveKeys, sandboxKeys := serveKeys(t, "jwks.json"), serveKeys(t, "ruby-missing-zero-padding-test-jwks.json")

	events, err := hooks(t, truelayer.Live, liveKeys).Parse(live.request(), []byte(live.Body))
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, "18b2842b-a57b-4887-a0a6-d3c7c36f1020", events[0].ID)
	assert.Empty(t, events[0].Type, "an event of no known type is an event")

	events, err = hooks(t, truelayer.Sandbox, sandboxKeys).Parse(sandbox.request(), []byte(sandbox.Body))
	require.NoError(t, err, "a coordinate of 65 bytes")
	assert.Equal(t, truelayer.EventPaymentExecuted, events[0].Type)
	assert.Equal(t, sandbox.Body, string(events[0].Raw.Bytes()))
	assert.Equal(t, payonce.Event{
		Account: "truelayer/sandbox/client_test_example", ID: "2606ed6d-5c89-4bd9-8f95-40e42c95ca71", Type: "payment_executed",
		At: time.Date(2023, 6, 9, 15, 40, 30, 561e6, time.UTC), Kind: "payment.create", Status: payonce.StatusAuthorized, ProviderStatus: "executed",
		ResourceID: "a62ba556-4b35-4628-9d8c-42302d2e5d02", PaymentID: "a62ba556-4b35-4628-9d8c-42302d2e5d02", Raw: payonce.Raw(sandbox.Body),
	}, truelayer.AsRead(events[0], "truelayer/sandbox/client_test_example").Portable())
	assert.Equal(t, payonce.Event{}, names(events[0].Portable()), "genuine, but whose?")
	assert.Equal(t, int32(1), liveKeys.asked.Load())
	assert.Equal(t, int32(1), sandboxKeys.asked.Load())
}

func TestAWebhookOfTheOtherEnvironmentIsRefusedUnasked(t *testing.T) {
	t.Parallel()
	live, sandbox := published(t)
	for base, v := range map[string]vector{truelayer.Sandbox: live, truelayer.Live: sandbox} {
		keys := serveKeys(t, v.KeyFile)
		_, err := hooks(t, base, keys).Parse(v.request(), []byte(v.Body))
		require.ErrorIs(t, err, truelayer.ErrSignature)
		assert.Zero(t, keys.asked.Load(), "a message does not choose where keys come from")
	}
}

func TestATamperedWebhookIsRefused(t *testing.T) {
	t.Parallel()
	live, _ := published(t)
	w := hooks(t, truelayer.Live, serveKeys(t, "jwks.json"))
	for name, change := range map[string]func(*http.Request, *[]byte){
		"another method":        func(r *http.Request, _ *[]byte) { r.Method = http.MethodPut },
		"another path":          func(r *http.Request, _ *[]byte) { r.URL.Path = "/tl-webhooks" },
		"no URL":                func(r *http.Request, _ *[]byte) { r.URL = nil },
		"another timestamp":     func(r *http.Request, _ *[]byte) { r.Header.Set("X-TL-Webhook-Timestamp", "2021-11-29T11:42:56Z") },
		"no timestamp":          func(r *http.Request, _ *[]byte) { r.Header.Del("X-TL-Webhook-Timestamp") },
		"two timestamps":        func(r *http.Request, _ *[]byte) { r.Header.Add("X-TL-Webhook-Timestamp", "2021-11-29T11:42:55Z") },
		"another signed header": func(r *http.Request, _ *[]byte) { r.Header.Set("Content-Type", "text/plain") },
		"no signature":          func(r *http.Request, _ *[]byte) { r.Header.Del("Tl-Signature") },
		"two signatures":        func(r *http.Request, _ *[]byte) { r.Header.Add("Tl-Signature", live.Signature) },
		"another signature": func(r *http.Request, _ *[]byte) {
			r.Header.Set("Tl-Signature", live.Signature[:len(live.Signature)-3]+"AAA")
		},
		"half a signature":       func(r *http.Request, _ *[]byte) { r.Header.Set("Tl-Signature", live.Signature[:100]) },
		"no body":                func(_ *http.Request, body *[]byte) { *body = nil },
		"a space after the body": func(_ *http.Request, body *[]byte) { *body = append(*body, ' ') },
		"one byte of the body":   func(_ *http.Request, body *[]byte) { (*body)[len(*body)-3] ^= 1 },
	} {
		r, body := live.request(), []byte(live.Body)
		change(r, &body)
		_, err := w.Parse(r, body)
		assert.ErrorIs(t, err, truelayer.ErrSignature, name)
	}
	for _, r := range []*http.Request{nil, {}, {URL: live.request().URL}} {
		_, err := w.Parse(r, []byte(live.Body))
		require.ErrorIs(t, err, truelayer.ErrSignature)
	}
	_, err := w.Parse(live.request(), []byte(live.Body))
	require.NoError(t, err, "what is refused spoils nothing")
}

// forge signs as TrueLayer's sandbox would, with whatever JOSE header; sandboxHeader is a good one.
func forge(tb testing.TB, header map[jose.HeaderKey]any, payload string) string {
	tb.Helper()
	block, _ := pem.Decode([]byte(testKey(tb, "EC PRIVATE KEY").Reveal()))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	require.NoError(tb, err)
	options := &jose.SignerOptions{}
	for name, value := range header {
		options = options.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES512, Key: key}, options)
	require.NoError(tb, err)
	jws, err := signer.Sign([]byte(payload))
	require.NoError(tb, err)
	signature, err := jws.DetachedCompactSerialize()
	require.NoError(tb, err)
	return signature
}

func sandboxHeader(change ...any) map[jose.HeaderKey]any {
	h := map[jose.HeaderKey]any{"kid": keyID, "tl_version": "2", "tl_headers": "X-TL-Webhook-Timestamp", "jku": truelayer.SandboxJWKS}
	for i := 0; i < len(change); i += 2 {
		h[jose.HeaderKey(change[i].(string))] = change[i+1]
	}
	return h
}

const sentAt = "2026-01-02T03:04:05Z"

// delivery is what the sandbox would send.
func delivery(tb testing.TB, signedPath, path, body string, header map[jose.HeaderKey]any) *http.Request {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-TL-Webhook-Timestamp", sentAt)
	r.Header.Set("Tl-Signature", forge(tb, header, "POST "+signedPath+"\n"+header["tl_headers"].(string)+": "+sentAt+"\n"+body))
	return r
}

const aBody = `{"type":"brand_new","event_id":"e-1","event_version":"7","thing":{"id":1}}`

func TestWhatASignatureMustSay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header map[jose.HeaderKey]any
		ok     bool
	}{
		"all of it":                   {sandboxHeader(), true},
		"names in lower case":         {sandboxHeader("tl_headers", "x-tl-webhook-timestamp"), true},
		"the live jku":                {sandboxHeader("jku", truelayer.LiveJWKS), false},
		"somebody's jku":              {sandboxHeader("jku", "https://attacker.example/.well-known/jwks"), false},
		"nearly the jku":              {sandboxHeader("jku", truelayer.SandboxJWKS+"/"), false},
		"the jku in other case":       {sandboxHeader("jku", strings.ToUpper(truelayer.SandboxJWKS)), false},
		"a list of jkus":              {sandboxHeader("jku", []string{truelayer.SandboxJWKS}), false},
		"no jku":                      {sandboxHeader("jku", nil), false},
		"an older version":            {sandboxHeader("tl_version", "1"), false},
		"a version that is no string": {sandboxHeader("tl_version", 2), false},
		"a key that is not there":     {sandboxHeader("kid", "c9034c0f-bd06-4dd1-98fe-f67a5a1a0601"), false},
		"no key":                      {sandboxHeader("kid", ""), false},
		"the timestamp unsigned":      {sandboxHeader("tl_headers", "Content-Type"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery(t, "/hook", "/hook", aBody, tc.header)
			if name == "the timestamp unsigned" {
				r.Header.Set("Content-Type", sentAt)
			}
			events, err := hooks(t, truelayer.Sandbox, serveKeys(t, "jwks.json")).Parse(r, []byte(aBody))
			if !tc.ok {
				require.ErrorIs(t, err, truelayer.ErrSignature)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, truelayer.EventType("brand_new"), events[0].Type)
		})
	}
}

func TestThePathMayHaveChangedALittle(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		signed, received, configured string
		ok                           bool
	}{
		{"/hook", "/hook", "", true},
		{"/hook", "/hook/", "", true},
		{"/hook/", "/hook", "", true},
		{"/hook", "/hook?unique_param=x", "", true},
		{"/hook?unique_param=x", "/hook?unique_param=x", "", true},
		{"/hook?unique_param=x", "/hook?unique_param=y", "", false},
		{"/hook?unique_param=x", "/hook", "", false},
		{"/a%20b/c", "/a%20b/c", "", true},
		{"/a%2Fb", "/a%2Fb", "", true},
		{"/a%2Fb", "/a/b", "", false},
		{"/", "/", "", true},
		{"/api/hook", "/hook", "/api/hook", true},
		{"/api/hook?q", "/hook?q", "/api/hook", true},
		{"/api/hook", "/hook", "", false},
		{"/hook", "/hook", "/api/hook", false},
	} {
		w := hooks(t, truelayer.Sandbox, serveKeys(t, "jwks.json"), func(c *truelayer.WebhookConfig) { c.Path = tc.configured })
		_, err := w.Parse(delivery(t, tc.signed, tc.received, aBody, sandboxHeader()), []byte(aBody))
		assert.Equal(t, tc.ok, err == nil, "%+v: %v", tc, err)
	}
}

func TestOldDeliveriesAreRefusedOnlyIfAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 here: the delivery comes from the future
		sent, err := time.Parse(time.RFC3339, sentAt)
		require.NoError(t, err)
		r := delivery(t, "/hook", "/hook", aBody, sandboxHeader())
		always := hooks(t, truelayer.Sandbox, serveKeys(t, "jwks.json"))
		fresh := hooks(t, truelayer.Sandbox, serveKeys(t, "jwks.json"), func(c *truelayer.WebhookConfig) { c.MaxAge = time.Hour })
		for _, tc := range []struct {
			at time.Duration
			ok bool
		}{{-2 * time.Hour, false}, {-time.Hour, true}, {0, true}, {time.Hour, true}, {time.Hour + time.Second, false}, {72 * time.Hour, false}} {
			pause(t, time.Until(sent.Add(tc.at)))
			_, err = fresh.Parse(r, []byte(aBody))
			assert.Equal(t, tc.ok, err == nil, "%v after it was sent: %v", tc.at, err)
			_, err = always.Parse(r, []byte(aBody))
			require.NoError(t, err)
		}
	})
}

// pause lets time pass in a bubble.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func TestWebhookMistakesAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	standIn := newProvider(t, func(c *truelayer.Config) { c.BaseURL, c.AuthURL = "http://127.0.0.1:1", "http://127.0.0.1:1" })
	for want, tc := range map[string]struct {
		p   *truelayer.Provider
		cfg truelayer.WebhookConfig
	}{
		"JWKSURL: is required, because BaseURL is neither":      {standIn, truelayer.WebhookConfig{}},
		"JWKSURL: belongs to the other environment":             {newProvider(t), truelayer.WebhookConfig{JWKSURL: truelayer.LiveJWKS}},
		"JWKSURL: must be https":                                {newProvider(t), truelayer.WebhookConfig{JWKSURL: "http://keys.example"}},
		"Path: must start with a slash":                         {newProvider(t), truelayer.WebhookConfig{Path: "hook"}},
		"Path: must start with a slash and have no query":       {newProvider(t), truelayer.WebhookConfig{Path: "/hook?a=b"}},
		"MaxAge: must not be negative":                          {newProvider(t), truelayer.WebhookConfig{MaxAge: -1}},
		"JWKSURL: must be https\nJWKSURL: must have no user, q": {newProvider(t), truelayer.WebhookConfig{JWKSURL: "ftp://a:b@c", MaxAge: -1}},
	} {
		_, err := tc.p.Webhooks(tc.cfg)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		first, second, two := strings.Cut(want, "\n")
		assert.ErrorContains(t, err, first)
		if two {
			require.ErrorContains(t, err, second)
			require.ErrorContains(t, err, "MaxAge")
		}
	}
	for _, jwks := range []string{truelayer.LiveJWKS, truelayer.SandboxJWKS, "http://127.0.0.1:1/.well-known/jwks"} {
		_, err := standIn.Webhooks(truelayer.WebhookConfig{JWKSURL: jwks})
		require.NoError(t, err)
	}
	_, err := newProvider(t, func(c *truelayer.Config) { c.BaseURL = "https://API.truelayer-sandbox.com" }).Webhooks(truelayer.WebhookConfig{})
	require.NoError(t, err)
}

// A stand-in on a loopback port: its own key, published at its own URL.
func TestTheWebhooksOfAStandInVerify(t *testing.T) {
	t.Parallel()
	listener := httptest.NewUnstartedServer(nil)
	base := "http://" + listener.Listener.Addr().String()
	sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{VerifySignature: verifyStandIn, AutoAuthorize: true, WebhookJWKS: base + "/.well-known/jwks"})
	listener.Config.Handler = sim
	listener.Start()
	defer listener.Close()
	provider := newProvider(t, func(c *truelayer.Config) { c.BaseURL, c.AuthURL = base, base })
	client, err := payonce.New(payonce.Config{Provider: provider, Store: memstore.New(), HTTPClient: listener.Client(), RecoverEvery: -1})
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	_, err = client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	w, err := provider.Webhooks(truelayer.WebhookConfig{JWKSURL: base + "/.well-known/jwks", HTTPClient: listener.Client()})
	require.NoError(t, err)
	for _, d := range sim.Webhooks("/hook") {
		r, err := d.Request(t.Context(), "")
		require.NoError(t, err)
		_, err = w.Parse(r, d.Body)
		require.NoError(t, err)
	}
}

func TestNothingOfAWebhookIsPrinted(t *testing.T) {
	t.Parallel()
	body := `{"type":"payment_failed","event_id":"e","payment_id":"p","canary":"canary"}`
	events, err := hooks(t, truelayer.Sandbox, serveKeys(t, "jwks.json")).Parse(delivery(t, "/h", "/h", body, sandboxHeader()), []byte(body))
	require.NoError(t, err)
	encoded, err := json.Marshal(events)
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", events, events[0], truelayer.AsRead(events[0], "mine").Portable()), string(encoded)} {
		assert.NotContains(t, text, "canary")
	}
	for _, body := range []string{`{"type":"canary"}`, `canary`, `["canary"]`} {
		_, err = truelayer.ParseEvent([]byte(body))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestASignatureMadeWithAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	keys := serveKeys(t, "jwks.json")
	keys.text = bytes.ReplaceAll(serveKeys(t, "ruby-missing-zero-padding-test-jwks.json").text, []byte("d3534b83-bdc7-4066-adb5-c8d4bf616601"), []byte(keyID))
	w := hooks(t, truelayer.Sandbox, keys)
	_, err := w.Parse(delivery(t, "/hook", "/hook", aBody, sandboxHeader()), []byte(aBody))
	require.ErrorIs(t, err, truelayer.ErrSignature)
	key, err := w.WebhookKey(t.Context(), keyID)
	require.NoError(t, err)
	assert.IsType(t, &ecdsa.PublicKey{}, key)
}
