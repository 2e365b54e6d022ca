package miracle_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

const (
	authorized = `{"data":{"id":"pay_1","livemode":false,"status":"requires_capture","amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-12345","captureMethod":"manual",
		"metadata":{"payonce_ref":"payment.create:1:order-12345"}}}`
	captured = `{"data":{"id":"pay_1","livemode":false,"status":"captured","amount":{"currency":"USD","valueMinor":5000}}}`
	rejected = `{"data":{"id":"pay_1","livemode":false,"status":"failed","errorCode":"DO_NOT_HONOR","errorMessage":"declined"}}`
	pending  = `{"data":{"id":"ref_1","livemode":false,"paymentId":"pay_1","status":"pending","amount":{"currency":"USD","valueMinor":700}}}`
)

func TestANativePaymentIsThePortableOne(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{"POST /v1/payments": {answer(201, authorized)}, "GET /v1/payments/pay_1": {answer(200, captured)}})
	created, err := s.api.Payments.Create(t.Context(), order(card()))
	require.NoError(t, err)
	assert.Equal(t, miracle.PaymentRequiresCapture, created.Value.Status)
	assert.Equal(t, "pay_1", created.ResourceID)
	assert.Equal(t, "order-12345_payment", created.Receipt.Key, "keys are readable, as the documentation recommends")

	again, err := s.client.Payments.Create(t.Context(), order(card()))
	require.NoError(t, err)
	assert.Equal(t, []string{"pay_1", "local"}, []string{again.ID, again.Receipt.Replayed}, "the same reference is the same payment")
	assert.Equal(t, payonce.StatusAuthorized, again.Status)

	sent := s.arrived("POST", "/v1/payments")
	require.Len(t, sent, 1)
	assert.Equal(t, received{
		method: "POST", path: "/v1/payments", key: "order-12345_payment", authorization: "Bearer sk_test_example", contentType: "application/json; charset=UTF-8",
		body: `{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-12345","paymentMethod":{"token":"tok_xxx","type":"card"},"metadata":{"payonce_ref":"payment.create:1:order-12345"}}`,
	}, sent[0])

	got, err := s.api.Payments.Get(t.Context(), "pay_1")
	require.NoError(t, err)
	assert.Equal(t, miracle.PaymentCaptured, got.Value.Status)
	_, err = s.client.Payments.Get(t.Context(), "pay_2")
	require.ErrorIs(t, err, payonce.ErrNotFound)
	_, err = s.api.Payments.Get(t.Context(), "../refunds")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	_, err = s.api.Payments.Create(t.Context(), payonce.PaymentParams{Reference: "order-2"})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestALostAnswerIsResentWithTheSameKeyAndBytes(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{"POST /v1/payments": {lost(), answer(502, "<html>"), answer(409, ""), answer(201, authorized)}})
	created, err := s.api.Payments.Create(t.Context(), order(card()))
	require.NoError(t, err)
	assert.Equal(t, 4, created.Receipt.Attempts)
	sent := s.arrived("POST", "/v1/payments")
	require.Len(t, sent, 4)
	for _, r := range sent {
		assert.Equal(t, sent[0], r)
	}
}

func TestADeclineIsAResultAndAnError(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{
		"POST /v1/payments":               {answer(200, rejected)},
		"POST /v1/payments/pay_1/capture": {answer(200, rejected)},
		"POST /v1/payments/pay_1/refund":  {answer(200, strings.Replace(pending, "pending", "failed", 1))},
	})
	created, err := s.client.Payments.Create(t.Context(), order(card()))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	require.NotNil(t, created)
	assert.Equal(t, []any{"pay_1", payonce.StatusFailed, "DO_NOT_HONOR", true}, []any{created.ID, created.Status, created.FailureCode, created.NoMoneyMoved})
	problem := new(payonce.Error)
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, []string{"DO_NOT_HONOR", "declined"}, []string{problem.Code, problem.Message})
	_, err = s.client.Payments.Create(t.Context(), order(card()))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Len(t, s.arrived("POST", "/v1/payments"), 1, "the answer is final for its key")
	_, err = s.client.Payments.Create(t.Context(), order(card()), payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Equal(t, "order-12345_payment_2", s.arrived("POST", "/v1/payments")[1].key, "a new key is the merchant's decision")

	_, err = s.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_1"})
	require.ErrorIs(t, err, payonce.ErrDeclined)
	refund, err := s.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-77", PaymentID: "pay_1", Amount: payonce.Amount{Minor: 700, Currency: "USD"}})
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Equal(t, payonce.StatusFailed, refund.Status)
}

