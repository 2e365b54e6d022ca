package simulator

import (
	"math"
	"net/http"
	"strings"
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
