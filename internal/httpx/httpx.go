// Package httpx makes one HTTP attempt, honestly: one call is at most one request on the wire, and what is not known is said.
package httpx

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/payonce/payonce/internal/failpoint"
)

// ErrTooLate says that the time after which nothing may be sent had passed when the body was about to leave.
var ErrTooLate = errors.New("the time to send is over")

// Call is one request.
type Call struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	// Write says that the request changes something: it must never be re-sent behind our back.
	Write bool
	// Late, if set, is asked when the body is about to leave, and over a connection of Dial again when the first byte is; true holds
	// all of it back.
	Late func() bool
	// Got, if set, is told which connection the request gets, before it is written.
	Got func(connection string)
	// Seen, if set, is shown the headers of an answer that came over HTTP/1, and which connection it came by. If the answer has no
	// body another request may have got the connection by then.
	Seen func(header http.Header, connection string)
}

// Answer is what came of it.
type Answer struct {
	// Status is 0 when there was no answer.
	Status int
	Header http.Header
	// Body is nil unless Complete, which says that it is known to be whole.
	Body       []byte
	Complete   bool
	ReceivedAt time.Time
	// NotSent is proof that no request reached the server.
	NotSent bool
	// Err is the transport's error, also when there is a Status: then reading the body failed.
	Err error
}

// Harden returns a copy of the client that follows no redirect, keeps no cookies and sets no timeout of its own.
func Harden(c *http.Client) *http.Client {
	return &http.Client{
		Transport:     c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Do makes the request and reads the answer.
func Do(ctx context.Context, client *http.Client, call *Call) Answer {
	if err := context.Cause(ctx); err != nil {
		return Answer{NotSent: true, Err: err}
	}
	evidence := new(evidence)
	ctx = httptrace.WithClientTrace(ctx, evidence.trace(call))
	req, err := http.NewRequestWithContext(ctx, call.Method, call.URL, nil)
	if err != nil {
		return Answer{NotSent: true, Err: err}
	}
	req.Header = call.Header
	if call.Write || len(call.Body) > 0 {
		// A body that can't be rewound keeps net/http from re-sending a keyed request by itself, also when it is empty.
		req.Body = &gate{body: bytes.NewReader(call.Body), late: call.Late, evidence: evidence}
		req.GetBody = nil
		req.ContentLength = int64(len(call.Body))
	}
	res, err := client.Do(req)
	if err != nil {
		return Answer{NotSent: evidence.notSent(err), Err: plain(err)}
	}
	defer res.Body.Close()
	failpoint.Hit(failpoint.Answered)
	if conn := evidence.conn.Load(); call.Seen != nil && conn != nil && res.ProtoMajor == 1 {
		call.Seen(res.Header, *conn)
	}
	answer := Answer{Status: res.StatusCode, Header: res.Header, ReceivedAt: time.Now()}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return answer // its body is a connection
	}
	answer.Body, answer.Err = readBody(res)
	answer.Complete = answer.Err == nil && complete(res, answer.Body)
	failpoint.Hit(failpoint.Read)
	if !answer.Complete {
		answer.Body = nil
	}
	return answer
}

// complete says whether a body that was read without an error is known to be whole: net/http reports no error when a body that ends
// with its connection is cut.
func complete(res *http.Response, body []byte) bool {
	encoding := res.Header.Get("Content-Encoding")
	if (encoding != "" && encoding != "identity") || (res.ContentLength > 0 && res.ContentLength != int64(len(body))) {
		return false
	}
	framed := res.ContentLength >= 0 || len(res.TransferEncoding) > 0 || res.ProtoMajor >= 2
	return framed || len(body) == 0 || json.Valid(body)
}

// plain removes the *url.Error around a transport error: its text repeats the URL, which may hold what should not be logged.
func plain(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}

// evidence collects what proves that a request was not sent.
type evidence struct {
	asked, connected, read atomic.Bool
	held                   atomic.Bool            // by the connection, before the first byte
	conn                   atomic.Pointer[string] // names the connection
}

func (e *evidence) trace(call *Call) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { e.asked.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			e.connected.Store(true)
			failpoint.Hit(failpoint.Connected)
			name := fmt.Sprintf("%p", info.Conn)
			e.conn.Store(&name)
			if call.Got != nil {
				call.Got(name)
			}
			e.watch(info, call.Late)
		},
	}
}

// notSent needs positive proof: the transport said that it looked for a connection and never had one, or the error is a dial's or a
// handshake's, or the connection held its first byte back. A body that the gate held back is no proof: net/http may have sent the
// headers before it asked for the body.
func (e *evidence) notSent(err error) bool {
	if e.held.Load() {
		return true
	}
	if e.connected.Load() || e.read.Load() {
		return false
	}
	return e.asked.Load() || neverConnected(err)
}

func neverConnected(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	return dns || certificate
}

// gate is a request body that can be read once, and whose first read is the last moment to hold the request back.
type gate struct {
	body     *bytes.Reader
	late     func() bool
	evidence *evidence
}

func (g *gate) Read(p []byte) (int, error) {
	if !g.evidence.read.Swap(true) {
		failpoint.Hit(failpoint.Leaving)
		if g.late != nil && g.late() {
			return 0, ErrTooLate
		}
	}
	n, err := g.body.Read(p)
	if g.body.Len() == 0 {
		failpoint.Hit(failpoint.Left)
	}
	return n, err
}

func (*gate) Close() error { return nil }
