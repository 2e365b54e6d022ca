package simulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestPaymentTakesEveryStepOfTheDiagram(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)

	created := m.post("/v3/payments", key(1), payment(hosted()))
	require.Equal(t, http.StatusCreated, created.status)
	assert.Equal(t, "authorization_required", created.text("status"))
	assert.Contains(t, created.text("hosted_page", "uri"), "https://payment.truelayer-sandbox.com/payments#payment_id=")
	assert.NotEmpty(t, created.text("resource_token"))
	id := created.text("id")
	view := func() answered { return m.get("/v3/payments/" + id) }
	assert.Equal(t, "authorization_required", view().text("status"))

	flow := m.post("/v3/payments/"+id+"/authorization-flow", key(2), object{"redirect": object{"return_uri": "https://shop.example"}})
	assert.Equal(t, "authorizing", flow.text("status"))
	assert.Equal(t, "provider_selection", view().text("authorization_flow", "actions", "next", "type"))

	require.NoError(t, sim.Authorize(id))
	assert.Equal(t, "authorized", view().text("status"))
	assert.Equal(t, "faster_payments_service", view().text("payment_method", "provider_selection", "scheme_id"))
	require.NoError(t, sim.Execute(id))
	assert.Equal(t, "executed", view().text("status"))
	require.NoError(t, sim.Settle(id))
	settled := view()
	assert.Equal(t, "settled", settled.text("status"))
	assert.NotEmpty(t, settled.text("payment_source", "id"))
	assert.Equal(t, "12345", settled.text("metadata", "order"))
	assert.Equal(t, "settled", sim.PaymentStatus(id))

	require.Error(t, sim.Settle(id), "settled is the end")
	require.Error(t, sim.FailPayment(id, "", "rejected"))
	require.Error(t, sim.Authorize("nobody"))
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
	assert.Equal(t, 1, sim.Ledger().Count("authorization_flow"))
	entry := sim.Ledger().ByKey(key(1))[0]
	assert.Equal(t, int64(5000), entry.AmountMinor)
	assert.Equal(t, "GBP", entry.Currency)
	assert.Equal(t, "order-12345", entry.Reference)
	assert.Equal(t, id, entry.ID)
	assert.Equal(t, map[string]string{"order": "12345"}, entry.Metadata)
}

func TestPaymentToAnExternalAccountEndsExecuted(t *testing.T) {
	t.Parallel()
	sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.AutoAuthorize = true })
	m := inProcess(t, sim)
	created := m.post("/v3/payments", key(1), external())
	id := created.text("id")
	assert.Equal(t, "authorizing", created.text("status"), "the authorization flow was asked for at creation")
	assert.Equal(t, "redirect", created.text("authorization_flow", "actions", "next", "type"))
	assert.Equal(t, "executed", m.get("/v3/payments/"+id).text("status"))
	require.ErrorContains(t, sim.Settle(id), "external account")
	require.Error(t, sim.FailPayment(id, "", "rejected"))
	refused := m.post("/v3/payments/"+id+"/refunds", key(2), object{"reference": "r"})
	assert.Equal(t, "Invalid Parameters", refused.text("title"))
}

// external is a payment to somebody else's account, with a preselected bank.
func external() object {
	return payment(object{
		"currency":           "EUR",
		"authorization_flow": object{"redirect": object{"return_uri": "https://shop.example"}},
		"payment_method": object{
			"type": "bank_transfer",
			"provider_selection": object{
				"type": "preselected", "provider_id": "mock-payments-de-redirect",
				"scheme_selection": object{"type": "instant_preferred", "allow_remitter_fee": true},
				"remitter":         object{"account_holder_name": "Ada"},
			},
			"beneficiary": object{
				"type": "external_account", "account_holder_name": "Bob Example", "reference": "invoice 7",
				"account_identifier": object{"type": "iban", "iban": "DE89370400440532013000"},
			},
		},
	})
}

func TestMandatePaymentIsAuthorizedAtOnce(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	a := m.post("/v3/payments", key(1), payment(object{"payment_method": object{
		"type": "mandate", "mandate_id": key(9), "user_interaction": "not_present",
		"retry": object{"type": "smart", "for": "24h"},
	}}))
	assert.Equal(t, "authorized", a.text("status"))
	assert.Equal(t, key(9), m.get("/v3/payments/"+a.text("id")).text("payment_method", "mandate_id"))
}

func TestPaymentCanFailWhenItIsMade(t *testing.T) {
	t.Parallel()
	declining := object{"payment_method": object{
		"type": "bank_transfer",
		"provider_selection": object{
			"type": "user_selected", "filter": object{"provider_ids": []string{simulator.ProviderThatFails}},
		},
		"beneficiary": object{"type": "merchant_account", "merchant_account_id": simulator.MerchantAccountGBP},
	}}
	sim := newSimulator(func(c *simulator.TrueLayerConfig) {
		c.AutoAuthorize = true
		c.FailAmounts = map[int64]simulator.Failure{666: {Stage: "authorized", Reason: "insufficient_funds"}}
	})
	m := inProcess(t, sim)

	a := m.post("/v3/payments", key(1), payment(declining))
	assert.Equal(t, http.StatusCreated, a.status, "a failed payment is a created one")
	assert.Equal(t, "failed", a.text("status"))
	assert.Equal(t, "provider_rejected", a.text("failure_reason"))
	a = m.post("/v3/payments", key(2), payment(object{"amount_in_minor": 666}))
	assert.Equal(t, "insufficient_funds", a.text("failure_reason"))
	assert.Equal(t, "authorized", m.get("/v3/payments/"+a.text("id")).text("failure_stage"))
	for _, e := range sim.Ledger().Entries() {
		assert.True(t, e.Declined)
	}
}

