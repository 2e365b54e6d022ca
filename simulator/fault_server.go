package simulator

import (
	"net/http"
	"time"
)

// Faults of the provider itself.

// Answer answers in the provider's place, not executed.
func Answer(status int, header http.Header, body string) Fault {
	return Fault{Name: "answer", Respond: ThenAnswer(status, header, body)}
}

// AnswerAfterExecuting executes, and answers something else.
func AnswerAfterExecuting(status int, header http.Header, body string) Fault {
	return Fault{Name: "answer, executed", Execute: true, Respond: ThenAnswer(status, header, body)}
}

// StickyError answers 500 and keeps that as the answer of the key (F32). The
// request behind it was executed or not.
func StickyError(executed bool) Fault {
	f := Fault{Name: "F32 sticky error", Execute: true, quirk: quirk{sticky: true, stickyExecutes: executed}}
	if executed {
		f.Name = "F32 sticky error, executed"
	}
	return f
}

// ErrorAfterExecuting executes, and a gateway answers with a 5xx status and HTML
// (F33).
func ErrorAfterExecuting(status int) Fault {
	return Fault{Name: "F33 error after executing", Execute: true, Respond: ThenAnswer(status, htmlHeader(), gatewayPage(status))}
}

// InternalError answers 500 in the provider's own words, not executed.
func InternalError() Fault {
	return Fault{Name: "F33 internal error", Respond: thenProblem(problemInternal)}
}

// Unavailable answers 503 as a gateway does, in HTML, not executed (F34). Use
// WithHeader for a Retry-After.
func Unavailable() Fault {
	status := http.StatusServiceUnavailable
	return Fault{Name: "F34 unavailable", Respond: ThenAnswer(status, htmlHeader(), gatewayPage(status))}
}

// RateLimited answers 429 in the provider's own words, not executed (F34). An
// empty retryAfter leaves the header out; it may be seconds, a date or nonsense.
func RateLimited(retryAfter string) Fault {
	f := Fault{Name: "F34 rate limited", Respond: thenProblem(problemRateLimited)}
	if retryAfter != "" {
		f = WithHeader(f, "Retry-After", retryAfter)
	}
	return f
}

// InFlight answers that a request with this key is being executed (F35).
func InFlight() Fault {
	return Fault{Name: "F35 in flight", Respond: thenProblem(problemInFlight)}
}

// HoldKey takes d to execute, with the key in flight: others that come with it
// meet the provider's own conflict (F35).
func HoldKey(d time.Duration) Fault {
	return Fault{Name: "F35 slow execution", Execute: true, Hold: d}
}

// KeyReuse answers that the key came with another request before, whether that
// is so or not (F36).
func KeyReuse() Fault {
	return Fault{Name: "F36 key reuse", Respond: thenProblem(problemKeyReuse)}
}

// Unauthenticated answers 401 about the token (F37).
func Unauthenticated() Fault {
	return Fault{Name: "F37 unauthenticated", Respond: thenProblem(problemUnauthenticated)}
}

// Forbidden answers 403 (F37).
func Forbidden() Fault {
	return Fault{Name: "F37 forbidden", Respond: thenProblem(problemForbidden)}
}

// ReplayAnyBody answers another request under a known key with the key's stored
// answer, without a word (F42).
func ReplayAnyBody() Fault {
	return Fault{Name: "F42 silent replay for another body", Execute: true, quirk: quirk{anyBody: true}}
}

// ReplayLatest replays with the status of now in place of the stored one (F43).
func ReplayLatest() Fault {
	return Fault{Name: "F43 replay with a later status", Execute: true, quirk: quirk{latest: true}}
}

// ForgetKey forgets the request's key just before it is looked up (F44).
func ForgetKey() Fault {
	return Fault{Name: "F44 key pruned early", Execute: true, quirk: quirk{forget: true}}
}

// ExecuteTwice executes the first request of a key twice and answers once (F46).
func ExecuteTwice() Fault {
	return Fault{Name: "F46 executed twice", Execute: true, quirk: quirk{twice: true}}
}

// Redirect answers with a 3xx status and a Location, not executed (F47).
func Redirect(status int, location string) Fault {
	return Fault{Name: "F47 redirect", Respond: ThenAnswer(status, http.Header{"Location": {location}}, "")}
}

// ErrorUnder200 answers 200 with the provider's error document, not executed
// (F48).
func ErrorUnder200() Fault {
	return Fault{Name: "F48 error document under 200", Respond: respondFunc(func(x *exchange) {
		a := x.core.api.problem(problemInternal, x.r).clone()
		a.status = http.StatusOK
		x.send(a)
	})}
}

// SuccessUnder executes, and gives the success document under another status,
// usually a 4xx (F48).
func SuccessUnder(status int) Fault {
	return Fault{Name: "F48 success document under an error status", Execute: true, Respond: ThenStatus(status)}
}

// Accepted executes, and answers 202 without a body (F49).
func Accepted() Fault {
	return Fault{Name: "F49 accepted", Execute: true, Respond: ThenAnswer(http.StatusAccepted, nil, "")}
}

// NotYetVisible answers n lookups with 404: reads lag behind writes (F50).
func NotYetVisible(n int) Fault {
	return Fault{Name: "F50 not visible yet", Match: On(http.MethodGet, ""), Times: n, Respond: thenProblem(problemNotFound)}
}

// GarbleBody executes, and answers with a body of the right length that is noise.
func GarbleBody() Fault {
	return Fault{Name: "F15 garbled body", Execute: true, Respond: ThenBody(func(body []byte) []byte {
		noise := make([]byte, len(body))
		for i, b := range body {
			noise[i] = b ^ 0xa5
		}
		return noise
	})}
}

// EmptyBody executes, and answers with the right status and no body.
func EmptyBody() Fault {
	return Fault{Name: "F15 empty body", Execute: true, Respond: ThenBody(func([]byte) []byte { return nil })}
}

func htmlHeader() http.Header {
	return http.Header{"Content-Type": {"text/html; charset=utf-8"}}
}

func gatewayPage(status int) string {
	text := http.StatusText(status)
	return "<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
}
