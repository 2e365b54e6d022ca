package simulator_test

import (
	"bytes"
	"encoding/json"
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

// An elebneShop is a plain client of Elebne's API: it sends once and believes
// nothing.
type elebneShop struct {
	t      *testing.T
	http   *http.Client
	base   string
	apiKey string // empty sends no credentials
}

func newElebneShop(t *testing.T, sim *simulator.Elebne) *elebneShop {
	t.Helper()
	tr := sim.Transport()
	t.Cleanup(tr.Close)
	return &elebneShop{t, &http.Client{Transport: tr}, "https://api.elebne.ai", "sk_test_example"}
}

// with is the shop with other credentials.
func (m *elebneShop) with(apiKey string) *elebneShop {
	other := *m
	other.apiKey = apiKey
	return &other
}

func (m *elebneShop) request(method, path, key string, body any) *http.Request {
	m.t.Helper()
	var data []byte
	switch b := body.(type) {
	case nil:
	case string:
		data = []byte(b)
	default:
		var err error
		data, err = json.Marshal(b)
		require.NoError(m.t, err)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.base+"/api/v1"+path, bytes.NewReader(data))
	require.NoError(m.t, err)
	r.GetBody = nil
	r.Header.Set("Content-Type", "application/json")
	if m.apiKey != "" {
		r.Header.Set("Authorization", "Bearer "+m.apiKey)
	}
	if key != "" {
		r.Header.Set("X-Idempotency-Key", key)
	}
	return r
}

func (m *elebneShop) do(r *http.Request) answered {
	m.t.Helper()
	res, err := m.http.Do(r)
	require.NoError(m.t, err)
	return readAnswer(m.t, res)
}

func (m *elebneShop) send(method, path, key string, body any) answered {
	m.t.Helper()
	return m.do(m.request(method, path, key, body))
}

func (m *elebneShop) get(path string) answered {
	m.t.Helper()
	return m.send(http.MethodGet, path, "", nil)
}

func (m *elebneShop) post(path, key string, body any) answered {
	m.t.Helper()
	return m.send(http.MethodPost, path, key, body)
}

// ask makes an intent and returns its reference.
func (m *elebneShop) ask(key string, changes ...object) string {
	m.t.Helper()
	a := m.post("/dev/intents", key, elebneIntent(changes...))
	require.Equal(m.t, http.StatusCreated, a.status, a.body)
	return a.text("data", "referenceNumber")
}

func (m *elebneShop) status(reference string) string {
	m.t.Helper()
	return m.get("/dev/intents/"+reference).text("data", "status")
}

// elebneIntent is a good create request; changes are members to replace.
func elebneIntent(changes ...object) object {
	p := object{
		"amount": 50000, "label": "order-12345", "metadata": object{"order": "12345"},
		"success_url": "https://shop.example/paid", "cancel_url": "https://shop.example/back",
	}
	for _, c := range changes {
		maps.Copy(p, c)
	}
	return p
}

// secondForm checks an error from behind the key check.
func secondForm(t *testing.T, a answered, status int, code string) {
	t.Helper()
	assert.Equal(t, status, a.status, a.body)
	assert.Equal(t, false, a.doc()["success"])
	assert.Equal(t, code, a.text("error", "error"))
	assert.NotEmpty(t, a.text("error", "message"))
	assert.NotContains(t, a.body, "statusCode")
}

// firstForm checks an error of the gates before the key check.
func firstForm(t *testing.T, a answered, status int, code string) {
	t.Helper()
	assert.Equal(t, status, a.status, a.body)
	assert.Equal(t, false, a.doc()["success"])
	assert.Equal(t, code, a.text("error", "code"))
	assert.NotEmpty(t, a.text("error", "message"))
	assert.InDelta(t, status, a.doc()["error"].(object)["statusCode"], 0)
}

// elebneWrites are the endpoints that need a key, as the idempotency page and the
// inventory guide list them.
func elebneWrites() [][2]string {
	return [][2]string{
		{http.MethodPost, "/dev/intents"},
		{http.MethodPost, "/dev/intents/PI-3X/cancel"},
		{http.MethodPost, "/dev/intents/PI-3X/refund"},
		{http.MethodPost, "/dev/intents/PI-3X/simulate-payment"},
		{http.MethodPost, "/dev/store/products"},
		{http.MethodPut, "/dev/store/products/1"},
		{http.MethodDelete, "/dev/store/products/1"},
		{http.MethodPatch, "/dev/store/products/1/stock"},
		{http.MethodPatch, "/dev/store/products/1/variants/2/stock"},
		{http.MethodPost, "/dev/store/products/import-csv"},
		{http.MethodPost, "/dev/webhooks/endpoints"},
		{http.MethodPut, "/dev/webhooks/endpoints/1"},
		{http.MethodDelete, "/dev/webhooks/endpoints/1"},
		{http.MethodPost, "/dev/webhooks/endpoints/1/test"},
	}
}

func TestElebneWantsAKeyOnEveryWrite(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{KeepRefusals: true})
	m := newElebneShop(t, sim)
	for _, w := range elebneWrites() {
		firstForm(t, m.send(w[0], w[1], "", object{}), http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")
		a := m.send(w[0], w[1], "k "+w[0]+w[1], object{})
		assert.NotContains(t, a.body, "Route", w)
		assert.NotContains(t, a.body, "IDEMPOTENCY", w)
	}
	wrong := m.request(http.MethodPost, "/dev/intents", "", elebneIntent())
	wrong.Header.Set("Idempotency-Key", key(1))
	firstForm(t, m.do(wrong), http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED")

	firstForm(t, m.post("/dev/intents", strings.Repeat("k", 256), elebneIntent()), http.StatusBadRequest, "IDEMPOTENCY_KEY_INVALID")
	assert.Zero(t, sim.Ledger().Count("payment"))
	m.ask(strings.Repeat("é", 255))
	assert.Equal(t, strings.Repeat("é", 255), sim.Ledger().Entries()[len(sim.Ledger().Entries())-1].Key)
}

func TestElebneGivesTheStoredAnswerToAnotherBody(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	first := m.post("/dev/intents", key(1), elebneIntent())
	for _, body := range []any{elebneIntent(), elebneIntent(object{"amount": 1}), "{", nil} {
		again := m.post("/dev/intents", key(1), body)
		assert.Equal(t, first.status, again.status)
		assert.Equal(t, first.body, again.body, "silently")
		assert.Equal(t, first.header, again.header, "no header marks a replay")
	}
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
	log := sim.Requests()
	assert.True(t, log[0].Executed)
	assert.False(t, log[1].Executed)
	assert.True(t, log[1].Replayed)
	assert.Equal(t, key(1), log[1].Key)
}

func TestElebneScopesKeysByAPIKeyMethodAndPath(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{SecretKeys: []string{"sk_test_example", "sk_test_other"}})
	m := newElebneShop(t, sim)
	one := m.ask(key(1))
	two := m.with("sk_test_other").ask(key(1))
	assert.NotEqual(t, one, two, "rotating the API key makes a retry a new operation")
	assert.Len(t, sim.Ledger().ByKey(key(1)), 2)

	assert.Equal(t, one, m.post("/dev/intents/"+one+"/cancel", key(1), nil).text("data", "referenceNumber"))
	assert.Equal(t, two, m.post("/dev/intents/"+two+"/cancel", key(1), nil).text("data", "referenceNumber"), "the concrete path")
	assert.Equal(t, 2, sim.Ledger().Count("cancel"))
	assert.Equal(t, one, m.ask(key(1)), "still stored for its own path")

	id := m.post("/dev/store/products", key(2), object{"name": "Thieb", "price": 100}).text("data", "id")
	assert.Equal(t, http.StatusOK, m.send(http.MethodPut, "/dev/store/products/"+id, key(2), object{"price": 200}).status)
	assert.Equal(t, http.StatusOK, m.send(http.MethodDelete, "/dev/store/products/"+id, key(2), nil).status, "the method counts")
	assert.Equal(t, 1, sim.Ledger().Count("product_deletion"))
}

func TestElebneKeysDieAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.NewElebne(simulator.ElebneConfig{})
		m := newElebneShop(t, sim)
		first := m.ask(key(1))
		pass(t, 24*time.Hour-time.Second)
		assert.Equal(t, first, m.ask(key(1)))
		pass(t, time.Second)
		assert.NotEqual(t, first, m.ask(key(1)), "the replay a second ago did not prolong it")
		assert.Equal(t, 2, sim.Ledger().Count("payment"))
		sim.PruneKeys()
		m.ask(key(1))
		assert.Len(t, sim.Ledger().ByKey(key(1)), 3)

		sim = simulator.NewElebne(simulator.ElebneConfig{KeyLife: time.Minute})
		m = newElebneShop(t, sim)
		m.ask(key(1))
		pass(t, time.Minute)
		m.ask(key(1))
		assert.Equal(t, 2, sim.Ledger().Count("payment"))
	})
}

