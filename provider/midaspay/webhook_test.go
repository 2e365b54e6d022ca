package midaspay_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func webhooks(tb testing.TB) *midaspay.Webhooks {
	tb.Helper()
	w, err := newProvider(tb, certified(tb)).Webhooks(midaspay.WebhookConfig{})
	require.NoError(tb, err)
	return w
}

// delivery is a genuine one.
func delivery(tb testing.TB, body string) *http.Request {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, "/midaspay", strings.NewReader(body))
	r.Header = sign(tb, body, time.Now())
	return r
}

func parse(tb testing.TB, body string) midaspay.Event {
	tb.Helper()
	events, err := webhooks(tb).Parse(delivery(tb, body), []byte(body))
	require.NoError(tb, err)
	require.Len(tb, events, 1)
	return events[0]
}

const orderEvent = `{"id":"W-1","create_time":"2026-09-21T20:00:00+08:00","event_type":"PAYMENT_ORDER_COMPLETED","resource_type":"ORDER","summary":"paid",` +
	`"resource":{"merchant_id":"` + merchantID + `","id":"O-1","reference_id":"order-12345_payment","status":"COMPLETED",` +
	`"purchase_units":[{"reference_id":"order-12345_payment_item1","amount":{"currency_code":"USD","value":"50.00"}}]}}`

func TestWebhookConfigIsChecked(t *testing.T) {
	t.Parallel()
	certificate := string(file(t, "platform.certificate.pem"))
	for want, cfg := range map[string]midaspay.WebhookConfig{
		"Certificates: are required":         {},
		"Certificates: serial AB is not PEM": {Certificates: map[string]string{"AB": "canary"}},
		"Tolerance: is negative":             {Certificates: map[string]string{"AB": certificate}, Tolerance: -1},
	} {
		_, err := newProvider(t).Webhooks(cfg)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := newProvider(t).Webhooks(midaspay.WebhookConfig{Certificates: map[string]string{"AB": certificate}})
	require.NoError(t, err)
}

func TestOnlyFreshGenuineDeliveriesAreRead(t *testing.T) {
	t.Parallel()
	w, err := newProvider(t, certified(t)).Webhooks(midaspay.WebhookConfig{Tolerance: 5 * time.Minute})
	require.NoError(t, err)
	patient := webhooks(t)
	synctest.Test(t, func(t *testing.T) {
		genuine := delivery(t, orderEvent).Header
		deliver := func(header http.Header, body string) error {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header = header
			_, err := w.Parse(r, []byte(body))
			return err
		}
		require.NoError(t, deliver(genuine, orderEvent))
		for i := range orderEvent {
			tampered := orderEvent[:i] + string(orderEvent[i]^1) + orderEvent[i+1:]
			require.ErrorIs(t, deliver(genuine, tampered), midaspay.ErrSignature, "byte %d", i)
		}
		require.ErrorIs(t, deliver(genuine, orderEvent+"\n"), midaspay.ErrSignature)
		require.ErrorIs(t, deliver(genuine, ""), midaspay.ErrSignature)
		for _, name := range []string{"Txgw-Timestamp", "Txgw-Nonce", "Txgw-Signature", "Txgw-Serial"} {
			header := genuine.Clone()
			header.Del(name)
			require.ErrorIs(t, deliver(header, orderEvent), midaspay.ErrSignature, "%s is missing", name)
		}
		unknownSerial := genuine.Clone()
		unknownSerial.Set("Txgw-Serial", "0A")
		require.ErrorIs(t, deliver(unknownSerial, orderEvent), midaspay.ErrSignature)
		for offset, fresh := range map[time.Duration]bool{
			0: true, -5 * time.Minute: true, 5 * time.Minute: true, -301 * time.Second: false, 301 * time.Second: false, -24 * time.Hour: false,
		} {
			header := sign(t, orderEvent, time.Now().Add(offset))
			assert.Equal(t, !fresh, errors.Is(deliver(header, orderEvent), midaspay.ErrSignature), "signed %v from now", offset)
			_, err := patient.Parse(&http.Request{Header: header}, []byte(orderEvent))
			assert.NoError(t, err, "a delivery that is made again may be signed as the first one was")
		}
	})
}

func TestWhatIsGenuineAndNoEventIsAnotherError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`[]`: midaspay.ErrNoEvent, `null`: midaspay.ErrNoEvent, `{}`: midaspay.ErrNoEvent, ``: midaspay.ErrNoEvent, `{"id":1}`: midaspay.ErrNoEvent,
		`{"id":"W","resource":{"merchant_id":"somebody"}}`: midaspay.ErrAnotherAccount,
		`{"id":"W","merchant_id":"somebody"}`:              midaspay.ErrAnotherAccount,
		`{"id":"W","resource":{"type_url":"x","value":"` + base64.StdEncoding.EncodeToString([]byte(`{"merchant_id":"somebody"}`)) + `"}}`: midaspay.ErrAnotherAccount,
	} {
		_, err := webhooks(t).Parse(delivery(t, body), []byte(body))
		require.ErrorIs(t, err, want, body)
		assert.NotErrorIs(t, err, midaspay.ErrSignature)
	}
	assert.NotPanics(t, func() { parse(t, `{"id":"W","resource":{"merchant_id":"`+merchantID+`"}}`) })
}

