package simulator

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A backend is one http.Server over the front door, with every connection in
// its hands: the common part of Transport, Server and Run.
type backend struct {
	core    *core
	http    *http.Server
	tls     *tls.Config // HTTP/2 over TLS; nil is HTTP/1 in the clear
	closing chan struct{}

	group sync.WaitGroup // handlers, deliveries, the accept loop

	mu     sync.Mutex
	closed bool
	conns  map[*conn]struct{}
}

// newBackend returns a server for h. With a TLS configuration it speaks HTTP/2
// and nothing else.
func (c *core) newBackend(h http.Handler, config *tls.Config) *backend {
	b := &backend{core: c, tls: config, closing: make(chan struct{}), conns: map[*conn]struct{}{}}
	protocols := &http.Protocols{}
	// TLS ends in conn, so that frames can be exchanged; what http.Server sees is
	// HTTP/2 with prior knowledge.
	protocols.SetUnencryptedHTTP2(config != nil)
	protocols.SetHTTP1(config == nil)
	b.http = &http.Server{
		Handler:           b.guarded(h),
		Protocols:         protocols,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // faults are no news
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, nc)
		},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.backends[b] = struct{}{}
	return b
}

// guarded counts handlers in and out, for close to wait for.
func (b *backend) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !b.enter() {
			panic(http.ErrAbortHandler)
		}
		defer b.group.Done()
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.active.Add(1)
			defer c.active.Add(-1)
		}
		h.ServeHTTP(w, r)
	})
}

// start serves a listener until close.
func (b *backend) start(ln net.Listener) {
	b.group.Go(func() { _ = b.http.Serve(&listener{Listener: ln, backend: b}) })
}

// close stops everything that the backend started and waits for it.
func (b *backend) close() {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	conns := make([]*conn, 0, len(b.conns))
	for c := range b.conns {
		conns = append(conns, c)
	}
	b.mu.Unlock()
	if first {
		close(b.closing)
	}
	_ = b.http.Close()
	for _, c := range conns {
		_ = c.wire.Close()
	}
	b.group.Wait()
	b.core.mu.Lock()
	defer b.core.mu.Unlock()
	delete(b.core.backends, b)
}

// enter counts in something that close waits for.
func (b *backend) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.group.Add(1)
	return true
}

func (b *backend) forget(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
}

// dropIdle closes every connection that no request is using.
func (b *backend) dropIdle() {
	b.mu.Lock()
	var idle []*conn
	for c := range b.conns {
		if c.active.Load() == 0 {
			idle = append(idle, c)
		}
	}
	b.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
}

// adopt takes an accepted connection.
func (b *backend) adopt(wire net.Conn) *conn {
	c := &conn{Conn: wire, wire: wire, backend: b}
	if b.tls != nil {
		c.Conn = tls.Server(wire, b.tls) // shakes hands at the first read, in the connection's own goroutine
		c.frames = &frameWriter{out: c.Conn}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = wire.Close()
		return c
	}
	b.conns[c] = struct{}{}
	return c
}

type listener struct {
	net.Listener

	backend *backend
}

func (l *listener) Accept() (net.Conn, error) {
	wire, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.backend.adopt(wire), nil
}
