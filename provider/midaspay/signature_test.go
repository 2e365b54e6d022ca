package midaspay_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

type vector struct {
	Name, Kind, Key, Method, Path, Timestamp, Nonce, Body, Text, Signature string
	Valid                                                                  bool
}

func vectors(t *testing.T, kind string) []vector {
	t.Helper()
	var all, some []vector
	require.NoError(t, json.Unmarshal(file(t, "vectors.json"), &all))
	for _, v := range all {
		if v.Kind == kind {
			some = append(some, v)
		}
	}
	require.NotEmpty(t, some)
	return some
}

func TestRequestsAreSignedByteForByteAsOpenSSLDoes(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, v := range vectors(t, "request") {
		req := &payonce.Request{Method: v.Method, Path: v.Path, Body: []byte(v.Body)}
		assert.Equal(t, v.Text, string(midaspay.RequestText(req, v.Timestamp, v.Nonce)), v.Name)
		timestamp, err := strconv.ParseInt(v.Timestamp, 10, 64)
		require.NoError(t, err)
		got, err := p.Authorization(t.Context(), req, timestamp, v.Nonce)
		require.NoError(t, err)
		assert.Equal(t, `TXGW-SHA256-RSA2048 auth_id="merchant123456",auth_id_type=MERCHANT_ID,nonce_str="`+v.Nonce+
			`",timestamp="`+v.Timestamp+`",serial_no="6E5A0B1C",signature="`+v.Signature+`"`, got, v.Name)
	}
	assert.GreaterOrEqual(t, len(vectors(t, "request")), 6)
	for _, v := range vectors(t, "primitive") {
		signature, err := midaspay.PEMSign(p, []byte(v.Text))
		require.NoError(t, err)
		assert.Equal(t, v.Signature, base64.StdEncoding.EncodeToString(signature), v.Name)
	}
}

func TestAnswersAreVerifiedAsOpenSSLSigned(t *testing.T) {
	t.Parallel()
	public := string(file(t, "platform.public.pem"))
	for name, p := range map[string]*midaspay.Provider{
		"certificate": newProvider(t, certified(t)),
		"public key":  newProvider(t, func(c *midaspay.Config) { c.PlatformCertificates = map[string]string{strings.ToLower(serial): public} }),
	} {
		for _, v := range vectors(t, "answer") {
			header := http.Header{}
			header.Set("Txgw-Timestamp", v.Timestamp)
			header.Set("Txgw-Nonce", v.Nonce)
			header.Set("Txgw-Signature", v.Signature)
			header.Set("Txgw-Serial", serial)
			assert.Equal(t, v.Text, string(midaspay.AnswerText(v.Timestamp, v.Nonce, []byte(v.Body))), v.Name)
			assert.Equal(t, v.Valid, p.Genuine(header, []byte(v.Body)), "%s by %s", v.Name, name)
		}
	}
}

func TestEverySignedByteAndEveryHeaderCounts(t *testing.T) {
	t.Parallel()
	p := newProvider(t, certified(t))
	const body = `{"id":"O-1"}`
	genuine := sign(t, body, at)
	require.True(t, p.Genuine(genuine, []byte(body)))
	assert.False(t, p.Genuine(genuine, []byte(body+" ")))
	assert.False(t, p.Genuine(genuine, []byte(`{"id":"O-2"}`)))
	assert.False(t, p.Genuine(http.Header{}, []byte(body)))
	for _, name := range []string{"Txgw-Timestamp", "Txgw-Nonce", "Txgw-Signature", "Txgw-Serial"} {
		for what, change := range map[string]func(http.Header){
			"missing": func(h http.Header) { h.Del(name) },
			"empty":   func(h http.Header) { h.Set(name, "") },
			"twice":   func(h http.Header) { h.Add(name, h.Get(name)) },
			"another": func(h http.Header) { h.Set(name, "A"+h.Get(name)) },
			"longer":  func(h http.Header) { h.Set(name, h.Get(name)+"A") },
		} {
			header := genuine.Clone()
			change(header)
			assert.False(t, p.Genuine(header, []byte(body)), "%s %s", name, what)
		}
	}
	lower := genuine.Clone()
	lower.Set("Txgw-Serial", strings.ToLower(serial))
	assert.True(t, p.Genuine(lower, []byte(body)), "serials are hexadecimal")
	assert.False(t, newProvider(t).Genuine(genuine, []byte(body)), "no certificate is configured")
}

func TestEveryAttemptHasATimestampAndANonceOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	synctest.Test(t, func(t *testing.T) {
		req := &payonce.Request{Method: http.MethodPost, Path: "/v1/payment/orders", Body: []byte(`{}`)}
		shape := regexp.MustCompile(`nonce_str="([0-9a-f]{32})",timestamp="([0-9]+)"`)
		first, err := p.Authorize(t.Context(), nil, req, nil)
		require.NoError(t, err)
		<-time.NewTimer(90 * time.Second).C
		second, err := p.Authorize(t.Context(), nil, req, first)
		require.NoError(t, err)
		require.Len(t, first, 1)
		one, two := shape.FindStringSubmatch(first.Get("Authorization")), shape.FindStringSubmatch(second.Get("Authorization"))
		require.Len(t, one, 3)
		require.Len(t, two, 3)
		assert.NotEqual(t, one[1], two[1])
		sent, err := strconv.ParseInt(one[2], 10, 64)
		require.NoError(t, err)
		assert.Equal(t, time.Now().Unix()-90, sent)
		assert.Equal(t, strconv.FormatInt(time.Now().Unix(), 10), two[2])
	})
}

// signer is a KMS.
type signer func(ctx context.Context, message []byte) ([]byte, error)

func (s signer) Sign(ctx context.Context, message []byte) ([]byte, error) { return s(ctx, message) }

func TestASignerTakesThePlaceOfTheKey(t *testing.T) {
	t.Parallel()
	with := func(s signer) *midaspay.Provider {
		return newProvider(t, func(c *midaspay.Config) { c.PrivateKeyPEM, c.Signer = "", s })
	}
	req := &payonce.Request{Method: http.MethodPost, Path: "/x?y=z", Body: []byte("{}\n")}
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "the caller's")
	header, err := with(func(ctx context.Context, message []byte) ([]byte, error) {
		assert.Equal(t, "the caller's", ctx.Value(key{}))
		assert.Regexp(t, "^POST\n/x\\?y=z\n[0-9]+\n[0-9a-f]{32}\n{}\n\n$", string(message))
		return []byte("raw"), nil
	}).Authorize(ctx, nil, req, nil)
	require.NoError(t, err)
	assert.Contains(t, header.Get("Authorization"), `signature="cmF3"`)

	down := errors.New("the KMS is down")
	_, err = with(func(context.Context, []byte) ([]byte, error) { return nil, down }).Authorize(t.Context(), nil, req, nil)
	require.ErrorIs(t, err, down)
	assert.NotErrorIs(t, err, payonce.ErrInvalid, "it is worth another try")
	_, err = with(func(context.Context, []byte) ([]byte, error) { return nil, nil }).Authorize(t.Context(), nil, req, nil)
	require.ErrorContains(t, err, "no signature")
}

// No seed is a whole private key: validating one takes a fuzzer all its time, and keys in PEM alarm whoever scans for secrets.
func FuzzKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		private, err := midaspay.KeyInPEM(text)
		require.Equal(t, err != nil, private == nil)
		if private != nil {
			require.GreaterOrEqual(t, private.N.BitLen(), 2048)
		}
		public, err := midaspay.CertificateInPEM(text)
		require.Equal(t, err != nil, public == nil)
		if public != nil {
			require.GreaterOrEqual(t, public.N.BitLen(), 2048)
		}
		require.False(t, private != nil && public != nil, "one or the other")
	})
}
