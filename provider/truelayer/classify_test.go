package truelayer_test

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
)

const (
	unknown   = payonce.ClassUnknown
	refused   = payonce.ClassRefused
	succeeded = payonce.ClassSucceeded
)

var receivedAt = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// problemBody is an error document as TrueLayer writes it.
func problemBody(status int, title, detail string) string {
	fragment := strings.ToLower(strings.ReplaceAll(title, " ", "-"))
	return fmt.Sprintf(`{"type":"https://docs.truelayer.com/docs/error-types#%s","title":%q,"status":%d,"trace_id":"trace-1","detail":%q}`, fragment, title, status, detail)
}

func classify(tb testing.TB, kind string, status int, body, shouldRetry string) payonce.Verdict {
	tb.Helper()
	header := http.Header{}
	if shouldRetry != "" {
		header.Set("Tl-Should-Retry", shouldRetry)
	}
	req := &payonce.Request{Kind: kind, Method: http.MethodPost, Path: "/v3/x", Key: "k", EmptyOK: kind == "payment.cancel"}
	return newProvider(tb).Classify(req, &payonce.Response{Status: status, Header: header, Body: []byte(body), Complete: true, ReceivedAt: receivedAt})
}

// refusal is what of a verdict decides, for each value of Tl-Should-Retry.
type refusal struct {
	class                                 payonce.Class
	resend, reauthorize, proven, keySpent bool
}

func decisive(v payonce.Verdict) refusal {
	return refusal{v.Class, v.Resend, v.Reauthorize, v.Proven, v.KeySpent}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const html = "<html>Bad gateway</html>"
	final, again, once := refusal{class: refused}, refusal{class: refused, resend: true}, refusal{class: refused, proven: true, keySpent: true}
	lost, maybe := refusal{class: unknown}, refusal{class: unknown, resend: true}
	flight, flightEnds, reuse := refusal{class: payonce.ClassInFlight, resend: true}, refusal{class: payonce.ClassInFlight}, refusal{class: payonce.ClassReuse}
	for name, tc := range map[string]struct {
		status          int
		body            string
		absent, yes, no refusal
	}{
		"400 parameters":           {400, problemBody(400, "Invalid Parameters", "d"), final, again, once},
		"400 state":                {400, problemBody(400, "Invalid State", "d"), final, again, once},
		"400 by gateway":           {400, html, lost, lost, lost},
		"400 with another status":  {400, problemBody(500, "Unknown Error", "d"), lost, lost, lost},
		"400 without title":        {400, `{"status":400,"detail":"d","type":"t"}`, lost, lost, lost},
		"400 without type, detail": {400, `{"status":400,"title":"t"}`, lost, lost, lost},
		"401 token":                {401, problemBody(401, "Unauthenticated", "The JWT was not able to be validated"), refusal{class: refused, reauthorize: true}, refusal{class: refused, reauthorize: true, resend: true}, refusal{class: refused, reauthorize: true}},
		"401 signature":            {401, problemBody(401, "Unauthenticated", "Invalid request signature."), final, final, final},
		"401 Signature":            {401, problemBody(401, "Unauthenticated", "Tl-Signature verification failed: Signature validation failed"), final, final, final},
		"401 by gateway":           {401, html, lost, lost, lost},
		"403":                      {403, problemBody(403, "Forbidden", "d"), final, again, final},
		"403 by gateway":           {403, html, lost, lost, lost},
		"404":                      {404, problemBody(404, "Not Found", "d"), final, again, once},
		"404 by gateway":           {404, "", lost, lost, lost},
		"405 with document":        {405, problemBody(405, "Method Not Allowed", "d"), final, again, final},
		"408":                      {408, html, maybe, maybe, lost},
		"408 with document":        {408, problemBody(408, "Timeout", "d"), maybe, maybe, lost},
		"409 key conflict":         {409, problemBody(409, "Idempotency-Key Concurrency Conflict", "d"), flight, flight, flightEnds},
		"409 conflict":             {409, problemBody(409, "Concurrency Conflict", "d"), flight, flight, flightEnds},
		"409 unknown title":        {409, problemBody(409, "Something New", "d"), flight, flight, flightEnds},
		"409 reuse":                {409, problemBody(409, "Idempotency-Key Reuse", "d"), reuse, reuse, reuse},
		"409 reuse by title":       {409, `{"title":"Idempotency Key REUSED","status":409,"detail":"d"}`, reuse, reuse, reuse},
		"409 reuse by type":        {409, `{"title":"Conflict","type":"https://docs.truelayer.com/docs/payments-api-errors#idempotency_key_reuse","status":409}`, reuse, reuse, reuse},
		"409 by gateway":           {409, html, lost, lost, lost},
		"422 reuse":                {422, problemBody(422, "Idempotency-Key Reuse", "d"), reuse, reuse, reuse},
		"422 other":                {422, problemBody(422, "Unprocessable", "d"), final, again, once},
		"425":                      {425, "", maybe, maybe, lost},
		"429":                      {429, problemBody(429, "Rate Limit Exceeded", "d"), again, again, final},
		"429 by gateway":           {429, html, maybe, maybe, lost},
		"451 by gateway":           {451, html, lost, lost, lost},
		"500":                      {500, problemBody(500, "Unknown Error", "d"), maybe, maybe, lost},
		"502 provider":             {502, problemBody(502, "Provider Error", "d"), maybe, maybe, lost},
		"503 by gateway":           {503, html, maybe, maybe, lost},
		"599":                      {599, "", maybe, maybe, lost},
		"600":                      {600, "", lost, lost, lost},
		"307":                      {307, html, lost, lost, lost},
		"304 with document":        {304, problemBody(304, "Not Modified", "d"), lost, lost, lost},
		"101":                      {101, "", lost, lost, lost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for hint, want := range map[string]refusal{"": tc.absent, "true": tc.yes, "TRUE ": tc.yes, "false": tc.no, "False": tc.no, "maybe": tc.absent} {
				assert.Equal(t, want, decisive(classify(t, "payment.create", tc.status, tc.body, hint)), "Tl-Should-Retry: %q", hint)
			}
		})
	}
}

