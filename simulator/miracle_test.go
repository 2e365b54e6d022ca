package simulator_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// A miracleMerchant is a plain client of the API: it sends once and believes
// nothing.
type miracleMerchant struct {
	t             *testing.T
	http          *http.Client
	authorization string
}

func openMiracle(t *testing.T, change ...func(*simulator.MiracleConfig)) (*simulator.Miracle, *miracleMerchant) {
	t.Helper()
	var cfg simulator.MiracleConfig
	for _, c := range change {
		c(&cfg)
	}
	sim := simulator.NewMiracle(cfg)
	transport := sim.Transport()
	t.Cleanup(transport.Close)
	return sim, &miracleMerchant{t, &http.Client{Transport: transport}, "Bearer sk_test_example"}
}

func (m *miracleMerchant) send(method, path, key string, body any) answered {
	m.t.Helper()
	var data []byte
	if s, ok := body.(string); ok {
		data = []byte(s)
	} else if body != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(m.t, err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, "https://api.miracle.com/v1"+path, bytes.NewReader(data))
	require.NoError(m.t, err)
	r.GetBody = nil
	r.Header.Set("Authorization", m.authorization)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := m.http.Do(r)
	require.NoError(m.t, err)
	return readAnswer(m.t, res)
}

func (m *miracleMerchant) get(path string) answered {
	m.t.Helper()
	return m.send(http.MethodGet, path, "", nil)
}

func (m *miracleMerchant) post(path, key string, body any) answered {
	m.t.Helper()
	return m.send(http.MethodPost, path, key, body)
}

// made sends what must be created, and returns its id.
func (m *miracleMerchant) made(path, key string, body any) string {
	m.t.Helper()
	a := m.post(path, key, body)
	require.Equal(m.t, http.StatusCreated, a.status, a.body)
	return a.text("data", "id")
}

// refused checks a refusal and its code.
func (m *miracleMerchant) refused(a answered, status int, code string) {
	m.t.Helper()
	assert.Equal(m.t, status, a.status, a.body)
	assert.Equal(m.t, code, a.text("error", "code"))
	assert.NotEmpty(m.t, a.text("error", "message"))
}

func usd(minor int64) object { return object{"currency": "USD", "valueMinor": minor} }

// order is a good create request; changes are members to replace.
func order(changes ...object) object {
	o := object{
		"amount": usd(5000), "merchantReference": "order-12345", "metadata": object{"payonce_ref": "r1"},
		"paymentMethod": object{"type": "card", "token": "tok_test_example"},
	}
	for _, c := range changes {
		maps.Copy(o, c)
	}
	return o
}

func manual() object { return object{"captureMethod": "manual"} }

func autoPay(c *simulator.MiracleConfig) { c.AutoPay = true }

const (
	conflictCode = "INVALID_PAYMENT_STATE"
	invalidCode  = "VALIDATION_ERROR"
)

func TestMiracleMakesAPaymentAndThePayerPaysIt(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	created := m.post("/payments", "order-12345_payment", order())
	require.Equal(t, http.StatusCreated, created.status)
	assert.Equal(t, "application/json; charset=utf-8", created.header.Get("Content-Type"))
	data := created.doc()["data"].(object)
	id := created.text("data", "id")
	assert.Equal(t, "processing", data["status"])
	assert.Equal(t, false, data["livemode"])
	assert.Equal(t, false, data["approved"])
	assert.Equal(t, "merchant_test_example", data["merchantId"])
	assert.NotEmpty(t, data["tenantId"])
	assert.Equal(t, "automatic", data["captureMethod"])
	assert.Equal(t, "card", data["paymentMethodType"])
	assert.Equal(t, "order-12345", data["merchantReference"])
	assert.Equal(t, object{"payonce_ref": "r1"}, data["metadata"])
	assert.Equal(t, object{"currency": "USD", "valueMinor": 5000.0}, data["amount"])
	assert.NotContains(t, data, "errorCode")
	assert.JSONEq(t, created.body, m.get("/payments/"+id).body)

	require.NoError(t, sim.Pay(id))
	paid := m.get("/payments/" + id).doc()["data"].(object)
	assert.Equal(t, "succeeded", paid["status"])
	assert.Equal(t, true, paid["approved"])
	breakdown := paid["amountBreakdown"].(object)
	assert.InDelta(t, 5000, breakdown["captured"].(object)["valueMinor"], 0)
	assert.InDelta(t, 5000, breakdown["net"].(object)["valueMinor"], 0)
	assert.Equal(t, "succeeded", sim.PaymentStatus(id))
	require.Error(t, sim.Pay(id), "succeeded is the end")
	require.Error(t, sim.FailPayment(id, "DO_NOT_HONOR"))
	require.Error(t, sim.ExpirePayment(id))
	require.Error(t, sim.Pay("nobody"))
	assert.Empty(t, sim.PaymentStatus("nobody"))

	require.Len(t, sim.Ledger().Entries(), 1)
	entry := sim.Ledger().ByKey("order-12345_payment")[0]
	entry.Time = time.Time{}
	assert.Equal(t, simulator.Entry{
		Seq: 1, Kind: "payment", ID: id, Key: "order-12345_payment", AmountMinor: 5000, Currency: "USD",
		Reference: "order-12345", Metadata: map[string]string{"payonce_ref": "r1"},
	}, entry)
}

