package httpx

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// conn is a connection on which a request can be held back at its first byte: later than any other check, and also where there is no
// body whose reading could be refused.
type conn struct {
	net.Conn

	held atomic.Pointer[hold]
}

// hold is one request's wish to be asked before its first byte leaves.
type hold struct {
	late     func() bool
	evidence *evidence
}

// Dial makes connections that hold back, over HTTP/1, what is late: not a byte of it leaves.
func Dial(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c}, nil
	}
}

// Write asks before the first byte of a request.
func (c *conn) Write(p []byte) (int, error) {
	if h := c.held.Swap(nil); h != nil && h.late() {
		h.evidence.held.Store(true)
		return 0, ErrTooLate
	}
	return c.Conn.Write(p)
}

// watch makes the request's connection ask, if it can and if no other request shares it.
func (e *evidence) watch(info httptrace.GotConnInfo, late func() bool) {
	plain := info.Conn
	if t, ok := plain.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return
		}
		plain = t.NetConn()
	}
	if c, ok := plain.(*conn); ok && late != nil {
		c.held.Store(&hold{late: late, evidence: e})
	}
}