func TestAnOrdersEventInBothForms(t *testing.T) {
	t.Parallel()
	e := parse(t, orderEvent)
	assert.Equal(t, "W-1", e.ID)
	assert.Equal(t, "PAYMENT_ORDER_COMPLETED", e.Type)
	assert.Equal(t, "ORDER", e.ResourceType)
	assert.Equal(t, "paid", e.Summary)
	assert.Equal(t, midaspay.OrderCompleted, e.Order.Status)
	assert.Nil(t, e.Refund)
	assert.Nil(t, e.Subscription)
	assert.Equal(t, orderEvent, string(e.Raw))
	got := e.Portable()
	assert.Equal(t, payonce.Event{
		Account: "midaspay/sandbox/" + merchantID, ID: got.ID, Type: "PAYMENT_ORDER_COMPLETED", At: at, Kind: "payment.create",
		Key: "order-12345_payment", ResourceID: "O-1", Status: payonce.StatusSucceeded, ProviderStatus: "COMPLETED", Amount: usd(5000), Raw: payonce.Raw(orderEvent),
	}, got)
	assert.NotEmpty(t, got.ID)

	const resource = `{"merchant_id":"` + merchantID + `","id":"O-1","reference_id":"order-12345_payment","status":"COMPLETED"}`
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		e = parse(t, `{"id":"W-1","resource":{"type_url":"type.googleapis.com/mpay.apis.event.PaymentNotification","value":"`+encoding.EncodeToString([]byte(resource))+`"}}`)
		assert.Equal(t, resource, string(e.Resource))
		assert.Equal(t, "O-1", e.Order.ID)
		assert.Equal(t, "type.googleapis.com/mpay.apis.event.PaymentNotification", e.ResourceType)
		assert.Equal(t, "payment.create", e.Portable().Kind)
		assert.Equal(t, "order-12345_payment", e.Portable().Key)
	}
	e = parse(t, `{"id":"W-1","resource":{"type_url":"mpay.apis.event.PaymentNotification","value":"`+base64.StdEncoding.EncodeToString([]byte("\x0a\x03O-1"))+`"}}`)
	assert.Equal(t, "\x0a\x03O-1", string(e.Resource), "what is no JSON is kept as it is")
	assert.Empty(t, e.Portable().Key)
	e = parse(t, `{"id":"W-1","resource":{"type_url":"x","value":"not base64!"}}`)
	assert.Equal(t, "not base64!", string(e.Resource))
}

func TestWhatAnEventIsAbout(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, kind string }{
		{"a type url of a refund", `{"id":"W","resource":{"type_url":"a/mpay.apis.event.RefundNotification","value":"e30="}}`, "refund.create"},
		{"a refund's resource type", `{"id":"W","event_type":"PAYMENT_ORDER_REFUNDED","resource_type":"REFUND","resource":{"id":"R-1"}}`, "refund.create"},
		{"an order's event type", `{"id":"W","event_type":"PAYMENT_ORDER_FAILED","resource":{"id":"O-1"}}`, "payment.create"},
		{"a subscription", `{"id":"W","resource":{"id":"S-1","subscription_status":"ACTIVE","event_type":"RENEWAL"}}`, "midaspay.subscription.create"},
		{"a subscription's resource type", `{"id":"W","resource_type":"RESOURCE_TYPE_SUBSCRIPTION","resource":{"id":"S-1"}}`, "midaspay.subscription.create"},
		{"nobody knows", `{"id":"W","event_type":"TOMORROW","resource_type":"RESOURCE_TYPE_USER","resource":{"id":"U-1","reference_id":"k"}}`, ""},
		{"nothing", `{"id":"W"}`, ""},
		{"a list", `{"id":"W","resource":[]}`, ""},
	} {
		e := parse(t, tc.body)
		assert.Equal(t, tc.kind, e.Portable().Kind, tc.name)
	}
	e := parse(t, `{"id":"W","event_type":"TOMORROW","resource_type":"RESOURCE_TYPE_USER","resource":{"id":"U-1","reference_id":"k","odd":true}}`)
	assert.Equal(t, "TOMORROW", e.Type)
	assert.JSONEq(t, `{"id":"U-1","reference_id":"k","odd":true}`, string(e.Resource.Bytes()))
	assert.Empty(t, e.Portable().Key, "what nobody knows settles nothing")
	assert.Empty(t, e.Portable().Status)
	e = parse(t, `{"id":"W","resource_type":"REFUND","resource":{"id":"R-1","reference_id":"rma_refund","status":"REFUNDED","amount":{"currency_code":"JPY","value":"7"}}}`)
	assert.Equal(t, payonce.StatusSucceeded, e.Portable().Status)
	assert.Equal(t, payonce.Amount{Minor: 7, Currency: "JPY"}, e.Portable().Amount)
	assert.False(t, e.Portable().NoMoneyMoved)
}

