package elebne_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/webhook"
	"github.com/payonce/payonce/provider/elebne"
)

const (
	hookSecret  = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	otherSecret = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

func hooks() elebne.WebhookConfig {
	return elebne.WebhookConfig{Secrets: []payonce.Secret{hookSecret}, Header: "X-Elebne-Signature", Encoding: elebne.SignatureHex, KeyForm: elebne.KeyText}
}

func newWebhooks(tb testing.TB, cfg elebne.WebhookConfig) *elebne.Webhooks {
	tb.Helper()
	w, err := newProvider(tb).Webhooks(cfg)
	require.NoError(tb, err)
	return w
}

// macOf is HMAC-SHA256 by the other two lines of code.
func macOf(key []byte, body string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// signed is a delivery as hooks() expects it.
func signed(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
	r.Header.Set("X-Elebne-Signature", hex.EncodeToString(macOf([]byte(hookSecret), body)))
	return r
}

const paymentEvent = `{"id":"d-1","event":"payment.confirmed","created_at":"2026-04-04T10:30:00.000Z","sandbox":true,"data":{
	"reference_number":"PI-312345678901234","short_code":"ABC123","amount":50000,"currency":"MRU","status":"PAID",
	"paid_at":"2026-04-04T10:29:59.500Z","payer_phone":"42 ** ** 78","metadata":{"payonce_ref":"payment.create:1:order-12345","a":"b"},
	"commission":{"provider_ttc":1,"payer_ttc":2,"tof":3,"tte":4,"total_revenue":5}}}`

// unpaidEvent is an event of an intent that was not paid.
func unpaidEvent(kind, status string) string {
	return strings.NewReplacer("payment.confirmed", kind, `"PAID"`, `"`+status+`"`, `"2026-04-04T10:29:59.500Z"`, "null").Replace(paymentEvent)
}

const orderEvent = `{"event":"order.accepted","timestamp":"2026-04-04T10:30:00.000Z","sandbox":true,
	"data":{"referenceNumber":"EL-31","status":"PREPARING","previousStatus":"NEW"}}`

func TestWebhooksReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newProvider(t).Webhooks(elebne.WebhookConfig{})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{
		"Secrets: is required", "Header: is required: the name of the header with the signature", "Encoding: is required: SignatureHex or SignatureBase64",
		"KeyForm: is required: KeyText or KeyDecoded",
	} {
		assert.ErrorContains(t, err, text)
	}
	for want, change := range map[string]func(*elebne.WebhookConfig){
		"Secrets[0]: must have 64 hexadecimal characters": func(c *elebne.WebhookConfig) { c.Secrets = []payonce.Secret{"canary"} },
		"Secrets[1]: must have 64":                        func(c *elebne.WebhookConfig) { c.Secrets = append(c.Secrets, payonce.Secret(hookSecret[:62])) },
		"Secrets[1]: is there twice":                      func(c *elebne.WebhookConfig) { c.Secrets = append(c.Secrets, hookSecret) },
		"Header: is not the name of a header":             func(c *elebne.WebhookConfig) { c.Header = "X Sig" },
		"Encoding: is required":                           func(c *elebne.WebhookConfig) { c.Encoding = 3 },
		"KeyForm: is required":                            func(c *elebne.WebhookConfig) { c.KeyForm = -1 },
	} {
		cfg := hooks()
		change(&cfg)
		_, err := newProvider(t).Webhooks(cfg)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestAGenuineDeliveryIsTakenHoweverItIsSigned(t *testing.T) {
	t.Parallel()
	decoded, err := hex.DecodeString(hookSecret)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change    func(*elebne.WebhookConfig)
		signature string
	}{
		"hex":              {func(*elebne.WebhookConfig) {}, hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
		"capital hex":      {func(*elebne.WebhookConfig) {}, strings.ToUpper(hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent)))},
		"hex with prefix":  {func(c *elebne.WebhookConfig) { c.Prefix = "sha256=" }, "sha256=" + hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
		"base64":           {func(c *elebne.WebhookConfig) { c.Encoding = elebne.SignatureBase64 }, base64.StdEncoding.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
		"a decoded key":    {func(c *elebne.WebhookConfig) { c.KeyForm = elebne.KeyDecoded }, hex.EncodeToString(macOf(decoded, paymentEvent))},
		"another header":   {func(c *elebne.WebhookConfig) { c.Header = "x-elebne-signature" }, hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
		"an older secret":  {func(c *elebne.WebhookConfig) { c.Secrets = []payonce.Secret{otherSecret, hookSecret} }, hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
		"the newer secret": {func(c *elebne.WebhookConfig) { c.Secrets = []payonce.Secret{hookSecret, otherSecret} }, hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := hooks()
			tc.change(&cfg)
			r := signed(paymentEvent)
			r.Header.Set("X-Elebne-Signature", tc.signature)
			events, err := newWebhooks(t, cfg).Parse(r, []byte(paymentEvent))
			require.NoError(t, err)
			assert.Len(t, events, 1)
		})
	}
}

func TestWhatIsNotGenuineIsRefused(t *testing.T) {
	t.Parallel()
	good := hex.EncodeToString(macOf([]byte(hookSecret), paymentEvent))
	for name, tc := range map[string]struct {
		values []string
		body   string
	}{
		"a tampered byte":         {[]string{good}, strings.Replace(paymentEvent, "50000", "50001", 1)},
		"one space more":          {[]string{good}, paymentEvent + " "},
		"another secret":          {[]string{hex.EncodeToString(macOf([]byte(otherSecret), paymentEvent))}, paymentEvent},
		"no header":               {nil, paymentEvent},
		"an empty header":         {[]string{""}, paymentEvent},
		"two headers":             {[]string{good, good}, paymentEvent},
		"a cut signature":         {[]string{good[:62]}, paymentEvent},
		"a longer signature":      {[]string{good + "00"}, paymentEvent},
		"not hex":                 {[]string{strings.Repeat("x", 64)}, paymentEvent},
		"base64 instead":          {[]string{base64.StdEncoding.EncodeToString(macOf([]byte(hookSecret), paymentEvent))}, paymentEvent},
		"a prefix not asked for":  {[]string{"sha256=" + good}, paymentEvent},
		"the decoded key instead": {[]string{hex.EncodeToString(macOf([]byte{0x00, 0x11}, paymentEvent))}, paymentEvent},
		"an empty body":           {[]string{good}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
			r.Header["X-Elebne-Signature"] = tc.values
			events, err := newWebhooks(t, hooks()).Parse(r, []byte(tc.body))
			require.ErrorIs(t, err, webhook.ErrSignature)
			assert.Empty(t, events)
		})
	}
	cfg := hooks()
	cfg.Prefix = "sha256="
	_, err := newWebhooks(t, cfg).Parse(signed(paymentEvent), []byte(paymentEvent))
	require.ErrorIs(t, err, webhook.ErrSignature, "a prefix that was asked for must be there")
}

func TestAPaymentEventInPortableWords(t *testing.T) {
	t.Parallel()
	events, err := newWebhooks(t, hooks()).Parse(signed(paymentEvent), []byte(paymentEvent))
	require.NoError(t, err)
	e := events[0]
	assert.Equal(t, elebne.EventPaymentConfirmed, e.Type)
	assert.Equal(t, "ABC123", e.Payment.ShortCode.Reveal())
	assert.Equal(t, time.Date(2026, 4, 4, 10, 29, 59, 5e8, time.UTC), e.Payment.PaidAt.Time)
	assert.Zero(t, e.Order)
	assert.Equal(t, payonce.Event{
		Account: "elebne/test/shop-1", ID: "d-1", Type: "payment.confirmed", At: time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC),
		Kind: "payment.create", Ref: "payment.create:1:order-12345", ResourceID: intentID, PaymentID: intentID,
		Status: payonce.StatusSucceeded, ProviderStatus: "PAID", Amount: mru(50000), Raw: payonce.Raw(paymentEvent),
	}, e.Portable())
	for word, noMoney := range map[string]bool{"PENDING": false, "PAID": false, "COMPLETED": false, "REFUNDED": false, "CANCELLED": true, "FAILED": true, "NEW": false} {
		body := unpaidEvent("payment.odd", word)
		events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
		require.NoError(t, err)
		assert.Equal(t, noMoney, events[0].Portable().NoMoneyMoved, word)
		assert.Equal(t, word, events[0].Portable().ProviderStatus)
	}
}

func TestAnEventThatContradictsItselfMovedMoney(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"CANCELLED", "FAILED"} {
		for kind, noMoney := range map[string]bool{
			"payment.created": true, "payment.failed": true, "payment.odd": true,
			"payment.confirmed": false, "payment.refunded": false, "payment.completed": false, "payment.paid": false,
		} {
			body := unpaidEvent(kind, word)
			events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
			require.NoError(t, err)
			assert.Equal(t, noMoney, events[0].Portable().NoMoneyMoved, "%s and %s", kind, word)
		}
		for _, when := range []string{`"paid_at":"2026-04-04T10:29:59.500Z"`, `"paidAt":"2026-04-04T10:29:59.500Z"`, `"paid_at":"soon"`, `"paid_at":1775298600`} {
			body := strings.Replace(unpaidEvent("payment.odd", word), `"paid_at":null`, when, 1)
			events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
			require.NoError(t, err)
			assert.False(t, events[0].Portable().NoMoneyMoved, "%s and %s", when, word)
			assert.Equal(t, word, events[0].Portable().ProviderStatus)
		}
	}
}

func TestAnEventOfTheOtherEnvironmentSettlesNothing(t *testing.T) {
	t.Parallel()
	inTest, err := newProvider(t).Webhooks(hooks())
	require.NoError(t, err)
	inLive, err := newProvider(t, live).Webhooks(hooks())
	require.NoError(t, err)
	for _, tc := range []struct {
		hooks            *elebne.Webhooks
		told             string
		sandbox, foreign bool
	}{
		{inTest, `"sandbox":true,`, true, false},
		{inTest, `"sandbox":false,`, false, true},
		{inTest, `"sandbox":"no",`, true, true},
		{inTest, `"sandbox":null,`, true, false},
		{inTest, ``, true, false},
		{inLive, `"sandbox":true,`, true, true},
		{inLive, `"sandbox":false,`, false, false},
		{inLive, `"sandbox":"no",`, true, true},
		{inLive, `"sandbox":null,`, false, false},
		{inLive, ``, false, false},
	} {
		body := strings.Replace(paymentEvent, `"sandbox":true,`, tc.told, 1)
		events, err := tc.hooks.Parse(signed(body), []byte(body))
		require.NoError(t, err)
		e, portable := events[0], events[0].Portable()
		assert.Equal(t, tc.sandbox, e.Sandbox, tc.told)
		assert.Equal(t, elebne.IntentPaid, e.Payment.Status, "it can be looked at")
		assert.Equal(t, "d-1", portable.ID)
		assert.Equal(t, tc.foreign, portable.Ref == "", tc.told)
		assert.Equal(t, tc.foreign, portable.Kind == "" && portable.Status == "" && portable.ResourceID == "", tc.told)
	}
}

func TestNoRequestIsNotGenuine(t *testing.T) {
	t.Parallel()
	for _, r := range []*http.Request{nil, {}} {
		events, err := newWebhooks(t, hooks()).Parse(r, []byte(paymentEvent))
		require.ErrorIs(t, err, webhook.ErrSignature)
		assert.Empty(t, events)
	}
}

func TestAnOrderEventInPortableWords(t *testing.T) {
	t.Parallel()
	events, err := newWebhooks(t, hooks()).Parse(signed(orderEvent), []byte(orderEvent))
	require.NoError(t, err)
	assert.Equal(t, elebne.OrderEvent{ReferenceNumber: "EL-31", Status: elebne.OrderPreparing, PreviousStatus: elebne.OrderNew}, events[0].Order)
	assert.Equal(t, payonce.Event{
		Account: "elebne/test/shop-1", ID: "order.accepted/EL-31/2026-04-04T10:30:00.000Z", Type: "order.accepted",
		At: time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC), ResourceID: "EL-31", ProviderStatus: "PREPARING", Raw: payonce.Raw(orderEvent),
	}, events[0].Portable())
}

