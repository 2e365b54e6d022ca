package miracle_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

const (
	unknown   = payonce.ClassUnknown
	refused   = payonce.ClassRefused
	succeeded = payonce.ClassSucceeded
	declined  = payonce.ClassDeclined
	mismatch  = payonce.ClassMismatch
)

var receivedAt = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// writes are the kinds of writes, with a path and a body as they are sent; stateful are those whose 409 is about the payment's state.
func writes() map[string]payonce.Request {
	return map[string]payonce.Request{
		"payment.create":                         {Path: "/v1/payments", Body: []byte(`{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1","captureMethod":"manual","metadata":{"payonce_ref":"payment.create:1:order-1"}}`)},
		"payment.capture":                        {Path: "/v1/payments/pay_1/capture"},
		"payment.cancel":                         {Path: "/v1/payments/pay_1/cancel"},
		"refund.create":                          {Path: "/v1/payments/pay_1/refund", Body: []byte(`{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1","metadata":{"payonce_ref":"refund.create:1:order-1"}}`)},
		"miracle.payment.complete_action":        {Path: "/v1/payments/pay_1/complete-action", Body: []byte(`{"cres":"c"}`)},
		"miracle.checkout_session.create":        {Path: "/v1/checkout-sessions", Body: []byte(`{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1"}`)},
		"miracle.hpp_session.create":             {Path: "/v1/hpp/sessions", Body: []byte(`{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1"}`)},
		"miracle.webhook_endpoint.create":        {Path: "/v1/webhooks/endpoints", Body: []byte(`{"url":"https://shop.example"}`)},
		"miracle.webhook_endpoint.delete":        {Path: "/v1/webhooks/endpoints/we_1", Method: http.MethodDelete, EmptyOK: true},
		"miracle.webhook_endpoint.rotate_secret": {Path: "/v1/webhooks/endpoints/we_1/rotate-secret"},
		"acme.thing":                             {Path: "/v1/settlements"},
	}
}

func stateful(kind string) bool {
	switch kind {
	case "payment.capture", "payment.cancel", "miracle.payment.complete_action":
		return true
	}
	return false
}

// reads are the kinds of reads, with a path.
func reads() map[string]payonce.Request {
	return map[string]payonce.Request{
		"payment.get": {Path: "/v1/payments/pay_1"}, "refund.get": {Path: "/v1/refunds/ref_1"}, "refund.list": {Path: "/v1/payments/pay_1/refunds"},
		"check": {Path: "/v1/payments"}, "miracle.payment.list": {Path: "/v1/payments?status=failed"},
		"miracle.checkout_session.get": {Path: "/v1/checkout-sessions/cs_1"}, "miracle.webhook_endpoint.get": {Path: "/v1/webhooks/endpoints/we_1"},
		"miracle.webhook_endpoint.list": {Path: "/v1/webhooks/endpoints"}, "acme.read": {Path: "/v1/balance"},
	}
}

// request is a write or read as the client would make it.
func request(kind string) *payonce.Request {
	req, write := writes()[kind]
	if !write {
		req = reads()[kind]
	}
	req.Kind = kind
	if write {
		req.Key = "k"
	}
	if req.Method == "" {
		req.Method = map[bool]string{true: http.MethodPost, false: http.MethodGet}[write]
	}
	return &req
}

func response(status int, body string) *payonce.Response {
	return &payonce.Response{Status: status, Header: http.Header{}, Body: []byte(body), Complete: true, ReceivedAt: receivedAt}
}

func classify(tb testing.TB, kind string, status int, body string) payonce.Verdict {
	tb.Helper()
	return newProvider(tb).Classify(request(kind), response(status, body))
}

// decision is what of a verdict decides.
type decision struct {
	class                    payonce.Class
	resend, proven, keySpent bool
}

