package pgstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// notes is a log that may be read while it is written.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// TestAFailOverThatLostWritesIsNoticed promotes a standby that is behind.
func TestAFailOverThatLostWritesIsNoticed(t *testing.T) {
	t.Parallel()
	primary := server.New(t)
	schema := primary.Schema(t)
	standby := primary.Standby(t)
	both := newPool(t, hosts(t, primary, standby))
	store := openIn(t, both, schema, fast())
	rec := record("order-1")
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	assert.False(t, restored(t, store, "order-1"))

	behind := newPool(t, standby.URL())
	await(t, "the standby has it", func() error { return has(t, behind, schema, "order-1") })
	assert.ErrorContains(t, refused(t, behind, pgstore.WithSchema(schema)), "the server is a standby")
	_, err = behind.Exec(t.Context(), "select "+pgstore.UnknownIncarnation(schema))
	require.ErrorContains(t, err, "recovery is in progress", "no read from a standby, also where the server does not tell its history")

	primary.Kill(t) // which is no fail-over yet
	primary.Restart(t)
	await(t, "the primary is back", func() error { _, err := store.Load(t.Context(), rec.ID, 0); return err })
	assert.False(t, restored(t, store, "order-1"))

	standby.Pause()
	succeed(rec)
	await(t, "the primary takes writes", func() error {
		if err := store.Save(t.Context(), rec); !errors.Is(err, payonce.ErrStale) {
			return err
		}
		return nil
	})
	primary.Kill(t)
	standby.Resume()
	change(t, behind, "select pg_promote()")

	var log notes
	await(t, "reads work", func() error { _, err := store.Load(t.Context(), rec.ID, 0); return err })
	assert.True(t, restored(t, store, "order-1"), "by a store that was open, at its first read")
	after := openIn(t, both, schema, pgstore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for _, s := range []*pgstore.Store{after, store} {
		got, err := s.Load(t.Context(), rec.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateOpen, got.State, "the save was lost")
		assert.True(t, got.Restored)
		reference := fmt.Sprintf("order of %p", s)
		operate(t, s, reference)
		assert.False(t, restored(t, s, reference))
		assert.True(t, restored(t, s, "order-1"))
	}
	assert.Contains(t, log.String(), "failed over or restored")

	got, err := after.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err)
	require.NoError(t, after.Save(t.Context(), got))
	assert.False(t, restored(t, store, "order-1"), "a save ends it")
	require.ErrorIs(t, store.Save(t.Context(), rec), payonce.ErrStale, "the version that was lost is not the one that took its place")
}

// hosts is the URL of two servers of which the one is meant that takes writes.
func hosts(t *testing.T, servers ...*postgrestest.Server) string {
	t.Helper()
	var host, port string
	for _, s := range servers {
		u, err := url.Parse(s.URL())
		require.NoError(t, err)
		host, port = host+","+u.Query().Get("host"), port+","+u.Query().Get("port")
	}
	return "postgres://postgres@/postgres?sslmode=disable&target_session_attrs=read-write&host=" + url.QueryEscape(host[1:]) + "&port=" + url.QueryEscape(port[1:])
}

func restored(t *testing.T, store *pgstore.Store, reference string) bool {
	t.Helper()
	rec, err := store.Load(t.Context(), id(reference), 0)
	require.NoError(t, err)
	return rec.Restored
}

func has(t *testing.T, pool *pgxpool.Pool, schema, reference string) error {
	t.Helper()
	var there bool
	err := pool.QueryRow(t.Context(), "select exists (select from "+schema+".payonce_operation where reference = $1)", reference).Scan(&there)
	if err == nil && !there {
		err = errors.New("it is not there")
	}
	return err
}

// TestTablesThatWereRestoredFromADumpAreNoticed makes a table anew, as a dump does.
func TestTablesThatWereRestoredFromADumpAreNoticed(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	store := openIn(t, pool, schema)
	operate(t, store, "order-1")
	change(t, pool, fmt.Sprintf(`alter table %[1]s.payonce_operation rename to original;
		create table %[1]s.payonce_operation (like %[1]s.original including all);
		insert into %[1]s.payonce_operation overriding system value select * from %[1]s.original;
		select setval(pg_get_serial_sequence('%[1]s.payonce_operation', 'id'), 1)`, schema))
	assert.True(t, restored(t, store, "order-1"))
	operate(t, store, "order-2")
	for _, s := range []*pgstore.Store{store, openIn(t, pool, schema)} {
		assert.True(t, restored(t, s, "order-1"))
		assert.False(t, restored(t, s, "order-2"))
	}
	got, err := store.Load(t.Context(), id("order-1"), 0)
	require.NoError(t, err)
	require.NoError(t, store.Save(t.Context(), got))
	assert.False(t, restored(t, store, "order-1"), "a save ends it")
}

