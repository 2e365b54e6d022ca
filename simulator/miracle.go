package simulator

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MiracleConfig configures a Miracle. The zero value works.
type MiracleConfig struct {
	// MerchantID is whose keys these are. Defaults to "merchant_test_example".
	MerchantID string
	// SecretKeys are the keys that are good; the prefix of each, sk_test_ or
	// sk_live_, selects its environment. Defaults to "sk_test_example" and
	// "sk_live_example".
	SecretKeys []string
	// WebhookSecret signs the deliveries to a path that no webhook endpoint is
	// registered for: whsec_ and base64. Defaults to
	// "whsec_c2VjcmV0X3Rlc3RfZXhhbXBsZV9rZXlf".
	WebhookSecret string
	// Now is the provider's clock. Defaults to time.Now.
	Now func() time.Time
	// KeyLife is how long an idempotency key is remembered, counted from its first
	// arrival. Defaults to 24 hours.
	KeyLife time.Duration
	// NoDedupe ignores idempotency keys, except that they must be there. It keeps a
	// test honest: with it, a client that sends twice must be seen to pay twice.
	NoDedupe bool
	// KeepRefusals stores answers of 400 and above under the key. Whether the
	// provider does that is not documented.
	KeepRefusals bool
	// AutoPay makes every payer pay, and every bank agree, right after the creation
	// of a payment was answered.
	AutoPay bool
	// DeclineAmounts are the payments, by their minor units, that are made and
	// failed at once, with the errorCode. Defaults to none.
	DeclineAmounts map[int64]string
	// DeclineCaptures are the payments, by their minor units, whose capture the bank
	// rejects: answered as a success, with status failed and the errorCode.
	// Defaults to none.
	DeclineCaptures map[int64]string
	// BareEnvelopes answers a single resource without its {"data": …}, as one of the
	// provider's guides reads it.
	BareEnvelopes bool
	// EmptyErrors answers refusals without a body, as the provider's reference shows
	// them.
	EmptyErrors bool
}

// Miracle simulates Miracle's payments API from its documentation
// (https://docs.gate.miracleapi.ai): payments, refunds, checkout and hosted page
// sessions, webhook endpoints and idempotency keys. Payers and banks do nothing
// by themselves: the methods Pay, RequireAction, FailPayment, … move payments on.
//
// Its control endpoints, beside those of Control; fail takes {"code"}:
//
//	POST /simulator/payments/{id}/{pay|require-action|fail|expire}
//	POST /simulator/refunds/{id}/{settle|fail}
//
// Where the documentation is silent, the simulator assumes:
//
//   - an error is {"error": {"code", "message"}}; DUPLICATE_TRANSACTION is the one
//     code that is documented
//   - 201 answers what creates, 204 a deletion, 200 the rest
//   - a key whose request is still running is a 409 with a code of its own
//   - bodies are compared byte by byte; an endpoint is a method and a path with
//     its ids
//   - test and live keys share their idempotency keys, since merchant and endpoint
//     are the whole scope, and see nothing else of each other
//   - a refund that fails can be made again; a payment's status follows when a
//     refund succeeds
//
// All methods are safe for concurrent use.
type Miracle struct {
	*core

	cfg    MiracleConfig
	routes []miracleRoute

	mu       sync.Mutex
	payments map[string]*miraclePayment
	order    []*miraclePayment // oldest first
	refunds  map[string]*miracleRefund
	sessions map[string]map[string]any
	secrets  map[string]string // client secret to session id
	hooks    []*miracleHook    // oldest first
}

var (
	_ http.Handler = (*Miracle)(nil)
	_ api          = (*Miracle)(nil)
)

