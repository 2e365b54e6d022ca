package pgstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// prepared is what Prepare returns.
func prepared(reference string) *payonce.Record {
	rec := record(reference)
	rec.Progress = payonce.Progress{DueAt: time.Now()}
	rec.Prepared, rec.Exclusive, rec.Lease = true, true, payonce.Lease{}
	rec.Fingerprint = []byte("the fingerprint of " + reference)
	return rec
}

// inTx is a way to insert in the merchant's transaction.
type inTx struct {
	name   string
	insert func(t *testing.T, rec *payonce.Record, before string, commit bool) error
}

// ways are all ways into one store, whose tables the pool's search path finds.
func ways(pool *pgxpool.Pool, store *pgstore.Store) []inTx {
	pgxWay := func(insert func(context.Context, pgx.Tx, *payonce.Record) error) func(*testing.T, *payonce.Record, string, bool) error {
		return func(t *testing.T, rec *payonce.Record, before string, commit bool) error {
			t.Helper()
			tx, err := pool.Begin(t.Context())
			require.NoError(t, err)
			defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
			_, err = tx.Exec(t.Context(), before)
			require.NoError(t, err)
			if err := insert(t.Context(), tx, rec); err != nil || !commit {
				return err
			}
			return tx.Commit(t.Context())
		}
	}
	sqlWay := func(insert func(context.Context, *sql.Tx, *payonce.Record) error) func(*testing.T, *payonce.Record, string, bool) error {
		return func(t *testing.T, rec *payonce.Record, before string, commit bool) error {
			t.Helper()
			db := stdlib.OpenDBFromPool(pool)
			defer func() { require.NoError(t, db.Close()) }()
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { _ = tx.Rollback() }()
			_, err = tx.ExecContext(t.Context(), before)
			require.NoError(t, err)
			if err := insert(t.Context(), tx, rec); err != nil || !commit {
				return err
			}
			return tx.Commit()
		}
	}
	return []inTx{
		{"pgx", pgxWay(pgstore.InsertTx)},
		{"pgx, the store's", pgxWay(store.InsertTx)},
		{"sql", sqlWay(pgstore.InsertSQLTx)},
		{"sql, the store's", sqlWay(store.InsertSQLTx)},
	}
}

// openShop opens a store whose tables lie beside a merchant's orders, in the search path of the pool.
func openShop(t *testing.T, host *postgrestest.Server, configure ...func(*pgxpool.Config)) (*pgxpool.Pool, *pgstore.Store) {
	t.Helper()
	schema := host.Schema(t)
	pool := newPool(t, host.URL(), append(configure, parameter("search_path", schema))...)
	store := openIn(t, pool, schema)
	change(t, pool, "create table shop_order (reference text primary key)")
	return pool, store
}

func order(reference string) string { return "insert into shop_order values ('" + reference + "')" }

func TestAnOrderAndItsPaymentAreCommittedOrNeitherIs(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		pool, store := openShop(t, server.Server(t), func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode })
		for n, way := range ways(pool, store) {
			want := prepared(fmt.Sprintf("order-%d", n))
			want.Lease = payonce.Lease{Holder: "nobody", For: time.Hour}
			require.NoError(t, way.insert(t, want, order(want.ID.Reference), false))
			_, err := store.Load(t.Context(), want.ID, 0)
			require.ErrorIs(t, err, payonce.ErrNotFound, "%s: rolled back", way.name)

			require.NoError(t, way.insert(t, want, order(want.ID.Reference), true))
			got, err := store.Load(t.Context(), want.ID, 0)
			require.NoError(t, err)
			assert.Equal(t, int64(1), got.Version)
			assert.Equal(t, payonce.Lease{}, got.Lease)
			assert.True(t, got.Prepared)
			assert.Equal(t, want.Body, got.Body)
			assert.Equal(t, want.Header, got.Header)
			assert.True(t, want.DueAt.Truncate(time.Microsecond).Equal(got.DueAt))
			page, _, err := store.List(t.Context(), payonce.Filter{Account: account, DueBefore: time.Now()})
			require.NoError(t, err)
			assert.Len(t, page, n+1, "%s: it is due", way.name)
		}
	}
}