func TestWhatADeliveryMayLookLike(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body, id, err string
	}{
		"an unknown payment event": {`{"id":"d","event":"payment.odd","data":{"reference_number":"PI-1","status":"ODD","amount":null,"paid_at":null,"metadata":null}}`, "d", ""},
		"a payment without id":     {`{"event":"payment.created","created_at":"t","data":{"reference_number":"PI-1"}}`, "payment.created/PI-1/t", ""},
		"an unknown noun":          {`{"event":"stock.low","timestamp":"t","data":[1]}`, "sha256:", ""},
		"a new order":              {`{"event":"order.new","timestamp":"t","data":{"referenceNumber":"EL-1","items":[{}],"totalAmount":5,"shopId":"s","shopName":"n","customerPhone":"+22242123478","createdAt":"2026-04-04T10:30:00.000Z"}}`, "order.new/EL-1/t", ""},
		"an order without a time":  {`{"event":"order.new","data":{"referenceNumber":"EL-1"}}`, "sha256:", ""},
		"an order without number":  {`{"event":"order.new","timestamp":"t","data":{}}`, "sha256:", ""},
		"an old event":             {`{"id":"d","event":"payment.created","created_at":"2001-01-01T00:00:00.000Z","data":{"reference_number":"PI-1"}}`, "d", ""},
		"of another environment":   {strings.Replace(paymentEvent, `"sandbox":true`, `"sandbox":false`, 1), "d-1", ""},
		"a list":                   {`[` + paymentEvent + `]`, "", "the answer is not what Elebne documents"},
		"another envelope":         {`{"type":"payment.created","payload":{}}`, "", "the answer is not what Elebne documents"},
		"a payment without number": {`{"id":"d","event":"payment.created","data":{}}`, "", "the answer is not what Elebne documents"},
		"a payment without data":   {`{"id":"d","event":"payment.created"}`, "", "the answer is not what Elebne documents"},
		"an order of text":         {`{"event":"order.new","data":"x"}`, "", "the answer is not what Elebne documents"},
		"an amount as text":        {`{"id":"d","event":"payment.created","data":{"reference_number":"PI-1","amount":"5"}}`, "d", ""},
		"half":                     {paymentEvent[:100], "", "the answer is not what Elebne documents"},
		"nothing":                  {"", "", "the answer is not what Elebne documents"},
		"null":                     {"null", "", "the answer is not what Elebne documents"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := newWebhooks(t, hooks()).Parse(signed(tc.body), []byte(tc.body))
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, events, 1)
			assert.True(t, strings.HasPrefix(events[0].ID, tc.id), events[0].ID)
			assert.NotEmpty(t, events[0].Portable().Raw.Bytes())
		})
	}
}

