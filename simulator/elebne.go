package simulator

import (
	"cmp"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// ElebneConfig configures an Elebne. The zero value works for a client with the
// secret key "sk_test_example".
type ElebneConfig struct {
	// SecretKeys read and write. Each is a dedupe scope of its own: an idempotency
	// key that came with one is new with another. The prefix sk_live_ is production,
	// any other the sandbox. Defaults to sk_test_example.
	SecretKeys []string
	// PublishableKey reads only. Defaults to pk_test_example.
	PublishableKey string
	// Now is the provider's clock. Defaults to time.Now.
	Now func() time.Time
	// KeyLife is how long an idempotency key is remembered, counted from its first
	// arrival. Defaults to the documented 24 hours.
	KeyLife time.Duration
	// NoDedupe ignores idempotency keys. It keeps a test honest: with it, a client
	// that sends twice must be seen to pay twice.
	NoDedupe bool
	// KeepRefusals stores answers of 400 and above under the key, if they come from
	// behind the key check. Whether Elebne does so is not documented.
	KeepRefusals bool
	// ConflictStatus is answered where an intent is in the wrong state. The status
	// is not documented. Defaults to 409.
	ConflictStatus int
	// AutoPay makes every payer pay right after the creation was answered with
	// PENDING.
	AutoPay bool
	// CompletedWord says COMPLETED where an intent is paid, as the sandbox page has
	// it, in place of PAID, as the intents page has it.
	CompletedWord bool
	// DeclineAmounts are the amounts in centimes whose payer fails. Elebne declines
	// nothing when an intent is made: it is PENDING, and paying makes it FAILED. No
	// place for a reason is documented, so the code is ignored.
	DeclineAmounts map[int64]string
	// PageSize is the length of a page of intents. It is not documented. Defaults
	// to 20.
	PageSize int
	// RateLimits counts requests by the documented table, per address and per
	// business, of which there is one.
	RateLimits bool
	// WebhookHeader carries the signature of a delivery. The name is not documented.
	// Defaults to X-Elebne-Signature.
	WebhookHeader string
	// WebhookSecret signs deliveries to a path that no endpoint was made for. It is
	// 64 hexadecimal digits. Defaults to a made-up one.
	WebhookSecret string
	// WebhookHexKey keys the HMAC by the 32 bytes that the secret's digits stand
	// for, in place of the digits themselves. Which it is, is not documented.
	WebhookHexKey bool
	// WebhookBase64 writes the signature in base64, in place of hexadecimal digits.
	// Which it is, is not documented.
	WebhookBase64 bool
}

// Elebne simulates Elebne's developer API, from its documentation: payment
// intents and their refunds, products, stock and webhook endpoints. The methods
// Pay, FailPayment and ExpirePayment play the payer and the clock, as does
// simulate-payment. An intent that nobody pays lapses 24 hours after its
// creation, by the simulator's clock.
//
// Another request under a known key gets the stored answer without a word, as
// documented.
//
// All methods are safe for concurrent use.
//
// Sources: https://docs.staging.elebne.ai/docs/pay-api,
// https://docs.staging.elebne.ai/en/docs/reference/idempotency,
// https://docs.staging.elebne.ai/en/docs/reference/errors.
type Elebne struct {
	*core

	cfg       ElebneConfig
	endpoints []elebneEndpoint

	mu       sync.Mutex
	secrets  map[string]bool
	used     map[elebneWindow]int
	intents  map[string]*elebneIntent
	order    []*elebneIntent // as they were made
	pending  []*elebneIntent // those that may still lapse, oldest first
	refunds  map[string]bool // by the ledger's id, and by the intent's
	products []*elebneProduct
	hooks    []map[string]any
}

var (
	_ http.Handler = (*Elebne)(nil)
	_ api          = (*Elebne)(nil)
)

// NewElebne returns a simulator with an empty ledger.
func NewElebne(cfg ElebneConfig) *Elebne {
	if cfg.SecretKeys == nil {
		cfg.SecretKeys = []string{"sk_test_example"}
	}
	cfg.PublishableKey = cmp.Or(cfg.PublishableKey, "pk_test_example")
	cfg.KeyLife = cmp.Or(cfg.KeyLife, 24*time.Hour)
	cfg.ConflictStatus = cmp.Or(cfg.ConflictStatus, http.StatusConflict)
	cfg.PageSize = cmp.Or(cfg.PageSize, 20)
	cfg.WebhookHeader = cmp.Or(cfg.WebhookHeader, "X-Elebne-Signature")
	cfg.WebhookSecret = cmp.Or(cfg.WebhookSecret, strings.Repeat("5e", 32))
	s := &Elebne{cfg: cfg, core: newCore(cfg.Now, contract{
		life: cfg.KeyLife, none: cfg.NoDedupe, anyBody: true, keepRefusals: cfg.KeepRefusals,
	})}
	s.api = s
	s.endpoints = s.table()
	s.forgetAll()
	return s
}

func (s *Elebne) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = map[string]bool{}
	for _, key := range s.cfg.SecretKeys {
		s.secrets[key] = true
	}
	s.used = map[elebneWindow]int{}
	s.intents, s.order, s.pending = map[string]*elebneIntent{}, nil, nil
	s.refunds = map[string]bool{}
	s.products, s.hooks = nil, nil
}

