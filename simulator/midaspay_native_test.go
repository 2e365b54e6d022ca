package simulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestMidasPayAuthorizationIsCapturedInParts(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	authorize := func(reference string) string {
		return m.post("/v1/payment/orders/authorization", midasOrderOf(reference, "10.00")).text("authorization_id")
	}
	capture := func(changes object) answered {
		body := object{"reference_authorization_id": "auth-1"}
		maps.Copy(body, changes)
		return m.post("/v1/authorization/payment", body)
	}
	id := authorize("auth-1")
	assert.Equal(t, id, authorize("auth-1"))
	assert.Equal(t, "INVALID_STATUS", capture(nil).text("name"), "the payer has not agreed")
	require.NoError(t, sim.Pay(id))
	require.Error(t, sim.Pay(id))
	assert.Equal(t, "APPROVED", m.post("/v1/authorization/query", object{"authorization_id": id}).text("status"))
	assert.Equal(t, http.StatusBadRequest, m.post("/v1/payment/orders/refund", object{"reference_id": "rma-0", "id": id}).status)
	part := object{"amount": midasUSD("4.00"), "reference_id": "capture-1"}
	assert.Equal(t, "CAPTURE_REQUIRED", capture(part).text("status"))
	assert.Equal(t, "CAPTURE_REQUIRED", capture(part).text("status"), "no key is documented: the same again is captured again")
	assert.Equal(t, http.StatusBadRequest, capture(part).status, "there is not as much left")
	assert.Equal(t, "COMPLETED", capture(nil).text("status"), "the rest")
	assert.Equal(t, "INVALID_STATUS", capture(nil).text("name"))
	assert.Equal(t, "INVALID_STATUS", m.post("/v1/authorization/cancel", object{"authorization_id": id}).text("name"))
	assert.Equal(t, "10.00", m.post("/v1/payment/orders/refund", object{"reference_id": "rma-1", "id": id}).text("amount", "value"))
	captured := []int64{}
	for _, e := range sim.Ledger().Entries() {
		if e.Kind == "capture" {
			captured = append(captured, e.AmountMinor)
			assert.Equal(t, id, e.PaymentID)
			assert.Empty(t, e.Key)
		}
	}
	assert.Equal(t, []int64{400, 400, 200}, captured)

	other := authorize("auth-2")
	for range 2 {
		assert.Equal(t, "VOIDED", m.post("/v1/authorization/cancel", object{"reference_authorization_id": "auth-2"}).text("status"))
	}
	assert.Equal(t, "INVALID_STATUS", m.post("/v1/authorization/payment", object{"authorization_id": other}).text("name"))
	assert.Equal(t, 1, sim.Ledger().Count("cancel"))
	assert.Equal(t, 2, sim.Ledger().Count("authorization"))
	for _, path := range []string{"query", "cancel", "payment"} {
		assert.Equal(t, http.StatusNotFound, m.post("/v1/authorization/"+path, object{"authorization_id": "nobody"}).status, path)
		assert.Equal(t, http.StatusBadRequest, m.post("/v1/authorization/"+path, object{}).status, path)
	}
	assert.Equal(t, http.StatusBadRequest, m.post("/v1/payment/orders/authorization", object{"reference_id": "auth-3"}).status)
}

func midasSubscriptionOf(reference string, units ...any) object {
	return object{
		"reference_id": reference, "sub_merchant_id": "app1", "subscriber": object{"id": "user1"},
		"subscription_units": units,
	}
}

func midasCycle(kind string, cycles int) object {
	return object{
		"product": object{"id": "gold"}, "kind": kind, "total_cycles": cycles,
		"period": object{"period_unit": "MONTH", "value": 1},
	}
}

