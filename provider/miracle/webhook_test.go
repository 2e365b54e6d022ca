package miracle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

const (
	webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret   = "whsec_b3RoZXIgc2VjcmV0IG9mIDI0IGJ5dGVz"
)

func newWebhooks(tb testing.TB, p *miracle.Provider, secrets ...payonce.Secret) *miracle.Webhooks {
	tb.Helper()
	w, err := p.Webhooks(miracle.WebhookConfig{Secrets: append([]payonce.Secret{webhookSecret}, secrets...)})
	require.NoError(tb, err)
	return w
}

// delivery is a signed request.
func delivery(tb testing.TB, secret, id string, at time.Time, body string) *http.Request {
	tb.Helper()
	key, err := standardwebhooks.NewWebhook(secret)
	require.NoError(tb, err)
	signature, err := key.Sign(id, at, []byte(body))
	require.NoError(tb, err)
	r := httptest.NewRequest(http.MethodPost, "https://shop.example/hook", strings.NewReader(body))
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	r.Header.Set("Webhook-Signature", signature)
	return r
}

const (
	failedEvent = `{"id":"evt_1","type":"payment.failed","createdAt":"2026-04-09T12:00:00Z","livemode":false,"data":{"id":"pay_1","status":"failed","errorCode":"DO_NOT_HONOR",
		"amount":{"currency":"USD","valueMinor":5000},"metadata":{"payonce_ref":"payment.create:1:order-12345"}}}`
	refundEvent = `{"id":"evt_2","type":"refund.succeeded","createdAt":"2026-04-09T12:00:00Z","livemode":false,"data":{"id":"ref_1","paymentId":"pay_1","status":"succeeded",
		"amount":{"currency":"USD","valueMinor":700},"metadata":{"payonce_ref":"refund.create:1:rma-77"}}}`
)

func envelope(events ...string) string { return `{"events":[` + strings.Join(events, ",") + `]}` }

func TestThePublishedVectorVerifies(t *testing.T) {
	t.Parallel()
	vector := func(change func(*http.Request)) (*http.Request, []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		r.Header.Set("webhook-timestamp", "1614265330")
		r.Header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		change(r)
		return r, []byte(`{"test": 2432232314}`)
	}
	p := newProvider(t)
	ages, err := p.Webhooks(miracle.WebhookConfig{Secrets: []payonce.Secret{webhookSecret}, Tolerance: 1e5 * time.Hour})
	require.NoError(t, err)
	_, err = ages.Parse(vector(func(*http.Request) {}))
	require.Error(t, err)
	require.NotErrorIs(t, err, miracle.ErrSignature, "it is genuine, but no delivery of events")
	_, err = newWebhooks(t, p).Parse(vector(func(*http.Request) {}))
	require.ErrorIs(t, err, miracle.ErrSignature, "it is of 2021")
	_, err = ages.Parse(vector(func(r *http.Request) { r.Header.Set("webhook-timestamp", "1614265331") }))
	require.ErrorIs(t, err, miracle.ErrSignature)
}

