package simulator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

const signingDir = "../provider/truelayer/testdata/signing"

func TestVerifierAgreesWithThePublishedVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(signingDir, "vectors.json"))
	require.NoError(t, err)
	var file struct {
		Kid     string
		Vectors []struct {
			Name      string
			KeyFile   string `json:"key_file"`
			Method    string
			Path      string
			Headers   [][2]string
			Body      string
			Signature string
			Valid     *bool
			Note      string
		}
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.NotEmpty(t, file.Vectors)
	for _, v := range file.Vectors {
		header := http.Header{}
		for _, h := range v.Headers {
			header.Add(h[0], h[1])
		}
		err := simulator.VerifySignature(publicKey(t, v.KeyFile), v.Signature, v.Method, v.Path, header, []byte(v.Body))
		if v.Valid != nil && *v.Valid {
			assert.NoError(t, err, "%s: %s", v.Name, v.Note)
		} else {
			assert.Error(t, err, "%s: %s", v.Name, v.Note)
		}
	}
}

// publicKey reads the EC key of a PEM file or of a JWKS.
func publicKey(t *testing.T, file string) *ecdsa.PublicKey {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(signingDir, file))
	require.NoError(t, err)
	if strings.HasSuffix(file, ".pem") {
		key, err := simulator.ParsePublicKey(raw)
		require.NoError(t, err)
		return key
	}
	var set struct {
		Keys []struct{ Kty, Crv, X, Y string }
	}
	require.NoError(t, json.Unmarshal(raw, &set))
	for _, k := range set.Keys {
		if k.Kty != "EC" || k.Crv != "P-521" {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		require.NoError(t, err)
		y, err := base64.RawURLEncoding.DecodeString(k.Y)
		require.NoError(t, err)
		point := append(leftPad(x), leftPad(y)...)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P521(), append([]byte{4}, point...))
		require.NoError(t, err)
		return key
	}
	t.Fatalf("no EC key in %s", file)
	return nil
}

// leftPad makes a coordinate as long as the curve's; some JWKS lack zeros.
func leftPad(coordinate []byte) []byte {
	return append(make([]byte, 66-len(coordinate)), coordinate...)
}

func TestRequestsMustBeSigned(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	good := object{"alg": "ES512", "kid": "k", "tl_version": "2", "tl_headers": "Idempotency-Key"}
	with := func(name, value string) object {
		h := maps.Clone(good)
		h[name] = value
		return h
	}
	lines := "POST /v3/payments\nIdempotency-Key: " + key(1) + "\n"
	body := `{"some":"body"}`
	for name, signature := range map[string]string{
		"none":               "",
		"another body":       jws(good, lines+"{}"),
		"another path":       jws(good, strings.Replace(lines, "/v3", "", 1)+body),
		"another method":     jws(good, strings.Replace(lines, "POST", "PUT", 1)+body),
		"the query as well":  jws(good, strings.Replace(lines, "payments", "payments?a=b", 1)+body),
		"another algorithm":  jws(with("alg", "ES256"), lines+body),
		"another version":    jws(with("tl_version", "1"), lines+body),
		"no key":             jws(with("tl_headers", ""), "POST /v3/payments\n"+body),
		"a header not there": jws(with("tl_headers", "Idempotency-Key,X-None"), lines+"X-None: \n"+body),
		"an attached body":   strings.Replace(jws(good, lines+body), "..", ".e30.", 1),
		"noise":              "!!..!!",
		"a broken header":    "e30..e30",
	} {
		r := m.request(http.MethodPost, "/v3/payments?a=b", key(1), body)
		r.Header.Set("Tl-Signature", signature)
		res, err := m.http.Do(r)
		require.NoError(t, err)
		a := readAnswer(t, res)
		assert.Equal(t, http.StatusUnauthorized, a.status, name)
		assert.Equal(t, "Invalid request signature.", a.text("detail"), name)
	}
	assert.Empty(t, sim.Ledger().Entries())

	unsigned := m.request(http.MethodPost, "/v3/payments", "", payment())
	res, err := m.http.Do(unsigned)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, readAnswer(t, res).status, "the key is mandatory, and signed")
}

func TestSignatureMayDisagreeAboutATrailingSlash(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	r := m.request(http.MethodPost, "/test-signature", "", nil)
	r.Header.Set("Tl-Signature", sign(http.MethodPost, "/test-signature/", "", ""))
	res, err := m.http.Do(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNoContent, readAnswer(t, res).status)
	assert.Equal(t, http.StatusNoContent, m.post("/test-signature", key(1), "any").status)
}

func TestSigningKeysVerifyP521(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	sim := newSimulator(func(c *simulator.TrueLayerConfig) {
		c.VerifySignature = nil
		c.SigningKeys = map[string]*ecdsa.PublicKey{"kid_test": &private.PublicKey}
	})
	m := inProcess(t, sim)
	r := m.request(http.MethodPost, "/test-signature", "", "body")
	input, _, _ := strings.Cut(sign(http.MethodPost, "/test-signature", "", "body"), "..")
	payload := base64.RawURLEncoding.EncodeToString([]byte("POST /test-signature\nbody"))
	digest := sha512.Sum512([]byte(input + "." + payload))
	x, y, err := ecdsa.Sign(rand.Reader, private, digest[:])
	require.NoError(t, err)
	raw := append(x.FillBytes(make([]byte, 66)), y.FillBytes(make([]byte, 66))...)
	for signature, status := range map[string]int{
		input + ".." + base64.RawURLEncoding.EncodeToString(raw):                    http.StatusNoContent,
		input + ".." + base64.RawURLEncoding.EncodeToString(raw[:131]):              http.StatusUnauthorized,
		input + ".." + base64.RawURLEncoding.EncodeToString(make([]byte, len(raw))): http.StatusUnauthorized,
	} {
		again := r.Clone(t.Context())
		again.Body = m.request(http.MethodPost, "/test-signature", "", "body").Body
		again.Header.Set("Tl-Signature", signature)
		res, err := m.http.Do(again)
		require.NoError(t, err)
		assert.Equal(t, status, readAnswer(t, res).status)
	}

	none := inProcess(t, newSimulator(func(c *simulator.TrueLayerConfig) { c.VerifySignature = nil }))
	assert.Equal(t, http.StatusUnauthorized, none.post("/test-signature", "", "x").status, "without keys none is good")
}

func TestParsePublicKeyRefusesOtherKeys(t *testing.T) {
	t.Parallel()
	for _, pem := range []string{
		"", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
	} {
		_, err := simulator.ParsePublicKey([]byte(pem))
		require.Error(t, err)
	}
}