func TestTheHandlerSettlesAndHandlesOnce(t *testing.T) {
	t.Parallel()
	client, _, v := shop(t, echo)
	v.lose = 99 // every answer to the create is lost
	_, err := client.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	var handled []elebne.Event
	fail := true
	handler := newWebhooks(t, hooks()).Handler(client, func(_ context.Context, e elebne.Event) error {
		handled = append(handled, e)
		if fail {
			fail = false
			return errors.New("not now")
		}
		return nil
	})
	deliver := func(r *http.Request) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	foreign := strings.Replace(strings.Replace(paymentEvent, `"sandbox":true`, `"sandbox":false`, 1), "d-1", "d-0", 1)
	assert.Equal(t, http.StatusInternalServerError, deliver(signed(foreign)))
	assert.Equal(t, http.StatusOK, deliver(signed(foreign)), "an event of the other environment is handed on")
	_, err = client.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "and settles nothing")
	fail, handled = true, nil
	assert.Equal(t, http.StatusInternalServerError, deliver(signed(paymentEvent)), "Elebne delivers again")
	assert.Equal(t, http.StatusOK, deliver(signed(paymentEvent)))
	assert.Equal(t, http.StatusOK, deliver(signed(paymentEvent)))
	assert.Equal(t, http.StatusOK, deliver(signed(orderEvent)))
	assert.Equal(t, http.StatusOK, deliver(signed(orderEvent)))
	assert.Len(t, handled, 3, "a failed one again, then each once")
	requests, executed := v.count()
	payment, err := client.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err, "the webhook settled what the answer could not")
	assert.Equal(t, intentID, payment.ID)
	assert.Equal(t, payonce.StatusSucceeded, payment.Status)
	after, _ := v.count()
	assert.Equal(t, requests, after)
	assert.Equal(t, 1, executed)

	forged := signed(paymentEvent)
	forged.Header.Set("X-Elebne-Signature", strings.Repeat("0", 64))
	assert.Equal(t, http.StatusUnauthorized, deliver(forged))
	assert.Equal(t, http.StatusBadRequest, deliver(signed("[]")))
	assert.Equal(t, http.StatusRequestEntityTooLarge, deliver(signed(`"`+strings.Repeat("x", 2<<20)+`"`)))
	assert.Equal(t, http.StatusMethodNotAllowed, deliver(httptest.NewRequest(http.MethodGet, "/hooks", nil)))
	assert.Len(t, handled, 3)
}

