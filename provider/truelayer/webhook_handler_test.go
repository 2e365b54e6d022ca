package truelayer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// takes is a merchant who takes webhooks.
type takes struct {
	*shop
	hooks   *truelayer.Webhooks
	handler http.Handler
	seen    []truelayer.Event
	err     error
}

func takeWebhooks(t *testing.T, change ...func(*simulator.TrueLayerConfig)) *takes {
	t.Helper()
	cfg := simulator.TrueLayerConfig{VerifySignature: verifyStandIn}
	for _, c := range change {
		c(&cfg)
	}
	sim := simulator.NewTrueLayer(cfg)
	transport := sim.Transport()
	t.Cleanup(transport.Close)
	hc := &http.Client{Transport: transport}
	provider := newProvider(t)
	client, err := payonce.New(payonce.Config{
		Provider: provider, Store: memstore.New(), HTTPClient: hc, RecoverEvery: -1, Retry: payonce.Retry{MaxAttempts: 1},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	w, err := provider.Webhooks(truelayer.WebhookConfig{HTTPClient: hc})
	require.NoError(t, err)
	s := &takes{shop: &shop{client, provider.API(client), sim}, hooks: w}
	s.handler = w.Handler(client, func(_ context.Context, e truelayer.Event) error {
		s.seen = append(s.seen, e)
		return s.err
	})
	return s
}

// deliver delivers one webhook and returns the status of the answer.
func (s *takes) deliver(t *testing.T, d simulator.Delivery) int {
	t.Helper()
	r, err := d.Request(t.Context(), "")
	require.NoError(t, err)
	return s.take(r)
}

func (s *takes) take(r *http.Request) int {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code
}

func TestAWebhookSettlesACreateWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	require.NoError(t, s.client.Check(t.Context())) // the token is there
	s.sim.Script(simulator.LoseAnswer())
	_, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	id := s.sim.Ledger().Entries()[0].ID
	require.NoError(t, s.sim.Pay(id))
	for _, d := range s.sim.Webhooks("/hook") {
		require.Equal(t, http.StatusOK, s.deliver(t, d))
	}
	require.Len(t, s.seen, 2)
	assert.Equal(t, []truelayer.EventType{truelayer.EventPaymentExecuted, truelayer.EventPaymentSettled}, []truelayer.EventType{s.seen[0].Type, s.seen[1].Type})
	assert.Equal(t, "payment.create:1:order-12345", s.seen[0].Portable().Ref)
	before := len(s.sim.Requests())
	payment, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	assert.Equal(t, id, payment.ID)
	assert.Equal(t, "local", payment.Receipt.Replayed)
	assert.Len(t, s.sim.Requests(), before)
	assert.Equal(t, 1, s.sim.Ledger().Count("payment"))
}

func TestAPaymentThatExpiredMayBeMadeAgain(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	require.NoError(t, s.client.Check(t.Context()))
	s.sim.Script(simulator.LoseAnswer())
	_, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	require.NoError(t, s.sim.ExpirePayment(s.sim.Ledger().Entries()[0].ID))
	for _, d := range s.sim.Webhooks("/hook") {
		require.Equal(t, http.StatusOK, s.deliver(t, d))
	}
	_, err = s.client.Payments.Create(t.Context(), order(toShop()))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	require.ErrorContains(t, err, "expired")
	_, err = s.client.Payments.Create(t.Context(), order(toShop()), payonce.WithNewKey())
	require.NoError(t, err)
	assert.Equal(t, 2, s.sim.Ledger().Count("payment"))
}

func TestAnEventIsHandledOnce(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	payment, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	require.NoError(t, s.sim.Authorize(payment.ID))
	require.NoError(t, s.sim.Execute(payment.ID))
	d := s.sim.Webhooks("/hook")[0]
	s.err = errors.New("the merchant's database is down")
	require.Equal(t, http.StatusInternalServerError, s.deliver(t, d))
	require.Equal(t, http.StatusInternalServerError, s.deliver(t, d))
	require.Len(t, s.seen, 2, "after an error it is called again")
	s.err = nil
	for range 3 {
		require.Equal(t, http.StatusOK, s.deliver(t, d))
	}
	assert.Len(t, s.seen, 3, "after a success it is not")
	assert.Equal(t, d.ID, s.seen[2].ID)
}

func TestWhatTheHandlerAnswers(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	keys := serveKeys(t, "jwks.json")
	handle := func(_ context.Context, e truelayer.Event) error {
		s.seen = append(s.seen, e)
		return nil
	}
	s.handler = hooks(t, truelayer.Sandbox, keys).Handler(s.client, handle)
	send := func(body string) int { return s.take(delivery(t, "/hook", "/hook", body, sandboxHeader())) }
	assert.Equal(t, http.StatusOK, send(aBody), "an event of no known type")
	require.Len(t, s.seen, 1)
	assert.Equal(t, aBody, string(s.seen[0].Raw.Bytes()))
	for _, body := range []string{`[` + aBody + `]`, `{"type":"payment_settled"}`, `{"event_id":7}`, `null`, `{`, ``} {
		assert.Equal(t, http.StatusBadRequest, send(body), body)
	}
	assert.Equal(t, http.StatusRequestEntityTooLarge, send(`{"event_id":"`+strings.Repeat("x", 1<<20)+`"}`))
	assert.Equal(t, http.StatusUnauthorized, s.take(httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(aBody))))
	assert.Equal(t, http.StatusMethodNotAllowed, s.take(httptest.NewRequest(http.MethodGet, "/hook", http.NoBody)))
	assert.Len(t, s.seen, 1)

	down := &keyServer{status: http.StatusServiceUnavailable}
	s.handler = hooks(t, truelayer.Sandbox, down).Handler(s.client, handle)
	assert.GreaterOrEqual(t, send(`{"event_id":"e-2"}`), 400, "delivered again")
	s.handler = hooks(t, truelayer.Sandbox, keys).Handler(s.client, nil)
	assert.Equal(t, http.StatusOK, send(`{"event_id":"e-2"}`), "a nil handle only settles")
	assert.Len(t, s.seen, 1)
}
