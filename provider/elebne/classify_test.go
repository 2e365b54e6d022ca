package elebne_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

const (
	unknown   = payonce.ClassUnknown
	refused   = payonce.ClassRefused
	succeeded = payonce.ClassSucceeded
	mismatch  = payonce.ClassMismatch
)

var receivedAt = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// firstForm and secondForm are the two error documents.
func firstForm(status int, code string) string {
	return fmt.Sprintf(`{"success":false,"error":{"code":%q,"message":"No.","statusCode":%d}}`, code, status)
}

func secondForm(code string) string {
	return fmt.Sprintf(`{"success":false,"error":{"message":"No.","error":%q}}`, code)
}

// pathOf is where a kind is sent.
func pathOf(kind string) (method, path string) {
	one := "/api/v1/dev/intents/" + intentID
	switch kind {
	case "payment.create":
		return http.MethodPost, "/api/v1/dev/intents"
	case "payment.cancel":
		return http.MethodPost, one + "/cancel"
	case "refund.create":
		return http.MethodPost, one + "/refund"
	case "elebne.intent.simulate":
		return http.MethodPost, one + "/simulate-payment"
	case "payment.get":
		return http.MethodGet, one
	case "elebne.intent.list":
		return http.MethodGet, "/api/v1/dev/intents?page=1"
	case "elebne.order.list":
		return http.MethodGet, "/api/v1/dev/store/orders"
	case "elebne.order.get":
		return http.MethodGet, "/api/v1/dev/store/orders/EL-31"
	case "elebne.product.create":
		return http.MethodPost, "/api/v1/dev/store/products"
	case "elebne.product.update":
		return http.MethodPut, "/api/v1/dev/store/products/p-1"
	case "elebne.product.delete":
		return http.MethodDelete, "/api/v1/dev/store/products/p-1"
	case "elebne.product.import":
		return http.MethodPost, "/api/v1/dev/store/products/import-csv"
	case "elebne.stock.set":
		return http.MethodPatch, "/api/v1/dev/store/products/SKU%201/stock"
	case "elebne.variant_stock.set":
		return http.MethodPatch, "/api/v1/dev/store/products/p-1/variants/v-1/stock"
	case "elebne.webhook_endpoint.create":
		return http.MethodPost, "/api/v1/dev/webhooks/endpoints"
	case "elebne.webhook_endpoint.update":
		return http.MethodPut, "/api/v1/dev/webhooks/endpoints/e-1"
	case "elebne.webhook_endpoint.delete":
		return http.MethodDelete, "/api/v1/dev/webhooks/endpoints/e-1"
	case "elebne.webhook_endpoint.test":
		return http.MethodPost, "/api/v1/dev/webhooks/endpoints/e-1/test"
	}
	return http.MethodPost, "/api/v1/dev/acme"
}

func writes() []string {
	return []string{
		"payment.create", "payment.cancel", "refund.create", "elebne.intent.simulate", "elebne.product.create", "elebne.product.update",
		"elebne.product.delete", "elebne.product.import", "elebne.stock.set", "elebne.variant_stock.set", "elebne.webhook_endpoint.create",
		"elebne.webhook_endpoint.update", "elebne.webhook_endpoint.delete", "elebne.webhook_endpoint.test", "acme.thing",
	}
}

func reads() []string {
	return []string{"payment.get", "elebne.intent.list", "elebne.order.list", "elebne.order.get"}
}

func requestOf(kind, body string) *payonce.Request {
	method, path := pathOf(kind)
	req := &payonce.Request{Kind: kind, Method: method, Path: path, Body: []byte(body)}
	if method != http.MethodGet {
		req.Key = "k"
	}
	req.EmptyOK = method == http.MethodDelete || strings.HasSuffix(kind, ".test")
	return req
}

