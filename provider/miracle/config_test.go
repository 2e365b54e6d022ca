package miracle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := miracle.New(miracle.Config{BaseURL: "ftp://api.miracle.com/"})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{
		`BaseURL: must be https, is "ftp"`, "BaseURL: must not end in a slash", "MerchantID: is required", "SecretKey: is required",
	} {
		assert.ErrorContains(t, err, text)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*miracle.Config)
		want   string
	}{
		"plain http":                       {func(c *miracle.Config) { c.BaseURL = "http://api.miracle.com" }, "BaseURL: must be https; http is for loopback hosts only"},
		"no URL at all":                    {func(c *miracle.Config) { c.BaseURL = "api.miracle.com" }, "BaseURL: is not a URL"},
		"a URL with a password":            {func(c *miracle.Config) { c.BaseURL = "https://u:canary@api.miracle.com" }, "BaseURL: must have no user"},
		"a URL with a query":               {func(c *miracle.Config) { c.BaseURL = "https://api.miracle.com?a=b" }, "BaseURL: must have no user, query or fragment"},
		"a URL with the version":           {func(c *miracle.Config) { c.BaseURL = "https://api.miracle.com/v1" }, "BaseURL: must not end in /v1"},
		"no merchant":                      {func(c *miracle.Config) { c.MerchantID = "" }, "MerchantID: is required"},
		"a merchant with a slash":          {func(c *miracle.Config) { c.MerchantID = "a/b" }, "MerchantID: has a character"},
		"no key":                           {func(c *miracle.Config) { c.SecretKey = "" }, "SecretKey: is required"},
		"a publishable test key":           {func(c *miracle.Config) { c.SecretKey = "pk_test_canary" }, "SecretKey: is a publishable key"},
		"a publishable live key":           {func(c *miracle.Config) { c.SecretKey = "pk_live_canary" }, "SecretKey: is a publishable key"},
		"a client secret":                  {func(c *miracle.Config) { c.SecretKey = "cs_secret_canary" }, "SecretKey: is not a secret key"},
		"a key of no environment":          {func(c *miracle.Config) { c.SecretKey = "sk_canary" }, "SecretKey: is not a secret key"},
		"a prefix without a key":           {func(c *miracle.Config) { c.SecretKey = "sk_live_" }, "SecretKey: is not a secret key"},
		"a key with a line break":          {func(c *miracle.Config) { c.SecretKey = "sk_test_canary\n" }, "SecretKey: has a character"},
		"a key with a space before it":     {func(c *miracle.Config) { c.SecretKey = " sk_test_canary" }, "SecretKey: has a character"},
		"a key that is written in capital": {func(c *miracle.Config) { c.SecretKey = "SK_TEST_canary" }, "SecretKey: is not a secret key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			tc.change(&cfg)
			_, err := miracle.New(cfg)
			require.ErrorIs(t, err, payonce.ErrInvalid)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTheAccountIsEnvironmentAndMerchant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change  func(*miracle.Config)
		account string
	}{
		"test":                       {func(*miracle.Config) {}, "miracle/test/" + merchantID},
		"live":                       {inLive, "miracle/live/" + merchantID},
		"a rotated key":              {func(c *miracle.Config) { c.SecretKey = "sk_test_another" }, "miracle/test/" + merchantID},
		"a stand-in with a path":     {func(c *miracle.Config) { c.BaseURL = "https://pay.example/miracle" }, "miracle/test/" + merchantID},
		"a stand-in on this machine": {func(c *miracle.Config) { c.BaseURL = "http://127.0.0.1:8080" }, "miracle/test/" + merchantID},
	} {
		assert.Equal(t, tc.account, newProvider(t, tc.change).Profile().Account, name)
		assert.Equal(t, tc.account, fmt.Sprint(newProvider(t, tc.change)), name)
	}
}

func TestProfileStatesTheFacts(t *testing.T) {
	t.Parallel()
	assert.Equal(t, payonce.Profile{
		Name: "miracle", Account: "miracle/test/" + merchantID, BaseURL: "https://api.miracle.com", KeyHeader: "Idempotency-Key",
		Keys: payonce.KeysReadable, KeyLife: 24 * time.Hour, Timeout: 60 * time.Second,
	}, newProvider(t).Profile())
}

