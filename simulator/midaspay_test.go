package simulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

var midasNow = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// A midasMerchant is a plain client of the API: it sends once and believes nothing.
type midasMerchant struct {
	t      *testing.T
	http   *http.Client
	now    func() time.Time
	serial string
	sign   func(message []byte) []byte
}

func newMidasPay(t *testing.T, change ...func(*simulator.MidasPayConfig)) (*simulator.MidasPay, *midasMerchant) {
	t.Helper()
	cfg := simulator.MidasPayConfig{VerifySignature: verifyMidasStandIn, Now: func() time.Time { return midasNow }}
	for _, c := range change {
		c(&cfg)
	}
	sim := simulator.NewMidasPay(cfg)
	tr := sim.Transport()
	t.Cleanup(tr.Close)
	return sim, &midasMerchant{t: t, http: &http.Client{Transport: tr}, now: cfg.Now, serial: "SERIAL1", sign: standIn}
}

// midasCredentials are the parameters of an Authorization header.
type midasCredentials struct{ id, kind, nonce, timestamp, serial string }

const midasQuoted = `auth_id="%s",auth_id_type=%s,nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`

func (m *midasMerchant) credentials() midasCredentials {
	return midasCredentials{"merchant123456", "MERCHANT_ID", "593BEC0C930BF1AFEB40B4A08C8FB242", fmt.Sprint(m.now().Unix()), m.serial}
}

func (c midasCredentials) message(method, target, body string) string {
	return method + "\n" + target + "\n" + c.timestamp + "\n" + c.nonce + "\n" + body + "\n"
}

func (c midasCredentials) header(layout string, signature []byte) string {
	return "TXGW-SHA256-RSA2048 " + fmt.Sprintf(layout, c.id, c.kind, c.nonce, c.timestamp, c.serial, base64.StdEncoding.EncodeToString(signature))
}

func (m *midasMerchant) encode(body any) string {
	m.t.Helper()
	if text, ok := body.(string); ok {
		return text
	}
	data, err := json.Marshal(body)
	require.NoError(m.t, err)
	return string(data)
}

func (m *midasMerchant) request(method, target, body, authorization string) *http.Request {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), method, "https://sandbox-pay.centauriglobal.com"+target, bytes.NewReader([]byte(body)))
	require.NoError(m.t, err)
	r.GetBody = nil // net/http must not send again by itself
	r.Header.Set("Authorization", authorization)
	return r
}

func (m *midasMerchant) sendSigned(method, target, body, authorization string) answered {
	m.t.Helper()
	res, err := m.http.Do(m.request(method, target, body, authorization))
	require.NoError(m.t, err)
	return readAnswer(m.t, res)
}

func (m *midasMerchant) authorize(method, target, body string) string {
	c := m.credentials()
	return c.header(midasQuoted, m.sign([]byte(c.message(method, target, body))))
}

func (m *midasMerchant) post(path string, body any) answered {
	m.t.Helper()
	text := m.encode(body)
	return m.sendSigned(http.MethodPost, path, text, m.authorize(http.MethodPost, path, text))
}

func (m *midasMerchant) get(target string) answered {
	m.t.Helper()
	return m.sendSigned(http.MethodGet, target, "", m.authorize(http.MethodGet, target, ""))
}

// order creates an order and returns its id.
func (m *midasMerchant) order(reference, value string) string {
	m.t.Helper()
	a := m.post("/v1/payment/orders", midasOrderOf(reference, value))
	require.Equal(m.t, http.StatusOK, a.status, a.body)
	return a.text("id")
}

func (m *midasMerchant) status(id string) string {
	m.t.Helper()
	return m.post("/v1/payment/query", object{"id": id}).text("status")
}

// midasOrderOf is a good create request; changes are members to replace.
func midasOrderOf(reference, value string, changes ...object) object {
	o := object{
		"reference_id":        reference,
		"application_context": object{"payment_method": object{"name": "CREDIT_CARD"}, "region_code": "DE"},
		"purchase_units":      []any{midasUnit(reference+"_item1", value)},
	}
	for _, c := range changes {
		maps.Copy(o, c)
	}
	return o
}

