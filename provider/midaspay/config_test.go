package midaspay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := midaspay.New(midaspay.Config{PlatformCertificates: map[string]string{"": "x", "AB": "y"}})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{
		"BaseURL: is required", midaspay.Sandbox, midaspay.Live, "MerchantID: is required", "SerialNo: is required",
		"PrivateKeyPEM: is required, or a Signer", "PlatformCertificates: has an empty serial", "PlatformCertificates: serial AB is not PEM",
	} {
		assert.ErrorContains(t, err, text)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	certificate := string(file(t, "platform.certificate.pem"))
	certificates := func(text string) func(*midaspay.Config) {
		return func(c *midaspay.Config) { c.PlatformCertificates = map[string]string{"AB": text} }
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ecPublic, err := x509.MarshalPKIXPublicKey(ec.Public())
	require.NoError(t, err)
	ecPrivate, err := x509.MarshalPKCS8PrivateKey(ec)
	require.NoError(t, err)
	short, err := x509.MarshalPKIXPublicKey(privateKey(t, "short.private.der.b64").Public())
	require.NoError(t, err)
	block := func(blockType string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
	}
	key := func(text payonce.Secret) func(*midaspay.Config) {
		return func(c *midaspay.Config) { c.PrivateKeyPEM = text }
	}
	for name, tc := range map[string]struct {
		change func(*midaspay.Config)
		want   string
	}{
		"a base URL with a trailing slash":  {func(c *midaspay.Config) { c.BaseURL += "/" }, "BaseURL: must not end in a slash"},
		"plain http":                        {func(c *midaspay.Config) { c.BaseURL = "http://pay.midaspayment.com" }, "BaseURL: must be https"},
		"no URL at all":                     {func(c *midaspay.Config) { c.BaseURL = "pay.midaspayment.com" }, "BaseURL: is not a URL"},
		"a URL with a password":             {func(c *midaspay.Config) { c.BaseURL = "https://u:canary@pay.midaspayment.com" }, "BaseURL: must have no user"},
		"a merchant id with a slash":        {func(c *midaspay.Config) { c.MerchantID = "a/b" }, "MerchantID: has a character"},
		"a merchant id with a quote":        {func(c *midaspay.Config) { c.MerchantID = `a",auth_id="b` }, "MerchantID: has a character"},
		"a merchant id that is too long":    {func(c *midaspay.Config) { c.MerchantID = strings.Repeat("a", 65) }, "MerchantID: must have at most 64 characters, has 65"},
		"a serial number with a comma":      {func(c *midaspay.Config) { c.SerialNo = "a,b" }, "SerialNo: has a character"},
		"a serial number with a line break": {func(c *midaspay.Config) { c.SerialNo = "a\r\nX: y" }, "SerialNo: has a character"},
		"a signer and a key":                {func(c *midaspay.Config) { c.Signer = signer(nil) }, "Signer: and PrivateKeyPEM exclude each other"},
		"a key that is no PEM":              {key("canary"), "PrivateKeyPEM: holds no private key"},
		"a public key for a private one":    {key(payonce.Secret(file(t, "merchant.public.pem"))), "PrivateKeyPEM: holds no unencrypted private key"},
		"a damaged key":                     {key(keyFile(t, "merchant.private.der.b64", "RSA PRIVATE KEY")), "PrivateKeyPEM: can't be parsed"},
		"an encrypted key":                  {key(payonce.Secret(block("ENCRYPTED PRIVATE KEY", []byte("canary")))), "PrivateKeyPEM: holds no unencrypted"},
		"a key that is too short":           {key(keyFile(t, "short.private.der.b64", "PRIVATE KEY")), "PrivateKeyPEM: is not an RSA key of at least 2048 bits"},
		"a key of another kind":             {key(payonce.Secret(block("PRIVATE KEY", ecPrivate))), "PrivateKeyPEM: is not an RSA key"},
		"a certificate that is no PEM":      {certificates("canary"), "PlatformCertificates: serial AB is not PEM"},
		"a damaged certificate":             {certificates(block("CERTIFICATE", []byte("canary"))), "PlatformCertificates: serial AB can't be parsed"},
		"a private key as certificate":      {certificates(block("PRIVATE KEY", ecPrivate)), "serial AB is neither a certificate nor a public key"},
		"a public key of another kind":      {certificates(block("PUBLIC KEY", ecPublic)), "serial AB is not an RSA key"},
		"a public key that is too short":    {certificates(block("PUBLIC KEY", short)), "serial AB is not an RSA key of at least 2048 bits"},
		"a serial twice": {func(c *midaspay.Config) {
			c.PlatformCertificates = map[string]string{"ab": certificate, "AB ": certificate}
		}, "has serial AB twice"},
		"a certificate with an empty serial": {func(c *midaspay.Config) { c.PlatformCertificates = map[string]string{" ": certificate} }, "has an empty serial"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			tc.change(&cfg)
			_, err := midaspay.New(cfg)
			require.ErrorIs(t, err, payonce.ErrInvalid)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestNewTakes(t *testing.T) {
	t.Parallel()
	pkcs1 := payonce.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(privateKey(t, "merchant.private.der.b64"))}))
	for name, tc := range map[string]struct {
		change  func(*midaspay.Config)
		account string
	}{
		"the sandbox":            {func(*midaspay.Config) {}, "midaspay/sandbox/" + merchantID},
		"live":                   {func(c *midaspay.Config) { c.BaseURL = midaspay.Live }, "midaspay/live/" + merchantID},
		"live in capitals":       {func(c *midaspay.Config) { c.BaseURL = "https://PAY.midaspayment.com" }, "midaspay/live/" + merchantID},
		"a stand-in with a path": {func(c *midaspay.Config) { c.BaseURL = "https://pay.example/mp" }, "midaspay/pay.example/" + merchantID},
		"http on loopback":       {func(c *midaspay.Config) { c.BaseURL = "http://127.0.0.1:8080" }, "midaspay/127.0.0.1:8080/" + merchantID},
		"a PKCS#1 key":           {func(c *midaspay.Config) { c.PrivateKeyPEM = pkcs1 }, "midaspay/sandbox/" + merchantID},
		"another key":            {func(c *midaspay.Config) { c.SerialNo, c.SubMerchantID = "7", "sub-1" }, "midaspay/sandbox/" + merchantID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, tc.change)
			assert.Equal(t, tc.account, p.Profile().Account)
			assert.Equal(t, tc.account, p.String())
		})
	}
}