func TestElebneReplaysAStalePending(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 4, 10, 30, 0, 0, time.UTC)
	sim := simulator.NewElebne(simulator.ElebneConfig{Now: func() time.Time { return now }, KeyLife: 25 * time.Hour})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	require.NoError(t, sim.Pay(ref))
	assert.Equal(t, "PENDING", m.post("/dev/intents", key(1), elebneIntent()).text("data", "status"))
	sim.Script(simulator.ReplayLatest())
	assert.Equal(t, "PAID", m.post("/dev/intents", key(1), elebneIntent()).text("data", "status"))
	assert.Equal(t, "PAID", m.status(ref))

	m.ask(key(2))
	now = now.Add(24 * time.Hour)
	sim.Script(simulator.ReplayLatest())
	assert.Equal(t, "CANCELLED", m.post("/dev/intents", key(2), elebneIntent()).text("data", "status"))
}

func TestElebneAnswersConflictWhileAKeyIsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simulator.NewElebne(simulator.ElebneConfig{})
		m := newElebneShop(t, sim)
		sim.Script(simulator.HoldKey(10 * time.Second))
		var (
			group sync.WaitGroup
			first answered
		)
		group.Go(func() { first = m.post("/dev/intents", key(1), elebneIntent()) })
		synctest.Wait()
		secondForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusConflict, "IDEMPOTENCY_KEY_IN_USE")
		secondForm(t, m.post("/dev/intents", key(1), elebneIntent(object{"amount": 1})), http.StatusConflict, "IDEMPOTENCY_KEY_IN_USE")
		group.Wait()
		assert.Equal(t, first.body, m.post("/dev/intents", key(1), elebneIntent()).body)
		assert.Equal(t, 1, sim.Ledger().Count("payment"))
	})
}

