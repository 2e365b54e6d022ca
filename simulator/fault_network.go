package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Faults before the provider sees a byte.

// NoSuchHost is a name that does not resolve (F1).
func NoSuchHost() Fault { return Fault{Name: "F1 no such host", Dial: DialNoSuchHost} }

// DNSUnavailable is a name server that fails (F1).
func DNSUnavailable() Fault { return Fault{Name: "F1 DNS unavailable", Dial: DialDNSUnavailable} }

// ConnectionRefused is a port where nobody listens (F3; for ever, it is the
// outage of F31).
func ConnectionRefused() Fault { return Fault{Name: "F3 connection refused", Dial: DialRefused} }

// HostUnreachable is a network without a route to the provider (F3).
func HostUnreachable() Fault { return Fault{Name: "F3 host unreachable", Dial: DialUnreachable} }

// ConnectTimeout is a dial that nobody answers: it ends with the dial's context
// (F3).
func ConnectTimeout() Fault { return Fault{Name: "F3 connect timeout", Dial: DialTimeout} }

// HalfOpen is a connection that is accepted and then silent (F4).
func HalfOpen() Fault { return Fault{Name: "F4 half-open connection", Dial: DialSilent} }

// UnknownAuthority is a certificate whose issuer the client does not trust (F5).
func UnknownAuthority() Fault {
	return Fault{Name: "F5 unknown certificate authority", Dial: DialUnknownAuthority}
}

// ExpiredCertificate is a certificate that was valid once (F5).
func ExpiredCertificate() Fault {
	return Fault{Name: "F5 expired certificate", Dial: DialExpiredCertificate}
}

// WrongHost is a certificate for another host (F5).
func WrongHost() Fault { return Fault{Name: "F5 certificate for another host", Dial: DialWrongHost} }

// HandshakeReset is a reset in the middle of the TLS handshake (F6).
func HandshakeReset() Fault { return Fault{Name: "F6 handshake reset", Dial: DialHandshakeReset} }

// HandshakeAlert is a TLS alert in the middle of the handshake (F6).
func HandshakeAlert() Fault { return Fault{Name: "F6 handshake alert", Dial: DialHandshakeAlert} }

// ResetBeforeFirstByte is a connection that is made and reset by the first write
// (F7).
func ResetBeforeFirstByte() Fault {
	return Fault{Name: "F7 reset before the first byte", Dial: DialResetBeforeFirstByte}
}

// ProxyDenied is a proxy that does not open the tunnel (F26).
func ProxyDenied() Fault { return Fault{Name: "F26 proxy denied", Dial: DialProxyDenied} }

// Faults of the connection under a request.

// ResetBeforeRead resets the connection with the body unread (F8).
func ResetBeforeRead() Fault {
	return Fault{Name: "F8 reset before reading", Read: ReadNone, Respond: ThenReset()}
}

// ResetMidRequest resets the connection after half of the body was read (F8).
func ResetMidRequest() Fault {
	return Fault{Name: "F8 reset in mid-request", Read: ReadPart, Respond: ThenReset()}
}

// ResetAfterRead resets the connection after the whole request was read, and not
// executed (F9) or executed (F10).
func ResetAfterRead(executed bool) Fault {
	name := "F9 reset, not executed"
	if executed {
		name = "F10 reset, executed"
	}
	return Fault{Name: name, Execute: executed, Respond: ThenReset()}
}

// LoseAnswer executes, and closes the connection without an answer (F10).
func LoseAnswer() Fault {
	return Fault{Name: "F10 lost answer", Execute: true, Respond: ThenClose()}
}

// CloseReused closes a keep-alive connection when it is used again, without an
// answer: the request is executed, or not even read (F11). It passes over
// requests on new connections.
func CloseReused(executed bool) Fault {
	f := Fault{Name: "F11 reused connection closed", OnReused: true, Read: ReadNone, Respond: ThenClose()}
	if executed {
		f.Name, f.Execute = "F11 reused connection closed, executed", true
	}
	return f
}

// DeadPool closes every keep-alive connection when it is used again (F12), and
// goes on doing so. DropConnections is the variant without a request.
func DeadPool(executed bool) Fault {
	f := CloseReused(executed)
	f.Name, f.Times = strings.Replace(f.Name, "F11 reused connection", "F12 every reused connection", 1), -1
	return f
}