func TestMidasPaySubscriptionIsCancelledByIDAlone(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	subscribe := midasSubscriptionOf("sub-1", midasCycle("PROMOTIONAL", 3), midasCycle("REGULAR", 0))
	created := m.post("/v1/subscription/create", subscribe)
	assert.Equal(t, "PENDING", created.text("status"))
	id := created.text("id")
	assert.Equal(t, id, m.post("/v1/subscription/create", subscribe).text("id"))
	second := m.post("/v1/subscription/create", midasSubscriptionOf("sub-2", midasCycle("REGULAR", 12))).text("id")
	query := func(by object) []any {
		found, ok := m.post("/v1/subscription/query", by).doc()["subscriptions"].([]any)
		require.True(t, ok)
		return found
	}
	assert.Len(t, query(object{"id": id}), 1)
	assert.Len(t, query(object{"reference_id": "sub-1"}), 1)
	assert.Len(t, query(object{"subscription_ids": object{"ids": []string{id, second, "nobody"}}}), 2)
	assert.Empty(t, query(object{"reference_id": "nobody"}))
	assert.Equal(t, http.StatusBadRequest, m.post("/v1/subscription/query", object{}).status)

	require.NoError(t, sim.Pay(id))
	require.NoError(t, sim.MovePayment(id, "SUSPENDED"))
	require.NoError(t, sim.MovePayment(id, "ACTIVE"))
	assert.Equal(t, http.StatusBadRequest, m.post("/v1/subscription/cancel", object{"reference_id": "sub-1"}).status)
	assert.Equal(t, http.StatusNotFound, m.post("/v1/subscription/cancel", object{"id": "nobody"}).status)
	for range 2 {
		assert.Equal(t, "CANCELLED", m.post("/v1/subscription/cancel", object{"id": id}).text("status"))
	}
	assert.Equal(t, 2, sim.Ledger().Count("subscription"))
	assert.Equal(t, 1, sim.Ledger().Count("cancel"))
	names := []string{}
	for _, d := range sim.Webhooks("/hook") {
		e := answered{t, 0, nil, string(d.Body)}
		names = append(names, e.text("resource", "event_type"), e.text("resource", "subscription_status"))
		assert.Equal(t, "sub-1", e.text("resource", "reference_id"))
	}
	assert.Equal(t, []string{"SUBSCRIPTION", "ACTIVE", "SUSPENDED", "SUSPENDED", "RESUMED", "ACTIVE", "UNSUBSCRIPTION", "CANCELLED"}, names)

	for name, body := range map[string]object{
		"no units":              midasSubscriptionOf("bad"),
		"regular not last":      midasSubscriptionOf("bad", midasCycle("REGULAR", 0), midasCycle("PROMOTIONAL", 1)),
		"two regular":           midasSubscriptionOf("bad", midasCycle("REGULAR", 0), midasCycle("REGULAR", 0)),
		"endless promotion":     midasSubscriptionOf("bad", midasCycle("PROMOTIONAL", 0)),
		"promotion of 1000":     midasSubscriptionOf("bad", midasCycle("PROMOTIONAL", 1000)),
		"no sub-merchant":       {"reference_id": "bad", "subscriber": object{"id": "u"}, "subscription_units": []any{midasCycle("REGULAR", 0)}},
		"a subscriber too long": {"reference_id": "bad", "sub_merchant_id": "a", "subscriber": object{"id": strings.Repeat("u", 65)}, "subscription_units": []any{midasCycle("REGULAR", 0)}},
	} {
		assert.Equal(t, http.StatusBadRequest, m.post("/v1/subscription/create", body).status, name)
	}
}