// NewMiracle returns a simulator with an empty ledger.
func NewMiracle(cfg MiracleConfig) *Miracle {
	cfg.MerchantID = cmp.Or(cfg.MerchantID, "merchant_test_example")
	cfg.WebhookSecret = cmp.Or(cfg.WebhookSecret, "whsec_"+base64.StdEncoding.EncodeToString([]byte("secret_test_example_key_")))
	cfg.KeyLife = cmp.Or(cfg.KeyLife, 24*time.Hour)
	if cfg.SecretKeys == nil {
		cfg.SecretKeys = []string{"sk_test_example", "sk_live_example"}
	}
	keys := contract{life: cfg.KeyLife, none: cfg.NoDedupe, keepRefusals: cfg.KeepRefusals}
	s := &Miracle{core: newCore(cfg.Now, keys), cfg: cfg}
	s.api = s
	s.routes = s.table()
	s.forgetAll()
	return s
}

func (s *Miracle) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.payments, s.order, s.refunds = map[string]*miraclePayment{}, nil, map[string]*miracleRefund{}
	s.sessions, s.secrets, s.hooks = map[string]map[string]any{}, map[string]string{}, nil
}

// The statuses of payments and refunds.
const (
	miracleProcessing = "processing"
	miracleAction     = "requires_action"
	miracleCapture    = "requires_capture"
	miracleSucceeded  = "succeeded"
	miracleCaptured   = "captured"
	miracleFailed     = "failed"
	miracleCanceled   = "canceled"
	miraclePartly     = "partially_refunded"
	miracleRefunded   = "refunded"
	miraclePending    = "pending" // refunds
)

// A miracleRoute is one row of the API.
type miracleRoute struct {
	method, path string // {} stands for an id
	rule         rule   // of the body; nil is for reads
	run          func(q *miracleQuery) answer
}

// A miracleQuery is a call that was routed and whose sender is known.
type miracleQuery struct {
	*call

	route  *miracleRoute
	ids    []string
	key    string
	live   bool
	doc    map[string]any // the checked body
	latest func() answer  // the answer as of now, for a replay that shows it
}

const (
	miracleCurrent = "/v1/checkout-sessions/current"
	miracleTenant  = "tenant_test_example"
)

// table is the API. Every endpoint not in it answers 404; so does the plural path
// of the refund guide, on which guide and reference disagree.
func (s *Miracle) table() []miracleRoute {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	payment, hook := "/v1/payments/{}", "/v1/webhooks/endpoints/{}"
	challenge := object{may("redirectResult", text{}), may("cres", text{}), may("md", text{}), may("paRes", text{})}
	hookRule := object{
		need("url", text{format: func(u string) bool { return strings.HasPrefix(u, "https://") }}),
		need("events", list{min: 1, items: text{min: 1}}), may("description", text{}),
	}
	return []miracleRoute{
		{post, "/v1/payments", miraclePaymentRule(), s.createPayment},
		{get, "/v1/payments", nil, s.listPayments},
		{get, payment, nil, s.onPayment(s.getPayment)},
		{post, payment + "/capture", miracleNothing{}, s.onPayment(s.capture, miracleCapture)},
		{post, payment + "/cancel", miracleNothing{}, s.onPayment(s.cancel, miracleProcessing, miracleAction, miracleCapture)},
		{post, payment + "/complete-action", all{challenge, miracleChallenge{}}, s.onPayment(s.completeAction, miracleAction)},
		{post, payment + "/refund", miracleRefundRule(), s.onPayment(s.createRefund, miracleSucceeded, miracleCaptured, miraclePartly)},
		{get, payment + "/refunds", nil, s.onPayment(s.listRefunds)},
		{get, "/v1/refunds/{}", nil, s.getRefund},
		{post, "/v1/checkout-sessions", miracleSessionRule(), s.createSession("checkout_session")},
		{post, "/v1/hpp/sessions", miracleSessionRule(), s.createSession("hpp_session")},
		{get, miracleCurrent, nil, s.getSession},
		{get, "/v1/checkout-sessions/{}", nil, s.getSession},
		{post, "/v1/webhooks/endpoints", hookRule, s.createHook},
		{get, "/v1/webhooks/endpoints", nil, s.listHooks},
		{get, hook, nil, s.onHook(s.getHook)},
		{del, hook, miracleNothing{}, s.onHook(s.deleteHook)},
		{post, hook + "/rotate-secret", miracleNothing{}, s.onHook(s.rotateSecret)},
	}
}