func TestProfileStatesTheFacts(t *testing.T) {
	t.Parallel()
	profile := newProvider(t).Profile()
	assert.Greater(t, len(profile.Currencies), 150)
	profile.Currencies = nil
	assert.Equal(t, payonce.Profile{
		Name: "midaspay", Account: "midaspay/sandbox/" + merchantID, BaseURL: midaspay.Sandbox, RequestIDHeader: "Txgw-Nonce", Keys: payonce.KeysReadable, KeyMaxLen: 64,
		KeyAlphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", Timeout: 30 * time.Second,
	}, profile)
}

func TestNothingPrintsTheCredentialsOrWhatCardsAreMadeOf(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	p, err := midaspay.New(cfg)
	require.NoError(t, err)
	certified(t)(&cfg)
	webhooks, err := p.Webhooks(midaspay.WebhookConfig{Certificates: cfg.PlatformCertificates})
	require.NoError(t, err)
	method := midaspay.Order{
		Context: payonce.Raw(`{"token":"canary"}`), Extra: payonce.Raw(`{"card":"canary"}`), Units: []midaspay.Unit{{Extra: payonce.Raw(`{"x":"canary"}`)}},
	}
	op, err := p.Portable().CreatePayment(order(method))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(encode(t, op, "k", 1), "canary"), "it must be sent")
	key := cfg.PrivateKeyPEM.Reveal()[100:140]
	for _, value := range []any{
		cfg, &cfg, p, *p, webhooks, *webhooks, p.Profile(), op, method, &method, order(method),
		midaspay.CardParams{Reference: "c", Body: payonce.Raw(`{"number":"canary"}`)},
		midaspay.MORToken{Token: "canary-token", RedirectURL: "https://canary"},
		midaspay.MORTokenParams{CustomParameters: payonce.Raw("canary")},
		midaspay.MORSessionParams{Body: payonce.Raw("canary")},
		midaspay.RefundParams{Body: payonce.Raw("canary")},
		midaspay.AuthorizationParams{Body: payonce.Raw("canary")},
		midaspay.AuthorizationPaymentParams{Extra: payonce.Raw("canary")},
		midaspay.SubscriptionParams{Extra: payonce.Raw("canary"), Units: []midaspay.SubscriptionUnit{{Extra: payonce.Raw("canary")}}},
		midaspay.Event{Resource: payonce.Raw("canary"), Raw: payonce.Raw("canary")},
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("value", value))
		encoded, _ := json.Marshal(value)
		text := fmt.Sprintf("%v %+v %#v %s %q %x %s %s", value, value, value, value, value, value, encoded, log.String())
		assert.NotContains(t, text, "canary", "%T", value)
		assert.NotContains(t, text, "99 97 110 97 114 121", "%T prints the bytes", value)
		assert.NotContains(t, text, "63616e617279", "%T prints the bytes", value)
		assert.NotContains(t, text, key, "%T prints the key", value)
	}
	assert.Equal(t, "webhooks of midaspay/sandbox/"+merchantID, fmt.Sprint(webhooks))
}