func TestMiracleWritesNeedAKey(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay)
	id := m.made("/payments", "1", order())
	for _, path := range []string{
		"/payments", "/payments/" + id + "/capture", "/payments/" + id + "/refund", "/payments/" + id + "/cancel",
		"/payments/" + id + "/complete-action", "/checkout-sessions", "/hpp/sessions", "/webhooks/endpoints", "/webhooks/endpoints/x/rotate-secret",
	} {
		m.refused(m.post(path, "", order(object{"Idempotency-Key": "2", "idempotencyKey": "2"})), http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")
	}
	m.refused(m.send(http.MethodDelete, "/webhooks/endpoints/x", "", nil), http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")
	assert.Len(t, sim.Ledger().Entries(), 1)
}

func TestMiracleAnswersAKeyOnce(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay)
	first := m.post("/payments", "k", order())
	assert.Equal(t, first, m.post("/payments", "k", order()), "processing, though it is paid by now")
	m.refused(m.post("/payments", "k", order(object{"amount": usd(5001)})), http.StatusConflict, "DUPLICATE_TRANSACTION")
	assert.Equal(t, first, m.post("/payments", "k", order()), "the other body has changed nothing")
	assert.Len(t, sim.Ledger().Entries(), 1)
	log := sim.Requests()
	assert.Equal(t, []bool{true, false}, []bool{log[0].Executed, log[0].Replayed})
	assert.Equal(t, []bool{false, true}, []bool{log[1].Executed, log[1].Replayed})
	assert.Equal(t, "k", log[2].Key)
}

func TestMiracleScopesAKeyByMerchantAndEndpoint(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay, func(c *simulator.MiracleConfig) {
		c.SecretKeys = []string{"sk_test_old", "sk_test_example", "sk_live_example"}
	})
	one, two := m.made("/payments", "k", order()), m.made("/payments", "l", order())
	m.made("/payments/"+one+"/refund", "k", nil)
	m.made("/payments/"+two+"/refund", "k", nil)
	session := object{
		"amount": usd(1), "lineItems": []object{{"label": "x", "unitAmount": usd(1), "quantity": 1}},
		"merchantReference": "r", "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
	}
	m.made("/checkout-sessions", "k", session)
	m.made("/hpp/sessions", "k", session)
	assert.Len(t, sim.Ledger().ByKey("k"), 5, "each endpoint, ids included, has keys of its own")

	for _, credential := range []string{"sk_test_old", "sk_live_example"} {
		m.authorization = "Bearer " + credential
		assert.Equal(t, one, m.made("/payments", "k", order()), "the key belongs to the merchant, not to the %s", credential)
	}
	assert.Equal(t, 2, sim.Ledger().Count("payment"))
}

