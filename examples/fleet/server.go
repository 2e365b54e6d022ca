package main

import (
	"context"
	"fmt"

	"github.com/payonce/payonce/internal/postgrestest"
)

// server is a PostgreSQL that somebody named, or one that is started here and thrown away.
type server struct {
	url string
	own postgrestest.Shared
}

// startServer starts one unless url names one. Without binaries for it the error says which.
func startServer(url string) (*server, error) {
	s := &server{url: url}
	if s.url == "" {
		var no refusal
		started := s.own.Server(&no)
		if started == nil {
			return nil, fmt.Errorf("%w, or name it with -postgres", no.reason)
		}
		s.url = started.URL()
	}
	return s, nil
}

// stop ends what was started here, and removes it.
func (s *server) stop() { s.own.Stop() }

// refusal stands in for a test, which would be skipped where there is no PostgreSQL.
type refusal struct{ reason error }

func (*refusal) Helper()                             {}
func (*refusal) Cleanup(func())                      {}
func (*refusal) Context() context.Context            { return context.Background() }
func (*refusal) Logf(string, ...any)                 {}
func (r *refusal) Skipf(format string, args ...any)  { r.reason = fmt.Errorf(format, args...) }
func (r *refusal) Fatalf(format string, args ...any) { r.reason = fmt.Errorf(format, args...) }
