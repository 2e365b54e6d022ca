package simulator

import (
	"crypto/ecdsa"
	"net/http"
	"strings"
	"sync"
	"time"
)

// TrueLayerConfig configures a TrueLayer. The zero value works for a client that
// signs with a key which VerifySignature or SigningKeys knows.
type TrueLayerConfig struct {
	// ClientID and ClientSecret are what the token endpoint accepts. Default to
	// "client_test_example" and "secret_test_example".
	ClientID, ClientSecret string
	// SigningKeys are the public keys (P-521) by kid. Where it is nil and
	// VerifySignature too, no signature is good.
	SigningKeys map[string]*ecdsa.PublicKey
	// VerifySignature, if set, replaces the arithmetic of P-521, which costs
	// milliseconds, by a stand-in of the caller's. The form of the signature and
	// the headers that it must cover are still checked.
	VerifySignature func(kid string, signingInput, signature []byte) error
	// Now is the provider's clock. Defaults to time.Now.
	Now func() time.Time
	// KeyLife is how long an idempotency key is remembered, counted from its first
	// arrival. Defaults to 30 days.
	KeyLife time.Duration
	// TokenLife is how long a token is good. Defaults to an hour.
	TokenLife time.Duration
	// AutoAuthorize makes every payer pay at once: a payment is settled (executed,
	// where the money goes to an external account) right after its creation was
	// answered with authorization_required.
	AutoAuthorize bool
	// NoDedupe ignores idempotency keys. It keeps a test honest: with it, a client
	// that sends twice must be seen to pay twice.
	NoDedupe bool
	// OwnLicence is a client with a licence of its own, whose payments need no name
	// and address of the user.
	OwnLicence bool
	// MerchantAccounts are the client's accounts. Defaults to one each in GBP, EUR
	// and PLN (MerchantAccountGBP, …), and to opening any other that a request
	// names.
	MerchantAccounts []MerchantAccount
	// FailProviders makes payments through these preselected providers, or to this
	// one provider in the filter, fail when they are created (201, status failed).
	// Defaults to ProviderThatFails.
	FailProviders map[string]Failure
	// FailAmounts does the same by the amount in minor units. Defaults to none.
	FailAmounts map[int64]Failure
	// PageSize is the length of a page of transactions. Defaults to 1000.
	PageSize int
	// WebhookKey signs webhooks: P-521. Defaults to a key of the simulator's own,
	// which GET /.well-known/jwks publishes.
	WebhookKey *ecdsa.PrivateKey
	// WebhookJWKS is where a webhook says that its key is published (jku). Defaults
	// to the sandbox's URL.
	WebhookJWKS string
	// AnnounceAuthorized sends payment_authorized too, which is off by default.
	AnnounceAuthorized bool
}

// A Failure is how a payment fails at its creation.
type Failure struct {
	Stage  string // defaults to authorizing
	Reason string // defaults to provider_rejected
}

// ProviderThatFails is the provider id that declines every payment by default.
const ProviderThatFails = "mock-payments-gb-declined"

// TrueLayer simulates TrueLayer's Payments API v3 and its token endpoint, from
// their documentation: payments, refunds, payouts and merchant accounts, request
// signing, idempotency keys and webhooks. It has no sandbox bank: the methods
// Pay, Authorize, Execute, Settle, FailPayment, … move payments on.
//
// All methods are safe for concurrent use.
type TrueLayer struct {
	*core

	cfg        TrueLayerConfig
	endpoints  []endpoint
	webhookKey func() *ecdsa.PrivateKey

	mu       sync.Mutex
	tokens   map[string]*accessToken
	payments map[string]*payment
	refunds  map[string]*refund
	payouts  map[string]*payout
	accounts []*account
}

var (
	_ http.Handler = (*TrueLayer)(nil)
	_ api          = (*TrueLayer)(nil)
)

// NewTrueLayer returns a simulator with an empty ledger.
func NewTrueLayer(cfg TrueLayerConfig) *TrueLayer {
	if cfg.ClientID == "" {
		cfg.ClientID = "client_test_example"
	}
	if cfg.ClientSecret == "" {
		cfg.ClientSecret = "secret_test_example"
	}
	if cfg.KeyLife == 0 {
		cfg.KeyLife = 30 * 24 * time.Hour
	}
	if cfg.TokenLife == 0 {
		cfg.TokenLife = time.Hour
	}
	if cfg.PageSize == 0 {
		cfg.PageSize = 1000
	}
	if cfg.FailProviders == nil {
		cfg.FailProviders = map[string]Failure{ProviderThatFails: {}}
	}
	if cfg.WebhookJWKS == "" {
		cfg.WebhookJWKS = sandboxJWKS
	}
	s := &TrueLayer{core: newCore(cfg.Now, contract{life: cfg.KeyLife, none: cfg.NoDedupe, keepRefusals: true}), cfg: cfg}
	s.api = s
	s.webhookKey = sync.OnceValue(newWebhookKey) // P-521 costs milliseconds: only who asks for webhooks pays
	if cfg.WebhookKey != nil {
		s.webhookKey = func() *ecdsa.PrivateKey { return cfg.WebhookKey }
	}
	s.endpoints = s.table()
	s.forgetAll()
	return s
}

func (s *TrueLayer) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]*accessToken{}
	s.payments = map[string]*payment{}
	s.refunds = map[string]*refund{}
	s.payouts = map[string]*payout{}
	s.accounts = s.openAccounts()
}

// keyUse is what an endpoint does with Idempotency-Key.
type keyUse int

const (
	keyIgnored keyUse = iota
	keyOptional
	keyMandatory
)