func TestMidasPayCheckoutTokensAreNeverDeduped(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	body := object{
		"user":              object{"id": "user1", "email": "ada@example.com"},
		"settings":          object{"project_id": "p1", "external_id": "order 1&2", "webhook_url": "https://shop.example/hook"},
		"purchase":          object{"checkout": object{"currency": "USD", "amount": "12.34"}, "items": []any{object{"sku": "a", "quantity": 2}}},
		"custom_parameters": object{"order": "12345"},
		"reference_id":      "ignored",
	}
	first, second := m.post("/v1/mor/token/create", body), m.post("/v1/mor/token/create", body)
	assert.NotEqual(t, first.text("token"), second.text("token"))
	assert.Contains(t, first.text("redirect_url"), first.text("token"))
	entries := sim.Ledger().Entries()
	require.Len(t, entries, 2)
	assert.Equal(t, []any{"token", "", "order 1&2", int64(1234), "USD", "12345"}, []any{
		entries[0].Kind, entries[0].Key, entries[0].Reference, entries[0].AmountMinor, entries[0].Currency, entries[0].Metadata["order"],
	})
	require.NoError(t, sim.Pay(entries[0].ID))
	paid := m.get("/v1/mor/transaction/query?token=" + first.text("token"))
	assert.Equal(t, "Completed", paid.text("transaction", "status"))
	assert.Equal(t, "12.34", paid.text("payment_details", "payment", "amount"))
	assert.NotEmpty(t, paid.text("transaction", "payment_date"))
	pending := m.get("/v1/mor/transaction/query?external_id=order+1%262")
	assert.Equal(t, entries[1].ID, pending.text("transaction", "id"))
	assert.Equal(t, "Pending", pending.text("transaction", "status"))
	assert.Equal(t, http.StatusNotFound, m.get("/v1/mor/transaction/query?external_id=nobody").status)
	assert.Equal(t, http.StatusBadRequest, m.get("/v1/mor/transaction/query").status)

	for name, change := range map[string]object{
		"no user": {"user": nil}, "no external id": {"settings": object{"project_id": "p1"}},
		"a hook in the clear": {"settings": object{"project_id": "p1", "external_id": "e", "webhook_url": "http://shop.example"}},
		"an amount":           {"purchase": object{"checkout": object{"currency": "USD", "amount": "12"}}},
		"no amount":           {"purchase": object{"checkout": object{"currency": "USD"}}},
	} {
		bad := maps.Clone(body)
		maps.Copy(bad, change)
		assert.Equal(t, http.StatusBadRequest, m.post("/v1/mor/token/create", bad).status, name)
	}
	assert.Equal(t, 2, sim.Ledger().Count("token"))
}

func TestMidasPaySessionsAndCardsAreMadeOnce(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	for path, kind := range map[string]string{"/v1/mor/session/create": "session", "/v1/card/bind": "card"} {
		body := object{"reference_id": "r-1", "card": object{"number": "4111111111111111"}}
		first, second := m.post(path, body), m.post(path, body)
		assert.Equal(t, first.text("id"), second.text("id"), path)
		assert.NotContains(t, first.body, "4111", path)
		assert.Equal(t, 1, sim.Ledger().Count(kind), path)
		assert.Equal(t, "INVALID_ARGUMENT", m.post(path, object{}).text("name"), path)
	}
}

func TestMidasPayFaultsMeetWritesAndSpeakItsLanguage(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	id := m.order("order-1", "1.00")
	for name, fault := range map[string]simulator.Fault{
		"409 DUPLICATE_REFERENCE_ID": simulator.KeyReuse(), "409 REQUEST_IN_PROCESS": simulator.InFlight(),
		"429 RATE_LIMITED": simulator.RateLimited("3"), "401 SIGN_ERROR": simulator.Unauthenticated(),
		"403 PERMISSION_DENIED": simulator.Forbidden(), "500 INTERNAL_ERROR": simulator.InternalError(),
	} {
		sim.Script(fault)
		assert.Equal(t, id, m.post("/v1/payment/query", object{"id": id}).text("id"), "a query is no write")
		assert.Empty(t, m.post("/v1/authorization/query", object{"authorization_id": "x"}).header.Get("Retry-After"))
		a := m.post("/v1/payment/orders", midasOrderOf("order-2", "1.00"))
		assert.Equal(t, name, statusAndName(a))
		sim.Script(fault)
		assert.Equal(t, name, statusAndName(m.post("/v1/payment/void", object{"id": id})))
	}
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
	assert.Equal(t, "CREATED", sim.PaymentStatus(id))
	sim.Script(simulator.Only(simulator.NotYetVisible(1), simulator.On(http.MethodPost, "/v1/payment/query")))
	assert.Equal(t, http.StatusNotFound, m.post("/v1/payment/query", object{"id": id}).status)
	sim.Script(simulator.ExecuteTwice())
	twice := m.order("order-2", "1.00")
	assert.Len(t, sim.Ledger().ByKey("order-2"), 2)
	assert.Equal(t, twice, m.order("order-2", "1.00"))
	sim.Script(simulator.ReplayAnyBody())
	assert.Equal(t, twice, m.order("order-2", "2.00"))
	sim.Script(simulator.ForgetKey())
	m.order("order-2", "2.00")
	assert.Len(t, sim.Ledger().ByKey("order-2"), 3)
	for _, path := range []string{"/v1/nothing", "/v2/payment/orders", "/v1/payment/orders/"} {
		assert.Equal(t, http.StatusNotFound, m.post(path, object{}).status, path)
	}
	assert.Equal(t, http.StatusNotFound, m.get("/v1/payment/query").status)
}

