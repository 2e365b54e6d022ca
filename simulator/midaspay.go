package simulator

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MidasPayConfig configures a MidasPay. The zero value works for a client that
// signs with a key which VerifySignature or PublicKeys knows.
type MidasPayConfig struct {
	// MerchantID is the only merchant. Defaults to "merchant123456".
	MerchantID string
	// PublicKeys are the merchant's public keys (2048 bits) by serial number. Where
	// it is nil and VerifySignature too, no signature is good.
	PublicKeys map[string]*rsa.PublicKey
	// VerifySignature, if set, replaces the arithmetic of RSA by a stand-in of the
	// caller's. The header, the clock and what the message covers are still checked.
	VerifySignature func(serial string, message, signature []byte) error
	// PlatformKey signs every answer, errors too, and every webhook. Defaults to
	// no signatures.
	PlatformKey *rsa.PrivateKey
	// PlatformSerial names the platform's certificate. Defaults to 40 hexadecimal
	// digits.
	PlatformSerial string
	// SignResponse, if set, replaces PlatformKey by a stand-in of the caller's.
	SignResponse func(message []byte) []byte
	// Now is the provider's clock. Defaults to time.Now.
	Now func() time.Time
	// KeyLife is how long a reference_id is remembered. Defaults to for ever, as
	// documented.
	KeyLife time.Duration
	// NoDedupe ignores reference_id. It keeps a test honest: with it, a client
	// that sends twice must be seen to pay twice.
	NoDedupe bool
	// ReplayConflicts answers the same request, sent again, with 409
	// DUPLICATE_REFERENCE_ID, as the documentation's sample code expects. Defaults
	// to the resource as it is now, as its rules promise.
	ReplayConflicts bool
	// KeepRefusals makes validation errors use up the reference_id and be its answer.
	// Undocumented: it depends on the channel.
	KeepRefusals bool
	// DeclinesFreeID executes a request anew under the reference_id of a declined
	// one. Defaults to the same decline again. Undocumented: it depends on the
	// channel.
	DeclinesFreeID bool
	// DeclineAmounts declines an order of this many minor units by an error of this
	// name, for example BALANCE_NOT_ENOUGH (409), CANCELLED (408) or AVS_DECLINED
	// (400). No order is made. Defaults to none.
	DeclineAmounts map[int64]string
	// AutoPay makes the payer pay right after a creation was answered.
	AutoPay bool
	// QueryMissEmpty answers a query for nothing with 200 and {}. Defaults to 404
	// NOT_FOUND. Undocumented.
	QueryMissEmpty bool
	// WrapResources puts a webhook's resource in {"type_url", "value"}. Defaults to
	// an inline object. The documentation shows both.
	WrapResources bool
}

// MidasPay simulates MidasPay's payment API from its documentation: orders,
// authorizations, refunds, subscriptions, merchant-of-record checkouts and cards,
// with signatures both ways. It dedupes on reference_id, for each type of
// resource by itself. It has no payer: the methods Pay, FailPayment, … move
// payments on.
//
// What the documentation leaves open (statuses of refunds and failures, most
// names of events and errors, the bodies of refunds and captures) is a guess
// that a client should not rely on.
//
// All methods are safe for concurrent use.
// Source: https://developer.midaspayment.com/docs/
type MidasPay struct {
	*core

	cfg       MidasPayConfig
	endpoints []midasEndpoint

	mu        sync.Mutex
	resources []*midasResource
}

var (
	_ http.Handler = (*MidasPay)(nil)
	_ api          = (*MidasPay)(nil)
)

// NewMidasPay returns a simulator with an empty ledger.
func NewMidasPay(cfg MidasPayConfig) *MidasPay {
	if cfg.MerchantID == "" {
		cfg.MerchantID = "merchant123456"
	}
	if cfg.PlatformSerial == "" {
		cfg.PlatformSerial = midasPlatformSerial
	}
	// Refusals are kept, and freed one by one: declines and validation errors differ.
	keys := contract{life: cfg.KeyLife, none: cfg.NoDedupe, keepRefusals: true, latest: true}
	s := &MidasPay{core: newCore(cfg.Now, keys), cfg: cfg}
	s.api = s
	s.endpoints = s.table()
	return s
}

func (s *MidasPay) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resources = nil
}

