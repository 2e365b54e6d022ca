package simulator_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestElebneIntentEchoesWhatWasSent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC)
	sim := simulator.NewElebne(simulator.ElebneConfig{Now: func() time.Time { return now }})
	m := newElebneShop(t, sim)
	a := m.post("/dev/intents", key(1), elebneIntent())
	require.Equal(t, http.StatusCreated, a.status)
	assert.Equal(t, true, a.doc()["success"])
	data := a.doc()["data"].(object)
	assert.Regexp(t, "^PI-3[A-Z0-9]{14}$", data["referenceNumber"])
	assert.Regexp(t, "^[A-Z0-9]{6}$", data["shortCode"])
	assert.Regexp(t, "^[0-9]{6}$", data["code"])
	assert.Equal(t, "2026-04-04T10:45:00.000Z", data["codeExpiresAt"])
	assert.Equal(t, "https://pay.elebne.ai/p/"+a.text("data", "shortCode"), data["payUrl"])
	for name, want := range (object{
		"amount": 50000.0, "amountType": "FIXED", "currency": "MRU", "label": "order-12345", "status": "PENDING",
		"metadata": object{"order": "12345"},
	}) {
		assert.Equal(t, want, data[name], name)
	}
	ref := a.text("data", "referenceNumber")
	assert.JSONEq(t, a.body, m.get("/dev/intents/"+ref).body)

	entry := sim.Ledger().Entries()[0]
	assert.Equal(t, "payment", entry.Kind)
	assert.Equal(t, ref, entry.ID)
	assert.Equal(t, key(1), entry.Key)
	assert.Equal(t, int64(50000), entry.AmountMinor)
	assert.Equal(t, "MRU", entry.Currency)
	assert.Equal(t, "order-12345", entry.Reference)
	assert.Equal(t, map[string]string{"order": "12345"}, entry.Metadata)
	assert.Equal(t, now, entry.Time)

	least := m.post("/dev/intents", key(2), object{"amount": 1}).doc()["data"].(object)
	assert.Nil(t, least["label"])
	assert.Equal(t, object{}, least["metadata"])
	open := m.post("/dev/intents", key(3), elebneIntent(object{"amountType": "OPEN"})).doc()["data"].(object)
	assert.Nil(t, open["amount"], "the payer chooses")
	assert.Equal(t, "OPEN", open["amountType"])
}

func TestElebneRefusesBadIntents(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	crowd := object{}
	for i := range 51 {
		crowd[fmt.Sprint(i)] = "x"
	}
	for name, row := range map[string]struct {
		body any
		path string
	}{
		"no amount":            {elebneIntent(object{"amount": nil}), "amount"},
		"an amount of nothing": {elebneIntent(object{"amount": 0}), "amount"},
		"a negative amount":    {elebneIntent(object{"amount": -1}), "amount"},
		"a broken amount":      {elebneIntent(object{"amount": 1.5}), "amount"},
		"an amount in words":   {elebneIntent(object{"amount": "500"}), "amount"},
		"an absurd amount":     {`{"amount": 99999999999999999999}`, "amount"},
		"no amount, but open":  {object{"amountType": "OPEN"}, "amount"},
		"an unknown type":      {elebneIntent(object{"amountType": "ANY"}), "amountType"},
		"a long label":         {elebneIntent(object{"label": strings.Repeat("x", 201)}), "label"},
		"a label in figures":   {elebneIntent(object{"label": 7}), "label"},
		"too much metadata":    {elebneIntent(object{"metadata": crowd}), "metadata"},
		"long metadata":        {elebneIntent(object{"metadata": object{"k": strings.Repeat("x", 501)}}), "metadata.k"},
		"metadata in figures":  {elebneIntent(object{"metadata": object{"k": 1}}), "metadata.k"},
		"metadata in a list":   {elebneIntent(object{"metadata": []string{"k"}}), "metadata"},
		"a URL in figures":     {elebneIntent(object{"success_url": 1}), "success_url"},
		"no JSON":              {"{", "body"},
		"an array":             {"[]", "body"},
		"nothing":              {nil, "amount"},
		"null":                 {"null", "amount"},
	} {
		a := m.post("/dev/intents", name, row.body)
		secondForm(t, a, http.StatusBadRequest, "VALIDATION_ERROR")
		assert.Contains(t, a.text("error", "message"), row.path+": ", name)
	}
	assert.Empty(t, sim.Ledger().Entries())
	delete(crowd, "0")
	m.ask("the longest", object{"label": strings.Repeat("é", 200), "metadata": crowd, "unknown": 1})
}

