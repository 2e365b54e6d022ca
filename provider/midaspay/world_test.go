package midaspay_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
	"github.com/payonce/payonce/store/memstore"
)

// step answers one request.
type step func(body string) (status int, answer string, err error)

func says(status int, body string) step {
	return func(string) (int, string, error) { return status, body, nil }
}

// placed answers with an order as it was asked for, lost loses the answer.
func placed(status string) step {
	return func(body string) (int, string, error) {
		return http.StatusOK, `{"id":"O-1","status":"` + status + `","create_time":"` + time.Now().Format(time.RFC3339) + `",` + body[1:], nil
	}
}

func lost(string) (int, string, error) { return 0, "", errors.New("connection reset") }

// world is MidasPay, which answers as it is told and checks every signature.
type world struct {
	t      *testing.T
	client *payonce.Client
	api    *midaspay.API
	steps  []step
	sent   []string // method, path and body of every request
	nonces map[string]bool
	signed bool
}

func open(t *testing.T, change ...func(*midaspay.Config)) *world {
	t.Helper()
	p := newProvider(t, change...)
	w := &world{t: t, nonces: map[string]bool{}}
	client, err := payonce.New(payonce.Config{
		Provider: p, Store: memstore.New(), HTTPClient: &http.Client{Transport: w}, RecoverEvery: -1,
		Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	w.client, w.api = client, p.API(client)
	return w
}

func (w *world) then(steps ...step) { w.steps = append(w.steps, steps...) }

// bodies returns what was sent to a path.
func (w *world) bodies(path string) []string {
	var out []string
	for _, sent := range w.sent {
		if body, ok := strings.CutPrefix(sent, "POST "+path+" "); ok {
			out = append(out, body)
		}
	}
	return out
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(read)
	}
	w.verify(r, body)
	w.sent = append(w.sent, r.Method+" "+r.URL.RequestURI()+" "+body)
	if len(w.steps) == 0 {
		w.t.Errorf("nothing to answer to %s with", w.sent[len(w.sent)-1])
		return nil, errors.New("unexpected")
	}
	next := w.steps[0]
	w.steps = w.steps[1:]
	status, answer, err := next(body)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if w.signed {
		header = sign(w.t, answer, time.Now())
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// verify checks the signature with code of its own, and that it is a fresh one.
func (w *world) verify(r *http.Request, body string) {
	parts := regexp.MustCompile(`^TXGW-SHA256-RSA2048 auth_id="merchant123456",auth_id_type=MERCHANT_ID,nonce_str="(\w+)",timestamp="(\d+)",serial_no="6E5A0B1C",signature="([^"]+)"$`).
		FindStringSubmatch(r.Header.Get("Authorization"))
	if !assert.Len(w.t, parts, 4) {
		return
	}
	assert.False(w.t, w.nonces[parts[1]], "a nonce is used once")
	w.nonces[parts[1]] = true
	digest := sha256.Sum256([]byte(r.Method + "\n" + r.URL.RequestURI() + "\n" + parts[2] + "\n" + parts[1] + "\n" + body + "\n"))
	signature, err := base64.StdEncoding.DecodeString(parts[3])
	assert.NoError(w.t, err)
	assert.NoError(w.t, rsa.VerifyPKCS1v15(&privateKey(w.t, "merchant.private.der.b64").PublicKey, crypto.SHA256, digest[:], signature))
	assert.Empty(w.t, r.Header.Get("Idempotency-Key"), "the key travels in the body")
}
