package sqlitestore_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// ordersOf opens the file as a merchant does who keeps orders in it.
func ordersOf(t *testing.T, path, options string) *sql.DB {
	t.Helper()
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: options}
	db, err := sql.Open("sqlite", u.String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), "create table if not exists orders (reference text primary key)")
	require.NoError(t, err)
	return db
}

// prepared is a record as Prepare makes it.
func prepared(reference string) *payonce.Record {
	rec := record(reference)
	rec.Prepared, rec.Lease, rec.Progress = true, payonce.Lease{}, payonce.Progress{DueAt: time.Now()}
	return rec
}

const asAMerchant = "_txlock=immediate&_pragma=busy_timeout(10000)"

// order commits an order and its payment, or rolls both back.
func order(ctx context.Context, db *sql.DB, rec *payonce.Record, commit bool) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit
	if _, err := tx.ExecContext(ctx, "insert or ignore into orders values (?)", rec.ID.Reference); err != nil {
		return err
	}
	if err := sqlitestore.InsertTx(ctx, tx, rec); err != nil || !commit {
		return err
	}
	return tx.Commit()
}

func TestARecordIsInsertedWithItsOrderOrNeither(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	db := ordersOf(t, store.Path(), asAMerchant)
	require.NoError(t, order(t.Context(), db, prepared("rolled back"), false))
	_, err := store.Load(t.Context(), prepared("rolled back").ID, 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)

	rec := prepared("committed")
	require.NoError(t, order(t.Context(), db, rec, true))
	got, err := store.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err)
	assert.EqualValues(t, 1, got.Version)
	assert.True(t, got.Prepared)
	assert.False(t, got.Lease.Live)
	assert.Equal(t, rec.Body, got.Body)
	assert.False(t, got.Newest.Before(got.CreatedAt), "who is behind must notice it")
	page, _, err := store.List(t.Context(), payonce.Filter{Account: rec.ID.Account, DueBefore: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	assert.Len(t, page, 1)

	got.State = payonce.StateRejected
	require.NoError(t, store.Save(t.Context(), got), "its checksum holds")
	_, err = store.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err)
}

func TestARecordMayBeInsertedAgainWithTheSameContentOnly(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	db := ordersOf(t, store.Path(), asAMerchant)
	rec := prepared("order-1")
	require.NoError(t, order(t.Context(), db, rec, true))
	require.NoError(t, order(t.Context(), db, rec, true))
	other := prepared("order-1")
	other.Fingerprint = []byte("other content")
	require.ErrorIs(t, order(t.Context(), db, other, true), payonce.ErrKeyReuse)

	mine := prepared("order-2")
	mine.Key, mine.Exclusive = "mine", true
	require.NoError(t, order(t.Context(), db, mine, true))
	thief := prepared("order-3")
	thief.Key, thief.Exclusive = "mine", true
	err := order(t.Context(), db, thief, true)
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	require.ErrorContains(t, err, "order-2")
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), "select count(*) from orders").Scan(&n))
	assert.Equal(t, 2, n)
}

func TestWhatMustNotBeInsertedInATransactionIsRefused(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	db := ordersOf(t, store.Path(), asAMerchant)
	sent, plain := prepared("order-1"), prepared("order-1")
	sent.Sent, plain.Prepared = 1, false
	for name, rec := range map[string]*payonce.Record{"sent": sent, "not of Prepare": plain} {
		require.ErrorIs(t, order(t.Context(), db, rec, true), payonce.ErrInvalid, name)
	}
	require.ErrorContains(t, order(t.Context(), ordersOf(t, store.Path(), "_pragma=synchronous(normal)"), prepared("order-1"), true), "_pragma=synchronous(full)")
	require.ErrorContains(t, order(t.Context(), ordersOf(t, t.TempDir()+"/other.db", ""), prepared("order-1"), true), "make the file with Open")
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.ErrorIs(t, sqlitestore.InsertTx(t.Context(), tx, nil), payonce.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sqlitestore.InsertTx(ctx, tx, prepared("order-1")), context.Canceled)
	require.NoError(t, tx.Rollback())
	require.Error(t, sqlitestore.InsertTx(t.Context(), tx, prepared("order-1")), "it is over")
}

// TestWhatSomebodyElseIsInsertingIsNeitherThereNorAbsent: a client that took it for absent would say that it was not sent.
func TestWhatSomebodyElseIsInsertingIsNeitherThereNorAbsent(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t), sqlitestore.WithPatience(50*time.Millisecond))
	tx, err := ordersOf(t, store.Path(), asAMerchant).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit
	require.NoError(t, sqlitestore.InsertTx(t.Context(), tx, prepared("order-1")))
	_, err = store.Claim(t.Context(), record("order-1"))
	require.ErrorIs(t, err, payonce.ErrStale)
	_, err = store.Load(t.Context(), prepared("order-1").ID, 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	require.NoError(t, tx.Commit())
	got, err := store.Claim(t.Context(), record("order-1"))
	require.NoError(t, err)
	assert.True(t, got.Prepared)
}
