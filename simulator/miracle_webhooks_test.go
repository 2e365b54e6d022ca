package simulator_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// opened verifies a delivery with the scheme's own library, and returns its events.
func opened(t *testing.T, d simulator.Delivery, secret string) []object {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, hook.Verify(d.Body, d.Header))
	changed := append([]byte(nil), d.Body...)
	changed[len(changed)-2] = ' '
	require.Error(t, hook.Verify(changed, d.Header))
	events := []object{}
	for _, v := range (answered{t: t, body: string(d.Body)}).doc()["events"].([]any) {
		events = append(events, v.(object))
	}
	return events
}

const miracleWebhookSecret = "whsec_c2VjcmV0X3Rlc3RfZXhhbXBsZV9rZXlf"

func TestMiracleTellsOfEveryStep(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	id := m.made("/payments", "k", order(manual()))
	require.NoError(t, sim.RequireAction(id))
	require.NoError(t, sim.Pay(id))
	m.post("/payments/"+id+"/capture", "c", nil)
	part := m.made("/payments/"+id+"/refund", "r1", object{"amount": usd(2000)})
	require.NoError(t, sim.SettleRefund(part))
	require.NoError(t, sim.SettleRefund(m.made("/payments/"+id+"/refund", "r2", nil)))
	declined := m.made("/payments", "d", order())
	require.NoError(t, sim.FailPayment(declined, "DO_NOT_HONOR"))
	require.NoError(t, sim.ExpirePayment(m.made("/payments", "e", order())))

	var types []string
	ids := map[string]bool{}
	for _, d := range sim.Webhooks("/hooks") {
		events := opened(t, d, miracleWebhookSecret)
		require.Len(t, events, 1)
		e := events[0]
		ids[d.Header.Get("webhook-id")], ids[d.ID] = true, true
		assert.Equal(t, d.ID, e["id"])
		assert.Equal(t, false, e["livemode"])
		_, err := time.Parse(time.RFC3339, e["createdAt"].(string))
		require.NoError(t, err)
		data := e["data"].(object)
		name := e["type"].(string)
		types = append(types, name)
		if status, ok := strings.CutPrefix(name, "payment."); ok {
			assert.Equal(t, status, data["status"])
		}
		if name == "payment.partially_refunded" {
			assert.Equal(t, object{"currency": "USD", "valueMinor": 2000.0}, data["refundedAmount"])
			assert.Equal(t, object{"currency": "USD", "valueMinor": 3000.0}, data["remainingAmount"])
		}
	}
	assert.Equal(t, []string{
		"payment.created", "payment.processing", "payment.requires_action", "payment.requires_capture", "payment.captured",
		"refund.created", "refund.succeeded", "payment.partially_refunded", "refund.created", "refund.succeeded", "payment.refunded",
		"payment.created", "payment.processing", "payment.failed", "payment.created", "payment.processing", "payment.canceled",
	}, types)
	assert.Len(t, ids, 2*len(types))
	assert.Empty(t, sim.Webhooks("/hooks"))

	m.made("/payments", "f", order())
	assert.Len(t, opened(t, sim.WebhookBatch("/hooks"), miracleWebhookSecret), 2)
	assert.Empty(t, opened(t, sim.WebhookBatch("/hooks"), miracleWebhookSecret))
}