func decisive(v payonce.Verdict) decision {
	return decision{v.Class, v.Resend, v.Proven, v.KeySpent}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	lost, maybe, final := decision{}, decision{resend: true}, decision{class: refused}
	flight, reuse := decision{class: payonce.ClassInFlight, resend: true}, decision{class: payonce.ClassReuse}
	bodies := map[string]string{
		"nothing": "", "a page": "<html>no</html>", "a number": "7", "a list": "[]", "null": "null", "an empty object": "{}", "an empty code": `{"code":""}`,
		"a numeric code": `{"code":409}`, "a phrase": `{"error":"Conflict","statusCode":409}`, "half a document": `{"code":"X"`, "a payment": `{"data":{"id":"pay_1"}}`,
		"a code": `{"code":"INVALID_STATE"}`, "a nested code": `{"error":{"code":"INVALID_STATE","message":"m"}}`, "code and message": `{"code":"INVALID_STATE","message":"m"}`,
		"a message": `{"message":"m"}`, "messages": `{"message":["a","b"],"error":"Bad Request"}`, "a nested message": `{"error":{"message":"m"}}`,
		"reuse": `{"code":"DUPLICATE_TRANSACTION"}`, "nested reuse": `{"error":{"code":"duplicate_transaction"}}`, "reuse in a word": `{"error":"DUPLICATE_TRANSACTION"}`,
		"reuse in a phrase's place": `{"statusCode":409,"message":"The key was used with another body","error":"DUPLICATE_TRANSACTION"}`,
		"reuse as a payment's":      `{"errorCode":"DUPLICATE_TRANSACTION","errorMessage":"x"}`, "reuse in a list": `{"errors":[7,{"code":"DUPLICATE_TRANSACTION"}]}`,
		"reuse as a type": `{"error":{"type":" DUPLICATE_TRANSACTION","message":"x"}}`, "reuse beside data": `{"data":null,"error":{"code":"DUPLICATE_TRANSACTION"}}`,
		"another word": `{"errorCode":"X"}`, "another list": `{"errors":[{"id":"X"}]}`, "a type": `{"error":{"type":"X"}}`,
	}
	isDocument := func(name string) bool {
		return strings.Contains(name, "code") && !strings.HasPrefix(name, "an empty") && name != "a numeric code" || strings.Contains(name, "message") || strings.Contains(name, "reuse")
	}
	p, kinds := newProvider(t), map[string]*payonce.Request{}
	for kind := range writes() {
		kinds[kind] = request(kind)
	}
	for kind := range reads() {
		kinds[kind] = request(kind)
	}
	statuses := []int{0, 100, 101, 103, 199, 300, 301, 302, 303, 304, 307, 308, 399, 500, 501, 502, 503, 504, 511, 529, 599, 600, 700}
	for status := 400; status <= 499; status++ {
		statuses = append(statuses, status)
	}
	for _, status := range statuses {
		for name, body := range bodies {
			for kind, req := range kinds {
				write, want := req.Key != "", lost
				switch transient := status == 408 || status == 425 || status == 429 || status >= 500 && status <= 599; {
				case status == 429 && isDocument(name):
					want = decision{class: refused, resend: true}
				case transient:
					want = maybe
				case status < 400 || status > 499:
				case write && strings.Contains(name, "reuse"):
					want = reuse
				case write && status == 409 && (!stateful(kind) || !isDocument(name) || !strings.Contains(name, "code")):
					want = flight
				case isDocument(name):
					want = final
				}
				if got := decisive(p.Classify(req, response(status, body))); got != want {
					require.Equal(t, want, got, "%s answered %d with %s", kind, status, name)
				}
			}
		}
	}
}

func TestACutRefusalProvesNothing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	cut := func(status int) decision {
		return decisive(p.Classify(request("payment.capture"), &payonce.Response{Status: status, Body: []byte(`{"code":"INVALID_STATE"}`)}))
	}
	assert.Equal(t, decision{}, cut(400))
	assert.Equal(t, decision{class: payonce.ClassInFlight, resend: true}, cut(409))
	assert.Equal(t, decision{resend: true}, cut(503))
}

// payment is a payment as the reference shows it.
func payment(id, status, more string) string {
	return fmt.Sprintf(`{"data":{"id":%q,"tenantId":"t","livemode":false,"status":%q,"merchantId":%q%s}}`, id, status, merchantID, more)
}