func miracleMoney(least int64) rule {
	return object{need("currency", pattern(3, `^[A-Z]{3}$`)), need("valueMinor", integer{min: least})}
}

// miracleMetadata has no documented limits.
func miracleMetadata() rule {
	return pairs{max: math.MaxInt, maxKey: math.MaxInt, maxValue: math.MaxInt}
}

func miracleSessionRule() rule {
	item := object{need("label", text{min: 1}), need("unitAmount", miracleMoney(0)), need("quantity", integer{min: 1})}
	return object{
		need("amount", miracleMoney(1)), need("lineItems", list{min: 1, items: item}),
		need("merchantReference", text{min: 1}), need("successUrl", text{min: 1}), need("cancelUrl", text{min: 1}),
		may("returnUrl", text{}), may("captureMethod", oneOf("automatic", "manual")), may("metadata", miracleMetadata()),
	}
}

// miracleNothing is the body of a write that takes none. A capture that names an
// amount is wrong here: the reference knows the full one alone.
type miracleNothing struct{}

func (miracleNothing) check(_ string, v any, report reportFunc) {
	if m, ok := v.(map[string]any); !ok || len(m) > 0 {
		report("body", "Body must be empty.")
	}
}

// miracleChallenge is the end of a 3-D Secure challenge, in either version.
type miracleChallenge struct{}

func (miracleChallenge) check(_ string, v any, report reportFunc) {
	m, _ := v.(map[string]any)
	if m["redirectResult"] == nil && m["cres"] == nil && (m["md"] == nil || m["paRes"] == nil) {
		report("redirectResult", "One of redirectResult, cres, and md with paRes is required.")
	}
}

// handle takes a request through the API's gates: route, credential, key,
// parameters, state.
func (s *Miracle) handle(cl *call) answer {
	q := s.find(cl)
	if q == nil {
		return s.problem(problemNotFound, cl.Request)
	}
	if refusal, ok := s.admit(q); !ok {
		return refusal
	}
	switch {
	case q.route.rule == nil:
		return s.perform(q)
	case q.key == "":
		return s.refuse(http.StatusBadRequest, "IDEMPOTENCY_KEY_REQUIRED", "The Idempotency-Key header is required.")
	}
	scope := strings.Join([]string{s.cfg.MerchantID, cl.Method, cl.URL.Path, q.key}, "\x00")
	return s.once(cl, scope, func() (answer, func() answer) {
		a := s.perform(q) // sets latest
		return a, q.latest
	})
}

func (s *Miracle) find(cl *call) *miracleQuery {
	for i := range s.routes {
		route := &s.routes[i]
		if ids, ok := match(route.path, cl.URL.Path); ok && route.method == cl.Method {
			return &miracleQuery{call: cl, route: route, ids: ids, key: cl.Header.Get(keyHeader)}
		}
	}
	return nil
}

// admit checks who is asking. What it refuses is not stored under the key.
func (s *Miracle) admit(q *miracleQuery) (refusal answer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	credential, bearer := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	session := s.secrets[credential]
	kind, _, _ := strings.Cut(credential, "_")
	switch {
	case q.route.path == miracleCurrent && session != "":
		q.ids = []string{session}
		q.live, _ = s.sessions[session]["livemode"].(bool)
	case q.route.path == miracleCurrent, kind == "pk", kind == "cs":
		return s.problem(problemForbidden, q.Request), false
	case !bearer, !slices.Contains(s.cfg.SecretKeys, credential):
		return s.problem(problemUnauthenticated, q.Request), false
	default:
		q.live = strings.HasPrefix(credential, "sk_live_")
	}
	return answer{}, true
}