func TestAnEventThatNoMoneyMovedAllowsANewKey(t *testing.T) {
	t.Parallel()
	client, _, v := shop(t, echo)
	v.lose = 99
	_, err := client.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	body := unpaidEvent("payment.cancelled", "CANCELLED")
	w := httptest.NewRecorder()
	newWebhooks(t, hooks()).Handler(client, nil).ServeHTTP(w, signed(body))
	require.Equal(t, http.StatusOK, w.Code)
	v.lose = 0
	_, err = client.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	again, err := client.Payments.Create(t.Context(), order(nil), payonce.WithNewKey())
	require.NoError(t, err)
	assert.Equal(t, 2, again.Receipt.Generation)
}

func FuzzWebhook(f *testing.F) {
	w := newWebhooks(f, hooks())
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/hooks", nil)
		r.Header.Set("X-Elebne-Signature", signature)
		_, err := w.Parse(r, body)
		if got, _ := hex.DecodeString(signature); !hmac.Equal(got, macOf([]byte(hookSecret), string(body))) {
			require.ErrorIs(t, err, webhook.ErrSignature)
		}
		events, err := w.Parse(signed(string(body)), body)
		require.NotErrorIs(t, err, webhook.ErrSignature)
		for _, e := range events {
			require.NotEmpty(t, e.ID)
			require.NotEmpty(t, e.Type)
			portable := e.Portable()
			require.Equal(t, "elebne/test/shop-1", portable.Account)
			require.Equal(t, e.ID, portable.ID)
		}
	})
}