// The types of resources. A reference_id is unique within one.
const (
	midasOrder         = "order"
	midasAuthorization = "authorization"
	midasRefund        = "refund"
	midasSubscription  = "subscription"
	midasSession       = "session"
	midasToken         = "token"
	midasCard          = "card"
)

// A midasEndpoint is one row of the API.
type midasEndpoint struct {
	method, path string
	kind         string // of what it makes, once for each reference_id; empty dedupes nothing
	read         bool
	rule         rule
	run          func(q *midasQuery) answer
}

// table is the API. Every endpoint not in it answers 404.
func (s *MidasPay) table() []midasEndpoint {
	get, post := http.MethodGet, http.MethodPost
	order, either := midasOrderRule(true), midasIDsRule("id", "reference_id")
	authorization := midasIDsRule("authorization_id", "reference_authorization_id")
	return []midasEndpoint{
		{post, "/v1/payment/orders", midasOrder, false, order, s.createOrder},
		{post, "/v1/payment/orders/authorization", midasAuthorization, false, midasOrderRule(false), s.createOrder},
		{post, "/v1/payment/orders/refund", midasRefund, false, midasAmountRule(), s.createRefund},
		{post, "/v1/payment/query", "", true, either, s.queryOrder},
		{post, "/v1/payment/void", "", false, either, s.voidOrder},
		{post, "/v1/authorization/payment", "", false, all{authorization, midasAmountRule()}, s.payAuthorization},
		{post, "/v1/authorization/query", "", true, authorization, s.queryAuthorization},
		{post, "/v1/authorization/cancel", "", false, authorization, s.cancelAuthorization},
		{post, "/v1/subscription/create", midasSubscription, false, midasSubscriptionRule(), s.create},
		{post, "/v1/subscription/query", "", true, midasSubscriptionsRule(), s.querySubscriptions},
		{post, "/v1/subscription/cancel", "", false, object{need("id", text{min: 1})}, s.cancelSubscription},
		{post, "/v1/mor/session/create", midasSession, false, object{}, s.create},
		{post, "/v1/mor/token/create", "", false, midasTokenRule(), s.createToken},
		{get, "/v1/mor/transaction/query", "", true, nil, s.queryTransaction},
		{post, "/v1/card/{}", midasCard, false, object{}, s.create},
	}
}

// A midasQuery is a call that was routed.
type midasQuery struct {
	*call

	endpoint *midasEndpoint
	key      string         // the reference_id that is deduped on
	doc      map[string]any // the checked body
	latest   func() answer  // the answer as of now
	declined bool
	frees    bool // the answer is a refusal that leaves the key free
}

func (s *MidasPay) route(method, path string) *midasEndpoint {
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if _, ok := match(e.path, path); ok && e.method == method {
			return e
		}
	}
	return nil
}

func (s *MidasPay) faultable(r *http.Request) bool {
	e := s.route(r.Method, r.URL.Path)
	return r.Method != http.MethodGet && (e == nil || !e.read)
}

// keyOf reads the key from the body, which alone does not say whether reference_id
// is one.
func (s *MidasPay) keyOf(r *http.Request, body []byte) string {
	path := r.URL.Path
	if e := s.route(http.MethodPost, path); e == nil || e.kind == "" {
		return ""
	}
	doc, _ := decode(body, object{})
	return textAt(doc, "reference_id")
}

func (s *MidasPay) handle(cl *call) answer { return s.sign(s.serve(cl)) }

// serve takes a request through the API's gates: route, signature, key,
// parameters, state.
func (s *MidasPay) serve(cl *call) answer {
	q := &midasQuery{call: cl, endpoint: s.route(cl.Method, cl.URL.Path)}
	if q.endpoint == nil {
		return s.notFound(nil)
	}
	if err := s.verify(cl); err != nil {
		return s.problem(problemUnauthenticated, cl.Request)
	}
	if q.endpoint.kind == "" {
		return s.perform(q)
	}
	doc, errs := decode(cl.body, object{need("reference_id", text{min: 1}), may("merchant_id", text{})})
	if errs != nil {
		return midasInvalid(errs)
	}
	q.key = textAt(doc, "reference_id")
	scope := s.cfg.MerchantID + "\x00" + q.endpoint.kind + "\x00" + q.key
	a := s.once(cl, scope, func() (answer, func() answer) {
		a := s.perform(q)
		q.frees = a.status >= http.StatusBadRequest && !s.keeps(q)
		return a, q.latest
	})
	if q.frees && !cl.quirk.sticky {
		s.keys.forget(scope)
	}
	return a
}

