package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The API's own headers.
const (
	keyHeader   = "Idempotency-Key"
	retryHeader = "Tl-Should-Retry"
	traceHeader = "Tl-Trace-Id"
)

// problemBase is the base of problem types in the API's examples; its schemas
// use another one with the same fragments.
const problemBase = "https://docs.truelayer.com/docs/error-types#"

// A problemDocument is the API's error body.
type problemDocument struct {
	Type    string              `json:"type"`
	Title   string              `json:"title"`
	Status  int                 `json:"status"`
	Detail  string              `json:"detail"`
	TraceID string              `json:"trace_id"`
	Errors  map[string][]string `json:"errors,omitempty"`
}

func newProblem(status int, title, fragment, detail string) answer {
	return problemAnswer(problemDocument{Type: problemBase + fragment, Title: title, Status: status, Detail: detail})
}

func problemAnswer(p problemDocument) answer {
	p.TraceID = newTrace()
	return answer{
		status: p.Status,
		header: http.Header{"Content-Type": {"application/problem+json; charset=UTF-8"}, traceHeader: {p.TraceID}},
		body:   encode(p),
	}
}

// newAnswer is a successful answer; a nil body is none.
func newAnswer(status int, body any) answer {
	a := answer{status: status, header: http.Header{traceHeader: {newTrace()}}}
	if body != nil {
		a.header.Set("Content-Type", "application/json; charset=UTF-8")
		a.body = encode(body)
	}
	return a
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: encode an answer: %v", err)) // maps, strings and numbers always encode
	}
	return b
}

func invalidParameters(errs map[string][]string) answer {
	return problemAnswer(problemDocument{
		Type: problemBase + "invalid-parameters", Title: "Invalid Parameters",
		Status: http.StatusBadRequest, Detail: "The request was invalid.", Errors: errs,
	})
}

func invalidParameter(path, message string) answer {
	return invalidParameters(map[string][]string{path: {message}})
}

func invalidState(detail string) answer {
	return newProblem(http.StatusBadRequest, "Invalid State", "invalid-state", detail)
}

func unauthenticated(detail string) answer {
	return newProblem(http.StatusUnauthorized, "Unauthenticated", "unauthenticated", detail)
}

func forbidden() answer {
	return newProblem(http.StatusForbidden, "Forbidden", "forbidden", "Access to the resource is forbidden.")
}

func notFound(what string) answer {
	return newProblem(http.StatusNotFound, "Not Found", "not-found", "The "+what+" could not be found.")
}

// problem is what the API says where a fault asks for an error.
func (s *TrueLayer) problem(kind problemKind, r *http.Request) answer {
	var a answer
	retry := ""
	switch kind {
	case problemInFlight:
		a, retry = newProblem(http.StatusConflict, "Idempotency-Key Concurrency Conflict",
			"idempotency-key-concurrency-conflict",
			"The Idempotency-Key value is being used for a concurrent request."), "true"
	case problemKeyReuse:
		a, retry = newProblem(http.StatusUnprocessableEntity, "Idempotency-Key Reuse", "idempotency-key-reuse",
			"The Idempotency-Key value has already been used for a different request."), "false"
	case problemRateLimited:
		a = newProblem(http.StatusTooManyRequests, "Rate Limit Exceeded", "rate-limit-exceeded",
			"Too many API requests have been received within the allowed time frame.")
		if strings.HasSuffix(r.URL.Path, "/payouts") {
			retry = "true" // the one endpoint that documents the header here
		}
	case problemUnauthenticated:
		a = unauthenticated(tokenExpired)
	case problemForbidden:
		a = forbidden()
	case problemNotFound:
		a = notFound("resource")
	case problemInternal:
		a, retry = unknownError(), "true"
	case problemStored:
		a, retry = unknownError(), "false"
	}
	if retry != "" && r.Method != http.MethodGet {
		a.header.Set(retryHeader, retry)
	}
	return a
}

func unknownError() answer {
	return newProblem(http.StatusInternalServerError, "Unknown Error", "unknown-error", "An unknown error occurred.")
}

// newTrace returns an id as in Tl-Trace-Id: 32 hexadecimal digits.
func newTrace() string { return hex.EncodeToString(randomBytes(16)) }

// newID returns a random UUID, version 4.
func newID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// timestamp is a time as the API writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