// perform checks the parameters and executes.
func (s *Miracle) perform(q *miracleQuery) answer {
	if q.route.rule != nil {
		body := q.body
		if len(body) == 0 {
			body = []byte("{}")
		}
		doc, errs := decode(body, q.route.rule)
		if errs != nil {
			at := slices.Min(slices.Collect(maps.Keys(errs)))
			return s.invalid(at + ": " + errs[at][0])
		}
		q.doc = doc
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return q.route.run(q)
}

// record adds an effect to the ledger.
func (s *Miracle) record(q *miracleQuery, e Entry) {
	q.executed = true
	e.Time, e.Key = s.now(), q.key
	s.ledger.add(e)
}

func (s *Miracle) keyOf(r *http.Request, _ []byte) string { return r.Header.Get(keyHeader) }

func (s *Miracle) faultable(r *http.Request) bool { return r.Method != http.MethodGet }

// one answers a single resource.
func (s *Miracle) one(q *miracleQuery, status int, view func() map[string]any) answer {
	render := func() answer {
		body := view()
		if !s.cfg.BareEnvelopes {
			body = map[string]any{"data": body}
		}
		return miracleAnswer(status, body)
	}
	q.latest = func() answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		return render()
	}
	return render()
}

func miracleAnswer(status int, body any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: encode(body)}
}

func (s *Miracle) refuse(status int, code, message string) answer {
	if s.cfg.EmptyErrors {
		return answer{status: status}
	}
	return miracleAnswer(status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}

func (s *Miracle) invalid(message string) answer {
	return s.refuse(http.StatusBadRequest, "VALIDATION_ERROR", message)
}

// problem is what the API says where a fault asks for an error. One code is
// documented, that of a key's reuse.
func (s *Miracle) problem(kind problemKind, _ *http.Request) answer {
	switch kind {
	case problemInFlight:
		return s.refuse(http.StatusConflict, "REQUEST_IN_PROGRESS", "A request with this idempotency key is being processed.")
	case problemKeyReuse:
		return s.refuse(http.StatusConflict, "DUPLICATE_TRANSACTION", "The idempotency key was used with another request body.")
	case problemRateLimited:
		return s.refuse(http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests.")
	case problemUnauthenticated:
		return s.refuse(http.StatusUnauthorized, "UNAUTHORIZED", "The API key is not valid.")
	case problemForbidden:
		return s.refuse(http.StatusForbidden, "FORBIDDEN", "This kind of credential is not allowed here.")
	case problemNotFound:
		return s.refuse(http.StatusNotFound, "NOT_FOUND", "The resource was not found.")
	case problemInternal, problemStored:
	}
	return s.refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "An internal error occurred.")
}

func miracleTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func miracleAmount(currency string, minor int64) map[string]any {
	return map[string]any{"currency": currency, "valueMinor": minor}
}

// A miracleHook is a webhook endpoint.
type miracleHook struct {
	view   map[string]any // never the secret
	path   string
	events []any
	secret string
}

// wants compares an event with exact names, "payment.*" and "*".
func (h *miracleHook) wants(name string) bool {
	return slices.ContainsFunc(h.events, func(v any) bool {
		subscribed, _ := v.(string)
		prefix, wild := strings.CutSuffix(subscribed, "*")
		return subscribed == name || wild && strings.HasPrefix(name, prefix)
	})
}

func miracleSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString(randomBytes(24))
}

// createHook registers an endpoint. Its secret is in this answer alone.
func (s *Miracle) createHook(q *miracleQuery) answer {
	target, err := url.Parse(textAt(q.doc, "url"))
	if err != nil {
		return s.invalid("url: Value has an invalid format.")
	}
	h := &miracleHook{view: pick(q.doc, "url", "events", "description"), path: target.Path, secret: miracleSecret()}
	h.events, _ = q.doc["events"].([]any)
	maps.Copy(h.view, map[string]any{"id": newID(), "livemode": q.live, "createdAt": miracleTime(s.now())})
	s.hooks = append(s.hooks, h)
	s.record(q, Entry{Kind: "webhook_endpoint", ID: textAt(h.view, "id")})
	secret := h.secret
	return s.one(q, http.StatusCreated, func() map[string]any {
		created := maps.Clone(h.view)
		created["secret"] = secret
		return created
	})
}

