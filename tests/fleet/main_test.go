//go:build unix

package fleet_test

import (
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// server is shared by the tests that do it no harm.
var server postgrestest.Shared

// TestMain is also where a child process begins, and ends.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // net/http's remarks on broken connections
	if text := os.Getenv(errandVariable); text != "" {
		runErrand(text)
		return
	}
	defer server.Stop()
	m.Run()
}

// number reads a size or a seed from the environment.
func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// seed is the test's first seed: a new one each time, unless the environment has one.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := number(t, "PAYONCE_SEED", int(time.Now().UnixNano()%1e9))
	t.Logf("PAYONCE_SEED=%d", s)
	return uint64(s)
}

// pause lets real time pass.
func pause(d time.Duration) { <-time.NewTimer(d).C }

// openPool connects until the end of the test.
func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// openStore makes the tables and opens the store until the end of the test.
func openStore(t *testing.T, pool *pgxpool.Pool, schema string) *pgstore.Store {
	t.Helper()
	require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema)))
	store, err := pgstore.New(t.Context(), pool, pgstore.WithSchema(schema))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}
