package pgstore_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

func withMode(mode pgx.QueryExecMode) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }
}

// TestEveryModeOfThePoolWorks lives one life of a record with awkward content in each mode; TestStore does the whole suite in one, or in all.
func TestEveryModeOfThePoolWorks(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	for _, mode := range modes() {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			live(t, openIn(t, newPool(t, host.URL(), withMode(mode)), host.Schema(t)))
		})
	}
}

// live takes a record through all that a store does.
func live(t *testing.T, store *pgstore.Store) {
	t.Helper()
	ctx := t.Context()
	rec := record("life")
	rec.Exclusive, rec.NotAfter = true, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	rec.Header = http.Header{"X-Latin": {"caf\xe9", ""}, "X-None": {}}
	rec.Body = payonce.Raw("zero \x00 and \xff\xfe '\\$1 ")
	rec.Note = "\x00 \xc3\x28 'quoted' \\ $1"
	rec.Reason = "base64:"
	_, err := store.Claim(ctx, rec)
	require.NoError(t, err)
	same := func() *payonce.Record {
		t.Helper()
		got, err := store.Load(ctx, rec.ID, 1)
		require.NoError(t, err)
		assert.Equal(t, rec.Version, got.Version)
		assert.Equal(t, rec.Header, got.Header)
		assert.Equal(t, rec.Body, got.Body)
		assert.Equal(t, rec.Note, got.Note)
		assert.Equal(t, rec.Reason, got.Reason)
		assert.Equal(t, rec.Scope, got.Scope)
		assert.True(t, rec.NotAfter.Equal(got.NotAfter))
		assert.True(t, rec.FirstAt.Truncate(time.Microsecond).Equal(got.FirstAt), "%v is %v", rec.FirstAt, got.FirstAt)
		return got
	}
	assert.True(t, same().Lease.Live)
	require.NoError(t, store.Renew(ctx, "client-1", time.Minute, []payonce.OperationID{rec.ID, id("none")}))
	thief := record("thief")
	thief.Exclusive, thief.Key = true, rec.Key
	_, err = store.Claim(ctx, thief)
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	stale := *rec
	stale.Version = 7
	require.ErrorIs(t, store.Save(ctx, &stale), payonce.ErrStale)

	page, next, err := store.List(ctx, payonce.Filter{Account: account, DueBefore: time.Now(), DueAfter: time.Unix(0, 0), Limit: 1})
	require.NoError(t, err)
	assert.Empty(t, next)
	require.Len(t, page, 1)
	succeed(rec)
	rec.Outcome.Message, rec.Outcome.Body = "\x00", payonce.Raw{}
	require.NoError(t, store.Save(ctx, rec))
	got := same()
	assert.Equal(t, rec.Outcome.Message, got.Outcome.Message)
	assert.Equal(t, rec.Outcome.Body, got.Outcome.Body)
	assert.Equal(t, payonce.Lease{}, got.Lease)
	got, err = store.Claim(ctx, record("life"))
	require.NoError(t, err)
	assert.Equal(t, payonce.StateSucceeded, got.State)
	got, err = store.Find(ctx, rec.Scope, rec.Key)
	require.NoError(t, err)
	assert.Equal(t, rec.ID, got.ID)
	purged, err := store.Purge(ctx, time.Now().Add(time.Hour), 10)
	require.NoError(t, err)
	assert.Equal(t, 1, purged)
	rec.Body = nil
	assert.Nil(t, same().Outcome.Body)
}

// TestPgBouncerInTransactionModeWorks lives the same life through PgBouncer, whose one connection to the server all clients share.
func TestPgBouncerInTransactionModeWorks(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	bouncer := host.Bouncer(t)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		schema := host.Schema(t)
		one := openIn(t, newPool(t, bouncer, withMode(mode)), schema, pgstore.WithoutWake())
		two := openIn(t, newPool(t, bouncer, withMode(mode)), schema, pgstore.WithoutWake())
		live(t, one)
		tr := newTraffic(one, two)
		tr.start(t.Context(), 8)
		tr.during(t, 100)
		tr.stop()
		assert.Zero(t, tr.fails)
		tr.judge(t, two)
	}

	// Two pools prepare the same names on one connection.
	schema := host.Schema(t)
	_ = openIn(t, newPool(t, bouncer), schema, pgstore.WithoutWake())
	_, err := pgstore.New(t.Context(), newPool(t, bouncer), pgstore.WithSchema(schema))
	require.ErrorContains(t, err, "set the pool's DefaultQueryExecMode to QueryExecModeExec or QueryExecModeCacheDescribe")
}
