package simulator_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func autoAuthorize(c *simulator.TrueLayerConfig) { c.AutoAuthorize = true }

func TestRefundsAddUpToThePayment(t *testing.T) {
	t.Parallel()
	sim := newSimulator(autoAuthorize)
	m := inProcess(t, sim)
	id := m.pay(key(1))
	refunds := "/v3/payments/" + id + "/refunds"

	part := m.post(refunds, key(2), object{"amount_in_minor": 2000, "reference": "rma-1", "metadata": object{"why": "size"}})
	require.Equal(t, http.StatusAccepted, part.status)
	view := func(refund string) answered { return m.get(refunds + "/" + refund) }
	assert.Equal(t, "pending", view(part.text("id")).text("status"))

	whole := m.post(refunds, key(3), object{"reference": "rma-2"})
	assert.Equal(t, http.StatusBadRequest, whole.status, "omitted is the whole payment, and 2000 are gone")
	rest := m.post(refunds, key(4), object{"amount_in_minor": 3000, "reference": "rma-3"})
	require.Equal(t, http.StatusAccepted, rest.status)
	assert.Equal(t, http.StatusBadRequest, m.post(refunds, key(5), object{"amount_in_minor": 1, "reference": "x"}).status)
	assert.Equal(t, http.StatusBadRequest, m.post(refunds, key(6), object{"amount_in_minor": 1}).status, "no reference")

	require.NoError(t, sim.ExecuteRefund(part.text("id")))
	assert.NotEmpty(t, view(part.text("id")).text("executed_at"))
	require.Error(t, sim.ExecuteRefund(part.text("id")))
	require.NoError(t, sim.FailRefund(rest.text("id"), "account_not_valid"))
	assert.Equal(t, "account_not_valid", view(rest.text("id")).text("failure_reason"))
	require.Error(t, sim.FailRefund(rest.text("id"), "again"))
	require.NoError(t, sim.FailRefund(part.text("id"), "returned"), "executed is not the end")
	require.Error(t, sim.FailRefund("nobody", "x"))
	require.Error(t, sim.ExecuteRefund("nobody"))

	list := m.get(refunds)
	items, _ := list.doc()["items"].([]any)
	assert.Len(t, items, 2)
	assert.Equal(t, http.StatusNotFound, view("nobody").status)
	assert.Equal(t, http.StatusNotFound, m.get("/v3/payments/nobody/refunds").status)
	assert.Equal(t, 2, sim.Ledger().Count("refund"))
	entry := sim.Ledger().ByKey(key(2))[0]
	assert.Equal(t, id, entry.PaymentID)
	assert.Equal(t, int64(2000), entry.AmountMinor)
	assert.Equal(t, "rma-1", entry.Reference)
}

func TestRefundWaitsForItsPayment(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	id := m.pay(key(1))
	refund := func(n int) answered {
		return m.post("/v3/payments/"+id+"/refunds", key(n), object{"reference": "rma"})
	}
	assert.Equal(t, "Invalid Parameters", refund(2).text("title"))
	require.NoError(t, sim.Authorize(id))
	a := refund(3)
	require.Equal(t, http.StatusAccepted, a.status, "authorized is early enough")
	require.ErrorContains(t, sim.ExecuteRefund(a.text("id")), "authorized", "the money is not there yet")
	require.NoError(t, sim.Execute(id))
	require.NoError(t, sim.Settle(id))
	require.NoError(t, sim.ExecuteRefund(a.text("id")))
}