func midasUnit(reference, value string) object {
	return object{"reference_id": reference, "amount": midasUSD(value)}
}

func midasUSD(value string) object { return object{"currency_code": "USD", "value": value} }

func TestMidasPayOrderIsPaidAndRefunded(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	created := m.post("/v1/payment/orders", midasOrderOf("order-1", "10.00"))
	assert.Equal(t, "CREATED", created.text("status"))
	assert.Equal(t, "order-1", created.text("reference_id"))
	assert.Equal(t, "2026-01-02T11:04:05+08:00", created.text("create_time"))
	id := created.text("id")
	for _, status := range []string{"PAYER_ACTION_REQUIRED", "APPROVED", "A_STATUS_OF_TOMORROW"} {
		require.NoError(t, sim.MovePayment(id, status))
		assert.Equal(t, status, m.status(id))
	}
	require.Error(t, sim.Pay(id), "not from a status that nobody knows")
	require.NoError(t, sim.MovePayment(id, "APPROVED"))
	refund := func(reference string, changes object) answered {
		body := object{"reference_id": reference, "id": id}
		maps.Copy(body, changes)
		return m.post("/v1/payment/orders/refund", body)
	}
	assert.Equal(t, "INVALID_STATUS", refund("rma-0", nil).text("name"))
	require.NoError(t, sim.Pay(id))
	require.Error(t, sim.Pay(id))
	require.Error(t, sim.ExpirePayment(id))

	part := refund("rma-1", object{"amount": midasUSD("4.00")})
	assert.Equal(t, "REFUNDING", part.text("status"))
	assert.Equal(t, "4.00", part.text("amount", "value"))
	assert.Equal(t, "REFUNDING", m.status(id))
	require.NoError(t, sim.SettleRefund(part.text("id")))
	assert.Equal(t, "COMPLETED", m.status(id), "a part of it came back")
	for _, bad := range []object{midasUSD("6.01"), midasUSD("0.00"), {"currency_code": "EUR", "value": "1.00"}} {
		assert.Equal(t, http.StatusBadRequest, refund("rma-bad", object{"amount": bad}).status, "%v", bad)
	}
	rest := m.post("/v1/payment/orders/refund", object{"reference_id": "rma-2", "order_reference_id": "order-1"})
	assert.Equal(t, "6.00", rest.text("amount", "value"))
	assert.Equal(t, http.StatusBadRequest, refund("rma-3", nil).status, "nothing is left")
	require.NoError(t, sim.SettleRefund(rest.text("id")))
	assert.Equal(t, "REFUNDED", m.status(id))
	require.NoError(t, sim.FailRefund(rest.text("id"), "ACQUIRER_ERROR"))
	assert.Equal(t, "REFUND_REVERSED", sim.PaymentStatus(id))
	require.Error(t, sim.FailRefund(rest.text("id"), ""))
	require.Error(t, sim.SettleRefund("nobody"))
	require.NoError(t, sim.SettleRefund(refund("rma-4", nil).text("id")))
	assert.Equal(t, http.StatusNotFound, refund("rma-5", object{"id": "nobody"}).status)
	assert.Equal(t, http.StatusBadRequest, refund("rma-5", object{"id": ""}).status)

	entries := sim.Ledger().Entries()
	require.Len(t, entries, 4)
	paid, back := entries[0], entries[1]
	assert.Equal(t, []any{"payment", id, "order-1", int64(1000), "USD", "order-1"},
		[]any{paid.Kind, paid.ID, paid.Key, paid.AmountMinor, paid.Currency, paid.Reference})
	assert.Equal(t, []any{"refund", part.text("id"), "rma-1", int64(400), "USD", id},
		[]any{back.Kind, back.ID, back.Key, back.AmountMinor, back.Currency, back.PaymentID})
	sim.Reset()
	assert.Empty(t, sim.PaymentStatus(id))
}

