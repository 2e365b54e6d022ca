package midaspay_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestACheckoutTokenIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.then(says(200, `{"token":"canary","redirect_url":"https://pay.example/canary"}`))
		made, err := w.api.MOR.CreateToken(t.Context(), checkoutToken())
		require.NoError(t, err)
		assert.Equal(t, "canary", made.Value.Token.Reveal())
		assert.Empty(t, made.ResourceID)
		assert.NotContains(t, fmt.Sprintf("%+v", made), "canary")

		params := checkoutToken()
		params.Reference = "ext 2"
		w.then(lost, says(404, document("TRANSACTION_NOT_FOUND")))
		_, err = w.api.MOR.CreateToken(t.Context(), params)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		<-time.NewTimer(time.Hour).C
		w.then(says(200, `{}`))
		_, err = w.api.MOR.CreateToken(t.Context(), params)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "a token without a transaction may be paid yet")
		w.then(says(200, `{"transaction":{"id":"T-2","external_id":"ext 2","status":"Completed"}}`))
		looked, err := w.api.MOR.CreateToken(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, "T-2", looked.ResourceID)
		assert.Empty(t, looked.Value.Token)
		assert.Len(t, w.bodies("/v1/mor/token/create"), 2)
		assert.Contains(t, w.sent, "GET /v1/mor/transaction/query?external_id=ext%202 ")
	})
}

func TestAStandInMayLieBelowAPath(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *midaspay.Config) { c.BaseURL = "https://pay.example/mp" })
	w.then(says(200, `{"transaction":{"id":"T-1","external_id":"ext 1","status":"Pending"}}`), says(200, `{"transaction":{"id":"T-1","external_id":"1","status":"Pending"}}`))
	_, err := w.api.MOR.GetTransaction(t.Context(), "ext 1")
	require.NoError(t, err)
	assert.Equal(t, []string{"GET /mp/v1/mor/transaction/query?external_id=ext%201 "}, w.sent, "the whole path is signed")
	_, err = w.api.MOR.GetTransaction(t.Context(), "ext 1")
	require.ErrorIs(t, err, payonce.ErrUnavailable, "another transaction")
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	w := open(t)
	list := func(status string) step {
		return func(string) (int, string, error) {
			var sent struct {
				ReferenceID string `json:"reference_id"`
			}
			_ = json.Unmarshal([]byte(w.bodies("/v1/subscription/create")[0]), &sent)
			return 200, `{"subscriptions":[{"id":"S-1","reference_id":"` + sent.ReferenceID + `","subscriber":{"id":"u-1"},"status":"` + status + `"}]}`, nil
		}
	}
	w.then(lost, says(409, document("DUPLICATE_REFERENCE_ID")), list("PENDING"))
	made, err := w.api.Subscriptions.Create(t.Context(), subscription())
	require.NoError(t, err)
	assert.Equal(t, "S-1", made.Value.ID, "the id that Cancel needs comes with the lookup")
	assert.Equal(t, midaspay.SubscriptionPending, made.Value.Status)

	w.then(list("ACTIVE"), list("ACTIVE"), says(200, `{"subscriptions":[]}`))
	got, err := w.api.Subscriptions.QueryByReferenceID(t.Context(), made.Receipt.Key)
	require.NoError(t, err)
	assert.Equal(t, midaspay.SubscriptionActive, got.Value.Subscriptions[0].Status)
	_, err = w.api.Subscriptions.Query(t.Context(), "S-1", "S-2")
	require.NoError(t, err)
	assert.Equal(t, `{"subscription_ids":{"ids":["S-1","S-2"]}}`, w.bodies("/v1/subscription/query")[2])
	none, err := w.api.Subscriptions.Query(t.Context(), "S-3")
	require.NoError(t, err)
	assert.Empty(t, none.Value.Subscriptions)

	w.then(lost, says(404, document("NOT_FOUND")), list("CANCELLED"))
	canceled, err := w.api.Subscriptions.Cancel(t.Context(), midaspay.CancelSubscriptionParams{SubscriptionID: "S-1"})
	require.NoError(t, err)
	assert.Equal(t, midaspay.SubscriptionCancelled, canceled.Value.Status)

	_, err = w.api.Subscriptions.Query(t.Context())
	require.ErrorIs(t, err, payonce.ErrInvalid)
	_, err = w.api.Subscriptions.Query(t.Context(), strings.Split(strings.Repeat("x", 11), "")...)
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestAuthorizationsSessionsAndCards(t *testing.T) {
	t.Parallel()
	w := open(t)
	own := payonce.Raw(`{"amount":"1.00"}`)
	w.then(says(200, `{"authorization_id":"A-1","status":"APPROVED"}`), says(200, `{"authorization_id":"A-1","status":"APPROVED"}`),
		says(200, `{"id":"A-1"}`), says(200, `{"id":"O-9"}`), says(200, `{"status":"CANCELLED"}`), says(200, `{"url":"https://canary","id":"canary"}`), says(200, `{"token":"canary","id":"canary"}`))
	made, err := w.api.Authorizations.Create(t.Context(), midaspay.AuthorizationParams{Reference: "auth-1", Body: own})
	require.NoError(t, err)
	assert.Equal(t, "A-1", made.ResourceID)
	_, err = w.api.Authorizations.Get(t.Context(), "A-1")
	require.NoError(t, err)
	_, err = w.api.Authorizations.GetByReferenceID(t.Context(), made.Receipt.Key)
	require.NoError(t, err)
	paid, err := w.api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-1", AuthorizationID: "A-1"})
	require.NoError(t, err)
	assert.Equal(t, "O-9", paid.ResourceID)
	_, err = w.api.Authorizations.Cancel(t.Context(), midaspay.CancelAuthorizationParams{AuthorizationID: "A-1"})
	require.NoError(t, err)
	session, err := w.api.MOR.CreateSession(t.Context(), midaspay.MORSessionParams{Reference: "s-1", Body: own})
	require.NoError(t, err)
	assert.JSONEq(t, `{"url":"https://canary","id":"canary"}`, string(session.Value.Bytes()))
	card, err := w.api.Cards.Create(t.Context(), midaspay.CardParams{Reference: "c-1", Path: "bind", Body: own})
	require.NoError(t, err)
	assert.JSONEq(t, `{"token":"canary","id":"canary"}`, string(card.Value.Bytes()))
	assert.Empty(t, session.ResourceID+card.ResourceID, "their ids may be bearer tokens")
	assert.NotContains(t, fmt.Sprintf("%+v %+v", session, card), "canary")
	assert.Len(t, w.bodies("/v1/card/bind"), 1)

	w.then(lost)
	_, err = w.api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-2", AuthorizationID: "A-1"})
	require.ErrorIs(t, err, payonce.ErrInDoubt, "nothing dedupes it")
	_, err = w.api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-2", AuthorizationID: "A-1"})
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	assert.Len(t, w.bodies("/v1/authorization/payment"), 2)
	_, err = w.api.Cards.Create(t.Context(), midaspay.CardParams{Reference: "c-2", Path: "../payment/orders", Body: own})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}
