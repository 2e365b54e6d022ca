package pgstore_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/store/pgstore"
)

// plan is a node of what EXPLAIN says.
type plan struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Plans    []plan `json:"Plans"`
}

// walk visits all nodes.
func (p *plan) walk(visit func(*plan)) {
	visit(p)
	for i := range p.Plans {
		p.Plans[i].walk(visit)
	}
}

// TestEveryStatementUsesAnIndex looks at the plans that connections keep, for tables that are new and for large ones: a plan that was made
// while a table was empty is kept while it grows.
func TestEveryStatementUsesAnIndex(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 1 })
	store := openIn(t, pool, host.Schema(t))
	explainAll(t, pool, store, "new")

	fill(t, pool, store, 20_000)
	explainAll(t, pool, store, "large")
}

// TestAPurgeReadsOnlyWhatItTakes looks at the plan of a purge in tables that PostgreSQL has not analyzed since they grew.
func TestAPurgeReadsOnlyWhatItTakes(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	insert(t, pool, store, 5000)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), store.Statements()["guard"], store.WriterID(), store.Incarnation(), "1s", true)
	require.NoError(t, err)
	var explained []byte
	require.NoError(t, tx.QueryRow(t.Context(), "explain (format json) "+store.Statements()["purge"], pgx.QueryExecModeExec, time.Now(), int64(50)).Scan(&explained))
	assert.NotContains(t, string(explained), `"Sort"`)
	assert.NotContains(t, string(explained), `"Bitmap`)
	assert.Contains(t, string(explained), "payonce_progress_final")
}

// fill inserts closed and some open records, order-1 to order-n, and lets PostgreSQL know.
func fill(tb testing.TB, pool *pgxpool.Pool, store *pgstore.Store, n int) {
	tb.Helper()
	insert(tb, pool, store, n)
	_, err := pool.Exec(tb.Context(), fmt.Sprintf("analyze %[1]s.payonce_operation; analyze %[1]s.payonce_progress; analyze %[1]s.payonce_writer", store.Schema()))
	require.NoError(tb, err)
}

func insert(tb testing.TB, pool *pgxpool.Pool, store *pgstore.Store, n int) {
	tb.Helper()
	_, err := pool.Exec(tb.Context(), fmt.Sprintf(`insert into %[1]s.payonce_operation
		(format, account, kind, reference, generation, key, exclusive, scope, replay, empty_ok, prepared, created_at, origin, method, path, body)
		select 1, '%[2]s', 'payment.create', 'order-' || n, 1, 'key-' || n, n %% 2 = 0, 'scope', 0, false, false, now(), '', 'POST', '/',
		convert_to(repeat('body', 150), 'UTF8') from generate_series(1, %[3]d) n;
		insert into %[1]s.payonce_progress (operation, account, version, state, sent, reached, possible, accepted, key_spent, due_at,
		changed_at, holder, purged, restores, reason, note)
		select id, account, 2, case when id %% 100 = 0 then 0 else 1 end, 1, 1, 1, true, false, now() - id * interval '1 second',
		now() - id * interval '1 second', '', id < %[3]d / 2, 0, '', '' from %[1]s.payonce_operation`, store.Schema(), account, n))
	require.NoError(tb, err)
}

func explainAll(t *testing.T, pool *pgxpool.Pool, store *pgstore.Store, tables string) {
	t.Helper()
	statements := store.Statements()
	require.Greater(t, len(statements), 12)
	outside := []string{"generation", "latest", "byKey", "list", "listDue", "channel", "inserting.insert", "inserting.stored", "inserting.keyOwner"}
	few := []string{"history", "restored", "channel", "forgetWriters", "enlist", "guard"} // are about tables of a few rows
	for name, text := range statements {
		plans := explain(t, pool, store, text, !slices.Contains(outside, name))
		indexed, scanned := 0, ""
		plans.walk(func(p *plan) {
			switch {
			case strings.HasPrefix(p.Index, "payonce_"):
				indexed++
			case strings.HasSuffix(p.Type, "Seq Scan") && p.Relation != "payonce_meta" && p.Relation != "payonce_writer":
				scanned = p.Relation
			}
		})
		assert.Empty(t, scanned, "%s reads the whole table, which is %s: %+v", name, tables, plans)
		if !slices.Contains(few, name) {
			assert.Positive(t, indexed, "%s uses no index, tables are %s: %+v", name, tables, plans)
		}
	}
}

// explain returns the plan that a connection keeps for a statement, in the writer's transactions or outside of them.
func explain(t *testing.T, pool *pgxpool.Pool, store *pgstore.Store, text string, writers bool) *plan {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	_, err = tx.Exec(t.Context(), "set local plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	if writers {
		_, err = tx.Exec(t.Context(), store.Statements()["guard"], store.WriterID(), store.Incarnation(), "1s", true)
		require.NoError(t, err)
	}
	execute, parameters := "explain (format json) execute it", 0
	for strings.Contains(text, fmt.Sprintf("$%d::", parameters+1)) {
		parameters++
	}
	if parameters > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("null,", parameters), ",") + ")"
	}
	_, err = tx.Exec(t.Context(), "prepare it as "+text)
	require.NoError(t, err)
	var explained []byte
	require.NoError(t, tx.QueryRow(t.Context(), execute).Scan(&explained))
	_, err = tx.Exec(t.Context(), "deallocate it")
	require.NoError(t, err)
	var plans []struct{ Plan plan }
	require.NoError(t, json.Unmarshal(explained, &plans))
	require.Len(t, plans, 1)
	return &plans[0].Plan
}