func TestAFailedPaymentThatCapturedMoneyIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	const taken = `{"data":{"id":"pay_1","status":"failed","amountBreakdown":{"captured":{"currency":"USD","valueMinor":5000}}}}`
	s := openShop(t, map[string][]exchange{"POST /v1/payments": {answer(201, taken)}, "GET /v1/payments/pay_1": {answer(200, taken)}})
	payment, err := s.client.Payments.Create(t.Context(), order(card()))
	require.NoError(t, err)
	assert.Equal(t, []any{payonce.StatusFailed, "failed", false}, []any{payment.Status, payment.ProviderStatus, payment.NoMoneyMoved})
	_, err = s.client.Payments.Create(t.Context(), order(card()), payonce.WithNewKey())
	require.Error(t, err, "the money was taken under the first key")
	assert.Len(t, s.arrived("POST", "/v1/payments"), 1)
}

func TestACanceledPaymentMayBePaidAgainUnlessMoneyWasCaptured(t *testing.T) {
	t.Parallel()
	for more, attempts := range map[string]int{"": 2, `,"amountBreakdown":{"captured":{"currency":"USD","valueMinor":1}}`: 1} {
		s := openShop(t, map[string][]exchange{
			"POST /v1/payments":              {answer(201, payment("pay_1", "requires_action", "")), answer(201, payment("pay_2", "processing", ""))},
			"POST /v1/payments/pay_1/cancel": {answer(200, payment("pay_1", "canceled", more))},
			"GET /v1/payments/pay_1":         {answer(200, payment("pay_1", "canceled", more))},
		})
		_, err := s.client.Payments.Create(t.Context(), order(card()))
		require.NoError(t, err)
		_, err = s.client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_1"})
		require.NoError(t, err)
		_, err = s.client.Payments.Create(t.Context(), order(card()), payonce.WithNewKey())
		assert.Equal(t, attempts == 2, err == nil)
		assert.Len(t, s.arrived("POST", "/v1/payments"), attempts, more)
	}
}

func TestARefundThatIsBeingExecutedElsewhereIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inProgress := answer(409, `{"error":{"code":"REQUEST_IN_PROGRESS","message":"A request with this idempotency key is being processed."}}`)
		params := payonce.RefundParams{Reference: "rma-77", PaymentID: "pay_1", Amount: payonce.Amount{Minor: 700, Currency: "USD"}}
		s := openShop(t, map[string][]exchange{
			"POST /v1/payments/pay_1/refund": {inProgress, inProgress, answer(201, pending)}, "POST /v1/payments/pay_2/refund": {inProgress},
		})
		refund, err := s.client.Refunds.Create(t.Context(), params)
		require.NoError(t, err, "it is waited for")
		assert.Equal(t, "ref_1", refund.ID)
		params.Reference, params.PaymentID = "rma-78", "pay_2"
		patient, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err = s.client.Refunds.Create(patient, params)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		_, err = s.client.Refunds.Create(t.Context(), params, payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "what may be executing gets no new key")
		for _, path := range []string{"/v1/payments/pay_1/refund", "/v1/payments/pay_2/refund"} {
			sent := s.arrived("POST", path)
			require.Greater(t, len(sent), 1)
			for _, r := range sent {
				assert.Equal(t, sent[0].key, r.key, "under one key")
			}
		}
	})
}

func TestReuseAtMiracleIsInDoubt(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{"POST /v1/payments": {answer(409, `{"error":{"code":"DUPLICATE_TRANSACTION","message":"m"}}`)}})
	_, err := s.client.Payments.Create(t.Context(), order(card()))
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	_, err = s.client.Payments.Create(t.Context(), order(card()), payonce.WithNewKey())
	require.Error(t, err, "and a new key is refused")
	assert.Len(t, s.arrived("POST", "/v1/payments"), 1)
}

func TestAStateConflictAfterALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	conflict := answer(409, `{"code":"INVALID_STATE"}`)
	s := openShop(t, map[string][]exchange{
		"POST /v1/payments/pay_1/capture": {lost(), conflict}, "GET /v1/payments/pay_1": {answer(200, captured)},
		"POST /v1/payments/pay_2/capture": {lost(), conflict}, "GET /v1/payments/pay_2": {answer(200, strings.ReplaceAll(authorized, "pay_1", "pay_2"))},
		"POST /v1/payments/pay_3/capture": {conflict},
	})
	done, err := s.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_1"})
	require.NoError(t, err, "the payment is captured, so the capture was done")
	assert.Equal(t, []any{"pay_1", payonce.StatusSucceeded}, []any{done.ID, done.Status})
	assert.Equal(t, "pay_1_capture", s.arrived("POST", "/v1/payments/pay_1/capture")[1].key)
	assert.Empty(t, s.arrived("POST", "/v1/payments/pay_1/capture")[1].body, "a capture has no body")

	_, err = s.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_2"})
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "the lost request may still be on its way")
	_, err = s.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_3"})
	require.ErrorIs(t, err, payonce.ErrRejected, "the only request had no effect")
	assert.NotErrorIs(t, err, payonce.ErrDeclined)
}

func TestAfterTheKeysLifeNothingIsResentAndACaptureIsLookedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openShop(t, map[string][]exchange{
			"POST /v1/payments": {lost()}, "POST /v1/payments/pay_1/capture": {lost()}, "POST /v1/payments/pay_2/cancel": {lost()},
			"GET /v1/payments/pay_1": {answer(200, captured)}, "GET /v1/payments/pay_2": {answer(200, payment("pay_2", "captured", ""))},
		})
		create := func() error { _, err := s.client.Payments.Create(t.Context(), order(card())); return err }
		capture := func() error {
			_, err := s.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_1"})
			return err
		}
		cancel := func() error {
			_, err := s.client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_2"})
			return err
		}
		for _, call := range []func() error{create, capture, cancel} {
			require.ErrorIs(t, call(), payonce.ErrOutcomeUnknown)
		}
		require.Len(t, s.requests, 12)
		<-time.NewTimer(22 * time.Hour).C // 90 % of the key's life are 21.6 hours
		require.ErrorIs(t, create(), payonce.ErrInDoubt, "nothing finds a payment by its key")
		require.NoError(t, capture(), "its payment is captured")
		require.ErrorIs(t, cancel(), payonce.ErrRejected, "its payment is captured, so it had no effect")
		require.Len(t, s.requests, 14)
		assert.Len(t, s.arrived("GET", "/v1/payments/pay_1"), 1)
		assert.Len(t, s.arrived("GET", "/v1/payments/pay_2"), 1)
	})
}

