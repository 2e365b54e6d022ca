package simulator

import (
	"net"
	"sync"
	"sync/atomic"
)

// connKey is under which a request's context holds its *conn.
type connKey struct{}

// A conn is one client connection as the simulator's own servers see it: what
// http.Server needs, and the wire below it for faults.
type conn struct {
	net.Conn // what HTTP is spoken on: the wire, or TLS over it

	wire     net.Conn // TCP, or one end of a pipe
	backend  *backend
	frames   *frameWriter // HTTP/2 only
	requests atomic.Int64 // begun so far
	active   atomic.Int64 // being handled now

	mu    sync.Mutex
	stale []byte // written before the next answer
}

// Close closes the connection and takes it off its server's list.
func (c *conn) Close() error {
	c.backend.forget(c)
	return c.Conn.Close()
}

// Write writes what HTTP says; on HTTP/2 some frames are exchanged on the way.
func (c *conn) Write(p []byte) (int, error) {
	if c.frames != nil {
		return c.frames.Write(p)
	}
	return c.Conn.Write(p)
}

// reset makes the client see a connection reset instead of an end.
func (c *conn) reset() {
	resetWire(c.wire)
	_ = c.Close()
}

func resetWire(wire net.Conn) {
	switch w := wire.(type) {
	case *net.TCPConn:
		_ = w.SetLinger(0) // close sends RST and drops what is queued
	case *pipeEnd:
		w.reset()
	}
	_ = wire.Close()
}

// keepStale remembers an answer to be written once more, before the next one.
func (c *conn) keepStale(response []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = response
}

func (c *conn) sendStale() {
	c.mu.Lock()
	stale := c.stale
	c.stale = nil
	c.mu.Unlock()
	if stale != nil {
		_, _ = c.Conn.Write(stale)
	}
}

func opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Err: err}
}