// keeps says whether a refusal uses up the reference_id.
func (s *MidasPay) keeps(q *midasQuery) bool {
	if q.declined {
		return !s.cfg.DeclinesFreeID
	}
	return s.cfg.KeepRefusals
}

// perform checks the parameters and executes.
func (s *MidasPay) perform(q *midasQuery) answer {
	if q.endpoint.rule != nil {
		doc, errs := decode(q.body, q.endpoint.rule)
		if errs != nil {
			return midasInvalid(errs)
		}
		q.doc = doc
	}
	if id := textAt(q.doc, "merchant_id"); id != "" && id != s.cfg.MerchantID {
		return s.problem(problemForbidden, q.Request)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return q.endpoint.run(q)
}

// record adds an effect to the ledger.
func (s *MidasPay) record(q *midasQuery, e Entry) {
	q.executed = true
	e.Time, e.Key, e.Metadata = s.now(), q.key, stringsAt(q.doc, "custom_parameters")
	s.ledger.add(e)
}

// control adds what moves payments and refunds on; fail takes {"code"}, move
// takes {"status"}.
func (s *MidasPay) control(mux *http.ServeMux) {
	mux.HandleFunc("POST /simulator/{kind}/{id}/{step}", act(func(r *http.Request) error {
		var with struct{ Code, Status string }
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&with); err != nil {
				return fmt.Errorf("simulator: decode a step: %w", err)
			}
		}
		id := r.PathValue("id")
		switch step := r.PathValue("kind") + " " + r.PathValue("step"); step {
		case "payments pay":
			return s.Pay(id)
		case "payments fail":
			return s.FailPayment(id, with.Code)
		case "payments expire":
			return s.ExpirePayment(id)
		case "payments move":
			return s.MovePayment(id, with.Status)
		case "refunds settle":
			return s.SettleRefund(id)
		case "refunds fail":
			return s.FailRefund(id, with.Code)
		default:
			return fmt.Errorf("simulator: there is no step %q", step)
		}
	}))
}

// The rules of request bodies, from the reference pages as far as they go.

// midasMoney is an amount in major units under the API's two pairs of names.
type midasMoney struct {
	currency, value string
	fields          object
}

func midasMoneyRule(currency, value string) midasMoney {
	decimal := pattern(0, `^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$`)
	return midasMoney{currency, value, object{need(currency, pattern(3, `^[A-Z]{3}$`)), need(value, decimal)}}
}

func (m midasMoney) check(path string, v any, report reportFunc) {
	m.fields.check(path, v, report)
	doc, _ := v.(map[string]any)
	if _, ok := midasMinor(textAt(doc, m.currency), textAt(doc, m.value)); !ok {
		report(path+"."+m.value, "Value must have the decimals of its currency and no sign.")
	}
}

func midasMerchantRule() object {
	return object{may("merchant_id", text{max: 64}), may("sub_merchant_id", text{})}
}

func midasIDsRule(names ...string) rule {
	ids := midasMerchantRule()
	for _, name := range names {
		ids = append(ids, may(name, text{}))
	}
	return all{ids, midasOneOf(names)}
}

// midasOneOf is names of which an object needs one.
type midasOneOf []string

func (o midasOneOf) check(path string, v any, report reportFunc) {
	m, _ := v.(map[string]any)
	if !slices.ContainsFunc(o, func(name string) bool { return m[name] != nil && m[name] != "" }) {
		report(strings.TrimPrefix(path+"."+o[0], "."), "One of "+strings.Join(o, ", ")+" is required.")
	}
}

func midasAmountRule() rule {
	amount := midasMoneyRule("currency_code", "value")
	units := list{min: 1, items: object{may("reference_id", text{}), need("amount", amount)}}
	return append(midasMerchantRule(), may("amount", amount), may("purchase_units", units))
}

