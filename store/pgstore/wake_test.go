package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/store/pgstore"
)

// heard waits for a value.
func heard(t *testing.T, wake <-chan struct{}) {
	t.Helper()
	select {
	case <-wake:
	case <-time.NewTimer(30 * time.Second).C:
		require.Fail(t, "nobody was woken")
	}
}

func TestAnInsertWakesWhoListens(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, store := openShop(t, host)
	other := openIn(t, newPool(t, host.URL()), store.Schema())
	deaf := openIn(t, newPool(t, host.URL()), host.Schema(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wakes := []<-chan struct{}{store.Wake(ctx), other.Wake(ctx)}
	silence := deaf.Wake(ctx)
	for _, wake := range append(wakes, silence) {
		heard(t, wake) // it listens now
	}
	for n, way := range ways(pool, store) {
		reference := string(rune('a' + n))
		require.NoError(t, way.insert(t, prepared(reference), "select 1", false))
		require.NoError(t, way.insert(t, prepared(reference), "select 1", true))
		for _, wake := range wakes {
			heard(t, wake)
			assert.Empty(t, wake, "%s: one commit, one value", way.name)
		}
	}
	assert.Empty(t, silence, "another store's inserts are none of its business")
}

func TestAListenerThatIsCutOffListensAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	_, store := openShop(t, host)
	p := host.Proxy(t)
	hooked := false
	cfg := newPool(t, p.URL(), func(c *pgxpool.Config) { // also a pool that gets its password late
		user := c.ConnConfig.User
		c.ConnConfig.User = "nobody-of-that-name"
		c.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error { c.User, hooked = user, true; return nil }
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "set application_name = 'after connect'")
			return err
		}
	})
	listener := openIn(t, cfg, store.Schema())
	wake := listener.Wake(t.Context())
	heard(t, wake)
	assert.True(t, hooked)
	var listening bool
	require.NoError(t, cfg.QueryRow(t.Context(), `select exists (select from pg_stat_activity where application_name = 'after connect'
		and query like 'listen "' || (select channel from `+store.Schema()+`.payonce_meta) || '"')`).Scan(&listening))
	assert.True(t, listening)
	p.CutAll()
	heard(t, wake)
	require.NoError(t, listener.Close(), "Close ends it")
}

func TestAListenerCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, store := openShop(t, host)
	quiet := openIn(t, newPool(t, host.URL()), store.Schema(), pgstore.WithoutWake())
	assert.Nil(t, quiet.Wake(t.Context()))

	listener, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer listener.Release()
	var channel string
	require.NoError(t, pool.QueryRow(t.Context(), "select channel from payonce_meta").Scan(&channel))
	_, err = listener.Exec(t.Context(), "listen "+channel)
	require.NoError(t, err)
	require.NoError(t, ways(pool, quiet)[1].insert(t, prepared("quiet"), "select 1", true))
	_, err = pool.Exec(t.Context(), "select pg_notify($1, 'the end')", channel)
	require.NoError(t, err)
	first, err := listener.Conn().WaitForNotification(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "the end", first.Payload, "a quiet store notifies nobody")
}
