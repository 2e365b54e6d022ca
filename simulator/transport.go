package simulator

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// A Transport connects clients to a simulator in the same process: the real
// net/http transport and server over in-memory connections. Any host name is
// accepted, over http and https alike, and no socket is opened, so that it runs
// inside testing/synctest on virtual time. It is safe for concurrent use; Close
// it after use.
type Transport struct {
	http    *http.Transport
	backend *backend
	pipes   *pipeListener
}

var _ http.RoundTripper = (*Transport)(nil)

// Transport returns a new in-process transport that speaks HTTP/1.1. TLS is
// left out: an https URL is served in the clear.
func (c *core) Transport() *Transport {
	t := &Transport{backend: c.newBackend(c, nil), pipes: newPipeListener()}
	t.http = &http.Transport{DialContext: t.DialContext, DialTLSContext: t.DialContext}
	t.backend.start(t.pipes)
	return t
}

// TransportHTTP2 returns a new in-process transport that speaks HTTP/2 over TLS,
// with a certificate for whatever https host is asked for.
func (c *core) TransportHTTP2() *Transport {
	authority := newAuthority()
	t := &Transport{backend: c.newBackend(c, authority.serverConfig()), pipes: newPipeListener()}
	t.http = &http.Transport{
		DialContext:       t.DialContext,
		ForceAttemptHTTP2: true,
		TLSClientConfig:   authority.clientConfig(),
	}
	t.backend.start(t.pipes)
	return t
}

// RoundTrip sends one request to the simulator.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.http.RoundTrip(r)
}

// HTTP returns the net/http transport inside, to read or to change its settings
// before the first request.
func (t *Transport) HTTP() *http.Transport { return t.http }

// DialContext makes one connection to the simulator, or the fault that the
// script has for it. It is for transports of the caller's own.
func (t *Transport) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return t.backend.dial(ctx, address, t.pipes.connect)
}

// CloseIdleConnections closes the client's idle connections.
func (t *Transport) CloseIdleConnections() { t.http.CloseIdleConnections() }

// Close ends every connection and stops everything that the transport started.
func (t *Transport) Close() {
	t.http.CloseIdleConnections()
	_ = t.pipes.Close()
	t.backend.close()
	t.http.CloseIdleConnections()
}

// pipeListener is a net.Listener whose connections are pipes.
type pipeListener struct {
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{accept: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) connect(ctx context.Context) (net.Conn, error) {
	client, server := newPipe()
	select {
	case l.accept <- server:
		return client, nil
	case <-l.done:
		return nil, opError("dial", net.ErrClosed)
	case <-ctx.Done():
		return nil, opError("dial", ctx.Err())
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.accept:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }
