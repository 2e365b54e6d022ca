package simulator_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestElebneKeepsProducts(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	full := object{
		"name": "Thieb", "price": 50000, "description": "with fish", "categoryId": "c1", "externalId": "THIEB-001", "quantity": 3,
		"isFlexiblePrice": false, "costBasis": 100, "images": []object{{"url": "https://shop.example/1.png", "sortOrder": 1}},
		"variants":        []object{{"type": "SIZE", "label": "Large", "priceAdjustment": -100, "quantity": 1}, {"type": "SIZE", "label": "Small"}},
		"options":         []object{{"name": "spicy", "priceAdjustment": 0}},
		"preparationTime": object{"value": 20, "unit": "minutes"},
	}
	a := m.post("/dev/store/products", key(1), full)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	assert.Equal(t, "DISABLED", a.text("data", "status"), "the default")
	id := a.text("data", "id")
	assert.Equal(t, id, m.post("/dev/store/products", key(1), full).text("data", "id"))
	assert.Equal(t, 1, sim.Ledger().Count("product"))

	product := "/dev/store/products/" + id
	update := m.send(http.MethodPut, product, key(2), object{"status": "ACTIVE"})
	assert.Equal(t, "ACTIVE", update.text("data", "status"))
	assert.Equal(t, "Thieb", update.text("data", "name"), "what was left out stays")

	stock := m.send(http.MethodPatch, "/dev/store/products/THIEB-001/stock", key(3),
		object{"quantity": 9, "variants": []object{{"label": "LARGE", "quantity": 7}}})
	require.Equal(t, http.StatusOK, stock.status, stock.body)
	data := stock.doc()["data"].(object)
	assert.InDelta(t, 9, data["quantity"], 0)
	large := data["variants"].([]any)[0].(object)
	assert.InDelta(t, 7, large["quantity"], 0)
	variant := m.send(http.MethodPatch, product+"/variants/"+large["id"].(string)+"/stock", key(4), object{"quantity": 5})
	assert.InDelta(t, 5, variant.doc()["data"].(object)["variants"].([]any)[0].(object)["quantity"], 0)
	assert.Equal(t, 2, sim.Ledger().Count("stock"))

	secondForm(t, m.send(http.MethodPatch, product+"/variants/x/stock", key(5), object{"quantity": 5}), http.StatusNotFound, "NOT_FOUND")
	unknown := object{"quantity": 1, "variants": []object{{"label": "Small", "quantity": 2}, {"label": "Huge", "quantity": 1}}}
	secondForm(t, m.send(http.MethodPatch, product+"/stock", key(6), unknown), http.StatusBadRequest, "VALIDATION_ERROR")
	after := m.send(http.MethodPut, product, key(7), object{}).doc()["data"].(object)
	assert.InDelta(t, 9, after["quantity"], 0, "nothing of it was done")
	assert.Nil(t, after["variants"].([]any)[1].(object)["quantity"])
	assert.Equal(t, large["id"], after["variants"].([]any)[0].(object)["id"])

	assert.Equal(t, http.StatusOK, m.send(http.MethodDelete, product, key(8), nil).status)
	assert.Equal(t, 1, sim.Ledger().Count("product"))
	assert.Equal(t, 2, sim.Ledger().Count("product_update"))
	assert.Equal(t, 1, sim.Ledger().Count("product_deletion"))
	for method, path := range map[string]string{
		http.MethodDelete: product, http.MethodPut: product, http.MethodPatch: product + "/stock",
	} {
		secondForm(t, m.send(method, path, key(9), object{}), http.StatusNotFound, "NOT_FOUND")
	}
	secondForm(t, m.send(http.MethodPatch, product+"/variants/x/stock", key(9), object{"quantity": 1}), http.StatusNotFound, "NOT_FOUND")
}