func classify(tb testing.TB, kind, body string, status int, answer string) payonce.Verdict {
	tb.Helper()
	return newProvider(tb).Classify(requestOf(kind, body), &payonce.Response{
		Status: status, Header: http.Header{}, Body: []byte(answer), Complete: true, ReceivedAt: receivedAt,
	})
}

// decision is what of a verdict decides.
type decision struct {
	class                                 payonce.Class
	resend, reauthorize, proven, keySpent bool
}

func decisive(v payonce.Verdict) decision {
	return decision{v.Class, v.Resend, v.Reauthorize, v.Proven, v.KeySpent}
}

func TestEveryStatusWithAndWithoutTheDocument(t *testing.T) {
	t.Parallel()
	final, lost, maybe := decision{class: refused}, decision{}, decision{resend: true}
	limited, flight := decision{class: refused, resend: true}, decision{class: payonce.ClassInFlight, resend: true}
	for status := 100; status < 620; status++ {
		if status >= 200 && status <= 299 {
			continue
		}
		withDocument, without := final, lost
		switch {
		case status < 400, status > 599:
			withDocument = lost
		case status == 408, status == 425, status >= 500:
			withDocument, without = maybe, maybe
		case status == 429:
			withDocument, without = limited, maybe
		case status == 409:
			withDocument = flight
		}
		for _, kind := range append(writes(), reads()...) {
			want := withDocument
			if status == 409 && (requestOf(kind, "").Key == "" || kind == "payment.cancel") {
				want = final
			}
			for _, code := range []string{firstForm(status, "SOMETHING_NEW"), secondForm("SOMETHING_NEW")} {
				v := classify(t, kind, `{"amount":1}`, status, code)
				require.Equal(t, want, decisive(v), "%d for %s, with the document", status, kind)
				require.Equal(t, "SOMETHING_NEW", v.Code)
				require.Equal(t, "No.", v.Message)
			}
			for _, foreign := range []string{
				"", "<html>Bad gateway</html>", "null", "[]", `"no"`, `{"statusCode":404,"message":"Cannot POST","error":"Not Found"}`,
				firstForm(status+1, "SOMETHING_NEW"), `{"error":{"code":"X"}}`, `{"success":true,"error":{"code":"X"}}`, `{"success":false}`,
				`{"success":false,"error":{"message":""}}`, `{"success":false,"error":{"message":[7],"code":7}}`, `{"success":false,"error":{"statusCode":409}}`,
				`{"success":false,"error":"X"}`, `{"success":false,"error":["X"]}`, `{"success":"false","error":{"code":"X"}}`, `{"success":null,"error":{"code":"X"}}`,
				`{"success":false,"error":{"code":"X","statusCode":"` + strconv.Itoa(status+1) + `"}}`,
				firstForm(status, "X")[:20], firstForm(status, "X") + "{}",
			} {
				require.Equal(t, without, decisive(classify(t, kind, `{"amount":1}`, status, foreign)), "%d for %s with %s", status, kind, foreign)
			}
		}
	}
}

func TestEveryDocumentedCodeIsARefusalWithoutProof(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{
		"IDEMPOTENCY_KEY_REQUIRED": 400, "MISSING_CREDENTIALS": 401, "INVALID_AUTH_HEADER": 401, "INVALID_API_KEY": 401,
		"API_ACCESS_NOT_ACTIVE": 403, "LIVE_ACCESS_NOT_APPROVED": 403, "SECRET_KEY_REQUIRED": 403, "SCOPE_REQUIRED": 403,
		"IP_NOT_ALLOWED": 403, "NOT_FOUND": 404, "RATE_LIMIT_EXCEEDED": 429,
	} {
		for _, body := range []string{firstForm(status, code), secondForm(code)} {
			v := classify(t, "payment.create", `{}`, status, body)
			assert.Equal(t, decision{class: refused, resend: status == 429}, decisive(v), code)
			assert.Equal(t, code, v.Code)
		}
	}
}