func TestMiracleKeysLiveADayFromTheirFirstArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim, m := openMiracle(t)
		id := m.made("/payments", "k", order())
		pass(t, 24*time.Hour-time.Second)
		assert.Equal(t, id, m.made("/payments", "k", order()))
		pass(t, time.Second)
		assert.NotEqual(t, id, m.made("/payments", "k", order()), "the replay a second ago did not prolong it")
		m.refused(m.post("/payments", "k", order(manual())), http.StatusConflict, "DUPLICATE_TRANSACTION")
		assert.Len(t, sim.Ledger().ByKey("k"), 2)
	})
}

func TestMiracleKeyInFlightIsAConflictOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim, m := openMiracle(t)
		sim.Script(simulator.HoldKey(10 * time.Second))
		var (
			group sync.WaitGroup
			first answered
		)
		group.Go(func() { first = m.post("/payments", "k", order()) })
		synctest.Wait()
		m.refused(m.post("/payments", "k", order()), http.StatusConflict, "REQUEST_IN_PROGRESS")
		m.refused(m.post("/payments", "k", order(manual())), http.StatusConflict, "DUPLICATE_TRANSACTION")
		group.Wait()
		assert.Equal(t, first.body, m.post("/payments", "k", order()).body)
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
	})
}

func TestMiracleKeepsRefusalsIfTold(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		sim, m := openMiracle(t, func(c *simulator.MiracleConfig) { c.KeepRefusals = keep })
		id := m.made("/payments", "k", order(manual()))
		m.refused(m.post("/payments/"+id+"/capture", "c", nil), http.StatusConflict, conflictCode)
		require.NoError(t, sim.Pay(id))
		a := m.post("/payments/"+id+"/capture", "c", nil)
		if keep {
			m.refused(a, http.StatusConflict, conflictCode)
		} else {
			assert.Equal(t, "captured", a.text("data", "status"))
		}
	}
}

func TestMiracleWithoutDedupePaysTwice(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, func(c *simulator.MiracleConfig) { c.NoDedupe = true })
	first := m.made("/payments", "k", order())
	assert.NotEqual(t, first, m.made("/payments", "k", order()))
	assert.Len(t, sim.Ledger().ByKey("k"), 2)
	m.refused(m.post("/payments", "", order()), http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")
}

func TestMiracleKnowsItsCredentials(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay)
	id := m.made("/payments", "k", order())
	refund := m.made("/payments/"+id+"/refund", "k", nil)
	hook := m.made("/webhooks/endpoints", "k", object{"url": "https://shop.example/hooks", "events": []string{"*"}})
	for authorization, status := range map[string]int{
		"": http.StatusUnauthorized, "sk_test_example": http.StatusUnauthorized, "Basic sk_test_example": http.StatusUnauthorized,
		"Bearer sk_test_other": http.StatusUnauthorized, "Bearer ": http.StatusUnauthorized,
		"Bearer pk_test_example": http.StatusForbidden, "Bearer pk_live_example": http.StatusForbidden,
		"Bearer cs_secret_x": http.StatusForbidden,
	} {
		m.authorization = authorization
		assert.Equal(t, status, m.post("/payments", "k", order()).status, authorization)
		assert.Equal(t, status, m.get("/payments/"+id).status, authorization)
		assert.Equal(t, http.StatusNotFound, m.post("/nothing", "k", order()).status, authorization)
	}
	m.authorization = "Bearer sk_live_example"
	live := m.post("/payments", "live", order())
	assert.Equal(t, true, live.doc()["data"].(object)["livemode"])
	for _, path := range []string{"/payments/" + id, "/payments/" + id + "/refunds", "/refunds/" + refund, "/webhooks/endpoints/" + hook} {
		assert.Equal(t, http.StatusNotFound, m.get(path).status, "the prefix selects the environment: %s", path)
	}
	assert.Equal(t, http.StatusNotFound, m.post("/payments/"+id+"/refund", "x", nil).status)
	assert.Len(t, m.get("/payments").doc()["data"], 1)
	assert.Empty(t, m.get("/webhooks/endpoints").doc()["data"])
	assert.Equal(t, 1, sim.Ledger().Count("refund"))
}