func TestDeliveriesThatAreNotGenuine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now, body := time.Now(), envelope(failedEvent)
		w := newWebhooks(t, newProvider(t), otherSecret)
		for name, tc := range map[string]struct {
			change func(r *http.Request, body []byte) []byte
			good   bool
		}{
			"as sent":              {func(_ *http.Request, b []byte) []byte { return b }, true},
			"a tampered byte":      {func(_ *http.Request, b []byte) []byte { return bytes.Replace(b, []byte("5000"), []byte("5001"), 1) }, false},
			"a byte more":          {func(_ *http.Request, b []byte) []byte { return append(b, ' ') }, false},
			"no body":              {func(*http.Request, []byte) []byte { return nil }, false},
			"without id":           {func(r *http.Request, b []byte) []byte { r.Header.Del("Webhook-Id"); return b }, false},
			"another id":           {func(r *http.Request, b []byte) []byte { r.Header.Set("Webhook-Id", "msg_2"); return b }, false},
			"without timestamp":    {func(r *http.Request, b []byte) []byte { r.Header.Del("Webhook-Timestamp"); return b }, false},
			"a word for timestamp": {func(r *http.Request, b []byte) []byte { r.Header.Set("Webhook-Timestamp", "now"); return b }, false},
			"a huge timestamp": {func(r *http.Request, b []byte) []byte {
				r.Header.Set("Webhook-Timestamp", "9223372036854775807")
				return b
			}, false},
			"another timestamp": {func(r *http.Request, b []byte) []byte {
				r.Header.Set("Webhook-Timestamp", fmt.Sprint(now.Unix()+1))
				return b
			}, false},
			"without signature": {func(r *http.Request, b []byte) []byte { r.Header.Del("Webhook-Signature"); return b }, false},
			"without headers":   {func(r *http.Request, b []byte) []byte { r.Header = nil; return b }, false},
			"another version": {func(r *http.Request, b []byte) []byte {
				r.Header.Set("Webhook-Signature", strings.Replace(r.Header.Get("Webhook-Signature"), "v1,", "v2,", 1))
				return b
			}, false},
			"half a signature": {func(r *http.Request, b []byte) []byte {
				r.Header.Set("Webhook-Signature", r.Header.Get("Webhook-Signature")[:20])
				return b
			}, false},
			"among other signatures": {func(r *http.Request, b []byte) []byte {
				r.Header.Set("Webhook-Signature", "v2,x v1,AAAA "+r.Header.Get("Webhook-Signature")+" v1a,y")
				return b
			}, true},
		} {
			for _, secret := range []string{webhookSecret, otherSecret} {
				r := delivery(t, secret, "msg_1", now, body)
				events, err := w.Parse(r, tc.change(r, []byte(body)))
				assert.Equal(t, tc.good, err == nil, name)
				assert.Equal(t, !tc.good, errors.Is(err, miracle.ErrSignature), name)
				assert.Equal(t, tc.good, len(events) == 1, name)
			}
		}
		_, err := newWebhooks(t, newProvider(t)).Parse(delivery(t, otherSecret, "msg_1", now, body), []byte(body))
		require.ErrorIs(t, err, miracle.ErrSignature, "another secret")
		for age, good := range map[time.Duration]bool{
			0: true, 5 * time.Minute: true, 5*time.Minute + time.Second: false, -5 * time.Minute: true, -5*time.Minute - time.Second: false, 1e6 * time.Hour: false,
		} {
			_, err := w.Parse(delivery(t, webhookSecret, "msg_1", now.Add(-age), body), []byte(body))
			assert.Equal(t, good, err == nil, "%s old", age)
		}
	})
}

func TestWebhookConfigReportsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newProvider(t).Webhooks(miracle.WebhookConfig{Secrets: []payonce.Secret{webhookSecret, "whsec_", "", "whsec_\n", "sk_test_canary"}, Tolerance: -1})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{"Tolerance: must not be", "Secrets[1]: ", "Secrets[2]: ", "Secrets[3]: ", "Secrets[4]: is not the secret"} {
		assert.ErrorContains(t, err, text)
	}
	assert.NotContains(t, err.Error(), "Secrets[0]")
	assert.NotContains(t, err.Error(), "canary")
	_, err = newProvider(t).Webhooks(miracle.WebhookConfig{})
	require.ErrorContains(t, err, "Secrets: is required")
}

// parse returns the events of a genuine delivery.
func parse(tb testing.TB, p *miracle.Provider, body string) ([]miracle.Event, error) {
	tb.Helper()
	return newWebhooks(tb, p).Parse(delivery(tb, webhookSecret, "msg_1", time.Now(), body), []byte(body))
}

