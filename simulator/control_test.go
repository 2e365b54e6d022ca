package simulator_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestControlFromOutside(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx, ln) }()
	transport := &http.Transport{}
	m := newMerchant(t, &http.Client{Transport: transport}, "http://"+ln.Addr().String())
	do := func(method, path string, body any) answered {
		res, err := m.http.Do(m.request(method, "/simulator/"+path, "", body))
		require.NoError(t, err)
		return readAnswer(t, res)
	}
	act := func(path string, body any) int { return do(http.MethodPost, path, body).status }

	assert.Equal(t, http.StatusNoContent, act("faults", object{"name": "lose-answer", "path": "/payments"}))
	assert.Equal(t, "error", attempt(t, m, key(1)))
	id := m.pay(key(1))
	ledger := do(http.MethodGet, "ledger", nil)
	assert.Equal(t, 1, strings.Count(ledger.body, `"kind":"payment"`))
	assert.Contains(t, ledger.body, id)
	log := do(http.MethodGet, "requests", nil)
	assert.Contains(t, log.body, "F10 lost answer")
	assert.Contains(t, log.body, "merchant_account_id")
	assert.Contains(t, do(http.MethodGet, "faults", nil).body, "deliver-later")

	for _, step := range []string{"authorize", "execute", "settle"} {
		assert.Equal(t, http.StatusNoContent, act("payments/"+id+"/"+step, nil), step)
	}
	assert.Equal(t, http.StatusBadRequest, act("payments/"+id+"/settle", nil))
	refund := m.post("/v3/payments/"+id+"/refunds", key(2), object{"reference": "r"}).text("id")
	assert.Equal(t, http.StatusNoContent, act("refunds/"+refund+"/execute", nil))
	assert.Equal(t, http.StatusNoContent, act("refunds/"+refund+"/fail", object{"reason": "returned"}))
	assert.Contains(t, m.get("/v3/payments/"+id+"/refunds").body, "returned")
	out := m.post("/v3/payouts", key(3), payout(object{"type": "business_account", "reference": "x"})).text("id")
	for _, step := range []string{"authorize", "execute", "fail"} {
		assert.Equal(t, http.StatusNoContent, act("payouts/"+out+"/"+step, nil), step)
	}
	assert.Equal(t, http.StatusNoContent, act("payments/"+m.pay(key(4))+"/expire", nil))
	assert.Equal(t, http.StatusNoContent, act("payments/"+m.pay(key(5))+"/fail", object{"stage": "authorizing", "reason": "rejected"}))
	assert.Equal(t, http.StatusBadRequest, act("payments/"+id+"/fly", nil))
	assert.Equal(t, http.StatusBadRequest, act("payments/"+id+"/fail", "{"))

	for _, bad := range []any{object{"name": "weather"}, object{"nme": "hang"}, "{"} {
		assert.Equal(t, http.StatusBadRequest, act("faults", bad))
	}
	assert.Equal(t, http.StatusNoContent, act("faults", object{"name": "deliver-again", "delay": "0s"}))
	m.pay(key(6))
	before := len(sim.Requests())
	assert.Equal(t, http.StatusNoContent, act("deliver-held", nil))
	assert.Len(t, sim.Requests(), before+1)
	assert.Equal(t, http.StatusNoContent, act("faults", object{"name": "unavailable"}))
	assert.Equal(t, http.StatusNoContent, do(http.MethodDelete, "faults", nil).status)
	assert.Equal(t, http.StatusNoContent, act("prune-keys", nil))
	assert.NotEqual(t, id, m.pay(key(1)))
	assert.Equal(t, http.StatusNoContent, act("drop-connections", nil))
	assert.Equal(t, http.StatusNoContent, act("revoke-tokens", nil))
	assert.Equal(t, http.StatusUnauthorized, m.get("/v3/merchant-accounts").status)
	assert.Equal(t, http.StatusNoContent, act("reset", nil))
	assert.Empty(t, sim.Ledger().Entries())

	transport.CloseIdleConnections()
	stop()
	require.NoError(t, <-done)
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	require.Error(t, newSimulator().Run(t.Context(), ln))
}

func TestRecordersAreAnswered(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newSimulator().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v3/payments/x", nil))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
}
