package simulator

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
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