func TestContradictingHintsAreNone(t *testing.T) {
	t.Parallel()
	header := http.Header{"Tl-Should-Retry": {"true", "false"}}
	v := newProvider(t).Classify(&payonce.Request{Kind: "payment.create"}, &payonce.Response{
		Status: 400, Header: header, Complete: true, Body: []byte(problemBody(400, "Invalid Parameters", "d")),
	})
	assert.Equal(t, refusal{class: refused}, decisive(v))
}

func TestSuccesses(t *testing.T) {
	t.Parallel()
	good, garbled := refusal{class: succeeded}, refusal{class: unknown, resend: true}
	declined := refusal{class: payonce.ClassDeclined, proven: true, keySpent: true}
	for name, tc := range map[string]struct {
		kind   string
		status int
		body   string
		want   refusal
		id     string
	}{
		"a payment":                  {"payment.create", 201, `{"id":"p-1","status":"authorization_required","user":{"id":"u"},"resource_token":"t"}`, good, "p-1"},
		"a payment of a new status":  {"payment.create", 201, `{"id":"p-1","status":"brand_new"}`, good, "p-1"},
		"a failed payment":           {"payment.create", 201, `{"id":"p-1","status":"failed","failure_stage":"authorizing","failure_reason":"provider_rejected"}`, declined, "p-1"},
		"a payment without id":       {"payment.create", 201, `{"status":"authorized"}`, garbled, ""},
		"a payment without status":   {"payment.create", 201, `{"id":"p-1"}`, garbled, ""},
		"a payment with a number id": {"payment.create", 201, `{"id":1,"status":"authorized"}`, garbled, ""},
		"an error under 200":         {"payment.create", 200, problemBody(500, "Unknown Error", "d"), garbled, ""},
		"no body":                    {"payment.create", 202, ``, garbled, ""},
		"HTML":                       {"payment.create", 200, `<html>`, garbled, ""},
		"half a body":                {"payment.create", 201, `{"id":"p-1","status":"auth`, garbled, ""},
		"two bodies":                 {"payment.create", 201, `{"id":"p-1","status":"authorized"}{}`, garbled, ""},
		"null":                       {"payment.create", 201, `null`, garbled, ""},
		"a list":                     {"payment.create", 201, `[]`, garbled, ""},
		"part of a body":             {"payment.create", 206, `{"id":"p-1","status":"authorized"}`, garbled, ""},
		"a cancellation":             {"payment.cancel", 202, ``, good, ""},
		"a cancellation with HTML":   {"payment.cancel", 202, `<html>`, garbled, ""},
		"a cancellation with error":  {"payment.cancel", 202, problemBody(500, "Unknown Error", "d"), garbled, ""},
		"something else with error":  {"acme.thing", 200, problemBody(200, "Unknown Error", "d"), garbled, ""},
		"a refund":                   {"refund.create", 202, `{"id":"r-1"}`, good, "r-1"},
		"a refund without id":        {"refund.create", 202, `{}`, garbled, ""},
		"a payout":                   {"truelayer.payout.create", 202, `{"id":"o-1"}`, good, "o-1"},
		"a payout to a user":         {"truelayer.payout.create", 202, `{"id":"o-1","status":"authorization_required"}`, good, "o-1"},
		"a flow":                     {"truelayer.authorization_flow.start", 200, `{"status":"authorizing","authorization_flow":{}}`, good, ""},
		"a flow that failed":         {"truelayer.authorization_flow.start", 200, `{"status":"failed","failure_reason":"x"}`, declined, ""},
		"something else":             {"acme.thing", 200, `[1]`, good, ""},
		"something else, garbled":    {"acme.thing", 200, `[1`, garbled, ""},
		"something else, empty":      {"acme.thing", 200, ``, garbled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, hint := range []string{"", "true", "false"} { // false promises the same answer, which may be whole the next time
				v := classify(t, tc.kind, tc.status, tc.body, hint)
				assert.Equal(t, tc.want, decisive(v), "Tl-Should-Retry: %q", hint)
				assert.Equal(t, tc.id, v.ResourceID)
			}
		})
	}
	v := classify(t, "payment.create", 201, `{"id":"p-1","status":"failed","failure_reason":"provider_rejected"}`, "")
	assert.Equal(t, "provider_rejected", v.Code)
}