func TestASubscriptionsEvent(t *testing.T) {
	t.Parallel()
	const body = `{"id":"W-1","resource":{"id":"S-1","reference_id":"k","merchant_id":"` + merchantID + `","subscription_status":"%","event_type":"RENEWAL",` +
		`"subscription_event":{"subscription_plan_type":"x","payment_detail":{"payment_result":"CARD_DECLINED"}}}}`
	for _, status := range []midaspay.SubscriptionStatus{
		midaspay.SubscriptionActive, midaspay.SubscriptionSuspended, midaspay.SubscriptionCancelled, midaspay.SubscriptionVoided, "TOMORROW",
	} {
		e := parse(t, strings.Replace(body, "%", string(status), 1))
		assert.Equal(t, "RENEWAL", e.Type)
		assert.Equal(t, status, e.Subscription.Subscription.Status)
		assert.Equal(t, "CARD_DECLINED", e.Subscription.PaymentResult)
		portable := e.Portable()
		assert.Equal(t, "CARD_DECLINED", portable.FailureCode)
		assert.Equal(t, string(status), portable.ProviderStatus)
		assert.False(t, portable.NoMoneyMoved)
	}
	e := parse(t, strings.Replace(body, "CARD_DECLINED", "SUCCESS", 1))
	assert.Empty(t, e.Portable().FailureCode)
}

func TestNoMoneyMovedOnlyWhereTheOrderIsOver(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]map[string]bool{
		"PAYMENT_ORDER_FAILED": {
			"": true, "FAILED": true, "VOIDED": true,
			"CREATED": false, "PAYER_ACTION_REQUIRED": false, "TOMORROW": false, "UNKNOWN": false, "PARTIALLY_COMPLETED": false, "PAID": false,
			"COMPLETED": false, "APPROVED": false, "REFUNDED": false, "CHARGEBACK": false, "CAPTURE_REQUIRED": false, "CAPTURE_FAILED": false,
		},
		"PAYMENT_ORDER_TOMORROW": {"": false, "FAILED": true, "VOIDED": true, "CREATED": false, "CAPTURE_FAILED": false, "COMPLETED": false, "TOMORROW": false},
	} {
		for word, over := range want {
			e := parse(t, `{"id":"W","event_type":"`+status+`","resource":{"id":"O-1","status":"`+word+`"}}`).Portable()
			assert.Equal(t, over, e.NoMoneyMoved, "%s with %q", status, word)
			if status == midaspay.EventPaymentOrderFailed && over {
				assert.Equal(t, payonce.StatusFailed, e.Status)
				assert.Equal(t, "PAYMENT_ORDER_FAILED", e.FailureCode)
			}
		}
	}
}

func TestTwoEventsAreNeverTakenForOne(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, body := range []string{
		orderEvent, strings.Replace(orderEvent, "W-1", "W-2", 1), strings.Replace(orderEvent, "20:00:00", "20:00:01", 1),
		strings.Replace(orderEvent, "ORDER_COMPLETED", "ORDER_REFUNDED", 1), strings.Replace(orderEvent, "O-1", "O-2", 1),
		strings.Replace(orderEvent, `"COMPLETED"`, `"REFUNDED"`, 1), strings.Replace(orderEvent, `"COMPLETED"`, `7`, 1),
	} {
		id := parse(t, body).Portable().ID
		assert.Empty(t, seen[id])
		seen[id] = body
		assert.Equal(t, id, parse(t, body).Portable().ID, "a second delivery is the same event")
	}
	assert.Equal(t, parse(t, orderEvent).Portable().ID, parse(t, strings.Replace(orderEvent, `"id":"W-1"`, `"id":"W-1","update_time":"2026-09-22T00:00:00Z"`, 1)).Portable().ID)
}