// backup is a copy of the tables, which the returned function puts back, as often as it is called, with new numbers as a dump does.
func backup(t *testing.T, pool *pgxpool.Pool, schema string) (restore func()) {
	t.Helper()
	change(t, pool, fmt.Sprintf(`create table %[1]s.kept_operation as select * from %[1]s.payonce_operation;
		create table %[1]s.kept_progress as select * from %[1]s.payonce_progress;
		create table %[1]s.kept_meta as select * from %[1]s.payonce_meta`, schema))
	restores := 0
	return func() {
		restores++
		change(t, pool, fmt.Sprintf(`alter table %[1]s.payonce_operation rename to lost_%[2]d;
			create table %[1]s.payonce_operation (like %[1]s.lost_%[2]d including all);
			insert into %[1]s.payonce_operation overriding system value select * from %[1]s.kept_operation;
			delete from %[1]s.payonce_progress; insert into %[1]s.payonce_progress select * from %[1]s.kept_progress;
			delete from %[1]s.payonce_meta; insert into %[1]s.payonce_meta select * from %[1]s.kept_meta;
			select setval(pg_get_serial_sequence('%[1]s.payonce_operation', 'id'), 100)`, schema, restores))
	}
}

func TestWhoClaimedWhatARestoreLostIsStale(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	one := openIn(t, pool, schema)
	operate(t, one, "order-1")
	restore := backup(t, pool, schema)
	lost, anew := record("order-2"), record("order-2")
	_, err := one.Claim(t.Context(), lost)
	require.NoError(t, err)
	restore()
	two := openIn(t, pool, schema)
	got, err := two.Claim(t.Context(), anew)
	require.NoError(t, err)
	require.Same(t, anew, got, "it was lost")
	require.ErrorIs(t, one.Save(t.Context(), lost), payonce.ErrStale)
	require.NoError(t, two.Save(t.Context(), anew))
}

func TestTwoRestoresOfOneBackupAreTwoHistories(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	store := openIn(t, pool, schema)
	operate(t, store, "order-1")
	restore := backup(t, pool, schema)
	var known [2]*payonce.Record
	for i := range known {
		restore()
		operate(t, store, "order-2")
		require.True(t, restored(t, store, "order-1"))
		var err error
		known[i], err = store.Load(t.Context(), id("order-1"), 0)
		require.NoError(t, err)
	}
	require.ErrorIs(t, store.Save(t.Context(), known[0]), payonce.ErrStale)
	require.NoError(t, store.Save(t.Context(), known[1]))
}

func TestASequenceThatIsBehindItsRowsIsNoKeyReuse(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	for n := range 3 {
		operate(t, store, fmt.Sprint("order-", n))
	}
	change(t, pool, fmt.Sprintf("select setval(pg_get_serial_sequence('%s.payonce_operation', 'id'), 1, false)", store.Schema())) // as a logical replica has it
	_, err := store.Claim(t.Context(), record("order-3"))
	require.NotErrorIs(t, err, payonce.ErrKeyReuse)
	require.ErrorContains(t, err, "the sequence of payonce_operation.id behind its rows")
}

func TestAServerThatDoesNotTellItsHistoryIsUsedAndLabelled(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	admin := newPool(t, host.Database(t))
	require.NoError(t, pgstore.Migrate(t.Context(), admin))
	role := host.Schema(t)
	change(t, admin, "create role "+role+" login; revoke execute on function pg_control_system from public; "+
		"grant select, insert, update, delete on all tables in schema public to "+role)
	forgetRole(t, admin, role)
	pool := newPool(t, admin.Config().ConnString(), func(c *pgxpool.Config) { c.ConnConfig.User = role })
	store, err := pgstore.New(t.Context(), pool)
	require.NoError(t, err)
	assert.Contains(t, store.Durability().Text, ", a fail-over is not noticed")
	operate(t, store, "order-1")
	assert.False(t, restored(t, store, "order-1"))
	require.NoError(t, store.Close())
}
