package pgstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// nextVersion is a schema that a later program brings.
func nextVersion() pgstore.Option {
	return pgstore.WithScripts(append(pgstore.Scripts(), "alter table {operation} add column later text; create table {operation}_later (x text)")...)
}

func TestEightWhoMigrateAtOnceMakeOneSchema(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 8 })
	schema := host.Schema(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { assert.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema))) })
	}
	all.Wait()
	first, second := openIn(t, pool, schema), openIn(t, pool, schema)
	assert.Equal(t, first.Salt(), second.Salt())
}

func TestMigrateTakesAConnectionOrATransactionToo(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	conn, err := pgx.Connect(t.Context(), host.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, pgstore.Migrate(t.Context(), conn, pgstore.WithSchema(host.Schema(t))))

	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	schema := host.Schema(t)
	require.NoError(t, pgstore.Migrate(t.Context(), tx, pgstore.WithSchema(schema)))
	require.NoError(t, tx.Rollback(t.Context()))
	assert.ErrorContains(t, refused(t, newPool(t, host.URL()), pgstore.WithSchema(schema)), "there are no tables")
}

// TestAMigrationThatIsCutOffLeavesTheOldSchemaOrTheNewOne cuts the connection at every message, in both directions: at every seventh,
// unless PAYONCE_POSTGRES=all.
func TestAMigrationThatIsCutOffLeavesTheOldSchemaOrTheNewOne(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	direct := newPool(t, host.URL())
	p := host.Proxy(t)
	for _, fromServer := range []bool{false, true} {
		old, whole := 0, 0
		for after := 0; ; after += or(7, 1) {
			schema := host.Schema(t)
			pool := newPool(t, p.URL(), func(c *pgxpool.Config) { c.MaxConns = 1 })
			c := p.Arm(&postgrestest.Cut{FromServer: fromServer, After: after})
			err := pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema))
			struck := p.Disarm()
			if struck {
				c.Release()
			}
			var tables int
			require.NoError(t, direct.QueryRow(t.Context(), "select count(*) from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r'", schema).Scan(&tables))
			assert.Contains(t, []int{0, 4}, tables, "message %d", after)
			if tables == 0 {
				assert.Error(t, err)
				old++
			} else {
				whole++
			}
			pool.Close()
			if after%28 == 7 {
				operate(t, openIn(t, direct, schema), "order-1") // which migrates again
			}
			if !struck {
				require.NoError(t, err)
				break
			}
		}
		t.Logf("%d times nothing, %d times all", old, whole)
		assert.Positive(t, old)
	}
}

func TestAnUpdateOfTheSchemaStopsOldProgramsAndKeepsTheRecords(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	old := openIn(t, pool, schema)
	operate(t, old, "order-1")

	assert.ErrorContains(t, refused(t, pool, pgstore.WithSchema(schema), nextVersion()), "its schema is version 1 and this program needs 2: call pgstore.Migrate")
	updated := openIn(t, pool, schema, nextVersion())
	assert.Equal(t, old.Salt(), updated.Salt())
	_, err := old.Claim(t.Context(), record("order-2"))
	require.ErrorContains(t, err, "its schema is version 2, made by a newer program")
	require.ErrorContains(t, old.Save(t.Context(), record("order-1")), "made by a newer program")
	operate(t, updated, "order-2")
	_, err = updated.Load(t.Context(), id("order-1"), 0)
	require.NoError(t, err)

	assert.ErrorContains(t, refused(t, pool, pgstore.WithSchema(schema)), "made by a newer program; this one knows up to 1")
	require.ErrorContains(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema)), "made by a newer program")
	require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema), nextVersion()), "nothing to do")
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	store := openIn(t, pool, schema)
	broken := pgstore.WithScripts(append(pgstore.Scripts(), "alter table {operation} add column later text; select 1/0")...)
	require.ErrorContains(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema), broken), "from schema version 1")
	operate(t, store, "order-1")
	require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema), nextVersion()))
}
