package midaspay_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestNativeOrderIsThePortableOne(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(placed("PAYER_ACTION_REQUIRED"))
	created, err := w.api.Orders.Create(t.Context(), order(midaspay.Order{PaymentMethod: "CREDIT_CARD"}))
	require.NoError(t, err)
	assert.Equal(t, midaspay.OrderPayerActionRequired, created.Value.Status)
	assert.Equal(t, "order-12345_payment", created.Receipt.Key)
	again, err := w.client.Payments.Create(t.Context(), order(&midaspay.Order{PaymentMethod: "CREDIT_CARD"}))
	require.NoError(t, err)
	assert.Equal(t, "O-1", again.ID)
	assert.Equal(t, payonce.StatusActionRequired, again.Status)
	assert.Equal(t, usd(5000), again.Amount)
	assert.Equal(t, "local", again.Receipt.Replayed)
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{PaymentMethod: "WALLET"}))
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	renamed := midaspay.Order{PaymentMethod: "CREDIT_CARD", Units: []midaspay.Unit{{Reference: "shoes"}}}
	_, err = w.client.Payments.Create(t.Context(), order(renamed))
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "a unit's name is content")
	assert.Len(t, w.sent, 1)
}

func TestALostAnswerIsResentWithTheSameBytes(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(lost, says(502, "<html>"), says(429, ""), placed("CREATED"))
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err)
	assert.Equal(t, 4, payment.Receipt.Attempts)
	bodies := w.bodies("/v1/payment/orders")
	require.Len(t, bodies, 4)
	for _, body := range bodies {
		assert.Equal(t, bodies[0], body)
	}
	assert.Len(t, w.nonces, 4)
}

func TestADuplicateAfterALostAnswerIsLookedUpAndOurs(t *testing.T) {
	t.Parallel()
	w := open(t)
	first := ""
	w.then(func(body string) (int, string, error) { first = body; return 0, "", errors.New("connection reset") },
		says(409, document("DUPLICATE_REFERENCE_ID")),
		func(string) (int, string, error) { return placed("COMPLETED")(first) })
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err)
	assert.Equal(t, "O-1", payment.ID)
	assert.Equal(t, payonce.StatusSucceeded, payment.Status)
	assert.Equal(t, []string{`{"reference_id":"order-12345_payment"}`}, w.bodies("/v1/payment/query"))
}

func TestADuplicateOfSomebodyElseIsInDoubtWithWhatWasFound(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(409, document("DUPLICATE_REFERENCE_ID")), says(200, found))
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	require.ErrorContains(t, err, "order O-1 (CREATED), created 2026-09-21T12:00:00Z")
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}), payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrInDoubt, "no new key while it may have moved money")
	assert.Len(t, w.bodies("/v1/payment/orders"), 1)
}

func TestADuplicateThatNobodyMadeIsRejectedOnceNoAttemptCanBeOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.then(says(409, document("DUPLICATE_ORDER_ID")), says(404, document("ORDER_NOT_FOUND")))
		_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "it may still come")
		<-time.NewTimer(6 * time.Minute).C
		w.then(says(404, document("ORDER_NOT_FOUND")))
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrRejected)
		w.then(placed("CREATED"))
		payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}), payonce.WithNewKey())
		require.NoError(t, err)
		assert.Equal(t, "order-12345_payment_2", payment.Receipt.Key)
		bodies := w.bodies("/v1/payment/orders")
		require.Len(t, bodies, 2)
		assert.Contains(t, bodies[1], `"reference_id":"order-12345_payment_2_item1"`)
	})
}

func TestDeclinesAndCancellationsAreFinal(t *testing.T) {
	t.Parallel()
	for status, name := range map[int]string{409: "BALANCE_NOT_ENOUGH", 408: "CANCELLED", 400: "AVS_DECLINED"} {
		w := open(t)
		w.then(says(status, document(name)))
		payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrDeclined)
		assert.Nil(t, payment, "nothing was made that has an id")
		problem := new(payonce.Error)
		require.ErrorAs(t, err, &problem)
		assert.Equal(t, name, problem.Code)
		assert.Equal(t, "req_1", problem.RequestID)
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrDeclined)
		assert.Len(t, w.sent, 1, "a stock retry policy would have sent a %d again", status)
	}
}

func TestADeclineAfterALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	w := open(t)
	first := ""
	w.then(func(body string) (int, string, error) { first = body; return 0, "", errors.New("connection reset") },
		says(409, document("BLOCKED_FOR_RETRY_FEES")), func(string) (int, string, error) { return placed("COMPLETED")(first) })
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err, "the lost attempt had made the order")
	assert.Equal(t, payonce.StatusSucceeded, payment.Status)
}

func TestAnAnswerThatDoesNotVerifyLeavesTheOperationOpen(t *testing.T) {
	t.Parallel()
	w := open(t, certified(t))
	w.then(placed("CREATED"), placed("CREATED"), placed("CREATED"), placed("CREATED"))
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, payonce.ErrInDoubt)
	w.signed = true
	w.then(placed("CREATED"))
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err)
	assert.Equal(t, 5, payment.Receipt.Attempts)
}