// The detail of a validation error is not documented, and the second form looks like a framework's that lists them.
func TestTheDetailsOfAnErrorDocumentMayHaveAnyShape(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string][2]string{
		`{"message":["amount must be an integer"," label is too long "],"error":"BAD_REQUEST"}`:          {"BAD_REQUEST", "amount must be an integer; label is too long"},
		`{"code":"VALIDATION_ERROR","message":{"label":["is too long"],"amount":"is no integer","n":3}}`: {"VALIDATION_ERROR", "is no integer; is too long"},
		`{"code":"VALIDATION_ERROR","message":"No.","statusCode":"400"}`:                                 {"VALIDATION_ERROR", "No."},
		`{"code":"VALIDATION_ERROR","statusCode":"Bad Request"}`:                                         {"VALIDATION_ERROR", ""},
		`{"code":400,"message":"No."}`:                                                                   {"", "No."},
		`{"code":{},"error":"BAD_REQUEST","message":false,"statusCode":null}`:                            {"BAD_REQUEST", ""},
		`{"message":"No."}`:                       {"", "No."},
		`{"message":["pay 4111 1111 1111 1111"]}`: {"", "pay […]"},
	} {
		v := classify(t, "payment.create", `{}`, 400, `{"success":false,"error":`+detail+`}`)
		assert.Equal(t, decision{class: refused}, decisive(v), detail)
		assert.Equal(t, want, [2]string{v.Code, v.Message})
	}
}

// A payer who was faster is the usual conflict. It is not waited for, and proves nothing of an earlier attempt.
func TestAConflictRefusesACancellationOnly(t *testing.T) {
	t.Parallel()
	for _, kind := range writes() {
		want := decision{class: payonce.ClassInFlight, resend: true}
		if kind == "payment.cancel" {
			want = decision{class: refused}
		}
		assert.Equal(t, want, decisive(classify(t, kind, "", 409, secondForm("INVALID_STATE"))), kind)
		assert.Equal(t, decision{}, decisive(classify(t, kind, "", 409, "<html>Conflict</html>")), kind)
	}
}

func TestACutAnswerProvesNothing(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]decision{200: {resend: true}, 201: {resend: true}, 204: {resend: true}, 400: {}, 404: {}, 429: {resend: true}, 503: {resend: true}} {
		for _, kind := range append(writes(), reads()...) {
			v := newProvider(t).Classify(requestOf(kind, ""), &payonce.Response{Status: status, Header: http.Header{}, Body: []byte(intent("PENDING"))})
			assert.Equal(t, want, decisive(v), "%d for %s", status, kind)
		}
	}
}

