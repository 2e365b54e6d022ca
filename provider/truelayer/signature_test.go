package truelayer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// vector is one case of testdata/signing/vectors.json.
type vector struct {
	Name      string      `json:"name"`
	KeyFile   string      `json:"key_file"`
	Method    string      `json:"method"`
	Path      string      `json:"path"`
	Headers   [][2]string `json:"headers"`
	Body      string      `json:"body"`
	Signature string      `json:"signature"`
	Valid     *bool       `json:"valid"`
}

func (v *vector) header() http.Header {
	h := http.Header{}
	for _, pair := range v.Headers {
		h.Add(pair[0], pair[1])
	}
	return h
}

// ok is the verdict of a strict verifier; what depends on the implementation is refused.
func (v *vector) ok() bool { return v.Valid != nil && *v.Valid }

func vectors(tb testing.TB) []vector {
	tb.Helper()
	text, err := os.ReadFile("testdata/signing/vectors.json")
	require.NoError(tb, err)
	var file struct{ Vectors []vector }
	require.NoError(tb, json.Unmarshal(text, &file))
	require.Len(tb, file.Vectors, 24)
	return file.Vectors
}

// publicKey finds a vector's key: the one in a PEM file, whatever the id, or one of a JWKS.
func publicKey(tb testing.TB, file string) func(string) *ecdsa.PublicKey {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/signing", file))
	require.NoError(tb, err)
	if filepath.Ext(file) == ".json" {
		keys, err := truelayer.ParseKeySet(text)
		require.NoError(tb, err)
		require.NotEmpty(tb, keys)
		return func(keyID string) *ecdsa.PublicKey { return keys[keyID] }
	}
	block, _ := pem.Decode(text)
	require.NotNil(tb, block)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(tb, err)
	return func(string) *ecdsa.PublicKey { return key.(*ecdsa.PublicKey) }
}

func TestVerifierAgreesWithEveryVector(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			err := truelayer.Verify(publicKey(t, v.KeyFile), nil, v.Signature, v.Method, v.Path, v.header(), []byte(v.Body))
			if v.ok() {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, truelayer.ErrSignature)
			}
		})
	}
}

func TestVerifierRefuses(t *testing.T) {
	t.Parallel()
	v := vectors(t)[0]
	verify := func(signature string, header http.Header, required ...string) error {
		return truelayer.Verify(publicKey(t, v.KeyFile), required, signature, v.Method, v.Path, header, []byte(v.Body))
	}
	require.NoError(t, verify(v.Signature, v.header(), "idempotency-key"), "the case of a required header doesn't matter")
	twice := v.header()
	twice.Add("Idempotency-Key", "another")
	head, tail, _ := strings.Cut(v.Signature, "..")
	for name, err := range map[string]error{
		"a required header that is not signed": verify(v.Signature, v.header(), "X-Tl-Webhook-Timestamp"),
		"a signed header that came twice":      verify(v.Signature, twice),
		"another algorithm":                    verify(swapHeader(t, head, "ES512", "HS512")+".."+tail, v.header()),
		"no algorithm":                         verify(swapHeader(t, head, "ES512", "none")+"..", v.header()),
		"white space inside":                   verify(head+"..\n"+tail, v.header()),
		"a key that is not in the set":         truelayer.Verify(func(string) *ecdsa.PublicKey { return nil }, nil, v.Signature, v.Method, v.Path, v.header(), []byte(v.Body)),
	} {
		assert.ErrorIs(t, err, truelayer.ErrSignature, name)
	}
}

// A signature over the right payload is not enough: the version is part of what is promised.
func TestVerifierRefusesOtherVersions(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode([]byte(testKey(t, "EC PRIVATE KEY").Reveal()))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	require.NoError(t, err)
	for version, ok := range map[any]bool{"2": true, "1": false, 2: false, nil: false} {
		options := (&jose.SignerOptions{}).WithHeader("kid", keyID).WithHeader("tl_headers", "")
		if version != nil {
			options = options.WithHeader("tl_version", version)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES512, Key: key}, options)
		require.NoError(t, err)
		jws, err := signer.Sign([]byte("POST /x\n{}"))
		require.NoError(t, err)
		signature, err := jws.DetachedCompactSerialize()
		require.NoError(t, err)
		err = truelayer.Verify(publicKey(t, "ec512-public.pem"), nil, signature, "POST", "/x", http.Header{}, []byte("{}"))
		assert.Equal(t, ok, err == nil, "tl_version %v", version)
	}
}

func swapHeader(t *testing.T, head, from, to string) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(decoded), from, to, 1)))
}