func TestElebneRefusesBadProducts(t *testing.T) {
	t.Parallel()
	m := newElebneShop(t, simulator.NewElebne(simulator.ElebneConfig{}))
	id := m.post("/dev/store/products", key(1), object{"name": "Thieb", "price": 1}).text("data", "id")
	for i, row := range []struct {
		method, path string
		body         object
	}{
		{http.MethodPost, "", object{"price": 1}},
		{http.MethodPost, "", object{"name": "x"}},
		{http.MethodPost, "", object{"name": "x", "price": 5.5}},
		{http.MethodPost, "", object{"name": "x", "price": 1, "externalId": strings.Repeat("x", 257)}},
		{http.MethodPost, "", object{"name": "x", "price": 1, "status": "HIDDEN"}},
		{http.MethodPost, "", object{"name": "x", "price": 1, "variants": []object{{"type": "SIZE"}}}},
		{http.MethodPost, "", object{"name": "x", "price": 1, "preparationTime": object{"value": 1, "unit": "weeks"}}},
		{http.MethodPut, "/" + id, object{"price": "1"}},
		{http.MethodPatch, "/" + id + "/stock", object{"quantity": -1}},
		{http.MethodPatch, "/" + id + "/stock", object{"variants": []object{{"label": "L"}}}},
		{http.MethodPatch, "/" + id + "/variants/x/stock", object{}},
	} {
		a := m.send(row.method, "/dev/store/products"+row.path, key(10+i), row.body)
		secondForm(t, a, http.StatusBadRequest, "VALIDATION_ERROR")
	}
}

func TestElebneTakesAnyImport(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	csv := "name,price\nThieb,500.00\n"
	first := m.post("/dev/store/products/import-csv", key(1), csv)
	require.Equal(t, http.StatusOK, first.status, first.body)
	assert.Equal(t, first.body, m.post("/dev/store/products/import-csv", key(1), csv).body)
	assert.Equal(t, http.StatusOK, m.post("/dev/store/products/import-csv", key(2), object{"csv": csv}).status)
	assert.Equal(t, 2, sim.Ledger().Count("import"))
	assert.Equal(t, csv, string(sim.Requests()[0].Body))

	template := m.with("pk_test_example").get("/dev/store/products/import/template")
	assert.Equal(t, "name,price,description,sku,quantity,image_url\n", template.text("data", "csv"))
	assert.Equal(t, "products-template.csv", template.text("data", "filename"))
}

func TestElebneHasFiveWebhookEndpoints(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	hook := object{"url": "https://shop.example/hooks", "events": []string{"payment.created", "payment.confirmed"}}
	first := m.post("/dev/webhooks/endpoints", key(1), hook)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	data := first.doc()["data"].(object)
	assert.Equal(t, hook["url"], data["url"])
	assert.Equal(t, []any{"payment.created", "payment.confirmed"}, data["events"])
	assert.Equal(t, true, data["active"])
	secret := first.text("data", "secret")
	assert.Regexp(t, "^[0-9a-f]{64}$", secret)
	for i := range 4 {
		a := m.post("/dev/webhooks/endpoints", key(2+i), object{"url": fmt.Sprintf("https://shop.example/%d", i), "events": []string{"order.new"}})
		require.Equal(t, http.StatusCreated, a.status)
	}
	secondForm(t, m.post("/dev/webhooks/endpoints", key(6), hook), http.StatusConflict, "WEBHOOK_LIMIT_REACHED")
	assert.Equal(t, first.body, m.post("/dev/webhooks/endpoints", key(1), hook).body, "a retry takes no slot")
	for i, bad := range []object{{"events": []string{"x"}}, {"url": "https://shop.example"}, {"url": "https://shop.example", "events": []string{}}} {
		secondForm(t, m.post("/dev/webhooks/endpoints", key(20+i), bad), http.StatusBadRequest, "VALIDATION_ERROR")
	}

	endpoint := "/dev/webhooks/endpoints/" + first.text("data", "id")
	assert.Equal(t, http.StatusOK, m.post(endpoint+"/test", key(7), nil).status)
	deliveries := sim.Webhooks("/hooks")
	require.Len(t, deliveries, 1)
	assert.Equal(t, hex.EncodeToString(mac([]byte(secret), deliveries[0].Body)), deliveries[0].Header.Get("X-Elebne-Signature"),
		"signed with the endpoint's own secret")
	update := m.send(http.MethodPut, endpoint, key(8), object{"active": false, "url": "https://shop.example/moved"})
	assert.Equal(t, false, update.doc()["data"].(object)["active"])
	assert.Equal(t, "https://shop.example/moved", update.text("data", "url"))
	assert.NotContains(t, update.body, secret)
	assert.Equal(t, http.StatusOK, m.send(http.MethodDelete, endpoint, key(9), nil).status)
	secondForm(t, m.send(http.MethodDelete, endpoint, key(10), nil), http.StatusNotFound, "NOT_FOUND")
	secondForm(t, m.post(endpoint+"/test", key(11), nil), http.StatusNotFound, "NOT_FOUND")
	assert.Equal(t, http.StatusCreated, m.post("/dev/webhooks/endpoints", key(12), hook).status, "the slot is free")
	assert.Equal(t, 6, sim.Ledger().Count("webhook"))
	assert.Equal(t, 1, sim.Ledger().Count("webhook_update"))
}

func mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)
}

func TestElebneWebhooksAreSignedAsConfigured(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789abcdef", 4)
	raw, err := hex.DecodeString(digits)
	require.NoError(t, err)
	for _, row := range []struct {
		cfg    simulator.ElebneConfig
		header string
		key    []byte
		encode func([]byte) string
	}{
		{simulator.ElebneConfig{}, "X-Elebne-Signature", []byte(digits), hex.EncodeToString},
		{simulator.ElebneConfig{WebhookHexKey: true}, "X-Elebne-Signature", raw, hex.EncodeToString},
		{simulator.ElebneConfig{WebhookBase64: true}, "X-Elebne-Signature", []byte(digits), base64.StdEncoding.EncodeToString},
		{simulator.ElebneConfig{WebhookHexKey: true, WebhookBase64: true, WebhookHeader: "Elebne-Sig"}, "Elebne-Sig", raw, base64.StdEncoding.EncodeToString},
	} {
		row.cfg.WebhookSecret = digits
		sim := simulator.NewElebne(row.cfg)
		newElebneShop(t, sim).ask(key(1))
		d := sim.Webhooks("/hooks")[0]
		assert.Equal(t, row.encode(mac(row.key, d.Body)), d.Header.Get(row.header))
		assert.Equal(t, "/hooks", d.Path)
	}
}

func TestElebneTellsOfEveryStep(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC)
	sim := simulator.NewElebne(simulator.ElebneConfig{
		SecretKeys: []string{"sk_test_example", "sk_live_example"}, Now: func() time.Time { return now },
	})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	require.NoError(t, sim.Pay(ref))
	m.post("/dev/intents/"+ref+"/refund", key(2), object{"amount": 1})
	m.post("/dev/intents/"+ref+"/refund", key(3), nil)
	m.post("/dev/intents/"+m.ask(key(4))+"/cancel", key(5), nil)
	require.NoError(t, sim.FailPayment(m.ask(key(6)), "x"))
	m.with("sk_live_example").ask(key(7))

	var names []string
	ids := map[string]bool{}
	deliveries := sim.Webhooks("/hooks")
	for _, d := range deliveries {
		var envelope object
		require.NoError(t, json.Unmarshal(d.Body, &envelope))
		names = append(names, envelope["event"].(string))
		assert.Equal(t, d.ID, envelope["id"])
		assert.Equal(t, "2026-04-04T10:30:00.000Z", envelope["created_at"])
		ids[d.ID] = true
	}
	assert.Equal(t, []string{
		"payment.created", "payment.confirmed", "payment.refunded", "payment.refunded", "payment.created", "payment.cancelled",
		"payment.created", "payment.failed", "payment.created",
	}, names)
	assert.Len(t, ids, len(names), "an id for each")
	assert.Empty(t, sim.Webhooks("/hooks"), "each is given once")

	var created, confirmed, live object
	require.NoError(t, json.Unmarshal(deliveries[0].Body, &created))
	require.NoError(t, json.Unmarshal(deliveries[1].Body, &confirmed))
	require.NoError(t, json.Unmarshal(deliveries[8].Body, &live))
	assert.Equal(t, true, created["sandbox"])
	assert.Equal(t, false, live["sandbox"])
	data := created["data"].(object)
	assert.Equal(t, ref, data["reference_number"])
	assert.InDelta(t, 50000, data["amount"], 0)
	assert.Equal(t, object{"order": "12345"}, data["metadata"])
	assert.Equal(t, "PENDING", data["status"])
	assert.Nil(t, data["paid_at"])
	assert.Nil(t, data["payer_phone"])
	data = confirmed["data"].(object)
	assert.Equal(t, "PAID", data["status"])
	assert.Equal(t, "2026-04-04T10:30:00.000Z", data["paid_at"])
	assert.Equal(t, "42 ** ** 78", data["payer_phone"])
	assert.InDelta(t, 1000, data["commission"].(object)["total_revenue"], 0, "2 %")
}