func TestPaymentIsCancelledFailedOrExpires(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)

	id := m.pay(key(1))
	cancelled := m.post("/v3/payments/"+id+"/actions/cancel", key(2), nil)
	assert.Equal(t, http.StatusAccepted, cancelled.status)
	assert.Empty(t, cancelled.body)
	assert.Equal(t, "canceled", m.get("/v3/payments/"+id).text("failure_reason"))
	again := m.post("/v3/payments/"+id+"/actions/cancel", key(3), nil)
	assert.Equal(t, "Invalid State", again.text("title"))
	assert.Equal(t, 1, sim.Ledger().Count("cancel"))
	flow := m.post("/v3/payments/"+id+"/authorization-flow", "", object{})
	assert.Equal(t, "Invalid State", flow.text("title"))

	id = m.pay(key(4))
	require.NoError(t, sim.ExpirePayment(id))
	assert.Equal(t, "expired", m.get("/v3/payments/"+id).text("failure_reason"))
	require.Error(t, sim.ExpirePayment(id))

	id = m.pay(key(5))
	require.NoError(t, sim.Authorize(id))
	require.NoError(t, sim.FailPayment(id, "", "rejected"))
	assert.Equal(t, "authorized", m.get("/v3/payments/"+id).text("failure_stage"))

	for _, path := range []string{"/actions/cancel", "/authorization-flow", "/refunds"} {
		a := m.post("/v3/payments/nobody"+path, key(6)+path, object{"reference": "r"})
		assert.Equal(t, http.StatusNotFound, a.status, path)
	}
	assert.Equal(t, http.StatusNotFound, m.get("/v3/payments/nobody").status)
	assert.Equal(t, http.StatusNotFound, m.get("/v3/nothing").status)
}

func TestResourceTokenIsGoodForItsPaymentAlone(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	created := m.post("/v3/payments", key(1), payment())
	other := m.pay(key(2))
	id := created.text("id")

	m.token = created.text("resource_token")
	assert.Equal(t, http.StatusOK, m.get("/v3/payments/"+id).status)
	assert.Equal(t, http.StatusForbidden, m.get("/v3/payments/"+other).status)
	assert.Equal(t, http.StatusForbidden, m.get("/v3/merchant-accounts").status)
	assert.Equal(t, http.StatusForbidden, m.post("/v3/payments", key(3), payment()).status)

	unsigned := m.request(http.MethodPost, "/v3/payments/"+id+"/authorization-flow", "", object{})
	unsigned.Header.Del("Tl-Signature")
	res, err := m.http.Do(unsigned)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, readAnswer(t, res).status, "a resource token needs no signature here")
	assert.Equal(t, http.StatusAccepted, m.post("/v3/payments/"+id+"/actions/cancel", key(4), nil).status)
}

func TestBadPaymentsAreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	set := func(path string, value any) string { return changed(t, payment(), path, value) }
	ext := func(path string, value any) string { return changed(t, external(), path, value) }
	const (
		method      = "payment_method"
		beneficiary = "payment_method.beneficiary"
		selection   = "payment_method.provider_selection"
	)
	for _, row := range []struct {
		name, body, path string
		alone            bool // the description can't say this
	}{
		{"no amount", set("amount_in_minor", nil), "amount_in_minor", false},
		{"an amount of nothing", set("amount_in_minor", 0), "amount_in_minor", false},
		{"a broken amount", set("amount_in_minor", 1.5), "amount_in_minor", false},
		{"an amount in words", set("amount_in_minor", "5000"), "amount_in_minor", false},
		{"a currency that is for payouts", set("currency", "PLN"), "currency", false},
		{"no method", set(method, nil), method, false},
		{"an unknown method", set(method+".type", "card"), method + ".type", false},
		{"a method that is no object", set(method, "bank_transfer"), method, false},
		{"no beneficiary", set(beneficiary, nil), beneficiary, false},
		{"an unknown beneficiary", set(beneficiary+".type", "friend"), beneficiary + ".type", false},
		{"an account id that is no UUID", set(beneficiary+".merchant_account_id", "x"), beneficiary + ".merchant_account_id", true},
		{"an account in another currency", set("currency", "EUR"), beneficiary + ".merchant_account_id", true},
		{"a long statement reference", set(beneficiary+".statement_reference", strings.Repeat("x", 19)), beneficiary + ".statement_reference", false},
		{"a reference with a strange letter", set(beneficiary+".reference", "naïve_1"), beneficiary + ".reference", false},
		{"a long reference to an external account", ext(beneficiary+".reference", strings.Repeat("x", 19)), beneficiary + ".reference", false},
		{"parentheses in a name", ext(beneficiary+".account_holder_name", "Bob (Ltd)"), beneficiary + ".account_holder_name", false},
		{"a bad IBAN", ext(beneficiary+".account_identifier.iban", "DE1"), beneficiary + ".account_identifier.iban", false},
		{"no scheme selection for a preselected bank", ext(selection+".scheme_selection", nil), selection + ".scheme_selection", false},
		{"a truth value in words", ext(selection+".scheme_selection.allow_remitter_fee", "yes"), selection + ".scheme_selection.allow_remitter_fee", false},
		{"no countries", set(selection+".filter", object{"countries": []string{}}), selection + ".filter.countries", false},
		{"a country twice", set(selection+".filter", object{"countries": []string{"GB", "GB"}}), selection + ".filter.countries", false},
		{"an unknown country", set(selection+".filter", object{"countries": []string{"XX"}}), selection + ".filter.countries[0]", false},
		{"countries in words", set(selection+".filter", object{"countries": "GB"}), selection + ".filter.countries", false},
		{"no user", set("user", nil), "user", false},
		{"a user without a name", set("user.name", nil), "user.name", true},
		{"a user out of reach", set("user.email", nil), "user", true},
		{"a bad email address", set("user.email", "ada"), "user.email", true},
		{"a bad date of birth", set("user.date_of_birth", "7 May"), "user.date_of_birth", true},
		{"half an address", set("user.address", object{"city": "London"}), "user.address.zip", false},
		{"metadata that is no text", set("metadata", object{"n": 1}), "metadata.n", false},
		{"metadata that is no object", set("metadata", "n"), "metadata", false},
		{"a long metadata key", set("metadata", object{strings.Repeat("k", 41): "v"}), "metadata", true},
		{"a long metadata value", set("metadata", object{"k": strings.Repeat("v", 501)}), "metadata.k", false},
		{"a hosted page without a way back", set("hosted_page", object{}), "hosted_page.return_uri", false},
		{"a hosted page that waits too long", set("hosted_page", object{"return_uri": "x", "max_wait_for_result": 61}), "hosted_page.max_wait_for_result", false},
		{"a hosted page and a flow", ext("hosted_page", object{"return_uri": "x"}), "authorization_flow", true},
		{"a sub-merchant without a name", set("sub_merchants", object{"ultimate_counterparty": object{"type": "business_division", "id": "1"}}), "sub_merchants.ultimate_counterparty.name", false},
		{"consent without a date", set("user_consent", object{"type": "precaptured"}), "user_consent.captured_at", false},
		{"no JSON", "{", "body", false},
		{"too much JSON", set("metadata", nil) + "{}", "body", true},
		{"an array", "[]", "body", false},
	} {
		r := m.request(http.MethodPost, "/v3/payments", row.name, row.body)
		if !row.alone {
			require.Error(t, described(t, r, row.body), "%s: good by the description", row.name)
		}
		a := m.post("/v3/payments", row.name, row.body)
		require.Equal(t, http.StatusBadRequest, a.status, row.name)
		assert.Equal(t, "Invalid Parameters", a.text("title"), row.name)
		assert.Equal(t, "false", a.header.Get("Tl-Should-Retry"), row.name)
		errs, _ := a.doc()["errors"].(object)
		assert.Contains(t, errs, row.path, row.name)
	}
}

func TestGoodPaymentsAreTaken(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	full := payment(hosted(), object{
		"related_products": object{"signup_plus": object{}},
		"risk_assessment":  object{"segment": "shoes"},
		"user_consent":     object{"type": "precaptured", "captured_at": "2026-01-01T00:00:00Z"},
		"sub_merchants": object{"ultimate_counterparty": object{
			"type": "business_client", "id": "c1", "trading_name": "Client", "mcc": "5661",
		}},
		"user": object{
			"name": "Ada", "phone": "+447700900000", "date_of_birth": "1990-05-07", "political_exposure": nil,
			"address": object{"address_line1": "1 High St", "city": "London", "zip": "N1", "country_code": "GB"},
		},
	})
	for name, body := range map[string]object{"least": payment(), "full": full, "external": external()} {
		r := m.request(http.MethodPost, "/v3/payments", name, body)
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		require.NoError(t, described(t, r, string(raw)), name)
		a := m.post("/v3/payments", name, body)
		require.Equal(t, http.StatusCreated, a.status, "%s: %s", name, a.body)
		m.get("/v3/payments/" + a.text("id"))
	}
}

// changed is a document with one member replaced, or removed by nil.
func changed(t *testing.T, doc object, path string, value any) string {
	t.Helper()
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	var fresh object
	require.NoError(t, json.Unmarshal(raw, &fresh))
	names := strings.Split(path, ".")
	at := fresh
	for _, name := range names[:len(names)-1] {
		at, _ = at[name].(object)
		require.NotNil(t, at, path)
	}
	last := names[len(names)-1]
	at[last] = value
	if value == nil {
		delete(at, last)
	}
	raw, err = json.Marshal(fresh)
	require.NoError(t, err)
	return string(raw)
}