func TestKeySetTakesOnlyP521Keys(t *testing.T) {
	t.Parallel()
	keys, err := truelayer.ParseKeySet([]byte(`{"keys":[{"kty":"RSA","kid":"a"},{"kty":"EC","crv":"P-256","kid":"b","x":"AQ","y":"AQ"},
		{"kty":"EC","crv":"P-521","kid":"off the curve","x":"AQ","y":"AQ"},{"kty":"EC","crv":"P-521","kid":"no base64","x":"?","y":"AQ"},
		{"kty":"EC","crv":"P-521","kid":"too long","x":"` + strings.Repeat("AAAA", 30) + `","y":"AQ"}]}`))
	require.NoError(t, err)
	assert.Empty(t, keys)
	_, err = truelayer.ParseKeySet([]byte(`<html>`))
	assert.Error(t, err)
}

// signed returns the signature of a request made with the published test key.
func signed(tb testing.TB, p *truelayer.Provider, req *payonce.Request) string {
	tb.Helper()
	header, err := p.Authorize(tb.Context(), &http.Client{Transport: grant("a-token")}, req, nil)
	require.NoError(tb, err)
	assert.Equal(tb, "Bearer a-token", header.Get("Authorization"))
	return header.Get("Tl-Signature")
}

func withTestKey(tb testing.TB) *truelayer.Provider {
	tb.Helper()
	key := testKey(tb, "EC PRIVATE KEY")
	return newProvider(tb, func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, key })
}

func TestWhatIsSignedVerifies(t *testing.T) {
	t.Parallel()
	p := withTestKey(t)
	key := publicKey(t, "ec512-public.pem")
	for _, v := range vectors(t) {
		if !v.ok() || !strings.HasPrefix(v.Name, "request") && v.Name != "php-static" {
			continue
		}
		req := &payonce.Request{
			Method: strings.ToUpper(v.Method), Path: strings.TrimSuffix(v.Path, "/"), Key: v.header().Get("Idempotency-Key"),
			Header: v.header(), Body: []byte(v.Body),
		}
		signature := signed(t, p, req)
		assert.NoError(t, truelayer.Verify(key, []string{"Idempotency-Key"}, signature, v.Method, v.Path, v.header(), []byte(v.Body)), v.Name)
		assert.NotEqual(t, signature, signed(t, p, req), "every attempt is signed anew")
	}
}

// The pairs come from regressions in other languages: short coordinates, an older key.
func TestEveryPublishedKeyPairSignsAndVerifies(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{"ec512", "previous-ec512", "csharp-length-error-ec512"} {
		private := keyFile(t, pair+"-private.der.b64", "EC PRIVATE KEY")
		p, err := truelayer.New(func() truelayer.Config {
			cfg := config()
			cfg.Signer, cfg.SigningKeyPEM = nil, private
			return cfg
		}())
		require.NoError(t, err, pair)
		signature := signed(t, p, &payonce.Request{Method: http.MethodPost, Path: "/x"})
		require.NoError(t, truelayer.Verify(publicKey(t, pair+"-public.pem"), nil, signature, "POST", "/x", nil, nil), pair)
	}
}

func TestSignatureCoversThePathAsOnTheWire(t *testing.T) {
	t.Parallel()
	p := withTestKey(t)
	key := publicKey(t, "ec512-public.pem")
	header := http.Header{"Idempotency-Key": {"k"}}
	for sent, signedAs := range map[string]string{
		"/v3/payments":                   "/v3/payments",
		"/gateway/v3/payments?a=b&c=/d/": "/gateway/v3/payments",
		"/v3/merchant-accounts/a%20b/x/": "/v3/merchant-accounts/a%20b/x",
		"/":                              "/",
	} {
		signature := signed(t, p, &payonce.Request{Method: http.MethodPost, Path: sent, Header: header, Body: []byte("{}")})
		assert.NoError(t, truelayer.Verify(key, nil, signature, "POST", signedAs, header, []byte("{}")), sent)
		assert.Error(t, truelayer.Verify(key, nil, signature, "POST", "/other", header, []byte("{}")))
	}
}