func TestEveryEventInPortableWords(t *testing.T) {
	t.Parallel()
	const ref = `"metadata":{"payonce_ref":"R"}`
	for name, tc := range map[string]struct {
		kind, data string
		want       payonce.Event
	}{
		"a failed payment":     {"payment.failed", `{"id":"pay_1","status":"failed","errorCode":"X","amount":{"currency":"USD","valueMinor":5},` + ref + `}`, payonce.Event{Kind: "payment.create", Ref: "R", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusFailed, ProviderStatus: "failed", Amount: payonce.Amount{Minor: 5, Currency: "USD"}, FailureCode: "X", NoMoneyMoved: true}},
		"an id alone":          {"payment.canceled", `{"id":"pay_1"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusCanceled, ProviderStatus: "canceled", NoMoneyMoved: true}},
		"a failure and money":  {"payment.failed", `{"id":"pay_1","amountBreakdown":{"captured":{"currency":"USD","valueMinor":5}}}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusFailed, ProviderStatus: "failed"}},
		"a contradiction":      {"payment.failed", `{"id":"pay_1","status":"succeeded"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusSucceeded, ProviderStatus: "succeeded"}},
		"the other way round":  {"payment.succeeded", `{"id":"pay_1","status":"failed"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusFailed, ProviderStatus: "failed"}},
		"a created payment":    {"payment.created", `{"id":"pay_1"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusPending, ProviderStatus: "created"}},
		"a captured payment":   {"payment.captured", `{"id":"pay_1"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusSucceeded, ProviderStatus: "captured"}},
		"a partial refund":     {"payment.partially_refunded", `{"id":"pay_1","refundedAmount":{"currency":"USD","valueMinor":1}}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusReturned, ProviderStatus: "partially_refunded"}},
		"a new payment event":  {"payment.reviewed", `{"id":"pay_1"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1"}},
		"a new refund":         {"refund.created", `{"id":"ref_1","paymentId":"pay_1",` + ref + `}`, payonce.Event{Kind: "refund.create", Ref: "R", ResourceID: "ref_1", PaymentID: "pay_1", Status: payonce.StatusPending, ProviderStatus: "pending"}},
		"a succeeded refund":   {"refund.succeeded", `{"id":"ref_1","paymentId":"pay_1","amount":{"currency":"USD","valueMinor":5}}`, payonce.Event{Kind: "refund.create", ResourceID: "ref_1", PaymentID: "pay_1", Status: payonce.StatusSucceeded, ProviderStatus: "succeeded", Amount: payonce.Amount{Minor: 5, Currency: "USD"}}},
		"a failed refund":      {"refund.failed", `{"id":"ref_1","status":"failed","statusReason":"expired"}`, payonce.Event{Kind: "refund.create", ResourceID: "ref_1", Status: payonce.StatusFailed, ProviderStatus: "failed", FailureCode: "expired", NoMoneyMoved: true}},
		"a refund that didn't": {"refund.failed", `{"id":"ref_1","status":"processing"}`, payonce.Event{Kind: "refund.create", ResourceID: "ref_1", Status: payonce.StatusPending, ProviderStatus: "processing"}},
		"a session":            {"checkout.session.completed", `{"id":"cs_1","paymentId":"pay_1"}`, payonce.Event{ResourceID: "cs_1", PaymentID: "pay_1"}},
		"a dispute":            {"dispute.created", `{"id":"dp_1","paymentId":"pay_1",` + ref + `}`, payonce.Event{ResourceID: "dp_1", PaymentID: "pay_1"}},
		"a type to come":       {"moon.landed", `["x"]`, payonce.Event{}},
		"no data":              {"payment.succeeded", `null`, payonce.Event{}},
		"data of another kind": {"payment.succeeded", `{"id":7,` + ref + `}`, payonce.Event{}},
		"odd fields":           {"payment.succeeded", `{"id":"pay_1","status":"succeeded","threeDSResult":{"challenged":"Y"},"errorCode":51,"amount":{"currency":"USD","valueMinor":5.0},"metadata":{"payonce_ref":"R","n":3}}`, payonce.Event{Kind: "payment.create", Ref: "R", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusSucceeded, ProviderStatus: "succeeded", Amount: payonce.Amount{Minor: 5, Currency: "USD"}}},
		"an odd refund":        {"refund.failed", `{"id":"ref_1","status":"failed","statusReason":{"code":"x"},"items":7,` + ref + `}`, payonce.Event{Kind: "refund.create", Ref: "R", ResourceID: "ref_1", Status: payonce.StatusFailed, ProviderStatus: "failed", NoMoneyMoved: true}},
		"an odd status":        {"payment.failed", `{"id":"pay_1","status":{"name":"succeeded"}}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1"}},
		"an odd refund status": {"refund.failed", `{"id":"ref_1","status":5}`, payonce.Event{Kind: "refund.create", ResourceID: "ref_1"}},
		"no status":            {"refund.failed", `{"id":"ref_1","status":null}`, payonce.Event{Kind: "refund.create", ResourceID: "ref_1", Status: payonce.StatusFailed, ProviderStatus: "failed", NoMoneyMoved: true}},
		"an odd breakdown":     {"payment.canceled", `{"id":"pay_1","amountBreakdown":{"captured":"50.00"}}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusCanceled, ProviderStatus: "canceled"}},
		"our merchant's":       {"payment.created", `{"id":"pay_1","merchantId":"` + merchantID + `"}`, payonce.Event{Kind: "payment.create", ResourceID: "pay_1", PaymentID: "pay_1", Status: payonce.StatusPending, ProviderStatus: "created"}},
		"another merchant's":   {"payment.succeeded", `{"id":"pay_1","merchantId":"ffffffff-0000-4000-8000-000000000000",` + ref + `}`, payonce.Event{}},
		"another's refund":     {"refund.failed", `{"id":"ref_1","merchantId":"ffffffff-0000-4000-8000-000000000000",` + ref + `}`, payonce.Event{}},
		"a live payment":       {"payment.succeeded", `{"id":"pay_1","livemode":"true",` + ref + `}`, payonce.Event{}},
	} {
		body := `{"id":"evt_1","type":"` + tc.kind + `","createdAt":"2026-04-09T12:00:00Z","livemode":false,"data":` + tc.data + `}`
		events, err := parse(t, newProvider(t), envelope(body))
		require.NoError(t, err, name)
		require.Len(t, events, 1)
		want := tc.want
		want.Account, want.ID, want.Type, want.At, want.Raw = "miracle/test/"+merchantID, "evt_1", tc.kind, time.Date(2026, 4, 9, 12, 0, 0, 0, time.UTC), payonce.Raw(body)
		assert.Equal(t, want, events[0].Portable(), name)
		assert.Equal(t, tc.data, string(events[0].Data), name)
		foreign, err := parse(t, newProvider(t, inLive), envelope(body))
		require.NoError(t, err)
		assert.False(t, foreign[0].Livemode, name)
		assert.Equal(t, payonce.Event{Account: "miracle/live/" + merchantID, ID: "evt_1", Type: tc.kind, At: want.At, Raw: want.Raw}, foreign[0].Portable(), "a test event settles nothing in production")
	}
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	events, err := parse(t, newProvider(t), envelope(failedEvent, refundEvent, `{"type":"payout.created"}`))
	require.NoError(t, err)
	require.Len(t, events, 3)
	assert.Equal(t, miracle.EventPaymentFailed, events[0].Type)
	for _, r := range []*http.Request{nil, {}} {
		_, err = newWebhooks(t, newProvider(t)).Parse(r, []byte(failedEvent))
		require.ErrorIs(t, err, miracle.ErrSignature)
	}
	assert.Equal(t, miracle.CodeDoNotHonor, events[0].Payment.ErrorCode)
	assert.Equal(t, []any{"ref_1", "msg_1"}, []any{events[1].Refund.ID, events[1].MessageID})
	assert.Equal(t, "msg_1/2", events[2].ID, "an event without an id is known by its delivery's")
	for body, fine := range map[string]bool{
		`{"events":[]}`: true, `{"events":[],"more":1}`: true, `{}`: false, `null`: false, `[]`: false, ``: false, `{"events":null}`: false, `{"events":{}}`: false,
		failedEvent: false, `[` + failedEvent + `]`: false, `{"events":[7]}`: true, `{"events":[null]}`: true, `<html>`: false, `{"events":[` + failedEvent: false,
	} {
		_, err := parse(t, newProvider(t), body)
		assert.Equal(t, fine, err == nil, body)
		assert.NotErrorIs(t, err, miracle.ErrSignature)
	}
}