func statusAndName(a answered) string {
	return fmt.Sprint(a.status, " ", a.text("name"))
}

func TestMidasPayControlFromOutside(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	control := sim.Control()
	act := func(path, body string) int {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/simulator/"+path, strings.NewReader(body)))
		return w.Code
	}
	paid, failed, expired := m.order("order-1", "1.00"), m.order("order-2", "1.00"), m.order("order-3", "1.00")
	assert.Equal(t, http.StatusNoContent, act("payments/"+paid+"/pay", ""))
	assert.Equal(t, http.StatusNoContent, act("payments/"+failed+"/fail", `{"code":"CARD_DECLINED"}`))
	assert.Equal(t, http.StatusNoContent, act("payments/"+expired+"/expire", ""))
	refund := m.post("/v1/payment/orders/refund", object{"reference_id": "rma-1", "id": paid}).text("id")
	assert.Equal(t, http.StatusNoContent, act("refunds/"+refund+"/settle", ""))
	assert.Equal(t, http.StatusNoContent, act("refunds/"+refund+"/fail", `{"code":"ACQUIRER_ERROR"}`))
	assert.Equal(t, http.StatusNoContent, act("payments/"+paid+"/move", `{"status":"CHARGEBACK"}`))
	assert.Equal(t, []string{"CHARGEBACK", "FAILED", "VOIDED", ""},
		[]string{sim.PaymentStatus(paid), sim.PaymentStatus(failed), sim.PaymentStatus(expired), sim.PaymentStatus("nobody")})
	for _, bad := range []string{"payments/" + paid + "/fly", "payments/nobody/pay", "payments/nobody/move", "refunds/nobody/fail"} {
		assert.Equal(t, http.StatusBadRequest, act(bad, ""), bad)
	}
	assert.Equal(t, http.StatusBadRequest, act("payments/"+paid+"/move", "{"))
	require.Error(t, sim.FailPayment(paid, ""))
}

func TestMidasPayAnswersWhateverItIsSent(t *testing.T) {
	t.Parallel()
	_, m := newMidasPay(t)
	members := strings.Fields("id reference_id merchant_id amount purchase_units authorization_id order_id payer " +
		"application_context subscription_units subscriber subscription_ids sub_merchant_id user settings purchase custom_parameters")
	junk := []any{nil, 7, true, "x", "\x00", []any{}, []any{nil}, []any{7, "x", object{}}, object{}, object{"amount": nil}, object{"amount": []any{}, "ids": []any{7}}}
	for _, path := range []string{
		"/v1/payment/orders", "/v1/payment/orders/authorization", "/v1/payment/orders/refund", "/v1/payment/query", "/v1/payment/void",
		"/v1/authorization/payment", "/v1/authorization/query", "/v1/authorization/cancel", "/v1/subscription/create",
		"/v1/subscription/query", "/v1/subscription/cancel", "/v1/mor/session/create", "/v1/mor/token/create", "/v1/card/bind",
	} {
		for _, member := range members {
			for _, value := range junk {
				body := midasOrderOf("r", "1.00", object{"id": "x", "authorization_id": "x", member: value})
				a := m.post(path, body)
				assert.Less(t, a.status, 500, "%s %s %v", path, member, value)
				assert.NotEmpty(t, a.doc(), "%s %s %v", path, member, value)
			}
		}
	}
}
