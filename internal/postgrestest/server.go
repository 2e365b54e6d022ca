// Package postgrestest gives tests a real PostgreSQL: the one that PAYONCE_TEST_POSTGRES names, or a throw-away one from binaries that
// are installed. It ends what it started, also when the test binary dies.
package postgrestest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

const (
	// urlVariable names a server that is there, by its URL.
	urlVariable = "PAYONCE_TEST_POSTGRES"
	// requireVariable lists what must not be skipped.
	requireVariable = "PAYONCE_REQUIRE"
)

// TB is what of testing.TB is used.
type TB interface {
	Helper()
	Cleanup(f func())
	Context() context.Context
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Server is a PostgreSQL server.
type Server struct {
	url string
	*process
}

// Shared is one server for all tests of a package. The zero value is ready; call Stop when the tests are over.
type Shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Server returns the server, which the first call starts. Where there is none the test is skipped, or fails if PAYONCE_REQUIRE contains
// "postgres". Don't call it first inside of a testing/synctest bubble.
func (s *Shared) Server(tb TB) *Server {
	tb.Helper()
	s.once.Do(func() {
		if external := os.Getenv(urlVariable); external != "" {
			s.server = &Server{url: external}
			return
		}
		s.server, s.err = newServer()
	})
	if s.err != nil {
		missing(tb, s.err)
	}
	return s.server
}

// Stop ends the server, if it was started here.
func (s *Shared) Stop() {
	if s.server != nil && s.server.process != nil {
		s.server.stop()
	}
}

func missing(tb TB, err error) {
	tb.Helper()
	if strings.Contains(os.Getenv(requireVariable), "postgres") {
		tb.Fatalf("PostgreSQL is required: %v", err)
		return
	}
	tb.Skipf("no PostgreSQL: %v; install it, or set %s to the URL of one", err, urlVariable)
}

// URL is where the server is.
func (s *Server) URL() string { return s.url }

// Database makes an empty database, with options such as "encoding LATIN1", and returns its URL. It is dropped at the test's end.
func (s *Server) Database(tb TB, options ...string) string {
	tb.Helper()
	name := "payonce_test_" + unique()
	s.Exec(tb, fmt.Sprintf("create database %s template template0 %s", name, strings.Join(options, " ")))
	if s.process == nil { // what was started here is thrown away anyway
		tb.Cleanup(func() { s.exec(context.WithoutCancel(tb.Context()), tb, "drop database "+name+" with (force)") })
	}
	u, err := url.Parse(s.url)
	if err != nil {
		tb.Fatalf("the server's URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}

// Schema returns the name of a schema that does not exist yet. It is dropped at the test's end.
func (s *Server) Schema(tb TB) string {
	tb.Helper()
	name := "payonce_test_" + unique()
	if s.process == nil {
		tb.Cleanup(func() { s.exec(context.WithoutCancel(tb.Context()), tb, "drop schema if exists "+name+" cascade") })
	}
	return name
}

// Exec runs statements, outside of a transaction, on a connection of their own.
func (s *Server) Exec(tb TB, statements ...string) {
	tb.Helper()
	s.exec(tb.Context(), tb, statements...)
}

func (s *Server) exec(ctx context.Context, tb TB, statements ...string) {
	tb.Helper()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing depends on it
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

func unique() string {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails: it ends the process instead
	return hex.EncodeToString(id)
}