func TestAWriteWithoutItsKeyIsNotSent(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	authorize := func(method, key string, header http.Header) (http.Header, error) {
		return p.Authorize(t.Context(), nil, &payonce.Request{Method: method, Path: "/v1/payments", Key: key, Header: header}, nil)
	}
	keyed := http.Header{"Idempotency-Key": {"k"}}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "BREW", ""} {
		for name, tc := range map[string]struct {
			key    string
			header http.Header
		}{
			"no key": {"", keyed}, "no header": {"k", http.Header{}}, "nil header": {"k", nil}, "neither": {"", nil}, "another key": {"l", keyed},
		} {
			header, err := authorize(method, tc.key, tc.header)
			require.ErrorIs(t, err, payonce.ErrInvalid, "%s with %s", method, name)
			assert.Nil(t, header)
		}
		header, err := authorize(method, "k", keyed)
		require.NoError(t, err, method)
		assert.Equal(t, http.Header{"Authorization": {"Bearer sk_test_example"}}, header)
	}
	for _, method := range []string{"GET", "HEAD"} {
		header, err := authorize(method, "", nil)
		require.NoError(t, err, method)
		assert.Equal(t, http.Header{"Authorization": {"Bearer sk_test_example"}}, header)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.SecretKey = "sk_test_canary"
	p, err := miracle.New(cfg)
	require.NoError(t, err)
	hooks := miracle.WebhookConfig{Secrets: []payonce.Secret{"whsec_canarycanarycanarycanary0000"}}
	webhooks, err := p.Webhooks(hooks)
	require.NoError(t, err)
	method := miracle.Method{Type: miracle.Card, Token: "tok_canary", Fields: payonce.Raw(`{"cryptogram":"canary"}`)}
	op, err := p.Portable().CreatePayment(order(method))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(encode(t, op, 1), "canary"), "the token must be sent")
	action := miracle.CompleteActionParams{PaymentID: "p", RedirectResult: "canary", CRes: "canary", MD: "canary", PaRes: "canary"}
	done, err := miracle.CompleteAction(miracle.CompleteActionParams{PaymentID: "p", MD: "canary", PaRes: "canary"})
	require.NoError(t, err)
	var payment miracle.Payment
	require.NoError(t, json.Unmarshal([]byte(`{"id":"p","action":{"type":"redirect","url":"https://canary","data":{"threeDSToken":"canary"}},
		"threeDSResult":{"cavv":"canary","xid":"canary"}}`), &payment))
	require.Equal(t, "https://canary", payment.Action.URL.Reveal())
	session := miracle.Session{
		URL: "https://canary", ClientSecret: "cs_secret_canary", FulfillmentOptions: payonce.Raw("canary"), SelectedFulfillment: payonce.Raw("canary"),
		CustomerInfo: miracle.CustomerInfo{Email: "canary", Phone: "canary", Name: "canary", FirstName: "canary", LastName: "canary"},
	}
	event := miracle.Event{ID: "e", Data: payonce.Raw("canary"), Raw: payonce.Raw("canary")}
	for _, value := range []any{
		cfg, &cfg, p, *p, p.Profile(), hooks, webhooks, *webhooks, method, &method, order(method), op, action, done, payment, &payment, session, event,
		miracle.WebhookEndpoint{Secret: "whsec_canary"},
		miracle.RotatedSecret{Secret: "whsec_canary"},
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("value", value))
		encoded, _ := json.Marshal(value)
		text := fmt.Sprintf("%v %+v %#v %s %q %s %s", value, value, value, value, value, encoded, log.String())
		assert.NotContains(t, text, "canary", "%T", value)
	}
	_, err = p.Webhooks(miracle.WebhookConfig{Secrets: []payonce.Secret{"sk_canary"}, Tolerance: -1})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	assert.NotContains(t, err.Error(), "canary")
}