func TestAnOddEventIsHandedOnAndHidesNoOther(t *testing.T) {
	t.Parallel()
	events, err := parse(t, newProvider(t), envelope(`7`, `{"id":7,"type":["x"],"createdAt":5,"livemode":{},"data":8}`, `{"id":"evt_9","data":{"livemode":true}}`, failedEvent,
		strings.Replace(failedEvent, `"livemode":false`, `"merchantId":"another"`, 1)))
	require.NoError(t, err)
	require.Len(t, events, 5)
	account := "miracle/test/" + merchantID
	assert.Equal(t, payonce.Event{Account: account, ID: "msg_1/0", Raw: payonce.Raw(`7`)}, events[0].Portable())
	assert.Equal(t, []any{"msg_1/1", miracle.EventType(""), false}, []any{events[1].ID, events[1].Type, events[1].Livemode})
	assert.True(t, events[2].Livemode, "the event doesn't say, but what it is about does")
	assert.Equal(t, "payment.create:1:order-12345", events[3].Portable().Ref)
	assert.Empty(t, events[4].Portable().Ref, "the event is another merchant's")
}

func TestTheHandlerSettlesAndHandlesEachEventOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{"POST /v1/payments": {answer(500, "")}})
	_, err := s.client.Payments.Create(t.Context(), order(card()))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)

	var handled []string
	broken := true
	handler := newWebhooks(t, s.provider).Handler(s.client, func(_ context.Context, e miracle.Event) error {
		handled = append(handled, e.ID)
		if e.ID == "evt_2" && broken {
			return errors.New("not now")
		}
		return nil
	})
	deliver := func(secret, body string) int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, delivery(t, secret, "msg_1", time.Now(), body))
		return recorder.Code
	}
	body := envelope(failedEvent, refundEvent, failedEvent, `{"id":"evt_3","type":"moon.landed","data":{}}`)
	assert.Equal(t, http.StatusUnauthorized, deliver(otherSecret, body))
	assert.Equal(t, http.StatusBadRequest, deliver(webhookSecret, `{}`))
	assert.Empty(t, handled)
	assert.Equal(t, http.StatusInternalServerError, deliver(webhookSecret, body), "one of them was not handled: delivered again")
	assert.Equal(t, []string{"evt_1", "evt_2", "evt_3"}, handled, "a duplicate in the delivery is handled once, and unknown types are handled")
	broken = false
	assert.Equal(t, http.StatusOK, deliver(webhookSecret, body))
	assert.Equal(t, http.StatusOK, deliver(webhookSecret, body))
	assert.Equal(t, []string{"evt_1", "evt_2", "evt_3", "evt_2"}, handled)

	_, err = s.client.Payments.Create(t.Context(), order(card()))
	require.ErrorIs(t, err, payonce.ErrDeclined, "the event settled the payment whose answer was lost")
	huge := delivery(t, webhookSecret, "msg_1", time.Now(), envelope(`{"id":"`+strings.Repeat("x", 1<<20)+`"}`))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, huge)
	assert.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
}