func TestSuccesses(t *testing.T) {
	t.Parallel()
	good, garbled, no := decision{class: succeeded}, decision{resend: true}, decision{class: declined, proven: true, keySpent: true}
	other := decision{class: mismatch}
	const sent = `,"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1"`
	for name, tc := range map[string]struct {
		kind, body string
		want       decision
		id, code   string
	}{
		"a payment":                      {"payment.create", payment("pay_1", "processing", sent), good, "pay_1", "processing"},
		"a bare payment":                 {"payment.create", `{"id":"pay_1","status":"succeeded"}`, good, "pay_1", "succeeded"},
		"a payment of a new status":      {"payment.create", payment("pay_1", "in_review", ""), good, "pay_1", "in_review"},
		"a canceled payment":             {"payment.create", payment("pay_1", "canceled", ""), good, "pay_1", "canceled"},
		"a declined payment":             {"payment.create", payment("pay_1", "failed", `,"errorCode":"INSUFFICIENT_FUNDS"`), no, "pay_1", "INSUFFICIENT_FUNDS"},
		"a payment that failed silently": {"payment.create", payment("pay_1", "failed", `,"errorCode":null`), no, "pay_1", "failed"},
		"a payment without id":           {"payment.create", payment("", "processing", sent), garbled, "", "unreadable answer"},
		"a payment without status":       {"payment.create", payment("pay_1", "", sent), garbled, "", "unreadable answer"},
		"a payment with a number id":     {"payment.create", `{"data":{"id":1,"status":"processing"}}`, garbled, "", "unreadable answer"},
		"odd fields":                     {"payment.create", payment("pay_1", "processing", `,"amount":7,"errorCode":51,"statusReason":{"code":"x"},"url":{"href":"x"},"captureMethod":1,"amountBreakdown":[]`), good, "pay_1", "processing"},
		"a decline with odd fields":      {"payment.create", payment("pay_1", "failed", `,"amount":"50.00","errorCode":51,"errorMessage":{"en":"no"}`), no, "pay_1", "failed"},
		"a failure and money captured":   {"payment.create", payment("pay_1", "failed", `,"errorCode":"X","amountBreakdown":{"captured":{"currency":"USD","valueMinor":5000}}`), good, "pay_1", "failed"},
		"a failure and money refunded":   {"payment.create", payment("pay_1", "failed", `,"amountBreakdown":{"refunded":{"currency":"USD","valueMinor":1}}`), good, "pay_1", "failed"},
		"a failure and perhaps money":    {"payment.create", payment("pay_1", "failed", `,"amountBreakdown":{"captured":"50.00"}`), good, "pay_1", "failed"},
		"a failure and no money":         {"payment.create", payment("pay_1", "failed", `,"amountBreakdown":{"captured":{"currency":"USD","valueMinor":0},"refunded":null}`), no, "pay_1", "failed"},
		"an error under 200":             {"payment.create", `{"error":{"code":"X","message":"m"}}`, garbled, "", "unreadable answer"},
		"no body":                        {"payment.create", ``, garbled, "", "unreadable answer"},
		"no data":                        {"payment.create", `{"data":null}`, garbled, "", "unreadable answer"},
		"a list instead":                 {"payment.create", `{"data":[]}`, garbled, "", "unreadable answer"},
		"a page of a gateway's":          {"payment.create", `<html>ok</html>`, garbled, "", "unreadable answer"},
		"half a body":                    {"payment.create", `{"data":{"id":"pay_1","status":"succ`, garbled, "", "unreadable answer"},
		"two bodies":                     {"payment.create", payment("pay_1", "processing", "") + `{}`, garbled, "", "unreadable answer"},
		"null":                           {"payment.create", `null`, garbled, "", "unreadable answer"},
		"metadata that is a list":        {"payment.create", payment("pay_1", "processing", `,"metadata":[1]`), good, "pay_1", "processing"},

		"a capture":                         {"payment.capture", payment("pay_1", "captured", ""), good, "pay_1", "captured"},
		"a capture in other letters":        {"payment.capture", payment("PAY_1", "captured", ""), good, "PAY_1", "captured"},
		"a capture still under way":         {"payment.capture", payment("pay_1", "requires_capture", ""), good, "pay_1", "requires_capture"},
		"a rejected capture":                {"payment.capture", payment("pay_1", "failed", `,"errorCode":"DO_NOT_HONOR"`), no, "pay_1", "DO_NOT_HONOR"},
		"a capture of what is canceled":     {"payment.capture", payment("pay_1", "canceled", ""), no, "pay_1", "canceled"},
		"a failed capture and money":        {"payment.capture", payment("pay_1", "failed", `,"amountBreakdown":{"captured":{"valueMinor":5000}}`), good, "pay_1", "failed"},
		"a canceled capture and money":      {"payment.capture", payment("pay_1", "canceled", `,"amountBreakdown":{"captured":{"valueMinor":5000}}`), good, "pay_1", "canceled"},
		"a failed action and money":         {"miracle.payment.complete_action", payment("pay_1", "failed", `,"amountBreakdown":{"captured":{"valueMinor":5000}}`), good, "pay_1", "failed"},
		"a cancellation too late":           {"payment.cancel", payment("pay_1", "captured", `,"amountBreakdown":{"captured":{"valueMinor":5000}}`), no, "pay_1", "captured"},
		"a failed refund of captured money": {"refund.create", `{"data":{"id":"ref_1","status":"failed","amountBreakdown":{"captured":{"valueMinor":5000}}}}`, no, "ref_1", "failed"},
		"a capture of another payment":      {"payment.capture", payment("pay_2", "captured", ""), other, "pay_2", "answer about something else"},
		"a cancellation":                    {"payment.cancel", payment("pay_1", "canceled", ""), good, "pay_1", "canceled"},
		"a cancellation that did not":       {"payment.cancel", payment("pay_1", "captured", ""), no, "pay_1", "captured"},
		"a cancellation without body":       {"payment.cancel", ``, garbled, "", "unreadable answer"},
		"a cancellation of another payment": {"payment.cancel", payment("pay_2", "canceled", ""), other, "pay_2", "answer about something else"},
		"an action":                         {"miracle.payment.complete_action", payment("pay_1", "processing", ""), good, "pay_1", "processing"},
		"an action that failed":             {"miracle.payment.complete_action", payment("pay_1", "failed", ""), no, "pay_1", "failed"},

		"a refund":                    {"refund.create", `{"data":{"id":"ref_1","paymentId":"pay_1","status":"pending"}}`, good, "ref_1", "pending"},
		"a bare refund":               {"refund.create", `{"id":"ref_1","status":"processing"}`, good, "ref_1", "processing"},
		"a failed refund":             {"refund.create", `{"data":{"id":"ref_1","paymentId":"pay_1","status":"failed","statusReason":"expired card"}}`, no, "ref_1", "expired card"},
		"a refund of another payment": {"refund.create", `{"data":{"id":"ref_1","paymentId":"pay_2","status":"pending"}}`, other, "ref_1", "answer about something else"},
		"a refund without id":         {"refund.create", `{"data":{"status":"pending"}}`, garbled, "", "unreadable answer"},

		"a session":                    {"miracle.checkout_session.create", `{"data":{"id":"cs_1","status":"open","clientSecret":"cs_secret"}}`, good, "cs_1", "open"},
		"a session without id":         {"miracle.checkout_session.create", `{"data":{"status":"open"}}`, garbled, "", "unreadable answer"},
		"a hosted page":                {"miracle.hpp_session.create", `{"url":"https://pay.example"}`, good, "", ""},
		"a hosted page without URL":    {"miracle.hpp_session.create", `{"id":"cs_1"}`, garbled, "", "unreadable answer"},
		"an endpoint":                  {"miracle.webhook_endpoint.create", `{"data":{"id":"we_1","secret":"whsec_x","status":"active"}}`, good, "we_1", "active"},
		"an endpoint without secret":   {"miracle.webhook_endpoint.create", `{"data":{"id":"we_1"}}`, garbled, "", "unreadable answer"},
		"a new secret":                 {"miracle.webhook_endpoint.rotate_secret", `{"data":{"secret":"whsec_x"}}`, good, "", ""},
		"a new secret that is missing": {"miracle.webhook_endpoint.rotate_secret", `{"data":{}}`, garbled, "", "unreadable answer"},
		"a deletion":                   {"miracle.webhook_endpoint.delete", ``, good, "", ""},
		"a deletion with a body":       {"miracle.webhook_endpoint.delete", `{"data":{"id":"we_1"}}`, good, "we_1", ""},
		"a deletion with a page":       {"miracle.webhook_endpoint.delete", `<html>`, garbled, "", "unreadable answer"},

		"something else":                 {"acme.thing", `{"data":{"id":"set_1"}}`, good, "set_1", ""},
		"something else, a list":         {"acme.thing", `[1]`, good, "", ""},
		"something else, odd":            {"acme.thing", `{"data":{"id":7}}`, good, "", ""},
		"something else, an error":       {"acme.thing", `{"error":{"code":"X"}}`, garbled, "", "unreadable answer"},
		"something else, a word":         {"acme.thing", `{"error":"boom"}`, garbled, "", "unreadable answer"},
		"something else, no error":       {"acme.thing", `{"error":null,"id":"x"}`, good, "x", ""},
		"something else, garbled":        {"acme.thing", `[1`, garbled, "", "unreadable answer"},
		"something else, empty":          {"acme.thing", ``, garbled, "", "unreadable answer"},
		"something else, of live":        {"acme.thing", `{"data":{"id":"set_1","livemode":true}}`, other, "set_1", "answer about something else"},
		"a payment that was read":        {"payment.get", payment("pay_1", "failed", ""), good, "pay_1", "failed"},
		"another payment that was read":  {"payment.get", payment("pay_2", "failed", ""), other, "pay_2", "answer about something else"},
		"a refund that was read":         {"refund.get", `{"data":{"id":"ref_1","status":"failed"}}`, good, "ref_1", "failed"},
		"another refund that was read":   {"refund.get", `{"data":{"id":"ref_2","status":"failed"}}`, other, "ref_2", "answer about something else"},
		"a session that was read":        {"miracle.checkout_session.get", `{"data":{"id":"cs_1","status":"open"}}`, good, "cs_1", "open"},
		"another session that was read":  {"miracle.checkout_session.get", `{"data":{"id":"cs_2"}}`, other, "cs_2", "answer about something else"},
		"an endpoint that was read":      {"miracle.webhook_endpoint.get", `{"data":{"id":"we_1"}}`, good, "we_1", ""},
		"another endpoint that was read": {"miracle.webhook_endpoint.get", `{"data":{"id":"we_2"}}`, other, "we_2", "answer about something else"},
		"a page":                         {"refund.list", `{"data":[],"pagination":{"hasMore":false}}`, good, "", ""},
		"a page without pagination":      {"miracle.webhook_endpoint.list", `{"data":[{"id":"we_1"}]}`, good, "", ""},
		"a page without a cursor":        {"miracle.payment.list", `{"data":[],"pagination":{"hasMore":true}}`, garbled, "", "unreadable answer"},
		"a page without data":            {"check", `{}`, garbled, "", "unreadable answer"},
		"a page that is null":            {"check", `null`, garbled, "", "unreadable answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{200, 201, 202, 299} {
				v := classify(t, tc.kind, status, tc.body)
				assert.Equal(t, tc.want, decisive(v))
				assert.Equal(t, []string{tc.id, tc.code}, []string{v.ResourceID, v.Code})
			}
			assert.Equal(t, decision{resend: true}, decisive(classify(t, tc.kind, http.StatusPartialContent, tc.body)), "a part is no whole")
			res := response(200, tc.body)
			res.Complete = false
			assert.Equal(t, decision{resend: true}, decisive(newProvider(t).Classify(request(tc.kind), res)), "a cut success is unknown")
		})
	}
}

