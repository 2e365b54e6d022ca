package postgrestest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
)

// Proxy stands between a store and its server, message by message of PostgreSQL's protocol.
type Proxy struct {
	host     *Server
	listener net.Listener
	ctx      context.Context
	running  sync.WaitGroup

	mu    sync.Mutex
	armed *Cut
	open  map[net.Conn]bool
}

// Cut is where a connection breaks: after some messages of one direction.
type Cut struct {
	// FromServer says which direction, After how many messages of it pass.
	FromServer bool
	After      int
	// Delayed lets the server have the rest of what the client sent, when Release is called and not before.
	Delayed bool

	release chan struct{}
	done    chan struct{} // closed when the connection has been cut, and what was delayed has been answered or refused
	struck  bool
}

// Proxy listens on a port of this host until the end of the test.
func (s *Server) Proxy(tb TB) *Proxy {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("proxy: %v", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	p := &Proxy{host: s, listener: listener, ctx: ctx, open: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	tb.Cleanup(func() {
		cancel()
		_ = listener.Close()
		p.CutAll()
		p.running.Wait()
	})
	return p
}

// URL is the server's through the proxy.
func (p *Proxy) URL() string {
	u, err := url.Parse(p.host.URL())
	if err != nil {
		return err.Error()
	}
	u.Host, u.RawQuery = p.listener.Addr().String(), "sslmode=disable"
	return u.String()
}

// Arm makes the next connection that gets so far break there.
func (p *Proxy) Arm(c *Cut) *Cut {
	c.release, c.done = make(chan struct{}), make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = c
	return c
}

// Disarm lets everything through, and says whether the cut was made.
func (p *Proxy) Disarm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	struck := p.armed != nil && p.armed.struck
	p.armed = nil
	return struck
}

// Release lets the server have what was delayed, and waits until the cut is over.
func (c *Cut) Release() {
	close(c.release)
	<-c.done
}

// strikes counts a message and returns the cut if this is where it is.
func (p *Proxy) strikes(fromServer bool) *Cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.armed
	if c == nil || c.struck || c.FromServer != fromServer {
		return nil
	}
	if c.After > 0 {
		c.After--
		return nil
	}
	c.struck = true
	return c
}

// CutAll breaks all connections that are open.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *Proxy) track(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
	_ = conn.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		backend, err := p.host.Dial(p.ctx)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.running.Go(func() { p.serve(client, backend) })
	}
}

// link is one connection through the proxy.
type link struct {
	*Proxy
	client, backend net.Conn
	ready           chan struct{} // the server has done all that it was asked for
	ended           chan struct{} // the server has closed the connection
}

// serve passes messages on until both sides are gone.
func (p *Proxy) serve(client, backend net.Conn) {
	p.track(client)
	p.track(backend)
	l := &link{Proxy: p, client: client, backend: backend, ready: make(chan struct{}, 1), ended: make(chan struct{})}
	var back sync.WaitGroup
	back.Go(l.fromServer)
	l.fromClient()
	p.forget(backend)
	back.Wait()
	p.forget(client)
}

func (l *link) fromClient() {
	if err := pass(l.client, l.backend, 0); err != nil { // the startup message has no type
		return
	}
	for {
		message, err := read(l.client, 1)
		if err != nil {
			return
		}
		if c := l.strikes(false); c != nil {
			l.strike(c, message)
			return
		}
		if _, err := l.backend.Write(message); err != nil {
			return
		}
	}
}

// strike breaks the connection for the client. What the client has sent is lost, or reaches the server late.
func (l *link) strike(c *Cut, message []byte) {
	defer close(c.done)
	late := message
	for err := error(nil); c.Delayed && err == nil && message[0] != 'S' && message[0] != 'Q'; { // up to what commits
		message, err = read(l.client, 1)
		late = append(late, message...)
	}
	_ = l.client.Close()
	if !c.Delayed {
		return
	}
	select {
	case <-c.release:
	case <-l.ctx.Done():
		return
	}
	select {
	case <-l.ready: // of an earlier request
	default:
	}
	if _, err := l.backend.Write(late); err != nil {
		return
	}
	select {
	case <-l.ready:
	case <-l.ended:
	}
}

func (l *link) fromServer() {
	defer close(l.ended)
	for {
		message, err := read(l.backend, 1)
		if err != nil {
			_ = l.client.Close()
			return
		}
		if c := l.strikes(true); c != nil {
			l.swallow(c, message)
			return
		}
		_, _ = l.client.Write(message) // it may be gone, and the server goes on all the same
		if message[0] == 'Z' {
			select {
			case l.ready <- struct{}{}:
			default:
			}
		}
	}
}

// swallow keeps the rest of an answer from the client.
func (l *link) swallow(c *Cut, message []byte) {
	defer close(c.done)
	for err := error(nil); err == nil && message[0] != 'Z'; {
		message, err = read(l.backend, 1)
	}
	_ = l.client.Close()
}

func pass(from io.Reader, to io.Writer, header int) error {
	message, err := read(from, header)
	if err == nil {
		_, err = to.Write(message)
	}
	return err
}

// read reads a message, whose length comes after as many bytes.
func read(from io.Reader, header int) ([]byte, error) {
	start := make([]byte, header+4)
	if _, err := io.ReadFull(from, start); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(start[header:]))
	if length < 4 || length > 1<<28 {
		return nil, errors.New("this is not PostgreSQL's protocol")
	}
	rest := make([]byte, length-4)
	_, err := io.ReadFull(from, rest)
	return append(slices.Clip(start), rest...), err
}