// An endpoint is one row of the API.
type endpoint struct {
	method, path string // {} stands for an id
	key          keyUse
	signature    signatureUse
	resource     bool // a resource token will do
	rule         rule // of the body; nil is no body
	run          func(q *query) answer
}

type signatureUse int

const (
	unsigned signatureUse = iota
	signed
	signedByClient // not needed with a resource token
)

// table is the API. Every endpoint not in it answers 404.
func (s *TrueLayer) table() []endpoint {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	payment, account := "/v3/payments/{}", "/v3/merchant-accounts/{}"
	flow := authorizationFlowRule()
	return []endpoint{
		{post, "/test-signature", keyOptional, signed, false, nil, s.testSignature},
		{post, "/v3/payments", keyMandatory, signed, false, createPaymentRule(s.cfg.OwnLicence), s.createPayment},
		{get, payment, keyIgnored, unsigned, true, nil, s.getPayment},
		{post, payment + "/authorization-flow", keyOptional, signedByClient, true, flow, s.startAuthorizationFlow},
		{post, payment + "/actions/cancel", keyMandatory, signed, true, nil, s.cancelPayment},
		{post, payment + "/refunds", keyMandatory, signed, false, createRefundRule(), s.createRefund},
		{get, payment + "/refunds", keyIgnored, unsigned, false, nil, s.listRefunds},
		{get, payment + "/refunds/{}", keyIgnored, unsigned, false, nil, s.getRefund},
		{post, "/v3/payouts", keyMandatory, signed, false, createPayoutRule(), s.createPayout},
		{get, "/v3/payouts/{}", keyIgnored, unsigned, false, nil, s.getPayout},
		{get, "/v3/merchant-accounts", keyIgnored, unsigned, false, nil, s.listAccounts},
		{get, account, keyIgnored, unsigned, false, nil, s.getAccount},
		{get, account + "/transactions", keyIgnored, unsigned, false, nil, s.listTransactions},
		{get, account + "/payment-sources", keyIgnored, unsigned, false, nil, s.listPaymentSources},
		{get, account + "/sweeping", keyIgnored, unsigned, false, nil, s.getSweeping},
		{post, account + "/sweeping", keyIgnored, signed, false, sweepingRule(), s.setSweeping},
		{del, account + "/sweeping", keyIgnored, signed, false, nil, s.deleteSweeping},
	}
}

// A query is a call that was routed and whose sender is known.
type query struct {
	*call

	endpoint *endpoint
	token    *accessToken
	ids      []string
	key      string
	doc      map[string]any // the checked body
	latest   func() answer  // the answer as of now, for a replay that shows it
}

// handle takes a request through the API's gates, in the API's order: route,
// token, signature, key, parameters, state.
func (s *TrueLayer) handle(cl *call) answer {
	switch cl.URL.Path {
	case tokenPath:
		return s.issueToken(cl)
	case jwksPath:
		return s.webhookKeys(cl)
	}
	q := s.route(cl)
	if q == nil {
		return newProblem(http.StatusNotFound, "Not Found", "not-found", "There is no such endpoint.")
	}
	if refusal, ok := s.admit(q); !ok {
		return refusal
	}
	if q.endpoint.key == keyIgnored || q.key == "" {
		return s.perform(q)
	}
	a := s.once(cl, q.token.client+"\x00"+q.key, func() (answer, func() answer) {
		a := s.perform(q)
		return markFinal(q, a), q.latest
	})
	a = a.clone()
	a.header.Set(traceHeader, newTrace()) // unique for every request; the rest of a replay is as stored
	return a
}

func (s *TrueLayer) route(cl *call) *query {
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if ids, ok := match(e.path, cl.URL.Path); ok && e.method == cl.Method {
			return &query{call: cl, endpoint: e, ids: ids, key: cl.Header.Get(keyHeader)}
		}
	}
	return nil
}

// admit checks who is asking and whether they signed for it. What it refuses is
// not stored under the key.
func (s *TrueLayer) admit(q *query) (refusal answer, ok bool) {
	token, detail := s.bearer(q.Header.Get("Authorization"))
	if token == nil {
		return unauthenticated(detail), false
	}
	q.token = token
	if q.endpoint.signature == signed || q.endpoint.signature == signedByClient && token.payment == "" {
		if err := s.verify(q); err != nil {
			return unauthenticated("Invalid request signature."), false
		}
	}
	if token.payment != "" && (!q.endpoint.resource || token.payment != q.ids[0]) || !token.covers(q) {
		return forbidden(), false
	}
	return answer{}, true
}

// perform checks the parameters and executes.
func (s *TrueLayer) perform(q *query) answer {
	if q.endpoint.rule != nil {
		doc, errs := decode(q.body, q.endpoint.rule)
		if errs != nil {
			return invalidParameters(errs)
		}
		q.doc = doc
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return q.endpoint.run(q)
}

// markFinal sets the header that says what the key will do next. The 404 of a
// new refund is documented without it.
func markFinal(q *query, a answer) answer {
	if a.status == http.StatusNotFound && strings.HasSuffix(q.endpoint.path, "/refunds") {
		return a
	}
	a = a.clone()
	a.header.Set(retryHeader, "false")
	return a
}

func (s *TrueLayer) keyOf(r *http.Request, _ []byte) string { return r.Header.Get(keyHeader) }

func (s *TrueLayer) faultable(r *http.Request) bool {
	return r.Method != http.MethodGet && r.URL.Path != tokenPath
}

func (s *TrueLayer) testSignature(*query) answer {
	return newAnswer(http.StatusNoContent, nil)
}

// record adds an effect to the ledger.
func (s *TrueLayer) record(q *query, e Entry) {
	q.executed = true
	e.Time, e.Key = s.now(), q.key
	if q.endpoint.key == keyIgnored {
		e.Key = ""
	}
	s.ledger.add(e)
}