// CutStatusLine executes, and cuts the answer inside its status line (F13;
// HTTP/2: PROTOCOL_ERROR).
func CutStatusLine() Fault {
	return Fault{Name: "F13 cut status line", Execute: true, Respond: ThenRaw(cutAt(len("HTTP/1.1 2")))}
}

// GarbageStatusLine executes, and answers with something that is not HTTP (F13).
func GarbageStatusLine() Fault {
	noise := ThenRaw(replaceLine("HTTP/", "\x16\x03\x01 this is no status line"))
	return Fault{Name: "F13 garbage status line", Execute: true, Respond: respondFunc(func(x *exchange) {
		if x.r.ProtoMajor != 1 {
			x.endStream(streamEnd{noise: true})
		}
		noise.respond(x)
	})}
}

// OversizedHeaders executes, and answers with 11 MB of headers, more than
// net/http accepts by default (F14).
func OversizedHeaders() Fault {
	f := Fault{Name: "F14 oversized headers", Execute: true}
	f.Header = http.Header{}
	for n := range 11 << 6 {
		f.Header.Set(fmt.Sprint("X-Filler-", n), strings.Repeat("~", 16<<10))
	}
	return f
}

// DuplicateContentLength executes, and answers with two lengths that differ (F14;
// HTTP/2: PROTOCOL_ERROR).
func DuplicateContentLength() Fault {
	return Fault{
		Name: "F14 duplicate content-length", Execute: true,
		Respond: ThenRaw(replaceLine("Content-Length:", "Content-Length: 7\r\nContent-Length: 8")),
	}
}

// BadChunk executes, and answers in chunks whose size is no number (F14; HTTP/2:
// PROTOCOL_ERROR).
func BadChunk() Fault {
	spoil := replaceLine("Content-Length:", "Transfer-Encoding: chunked")
	return Fault{Name: "F14 bad chunk", Execute: true, Respond: ThenRaw(func(response []byte) []byte {
		return bytes.Replace(spoil(response), []byte("\r\n\r\n"), []byte("\r\n\r\nchunk\r\n"), 1)
	})}
}

// TruncateBody executes, and cuts the body after n bytes of the announced
// Content-Length (F15). A negative n cuts in the middle.
func TruncateBody(n int) Fault {
	return Fault{Name: "F15 truncated body", Execute: true, Respond: ThenTruncate(n)}
}

// TruncateChunks executes, and cuts a body of unannounced length after n bytes
// (F15). A negative n cuts in the middle.
func TruncateChunks(n int) Fault {
	return Fault{Name: "F15 truncated chunks", Execute: true, Respond: ThenTruncateChunks(n)}
}

// TruncateSilently executes, and cuts the body after n bytes so that HTTP calls
// it complete (F16). A negative n cuts in the middle.
func TruncateSilently(n int) Fault {
	return Fault{Name: "F16 silently truncated body", Execute: true, Respond: ThenTruncateSilently(n)}
}

// Slow executes, and gives the body one byte per interval (F17).
func Slow(interval time.Duration) Fault {
	return Fault{Name: "F17 slow body", Execute: true, Respond: ThenSlow(interval)}
}

// Endless executes, and goes on with white space after the body, 1 KiB per
// interval, for ever (F17).
func Endless(interval time.Duration) Fault {
	return Fault{Name: "F17 endless body", Execute: true, Respond: ThenEndless(interval)}
}

// Delay executes at once, and answers after d (F18).
func Delay(d time.Duration) Fault {
	return Fault{Name: "F18 delayed answer", Execute: true, Respond: ThenWait(d, nil)}
}

// Hang reads the request, executes it or not, and never answers (F18).
func Hang(executed bool) Fault {
	f := Fault{Name: "F18 no answer", Execute: executed, Respond: ThenHang()}
	if executed {
		f.Name = "F18 no answer, executed"
	}
	return f
}

// RepeatAnswer executes and answers, and gives the same answer once more when the
// connection is used again, in front of the right one (F19). On HTTP/2 nothing
// is wrong.
func RepeatAnswer() Fault {
	return Fault{Name: "F19 answer repeated on the connection", Execute: true, Respond: ThenRepeat()}
}

// Inform executes, and sends n informational responses before the answer (F20).
func Inform(n int) Fault {
	return Fault{Name: "F20 informational responses", Execute: true, Respond: ThenInform(n, nil)}
}

