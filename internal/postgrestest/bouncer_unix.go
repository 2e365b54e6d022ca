//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const bouncerConfig = `[databases]
* = host=%[1]s port=` + port + ` user=postgres
[pgbouncer]
unix_socket_dir = %[1]s
listen_addr =
listen_port = ` + bouncerPort + `
auth_type = any
pool_mode = transaction
default_pool_size = 1
logfile = %[1]s/bouncer.log
`

const bouncerPort = "6432"

// Bouncer starts a PgBouncer in transaction mode, with one connection to the server, and returns its URL. It is stopped at the test's end.
// Without pgbouncer on PATH, or a server that was started here, the test is skipped, or fails if PAYONCE_REQUIRE contains "pgbouncer".
func (s *Server) Bouncer(tb TB) string {
	tb.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err == nil && s.process == nil {
		err = errors.New("the server was not started here")
	}
	if err != nil {
		if strings.Contains(os.Getenv(requireVariable), "pgbouncer") {
			tb.Fatalf("PgBouncer is required: %v", err)
		}
		tb.Skipf("no PgBouncer: %v", err)
	}
	config := filepath.Join(s.dir, "bouncer.ini")
	if err := errors.Join(os.WriteFile(config, fmt.Appendf(nil, bouncerConfig, s.dir), 0o600), s.own(config)); err != nil {
		tb.Fatalf("pgbouncer: %v", err)
	}
	bouncer := s.command(program, config)
	if err := bouncer.Start(); err != nil {
		tb.Fatalf("pgbouncer: %v", err)
	}
	tb.Cleanup(func() {
		_ = bouncer.Process.Kill() // it has nothing to lose
		_ = bouncer.Wait()
	})
	u := "postgres://postgres@/postgres?sslmode=disable&port=" + bouncerPort + "&host=" + url.QueryEscape(s.dir)
	awaitBouncer(tb, u)
	return u
}

func awaitBouncer(tb TB, u string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, u)
		if err == nil {
			_ = conn.Close(ctx) // it was only to be opened
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("pgbouncer does not answer: %v", err)
		case <-time.NewTimer(10 * time.Millisecond).C:
		}
	}
}