func TestA401SaysWhereToLook(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(401, document("SIGN_ERROR")), placed("CREATED"))
	_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.ErrorIs(t, err, payonce.ErrRejected)
	require.ErrorContains(t, err, "check this machine's clock")
	assert.Len(t, w.sent, 1, "a wrong clock is not cured by asking again")
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err, "the key is not spent")
}

func TestVoids(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(lost, says(200, `{"succeed":true}`))
	canceled, err := w.client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "O-1"})
	require.NoError(t, err)
	assert.Equal(t, "O-1", canceled.ID)
	assert.Equal(t, payonce.StatusCanceled, canceled.Status)
	assert.Equal(t, "VOIDED", canceled.ProviderStatus)

	w.then(says(200, `{"succeed":false,"message":"fully paid"}`))
	_, err = w.api.Orders.Void(t.Context(), payonce.CancelParams{PaymentID: "O-2"})
	require.ErrorIs(t, err, payonce.ErrRejected, "a 200 is no success by itself")
	require.ErrorContains(t, err, "fully paid")

	w.then(lost, says(409, document("ORDER_STATE_CONFLICT")), says(200, `{"id":"O-3","status":"VOIDED"}`))
	voided, err := w.api.Orders.Void(t.Context(), payonce.CancelParams{PaymentID: "O-3"})
	require.NoError(t, err, "the lost attempt had voided it")
	assert.True(t, voided.Value.Succeed)
	_, err = w.client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "O-1"})
	require.ErrorIs(t, err, payonce.ErrUnsupported)
}

func TestRefundsShareTheirOperations(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(200, `{"id":"R-1"}`))
	refund, err := w.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-77", PaymentID: "O-1", Amount: usd(700)})
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusPending, refund.Status)
	assert.Equal(t, "rma-77_refund", refund.Receipt.Key)
	native, err := w.api.Refunds.Create(t.Context(), midaspay.RefundParams{
		Reference: "rma-77", Body: payonce.Raw(`{"id":"O-1","amount":{"value":"7.00","currency_code":"USD"}}`),
	})
	require.NoError(t, err)
	assert.Equal(t, "R-1", native.Value.ID)
	assert.Len(t, w.sent, 1)

	w.then(lost, says(409, document("DUPLICATE_REFERENCE_ID")))
	_, err = w.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-78", PaymentID: "O-1", Full: true})
	require.ErrorIs(t, err, payonce.ErrInDoubt, "refunds can't be looked up")
	_, err = w.client.Refunds.Get(t.Context(), "O-1", "R-1")
	require.ErrorIs(t, err, payonce.ErrUnsupported)
}

func TestReadsAreAnsweredRefusedOrNotFound(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(503, ""), says(200, `{"id":"O-1","status":"COMPLETED","purchase_units":[{"amount":{"currency_code":"TND","value":"1.005"}}]}`))
	payment, err := w.client.Payments.Get(t.Context(), "O-1")
	require.NoError(t, err, "a read is asked for again although it is a POST")
	assert.Equal(t, payonce.Amount{Minor: 1005, Currency: "TND"}, payment.Amount)
	assert.Equal(t, `{"id":"O-1"}`, w.bodies("/v1/payment/query")[1])

	w.then(says(404, document("ORDER_NOT_FOUND")), says(200, `{}`), says(200, `{"id":"O-9","status":"COMPLETED"}`))
	_, err = w.client.Payments.Get(t.Context(), "O-2")
	require.ErrorIs(t, err, payonce.ErrNotFound)
	_, err = w.api.Orders.Get(t.Context(), "O-2")
	require.ErrorIs(t, err, payonce.ErrNotFound, "nothing in a 200 is not found either")
	_, err = w.api.Orders.Get(t.Context(), "O-2")
	require.ErrorIs(t, err, payonce.ErrUnavailable, "an answer about another order is none")
	w.then(says(200, `{"id":"O-1","status":"COMPLETED"}`), says(200, `{"transaction":{"id":"T-1","external_id":"a&b","status":"Pending"}}`), says(200, `{}`))
	_, err = w.api.Orders.GetByReferenceID(t.Context(), "order-12345_payment")
	require.NoError(t, err)
	transaction, err := w.api.MOR.GetTransaction(t.Context(), "a&b")
	require.NoError(t, err)
	assert.Equal(t, midaspay.TransactionPending, transaction.Value.Transaction.Status)
	require.NoError(t, w.client.Check(t.Context()))
	for _, id := range []string{"", "a\nb", strings.Repeat("x", 256)} {
		_, err = w.api.Orders.Get(t.Context(), id)
		require.ErrorIs(t, err, payonce.ErrInvalid)
	}
}

func TestRecoverFinishesWithTheSameBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.then(lost, lost, lost, lost)
		_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		<-time.NewTimer(400 * 24 * time.Hour).C // keys live for ever
		w.then(placed("CREATED"))
		for recovered, err := range w.client.Recover(t.Context()) {
			require.NoError(t, err)
			assert.Equal(t, payonce.StateSucceeded, recovered.State)
			assert.Equal(t, "O-1", recovered.ResourceID)
		}
		bodies := w.bodies("/v1/payment/orders")
		require.Len(t, bodies, 5)
		assert.Equal(t, bodies[0], bodies[4])
	})
}