func TestWhatASuccessMustHold(t *testing.T) {
	t.Parallel()
	good, garbled, declined := decision{class: succeeded}, decision{resend: true}, decision{class: payonce.ClassDeclined, proven: true, keySpent: true}
	paid := func(status string) string {
		return strings.Replace(intent(status), `"amount"`, `"paidAt":"2026-04-04T10:30:00.000Z","amount"`, 1)
	}
	const one = `"referenceNumber":"PI-312345678901234"`
	for name, tc := range map[string]struct {
		kind, body string
		status     int
		want       decision
		id, code   string
	}{
		"an intent":                       {"payment.create", intent("PENDING"), 201, good, intentID, "PENDING"},
		"an intent under 200":             {"payment.create", intent("PENDING"), 200, good, intentID, "PENDING"},
		"an intent of a new status":       {"payment.create", intent("BRAND_NEW"), 200, good, intentID, "BRAND_NEW"},
		"an intent that failed":           {"payment.create", intent("FAILED"), 200, declined, intentID, "FAILED"},
		"an intent that failed, paid":     {"payment.create", paid("FAILED"), 200, good, intentID, "FAILED"},
		"a replay of what is over":        {"payment.create", intent("CANCELLED"), 200, good, intentID, "CANCELLED"},
		"an intent without its number":    {"payment.create", `{"success":true,"data":{"amount":50000,"status":"PENDING"}}`, 200, garbled, "", "unreadable answer"},
		"an intent without status":        {"payment.create", `{"success":true,"data":{` + one + `,"amount":50000}}`, 200, garbled, "", "unreadable answer"},
		"an intent without amount":        {"payment.create", `{"success":true,"data":{` + one + `,"status":"PENDING"}}`, 200, garbled, "", "unreadable answer"},
		"an intent with a decimal amount": {"payment.create", `{"success":true,"data":{` + one + `,"status":"PENDING","amount":500.5}}`, 200, garbled, "", "unreadable answer"},
		"an intent with a text amount":    {"payment.create", `{"success":true,"data":{` + one + `,"status":"PENDING","amount":"50000"}}`, 200, garbled, "", "unreadable answer"},
		"no success":                      {"payment.create", strings.Replace(intent("PENDING"), `"success":true,`, "", 1), 200, garbled, "", "unreadable answer"},
		"success as text":                 {"payment.create", strings.Replace(intent("PENDING"), "true", `"true"`, 1), 200, garbled, "", "unreadable answer"},
		"success false":                   {"payment.create", strings.Replace(intent("PENDING"), "true", "false", 1), 200, garbled, "", "unreadable answer"},
		"an error under 200":              {"payment.create", firstForm(200, "NOPE"), 200, garbled, "", "NOPE"},
		"an error beside success":         {"payment.create", `{"success":true,"data":{` + one + `,"status":"PENDING","amount":50000},"error":{"code":"X"}}`, 200, garbled, "", "unreadable answer"},
		"no data":                         {"payment.create", `{"success":true}`, 200, garbled, "", "unreadable answer"},
		"data that is null":               {"payment.create", `{"success":true,"data":null}`, 200, garbled, "", "unreadable answer"},
		"data that is a list":             {"payment.create", `{"success":true,"data":[]}`, 200, garbled, "", "unreadable answer"},
		"no body":                         {"payment.create", "", 200, garbled, "", "unreadable answer"},
		"no content":                      {"payment.cancel", "", 204, garbled, "", "unreadable answer"},
		"HTML":                            {"payment.create", "<html>", 200, garbled, "", "unreadable answer"},
		"half a body":                     {"payment.create", intent("PENDING")[:60], 201, garbled, "", "unreadable answer"},
		"two bodies":                      {"payment.create", intent("PENDING") + "{}", 201, garbled, "", "unreadable answer"},
		"null":                            {"payment.create", "null", 200, garbled, "", "unreadable answer"},
		"a list":                          {"payment.create", "[]", 200, garbled, "", "unreadable answer"},
		"part of a body":                  {"payment.create", intent("PENDING"), 206, garbled, "", "unreadable answer"},
		"a cancellation":                  {"payment.cancel", intent("CANCELLED"), 200, good, intentID, "CANCELLED"},
		"a cancellation that says little": {"payment.cancel", `{"success":true,"data":{}}`, 200, good, intentID, ""},
		"a cancellation without data":     {"payment.cancel", `{"success":true}`, 200, good, intentID, ""},
		"a cancellation with a list":      {"payment.cancel", `{"success":true,"data":[1]}`, 200, good, intentID, ""},
		"a cancellation, pending":         {"payment.cancel", intent("PENDING"), 200, good, intentID, "PENDING"},
		"a cancellation, a new status":    {"payment.cancel", intent("BRAND_NEW"), 200, good, intentID, "BRAND_NEW"},
		"a cancellation of what was paid": {"payment.cancel", intent("PAID"), 200, declined, intentID, "PAID"},
		"a cancellation, completed":       {"payment.cancel", intent("COMPLETED"), 200, declined, intentID, "COMPLETED"},
		"a cancellation, refunded":        {"payment.cancel", intent("REFUNDED"), 200, declined, intentID, "REFUNDED"},
		"a cancellation, failed":          {"payment.cancel", intent("FAILED"), 200, declined, intentID, "FAILED"},
		"a cancellation, paid at":         {"payment.cancel", paid("PAID"), 200, declined, intentID, "PAID"},
		"a cancellation without success":  {"payment.cancel", `{"data":{"status":"CANCELLED"}}`, 200, garbled, "", "unreadable answer"},
		"a refund":                        {"refund.create", `{"success":true,"data":{"refunded":true,"id":"r-1"}}`, 200, good, "r-1", "refunded"},
		"a refund without id":             {"refund.create", `{"success":true,"data":{"refunded":true}}`, 200, good, "", "refunded"},
		"a refund that names its intent":  {"refund.create", `{"success":true,"data":{"refunded":true,` + one + `}}`, 200, good, "", "refunded"},
		"a refund that shows the intent":  {"refund.create", intent("REFUNDED"), 200, good, "", "REFUNDED"},
		"a refund with its own number":    {"refund.create", `{"success":true,"data":{"referenceNumber":"RF-31","refunded":true}}`, 200, good, "RF-31", "refunded"},
		"a refund with number and id":     {"refund.create", `{"success":true,"data":{"referenceNumber":"RF-31","refunded":true,"id":"r-1"}}`, 200, good, "r-1", "refunded"},
		"a refund without data":           {"refund.create", `{"success":true}`, 200, garbled, "", "unreadable answer"},
		"a refund that says little":       {"refund.create", `{"success":true,"data":{}}`, 200, garbled, "", "unreadable answer"},
		"a refund denied":                 {"refund.create", `{"success":true,"data":{"refunded":false}}`, 200, garbled, "", "not refunded"},
		"a refund of null":                {"refund.create", `{"success":true,"data":{"refunded":null}}`, 200, garbled, "", "not refunded"},
		"a refund as text":                {"refund.create", `{"success":true,"data":{"refunded":"true"}}`, 200, garbled, "", "not refunded"},
		"a refund that failed":            {"refund.create", `{"success":true,"data":{"refunded":null,"status":"FAILED"}}`, 200, garbled, "", "not refunded"},
		"a simulated payment":             {"elebne.intent.simulate", intent("PAID"), 200, good, intentID, "PAID"},
		"a simulated failure":             {"elebne.intent.simulate", intent("FAILED"), 200, good, intentID, "FAILED"},
		"an intent that was read":         {"payment.get", intent("FAILED"), 200, good, intentID, "FAILED"},
		"an intent, read without amount":  {"payment.get", `{"success":true,"data":{` + one + `,"status":"PENDING"}}`, 200, garbled, "", "unreadable answer"},
		"intents":                         {"elebne.intent.list", `{"items":[],"total":0}`, 200, good, "", ""},
		"intents in an envelope":          {"elebne.intent.list", `{"success":true,"data":{"items":[]}}`, 200, good, "", ""},
		"intents alone in an envelope":    {"elebne.intent.list", `{"success":true,"data":[]}`, 200, good, "", ""},
		"no intents":                      {"elebne.intent.list", `{"success":true,"data":{}}`, 200, garbled, "", "unreadable answer"},
		"intents that failed":             {"elebne.intent.list", `{"success":false,"items":[]}`, 200, garbled, "", "unreadable answer"},
		"a product":                       {"elebne.product.create", `{"success":true,"data":{"id":"p-1","name":"x","status":"DISABLED"}}`, 201, good, "p-1", "DISABLED"},
		"a product without id":            {"elebne.product.create", `{"success":true,"data":{}}`, 201, good, "", ""},
		"a deleted product":               {"elebne.product.delete", "", 204, good, "", ""},
		"a deleted product, told":         {"elebne.product.delete", `{"success":true}`, 200, good, "", ""},
		"a deleted product, told more":    {"elebne.product.delete", `{"success":true,"data":"gone"}`, 200, good, "", ""},
		"a deletion with an error":        {"elebne.product.delete", secondForm("NOPE"), 200, garbled, "", "NOPE"},
		"a deletion with HTML":            {"elebne.product.delete", "<html>", 200, garbled, "", "unreadable answer"},
		"an import":                       {"elebne.product.import", `{"success":true,"data":{"imported":1}}`, 200, good, "", ""},
		"an import with null":             {"elebne.product.import", `{"success":true,"data":null}`, 200, good, "", ""},
		"an import with a list":           {"elebne.product.import", `{"success":true,"data":[{"id":"p-1"}]}`, 200, good, "", ""},
		"an import without success":       {"elebne.product.import", `{"imported":1}`, 200, garbled, "", "unreadable answer"},
		"a simulation without data":       {"elebne.intent.simulate", `{"success":true}`, 200, good, intentID, ""},
		"a changed product, no more":      {"elebne.product.update", `{"success":true}`, 200, good, "", ""},
		"a changed endpoint, no more":     {"elebne.webhook_endpoint.update", `{"success":true}`, 200, good, "", ""},
		"the stock of a variant, no more": {"elebne.variant_stock.set", `{"success":true}`, 200, good, "", ""},
		"stock without the product":       {"elebne.stock.set", `{"success":true}`, 200, garbled, "", "unreadable answer"},
		"an endpoint":                     {"elebne.webhook_endpoint.create", `{"success":true,"data":{"id":"e-1"}}`, 201, good, "e-1", ""},
		"an endpoint without id":          {"elebne.webhook_endpoint.create", `{"success":true,"data":{}}`, 201, garbled, "", "unreadable answer"},
		"an order":                        {"elebne.order.get", `{"data":{"status":"NEW"}}`, 200, good, "EL-31", "NEW"},
		"an order that failed":            {"elebne.order.get", `{"success":false,"data":{"status":"NEW"}}`, 200, garbled, "", "unreadable answer"},
		"no order":                        {"elebne.order.get", `{"success":true}`, 200, garbled, "", "unreadable answer"},
		"something else":                  {"acme.thing", `[1]`, 200, good, "", ""},
		"something else with id":          {"acme.thing", `{"success":true,"data":{"id":"t-1","status":"done"}}`, 200, good, "t-1", "done"},
		"something else that failed":      {"acme.thing", `{"success":false,"items":[]}`, 200, garbled, "", "unreadable answer"},
		"something else with an error":    {"acme.thing", `{"error":"x"}`, 200, garbled, "", "unreadable answer"},
		"something else, garbled":         {"acme.thing", `[1`, 200, garbled, "", "unreadable answer"},
		"something else, empty":           {"acme.thing", ``, 200, garbled, "", "unreadable answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := classify(t, tc.kind, "", tc.status, tc.body)
			assert.Equal(t, tc.want, decisive(v))
			assert.Equal(t, tc.id, v.ResourceID)
			assert.Equal(t, tc.code, v.Code)
			assert.False(t, v.Replayed)
		})
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	reset := strconv.FormatInt(receivedAt.Add(42*time.Second).Unix(), 10)
	for name, tc := range map[string]struct {
		status             int
		retryAfter, resets string
		want               time.Duration
	}{
		"seconds":                  {429, "23", reset, 23 * time.Second},
		"the reset":                {429, "", reset, 42 * time.Second},
		"the reset, no seconds":    {429, "soon", reset, 42 * time.Second},
		"a daily cap":              {429, "80000", "", 80000 * time.Second},
		"a reset of tomorrow":      {429, "", strconv.FormatInt(receivedAt.Add(20*time.Hour).Unix(), 10), 20 * time.Hour},
		"a reset in the past":      {429, "", "1", 0},
		"an absurd reset":          {429, "", "99999999999", 30 * 24 * time.Hour},
		"a garbled reset":          {429, "", "tomorrow", 0},
		"the reset of a 503":       {503, "", reset, 0},
		"the seconds of a 503":     {503, "7", reset, 7 * time.Second},
		"the reset of a 409":       {409, "", reset, 0},
		"the seconds of a 409":     {409, "7", reset, 7 * time.Second},
		"the seconds of a 408":     {408, "7", "", 7 * time.Second},
		"the seconds of a cut 2xx": {206, "7", reset, 7 * time.Second},
		"a success":                {200, "7", reset, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := firstForm(tc.status, "RATE_LIMIT_EXCEEDED")
			if tc.status == 200 {
				body = intent("PENDING")
			}
			v := newProvider(t).Classify(requestOf("payment.create", ""), &payonce.Response{
				Status: tc.status, Header: http.Header{"Retry-After": {tc.retryAfter}, "X-Ratelimit-Reset": {tc.resets}},
				Body: []byte(body), Complete: true, ReceivedAt: receivedAt,
			})
			assert.Equal(t, tc.want, v.Wait)
		})
	}
}