func TestSignatureNamesTheKeyHeaderOnlyWhereOneIsSent(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for want, header := range map[string]http.Header{
		`{"alg":"ES512","kid":"` + keyID + `","tl_headers":"Idempotency-Key","tl_version":"2"}`: {"Idempotency-Key": {"k"}},
		`{"alg":"ES512","kid":"` + keyID + `","tl_headers":"","tl_version":"2"}`:                {},
	} {
		head, _, _ := strings.Cut(signed(t, p, &payonce.Request{Method: http.MethodPost, Path: "/x", Header: header}), ".")
		decoded, err := base64.RawURLEncoding.DecodeString(head)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(decoded))
	}
	for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPatch} {
		assert.NotEmpty(t, signed(t, p, &payonce.Request{Method: method, Path: "/x"}), method)
	}
	assert.Empty(t, signed(t, p, &payonce.Request{Method: http.MethodGet, Path: "/x"}), "GET is not signed")
}

// Every second r and s has a leading zero byte, which must not be dropped.
func TestSignatureIsAlwaysPadded(t *testing.T) {
	t.Parallel()
	p := withTestKey(t)
	short := 0
	for range 16 {
		_, tail, _ := strings.Cut(signed(t, p, &payonce.Request{Method: http.MethodPost, Path: "/x"}), "..")
		raw, err := base64.RawURLEncoding.DecodeString(tail)
		require.NoError(t, err)
		require.Len(t, raw, 132)
		if raw[0] == 0 || raw[66] == 0 {
			short++
		}
	}
	assert.Positive(t, short, "no short r or s was seen in 16 signatures")
}

func TestSignerFailuresAreReportedAndNotInvalid(t *testing.T) {
	t.Parallel()
	for _, signer := range []truelayer.Signer{broken{err: errors.New("the vault is shut")}, broken{}} {
		p := newProvider(t, func(c *truelayer.Config) { c.Signer = signer })
		_, err := p.Authorize(t.Context(), &http.Client{Transport: grant("a-token")}, &payonce.Request{Method: http.MethodPost, Path: "/x"}, nil)
		require.ErrorContains(t, err, "sign the request")
		assert.NotErrorIs(t, err, payonce.ErrInvalid, "a signer may work again")
	}
}

type broken struct{ err error }

func (b broken) Sign(context.Context, []byte) ([]byte, error) { return nil, b.err }

// The official package of another language is the judge.
func TestOfficialVerifierAcceptsTheSignature(t *testing.T) {
	t.Parallel()
	modules := os.Getenv("PAYONCE_NODE_PATH")
	node, err := exec.LookPath("node")
	if _, statErr := os.Stat(filepath.Join(modules, "truelayer-signing")); err != nil || modules == "" || statErr != nil {
		reason := "needs node and PAYONCE_NODE_PATH, a node_modules folder with truelayer-signing 0.2.3 (npm install truelayer-signing@0.2.3)"
		if strings.Contains(os.Getenv("PAYONCE_REQUIRE"), "npm") {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	body, err := json.Marshal(map[string]any{"name": "Ünïcode & <tags>", "amount_in_minor": 1})
	require.NoError(t, err)
	header := http.Header{"Idempotency-Key": {"idemp-1"}}
	signature := signed(t, withTestKey(t), &payonce.Request{Method: http.MethodPost, Path: "/v3/payments", Header: header, Body: body})
	public, err := os.ReadFile("testdata/signing/ec512-public.pem")
	require.NoError(t, err)
	const script = `
		const signing = require("truelayer-signing");
		const input = JSON.parse(require("fs").readFileSync(0));
		signing.verify({...input, method: "POST", path: "/v3/payments", requiredHeaders: ["Idempotency-Key"]});`
	judge := func(body []byte) (string, error) {
		cmd := exec.CommandContext(t.Context(), node, "-e", script)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		input, err := json.Marshal(map[string]any{
			"publicKeyPem": string(public), "signature": signature, "body": string(body), "headers": map[string]string{"Idempotency-Key": "idemp-1"},
		})
		require.NoError(t, err)
		cmd.Stdin = strings.NewReader(string(input))
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	output, err := judge(body)
	require.NoError(t, err, output)
	_, err = judge(append(body, ' '))
	require.Error(t, err, "the judge accepts anything")
}

func FuzzVerify(f *testing.F) {
	key := publicKey(f, "ec512-public.pem")
	valid := vectors(f)[0]
	f.Fuzz(func(t *testing.T, signature, path, name, value string, body []byte) {
		header := http.Header{http.CanonicalHeaderKey(name): {value}}
		err := truelayer.Verify(key, nil, signature, "POST", path, header, body)
		if err == nil && (strings.TrimSuffix(path, "/") != valid.Path || string(body) != valid.Body) {
			t.Fatalf("accepted a forgery: %q %q", signature, path)
		}
		if err != nil && !errors.Is(err, truelayer.ErrSignature) {
			t.Fatalf("not a constant error: %v", err)
		}
		_, _ = truelayer.ParseKeySet(body)
	})
}