// AddKey makes a secret key good.
func (s *Elebne) AddKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[key] = true
}

// RevokeKey makes a secret key answer 401 INVALID_API_KEY, as a rotated one does.
func (s *Elebne) RevokeKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.secrets, key)
}

// An elebneEndpoint is one row of the API. Every write needs a key.
type elebneEndpoint struct {
	method, path string // {} stands for an id
	quota        *elebneQuota
	rule         rule // of the body; nil is any body
	run          func(q *elebneQuery) answer
}

const elebneSimulatePath = "/dev/intents/{}/simulate-payment"

// table is the API. Every endpoint not in it answers 404.
func (s *Elebne) table() []elebneEndpoint {
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	payRead, payWrite, payRefund := perMinute(60, 2000), perMinute(20, 200), perMinute(10, 100)
	storeRead, storeWrite, storeStock, storeDelete := perMinute(60, 2000), perMinute(30, 500), perMinute(120, 5000), perMinute(10, 200)
	hookWrite, hookTest := perMinute(10, 100), perMinute(5, 50)
	csv := &elebneQuota{5, time.Hour, 50}
	const (
		intents, intent    = "/dev/intents", "/dev/intents/{}"
		products, product  = "/dev/store/products", "/dev/store/products/{}"
		endpoints, webhook = "/dev/webhooks/endpoints", "/dev/webhooks/endpoints/{}"
	)
	return []elebneEndpoint{
		{post, intents, payWrite, elebneIntentRule(), s.createIntent},
		{get, intents, payRead, nil, s.listIntents},
		{get, intent, payRead, nil, s.getIntent},
		{post, intent + "/cancel", payWrite, nil, s.cancelIntent},
		{post, intent + "/refund", payRefund, elebneRefundRule(), s.refundIntent},
		{post, elebneSimulatePath, payWrite, nil, s.simulatePayment},
		{post, products, storeWrite, elebneProductRule(true), s.createProduct},
		{put, product, storeWrite, elebneProductRule(false), s.updateProduct},
		{del, product, storeDelete, nil, s.deleteProduct},
		{patch, product + "/stock", storeStock, elebneStockRule(), s.setStock},
		{patch, product + "/variants/{}/stock", storeStock, object{need("quantity", integer{})}, s.setVariantStock},
		{post, products + "/import-csv", csv, nil, s.importCSV},
		{get, products + "/import/template", storeRead, nil, s.csvTemplate},
		{post, endpoints, hookWrite, elebneWebhookRule(true), s.createWebhook},
		{put, webhook, hookWrite, elebneWebhookRule(false), s.updateWebhook},
		{del, webhook, hookWrite, nil, s.deleteWebhook},
		{post, webhook + "/test", hookTest, nil, s.testWebhook},
	}
}