func TestTheHandlerSettlesAcknowledgesAndHandlesOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(lost, lost, lost, lost)
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	handled := 0
	fail := true
	handler := webhooks(t).Handler(w.client, func(context.Context, midaspay.Event) error {
		handled++
		if fail {
			return errors.New("the shop's database is down")
		}
		return nil
	})
	deliver := func(r *http.Request) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder
	}
	assert.Equal(t, http.StatusInternalServerError, deliver(delivery(t, orderEvent)).Code)
	fail = false
	for range 3 {
		answer := deliver(delivery(t, orderEvent))
		assert.Equal(t, http.StatusOK, answer.Code)
		assert.JSONEq(t, `{"processed": true}`, answer.Body.String())
		assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	}
	assert.Equal(t, 2, handled, "once in vain, once for good")
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err, "the event named the operation by its key")
	assert.Equal(t, "O-1", payment.ID)
	assert.Equal(t, payonce.StatusSucceeded, payment.Status)
	assert.Len(t, w.sent, 4)

	forged := delivery(t, orderEvent)
	forged.Header.Set("Txgw-Nonce", "x")
	assert.Equal(t, http.StatusUnauthorized, deliver(forged).Code)
	assert.Equal(t, http.StatusBadRequest, deliver(delivery(t, `[]`)).Code)
	assert.Equal(t, http.StatusRequestEntityTooLarge, deliver(delivery(t, strings.Repeat(" ", 1<<20+1))).Code)
	assert.Equal(t, http.StatusMethodNotAllowed, deliver(httptest.NewRequest(http.MethodGet, "/", nil)).Code)
	before := handled
	assert.Equal(t, http.StatusOK, deliver(delivery(t, `{"id":"W-9","event_type":"TOMORROW"}`)).Code)
	assert.Equal(t, before+1, handled, "an event that nobody knows is handled too")
}

func TestAFailedOrdersEventDeclinesALostCreate(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(lost, lost, lost, lost)
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	body := strings.NewReplacer("PAYMENT_ORDER_COMPLETED", "PAYMENT_ORDER_FAILED", `"COMPLETED"`, `"FAILED"`).Replace(orderEvent)
	recorder := httptest.NewRecorder()
	webhooks(t).Handler(w.client, nil).ServeHTTP(recorder, delivery(t, body))
	require.Equal(t, http.StatusOK, recorder.Code)
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Len(t, w.sent, 4)
}

// A 2xx that says FAILED declines a refund, and so does the event.
func TestTheEventOfAFailedRefundDeclinesIt(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]payonce.State{
		"FAILED": payonce.StateRejected, "REFUND_REVERSED": payonce.StateSucceeded, "REFUNDED": payonce.StateSucceeded, "TOMORROW": payonce.StateSucceeded,
	} {
		w := open(t)
		w.then(lost, lost, lost, lost)
		refund := payonce.RefundParams{Reference: "rma-1", PaymentID: "O-1", Amount: usd(100)}
		_, err := w.client.Refunds.Create(t.Context(), refund)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		e := parse(t, `{"id":"W","resource_type":"REFUND","resource":{"merchant_id":"`+merchantID+`","id":"R-1","reference_id":"rma-1_refund","status":"`+word+`"}}`)
		settled, err := w.client.Settle(t.Context(), e.Portable())
		require.NoError(t, err)
		assert.Equal(t, want, settled.State, word)
		_, err = w.client.Refunds.Create(t.Context(), refund)
		assert.Equal(t, word == "FAILED", errors.Is(err, payonce.ErrDeclined), "%s: %v", word, err)
	}
}

func TestNoRequestIsNotGenuine(t *testing.T) {
	t.Parallel()
	for _, r := range []*http.Request{nil, {}} {
		events, err := webhooks(t).Parse(r, []byte(orderEvent))
		require.ErrorIs(t, err, midaspay.ErrSignature)
		assert.Empty(t, events)
	}
}

func FuzzWebhook(f *testing.F) {
	w := webhooks(f)
	f.Fuzz(func(t *testing.T, timestamp, nonce, serial, signature string, body []byte) {
		header := http.Header{"Txgw-Timestamp": {timestamp}, "Txgw-Nonce": {nonce}, "Txgw-Serial": {serial}, "Txgw-Signature": {signature}}
		events, err := w.Parse(&http.Request{Header: header}, body)
		require.ErrorIs(t, err, midaspay.ErrSignature, "nobody guesses a signature")
		require.Empty(t, events)
		event, err := w.ParseVerified(body)
		if err != nil {
			require.NotErrorIs(t, err, midaspay.ErrSignature)
			return
		}
		e := event.Portable()
		require.Equal(t, "midaspay/sandbox/"+merchantID, e.Account)
		require.NotEmpty(t, e.ID)
		require.GreaterOrEqual(t, e.Amount.Minor, int64(0))
		if e.NoMoneyMoved {
			require.Contains(t, []string{"payment.create", "refund.create"}, e.Kind)
			require.Contains(t, []payonce.Status{payonce.StatusFailed, payonce.StatusCanceled}, e.Status)
		}
	})
}