func TestMiracleSignsForARegisteredEndpoint(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	body := object{"url": "https://shop.example/hooks/miracle", "events": []string{"payment.*", "refund.failed"}, "description": "d"}
	created := m.post("/webhooks/endpoints", "k", body)
	require.Equal(t, http.StatusCreated, created.status, created.body)
	id, secret := created.text("data", "id"), created.text("data", "secret")
	view := m.get("/webhooks/endpoints/" + id)
	assert.Equal(t, "https://shop.example/hooks/miracle", view.text("data", "url"))
	list := m.get("/webhooks/endpoints")
	assert.Len(t, list.doc()["data"], 1)
	assert.NotContains(t, list.doc(), "pagination")
	assert.NotContains(t, view.body+list.body, "whsec_", "the secret is shown once")

	payment := m.made("/payments", "k", order())
	require.NoError(t, sim.Pay(payment))
	require.NoError(t, sim.SettleRefund(m.made("/payments/"+payment+"/refund", "r", nil)))
	d := sim.Webhooks("/hooks/miracle")
	assert.Len(t, d, 4, "three of the payment's life, one of its refund; none of the refund's own was subscribed to")
	opened(t, d[0], secret)

	rotated := m.post("/webhooks/endpoints/"+id+"/rotate-secret", "k", nil)
	assert.Equal(t, http.StatusOK, rotated.status)
	assert.Equal(t, rotated, m.post("/webhooks/endpoints/"+id+"/rotate-secret", "k", nil))
	m.made("/payments", "l", order())
	late := sim.Webhooks("/hooks/miracle")[0]
	opened(t, late, rotated.text("data", "secret"))
	old, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.Error(t, old.Verify(late.Body, late.Header), "the old secret is dead at once")

	for range 2 {
		assert.Equal(t, http.StatusNoContent, m.send(http.MethodDelete, "/webhooks/endpoints/"+id, "d", nil).status)
	}
	m.refused(m.send(http.MethodDelete, "/webhooks/endpoints/"+id, "other", nil), http.StatusNotFound, "NOT_FOUND")
	assert.Empty(t, m.get("/webhooks/endpoints").doc()["data"])
	for name, bad := range map[string]object{
		"http": {"url": "http://shop.example", "events": []string{"*"}}, "no events": {"url": "https://shop.example", "events": []string{}},
		"no url": {"events": []string{"*"}}, "no host": {"url": "https://%zz", "events": []string{"*"}},
	} {
		m.refused(m.post("/webhooks/endpoints", name, bad), http.StatusBadRequest, invalidCode)
	}
}

func TestMiracleIsControlledFromOutside(t *testing.T) {
	t.Parallel()
	sim := simulator.NewMiracle(simulator.MiracleConfig{})
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx, ln) }()
	control := &http.Transport{}
	transport := sim.Transport()
	t.Cleanup(transport.Close)
	m := &miracleMerchant{t, &http.Client{Transport: transport}, "Bearer sk_test_example"}
	act := func(path, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ln.Addr().String()+"/simulator/"+path, strings.NewReader(body))
		require.NoError(t, err)
		res, err := control.RoundTrip(r)
		require.NoError(t, err)
		return readAnswer(t, res).status
	}
	id := m.made("/payments", "1", order())
	for _, step := range []string{"require-action", "pay"} {
		assert.Equal(t, http.StatusNoContent, act("payments/"+id+"/"+step, ""), step)
	}
	assert.Equal(t, http.StatusBadRequest, act("payments/"+id+"/pay", ""))
	assert.Equal(t, http.StatusNoContent, act("refunds/"+m.made("/payments/"+id+"/refund", "2", object{"amount": usd(1)})+"/settle", ""))
	assert.Equal(t, http.StatusNoContent, act("refunds/"+m.made("/payments/"+id+"/refund", "3", nil)+"/fail", ""))
	assert.Equal(t, http.StatusNoContent, act("payments/"+m.made("/payments", "4", order())+"/expire", ""))
	id = m.made("/payments", "5", order())
	assert.Equal(t, http.StatusBadRequest, act("payments/"+id+"/fail", "{"))
	assert.Equal(t, http.StatusNoContent, act("payments/"+id+"/fail", `{"code": "INSUFFICIENT_FUNDS"}`))
	assert.Equal(t, "INSUFFICIENT_FUNDS", m.get("/payments/"+id).text("data", "errorCode"))
	control.CloseIdleConnections()
	stop()
	require.NoError(t, <-done)
}
