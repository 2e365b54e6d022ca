package truelayer_test

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
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := truelayer.New(truelayer.Config{})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{
		"BaseURL: is required", truelayer.Sandbox, truelayer.Live, "ClientID: is required", "ClientSecret: is required",
		"SigningKeyID: is required", "SigningKeyPEM: is required",
	} {
		assert.ErrorContains(t, err, text)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	p256 := ecKey(t, elliptic.P256())
	for name, tc := range map[string]struct {
		change func(*truelayer.Config)
		want   string
	}{
		"a base URL with a trailing slash":  {func(c *truelayer.Config) { c.BaseURL += "/" }, "BaseURL: must not end in a slash"},
		"plain http":                        {func(c *truelayer.Config) { c.BaseURL = "http://api.truelayer.com" }, "BaseURL: must be https; http is for loopback hosts only"},
		"another scheme":                    {func(c *truelayer.Config) { c.BaseURL = "ftp://api.truelayer.com" }, `BaseURL: must be https, is "ftp"`},
		"no URL at all":                     {func(c *truelayer.Config) { c.BaseURL = "api.truelayer.com" }, "BaseURL: is not a URL"},
		"a URL with a password":             {func(c *truelayer.Config) { c.BaseURL = "https://u:canary@api.truelayer.com" }, "BaseURL: must have no user"},
		"a URL with a query":                {func(c *truelayer.Config) { c.BaseURL = "https://api.truelayer.com?a=b" }, "BaseURL: must have no user, query or fragment"},
		"an unknown host without AuthURL":   {func(c *truelayer.Config) { c.BaseURL = "https://pay.example" }, "AuthURL: is required"},
		"sandbox with live's authorization": {func(c *truelayer.Config) { c.AuthURL = "https://auth.truelayer.com" }, "AuthURL: belongs to the other environment"},
		"live with sandbox's authorization": {func(c *truelayer.Config) { c.BaseURL, c.AuthURL = truelayer.Live, "https://AUTH.truelayer-sandbox.com" }, "AuthURL: belongs to the other environment"},
		"an AuthURL with a trailing slash":  {func(c *truelayer.Config) { c.AuthURL = "https://auth.example/" }, "AuthURL: must not end in a slash"},
		"a client id with a slash":          {func(c *truelayer.Config) { c.ClientID = "a/b" }, "ClientID: has a character"},
		"a client id with a line break":     {func(c *truelayer.Config) { c.ClientID = "a\n" }, "ClientID: has a character"},
		"a signer and a PEM key":            {func(c *truelayer.Config) { c.SigningKeyPEM = testKey(t, "EC PRIVATE KEY") }, "Signer: and SigningKeyPEM exclude each other"},
		"a PEM that is none":                {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, "canary" }, "SigningKeyPEM: holds no private key"},
		"a key of another curve":            {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, p256 }, "SigningKeyPEM: is not a P-521 key"},
		"a damaged key":                     {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, testKey(t, "PRIVATE KEY") }, "SigningKeyPEM: can't be parsed"},
		"a public key":                      {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, testKey(t, "PUBLIC KEY") }, "SigningKeyPEM: holds no private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			tc.change(&cfg)
			_, err := truelayer.New(cfg)
			require.ErrorIs(t, err, payonce.ErrInvalid)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func ecKey(t *testing.T, curve elliptic.Curve) payonce.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return payonce.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestNewTakes(t *testing.T) {
	t.Parallel()
	sec1 := testKey(t, "EC PRIVATE KEY")
	for name, tc := range map[string]struct {
		change  func(*truelayer.Config)
		account string
	}{
		"the sandbox": {func(*truelayer.Config) {}, "truelayer/sandbox/" + clientID},
		"live":        {func(c *truelayer.Config) { c.BaseURL = truelayer.Live }, "truelayer/live/" + clientID},
		"a stand-in with a path": {func(c *truelayer.Config) {
			c.BaseURL, c.AuthURL = "https://pay.example/tl", "https://auth.example"
		}, "truelayer/pay.example/" + clientID},
		"http on loopback": {func(c *truelayer.Config) {
			c.BaseURL, c.AuthURL = "http://127.0.0.1:8080", "http://localhost:8081"
		}, "truelayer/127.0.0.1:8080/" + clientID},
		"a SEC1 key":  {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, sec1 }, "truelayer/sandbox/" + clientID},
		"a PKCS8 key": {func(c *truelayer.Config) { c.Signer, c.SigningKeyPEM = nil, ecKey(t, elliptic.P521()) }, "truelayer/sandbox/" + clientID},
		"a key after its parameters": {func(c *truelayer.Config) {
			c.Signer, c.SigningKeyPEM = nil, "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIw==\n-----END EC PARAMETERS-----\n"+sec1
		}, "truelayer/sandbox/" + clientID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.account, newProvider(t, tc.change).Profile().Account)
		})
	}
}