// SwitchProtocols answers 101 and closes the connection, not executed (F20).
// HTTP/2 has no such answer: the stream is reset with PROTOCOL_ERROR.
func SwitchProtocols() Fault {
	return Fault{Name: "F20 switching protocols", Respond: respondFunc(func(x *exchange) {
		a := answer{status: http.StatusSwitchingProtocols, header: http.Header{"Upgrade": {"ledger"}, "Connection": {"Upgrade"}}}
		x.raw(a.status, wireForm("HTTP/1.1", a, nil))
	})}
}

// AnswerBeforeBody refuses with a status before the body is read: what a client
// that sent Expect: 100-continue gets in place of 100 (F20).
func AnswerBeforeBody(status int) Fault {
	return Fault{Name: "F20 final status first", Read: ReadNone, Respond: ThenAnswer(status, nil, "")}
}

// LateContinue executes after a pause of d in front of the body: 100 Continue
// comes late (F20).
func LateContinue(d time.Duration) Fault {
	return Fault{Name: "F20 late 100 Continue", Execute: true, pause: d}
}

// RefuseStream resets the HTTP/2 stream with REFUSED_STREAM, unprocessed (F21).
// HTTP/1 is closed.
func RefuseStream() Fault {
	return Fault{
		Name: "F21 refused stream", Read: ReadNone,
		Respond: thenEndStream(streamEnd{code: codeRefusedStream}),
	}
}

// GoAwayBelow ends the HTTP/2 connection by a GOAWAY that says that this request
// was not processed (F22). HTTP/1 is closed.
func GoAwayBelow() Fault {
	return Fault{
		Name: "F22 GOAWAY below the stream", Read: ReadNone,
		Respond: thenEndStream(streamEnd{code: codeNoError, goAway: true, below: true}),
	}
}

// GoAway ends the HTTP/2 connection by a GOAWAY that says nothing about this
// request, which was executed or not (F23). HTTP/1 is closed.
func GoAway(executed bool) Fault {
	return Fault{
		Name: "F23 GOAWAY", Execute: executed,
		Respond: thenEndStream(streamEnd{code: codeNoError, goAway: true}),
	}
}

// ResetStream resets the HTTP/2 stream with an error code, PROTOCOL_ERROR (1),
// INTERNAL_ERROR (2), CANCEL (8) or another; the request was executed or not
// (F24). HTTP/1 is closed.
func ResetStream(code uint32, executed bool) Fault {
	return Fault{Name: "F24 stream reset", Execute: executed, Respond: thenEndStream(streamEnd{code: code})}
}

// Stall reads nothing and answers nothing (F20, F25): 100 Continue never comes,
// and on HTTP/2 a body larger than the stream's window does not get out.
func Stall() Fault {
	return Fault{Name: "F25 stalled stream", Read: ReadNone, Respond: ThenHang()}
}

// Faults of what stands between the client and the provider.

// DeliverTwice delivers the request twice and answers with the second answer, as
// an intermediary does that retries by itself (F27).
func DeliverTwice() Fault {
	return Fault{Name: "F27 retried by an intermediary", Execute: true, path: pathTwice}
}

// LoginPage answers 200 with a page of somebody else's, not executed (F28).
func LoginPage() Fault {
	return Fault{Name: "F28 login page", Respond: ThenAnswer(http.StatusOK,
		http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		"<!doctype html><title>Sign in to the network</title><form method=post></form>")}
}

// CachedAnswer answers 200 with the provider's document about something else,
// not executed (F28).
func CachedAnswer() Fault {
	return Fault{Name: "F28 cached answer", Respond: respondFunc(func(x *exchange) {
		header := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
		x.send(answer{status: http.StatusOK, header: header, body: []byte(x.core.api.elsewhere())})
	})}
}

// DeliverLater resets the client's connection and delivers the request after d,
// with nobody waiting for its answer (F29). With d 0 it is held until DeliverHeld.
func DeliverLater(d time.Duration) Fault {
	return Fault{Name: "F29 delivered later", Execute: true, path: pathLater, delay: d}
}

// DeliverAgain answers the request and delivers it once more after d (F30). With
// d 0 it is held until DeliverHeld.
func DeliverAgain(d time.Duration) Fault {
	return Fault{Name: "F30 delivered again", Execute: true, path: pathAgain, delay: d}
}
