package simulator

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"time"
)

// An exchange is one request in the hands of the front door: it is read,
// executed and answered, each as far as the fault allows.
type exchange struct {
	core   *core
	w      http.ResponseWriter
	r      *http.Request
	conn   *conn // nil when somebody else's server called us
	fault  Fault
	seq    int // in the request log
	body   []byte
	whole  bool // body is the whole body
	answer answer
}

// ServeHTTP answers API and token requests on one host. Faults that need the
// connection (resets, cut answers) work best on the servers that Start,
// StartHTTP2, Run and Transport make; on a foreign server they hijack the
// connection or abort the handler.
func (c *core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{core: c, w: w, r: r, fault: Fault{Execute: true}}
	x.conn, _ = r.Context().Value(connKey{}).(*conn)
	used := false
	if x.conn != nil {
		used = x.conn.requests.Add(1) > 1
	}
	if f, ok := c.script.forRequest(r, used, c.api.faultable); ok {
		x.fault = f
	}
	x.carry(context.WithoutCancel(r.Context()))
}

// carry plays the network between the client and the provider: it may lose,
// hold or double a request that was sent once.
func (x *exchange) carry(background context.Context) {
	if x.fault.path == pathDirect {
		x.run()
		return
	}
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		x.abort()
	}
	x.r.Body = io.NopCloser(bytes.NewReader(body))
	switch x.fault.path {
	case pathDirect:
	case pathLater:
		x.later(x.double(background, body))
		x.reset()
	case pathTwice:
		x.double(background, body).run()
		x.run()
	case pathAgain:
		x.later(x.double(background, body))
		x.run()
	}
}

// double is the same request again, with nobody waiting for its answer.
func (x *exchange) double(ctx context.Context, body []byte) *exchange {
	r := x.r.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return &exchange{
		core: x.core, w: nobody{http.Header{}}, r: r,
		fault: Fault{Name: x.fault.Name, Execute: true},
	}
}

// later delivers a request after the fault's delay, or when DeliverHeld says so.
func (x *exchange) later(double *exchange) {
	c := x.core
	if x.fault.delay == 0 {
		c.mu.Lock()
		c.held = append(c.held, double)
		c.mu.Unlock()
		return
	}
	deliver := func() {
		if x.wait(x.fault.delay, nil) {
			double.run()
		}
	}
	if x.conn == nil {
		go deliver() // a foreign server has no end that we know of
		return
	}
	x.conn.backend.group.Go(deliver)
}

func (x *exchange) run() {
	x.seq = x.core.log.add(Request{
		Time: x.core.now(), Proto: x.r.Proto, Method: x.r.Method, Path: x.r.URL.RequestURI(),
		Header: x.r.Header.Clone(), Fault: x.fault.Name,
	})
	if !x.wait(x.fault.pause, x.r.Context().Done()) {
		x.abort()
	}
	x.read()
	if x.fault.Execute && x.whole {
		x.execute()
	}
	if x.conn != nil {
		x.conn.sendStale()
	}
	if x.fault.Respond != nil {
		x.fault.Respond.respond(x)
		return
	}
	if x.answer.status == 0 {
		x.abort()
	}
	x.send(x.answer)
}

// read reads as much of the body as the fault allows. Executing needs all of it.
func (x *exchange) read() {
	mode := x.fault.Read
	if x.fault.Execute {
		mode = ReadAll
	}
	var err error
	switch mode {
	case ReadNone:
		return
	case ReadPart:
		x.body, _ = io.ReadAll(io.LimitReader(x.r.Body, max(1, x.r.ContentLength/2)))
	case ReadAll:
		x.body, err = io.ReadAll(x.r.Body)
		x.whole = err == nil
	}
	key := x.core.api.keyOf(x.r, x.body)
	x.core.log.update(x.seq, func(r *Request) { r.Key, r.Body, r.Complete = key, x.body, x.whole })
	if err != nil {
		x.abort()
	}
}

func (x *exchange) execute() {
	cl := &call{
		Request: x.r, body: x.body, at: x.core.now(), quirk: x.fault.quirk,
		hold: func() { x.wait(x.fault.Hold, nil) },
	}
	x.answer = x.core.api.handle(cl).clone()
	x.core.log.update(x.seq, func(r *Request) { r.Executed, r.Replayed = cl.executed, cl.replayed })
}

// send writes a complete answer and, first, the log: a client that has its
// answer finds it there.
func (x *exchange) send(a answer) {
	x.head(a)
	_, _ = x.w.Write(a.body) // a client that has gone away is no error of ours
}

// head writes the status line and the headers.
func (x *exchange) head(a answer) {
	x.answered(a.status)
	h := x.w.Header()
	maps.Copy(h, a.header)
	maps.Copy(h, x.fault.Header)
	x.w.WriteHeader(a.status)
}

func (x *exchange) answered(status int) {
	x.core.log.update(x.seq, func(r *Request) { r.Status = status })
}

// flush pushes out what was written so far.
func (x *exchange) flush() bool {
	return http.NewResponseController(x.w).Flush() == nil
}

// abort ends the exchange without another byte: the connection is closed on
// HTTP/1 and the stream reset on HTTP/2.
func (x *exchange) abort() {
	panic(http.ErrAbortHandler)
}

// reset breaks the connection as a reset does.
func (x *exchange) reset() {
	if x.conn != nil {
		x.conn.reset()
	} else if nc, _, err := http.NewResponseController(x.w).Hijack(); err == nil {
		resetWire(nc)
	}
	x.abort()
}

// shut closes the connection, on HTTP/2 too.
func (x *exchange) shut() {
	if x.conn != nil {
		_ = x.conn.Close()
	}
	x.abort()
}

// raw writes bytes as they are and closes the connection. HTTP/2 has no such
// bytes: the stream is reset instead.
func (x *exchange) raw(status int, data []byte) {
	if x.r.ProtoMajor != 1 {
		x.endStream(streamEnd{code: codeProtocolError})
	}
	var nc net.Conn = x.conn
	if x.conn == nil {
		hijacked, _, err := http.NewResponseController(x.w).Hijack()
		if err != nil {
			x.abort()
		}
		nc = hijacked
	}
	x.answered(status)
	_, _ = nc.Write(data)
	_ = nc.Close()
	x.abort()
}

// endStream ends an HTTP/2 stream in a chosen way; HTTP/1 has none and is cut.
func (x *exchange) endStream(end streamEnd) {
	if x.conn != nil && x.conn.frames != nil {
		x.conn.frames.expect(end)
	}
	x.abort()
}

// wait waits for d, and reports false if the server closes or gone is closed
// before that.
func (x *exchange) wait(d time.Duration, gone <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
		return false
	case <-x.closing():
		return false
	}
}

func (x *exchange) closing() <-chan struct{} {
	if x.conn == nil {
		return nil
	}
	return x.conn.backend.closing
}

// nobody is the client of a request that the network delivered by itself.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}