func TestMidasPayReferenceIDIsTheKey(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	id := m.order("order-1", "10.00")
	require.NoError(t, sim.Pay(id))
	again := m.post("/v1/payment/orders", midasOrderOf("order-1", "10.00"))
	assert.Equal(t, http.StatusOK, again.status)
	assert.Equal(t, id, again.text("id"))
	assert.Equal(t, "COMPLETED", again.text("status"), "the resource as it is now")
	other := m.post("/v1/payment/orders", midasOrderOf("order-1", "10.01"))
	assert.Equal(t, http.StatusConflict, other.status)
	assert.Equal(t, "DUPLICATE_REFERENCE_ID", other.text("name"))
	for path, body := range map[string]object{ // another type of resource is another namespace
		"/v1/payment/orders/refund":        {"reference_id": "order-1", "id": id},
		"/v1/payment/orders/authorization": midasOrderOf("order-1", "10.00"),
		"/v1/card/bind":                    {"reference_id": "order-1"},
	} {
		assert.Equal(t, http.StatusOK, m.post(path, body).status, path)
	}
	assert.Equal(t, http.StatusConflict, m.post("/v1/card/token", object{"reference_id": "order-1"}).status, "cards have one namespace")
	for _, missing := range []any{object{}, object{"reference_id": ""}, object{"reference_id": 7}, "null", "", "{"} {
		assert.Equal(t, "INVALID_ARGUMENT", m.post("/v1/payment/orders", missing).text("name"), "%v", missing)
	}
	log := sim.Requests()
	assert.Equal(t, "order-1", log[0].Key)
	assert.True(t, log[1].Replayed)
	assert.False(t, log[1].Executed)
	assert.Equal(t, 1, sim.Ledger().Count("payment"))

	body := m.encode(midasOrderOf("order-2", "1.00"))
	for range 2 { // the header that other providers have is ignored
		r := m.request(http.MethodPost, "/v1/payment/orders", body, m.authorize(http.MethodPost, "/v1/payment/orders", body))
		r.Header.Set("Idempotency-Key", fmt.Sprint(len(sim.Requests())))
		res, err := m.http.Do(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, readAnswer(t, res).status)
	}
	assert.Len(t, sim.Ledger().ByKey("order-2"), 1)
}

func TestMidasPayRemembersForEverUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for life, paid := range map[time.Duration]int{0: 1, 24 * time.Hour: 2} {
		now := midasNow
		sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) {
			c.KeyLife, c.Now = life, func() time.Time { return now }
		})
		m.order("order-1", "1.00")
		now = midasNow.Add(24*time.Hour - time.Second)
		m.order("order-1", "1.00")
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
		now = midasNow.Add(24 * time.Hour)
		m.order("order-1", "1.00")
		now = midasNow.AddDate(10, 0, 0)
		sim.PruneKeys()
		assert.Equal(t, paid, sim.Ledger().Count("payment"))
	}
	sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) { c.NoDedupe = true })
	m.order("order-1", "1.00")
	m.order("order-1", "1.00")
	assert.Len(t, sim.Ledger().ByKey("order-1"), 2)
}

func TestMidasPayMayCallItsOwnReplayADuplicate(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) { c.ReplayConflicts = true })
	id := m.order("order-1", "1.00")
	again := m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00"))
	assert.Equal(t, http.StatusConflict, again.status)
	assert.Equal(t, "DUPLICATE_REFERENCE_ID", again.text("name"))
	assert.Equal(t, id, m.post("/v1/payment/query", object{"reference_id": "order-1"}).text("id"))
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestMidasPayKeyInFlightHasANameThatNobodyKnows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim, m := newMidasPay(t)
		sim.Script(simulator.HoldKey(time.Second))
		var group sync.WaitGroup
		group.Go(func() { m.order("order-1", "1.00") })
		synctest.Wait()
		early := m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00"))
		assert.Equal(t, http.StatusConflict, early.status)
		assert.Equal(t, "REQUEST_IN_PROCESS", early.text("name"))
		group.Wait()
		m.order("order-1", "1.00")
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
		m.http.CloseIdleConnections()
	})
}

