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
			if status == 409 && requestOf(kind, "").Key == "" {
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
				`{"success":false,"error":{"message":"No."}}`, `{"success":false,"error":"X"}`, `{"success":"false","error":{"code":"X"}}`,
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
	good, garbled := decision{class: succeeded}, decision{resend: true}
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
		"an intent that failed":           {"payment.create", intent("FAILED"), 200, decision{class: payonce.ClassDeclined, proven: true, keySpent: true}, intentID, "FAILED"},
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
		"a cancellation of what was paid": {"payment.cancel", intent("PAID"), 200, decision{class: mismatch}, intentID, "answer about something else"},
		"a cancellation, completed":       {"payment.cancel", intent("COMPLETED"), 200, decision{class: mismatch}, intentID, "answer about something else"},
		"a cancellation, refunded":        {"payment.cancel", intent("REFUNDED"), 200, decision{class: mismatch}, intentID, "answer about something else"},
		"a refund":                        {"refund.create", `{"success":true,"data":{"refunded":true,"id":"r-1"}}`, 200, good, "r-1", "refunded"},
		"a refund without id":             {"refund.create", `{"success":true,"data":{"refunded":true}}`, 200, good, "", "refunded"},
		"a refund that names its intent":  {"refund.create", `{"success":true,"data":{"refunded":true,` + one + `}}`, 200, good, "", "refunded"},
		"a refund that shows the intent":  {"refund.create", intent("REFUNDED"), 200, good, "", "REFUNDED"},
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
		"an import with null":             {"elebne.product.import", `{"success":true,"data":null}`, 200, garbled, "", "unreadable answer"},
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

func TestAnAnswerAboutSomethingElseIsAMismatch(t *testing.T) {
	t.Parallel()
	const fixed = `{"amount":50000,"amountType":"FIXED","label":"2 shoes ","metadata":{"a":"1","payonce_ref":"r"}}`
	const open = `{"amount":1,"amountType":"OPEN"}`
	told := func(more string) string {
		return `{"success":true,"data":{"referenceNumber":"PI-9","status":"PENDING",` + more + `}}`
	}
	for name, tc := range map[string]struct {
		kind, sent, answer string
		want               payonce.Class
	}{
		"the same":                       {"payment.create", fixed, told(`"amount":50000,"amountType":"FIXED","currency":"MRU","label":"2 shoes","metadata":{"payonce_ref":"r","a":"1","b":2}`), succeeded},
		"the least":                      {"payment.create", fixed, told(`"amount":50000`), succeeded},
		"another amount":                 {"payment.create", fixed, told(`"amount":50001`), mismatch},
		"no fixed amount":                {"payment.create", fixed, told(`"amount":null`), mismatch},
		"an open one":                    {"payment.create", fixed, told(`"amount":50000,"amountType":"OPEN"`), mismatch},
		"another label":                  {"payment.create", fixed, told(`"amount":50000,"label":"2 shoe"`), mismatch},
		"another currency":               {"payment.create", fixed, told(`"amount":50000,"currency":"EUR"`), mismatch},
		"other metadata":                 {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"2","payonce_ref":"r"}`), mismatch},
		"another reference":              {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"1","payonce_ref":"q"}`), mismatch},
		"a number in metadata":           {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":1,"payonce_ref":"r"}`), mismatch},
		"a key that is missing":          {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"1"}`), mismatch},
		"metadata of nothing":            {"payment.create", fixed, told(`"amount":50000,"metadata":{}`), mismatch},
		"metadata that is a list":        {"payment.create", fixed, told(`"amount":50000,"metadata":[]`), mismatch},
		"metadata that is null":          {"payment.create", fixed, told(`"amount":50000,"metadata":null`), succeeded},
		"metadata that nobody sent":      {"payment.create", `{"amount":50000}`, told(`"amount":50000,"metadata":{"a":"1"}`), succeeded},
		"a label that nobody sent":       {"payment.create", `{"amount":50000}`, told(`"amount":50000,"label":"x"`), succeeded},
		"an empty value that is missing": {"payment.create", `{"amount":50000,"metadata":{"a":""}}`, told(`"amount":50000,"metadata":{"b":""}`), mismatch},
		"open":                           {"payment.create", open, told(`"amount":null,"amountType":"OPEN"`), succeeded},
		"open, with what was paid":       {"payment.create", open, told(`"amount":777,"amountType":"OPEN"`), succeeded},
		"open, answered as fixed":        {"payment.create", open, told(`"amount":1,"amountType":"FIXED"`), mismatch},
		"a failed one of another":        {"payment.create", fixed, strings.Replace(told(`"amount":1`), "PENDING", "FAILED", 1), mismatch},
		"a read of another":              {"payment.get", "", told(`"amount":50000`), mismatch},
		"a read of its own":              {"payment.get", "", intent("PAID"), succeeded},
		"a cancellation of another":      {"payment.cancel", "", told(`"amount":50000`), mismatch},
		"a refund of another":            {"refund.create", `{"amount":1}`, `{"success":true,"data":{"refunded":true,"referenceNumber":"PI-9"}}`, mismatch},
		"a refund of another, denied":    {"refund.create", `{"amount":1}`, `{"success":true,"data":{"refunded":false,"referenceNumber":"PI-9"}}`, mismatch},
		"a simulation of another":        {"elebne.intent.simulate", "", told(`"amount":50000`), mismatch},
		"a product of another price":     {"elebne.product.create", `{"name":"x","price":5}`, `{"success":true,"data":{"price":6}}`, mismatch},
		"a product of another SKU":       {"elebne.product.update", `{"externalId":"a"}`, `{"success":true,"data":{"externalId":"b"}}`, mismatch},
		"another product":                {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"b"}}`, mismatch},
		"perhaps another product":        {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-2"}}`, succeeded},
		"the product":                    {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-1","externalId":"b"}}`, succeeded},
		"the product by its SKU":         {"elebne.stock.set", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"SKU 1"}}`, succeeded},
		"a SKU of another":               {"elebne.stock.set", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"SKU 2"}}`, mismatch},
		"an endpoint elsewhere":          {"elebne.webhook_endpoint.create", `{"url":"https://a.example"}`, `{"success":true,"data":{"id":"e","url":"https://b.example"}}`, mismatch},
		"an endpoint with a slash":       {"elebne.webhook_endpoint.create", `{"url":"https://a.example"}`, `{"success":true,"data":{"id":"e","url":"https://a.example/"}}`, succeeded},
		"another endpoint":               {"elebne.webhook_endpoint.delete", "", `{"success":true,"data":{"id":"e-2"}}`, mismatch},
		"another order":                  {"elebne.order.get", "", `{"success":true,"data":{"id":"64b","referenceNumber":"EL-32"}}`, mismatch},
		"the order":                      {"elebne.order.get", "", `{"success":true,"data":{"id":"64b","referenceNumber":"EL-31"}}`, succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := classify(t, tc.kind, tc.sent, 200, tc.answer)
			assert.Equal(t, tc.want, v.Class)
			if tc.want == mismatch {
				assert.Equal(t, decision{class: mismatch}, decisive(v), "nothing more is sent, and nothing is proven")
			}
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
	requireSeeds(f, "FuzzClassify")
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