func TestAnAnswerAboutSomethingElseIsAMismatch(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, more string
		want       payonce.Class
	}{
		"the same":                         {"payment.create", `,"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-1","captureMethod":"manual","metadata":{"payonce_ref":"payment.create:1:order-1"}`, succeeded},
		"nothing echoed":                   {"payment.create", ``, succeeded},
		"nulls echoed":                     {"payment.create", `,"amount":null,"merchantReference":null,"captureMethod":null,"livemode":null,"metadata":null`, succeeded},
		"another amount":                   {"payment.create", `,"amount":{"currency":"USD","valueMinor":5001}`, mismatch},
		"another currency":                 {"payment.create", `,"amount":{"currency":"EUR","valueMinor":5000}`, mismatch},
		"half an amount":                   {"payment.create", `,"amount":{"valueMinor":5000}`, succeeded},
		"another reference":                {"payment.create", `,"merchantReference":"order-2"`, mismatch},
		"another way to capture":           {"payment.create", `,"captureMethod":"automatic"`, mismatch},
		"another generation":               {"payment.create", `,"metadata":{"payonce_ref":"payment.create:2:order-1"}`, mismatch},
		"metadata of another kind":         {"refund.create", `,"metadata":{"payonce_ref":"payment.create:1:order-1"}`, succeeded},
		"another refund":                   {"refund.create", `,"metadata":{"payonce_ref":"refund.create:1:order-2"}`, mismatch},
		"another refund's amount":          {"refund.create", `,"amount":{"currency":"USD","valueMinor":1}`, mismatch},
		"another refund's reference":       {"refund.create", `,"merchantReference":"order-2"`, mismatch},
		"a refund of another payment":      {"refund.create", `,"paymentId":"pay_2"`, mismatch},
		"a declined payment of another":    {"payment.create", `,"merchantReference":"order-2","status":"failed"`, mismatch},
		"another session's amount":         {"miracle.checkout_session.create", `,"amount":{"currency":"USD","valueMinor":1}`, mismatch},
		"another session's reference":      {"miracle.hpp_session.create", `,"merchantReference":"order-2"`, mismatch},
		"a live payment under a test key":  {"payment.create", `,"livemode":true`, mismatch},
		"a live refund under a test key":   {"refund.create", `,"livemode":true`, mismatch},
		"a live session under a test key":  {"miracle.checkout_session.create", `,"livemode":true`, mismatch},
		"a test payment under a test key":  {"payment.create", `,"livemode":false`, succeeded},
		"a live payment read":              {"payment.get", `,"livemode":true`, mismatch},
		"a live payment in a string":       {"payment.create", `,"livemode":"true"`, mismatch},
		"an unexpected kind of livemode":   {"payment.create", `,"livemode":1`, succeeded},
		"a currency in small letters":      {"payment.create", `,"amount":{"currency":"usd","valueMinor":5000}`, succeeded},
		"an amount with a fraction of 0":   {"payment.create", `,"amount":{"currency":"USD","valueMinor":5000.0}`, succeeded},
		"an amount with an exponent":       {"payment.create", `,"amount":{"currency":"USD","valueMinor":5e3}`, succeeded},
		"an amount with a fraction":        {"payment.create", `,"amount":{"currency":"USD","valueMinor":5000.5}`, mismatch},
		"an amount beyond all":             {"payment.create", `,"amount":{"currency":"USD","valueMinor":5e999}`, mismatch},
		"an amount of nothing":             {"payment.create", `,"amount":{"currency":"USD","valueMinor":0}`, mismatch},
		"an amount that is no number":      {"payment.create", `,"amount":{"currency":"USD","valueMinor":"50.00"}`, succeeded},
		"a reference with spaces":          {"payment.create", `,"merchantReference":" order-1 "`, succeeded},
		"our merchant":                     {"payment.create", `,"merchantId":"` + strings.ToUpper(merchantID) + `"`, succeeded},
		"another merchant's payment":       {"payment.create", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, mismatch},
		"another merchant's capture":       {"payment.capture", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, mismatch},
		"another merchant's refund":        {"refund.create", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, mismatch},
		"another merchant's session":       {"miracle.checkout_session.create", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, mismatch},
		"another merchant's payment read":  {"payment.get", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, mismatch},
		"another merchant's something":     {"acme.thing", `,"merchantId":"ffffffff-0000-4000-8000-000000000000"`, succeeded},
		"a merchant that can't be read":    {"payment.create", `,"merchantId":7`, succeeded},
		"a merchant's own in the metadata": {"payment.create", `,"metadata":{"payonce_ref":7}`, succeeded},
	} {
		body := `{"data":{"id":"pay_1","status":"processing","url":"https://pay.example","secret":"s"` + tc.more + `}}`
		v := classify(t, tc.kind, 200, body)
		assert.Equal(t, tc.want, v.Class, name)
		assert.Equal(t, tc.want == unknown, v.Resend, name)
		assert.False(t, v.Proven, name)
	}
	inProduction := newProvider(t, inLive)
	for livemode, want := range map[string]payonce.Class{"true": succeeded, "false": mismatch} {
		v := inProduction.Classify(request("payment.create"), response(201, `{"data":{"id":"pay_1","status":"processing","livemode":`+livemode+`}}`))
		assert.Equal(t, want, v.Class, "livemode %s under a live key", livemode)
	}
	v := classify(t, "payment.create", 200, payment("pay_1", "processing", `,"merchantReference":"canary"`))
	assert.Equal(t, "another merchantReference than was sent", v.Message, "what differs is named, not shown")
}