func TestProfileStatesTheFacts(t *testing.T) {
	t.Parallel()
	assert.Equal(t, payonce.Profile{
		Name: "truelayer", Account: "truelayer/sandbox/" + clientID, BaseURL: truelayer.Sandbox, KeyHeader: "Idempotency-Key", RequestIDHeader: "Tl-Trace-Id",
		Keys: payonce.KeysDerived, KeyLife: 30 * 24 * time.Hour, Timeout: 35 * time.Second, Currencies: map[string]int{"GBP": 2, "EUR": 2},
	}, newProvider(t).Profile())
}

func TestNothingPrintsTheCredentials(t *testing.T) {
	t.Parallel()
	key := testKey(t, "EC PRIVATE KEY")
	cfg := config()
	cfg.ClientSecret, cfg.Signer, cfg.SigningKeyPEM = "canary-client-secret", nil, key
	p, err := truelayer.New(cfg)
	require.NoError(t, err)
	method := truelayer.BankTransfer{ProviderSelection: truelayer.ProviderSelection{DataAccessToken: "canary-data-token"}}
	created := truelayer.CreatedPayment{
		ResourceToken: "canary-resource-token", HostedPage: truelayer.HostedPageLink{URI: "canary-page"},
		AuthorizationFlow: truelayer.AuthorizationFlow{Actions: truelayer.FlowActions{Next: truelayer.NextAction{URI: "canary-redirect"}}},
	}
	op, err := p.Portable().CreatePayment(payonce.PaymentParams{
		Reference: "order-1", Amount: payonce.Amount{Minor: 1, Currency: "GBP"}, Method: withToken("canary-data-token"),
	})
	require.NoError(t, err)
	require.Contains(t, string(encode(t, op, 1)), "canary-data-token", "the token must be sent")
	for _, value := range []any{cfg, &cfg, p, *p, method, &method, created, &created, p.Profile(), op, truelayer.CreatedPayout{ResourceToken: "canary"}} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("value", value))
		encoded, _ := json.Marshal(value)
		text := fmt.Sprintf("%v %+v %#v %s %q %s %s", value, value, value, value, value, encoded, log.String())
		assert.NotContains(t, text, "canary", "%T", value)
		assert.NotContains(t, text, "MIHcAgEB", "%T prints the key", value)
		assert.NotContains(t, text, key.Reveal()[40:80], "%T prints the key", value)
	}
	assert.Equal(t, "truelayer/sandbox/"+clientID, fmt.Sprint(p))
}

// withToken is a payment with a preselected bank and a Data API token.
func withToken(token payonce.Secret) truelayer.BankTransfer {
	m := bankTransfer()
	m.ProviderSelection = truelayer.ProviderSelection{
		Type: truelayer.Preselected, ProviderID: "mock-payments-gb-redirect", DataAccessToken: token,
		SchemeSelection: truelayer.SchemeSelection{Type: truelayer.InstantOnly},
	}
	return m
}

// bankTransfer is the least that makes a payment.
func bankTransfer() truelayer.BankTransfer {
	return truelayer.BankTransfer{
		Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: "a61acaef-ee05-4077-92f3-25543a11bd8d"},
		User:        truelayer.User{Name: "Jane Doe", Email: "jane@example.com"},
	}
}