func TestCodeAndMessageHoldNothingPrivate(t *testing.T) {
	t.Parallel()
	v := classify(t, "payment.create", "", 400, `{"success":false,"error":{"code":"VALIDATION_ERROR","message":"Payer +22242123478 of jane@example.com, key sk_live_`+strings.Repeat("x", 60)+`\u001b[31m is wrong."}}`)
	assert.Equal(t, "VALIDATION_ERROR", v.Code)
	assert.Equal(t, "Payer […] of […] key […] is wrong.", v.Message)
	v = classify(t, "payment.create", "", 400, firstForm(400, strings.Repeat("LONG ", 1000)))
	assert.LessOrEqual(t, utf8.RuneCountInString(v.Code), 60)
	v = newProvider(t).Classify(requestOf("payment.get", ""), &payonce.Response{Status: 502, Header: http.Header{"X-Request-Id": {"r\x00 1"}}, Complete: true})
	assert.Equal(t, "r1", v.RequestID)
}

func FuzzClassify(f *testing.F) {
	p := newProvider(f)
	kinds := append(writes(), reads()...)
	f.Fuzz(func(t *testing.T, kind uint8, status int, retryAfter, reset string, complete bool, sent, body []byte) {
		req := requestOf(kinds[int(kind)%len(kinds)], string(sent))
		res := &payonce.Response{
			Status: status, Header: http.Header{"Retry-After": {retryAfter}, "X-Ratelimit-Reset": {reset}}, Body: body, Complete: complete, ReceivedAt: receivedAt,
		}
		v := p.Classify(req, res)
		require.Equal(t, v, p.Classify(req, res), "not pure")
		success := status >= 200 && status <= 299
		if (v.Class == succeeded || v.Class == payonce.ClassDeclined || v.Class == mismatch) && (!success || !complete) {
			t.Fatalf("%v out of status %d, complete %v", v.Class, status, complete)
		}
		if success && (v.Class == refused || v.Class == payonce.ClassInFlight) {
			t.Fatalf("a success status read as %v", v.Class)
		}
		if v.Class == refused && (v.Proven || v.KeySpent || status < 400 || status > 499) {
			t.Fatalf("status %d proved a refusal", status)
		}
		if v.Class == mismatch && v.Resend {
			t.Fatal("resends what is in doubt")
		}
		if v.Wait < 0 || v.Wait > 30*24*time.Hour || utf8.RuneCountInString(v.Message) > 200 || utf8.RuneCountInString(v.Code) > 60 || !utf8.ValidString(v.Message+v.Code) {
			t.Fatalf("unbounded: %+v", v)
		}
		look := p.ClassifyLookup(req, res)
		if look.Class != unknown && (req.Kind != "payment.cancel" || !success || !complete) || look.Resend || look.Proven {
			t.Fatalf("a lookup of %s says %+v", req.Kind, look)
		}
	})
}