func midasOrderRule(units bool) rule {
	fields := object{
		may("application_context", object{
			may("region_code", pattern(2, `^[A-Z]{2}$`)),
			may("payment_method", object{may("name", text{})}),
		}),
		may("payer", object{
			may("payer_id", text{min: 1}),
			may("email_address", email()),
			may("payer_interaction", oneOf("Ecommerce", "ContAuth")),
			may("payer_type", oneOf("MERCHANT", "MIDAS")),
			may("payer_gender", oneOf("UNKNOWN", "FEMALE", "MALE")),
			may("payer_telephone_number", pattern(0, `^\+?\d{5,20}$`)),
		}),
	}
	if units {
		fields = append(fields, need("purchase_units", list{min: 1, items: object{}}))
	}
	return all{midasAmountRule(), fields}
}

func midasSubscriptionRule() rule {
	unit := object{
		need("product", object{need("id", text{min: 1})}),
		may("period", object{
			may("period_unit", oneOf("UNKNOWN", "DAY", "MONTH", "YEAR")), may("value", integer{min: 1}),
		}),
		may("total_cycles", integer{}),
	}
	return object{
		may("merchant_id", text{max: 64}),
		need("sub_merchant_id", text{min: 1}),
		need("subscriber", object{need("id", text{min: 1, max: 64})}),
		need("subscription_units", all{list{min: 1, items: unit}, midasCycles{}}),
	}
}

// midasCycles is subscription units of which the last may be a regular one, and
// no other may be endless.
type midasCycles struct{}

func (midasCycles) check(path string, v any, report reportFunc) {
	units, _ := v.([]any)
	for i, u := range units {
		unit, _ := u.(map[string]any)
		kind := ""
		for _, value := range unit { // the member's name could not be read
			if value == "REGULAR" || value == "PROMOTIONAL" {
				kind, _ = value.(string)
			}
		}
		cycles := integerAt(unit, "total_cycles")
		if kind == "REGULAR" && i != len(units)-1 {
			report(path, "A regular unit must be the last one.")
		}
		if kind == "PROMOTIONAL" && (cycles < 1 || cycles > 999) {
			report(path, "A promotional unit needs 1 to 999 cycles.")
		}
	}
}

func midasSubscriptionsRule() rule {
	return all{
		object{
			may("id", text{}),
			may("reference_id", text{}),
			may("subscription_ids", object{need("ids", list{min: 1, max: 10, items: text{min: 1}})}),
		},
		midasOneOf{"id", "reference_id", "subscription_ids"},
	}
}

func midasTokenRule() rule {
	return object{
		need("user", object{need("id", text{min: 1}), may("authenticated", boolean{})}),
		need("settings", object{
			need("project_id", text{min: 1}),
			need("external_id", text{min: 1}),
			may("webhook_url", pattern(0, `^https://`)),
		}),
		may("purchase", object{
			may("checkout", midasMoneyRule("currency", "amount")),
			may("items", list{items: object{need("sku", text{min: 1}), may("quantity", integer{max: 1<<31 - 1})}}),
		}),
	}
}

// midasMinor reads an amount, which has as many decimals as its currency.
func midasMinor(currency, value string) (minor int64, ok bool) {
	whole, fraction, _ := strings.Cut(value, ".")
	minor, err := strconv.ParseInt(whole+fraction, 10, 64)
	return minor, err == nil && len(fraction) == midasDecimals(currency) && whole+fraction == strings.TrimLeft(whole+fraction, "+-")
}

func midasValue(currency string, minor int64) string {
	digits := midasDecimals(currency)
	text := fmt.Sprintf("%0*d", digits+1, minor)
	if digits == 0 {
		return text
	}
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// midasDecimals is ISO 4217's.
func midasDecimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}

// midasTotal is the sum of the units, or the one amount: 0 without a currency
// where there is neither. Units of several currencies have no sum.
func midasTotal(doc map[string]any) (currency string, total int64, ok bool) {
	units, _ := doc["purchase_units"].([]any)
	if units == nil && doc["amount"] != nil {
		units = []any{doc}
	}
	for _, u := range units {
		unit, _ := u.(map[string]any)
		code := textAt(unit, "amount", "currency_code")
		n, ok := midasMinor(code, textAt(unit, "amount", "value"))
		if !ok || currency != "" && code != currency || total+n < total {
			return "", 0, false
		}
		currency, total = code, total+n
	}
	return currency, total, true
}
