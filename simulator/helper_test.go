package simulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce/simulator"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// standIn is a signature that is cheap and still covers every byte.
func standIn(signingInput []byte) []byte {
	sum := sha256.Sum256(signingInput)
	return sum[:]
}

func verifyStandIn(_ string, signingInput, signature []byte) error {
	if !bytes.Equal(standIn(signingInput), signature) {
		return errors.New("the stand-in does not match")
	}
	return nil
}

func newSimulator(change ...func(*simulator.TrueLayerConfig)) *simulator.TrueLayer {
	cfg := simulator.TrueLayerConfig{VerifySignature: verifyStandIn}
	for _, c := range change {
		c(&cfg)
	}
	return simulator.NewTrueLayer(cfg)
}

// A merchant is a plain client of the API: it sends once and believes nothing.
type merchant struct {
	t     *testing.T
	http  *http.Client
	base  string
	token string
}

// inProcess returns a merchant on a new in-process transport.
func inProcess(t *testing.T, sim *simulator.TrueLayer) *merchant {
	t.Helper()
	return onTransport(t, sim.Transport())
}

func onTransport(t *testing.T, tr *simulator.Transport) *merchant {
	t.Helper()
	t.Cleanup(tr.Close)
	return newMerchant(t, &http.Client{Transport: tr}, "https://api.truelayer-sandbox.com")
}

func newMerchant(t *testing.T, c *http.Client, base string) *merchant {
	t.Helper()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	m := &merchant{t: t, http: c, base: base}
	m.token = m.newToken("payments")
	return m
}

func (m *merchant) newToken(scope string) string {
	m.t.Helper()
	res, err := m.http.Do(m.request(http.MethodPost, "/connect/token", "", object{
		"grant_type": "client_credentials", "client_id": "client_test_example",
		"client_secret": "secret_test_example", "scope": scope,
	}))
	require.NoError(m.t, err)
	a := readAnswer(m.t, res)
	require.Equal(m.t, http.StatusOK, a.status, a.body)
	return a.text("access_token")
}

type object = map[string]any

// request is a signed request that net/http does not repeat by itself.
func (m *merchant) request(method, path, key string, body any) *http.Request {
	m.t.Helper()
	var data []byte
	switch b := body.(type) {
	case nil:
	case string:
		data = []byte(b)
	default:
		var err error
		data, err = json.Marshal(b)
		require.NoError(m.t, err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.base+path, bytes.NewReader(data))
	require.NoError(m.t, err)
	r.GetBody = nil
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	if m.token != "" {
		r.Header.Set("Authorization", "Bearer "+m.token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if method != http.MethodGet && path != "/connect/token" {
		r.Header.Set("Tl-Signature", sign(method, r.URL.EscapedPath(), key, string(data)))
	}
	return r
}

func sign(method, path, key, body string) string {
	headers := ""
	payload := method + " " + path + "\n"
	if key != "" {
		headers = "Idempotency-Key"
		payload += "Idempotency-Key: " + key + "\n"
	}
	return jws(object{"alg": "ES512", "kid": "kid_test", "tl_version": "2", "tl_headers": headers}, payload+body)
}

func jws(header object, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	raw, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	head := encode(raw)
	return head + ".." + encode(standIn([]byte(head+"."+encode([]byte(payload)))))
}

// An answered is what came back.
type answered struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func readAnswer(t *testing.T, res *http.Response) answered {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return answered{t, res.StatusCode, res.Header, string(body)}
}

func (a answered) doc() object {
	a.t.Helper()
	var doc object
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &doc), a.body)
	return doc
}

func (a answered) text(path ...string) string {
	a.t.Helper()
	var v any = a.doc()
	for _, name := range path {
		m, ok := v.(object)
		require.True(a.t, ok, "%s in %s", strings.Join(path, "."), a.body)
		v = m[name]
	}
	s, ok := v.(string)
	require.True(a.t, ok, "%s in %s", strings.Join(path, "."), a.body)
	return s
}

// send sends once and checks the answer against the API's description.
func (m *merchant) send(method, path, key string, body any) answered {
	m.t.Helper()
	r := m.request(method, path, key, body)
	res, err := m.http.Do(r)
	require.NoError(m.t, err)
	a := readAnswer(m.t, res)
	conforms(m.t, r, a)
	return a
}

// fail sends once and returns the error.
func (m *merchant) fail(r *http.Request) error {
	res, err := m.http.Do(r)
	if err == nil {
		_ = res.Body.Close()
	}
	return err
}

func (m *merchant) get(path string) answered {
	m.t.Helper()
	return m.send(http.MethodGet, path, "", nil)
}

func (m *merchant) post(path, key string, body any) answered {
	m.t.Helper()
	return m.send(http.MethodPost, path, key, body)
}

// pay creates a payment and returns its id.
func (m *merchant) pay(key string) string {
	m.t.Helper()
	a := m.post("/v3/payments", key, payment())
	require.Equal(m.t, http.StatusCreated, a.status, a.body)
	return a.text("id")
}

// payment is a good create request; changes are members to replace.
func payment(changes ...object) object {
	p := object{
		"amount_in_minor": 5000,
		"currency":        "GBP",
		"payment_method": object{
			"type":               "bank_transfer",
			"provider_selection": object{"type": "user_selected"},
			"beneficiary": object{
				"type": "merchant_account", "merchant_account_id": simulator.MerchantAccountGBP, "reference": "order-12345",
			},
		},
		"user":     object{"name": "Ada Example", "email": "ada@example.com"},
		"metadata": object{"order": "12345"},
	}
	for _, c := range changes {
		maps.Copy(p, c)
	}
	return p
}

func hosted() object {
	return object{"hosted_page": object{"return_uri": "https://shop.example/back"}}
}

func payout(beneficiary object) object {
	return object{
		"merchant_account_id": simulator.MerchantAccountGBP, "amount_in_minor": 700, "currency": "GBP",
		"beneficiary": beneficiary, "metadata": object{"run": "7"},
	}
}

func key(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