func TestElebneKeepsRefusalsIfAsked(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		sim := simulator.NewElebne(simulator.ElebneConfig{KeepRefusals: keep})
		m := newElebneShop(t, sim)
		secondForm(t, m.post("/dev/intents", key(1), elebneIntent(object{"amount": 0})), http.StatusBadRequest, "VALIDATION_ERROR")
		assert.Equal(t, keep, m.post("/dev/intents", key(1), elebneIntent()).status == http.StatusBadRequest)

		ref := m.ask(key(2))
		early := m.post("/dev/intents/"+ref+"/refund", key(3), nil)
		secondForm(t, early, http.StatusConflict, "INVALID_STATE")
		require.NoError(t, sim.Pay(ref))
		assert.Equal(t, keep, m.post("/dev/intents/"+ref+"/refund", key(3), nil).body == early.body)

		firstForm(t, m.with("sk_test_wrong").post("/dev/intents", key(4), elebneIntent()), http.StatusUnauthorized, "INVALID_API_KEY")
		m.ask(key(4)) // what the gates refuse is never stored
	}
}

func TestElebneWithoutDedupePaysTwice(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{NoDedupe: true})
	m := newElebneShop(t, sim)
	first := m.ask(key(1))
	assert.NotEqual(t, first, m.ask(key(1)))
	assert.Len(t, sim.Ledger().ByKey(key(1)), 2)
}