// An elebneQuery is a call that was routed.
type elebneQuery struct {
	*call

	endpoint *elebneEndpoint
	ids      []string
	key      string
	apiKey   string
	live     bool           // production, which knows nothing of the sandbox
	doc      map[string]any // the checked body
	latest   func() answer  // the answer as of now, for a replay that shows it
}

// handle takes a request through the API's gates: route, rate limit, credentials,
// key, parameters, state. The limit is counted before the credentials are looked
// at, so that every answer has its headers; the order is not documented.
func (s *Elebne) handle(cl *call) answer {
	q := s.route(cl)
	if q == nil {
		return elebneNotFound("Route")
	}
	limits, a, ok := s.count(q)
	if ok {
		a, ok = s.admit(q)
	}
	if ok {
		a = s.answer(q)
	}
	a = a.clone()
	maps.Copy(a.header, limits) // of this request; the rest of a replay is as stored
	return a
}

// answer executes, a write once for its API key, key, method and path. That the
// concrete path counts, and not the endpoint's pattern, is assumed.
func (s *Elebne) answer(q *elebneQuery) answer {
	if q.Method == http.MethodGet {
		return s.perform(q)
	}
	scope := strings.Join([]string{q.apiKey, q.key, q.Method, q.URL.Path}, "\x00")
	return s.once(q.call, scope, func() (answer, func() answer) {
		a := s.perform(q)
		return a, q.latest
	})
}

func (s *Elebne) route(cl *call) *elebneQuery {
	path, _ := strings.CutPrefix(cl.URL.Path, "/api/v1")
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if ids, ok := match(e.path, path); ok && e.method == cl.Method && path != cl.URL.Path {
			return &elebneQuery{call: cl, endpoint: e, ids: ids, key: s.keyOf(cl.Request, nil)}
		}
	}
	return nil
}

// admit checks credentials and key. What it refuses is not stored under the key.
func (s *Elebne) admit(q *elebneQuery) (refusal answer, ok bool) {
	header := q.Header.Get("Authorization")
	key, bearer := strings.CutPrefix(header, "Bearer ")
	s.mu.Lock()
	secret := s.secrets[key]
	s.mu.Unlock()
	q.apiKey, q.live = key, strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "pk_live_")
	write := q.Method != http.MethodGet
	switch {
	case header == "":
		return elebneGate(http.StatusUnauthorized, "MISSING_CREDENTIALS", "The Authorization header is missing."), false
	case !bearer || key == "" || strings.Contains(key, " "):
		return elebneGate(http.StatusUnauthorized, "INVALID_AUTH_HEADER", "The Authorization header must be: Bearer <key>."), false
	case !secret && key != s.cfg.PublishableKey:
		return s.problem(problemUnauthenticated, q.Request), false
	case write && !secret:
		return elebneGate(http.StatusForbidden, "SECRET_KEY_REQUIRED", "A publishable key can only read."), false
	case q.live && q.endpoint.path == elebneSimulatePath:
		return elebneNotFound("Route"), false
	case write && q.key == "":
		return elebneGate(http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED", "The X-Idempotency-Key header is required."), false
	case write && utf8.RuneCountInString(q.key) > 255: // the code is not documented
		return elebneGate(http.StatusBadRequest, "IDEMPOTENCY_KEY_INVALID", "The key has more than 255 characters."), false
	}
	return answer{}, true
}