func TestElebneIntentTakesEveryStep(t *testing.T) {
	t.Parallel()
	for _, conflict := range []int{http.StatusConflict, http.StatusBadRequest} {
		sim := simulator.NewElebne(simulator.ElebneConfig{ConflictStatus: conflict})
		m := newElebneShop(t, sim)
		step := func(name, ref string, body any) answered {
			return m.post("/dev/intents/"+ref+"/"+name, fmt.Sprintf("%s %s %d", name, ref, len(sim.Requests())), body)
		}
		refused := func(ref string, steps ...string) {
			for _, name := range steps {
				secondForm(t, step(name, ref, nil), conflict, "INVALID_STATE")
			}
			require.ErrorContains(t, sim.Pay(ref), "not possible")
			require.Error(t, sim.FailPayment(ref, "x"))
			require.Error(t, sim.ExpirePayment(ref))
		}
		paid, cancelled, failed, expired := m.ask(key(1)), m.ask(key(2)), m.ask(key(3)), m.ask(key(4))
		secondForm(t, step("refund", paid, nil), conflict, "INVALID_STATE")
		require.NoError(t, sim.Pay(paid))
		assert.Equal(t, "PAID", m.status(paid))
		refused(paid, "cancel", "simulate-payment")

		assert.Equal(t, "CANCELLED", step("cancel", cancelled, nil).text("data", "status"))
		assert.Equal(t, "CANCELLED", sim.PaymentStatus(cancelled))
		refused(cancelled, "cancel", "simulate-payment", "refund")
		require.NoError(t, sim.FailPayment(failed, "insufficient_funds"))
		assert.Equal(t, "FAILED", m.status(failed))
		refused(failed, "cancel", "simulate-payment", "refund")
		require.NoError(t, sim.ExpirePayment(expired))
		assert.Equal(t, "CANCELLED", m.status(expired))
		refused(expired, "cancel")

		assert.Equal(t, "REFUNDED", step("refund", paid, nil).text("data", "status"))
		refused(paid, "cancel", "simulate-payment", "refund")
		assert.Equal(t, 1, sim.Ledger().Count("cancel"))
		assert.Equal(t, paid, sim.Ledger().Entries()[len(sim.Ledger().Entries())-1].PaymentID)

		for _, name := range []string{"cancel", "simulate-payment", "refund"} {
			secondForm(t, step(name, "PI-3NOBODY", nil), http.StatusNotFound, "NOT_FOUND")
		}
		a := m.get("/dev/intents/PI-3NOBODY")
		secondForm(t, a, http.StatusNotFound, "NOT_FOUND")
		assert.Equal(t, "Payment intent not found", a.text("error", "message"))
		require.ErrorContains(t, sim.Pay("PI-3NOBODY"), "not found")
		assert.Empty(t, sim.PaymentStatus("PI-3NOBODY"))
	}
}

func TestElebneRefundsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{AutoPay: true})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	path := "/dev/intents/" + ref + "/refund"
	require.ErrorContains(t, sim.SettleRefund(ref), "not found")

	part := m.post(path, key(2), object{"amount": 20000, "reason": "product_defective", "note": "1 of 3 items damaged"})
	require.Equal(t, http.StatusOK, part.status, part.body)
	data := part.doc()["data"].(object)
	assert.Equal(t, true, data["refunded"])
	assert.Equal(t, "REFUNDED", data["status"], "after any refund")
	assert.Equal(t, ref, data["referenceNumber"])
	assert.InDelta(t, 50000, data["amount"], 0)

	for _, bad := range []object{{"amount": 30001}, {"amount": 0}, {"amount": "1"}, {"reason": 1}, {"note": object{}}} {
		secondForm(t, m.post(path, fmt.Sprint(bad), bad), http.StatusBadRequest, "VALIDATION_ERROR")
	}
	assert.Equal(t, part.body, m.post(path, key(2), object{"amount": 20000}).body)
	assert.Equal(t, http.StatusOK, m.post(path, key(3), object{"amount": 20000}).status, "a fresh key is a second refund")
	assert.Equal(t, http.StatusOK, m.post(path, key(4), object{"reason": "customer_request"}).status)
	var amounts []int64
	ids := map[string]bool{}
	for _, e := range sim.Ledger().Entries()[1:] {
		assert.Equal(t, "refund", e.Kind)
		assert.Equal(t, ref, e.PaymentID)
		amounts = append(amounts, e.AmountMinor)
		ids[e.ID] = true
		require.NoError(t, sim.SettleRefund(e.ID))
	}
	assert.Equal(t, []int64{20000, 20000, 10000}, amounts, "without an amount it is the rest")
	assert.Len(t, ids, 3)
	secondForm(t, m.post(path, key(5), nil), http.StatusConflict, "INVALID_STATE")
	secondForm(t, m.post(path, key(6), object{"amount": 1}), http.StatusConflict, "INVALID_STATE")
	require.NoError(t, sim.SettleRefund(ref))
	require.ErrorContains(t, sim.FailRefund(ref, "x"), "final")
	require.ErrorContains(t, sim.FailRefund("nobody", "x"), "not found")
}

