package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// A Specimen is one fault of the catalogue, ready for Script. A test that takes
// all of them and still finds one payment in the ledger has seen most of what
// networks and providers do.
type Specimen struct {
	// Number is the fault's number in the catalogue, for example "F10".
	Number string
	// Name is what FaultSpec and the control endpoint call it, for example
	// "lose-answer".
	Name string
	// Proto is the only protocol that the fault shows on, "HTTP/1.1" or "HTTP/2.0";
	// empty is any. On the other one something similar happens.
	Proto string
	// Waits says that the fault takes its time: use it on virtual time.
	Waits bool
	// Lasting says that it applies for ever, until ClearScript.
	Lasting bool
	Fault   Fault
}

// AllFaults returns the whole catalogue, with parameters that suit a test on
// virtual time.
func AllFaults() []Specimen {
	rows := catalogue()
	out := make([]Specimen, len(rows))
	for i, r := range rows {
		f := r.build(FaultSpec{})
		out[i] = Specimen{
			Number: r.number, Name: r.name, Proto: r.proto, Waits: r.waits, Lasting: f.Times < 0, Fault: f,
		}
	}
	return out
}

// A FaultSpec is a fault given as data, as the control endpoint takes it. Only
// the members that the named fault has a use for are read; each has a default.
type FaultSpec struct {
	// Name is a Specimen's name.
	Name string `json:"name"`
	// Times is as in Fault.
	Times int `json:"times"`
	// Method and Path limit the fault to requests with this method and a path that
	// ends in this. Without both, it is limited as Fault says.
	Method string `json:"method"`
	Path   string `json:"path"`
	// Status, Header and Body are an answer's.
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
	// Delay is a duration or an interval, for example "40s".
	Delay string `json:"delay"`
	// N is a number of bytes, responses or requests.
	N *int `json:"n"`
	// Code is an HTTP/2 error code.
	Code uint32 `json:"code"`
	// RetryAfter and Location are headers.
	RetryAfter string `json:"retry_after"`
	Location   string `json:"location"`
	// ShouldRetry sets TrueLayer's header of that name.
	ShouldRetry *bool `json:"should_retry"`

	duration time.Duration // Delay, parsed
}

// Fault returns the fault that a specification names.
func (s FaultSpec) Fault() (Fault, error) {
	rows := catalogue()
	i := slices.IndexFunc(rows, func(r row) bool { return r.name == s.Name })
	if i < 0 {
		return Fault{}, fmt.Errorf("simulator: no fault is named %q", s.Name)
	}
	if s.Delay != "" {
		d, err := time.ParseDuration(s.Delay)
		if err != nil || d < 0 {
			return Fault{}, fmt.Errorf("simulator: fault %s: bad delay %q", s.Name, s.Delay)
		}
		s.duration = d
	}
	if s.Status != 0 && (s.Status < 200 || s.Status > 599) {
		return Fault{}, fmt.Errorf("simulator: fault %s: bad status %d", s.Name, s.Status)
	}
	f := rows[i].build(s)
	if s.Times != 0 {
		f.Times = s.Times
	}
	if s.Method != "" || s.Path != "" {
		f.Match = On(s.Method, s.Path)
	}
	for name, value := range s.Header {
		f = WithHeader(f, name, value)
	}
	if s.ShouldRetry != nil {
		f = ShouldRetry(f, *s.ShouldRetry)
	}
	return f, nil
}

func (s FaultSpec) after(d time.Duration) time.Duration {
	if s.Delay != "" {
		return s.duration
	}
	return d
}

func (s FaultSpec) status(status int) int {
	if s.Status != 0 {
		return s.Status
	}
	return status
}

func (s FaultSpec) n(n int) int {
	if s.N != nil {
		return *s.N
	}
	return n
}