func TestElebneLimitsRatesByGroup(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method, path string
		limit        int
		window       time.Duration
		other        string
	}{
		{http.MethodGet, "/dev/intents", 60, time.Minute, "/dev/webhooks/endpoints"},
		{http.MethodPost, "/dev/intents", 20, time.Minute, "/dev/webhooks/endpoints"},
		{http.MethodPost, "/dev/intents/x/refund", 10, time.Minute, "/dev/webhooks/endpoints"},
		{http.MethodPost, "/dev/store/products", 30, time.Minute, "/dev/intents"},
		{http.MethodGet, "/dev/store/products/import/template", 60, time.Minute, "/dev/intents"},
		{http.MethodPatch, "/dev/store/products/x/stock", 120, time.Minute, "/dev/intents"},
		{http.MethodDelete, "/dev/store/products/x", 10, time.Minute, "/dev/intents"},
		{http.MethodPost, "/dev/store/products/import-csv", 5, time.Hour, "/dev/intents"},
		{http.MethodPost, "/dev/webhooks/endpoints", 10, time.Minute, "/dev/intents"},
		{http.MethodPost, "/dev/webhooks/endpoints/x/test", 5, time.Minute, "/dev/intents"},
	} {
		now := time.Date(2026, 4, 4, 10, 0, 20, 500_000_000, time.UTC)
		end := now.Truncate(row.window).Add(row.window)
		sim := simulator.NewElebne(simulator.ElebneConfig{RateLimits: true, Now: func() time.Time { return now }})
		m := newElebneShop(t, sim)
		for i := range row.limit {
			a := m.send(row.method, row.path, key(i), object{})
			require.NotEqual(t, http.StatusTooManyRequests, a.status, row.path)
			assert.Equal(t, fmt.Sprint(row.limit), a.header.Get("X-Ratelimit-Limit"))
			assert.Equal(t, fmt.Sprint(row.limit-1-i), a.header.Get("X-Ratelimit-Remaining"))
			assert.Equal(t, fmt.Sprint(end.Unix()), a.header.Get("X-Ratelimit-Reset"))
		}
		over := m.send(row.method, row.path, key(1), object{})
		firstForm(t, over, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
		assert.Equal(t, fmt.Sprint(int(end.Sub(now)/time.Second)+1), over.header.Get("Retry-After"), "rounded up")
		assert.Equal(t, "0", over.header.Get("X-Ratelimit-Remaining"))
		assert.NotEqual(t, http.StatusTooManyRequests, m.send(http.MethodPost, row.other, key(1), object{}).status, "of another group")
		now = end.Add(-time.Second)
		assert.Equal(t, "1", m.send(row.method, row.path, key(1), object{}).header.Get("Retry-After"))
		now = end
		assert.NotEqual(t, http.StatusTooManyRequests, m.send(row.method, row.path, key(1), object{}).status)
	}
}

func TestElebneLimitsADayToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.NewElebne(simulator.ElebneConfig{RateLimits: true})
		m := newElebneShop(t, sim)
		asked, last := 0, answered{}
		for range 12 {
			for range 20 {
				if last = m.post("/dev/intents", key(asked), elebneIntent()); last.status == http.StatusCreated {
					asked++
				}
			}
			pass(t, time.Minute)
		}
		assert.Equal(t, 200, asked)
		firstForm(t, last, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
		assert.Equal(t, "200", last.header.Get("X-Ratelimit-Limit"))
		assert.Equal(t, fmt.Sprint(86400-11*60), last.header.Get("Retry-After"), "very long")
		pass(t, 24*time.Hour-12*time.Minute)
		m.ask(key(asked))
	})
}

func TestElebneLimitsEachAddress(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 4, 10, 0, 0, 0, time.UTC)
	sim := simulator.NewElebne(simulator.ElebneConfig{RateLimits: true, Now: func() time.Time { return now }})
	from := func(address, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/dev/intents", nil)
		r.RemoteAddr = address
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		return w
	}
	for i := range 60 {
		assert.Equal(t, http.StatusOK, from(fmt.Sprintf("192.0.2.1:%d", 1000+i), "Bearer pk_test_example").Code)
	}
	assert.Equal(t, http.StatusTooManyRequests, from("192.0.2.1:1", "Bearer pk_test_example").Code)
	refused := from("192.0.2.2:1", "Bearer sk_test_wrong")
	assert.Equal(t, http.StatusUnauthorized, refused.Code)
	assert.Equal(t, "59", refused.Header().Get("X-Ratelimit-Remaining"), "on every answer")
	now = now.Add(time.Minute)
	assert.Equal(t, http.StatusOK, from("192.0.2.1:1", "Bearer pk_test_example").Code)

	off := newElebneShop(t, simulator.NewElebne(simulator.ElebneConfig{}))
	assert.Empty(t, off.get("/dev/intents").header.Get("X-Ratelimit-Limit"))
}