func TestElebneSandboxHasMagicAmounts(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{SecretKeys: []string{"sk_test_example", "sk_live_example"}})
	m := newElebneShop(t, sim)
	for amount, want := range map[int]string{50000: "PAID", 99901: "FAILED", 99904: "PAID"} {
		ref := m.ask(fmt.Sprint(amount), object{"amount": amount})
		a := m.post("/dev/intents/"+ref+"/simulate-payment", key(1), nil)
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, want, a.text("data", "status"))
		assert.Equal(t, want, m.status(ref))
	}
	assert.Equal(t, 3, sim.Ledger().Count("simulate_payment"))
	unrefunded := sim.Ledger().ByKey("99904")[0].ID
	secondForm(t, m.post("/dev/intents/"+unrefunded+"/refund", key(2), nil), http.StatusBadRequest, "REFUND_FAILED")
	assert.Equal(t, "PAID", m.status(unrefunded))
	assert.Zero(t, sim.Ledger().Count("refund"))

	live := m.with("sk_live_example")
	for _, amount := range []int{99901, 99904} {
		ref := live.ask(fmt.Sprint(amount), object{"amount": amount})
		require.NoError(t, sim.Pay(ref))
		assert.Equal(t, http.StatusOK, live.post("/dev/intents/"+ref+"/refund", key(3), nil).status, "no magic in production")
	}
}

func TestElebneSandboxAndProductionAreApart(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{
		SecretKeys: []string{"sk_test_example", "sk_live_example"}, PublishableKey: "pk_live_example",
	})
	m := newElebneShop(t, sim)
	live, reader := m.with("sk_live_example"), m.with("pk_live_example")
	trial, production := m.ask(key(1)), live.ask(key(1))
	secondForm(t, live.get("/dev/intents/"+trial), http.StatusNotFound, "NOT_FOUND")
	secondForm(t, m.get("/dev/intents/"+production), http.StatusNotFound, "NOT_FOUND")
	secondForm(t, live.post("/dev/intents/"+trial+"/cancel", key(2), nil), http.StatusNotFound, "NOT_FOUND")
	assert.Equal(t, "PENDING", reader.status(production))
	assert.InDelta(t, 1, reader.get("/dev/intents").doc()["total"], 0)
	secondForm(t, live.post("/dev/intents/"+production+"/simulate-payment", key(3), nil), http.StatusNotFound, "NOT_FOUND")
	secondForm(t, live.post("/dev/intents/"+production+"/simulate-payment", "", nil), http.StatusNotFound, "NOT_FOUND")
	assert.Equal(t, "PENDING", live.status(production))

	made := live.post("/dev/store/products", key(4), object{"name": "Thieb", "price": 100, "externalId": "THIEB-001"})
	id := made.text("data", "id")
	secondForm(t, m.send(http.MethodDelete, "/dev/store/products/"+id, key(5), nil), http.StatusNotFound, "NOT_FOUND")
}

func TestElebneMayCallPaidCompleted(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{CompletedWord: true})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	assert.Equal(t, "COMPLETED", m.post("/dev/intents/"+ref+"/simulate-payment", key(2), nil).text("data", "status"))
	assert.Equal(t, "COMPLETED", m.status(ref))
	assert.Equal(t, "COMPLETED", sim.PaymentStatus(ref))
	assert.Contains(t, string(sim.Webhooks("/")[1].Body), `"status":"COMPLETED"`)
	assert.Equal(t, "REFUNDED", m.post("/dev/intents/"+ref+"/refund", key(3), nil).text("data", "status"))
}

func TestElebneIntentsLapseADayAfterTheirCreation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.NewElebne(simulator.ElebneConfig{})
		m := newElebneShop(t, sim)
		unpaid, late, paid := m.ask(key(1)), m.ask(key(2)), m.ask(key(3))
		require.NoError(t, sim.Pay(paid))
		pass(t, 24*time.Hour-time.Second)
		younger := m.ask(key(4))
		assert.Equal(t, "PENDING", m.status(unpaid))
		assert.Len(t, sim.Webhooks("/"), 5)
		pass(t, time.Second)
		assert.Equal(t, "CANCELLED", m.status(unpaid))
		require.ErrorContains(t, sim.Pay(late), "CANCELLED")
		assert.Equal(t, "CANCELLED", sim.PaymentStatus(late))
		assert.Equal(t, "PAID", m.status(paid))
		assert.Equal(t, "PENDING", m.status(younger))
		assert.Len(t, sim.Webhooks("/"), 2)
		pass(t, 24*time.Hour)
		deliveries := sim.Webhooks("/")
		require.Len(t, deliveries, 1, "asking for webhooks is enough")
		assert.Contains(t, string(deliveries[0].Body), `"event":"payment.cancelled"`)
		assert.Zero(t, sim.Ledger().Count("cancel"))
	})
}