// perform checks the parameters and executes.
func (s *Elebne) perform(q *elebneQuery) answer {
	if q.endpoint.rule != nil {
		body := q.body
		if len(body) == 0 {
			body = []byte("{}")
		}
		doc, errs := decode(body, q.endpoint.rule)
		if errs != nil {
			return elebneInvalid(errs)
		}
		q.doc = doc
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lapse()
	return q.endpoint.run(q)
}

func (s *Elebne) keyOf(r *http.Request, _ []byte) string { return r.Header.Get("X-Idempotency-Key") }

func (s *Elebne) faultable(r *http.Request) bool { return r.Method != http.MethodGet }

// record adds an effect to the ledger.
func (s *Elebne) record(q *elebneQuery, e Entry) {
	q.executed = true
	e.Time, e.Key = s.now(), q.key
	s.ledger.add(e)
}

// An elebneQuota is what a group of endpoints may be asked: so often within a
// window from one address, so often a day by one business.
type elebneQuota struct {
	limit  int
	window time.Duration
	daily  int
}

func perMinute(limit, daily int) *elebneQuota { return &elebneQuota{limit, time.Minute, daily} }

// An elebneWindow is a span of time in which requests of a group are counted.
type elebneWindow struct {
	quota   *elebneQuota
	address string // empty is the business
	start   time.Time
}

// count counts a request, and returns the headers of the window that is closest
// to its end of patience. That windows are aligned with the clock is assumed.
func (s *Elebne) count(q *elebneQuery) (header http.Header, refusal answer, ok bool) {
	if !s.cfg.RateLimits {
		return nil, answer{}, true
	}
	address, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		address = q.RemoteAddr
	}
	quota, at := q.endpoint.quota, q.at.UTC()
	near := elebneWindow{quota, address, at.Truncate(quota.window)}
	far := elebneWindow{quota, "", at.Truncate(24 * time.Hour)}
	s.mu.Lock()
	defer s.mu.Unlock()
	limit, left, reset := quota.limit, quota.limit-s.used[near], near.start.Add(quota.window)
	if rest := quota.daily - s.used[far]; rest <= left {
		limit, left, reset = quota.daily, rest, far.start.Add(24*time.Hour)
	}
	header = http.Header{}
	header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, left-1)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	if left <= 0 {
		wait := (reset.Sub(at) + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.FormatInt(int64(wait), 10))
		return header, s.problem(problemRateLimited, q.Request), false
	}
	s.used[near]++
	s.used[far]++
	return header, answer{}, true
}

// elebneAnswer is an answer with a JSON body. No header names a request.
func elebneAnswer(status int, body map[string]any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: encode(body)}
}

// elebneData is a success.
func elebneData(status int, data any) answer {
	return elebneAnswer(status, map[string]any{"success": true, "data": data})
}

// elebneGate is an error in the first documented form, which the examples of
// credentials and rate limits have.
func elebneGate(status int, code, message string) answer {
	return elebneAnswer(status, map[string]any{
		"success": false, "error": map[string]any{"code": code, "message": message, "statusCode": status},
	})
}

// elebneError is an error in the second documented form, which the example of
// NOT_FOUND has. It is assumed of all that comes from behind the key check.
func elebneError(status int, code, message string) answer {
	return elebneAnswer(status, map[string]any{
		"success": false, "error": map[string]any{"error": code, "message": message},
	})
}

func elebneNotFound(what string) answer {
	return elebneError(http.StatusNotFound, "NOT_FOUND", what+" not found")
}

// elebneInvalid is the answer to bad parameters. Neither code nor form are
// documented.
func elebneInvalid(errs map[string][]string) answer {
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(errs)) {
		lines = append(lines, path+": "+strings.Join(errs[path], " "))
	}
	return elebneError(http.StatusBadRequest, "VALIDATION_ERROR", strings.Join(lines, "; "))
}

// problem is what the API says where a fault asks for an error. Of these, the
// conflicts about keys and the internal errors are not documented.
func (s *Elebne) problem(kind problemKind, _ *http.Request) answer {
	switch kind {
	case problemInFlight:
		return elebneError(http.StatusConflict, "IDEMPOTENCY_KEY_IN_USE", "A request with this key is being processed")
	case problemKeyReuse:
		return elebneError(http.StatusConflict, "IDEMPOTENCY_KEY_REUSED", "The key was used with other parameters")
	case problemRateLimited:
		return elebneGate(http.StatusTooManyRequests, "RATE_LIMIT_EXCEEDED", "Too many requests.")
	case problemUnauthenticated:
		return elebneGate(http.StatusUnauthorized, "INVALID_API_KEY", "The API key is invalid.")
	case problemForbidden:
		return elebneGate(http.StatusForbidden, "API_ACCESS_NOT_ACTIVE", "API access is suspended.")
	case problemNotFound:
		return elebneNotFound("Payment intent")
	case problemInternal, problemStored:
	}
	return elebneGate(http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong.")
}
