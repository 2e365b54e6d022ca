package midaspay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
	"github.com/payonce/payonce/store/memstore"
)

// wired is a client over real connections to a MidasPay that gives every request the same answer, with a nonce of its own.
func wired(t *testing.T, answer string, nonce func(n int64) string) (client *payonce.Client, api *midaspay.API, sent *atomic.Int64) {
	t.Helper()
	sent = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Txgw-Nonce", nonce(sent.Add(1)))
		_, _ = io.WriteString(rw, answer)
	}))
	t.Cleanup(server.Close)
	p := newProvider(t, func(c *midaspay.Config) { c.BaseURL = server.URL })
	client, err := payonce.New(payonce.Config{Provider: p, Store: memstore.New(), RecoverEvery: -1, HTTPClient: server.Client()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client, p.API(client), sent
}

func fresh(n int64) string { return "nonce" + strconv.FormatInt(n, 10) }

// The documented answers to voids and cancellations say nothing of what they are about.
func TestTwoAnswersAlikeOnOneConnectionAreTwoSuccesses(t *testing.T) {
	t.Parallel()
	client, _, sent := wired(t, `{"succeed":true,"message":"success"}`, fresh)
	for _, id := range []string{"O-1", "O-2"} {
		_, err := client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: id})
		require.NoError(t, err)
	}
	assert.Equal(t, int64(2), sent.Load())

	_, api, sent := wired(t, `{"status":"CANCELLED"}`, fresh)
	for _, id := range []string{"S-1", "S-2"} {
		_, err := api.Subscriptions.Cancel(t.Context(), midaspay.CancelSubscriptionParams{SubscriptionID: id})
		require.NoError(t, err)
	}
	assert.Equal(t, int64(2), sent.Load())

	_, api, sent = wired(t, `{"succeed":true,"message":"success"}`, fresh)
	for _, id := range []string{"A-1", "A-2"} {
		_, err := api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-" + id, AuthorizationID: id})
		require.NoError(t, err)
	}
	assert.Equal(t, int64(2), sent.Load())
}

func TestAnAnswerWithTheNonceOfAnotherIsNotBelieved(t *testing.T) {
	t.Parallel()
	_, api, sent := wired(t, `{"succeed":true}`, func(int64) string { return "stale" })
	_, err := api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-1", AuthorizationID: "A-1"})
	require.NoError(t, err)
	_, err = api.Authorizations.Pay(t.Context(), midaspay.AuthorizationPaymentParams{Reference: "pay-2", AuthorizationID: "A-1"})
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	assert.Equal(t, int64(2), sent.Load())
}
