package simulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// A Server serves a simulator on a loopback port. It is for tests that want real
// sockets; Transport needs none.
type Server struct {
	// URL is where it listens, for example http://127.0.0.1:40001.
	URL string

	backend *backend
	client  *http.Transport
	once    sync.Once
}

// Start serves HTTP/1.1 in the clear on a free loopback port. It panics if there
// is none.
func (c *core) Start() *Server {
	return c.startServer("http", c.newBackend(c, nil), &http.Transport{})
}

// StartHTTP2 serves HTTP/2 over TLS on a free loopback port. It panics if there
// is none.
func (c *core) StartHTTP2() *Server {
	authority := newAuthority()
	return c.startServer("https", c.newBackend(c, authority.serverConfig()), &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   authority.clientConfig(),
	})
}

func (c *core) startServer(scheme string, b *backend, client *http.Transport) *Server {
	var config net.ListenConfig
	ln, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("simulator: listen on a loopback port: %v", err))
	}
	s := &Server{URL: scheme + "://" + ln.Addr().String(), backend: b, client: client}
	client.DialContext = s.DialContext
	b.start(ln)
	return s
}

// Client returns a client that trusts the server's certificate and meets the
// script's dial faults. Its redirects are followed as net/http does by default.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.client} }

// DialContext dials an address, or meets the fault that the script has for the
// dial. It is for transports of the caller's own.
func (s *Server) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return s.backend.dial(ctx, address, func(ctx context.Context) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, address)
	})
}

// Close ends every connection and stops everything that the server started.
func (s *Server) Close() {
	s.once.Do(func() {
		s.client.CloseIdleConnections()
		s.backend.close()
		s.client.CloseIdleConnections()
	})
}

// Run serves the API and the control endpoints on a listener until the context
// ends, and closes the listener. The control endpoints need no credentials:
// listen on a loopback address.
func (c *core) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("/", c)
	mux.Handle("/simulator/", c.Control())
	b := c.newBackend(mux, nil)
	done := make(chan error, 1)
	b.group.Go(func() { done <- b.http.Serve(&listener{Listener: ln, backend: b}) })
	select {
	case err := <-done:
		b.close()
		return err
	case <-ctx.Done():
		b.close()
		return nil
	}
}