func TestCancelAndCompleteAnAction(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{
		"POST /v1/payments/pay_1/cancel":          {answer(200, payment("pay_1", "canceled", ""))},
		"POST /v1/payments/pay_1/capture":         {answer(200, captured)},
		"POST /v1/payments/pay_1/complete-action": {answer(200, payment("pay_1", "processing", ""))},
	})
	canceled, err := s.client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_1"})
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusCanceled, canceled.Status)
	again, err := s.api.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_1"})
	require.NoError(t, err)
	assert.Equal(t, "local", again.Receipt.Replayed)
	native, err := s.api.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "pay_1"})
	require.NoError(t, err)
	assert.Equal(t, miracle.PaymentCaptured, native.Value.Status)
	completed, err := s.api.Payments.CompleteAction(t.Context(), miracle.CompleteActionParams{PaymentID: "pay_1", CRes: "c"})
	require.NoError(t, err)
	assert.Equal(t, miracle.PaymentProcessing, completed.Value.Status)
	assert.Equal(t, `{"cres":"c"}`, s.arrived("POST", "/v1/payments/pay_1/complete-action")[0].body)
	_, err = s.api.Payments.CompleteAction(t.Context(), miracle.CompleteActionParams{PaymentID: "pay_1"})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{
		"POST /v1/payments/pay_1/refund":              {answer(202, pending)},
		"GET /v1/refunds/ref_1":                       {answer(200, strings.Replace(pending, "pending", "succeeded", 1))},
		"GET /v1/payments/pay_1/refunds":              {answer(200, `{"data":[{"id":"ref_2","status":"pending"}],"pagination":{"nextCursor":"c&d","hasMore":true}}`)},
		"GET /v1/payments/pay_1/refunds?cursor=c%26d": {answer(200, `{"data":[{"id":"ref_1","status":"succeeded"}],"pagination":{"nextCursor":null,"hasMore":false}}`)},
	})
	params := payonce.RefundParams{Reference: "rma-77", PaymentID: "pay_1", Amount: payonce.Amount{Minor: 700, Currency: "USD"}}
	refund, err := s.api.Refunds.Create(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, []string{"ref_1", "rma-77_refund"}, []string{refund.Value.ID, refund.Receipt.Key})
	portable, err := s.client.Refunds.Create(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, []any{"ref_1", "local", payonce.StatusPending}, []any{portable.ID, portable.Receipt.Replayed, portable.Status})
	got, err := s.client.Refunds.Get(t.Context(), "pay_1", "ref_1")
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusSucceeded, got.Status)
	native, err := s.api.Refunds.Get(t.Context(), "ref_1")
	require.NoError(t, err)
	assert.Equal(t, miracle.RefundSucceeded, native.Value.Status)

	var ids []string
	for refund, err := range s.api.Refunds.List(t.Context(), "pay_1") {
		require.NoError(t, err)
		ids = append(ids, refund.ID)
	}
	for refund, err := range s.client.Refunds.List(t.Context(), "pay_1") {
		require.NoError(t, err)
		assert.Equal(t, "pay_1", refund.PaymentID)
		ids = append(ids, refund.ID)
	}
	assert.Equal(t, []string{"ref_2", "ref_1", "ref_2", "ref_1"}, ids, "all pages, by both services")
	for _, err := range s.api.Refunds.List(t.Context(), "") {
		require.ErrorIs(t, err, payonce.ErrInvalid)
	}
}

func TestPaymentsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	s := openShop(t, map[string][]exchange{
		"GET /v1/payments":                          {answer(200, `{"data":[],"pagination":{"hasMore":false}}`)},
		"GET /v1/payments?status=failed":            {answer(200, `{"data":[{"id":"a"},{"id":"b"}],"pagination":{"nextCursor":"2","hasMore":true}}`)},
		"GET /v1/payments?cursor=2&status=failed":   {answer(200, `{"data":[{"id":"c"}],"pagination":{"nextCursor":"3","hasMore":true}}`)},
		"GET /v1/payments?cursor=3&status=failed":   {answer(403, `{"code":"FORBIDDEN"}`)},
		"GET /v1/payments?status=canceled":          {answer(200, `{"data":[{"id":"a"}],"pagination":{"nextCursor":"2","hasMore":true}}`)},
		"GET /v1/payments?cursor=2&status=canceled": {answer(200, `{"data":[{"id":"a"}],"pagination":{"nextCursor":"2","hasMore":true}}`)},
	})
	require.NoError(t, s.client.Check(t.Context()))
	collect := func(status miracle.PaymentStatus) (ids string, last error) {
		for payment, err := range s.api.Payments.List(t.Context(), miracle.PaymentFilter{Status: status}) {
			ids, last = ids+payment.ID, errors.Join(last, err)
		}
		return ids, last
	}
	ids, err := collect(miracle.PaymentFailed)
	assert.Equal(t, "abc", ids)
	require.ErrorIs(t, err, payonce.ErrRejected, "an error is the last that a list yields")
	ids, err = collect(miracle.PaymentCanceled)
	require.NoError(t, err)
	assert.Equal(t, "aa", ids, "a cursor that leads to itself ends the list")
	for _, err := range s.api.Payments.List(t.Context(), miracle.PaymentFilter{Status: miracle.PaymentFailed}) {
		require.NoError(t, err)
		break // stopping early is fine
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	const session = `{"id":"cs_1","status":"open","url":"https://pay.example/cs_1","clientSecret":"cs_secret_x","merchantReference":"order-1234"}`
	s := openShop(t, map[string][]exchange{
		"POST /v1/hpp/sessions":          {lost(), answer(201, session)},
		"POST /v1/checkout-sessions":     {answer(201, `{"data":`+session+`}`)},
		"GET /v1/checkout-sessions/cs_1": {answer(200, `{"data":{"id":"cs_1","status":"open"}}`)},
	})
	hosted, err := s.api.HPPSessions.Create(t.Context(), basket())
	require.NoError(t, err)
	assert.Equal(t, "https://pay.example/cs_1", hosted.Value.URL.Reveal())
	sent := s.arrived("POST", "/v1/hpp/sessions")
	require.Len(t, sent, 2)
	assert.NotEmpty(t, sent[0].key)
	assert.Equal(t, sent[0], sent[1])
	widget, err := s.api.CheckoutSessions.Create(t.Context(), basket())
	require.NoError(t, err)
	assert.Equal(t, "cs_secret_x", widget.Value.ClientSecret.Reveal())
	again, err := s.api.CheckoutSessions.Create(t.Context(), basket())
	require.NoError(t, err)
	assert.Equal(t, "cs_secret_x", again.Value.ClientSecret.Reveal(), "the secret is in the stored answer")
	got, err := s.api.CheckoutSessions.Get(t.Context(), "cs_1")
	require.NoError(t, err)
	assert.Empty(t, got.Value.ClientSecret)
	_, err = s.api.HPPSessions.Create(t.Context(), miracle.SessionParams{})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	const endpoint = `{"id":"we_1","url":"https://shop.example/hook","events":["*"],"status":"active"`
	s := openShop(t, map[string][]exchange{
		"POST /v1/webhooks/endpoints":                    {answer(201, `{"data":`+endpoint+`,"secret":"whsec_a"}}`)},
		"GET /v1/webhooks/endpoints":                     {answer(200, `{"data":[`+endpoint+`}]}`)},
		"GET /v1/webhooks/endpoints/we_1":                {answer(200, `{"data":`+endpoint+`}}`)},
		"POST /v1/webhooks/endpoints/we_1/rotate-secret": {answer(200, `{"data":{"secret":"whsec_b"}}`), answer(200, `{"data":{"secret":"whsec_c"}}`)},
		"DELETE /v1/webhooks/endpoints/we_1":             {lost(), answer(http.StatusNoContent, "")},
	})
	endpoints := s.api.WebhookEndpoints
	created, err := endpoints.Create(t.Context(), miracle.WebhookEndpointParams{Reference: "hook-1", URL: "https://shop.example/hook", Events: []string{"*"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"we_1", "whsec_a"}, []string{created.Value.ID, created.Value.Secret.Reveal()})
	for listed, err := range endpoints.List(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, "we_1", listed.ID)
	}
	got, err := endpoints.Get(t.Context(), "we_1")
	require.NoError(t, err)
	assert.Equal(t, "active", got.Value.Status)
	change := miracle.WebhookEndpointChange{EndpointID: "we_1"}
	_, err = endpoints.RotateSecret(t.Context(), change)
	require.ErrorIs(t, err, payonce.ErrInvalid, "a reference that is made up would answer the next rotation with this one's secret")
	for _, rotation := range [][2]string{{"2026-09", "whsec_b"}, {"a leak", "whsec_c"}, {"2026-09", "whsec_b"}} {
		rotated, err := endpoints.RotateSecret(t.Context(), miracle.WebhookEndpointChange{EndpointID: "we_1", Reference: rotation[0]})
		require.NoError(t, err)
		assert.Equal(t, rotation[1], rotated.Value.Secret.Reveal())
	}
	assert.Len(t, s.arrived("POST", "/v1/webhooks/endpoints/we_1/rotate-secret"), 2)
	deleted, err := endpoints.Delete(t.Context(), change)
	require.NoError(t, err)
	assert.Equal(t, 2, deleted.Receipt.Attempts)
	for _, r := range s.requests {
		assert.Equal(t, r.method != "GET", r.key != "", "%s %s: every write has a key, and no read", r.method, r.path)
	}
}