func TestElebneChecksCredentials(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	for header, code := range map[string]string{
		"":                         "MISSING_CREDENTIALS",
		"sk_test_example":          "INVALID_AUTH_HEADER",
		"Basic sk_test_example":    "INVALID_AUTH_HEADER",
		"bearer sk_test_example":   "INVALID_AUTH_HEADER",
		"Bearer  sk_test_example":  "INVALID_AUTH_HEADER",
		"Bearer sk_test_example x": "INVALID_AUTH_HEADER",
		"Bearer sk_test_wrong":     "INVALID_API_KEY",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := m.with("").request(method, "/dev/intents", key(1), elebneIntent())
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			firstForm(t, m.do(r), http.StatusUnauthorized, code)
		}
	}
	reader := m.with("pk_test_example")
	ref := m.ask(key(1))
	assert.Equal(t, "PENDING", reader.status(ref))
	for _, w := range elebneWrites() {
		firstForm(t, reader.send(w[0], w[1], key(2), object{}), http.StatusForbidden, "SECRET_KEY_REQUIRED")
	}
	assert.Len(t, sim.Ledger().Entries(), 1)
	for _, path := range []string{"/dev/nothing", "/dev/dev/intents", "/intents", "/dev/intents/"} {
		secondForm(t, m.get(path), http.StatusNotFound, "NOT_FOUND")
	}
	r := m.request(http.MethodGet, "/dev/intents", "", nil)
	r.URL.Path = "/dev/intents"
	secondForm(t, m.do(r), http.StatusNotFound, "NOT_FOUND")
}

func TestElebneKeysAreRevokedAndAdded(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	sim.AddKey("sk_test_new")
	sim.RevokeKey("sk_test_example")
	firstForm(t, m.get("/dev/intents/"+ref), http.StatusUnauthorized, "INVALID_API_KEY")
	firstForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusUnauthorized, "INVALID_API_KEY")
	assert.Equal(t, "PENDING", m.with("sk_test_new").status(ref))
	assert.NotEqual(t, ref, m.with("sk_test_new").ask(key(1)), "the key is of another scope")
	sim.AddKey("sk_test_example")
	assert.Equal(t, ref, m.ask(key(1)), "what was stored for the old API key is still there")
}

func TestElebneSpeaksItsOwnWordsUnderFaults(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{})
	m := newElebneShop(t, sim)
	sim.Script(simulator.RateLimited("23"))
	limited := m.post("/dev/intents", key(1), elebneIntent())
	firstForm(t, limited, http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED")
	assert.Equal(t, "23", limited.header.Get("Retry-After"))
	sim.Script(simulator.Unauthenticated(), simulator.Forbidden(), simulator.InternalError(), simulator.InFlight(), simulator.KeyReuse())
	firstForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusUnauthorized, "INVALID_API_KEY")
	firstForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusForbidden, "API_ACCESS_NOT_ACTIVE")
	firstForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusInternalServerError, "INTERNAL_ERROR")
	secondForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusConflict, "IDEMPOTENCY_KEY_IN_USE")
	secondForm(t, m.post("/dev/intents", key(1), elebneIntent()), http.StatusConflict, "IDEMPOTENCY_KEY_REUSED")
	assert.Empty(t, sim.Ledger().Entries())

	sim.Script(simulator.StickyError(true))
	firstForm(t, m.post("/dev/intents", key(2), elebneIntent()), http.StatusInternalServerError, "INTERNAL_ERROR")
	firstForm(t, m.post("/dev/intents", key(2), elebneIntent()), http.StatusInternalServerError, "INTERNAL_ERROR")
	assert.Len(t, sim.Ledger().ByKey(key(2)), 1)
	sim.Script(simulator.ExecuteTwice())
	ref := m.ask(key(3))
	assert.Len(t, sim.Ledger().ByKey(key(3)), 2)
	sim.Script(simulator.NotYetVisible(1))
	secondForm(t, m.get("/dev/intents/"+ref), http.StatusNotFound, "NOT_FOUND")
	assert.Equal(t, "PENDING", m.status(ref))
}

func TestElebneResetForgetsEverything(t *testing.T) {
	t.Parallel()
	sim := simulator.NewElebne(simulator.ElebneConfig{RateLimits: true})
	m := newElebneShop(t, sim)
	ref := m.ask(key(1))
	sim.RevokeKey("sk_test_example")
	sim.Reset()
	assert.Empty(t, sim.Ledger().Entries())
	assert.Empty(t, sim.Webhooks("/"))
	assert.Empty(t, sim.PaymentStatus(ref))
	assert.Equal(t, "60", m.get("/dev/intents/"+ref).header.Get("X-Ratelimit-Limit"))
	assert.NotEqual(t, ref, m.ask(key(1)))
	assert.Equal(t, "18", m.post("/dev/intents", key(1), nil).header.Get("X-Ratelimit-Remaining"))
}
