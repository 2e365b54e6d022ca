package pgstore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
	"github.com/payonce/payonce/store/storetest"
)

// TestStore runs the suite with prepared statements, and in all modes of the pool if PAYONCE_POSTGRES=all.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, mode := range modes()[:or(1, len(modes()))] {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			suite(t, mode)
		})
	}
}

func modes() []pgx.QueryExecMode {
	return []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeSimpleProtocol,
	}
}

// or is how much a test does: little, or everything if PAYONCE_POSTGRES=all.
func or(little, everything int) int {
	if os.Getenv("PAYONCE_POSTGRES") == "all" {
		return everything
	}
	return little
}

// suite judges the store on pools of one mode.
func suite(t *testing.T, mode pgx.QueryExecMode) {
	t.Helper()
	host := server.Server(t)
	configure := withMode(mode)
	pool := newPool(t, host.URL(), configure)
	schemas := &schemas{host: host, pool: pool}
	storetest.RunOptions(t, storetest.Options{
		Open: func(t *testing.T) payonce.KeyStore {
			t.Helper()
			if time.Now().Year() < 2020 { // where bubbles begin
				return openInBubble(t, newPool(t, host.URL(), configure), host.Schema(t))
			}
			var opts []pgstore.Option
			if strings.Contains(t.Name(), "newest") { // the server's clock counts too: let it stand still, long ago
				opts = []pgstore.Option{pgstore.WithClock("'2000-01-01Z'::timestamptz"), pgstore.WithGrain(0)}
			}
			return openIn(t, pool, schemas.take(t), opts...)
		},
		Reopen: func(t *testing.T, store payonce.KeyStore) payonce.KeyStore {
			t.Helper()
			return openIn(t, newPool(t, host.URL(), configure), store.(*pgstore.Store).Schema())
		},
	})
}

// schemas are used again when a test is over, emptied: to make the tables costs more than most tests.
type schemas struct {
	host *postgrestest.Server
	pool *pgxpool.Pool

	mu   sync.Mutex
	free []string
}

func (s *schemas) take(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	name := ""
	if n := len(s.free); n > 0 {
		name, s.free = s.free[n-1], s.free[:n-1]
	} else {
		name = s.host.Schema(t)
	}
	t.Cleanup(func() {
		_, err := s.pool.Exec(context.WithoutCancel(t.Context()), fmt.Sprintf(
			"delete from %[1]s.payonce_operation; delete from %[1]s.payonce_progress; delete from %[1]s.payonce_writer", name))
		require.NoError(t, err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, name)
	})
	return name
}

// bubbled is a store in a testing/synctest bubble, whose server's clock is set to the bubble's before each call.
type bubbled struct {
	*pgstore.Store
	set func()
}

func openInBubble(t *testing.T, pool *pgxpool.Pool, schema string) payonce.KeyStore {
	t.Helper()
	for _, text := range []string{
		"create schema %[1]s", "create table %[1]s.clock (now timestamptz)", "insert into %[1]s.clock values (now())",
		"create function %[1]s.now() returns timestamptz language sql volatile as 'select now from %[1]s.clock'",
	} {
		_, err := pool.Exec(t.Context(), fmt.Sprintf(text, schema))
		require.NoError(t, err)
	}
	set := func() {
		_, err := pool.Exec(t.Context(), fmt.Sprintf("update %s.clock set now = $1", schema), time.Now())
		require.NoError(t, err)
	}
	set()
	return &bubbled{openIn(t, pool, schema, pgstore.WithClock(schema+".now()")), set}
}

func (b *bubbled) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	b.set()
	return b.Store.Claim(ctx, rec)
}

func (b *bubbled) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	b.set()
	return b.Store.Load(ctx, id, generation)
}

func (b *bubbled) Save(ctx context.Context, rec *payonce.Record) error {
	b.set()
	return b.Store.Save(ctx, rec)
}

func (b *bubbled) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	b.set()
	return b.Store.Renew(ctx, holder, length, ids)
}

func (b *bubbled) List(ctx context.Context, f payonce.Filter) (page []*payonce.Record, next string, err error) {
	b.set()
	return b.Store.List(ctx, f)
}

func (b *bubbled) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	b.set()
	return b.Store.Purge(ctx, before, limit)
}
