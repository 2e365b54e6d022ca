package midaspay_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func deliver(t *testing.T, w *world, body string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	webhooks(t).Handler(w.client, nil).ServeHTTP(recorder, delivery(t, body))
	require.Equal(t, http.StatusOK, recorder.Code)
}

func TestAFailedEventOfAPartlyPaidOrderGrantsNoNewKey(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"PARTIALLY_COMPLETED", "CAPTURE_FAILED", "PAYER_ACTION_REQUIRED", "UNKNOWN"} {
		w := open(t)
		w.then(lost, lost, lost, lost)
		_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		deliver(t, w, strings.NewReplacer("PAYMENT_ORDER_COMPLETED", "PAYMENT_ORDER_FAILED", `"COMPLETED"`, `"`+status+`"`).Replace(orderEvent))
		w.then(says(200, `{"id":"O-1","status":"`+status+`"}`))
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}), payonce.WithNewKey())
		require.Error(t, err, "pays a second time: %s", status)
		assert.Len(t, w.bodies("/v1/payment/orders"), 4, status)
	}
}

func TestAStatusThatIsNoTextIsAStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []string{`7`, `0`, `{}`, `[]`, `false`, `{"code":"COMPLETED"}`} {
		body := strings.NewReplacer("PAYMENT_ORDER_COMPLETED", "PAYMENT_ORDER_FAILED", `"COMPLETED"`, status).Replace(orderEvent)
		assert.False(t, parse(t, body).Portable().NoMoneyMoved, status)
	}
	body := strings.NewReplacer("PAYMENT_ORDER_COMPLETED", "PAYMENT_ORDER_FAILED", `"COMPLETED"`, `null`).Replace(orderEvent)
	assert.True(t, parse(t, body).Portable().NoMoneyMoved, "there is none, and the event says what became of the order")
}

// The introduction's envelope has no event_type and no resource_type.
func TestAnEventThatNobodyKnowsSettlesNothing(t *testing.T) {
	t.Parallel()
	const resource = `"resource":{"merchant_id":"` + merchantID + `","id":"X-1","reference_id":"order-12345_payment","status":"REJECTED"}}`
	for name, body := range map[string]string{
		"a notice about risk":        `{"id":"W-7","event_type":"RISK_NOTICE","resource_type":"RISK",` + resource,
		"one about a payment's risk": `{"id":"W-7","event_type":"PAYMENT_ORDER_REVIEW","resource_type":"PAYMENT_RISK",` + resource,
		"one about payment methods":  `{"id":"W-7","resource_type":"mpay.apis.event.PaymentMethodNotification",` + resource,
		"no type at all":             `{"id":"W-7",` + resource,
		"a type within":              `{"id":"W-7",` + strings.Replace(resource, `{`, `{"@type":"type.apis.com/mpay.Risk","purchase_units":[],`, 1),
	} {
		e := parse(t, body).Portable()
		assert.Empty(t, e.Kind, name)
		assert.Empty(t, e.Key, name)
		assert.False(t, e.NoMoneyMoved, name)
		w := open(t)
		w.then(says(409, document("BALANCE_NOT_ENOUGH")))
		_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrDeclined)
		deliver(t, w, body)
		payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrDeclined, name)
		assert.Nil(t, payment, name)
	}
}

func TestAnOrderIsKnownByItsTypeOrItsUnits(t *testing.T) {
	t.Parallel()
	const order = `"merchant_id":"` + merchantID + `","id":"O-1","reference_id":"k","status":"FAILED"`
	const units = `,"purchase_units":[{"reference_id":"k_item1","amount":{"currency_code":"USD","value":"50.00"}}]`
	for name, tc := range map[string]struct{ body, kind string }{
		"its units":             {`{"id":"W","resource":{` + order + units + `}}`, "payment.create"},
		"its type":              {`{"id":"W","resource":{"@type":"type.apis.com/mpay.apis.event.PaymentNotification",` + order + `}}`, "payment.create"},
		"its type url":          {`{"id":"W","resource":{"type_url":"mpay.apis.event.PaymentNotification",` + order + `}}`, "payment.create"},
		"units, wrapped":        {`{"id":"W","resource":{"type_url":"","value":"` + base64.StdEncoding.EncodeToString([]byte(`{`+order+units+`}`)) + `"}}`, ""},
		"units and its event":   {`{"id":"W","event_type":"PAYMENT_ORDER_FAILED","resource_type":"OBJECT","resource":{` + order + units + `}}`, "payment.create"},
		"units of another type": {`{"id":"W","event_type":"RISK_NOTICE","resource_type":"RISK","resource":{` + order + units + `}}`, ""},
		"units of a refund":     {`{"id":"W","event_type":"REFUND_SUCCEEDED","resource":{` + order + units + `}}`, ""},
		"a refund's own type":   {`{"id":"W","resource":{"@type":"mpay.apis.event.RefundNotification",` + order + units + `}}`, "refund.create"},
		"the type of the whole": {`{"id":"W","resource_type":"PAYMENT_ORDER","resource":{` + order + `}}`, "payment.create"},
	} {
		e := parse(t, tc.body).Portable()
		assert.Equal(t, tc.kind, e.Kind, name)
		assert.Equal(t, tc.kind != "", e.NoMoneyMoved, "%s: FAILED is what its status says", name)
		assert.Equal(t, tc.kind != "", e.Key == "k", name)
	}
}

func TestAnInlineFailedOrderWithoutAnEventTypeLeavesADeclineADecline(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(409, document("BALANCE_NOT_ENOUGH")))
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	deliver(t, w, strings.NewReplacer(`"event_type":"PAYMENT_ORDER_COMPLETED","resource_type":"ORDER",`, "", `"COMPLETED"`, `"FAILED"`).Replace(orderEvent))
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrDeclined)
}

// MidasPay signs for all merchants with the same key.
func TestADeliveryThatNamesNoMerchantSettlesNothing(t *testing.T) {
	t.Parallel()
	nobodys := strings.Replace(orderEvent, `"merchant_id":"`+merchantID+`",`, "", 1)
	e := parse(t, nobodys)
	assert.Empty(t, e.MerchantID)
	assert.Empty(t, e.Portable().Key)
	assert.Equal(t, "O-1", e.Portable().ResourceID, "it is handed over as it is")
	w := open(t)
	w.then(lost, lost, lost, lost)
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	deliver(t, w, nobodys)
	w.then(placed("CREATED"))
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err)
	assert.Len(t, w.sent, 5, "it was still open")
	for _, named := range []string{
		strings.Replace(nobodys, `"id":"W-1"`, `"id":"W-1","merchant_id":"`+merchantID+`"`, 1), orderEvent,
	} {
		e = parse(t, named)
		assert.Equal(t, merchantID, e.MerchantID)
		assert.Equal(t, "order-12345_payment", e.Portable().Key)
	}
}

func TestAMerchantIDIsComparedAsTextOrNumber(t *testing.T) {
	t.Parallel()
	p := newProvider(t, certified(t), func(c *midaspay.Config) { c.MerchantID = "1900009191" })
	w, err := p.Webhooks(midaspay.WebhookConfig{})
	require.NoError(t, err)
	for id, want := range map[string]error{
		`1900009191`: nil, `"1900009191"`: nil, `1900009192`: midaspay.ErrAnotherAccount, `"x"`: midaspay.ErrAnotherAccount, `1900009191.0`: midaspay.ErrAnotherAccount,
		`{"id":"1900009191"}`: midaspay.ErrAnotherAccount, `false`: midaspay.ErrAnotherAccount,
	} {
		for _, body := range []string{`{"id":"W","resource_type":"ORDER","resource":{"merchant_id":` + id + `}}`, `{"id":"W","merchant_id":` + id + `,"resource":{}}`} {
			_, err := w.Parse(delivery(t, body), []byte(body))
			require.ErrorIs(t, err, want, body)
		}
	}
	both := `{"id":"W","merchant_id":1900009191,"resource":{"merchant_id":"somebody"}}`
	_, err = w.Parse(delivery(t, both), []byte(both))
	require.ErrorIs(t, err, midaspay.ErrAnotherAccount)
}

func TestTwoStatusesAreTwoEvents(t *testing.T) {
	t.Parallel()
	const body = `{"id":"W-1","create_time":"2026-09-21T20:00:00+08:00","resource":{"id":"O-1","reference_id":"k","%":"CREATED"}}`
	for _, member := range []string{"status", "subscription_status"} {
		first := strings.Replace(body, "%", member, 1)
		a, b := parse(t, first).Portable().ID, parse(t, strings.Replace(first, "CREATED", "COMPLETED", 1)).Portable().ID
		assert.NotEqual(t, a, b)
		assert.Equal(t, a, parse(t, first).Portable().ID)
	}
}
