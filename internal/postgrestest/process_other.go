//go:build !unix

package postgrestest

import (
	"context"
	"errors"
	"net"
	"runtime"
)

// process is a server that was started here, which there is none of on this system.
type process struct{}

var errNone = errors.New("a throw-away server is not started on " + runtime.GOOS)

func newServer() (*Server, error) { return nil, errNone }

// New starts a server for one test.
func (s *Shared) New(tb TB, _ ...string) *Server {
	missing(tb, errNone)
	return nil
}

func (*process) stop() {}

// Dial opens a connection to the server's socket, for a proxy.
func (*Server) Dial(context.Context) (net.Conn, error) { return nil, errNone }

// Log is the end of what the server logged.
func (*Server) Log() string { return "" }

// Kill ends all processes of the server as kill -9 does.
func (*Server) Kill(TB) {}

// Restart starts the server again after Kill.
func (*Server) Restart(TB) {}

// Pause stops all processes of the server until Resume, as if its host hung.
func (*Server) Pause() {}

// Resume lets a paused server go on.
func (*Server) Resume() {}

// Standby starts a server that follows this one.
func (s *Server) Standby(TB) *Server { return s }

// Bouncer starts a PgBouncer.
func (*Server) Bouncer(tb TB) string {
	tb.Skipf("no PgBouncer: %v", errNone)
	return ""
}