func TestPayoutsOfEveryKind(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	for kind, beneficiary := range map[string]object{
		"external_account": {
			"type": "external_account", "reference": "wages", "account_holder_name": "Bob Example",
			"account_identifier": object{"type": "sort_code_account_number", "sort_code": "010101", "account_number": "00000011"},
		},
		"payment_source":   {"type": "payment_source", "user_id": key(8), "payment_source_id": key(9), "reference": "back"},
		"business_account": {"type": "business_account", "reference": "sweep"},
		"verified":         {"type": "verified_external_account", "account_holder_verification_id": key(7)},
		"user_determined": {
			"type": "user_determined", "reference": "win", "user": object{"name": "Ada"},
			"verification": object{"verify_name": true}, "provider_selection": object{"type": "user_selected"},
		},
	} {
		a := m.post("/v3/payouts", kind, payout(beneficiary))
		require.Equal(t, http.StatusAccepted, a.status, "%s: %s", kind, a.body)
		id := a.text("id")
		status := func() string { return m.get("/v3/payouts/" + id).text("status") }
		if kind == "user_determined" {
			assert.NotEmpty(t, a.text("resource_token"))
			assert.Equal(t, "authorization_required", status())
			require.Error(t, sim.ExecutePayout(id), "nobody has said where to")
		} else {
			assert.Equal(t, "pending", status(), kind)
		}
		require.NoError(t, sim.AuthorizePayout(id))
		assert.Equal(t, "authorized", status(), kind)
		require.NoError(t, sim.ExecutePayout(id))
		assert.Equal(t, "executed", status(), kind)
		require.NoError(t, sim.FailPayout(id, "returned"), "executed is not the end")
		assert.Equal(t, "returned", m.get("/v3/payouts/"+id).text("failure_reason"), kind)
		require.Error(t, sim.ExecutePayout(id))
	}
	assert.Equal(t, 5, sim.Ledger().Count("payout"))
	assert.Equal(t, http.StatusNotFound, m.get("/v3/payouts/nobody").status)
	require.Error(t, sim.ExecutePayout("nobody"))

	for path, body := range map[string]string{
		"beneficiary.type":    changed(t, payout(object{"type": "friend"}), "metadata", nil),
		"currency":            changed(t, payout(object{"type": "business_account", "reference": "x"}), "currency", "EUR"),
		"amount_in_minor":     changed(t, payout(object{"type": "business_account", "reference": "x"}), "amount_in_minor", -1),
		"merchant_account_id": changed(t, payout(object{"type": "business_account", "reference": "x"}), "merchant_account_id", nil),
		"scheme_selection":    changed(t, payout(object{"type": "business_account", "reference": "x"}), "scheme_selection", 1),
		"beneficiary.user_id": changed(t, payout(object{"type": "payment_source", "reference": "x"}), "metadata", nil),
		"beneficiary":         changed(t, payout(nil), "beneficiary", nil),
	} {
		a := m.post("/v3/payouts", path, body)
		errs, _ := a.doc()["errors"].(object)
		assert.Contains(t, errs, path, a.body)
	}
}

func TestMerchantAccountsKeepTheBooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator(autoAuthorize, func(c *simulator.TrueLayerConfig) {
			c.PageSize, c.TokenLife = 2, 24*time.Hour
		})
		m := inProcess(t, sim)
		start := time.Now()
		first := m.pay(key(1))
		pass(t, time.Hour)
		m.pay(key(2))
		refund := m.post("/v3/payments/"+first+"/refunds", key(3), object{"amount_in_minor": 100, "reference": "r"}).text("id")
		out := m.post("/v3/payouts", key(4), payout(object{"type": "business_account", "reference": "sweep"})).text("id")
		pass(t, time.Hour)
		require.NoError(t, sim.ExecuteRefund(refund))
		require.NoError(t, sim.ExecutePayout(out))

		account := "/v3/merchant-accounts/" + simulator.MerchantAccountGBP
		balance := m.get(account).doc()["current_balance_in_minor"]
		assert.InDelta(t, 5000+5000-100-700, balance, 0)
		list, _ := m.get("/v3/merchant-accounts").doc()["items"].([]any)
		assert.Len(t, list, 3)

		within := func(from, to time.Time, more ...string) answered {
			q := url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
			for i := 0; i+1 < len(more); i += 2 {
				q.Set(more[i], more[i+1])
			}
			return m.get(account + "/transactions?" + q.Encode())
		}
		kinds := func(a answered) (kinds []string) {
			items, _ := a.doc()["items"].([]any)
			for _, item := range items {
				doc, _ := item.(object)
				kind, _ := doc["type"].(string)
				kinds = append(kinds, kind)
			}
			return kinds
		}
		day := start.Add(24 * time.Hour)
		page := within(start, day)
		assert.Equal(t, []string{"merchant_account_payment", "merchant_account_payment"}, kinds(page))
		page = within(start, day, "cursor", page.text("pagination", "next_cursor"))
		assert.ElementsMatch(t, []string{"refund", "payout"}, kinds(page))
		assert.NotContains(t, page.body, "next_cursor")
		assert.Len(t, kinds(within(start, day, "type", "payment")), 2)
		assert.Equal(t, []string{"payout"}, kinds(within(start, day, "type", "payout")))
		assert.Len(t, kinds(within(start.Add(time.Hour), start.Add(2*time.Hour))), 1, "from is inclusive, to is not")

		for _, bad := range []answered{
			within(start, start.Add(31*24*time.Hour+time.Second)), within(day, start),
			within(start, day, "type", "fee"), within(start, day, "cursor", "x"), m.get(account + "/transactions"),
		} {
			assert.Equal(t, "Invalid Parameters", bad.text("title"))
		}

		user := m.get("/v3/payments/"+first).text("user", "id")
		sources, _ := m.get(account + "/payment-sources?user_id=" + user).doc()["items"].([]any)
		assert.Len(t, sources, 1)
		assert.Equal(t, http.StatusBadRequest, m.get(account+"/payment-sources").status)
		for _, path := range []string{"", "/transactions", "/payment-sources", "/sweeping"} {
			assert.Equal(t, http.StatusNotFound, m.get("/v3/merchant-accounts/nobody"+path).status)
		}
	})
}

func TestSweepingIsSetAndCleared(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	path := "/v3/merchant-accounts/" + simulator.MerchantAccountGBP + "/sweeping"
	settings := object{"max_amount_in_minor": 100, "currency": "GBP", "frequency": "daily"}
	assert.Equal(t, http.StatusNotFound, m.get(path).status)
	assert.Equal(t, http.StatusNotFound, m.send(http.MethodDelete, path, "", nil).status)
	a := m.post(path, "", settings)
	assert.Equal(t, http.StatusOK, a.status)
	assert.Empty(t, a.header.Get("Tl-Should-Retry"))
	assert.Equal(t, a.body, m.get(path).body)
	assert.Equal(t, "sort_code_account_number", a.text("destination", "type"))
	settings["currency"] = "EUR"
	assert.Equal(t, http.StatusBadRequest, m.post(path, "", settings).status)
	assert.Equal(t, http.StatusNotFound, m.post("/v3/merchant-accounts/nobody/sweeping", "", settings).status)
	assert.Equal(t, http.StatusNoContent, m.send(http.MethodDelete, path, "", nil).status)
	assert.Equal(t, 2, sim.Ledger().Count("sweeping"))
}

func TestConfiguredAccountsAreTheOnlyOnes(t *testing.T) {
	t.Parallel()
	own := simulator.MerchantAccount{ID: key(77), Currency: "GBP", Holder: "Shoes Ltd", BalanceMinor: 10}
	m := inProcess(t, newSimulator(func(c *simulator.TrueLayerConfig) {
		c.MerchantAccounts = []simulator.MerchantAccount{own}
		c.OwnLicence = true
	}))
	assert.Equal(t, "Shoes Ltd", m.get("/v3/merchant-accounts/"+key(77)).text("account_holder_name"))
	a := m.post("/v3/payments", key(1), payment(object{"user": object{}}))
	assert.Contains(t, a.body, "The merchant account does not exist.")
	a = m.post("/v3/payouts", key(2), payout(object{"type": "business_account", "reference": "x"}))
	assert.Contains(t, a.body, "The merchant account does not exist.")
}

// pass lets time go by; in a synctest bubble that takes none.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