func TestMidasPayDeclinesByAnError(t *testing.T) {
	t.Parallel()
	declines := func(c *simulator.MidasPayConfig) {
		c.DeclineAmounts = map[int64]string{1: "BALANCE_NOT_ENOUGH", 2: "CANCELLED", 3: "AVS_DECLINED", 4: "ACCOUNT_NOT_EXIST", 5: "CHANNEL_MARKETING_BUDGET_LIMITED"}
		c.AutoPay = true
	}
	sim, m := newMidasPay(t, declines)
	for i, status := range []int{409, 408, 400, 404, 429} {
		value := fmt.Sprintf("0.0%d", i+1)
		first := m.post("/v1/payment/orders", midasOrderOf(value, value))
		assert.Equal(t, status, first.status, first.body)
		again := m.post("/v1/payment/orders", midasOrderOf(value, value))
		assert.Equal(t, first.text("name"), again.text("name"))
		assert.NotEqual(t, first.text("debug_id"), again.text("debug_id"))
		other := m.post("/v1/payment/orders", midasOrderOf(value, "1.00"))
		assert.Equal(t, "DUPLICATE_REFERENCE_ID", other.text("name"), "a decline uses up the id")
	}
	assert.Empty(t, sim.Ledger().Entries(), "no order is made")
	assert.Equal(t, http.StatusNotFound, m.post("/v1/payment/query", object{"reference_id": "0.01"}).status)
	assert.Equal(t, "COMPLETED", m.status(m.order("order-1", "10.00")), "the payer came at once")

	sim, m = newMidasPay(t, declines, func(c *simulator.MidasPayConfig) { c.DeclinesFreeID = true })
	assert.Equal(t, http.StatusConflict, m.post("/v1/payment/orders", midasOrderOf("order-1", "0.01")).status)
	m.order("order-1", "1.00")
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestMidasPayRefusalsFreeTheReferenceUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	for keep, status := range map[bool]int{false: http.StatusOK, true: http.StatusConflict} {
		sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) { c.KeepRefusals = keep })
		assert.Equal(t, http.StatusBadRequest, m.post("/v1/payment/orders", midasOrderOf("order-1", "1.0")).status)
		assert.Equal(t, http.StatusBadRequest, m.post("/v1/payment/orders", midasOrderOf("order-1", "1.0")).status)
		assert.Equal(t, status, m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00")).status)
		for value, fault := range map[string]simulator.Fault{"1.00": simulator.StickyError(false), "1.0": simulator.StickyError(true)} {
			sim.Script(fault)
			for range 2 {
				a := m.post("/v1/payment/orders", midasOrderOf("sticky-"+value, value))
				assert.Equal(t, "INTERNAL_ERROR", a.text("name"), "what a fault stores stays")
			}
		}
	}
}

func TestMidasPayRefusesBadBodies(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	units := func(u ...any) object { return midasOrderOf("r", "1.00", object{"purchase_units": u}) }
	money := func(currency string, value any) object {
		return units(object{"amount": object{"currency_code": currency, "value": value}})
	}
	bad := map[string]object{
		"no units": units(), "a region": midasOrderOf("r", "1.00", object{"application_context": object{"region_code": "de"}}),
		"a payer": midasOrderOf("r", "1.00", object{"payer": object{"payer_type": "X"}}), "no amount": units(object{}),
		"units without ids": units(object{"amount": midasUSD("1.00")}, midasUnit("a", "1.00")),
		"two currencies":    units(midasUnit("a", "1.00"), object{"reference_id": "b", "amount": object{"currency_code": "EUR", "value": "1.00"}}),
		"too much":          units(midasUnit("a", "92233720368547758.07"), midasUnit("b", "0.01")),
		"a number":          money("USD", 1), "a currency": money("usd", "1.00"), "yen with decimals": money("JPY", "100.00"),
		"yen with a point": money("JPY", "100."), "dinars": money("TND", "1.00"),
	}
	for _, value := range []string{"-1.00", "+1.00", "1.", "1", "1.000", "1e2", "1,00", " 1.00", "", "-0.00", "92233720368547758.08", "one"} {
		bad[value] = money("USD", value)
	}
	for name, body := range bad {
		a := m.post("/v1/payment/orders", body)
		assert.Equal(t, http.StatusBadRequest, a.status, name)
		assert.Equal(t, "INVALID_ARGUMENT", a.text("name"), name)
		assert.Contains(t, a.body, "type.apis.com/rpc.BadRequest.FieldViolation", name)
	}
	twice := m.post("/v1/payment/orders", units(midasUnit("a", "1.00"), midasUnit("a", "1.00")))
	assert.Equal(t, http.StatusBadRequest, twice.status)
	assert.Equal(t, "DUPLICATE_SUB_REFERENCE_ID", twice.text("name"))
	assert.Equal(t, http.StatusForbidden, m.post("/v1/payment/orders", midasOrderOf("r", "1.00", object{"merchant_id": "other"})).status)
	assert.Empty(t, sim.Ledger().Entries())

	for i, good := range []object{money("JPY", "100"), money("TND", "0.100"), money("USD", "1.00"), money("USD", ".50"), units(midasUnit("a", "0.50"), midasUnit("b", "0.25"))} {
		good["reference_id"] = fmt.Sprint("order-", i)
		assert.Equal(t, http.StatusOK, m.post("/v1/payment/orders", good).status, "%v", good)
	}
	minor := []int64{}
	for _, e := range sim.Ledger().Entries() {
		minor = append(minor, e.AmountMinor)
		require.NoError(t, sim.Pay(e.ID))
	}
	assert.Equal(t, []int64{100, 100, 100, 50, 75}, minor)
	for i, value := range []string{"100", "0.100", "1.00", "0.50", "0.75"} {
		a := m.post("/v1/payment/orders/refund", object{"reference_id": fmt.Sprint("rma-", i), "reference_order_id": fmt.Sprint("order-", i)})
		assert.Equal(t, value, a.text("amount", "value"))
	}
}

