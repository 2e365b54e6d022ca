package elebne_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := elebne.New(elebne.Config{BaseURL: "ftp://x", OldSecretKeys: []payonce.Secret{"", "canary"}})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{
		"BaseURL: must be https", "MerchantID: is required", "SecretKey: is required",
		"OldSecretKeys[0]: is required", "OldSecretKeys[1]: must begin with sk_test_ or sk_live_",
	} {
		assert.ErrorContains(t, err, text)
	}
	assert.NotContains(t, err.Error(), "canary")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	base := func(u string) func(*elebne.Config) { return func(c *elebne.Config) { c.BaseURL = u } }
	key := func(k payonce.Secret) func(*elebne.Config) { return func(c *elebne.Config) { c.SecretKey = k } }
	old := func(keys ...payonce.Secret) func(*elebne.Config) {
		return func(c *elebne.Config) { c.OldSecretKeys = keys }
	}
	for name, tc := range map[string]struct {
		change func(*elebne.Config)
		want   string
	}{
		"a base URL that ends in /dev":     {base("https://api.elebne.ai/api/v1/dev"), "BaseURL: must not end in /dev: every path begins with it"},
		"a base URL that ends in /dev/":    {base("https://api.elebne.ai/api/v1/dev/"), "BaseURL: must not end in /dev"},
		"a base URL with a slash":          {base("https://api.elebne.ai/api/v1/"), "BaseURL: must not end in a slash"},
		"plain http":                       {base("http://api.elebne.ai/api/v1"), "BaseURL: must be https; http is for loopback hosts only"},
		"a base URL with a password":       {base("https://u:canary@api.elebne.ai/api/v1"), "BaseURL: must have no user"},
		"no merchant":                      {func(c *elebne.Config) { c.MerchantID = "" }, "MerchantID: is required"},
		"a merchant with a slash":          {func(c *elebne.Config) { c.MerchantID = "a/b" }, "MerchantID: has a character"},
		"a key without environment":        {key("sk_canary"), "SecretKey: must begin with"},
		"a prefix alone":                   {key("sk_live_"), "SecretKey: must begin with"},
		"a key with a line break":          {key("sk_live_canary\n"), "SecretKey: has a character that no key has"},
		"a key with Bearer":                {key("Bearer sk_live_canary"), "SecretKey: has a character that no key has"},
		"an old key of live for test":      {old("sk_live_canary"), "OldSecretKeys[0]: is for live, SecretKey is for test"},
		"an old key that can't write":      {old("pk_test_canary"), "OldSecretKeys[0]: is a publishable key"},
		"the key itself as an old one":     {old(testKey), "OldSecretKeys[0]: is SecretKey again"},
		"an old key twice":                 {old("sk_test_canary", "sk_test_canary"), "OldSecretKeys[1]: is there twice"},
		"an old key with a space":          {old("sk_test_canary "), "OldSecretKeys[0]: has a character that no key has"},
		"a base URL that is no URL":        {base("api.elebne.ai"), "BaseURL: is not a URL such as https://api.elebne.ai/api/v1"},
		"a merchant with a line break":     {func(c *elebne.Config) { c.MerchantID = "a\n" }, "MerchantID: has a character"},
		"a publishable key without a rest": {key("pk_test_"), "SecretKey: must begin with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			tc.change(&cfg)
			_, err := elebne.New(cfg)
			require.ErrorIs(t, err, payonce.ErrInvalid)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTheKeySaysTheEnvironmentAndNotTheAccount(t *testing.T) {
	t.Parallel()
	for key, account := range map[payonce.Secret]string{
		"sk_test_a": "elebne/test/shop-1", "sk_test_b": "elebne/test/shop-1", "pk_test_a": "elebne/test/shop-1",
		"sk_live_a": "elebne/live/shop-1", "pk_live_a": "elebne/live/shop-1",
	} {
		p := newProvider(t, func(c *elebne.Config) { c.SecretKey = key })
		assert.Equal(t, account, p.Profile().Account)
		assert.Equal(t, account, fmt.Sprint(p))
	}
	stand := newProvider(t, func(c *elebne.Config) { c.BaseURL = "http://127.0.0.1:8080/api/v1" })
	assert.Equal(t, "elebne/test/shop-1", stand.Profile().Account, "nor does the host")
}

func TestProfileStatesTheFacts(t *testing.T) {
	t.Parallel()
	old := []payonce.Secret{"sk_test_old"}
	p := newProvider(t, func(c *elebne.Config) { c.OldSecretKeys = old })
	old[0] = "sk_test_changed"
	assert.Equal(t, payonce.Profile{
		Name: "elebne", Account: "elebne/test/shop-1", BaseURL: "https://api.elebne.ai/api/v1",
		Credential: testKey, OldCredentials: []payonce.Secret{"sk_test_old"},
		KeyHeader: "X-Idempotency-Key", KeyMaxLen: 255, Keys: payonce.KeysDerived, KeyLife: 24 * time.Hour,
		Timeout: 30 * time.Second, Currencies: map[string]int{"MRU": 2},
	}, p.Profile())
}

func TestAnAttemptIsMadeWithTheKeyThatTheOperationBeganUnder(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for credential, want := range map[payonce.Secret]string{"": "Bearer sk_test_example", "sk_test_old": "Bearer sk_test_old"} {
		req := &payonce.Request{Method: http.MethodPost, Key: "k", Header: http.Header{"X-Idempotency-Key": {"k"}}, Credential: credential}
		header, err := p.Authorize(t.Context(), nil, req, nil)
		require.NoError(t, err)
		assert.Equal(t, http.Header{"Authorization": {want}}, header)
	}
}

func TestAWriteWithoutItsKeyIsNotSent(t *testing.T) {
	t.Parallel()
	for name, req := range map[string]payonce.Request{
		"no key":         {Method: http.MethodPost, Header: http.Header{"X-Idempotency-Key": {"k"}}},
		"no key at all":  {Method: http.MethodDelete},
		"no header":      {Method: http.MethodPut, Key: "k"},
		"another header": {Method: http.MethodPatch, Key: "k", Header: http.Header{"Idempotency-Key": {"k"}}},
		"another key":    {Method: http.MethodPost, Key: "k", Header: http.Header{"X-Idempotency-Key": {"K"}}},
	} {
		header, err := newProvider(t).Authorize(t.Context(), nil, &req, nil)
		require.ErrorIs(t, err, payonce.ErrInvalid, name)
		require.ErrorContains(t, err, "X-Idempotency-Key: is missing from a write, or is not its key")
		assert.Nil(t, header)
	}
}

func TestAPublishableKeyOnlyReads(t *testing.T) {
	t.Parallel()
	p := newProvider(t, publishable)
	header, err := p.Authorize(t.Context(), nil, &payonce.Request{Method: http.MethodGet}, nil)
	require.NoError(t, err)
	assert.Equal(t, http.Header{"Authorization": {"Bearer pk_test_example"}}, header)
	for _, req := range []payonce.Request{
		{Method: http.MethodPost},
		{Method: http.MethodPut},
		{Method: http.MethodPatch},
		{Method: http.MethodDelete},
		{Method: http.MethodGet, Key: "k"},
		{Method: http.MethodPost, Credential: "pk_test_other"},
	} {
		header, err := p.Authorize(t.Context(), nil, &req, nil)
		require.ErrorIs(t, err, payonce.ErrInvalid, "%s", req.Method)
		require.ErrorContains(t, err, "SecretKey: is a publishable key (pk_), which only reads")
		assert.Nil(t, header)
	}
}

func TestNothingPrintsTheCredentials(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.SecretKey, cfg.OldSecretKeys = "sk_test_canary", []payonce.Secret{"sk_test_canary2"}
	p, err := elebne.New(cfg)
	require.NoError(t, err)
	hooks := elebne.WebhookConfig{Secrets: []payonce.Secret{"ca4a21ca4a21ca4a21ca4a21ca4a21ca4a21ca4a21ca4a21ca4a21ca4a21ca4a"}, Header: "X-Sig", Encoding: elebne.SignatureHex, KeyForm: elebne.KeyText}
	w, err := p.Webhooks(hooks)
	require.NoError(t, err)
	hooks.KeyForm = elebne.KeyDecoded
	decoded, err := p.Webhooks(hooks)
	require.NoError(t, err)
	var got elebne.PaymentIntent
	require.NoError(t, json.Unmarshal([]byte(`{"payUrl":"canary","shortCode":"canary","code":"canary"}`), &got))
	require.Equal(t, "canary", got.Code.Reveal())
	var ordered elebne.Order
	require.NoError(t, json.Unmarshal([]byte(`{"customerName":"canary","customerPhone":"canary","items":[{"note":"canary"}]}`), &ordered))
	require.Equal(t, "canary", ordered.CustomerName.Reveal())
	require.JSONEq(t, `[{"note":"canary"}]`, string(ordered.Items.Bytes()))
	endpoint := elebne.WebhookEndpoint{Secret: "canary"}
	event := elebne.Event{Raw: payonce.Raw("canary"), Payment: elebne.PaymentEvent{ShortCode: "canary"}}
	for _, value := range []any{cfg, &cfg, p, *p, p.Profile(), hooks, &hooks, w, *w, decoded, *decoded, got, &got, ordered, &ordered, endpoint, &endpoint, event, event.Portable(), p.API(nil)} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", value))
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("value", value))
		encoded, _ := json.Marshal(value)
		text := fmt.Sprintf("%v %+v %#v %s %q %x %s %s", value, value, value, value, value, value, encoded, log.String())
		for _, canary := range []string{"canary", "63616e617279", "ca4a21", "63613461", "99 97 52 97", "202 74 33"} {
			assert.NotContains(t, text, canary, "%T", value)
		}
	}
}