func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{miracle.CodeInsufficientFunds, miracle.CodeDoNotHonor, miracle.CodeGatewayTimeout, "A_NEW_ONE"} {
		for _, kind := range []string{"payment.create", "payment.capture", "miracle.payment.complete_action"} {
			v := classify(t, kind, 200, payment("pay_1", "failed", `,"errorCode":"`+code+`","errorMessage":"The card 4111111111111111 was declined"`))
			assert.Equal(t, payonce.Verdict{
				Class: declined, Proven: true, KeySpent: true, ResourceID: "pay_1", Code: code, Message: "The card […] was declined",
			}, v, "%s of %s", code, kind)
		}
	}
}

func TestHintsAndNames(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-5": 0, "soon": 0, "99999999999": 30 * 24 * time.Hour, "Thu, 20 Aug 2026 12:00:30 GMT": 30 * time.Second,
	} {
		for _, status := range []int{408, 409, 425, 429, 503} {
			res := response(status, "")
			res.Header.Set("Retry-After", value)
			assert.Equal(t, want, p.Classify(request("payment.create"), res).Wait, "%d %q", status, value)
		}
	}
	res := response(403, `{"error":{"code":"FORBIDDEN","message":"no permission for jane@example.com\u001b[31m"}}`)
	res.Header.Set("X-Request-Id", "req\x00 1")
	v := p.Classify(request("payment.create"), res)
	assert.Equal(t, payonce.Verdict{Class: refused, Code: "FORBIDDEN", Message: "no permission for […]", RequestID: "req1"}, v)
	v = p.Classify(request("payment.create"), response(400, `{"message":["`+strings.Repeat("long ", 1000)+`","b"],"code":"`+strings.Repeat("C", 100)+`"}`))
	assert.LessOrEqual(t, utf8.RuneCountInString(v.Message), 200)
	assert.LessOrEqual(t, utf8.RuneCountInString(v.Code), 60)
	v = p.Classify(request("payment.create"), response(400, `{"message":["amount must be set","currency must be set"],"error":"Bad Request"}`))
	assert.Equal(t, "amount must be set; currency must be set", v.Message)
	assert.Equal(t, payonce.Verdict{Resend: true, Code: "DOWN"}, p.Classify(request("payment.create"), response(503, `{"code":"DOWN"}`)))
}