func TestACutSuccessIsUnknown(t *testing.T) {
	t.Parallel()
	v := newProvider(t).Classify(&payonce.Request{Kind: "payment.cancel", EmptyOK: true}, &payonce.Response{Status: 202, Header: http.Header{}})
	assert.Equal(t, refusal{class: unknown, resend: true}, decisive(v))
	v = newProvider(t).Classify(&payonce.Request{Kind: "payment.create"}, &payonce.Response{Status: 400, Header: http.Header{}})
	assert.Equal(t, refusal{class: unknown}, decisive(v), "a cut refusal proves nothing")
}

func TestAnAnswerAboutSomethingElseIsAMismatch(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	answer := func(kind, path, sent, got string) payonce.Class {
		return p.Classify(&payonce.Request{Kind: kind, Path: path, Body: []byte(sent)}, &payonce.Response{Status: 200, Header: http.Header{}, Body: []byte(got), Complete: true}).Class
	}
	assert.Equal(t, payonce.ClassMismatch, answer("payment.create", "/v3/payments", `{"user":{"id":"a"}}`, `{"id":"p","status":"authorized","user":{"id":"b"}}`))
	assert.Equal(t, succeeded, answer("payment.create", "/v3/payments", `{"user":{"id":"a"}}`, `{"id":"p","status":"authorized","user":{"id":"a"}}`))
	assert.Equal(t, succeeded, answer("payment.create", "/v3/payments", `{"user":{"name":"n"}}`, `{"id":"p","status":"authorized","user":{"id":"a"}}`))
	assert.Equal(t, payonce.ClassMismatch, answer("refund.create", "/v3/payments/p/refunds", `{"amount_in_minor":1}`, `{"id":"r","amount_in_minor":2}`))
	assert.Equal(t, payonce.ClassMismatch, answer("payment.create", "/v3/payments", `{"currency":"GBP"}`, `{"id":"p","status":"authorized","currency":"EUR"}`))
	assert.Equal(t, payonce.ClassMismatch, answer("payment.get", "/v3/payments/p", "", `{"id":"q","status":"failed"}`))
	assert.Equal(t, succeeded, answer("payment.get", "/gateway/v3/payments/p", "", `{"id":"P","status":"failed"}`), "a failed payment that was read is no decline")
	assert.Equal(t, payonce.ClassMismatch, answer("refund.get", "/v3/payments/p/refunds/r", "", `{"id":"p","status":"pending"}`))
}

func TestHintsAndNames(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-5": 0, "0": 0, "soon": 0, "1.5": 0,
		"99999999999": 30 * 24 * time.Hour, "99999999999999999999999999": 30 * 24 * time.Hour,
		"Thu, 20 Aug 2026 12:00:30 GMT": 30 * time.Second, "Thu, 20 Aug 2026 11:00:00 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": 30 * 24 * time.Hour,
	} {
		for _, status := range []int{408, 409, 425, 429, 503} {
			v := newProvider(t).Classify(&payonce.Request{Kind: "payment.create"}, &payonce.Response{
				Status: status, Header: http.Header{"Retry-After": {value}}, ReceivedAt: receivedAt, Complete: true,
			})
			assert.Equal(t, want, v.Wait, "%d %q", status, value)
		}
	}
	for want, header := range map[string]http.Header{
		"trace-0": {"Tl-Trace-Id": {"trace-0"}, "X-Tl-Correlation-Id": {"c"}}, "trace-1": {"X-Tl-Correlation-Id": {"c"}},
	} {
		v := newProvider(t).Classify(&payonce.Request{}, &payonce.Response{Status: 403, Header: header, Complete: true, Body: []byte(problemBody(403, "Forbidden", "d"))})
		assert.Equal(t, want, v.RequestID)
	}
	v := newProvider(t).Classify(&payonce.Request{}, &payonce.Response{Status: 502, Header: http.Header{"X-Tl-Correlation-Id": {"c\x00 d"}}, Complete: true})
	assert.Equal(t, "cd", v.RequestID)
}