func (s FaultSpec) text(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// A row is one line of the catalogue.
type row struct {
	number, name string
	proto        string
	waits        bool
	build        func(FaultSpec) Fault
}

const (
	anyProto = ""
	http1    = "HTTP/1.1"
	http2    = "HTTP/2.0"
)

func catalogue() []row {
	return slices.Concat(dialRows(), connectionRows(), answerRows(), protocolRows(), deliveryRows(), serverRows(), contractRows())
}

// plain is a constructor without parameters.
func plain(f func() Fault) func(FaultSpec) Fault {
	return func(FaultSpec) Fault { return f() }
}

// executed and unexecuted are the two variants of a constructor.
func executed(f func(bool) Fault) func(FaultSpec) Fault {
	return func(FaultSpec) Fault { return f(true) }
}

func unexecuted(f func(bool) Fault) func(FaultSpec) Fault {
	return func(FaultSpec) Fault { return f(false) }
}

func dialRows() []row {
	return []row{
		{"F1", "no-such-host", anyProto, false, plain(NoSuchHost)},
		{"F1", "dns-unavailable", anyProto, false, plain(DNSUnavailable)},
		{"F3", "connection-refused", anyProto, false, plain(ConnectionRefused)},
		{"F3", "host-unreachable", anyProto, false, plain(HostUnreachable)},
		{"F3", "connect-timeout", anyProto, true, plain(ConnectTimeout)},
		{"F4", "half-open", anyProto, true, plain(HalfOpen)},
		{"F5", "unknown-authority", anyProto, false, plain(UnknownAuthority)},
		{"F5", "expired-certificate", anyProto, false, plain(ExpiredCertificate)},
		{"F5", "wrong-host", anyProto, false, plain(WrongHost)},
		{"F6", "handshake-reset", anyProto, false, plain(HandshakeReset)},
		{"F6", "handshake-alert", anyProto, false, plain(HandshakeAlert)},
		{"F7", "reset-before-first-byte", anyProto, false, plain(ResetBeforeFirstByte)},
		{"F26", "proxy-denied", anyProto, false, plain(ProxyDenied)},
	}
}

func connectionRows() []row {
	return []row{
		{"F8", "reset-before-read", anyProto, false, plain(ResetBeforeRead)},
		{"F8", "reset-mid-request", anyProto, false, plain(ResetMidRequest)},
		{"F9", "reset-after-read", anyProto, false, unexecuted(ResetAfterRead)},
		{"F10", "reset-after-executing", anyProto, false, executed(ResetAfterRead)},
		{"F10", "lose-answer", anyProto, false, plain(LoseAnswer)},
		{"F11", "close-reused", anyProto, false, unexecuted(CloseReused)},
		{"F11", "close-reused-executed", anyProto, false, executed(CloseReused)},
		{"F12", "dead-pool", anyProto, false, unexecuted(DeadPool)},
		{"F12", "dead-pool-executed", anyProto, false, executed(DeadPool)},
		{"F18", "delay", anyProto, true, func(s FaultSpec) Fault { return Delay(s.after(time.Minute)) }},
		{"F18", "hang", anyProto, true, unexecuted(Hang)},
		{"F18", "hang-executed", anyProto, true, executed(Hang)},
	}
}

func answerRows() []row {
	return []row{
		{"F13", "cut-status-line", http1, false, plain(CutStatusLine)},
		{"F13", "garbage-status-line", anyProto, false, plain(GarbageStatusLine)},
		{"F14", "oversized-headers", anyProto, false, plain(OversizedHeaders)},
		{"F14", "duplicate-content-length", http1, false, plain(DuplicateContentLength)},
		{"F14", "bad-chunk", http1, false, plain(BadChunk)},
		{"F15", "truncate-body", anyProto, false, func(s FaultSpec) Fault { return TruncateBody(s.n(-1)) }},
		{"F15", "truncate-chunks", anyProto, false, func(s FaultSpec) Fault { return TruncateChunks(s.n(-1)) }},
		{"F15", "garble-body", anyProto, false, plain(GarbleBody)},
		{"F15", "empty-body", anyProto, false, plain(EmptyBody)},
		{"F16", "truncate-silently", anyProto, false, func(s FaultSpec) Fault { return TruncateSilently(s.n(-1)) }},
		{"F17", "slow", anyProto, true, func(s FaultSpec) Fault { return Slow(s.after(time.Second)) }},
		{"F17", "endless", anyProto, true, func(s FaultSpec) Fault { return Endless(s.after(time.Second)) }},
		{"F19", "repeat-answer", http1, false, plain(RepeatAnswer)},
		{"F28", "login-page", anyProto, false, plain(LoginPage)},
		{"F28", "cached-answer", anyProto, false, plain(CachedAnswer)},
	}
}

func protocolRows() []row {
	reset := func(code uint32, executed bool) func(FaultSpec) Fault {
		return func(s FaultSpec) Fault {
			if s.Code != 0 {
				return ResetStream(s.Code, executed)
			}
			return ResetStream(code, executed)
		}
	}
	return []row{
		{"F20", "inform", anyProto, false, func(s FaultSpec) Fault { return Inform(s.n(3)) }},
		{"F20", "switch-protocols", http1, false, plain(SwitchProtocols)},
		{"F20", "answer-before-body", anyProto, false, func(s FaultSpec) Fault {
			return AnswerBeforeBody(s.status(http.StatusExpectationFailed))
		}},
		{"F20", "late-continue", anyProto, true, func(s FaultSpec) Fault { return LateContinue(s.after(time.Second)) }},
		{"F21", "refuse-stream", http2, false, plain(RefuseStream)},
		{"F22", "go-away-below", http2, false, plain(GoAwayBelow)},
		{"F23", "go-away", http2, false, unexecuted(GoAway)},
		{"F23", "go-away-executed", http2, false, executed(GoAway)},
		{"F24", "reset-stream", http2, false, reset(codeProtocolError, false)},
		{"F24", "reset-stream-executed", http2, false, reset(codeProtocolError, true)},
		{"F24", "reset-stream-internal", http2, false, reset(codeInternalError, true)},
		{"F24", "reset-stream-cancel", http2, false, reset(codeCancel, true)},
		{"F25", "stall", anyProto, true, plain(Stall)},
	}
}

func deliveryRows() []row {
	return []row{
		{"F27", "deliver-twice", anyProto, false, plain(DeliverTwice)},
		{"F29", "deliver-later", anyProto, true, func(s FaultSpec) Fault { return DeliverLater(s.after(time.Minute)) }},
		{"F30", "deliver-again", anyProto, true, func(s FaultSpec) Fault { return DeliverAgain(s.after(time.Minute)) }},
		{"F31", "outage", anyProto, false, func(FaultSpec) Fault { return Repeated(ConnectionRefused(), -1) }},
	}
}

func serverRows() []row {
	return []row{
		{"F32", "sticky-error", anyProto, false, unexecuted(StickyError)},
		{"F32", "sticky-error-executed", anyProto, false, executed(StickyError)},
		{"F33", "error-after-executing", anyProto, false, func(s FaultSpec) Fault {
			return ErrorAfterExecuting(s.status(http.StatusBadGateway))
		}},
		{"F33", "internal-error", anyProto, false, plain(InternalError)},
		{"F34", "unavailable", anyProto, false, plain(Unavailable)},
		{"F34", "rate-limited", anyProto, false, func(s FaultSpec) Fault { return RateLimited(s.RetryAfter) }},
		{"F34", "rate-limited-absurd", anyProto, false, plain(func() Fault { return RateLimited("99999999999999999999") })},
		{"F34", "rate-limited-negative", anyProto, false, plain(func() Fault { return RateLimited("-1") })},
		{"F37", "unauthenticated", anyProto, false, plain(Unauthenticated)},
		{"F37", "forbidden", anyProto, false, plain(Forbidden)},
		{"F47", "redirect", anyProto, false, func(s FaultSpec) Fault {
			return Redirect(s.status(http.StatusTemporaryRedirect), s.text(s.Location, "https://elsewhere.example/"))
		}},
		{"F47", "redirect-found", anyProto, false, func(s FaultSpec) Fault {
			return Redirect(http.StatusFound, s.text(s.Location, "https://elsewhere.example/"))
		}},
		{"F48", "error-under-200", anyProto, false, plain(ErrorUnder200)},
		{"F48", "success-under", anyProto, false, func(s FaultSpec) Fault { return SuccessUnder(s.status(http.StatusBadRequest)) }},
		{"F49", "accepted", anyProto, false, plain(Accepted)},
		{"F50", "not-yet-visible", anyProto, false, func(s FaultSpec) Fault { return NotYetVisible(s.n(2)) }},
		{"–", "answer", anyProto, false, func(s FaultSpec) Fault {
			return Answer(s.status(http.StatusTeapot), nil, s.Body)
		}},
		{"–", "answer-after-executing", anyProto, false, func(s FaultSpec) Fault {
			return AnswerAfterExecuting(s.status(http.StatusTeapot), nil, s.Body)
		}},
	}
}

func contractRows() []row {
	return []row{
		{"F35", "in-flight", anyProto, false, plain(InFlight)},
		{"F35", "in-flight-for-ever", anyProto, false, plain(func() Fault { return Repeated(InFlight(), -1) })},
		{"F35", "hold-key", anyProto, true, func(s FaultSpec) Fault { return HoldKey(s.after(10 * time.Second)) }},
		{"F36", "key-reuse", anyProto, false, plain(KeyReuse)},
		{"F42", "replay-any-body", anyProto, false, plain(ReplayAnyBody)},
		{"F43", "replay-latest", anyProto, false, plain(ReplayLatest)},
		{"F44", "forget-key", anyProto, false, plain(ForgetKey)},
		{"F46", "execute-twice", anyProto, false, plain(ExecuteTwice)},
	}
}