func TestMidasPayFindsAndVoidsByEitherID(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	id := m.order("order-1", "1.00")
	for _, by := range []object{{"id": id}, {"reference_id": "order-1"}, {"id": id, "reference_id": "order-1", "merchant_id": "merchant123456"}} {
		assert.Equal(t, id, m.post("/v1/payment/query", by).text("id"))
	}
	for _, path := range []string{"/v1/payment/query", "/v1/payment/void"} {
		missed := m.post(path, object{"id": id, "reference_id": "order-2"})
		assert.Equal(t, http.StatusNotFound, missed.status, path)
		assert.Equal(t, "NOT_FOUND", missed.text("name"), path)
		assert.Equal(t, http.StatusBadRequest, m.post(path, object{"id": ""}).status, path)
		assert.Equal(t, http.StatusForbidden, m.post(path, object{"id": id, "merchant_id": "other"}).status, path)
	}
	void := func(by object) any { return m.post("/v1/payment/void", by).doc()["succeed"] }
	assert.Equal(t, true, void(object{"reference_id": "order-1"}))
	assert.Equal(t, false, void(object{"reference_id": "order-1"}), "200 is not success by itself")
	assert.Equal(t, "VOIDED", m.status(id))
	require.Error(t, sim.Pay(id))
	paid := m.order("order-2", "1.00")
	require.NoError(t, sim.Pay(paid))
	assert.Equal(t, false, void(object{"id": paid}))
	expired := m.order("order-3", "1.00")
	require.NoError(t, sim.ExpirePayment(expired))
	assert.Equal(t, "VOIDED", m.status(expired))
	failed := m.order("order-4", "1.00")
	require.NoError(t, sim.FailPayment(failed, "CARD_DECLINED"))
	assert.Equal(t, "CARD_DECLINED", m.post("/v1/payment/query", object{"id": failed}).text("error", "name"))
	assert.Equal(t, 1, sim.Ledger().Count("cancel"))
	for _, r := range sim.Requests() {
		if strings.HasSuffix(r.Path, "/void") || strings.HasSuffix(r.Path, "/query") {
			assert.Empty(t, r.Key, "there, reference_id names the order")
		}
	}

	_, m = newMidasPay(t, func(c *simulator.MidasPayConfig) { c.QueryMissEmpty = true })
	empty := m.post("/v1/payment/query", object{"reference_id": "order-1"})
	assert.Equal(t, http.StatusOK, empty.status)
	assert.JSONEq(t, "{}", empty.body)
	assert.Equal(t, http.StatusNotFound, m.post("/v1/payment/void", object{"reference_id": "order-1"}).status)
}