func TestAnInsertThatIsRepeatedIsNoErrorAndOneWithOtherContentIs(t *testing.T) {
	t.Parallel()
	pool, store := openShop(t, server.Server(t))
	for n, way := range ways(pool, store) {
		rec := prepared(fmt.Sprintf("order-%d", n))
		require.NoError(t, way.insert(t, rec, "select 1", true))
		sent, err := store.Load(t.Context(), rec.ID, 0)
		require.NoError(t, err)
		succeed(sent)
		require.NoError(t, store.Save(t.Context(), sent))
		require.NoError(t, way.insert(t, prepared(rec.ID.Reference), "select 1", true), "%s: again", way.name)

		other := prepared(rec.ID.Reference)
		other.Fingerprint = []byte("another")
		err = way.insert(t, other, order(rec.ID.Reference), true)
		require.ErrorIs(t, err, payonce.ErrKeyReuse, way.name)
		require.ErrorContains(t, err, "exists with other content")
		thief := prepared("thief")
		thief.Key = rec.Key
		err = way.insert(t, thief, order(rec.ID.Reference), true)
		require.ErrorIs(t, err, payonce.ErrKeyReuse, way.name)
		require.ErrorContains(t, err, rec.ID.Reference)

		var orders int
		require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from shop_order").Scan(&orders))
		assert.Zero(t, orders, "the merchant's transactions were rolled back")
		got, err := store.Load(t.Context(), rec.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, int64(2), got.Version)
	}
}

func TestOnlyWhatPrepareMadeIsInserted(t *testing.T) {
	t.Parallel()
	pool, store := openShop(t, server.Server(t))
	loaded, told, sent, closed := prepared("order-1"), prepared("order-1"), prepared("order-1"), prepared("order-1")
	loaded.Version, told.Prepared, sent.Sent, closed.State = 1, false, 1, payonce.StateRejected
	for _, rec := range []*payonce.Record{nil, loaded, told, sent, closed} {
		for _, way := range ways(pool, store) {
			require.ErrorIs(t, way.insert(t, rec, "select 1", true), payonce.ErrInvalid)
		}
	}
	elsewhere := newPool(t, server.Server(t).Database(t))
	for _, way := range ways(elsewhere, store)[:1] {
		require.ErrorContains(t, way.insert(t, prepared("order-1"), "select 1", true), "call pgstore.Migrate")
	}
	require.NoError(t, ways(pool, store)[1].insert(t, prepared("order-1"), "set local search_path = public", true), "the store knows its schema")
}

func TestAnOldProgramInsertsNothingIntoANewerSchema(t *testing.T) {
	t.Parallel()
	pool, store := openShop(t, server.Server(t))
	change(t, pool, "update payonce_meta set version = version + 1")
	for _, way := range ways(pool, store) {
		require.ErrorContains(t, way.insert(t, prepared("order-1"), "select 1", true), "made by a newer program")
	}
	_, err := store.Load(t.Context(), id("order-1"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
}

// TestPaymentsAreThoseOfTheCommittedOrders rolls back, breaks connections and repeats at random.
func TestPaymentsAreThoseOfTheCommittedOrders(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	direct, store := openShop(t, host)
	p := host.Proxy(t)
	pool := newPool(t, p.URL(), parameter("search_path", store.Schema()), func(c *pgxpool.Config) { c.MaxConns = 1 })
	rnd := random(t)
	broke := 0
	for n := range 60 {
		reference := fmt.Sprintf("order-%d", n)
		c := p.Arm(&postgrestest.Cut{FromServer: rnd.IntN(2) == 0, After: rnd.IntN(24)})
		err := transact(t.Context(), pool, reference, rnd.IntN(3) > 0)
		if p.Disarm() {
			c.Release()
			if err != nil {
				broke++
			}
		}
	}
	assert.Positive(t, broke)
	var odd, both int
	require.NoError(t, direct.QueryRow(t.Context(), `select count(*) filter (where s.reference is null or o.reference is null), count(*)
		from shop_order s full join payonce_operation o on o.reference = s.reference`).Scan(&odd, &both))
	assert.Zero(t, odd, "orders without a payment, or payments without an order")
	assert.Positive(t, both)
	t.Logf("%d connections broke, %d orders were committed", broke, both)
}

var errChangedMind = errors.New("the merchant changed its mind")

func transact(ctx context.Context, pool *pgxpool.Pool, reference string, commit bool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, order(reference)); err != nil {
			return err
		}
		if err := pgstore.InsertTx(ctx, tx, prepared(reference)); err != nil {
			return err
		}
		if !commit {
			return errChangedMind
		}
		return nil
	})
}

// TestATransactionInAnotherEncodingInsertsNothing: its text would identify another operation.
func TestATransactionInAnotherEncodingInsertsNothing(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	err := pgx.BeginFunc(t.Context(), newPool(t, host.URL(), parameter("client_encoding", "LATIN1")), func(tx pgx.Tx) error {
		return store.InsertTx(t.Context(), tx, prepared("café"))
	})
	require.ErrorContains(t, err, "client_encoding is LATIN1: set it to UTF8")
	_, err = store.Load(t.Context(), id("café"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
}
