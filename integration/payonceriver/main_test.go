package payonceriver_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/payonce/payonce/internal/postgrestest"
)

// postgres is the server of all tests.
var postgres postgrestest.Shared

// TestMain is also where a process of TestOutbox's fleet begins, and ends.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // net/http's remarks on broken connections
	if text := os.Getenv(placeVariable); text != "" {
		if err := serve(text); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(tests{m})
}

// tests are the package's, with the server that they share and a database for the example.
type tests struct{ *testing.M }

func (m tests) Run() int {
	flag.Parse()
	defer postgres.Stop()
	example := &surroundings{}
	defer example.end()
	if server := postgres.Server(example); server != nil {
		example.set("DATABASE_URL", server.Database(example))
	} else if err := flag.Set("test.skip", "^Example"); err != nil { // an example can't skip itself
		panic(err)
	}
	return m.M.Run()
}

// surroundings are what an example has of a test.
type surroundings struct{ ends []func() }

func (*surroundings) Helper()                           {}
func (*surroundings) Context() context.Context          { return context.Background() }
func (s *surroundings) Cleanup(f func())                { s.ends = append(s.ends, f) }
func (*surroundings) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*surroundings) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (s *surroundings) Skipf(format string, args ...any) {
	s.Logf("the example is left out: "+format, args...)
}

func (*surroundings) set(variable, value string) {
	if err := os.Setenv(variable, value); err != nil {
		panic(err)
	}
}

func (s *surroundings) end() {
	for _, f := range s.ends {
		f()
	}
}