func TestCodeAndMessage(t *testing.T) {
	t.Parallel()
	for want, body := range map[string]string{
		"invalid-parameters": problemBody(400, "Invalid Parameters", "d"),
		"invalid-state":      `{"type":"https://docs.truelayer.com/docs/payments-api-errors#invalid_state","title":"x","status":400}`,
		"no-fragment-here":   `{"type":"about:blank","title":"No Fragment Here!","status":400}`,
	} {
		assert.Equal(t, want, classify(t, "payment.create", 400, body, "").Code)
	}
	v := classify(t, "payment.create", 400, `{"type":"#invalid-parameters","title":"Invalid Parameters","status":400,
		"detail":"The account 12345678 of jane@example.com, IBAN GB33BUKB20201555555555, payment 61a2b7a5-ee05-4077-92f3-25543a11bd8d, token `+strings.Repeat("eyJhbGciOi", 9)+`\u001b[31m is wrong.",
		"errors":{"$.beneficiary.reference":["12345678 canary"],"Idempotency-Key":["canary"]}}`, "")
	assert.Equal(t, "Invalid Parameters: The account […] of […] IBAN […] payment 61a2b7a5-ee05-4077-92f3-25543a11bd8d, token […] is wrong. ($.beneficiary.reference, Idempotency-Key)", v.Message)
	v = classify(t, "payment.create", 400, problemBody(400, "Invalid Parameters", strings.Repeat("long ", 1000)), "")
	assert.LessOrEqual(t, utf8.RuneCountInString(v.Message), 200)
}

func FuzzClassify(f *testing.F) {
	p := newProvider(f)
	kinds := []string{"payment.create", "payment.cancel", "payment.get", "refund.create", "refund.list", "truelayer.payout.create", "truelayer.authorization_flow.start", "acme.thing"}
	f.Fuzz(func(t *testing.T, kind uint8, status int, shouldRetry, retryAfter string, complete bool, sent, body []byte) {
		req := &payonce.Request{Kind: kinds[int(kind)%len(kinds)], Method: http.MethodPost, Path: "/v3/payments/p-1", Body: sent, EmptyOK: kind%2 == 1}
		res := &payonce.Response{
			Status: status, Header: http.Header{"Tl-Should-Retry": {shouldRetry}, "Retry-After": {retryAfter}}, Body: body, Complete: complete, ReceivedAt: receivedAt,
		}
		v := p.Classify(req, res)
		require.Equal(t, v, p.Classify(req, res), "not pure")
		success := status >= 200 && status <= 299
		if (v.Class == succeeded || v.Class == payonce.ClassDeclined || v.Class == payonce.ClassMismatch) && (!success || !complete) {
			t.Fatalf("%v out of status %d, complete %v", v.Class, status, complete)
		}
		if success && v.Class == refused {
			t.Fatal("a success status read as a refusal")
		}
		if (v.Class == payonce.ClassReuse || v.Class == payonce.ClassMismatch || !success && strings.EqualFold(shouldRetry, "false")) && v.Resend {
			t.Fatalf("resends a %v with Tl-Should-Retry %q", v.Class, shouldRetry)
		}
		if v.Proven && v.Class == refused && (!strings.EqualFold(strings.TrimSpace(shouldRetry), "false") || (status != 400 && status != 404 && status != 422)) {
			t.Fatalf("status %d proved a refusal", status)
		}
		if v.Wait < 0 || v.Wait > 30*24*time.Hour || utf8.RuneCountInString(v.Message) > 1000 || !utf8.ValidString(v.Message+v.Code) {
			t.Fatalf("unbounded: %+v", v)
		}
		for _, decode := range []string{"payment.get", "payment.create"} {
			_, _ = p.Portable().Payment(decode, body)
			_, _ = p.Portable().Refund(decode, body)
		}
		_, _, _ = p.Portable().Refunds(body)
	})
}