func TestMiracleRefusesBadParameters(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, func(c *simulator.MiracleConfig) { c.KeepRefusals = true })
	for name, body := range map[string]any{
		"nothing":               nil,
		"no JSON":               "{",
		"two documents":         "{}{}",
		"null":                  "null",
		"an array":              "[]",
		"no amount":             order(object{"amount": nil}),
		"an amount of text":     order(object{"amount": object{"currency": "USD", "valueMinor": "5000"}}),
		"a fraction":            order(object{"amount": object{"currency": "USD", "valueMinor": 50.5}}),
		"zero":                  order(object{"amount": usd(0)}),
		"a small currency":      order(object{"amount": object{"currency": "usd", "valueMinor": 1}}),
		"another captureMethod": order(object{"captureMethod": "later"}),
		"another method":        order(object{"paymentMethod": object{"type": "cheque"}}),
		"a method without type": order(object{"paymentMethod": object{"token": "tok"}}),
		"metadata of numbers":   order(object{"metadata": object{"a": 1}}),
		"a numeric reference":   order(object{"merchantReference": 7}),
	} {
		m.refused(m.post("/payments", name, body), http.StatusBadRequest, invalidCode)
	}
	assert.Empty(t, sim.Ledger().Entries())
	for _, method := range []string{"card", "bank_transfer", "wallet", "google_pay", "bnpl", "local", "cash", "qr", "agent_token"} {
		a := m.post("/payments", method, order(object{"paymentMethod": object{"type": method}, "unknown": true}))
		assert.Equal(t, method, a.text("data", "paymentMethodType"))
	}
	assert.Equal(t, "card", m.post("/payments", "routed", object{"amount": usd(1)}).text("data", "paymentMethodType"))
}

func TestMiracleSpeaksOfErrorsInItsOwnWords(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	for code, row := range map[string]struct {
		status int
		fault  simulator.Fault
	}{
		"REQUEST_IN_PROGRESS":   {http.StatusConflict, simulator.InFlight()},
		"DUPLICATE_TRANSACTION": {http.StatusConflict, simulator.KeyReuse()},
		"RATE_LIMITED":          {http.StatusTooManyRequests, simulator.RateLimited("1")},
		"UNAUTHORIZED":          {http.StatusUnauthorized, simulator.Unauthenticated()},
		"FORBIDDEN":             {http.StatusForbidden, simulator.Forbidden()},
		"INTERNAL_ERROR":        {http.StatusInternalServerError, simulator.InternalError()},
	} {
		sim.Script(row.fault)
		m.refused(m.post("/payments", "k", order()), row.status, code)
	}
	sim.Script(simulator.NotYetVisible(1))
	m.refused(m.get("/payments/x"), http.StatusNotFound, "NOT_FOUND")
	assert.Empty(t, sim.Ledger().Entries())

	sim, m = openMiracle(t, func(c *simulator.MiracleConfig) { c.EmptyErrors = true })
	sim.Script(simulator.KeyReuse())
	for _, status := range []int{http.StatusConflict, http.StatusBadRequest} {
		a := m.post("/payments", "k", nil)
		assert.Equal(t, status, a.status)
		assert.Empty(t, a.body)
	}
}

func TestMiracleLiesAboutKeysOnRequest(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay)
	id := m.made("/payments", "k", order())
	sim.Script(simulator.ReplayLatest())
	assert.Equal(t, "succeeded", m.post("/payments", "k", order()).text("data", "status"))
	sim.Script(simulator.ReplayAnyBody())
	assert.Equal(t, id, m.made("/payments", "k", order(manual())))
	sim.Script(simulator.ForgetKey())
	assert.NotEqual(t, id, m.made("/payments", "k", order()))
	assert.Equal(t, 2, sim.Ledger().Count("payment"))
	sim.Script(simulator.ExecuteTwice())
	m.made("/payments", "l", order())
	assert.Len(t, sim.Ledger().ByKey("l"), 2)
	sim.Script(simulator.StickyError(true))
	for range 2 {
		m.refused(m.post("/payments", "s", order()), http.StatusInternalServerError, "INTERNAL_ERROR")
	}
	assert.Len(t, sim.Ledger().ByKey("s"), 1)

	sim.Reset()
	assert.Empty(t, sim.Ledger().Entries())
	assert.Empty(t, sim.Webhooks("/"))
	assert.Equal(t, http.StatusNotFound, m.get("/payments/"+id).status)
}
