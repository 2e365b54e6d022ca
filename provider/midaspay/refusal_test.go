package midaspay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestA2xxThatSaysNoIsADeclineWhateverTheKind(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	no := decisive{class: declined, keySpent: true}
	for _, kind := range writes() {
		v := p.Classify(ask(kind), answer(200, `{"id":"X-1","token":"t","succeed":false,"message":"no money, card 4111111111111111"}`))
		assert.Equal(t, no, of(v), kind)
		assert.Equal(t, "succeed false", v.Code, kind)
		assert.Equal(t, "no money, card […]", v.Message, kind)
		assert.Equal(t, no, of(p.Classify(ask(kind), answer(200, `{"succeed":false}`))), kind)
		v = p.Classify(ask(kind), answer(200, `{"id":"X-1","token":"t","succeed":true,"status":"FAILED"}`))
		assert.Equal(t, no, of(v), kind)
		assert.Equal(t, "FAILED", v.Code, kind)
		for _, odd := range []string{`"false"`, `"true"`, `0`, `{}`} {
			assert.Equal(t, decisive{class: unknown, resend: true}, of(p.Classify(ask(kind), answer(200, `{"id":"X-1","token":"t","succeed":`+odd+`}`))), "%s: %s", kind, odd)
		}
		assert.Equal(t, kind == "midaspay.authorization.pay", p.Classify(ask(kind), answer(200, `{"id":"X-1","token":"t","succeed":true,"status":"CAPTURE_FAILED"}`)).Class == declined, kind)
	}
	for kind, form := range map[string]string{"payment.create": "purchase_units", "midaspay.authorization.create": "purchase_units", "refund.create": "amount"} {
		req := ask(kind)
		req.Body = payonce.Raw(`{"reference_id":"k"}`)
		v := p.Classify(req, answer(200, `{"reference_id":"l","`+form+`":7,"status":"FAILED"}`))
		assert.Equal(t, mismatch, v.Class, "%s: another one's failure is not ours, in whatever form it is told", kind)
	}
	for _, kind := range reads() {
		assert.Equal(t, decisive{class: unknown}, of(p.Classify(ask(kind), answer(200, `{"succeed":false}`))), "%s: a no is not a not found", kind)
	}
	assert.Equal(t, succeeded, p.Classify(ask("payment.get"), answer(200, `{"id":"O-1","status":"FAILED"}`)).Class, "a read has not failed")
}

func TestAnErrorIn2xxIsNeitherSuccessNorFailure(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, kind := range append(append(writes(), reads()...), "check") {
		for _, body := range []string{
			document("BALANCE_NOT_ENOUGH"), `{"name":"BALANCE_NOT_ENOUGH"}`, `{"name":"BALANCE_NOT_ENOUGH","message":"m","debug_id":7}`, `{"error":{"name":"X"}}`,
			`{"error":"x","message":"y"}`, `{"errors":[{}]}`, `{"code":5,"message":"m","error":{}}`,
		} {
			assert.Equal(t, decisive{class: unknown, resend: true}, of(p.Classify(ask(kind), answer(200, body))), "%s: %s", kind, body)
		}
	}
	for _, body := range []string{`{"name":"Ada","message":"welcome"}`, `{"code":0,"message":"ok"}`, `{"error":null,"data":1}`, `{"name":"VISA","data":1}`} {
		assert.Equal(t, succeeded, p.Classify(ask("acme.thing"), answer(200, body)).Class, body)
	}
}

func TestACancelledAuthorizationSettles(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]step{
		"a 400": says(400, document("AUTHORIZATION_STATUS_ERROR")), "a 409": says(409, document("AUTHORIZATION_STATUS_ERROR")),
		"a 200 that says no": says(200, `{"authorization_id":"A-1","succeed":false}`),
	} {
		w := open(t)
		w.then(lost, second, says(200, `{"authorization_id":"A-1","status":"VOIDED"}`))
		_, err := w.api.Authorizations.Cancel(t.Context(), midaspay.CancelAuthorizationParams{AuthorizationID: "A-1"})
		require.NoError(t, err, "%s: the lost attempt had cancelled it", name)
		assert.Equal(t, []string{`{"authorization_id":"A-1"}`}, w.bodies("/v1/authorization/query"), name)
	}
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		alive := says(200, `{"authorization_id":"A-1","status":"APPROVED"}`)
		no := says(400, document("AUTHORIZATION_STATUS_ERROR"))
		w.then(lost, no, alive)
		_, err := w.api.Authorizations.Cancel(t.Context(), midaspay.CancelAuthorizationParams{AuthorizationID: "A-1"})
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "the lost attempt may still come")
		for range 200 {
			<-time.NewTimer(time.Hour).C
			w.steps = []step{no, alive}
			for _, err := range w.client.Recover(t.Context()) {
				require.ErrorIs(t, err, payonce.ErrRejected)
			}
		}
		assert.Less(t, len(w.sent), 10)
		_, err = w.api.Authorizations.Cancel(t.Context(), midaspay.CancelAuthorizationParams{AuthorizationID: "A-1"})
		require.ErrorIs(t, err, payonce.ErrRejected)
	})
}

// Nothing can look a refund up: after a lost attempt a decline is no proof, and asking again would not make it one.
func TestADeclinedRefundAfterALostAnswerIsInDoubtAndNotSentForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.then(lost, says(409, document("BALANCE_NOT_ENOUGH")))
		_, err := w.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "r", PaymentID: "O-1", Amount: usd(1)})
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		for range 200 {
			<-time.NewTimer(time.Hour).C
			for _, err := range w.client.Recover(t.Context()) {
				require.ErrorIs(t, err, payonce.ErrInDoubt)
			}
		}
		assert.Len(t, w.sent, 2)
	})
}

func TestASingleConflictOfAnUnreadNameIsLookedUpOrInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		no := says(409, document("EXPIRED_CARD"))
		w.then(no)
		_, err := w.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "r", PaymentID: "O-1", Amount: usd(1)})
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		w.then(no)
		_, err = w.api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "p", AuthorizationID: "A-1"})
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		w.then(no, says(404, document("NOT_FOUND")))
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, payonce.ErrInDoubt)
		<-time.NewTimer(6 * time.Minute).C
		w.then(says(404, document("NOT_FOUND")))
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrRejected)
	})
}

func TestASubscriptionThatGoesOnIsAskedToEndAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(200, `{"status":"ACTIVE"}`), says(200, `{"status":"CANCELLED"}`))
	canceled, err := w.api.Subscriptions.Cancel(t.Context(), midaspay.CancelSubscriptionParams{SubscriptionID: "S-1"})
	require.NoError(t, err)
	assert.Equal(t, midaspay.SubscriptionCancelled, canceled.Value.Status)
	assert.Len(t, w.sent, 2)
}