func (s *Miracle) listHooks(q *miracleQuery) answer {
	items := []map[string]any{}
	for _, h := range s.hooks {
		if h.view["livemode"] == q.live {
			items = append(items, h.view)
		}
	}
	return miracleAnswer(http.StatusOK, map[string]any{"data": items})
}

// onHook runs an endpoint on one webhook endpoint.
func (s *Miracle) onHook(run func(*miracleQuery, *miracleHook) answer) func(*miracleQuery) answer {
	return func(q *miracleQuery) answer {
		for _, h := range s.hooks {
			if h.view["id"] == q.ids[0] && h.view["livemode"] == q.live {
				return run(q, h)
			}
		}
		return s.problem(problemNotFound, q.Request)
	}
}

func (s *Miracle) getHook(q *miracleQuery, h *miracleHook) answer {
	return s.one(q, http.StatusOK, func() map[string]any { return h.view })
}

func (s *Miracle) deleteHook(q *miracleQuery, h *miracleHook) answer {
	s.hooks = slices.DeleteFunc(s.hooks, func(other *miracleHook) bool { return other == h })
	s.record(q, Entry{Kind: "webhook_endpoint_deletion", ID: q.ids[0]})
	return answer{status: http.StatusNoContent}
}

// rotateSecret replaces the secret; the old one is dead at once.
func (s *Miracle) rotateSecret(q *miracleQuery, h *miracleHook) answer {
	secret := miracleSecret()
	h.secret = secret
	s.record(q, Entry{Kind: "secret_rotation", ID: q.ids[0]})
	return s.one(q, http.StatusOK, func() map[string]any { return map[string]any{"secret": secret} })
}

// emit keeps an event for the merchant, unless there are endpoints and none of
// them wants it.
func (s *Miracle) emit(name string, data map[string]any) {
	if len(s.hooks) > 0 && !slices.ContainsFunc(s.hooks, func(h *miracleHook) bool { return h.wants(name) }) {
		return
	}
	s.outbox.add(event{id: "evt_" + hex.EncodeToString(randomBytes(13)), name: name, at: s.now(), data: maps.Clone(data)})
}

// deliver renders a webhook with one event.
func (s *Miracle) deliver(path string, e event) Delivery { return s.message(path, e) }

// WebhookBatch returns one delivery with every event since the last call of it or
// of Webhooks: the API's envelope is a list.
func (s *Miracle) WebhookBatch(path string) Delivery {
	return s.message(path, s.outbox.take()...)
}

// message signs as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks), which one guide names
// as the scheme. Its id is the same in every delivery.
func (s *Miracle) message(path string, events ...event) Delivery {
	d := Delivery{Path: path}
	list := []map[string]any{}
	for _, e := range events {
		data, _ := e.data.(map[string]any)
		d.ID = e.id
		list = append(list, map[string]any{
			"id": e.id, "type": e.name, "createdAt": miracleTime(e.at), "livemode": data["livemode"], "data": data,
		})
	}
	d.Body = encode(map[string]any{"events": list})
	id, at := "msg_"+strings.TrimPrefix(d.ID, "evt_"), strconv.FormatInt(s.now().Unix(), 10)
	mac := hmac.New(sha256.New, s.webhookKey(path))
	mac.Write([]byte(id + "." + at + "." + string(d.Body)))
	d.Header = http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {at},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
	return d
}

// webhookKey is what signs for a path: the secret of the endpoint there.
func (s *Miracle) webhookKey(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret := s.cfg.WebhookSecret
	for _, h := range s.hooks {
		if h.path == path {
			secret = h.secret
		}
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")) // what is no base64 verifies nowhere
	return key
}