func TestElebneDeclinesWhoPaysNotWhoAsks(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		sim := simulator.NewElebne(simulator.ElebneConfig{AutoPay: auto, DeclineAmounts: map[int64]string{666: "insufficient_funds"}})
		m := newElebneShop(t, sim)
		a := m.post("/dev/intents", key(1), elebneIntent(object{"amount": 666}))
		assert.Equal(t, http.StatusCreated, a.status)
		assert.Equal(t, "PENDING", a.text("data", "status"), "the payer comes after the answer")
		ref, good := a.text("data", "referenceNumber"), m.ask(key(2))
		if !auto {
			require.NoError(t, sim.Pay(ref))
			require.NoError(t, sim.Pay(good))
		}
		assert.Equal(t, "FAILED", m.status(ref))
		assert.Equal(t, "PAID", m.status(good))
		assert.False(t, sim.Ledger().Entries()[0].Declined, "nothing was declined at once")
	}
}

func TestElebneListsIntentsInPages(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC)
	sim := simulator.NewElebne(simulator.ElebneConfig{Now: func() time.Time { return now }, PageSize: 2})
	m := newElebneShop(t, sim)
	var refs []string
	for i := range 5 {
		now = now.Add(time.Hour)
		refs = append(refs, m.ask(key(i)))
	}
	list := func(query string) (all []string) {
		a := m.get("/dev/intents" + query)
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.NotContains(t, a.doc(), "success", "in the form of orders")
		for _, item := range a.doc()["items"].([]any) {
			all = append(all, item.(object)["referenceNumber"].(string))
		}
		return all
	}
	assert.Equal(t, []string{refs[4], refs[3]}, list(""))
	assert.Equal(t, []string{refs[4], refs[3]}, list("?page=1"))
	assert.Equal(t, []string{refs[2], refs[1]}, list("?page=2"))
	assert.Equal(t, []string{refs[0]}, list("?page=3"))
	assert.Empty(t, list("?page=4"))
	assert.Empty(t, list("?page=9223372036854775807"))
	assert.InDelta(t, 5, m.get("/dev/intents?page=9").doc()["total"], 0)
	assert.Equal(t, []string{refs[2], refs[1]}, list("?from=2026-04-04T12:30:00.000Z&to=2026-04-04T13:30:00.000Z"), "bounds included")
	for _, bad := range []string{"page=0", "page=x", "from=yesterday", "to=4"} {
		secondForm(t, m.get("/dev/intents?"+bad), http.StatusBadRequest, "VALIDATION_ERROR")
	}
}

func TestElebneIsControlledFromOutside(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sim.Run(ctx, ln) }()
	transport := &http.Transport{}
	m := &elebneShop{t, &http.Client{Transport: transport}, "http://" + ln.Addr().String(), "sk_test_example"}
	act := func(path string, body any) int {
		r := m.request(http.MethodPost, "", "", body)
		r.URL.Path = "/simulator/" + path
		return m.do(r).status
	}
	paid, failed, expired := m.ask(key(1)), m.ask(key(2)), m.ask(key(3))
	assert.Equal(t, http.StatusNoContent, act("payments/"+paid+"/pay", nil))
	assert.Equal(t, "PAID", m.status(paid))
	assert.Equal(t, http.StatusNoContent, act("payments/"+failed+"/fail", object{"code": "x"}))
	assert.Equal(t, "FAILED", m.status(failed))
	assert.Equal(t, http.StatusNoContent, act("payments/"+expired+"/expire", nil))
	assert.Equal(t, "CANCELLED", m.status(expired))
	assert.Equal(t, http.StatusOK, m.post("/dev/intents/"+paid+"/refund", key(4), nil).status)
	assert.Equal(t, http.StatusNoContent, act("refunds/"+paid+"/settle", nil))
	for _, bad := range []string{"refunds/" + paid + "/fail", "payments/" + paid + "/pay", "payments/" + paid + "/fly", "payments/nobody/pay"} {
		assert.Equal(t, http.StatusBadRequest, act(bad, nil), bad)
	}
	assert.Equal(t, http.StatusBadRequest, act("payments/"+paid+"/fail", "{"))
	transport.CloseIdleConnections()
	stop()
	require.NoError(t, <-done)
}
