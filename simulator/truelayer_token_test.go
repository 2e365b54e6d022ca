package simulator_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func credentials(changes ...object) object {
	c := object{
		"grant_type": "client_credentials", "client_id": "client_test_example",
		"client_secret": "secret_test_example", "scope": "payments recurring_payments:sweeping",
	}
	for _, change := range changes {
		maps.Copy(c, change)
	}
	return c
}

func TestTokenEndpointTakesJSONAndForms(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	a := m.post("/connect/token", "", credentials())
	require.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, "Bearer", a.text("token_type"))
	assert.InDelta(t, 3600, a.doc()["expires_in"], 0)
	assert.NotEmpty(t, a.header.Get("X-Tl-Correlation-Id"))

	form := url.Values{}
	for name, value := range credentials() {
		form.Set(name, value.(string))
	}
	r := m.request(http.MethodPost, "/connect/token", "", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := m.http.Do(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, readAnswer(t, res).status)
}

func TestTokenEndpointRefusesInOAuthWords(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	for name, row := range map[string]struct {
		body any
		code string
	}{
		"wrong secret":  {credentials(object{"client_secret": "x"}), "invalid_client"},
		"wrong client":  {credentials(object{"client_id": "x"}), "invalid_client"},
		"wrong grant":   {credentials(object{"grant_type": "password"}), "invalid_grant"},
		"no scope":      {credentials(object{"scope": ""}), "invalid_request"},
		"unknown scope": {credentials(object{"scope": "payments:fly"}), "invalid_request"},
		"no JSON":       {"grant_type=client_credentials", "invalid_request"},
	} {
		a := m.post("/connect/token", "", row.body)
		assert.Equal(t, http.StatusBadRequest, a.status, name)
		assert.Equal(t, row.code, a.text("error"), name)
	}
	assert.Equal(t, http.StatusBadRequest, m.get("/connect/token").status)
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.TokenLife = 10 * time.Minute })
		m := inProcess(t, sim)
		pass(t, 10*time.Minute-time.Second)
		m.pay(key(1))
		pass(t, time.Second)
		a := m.post("/v3/payments", key(1), payment())
		assert.Equal(t, http.StatusUnauthorized, a.status)
		assert.Contains(t, a.text("detail"), "TokenExpired")
		assert.Empty(t, a.header.Get("Tl-Should-Retry"))

		m.token = m.newToken("payments")
		assert.Equal(t, m.pay(key(1)), sim.Ledger().Entries()[0].ID, "the refusal was not stored under the key")
		sim.RevokeTokens()
		assert.Equal(t, http.StatusUnauthorized, m.get("/v3/merchant-accounts").status)
		m.token = ""
		assert.Contains(t, m.get("/v3/merchant-accounts").text("detail"), "A Bearer token must be provided")
		m.token = "made-up"
		assert.Equal(t, http.StatusUnauthorized, m.get("/v3/merchant-accounts").status)
	})
}

func TestScopesLimitATokenToItsEndpoints(t *testing.T) {
	t.Parallel()
	sim := newSimulator(autoAuthorize)
	m := inProcess(t, sim)
	id := m.pay(key(1))
	wages := payout(object{
		"type": "external_account", "reference": "w", "account_holder_name": "Bob",
		"account_identifier": object{"type": "iban", "iban": "DE89370400440532013000"},
	})

	m.token = m.newToken("payments:refund")
	assert.Equal(t, http.StatusAccepted, m.post("/v3/payments/"+id+"/refunds", key(2), object{"reference": "r"}).status)
	assert.Equal(t, http.StatusForbidden, m.post("/v3/payments", key(3), payment()).status)

	m.token = m.newToken("payments:payout:business_account")
	assert.Equal(t, http.StatusAccepted, m.post("/v3/payouts", key(4), payout(object{"type": "business_account", "reference": "x"})).status)
	assert.Equal(t, http.StatusForbidden, m.post("/v3/payouts", key(5), wages).status)
	assert.True(t, strings.HasPrefix(m.newToken("verification"), "ey"))
}
