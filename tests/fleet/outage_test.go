//go:build unix

package fleet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// TestAPaymentIsMadeOnceWhereverItsConnectionsBreak cuts the store's connection at every message of a payment, from the claim to the
// outcome, in both directions; the payment is asked for until it has an answer, and there is another one beside it all the time.
func TestAPaymentIsMadeOnceWhereverItsConnectionsBreak(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cut  postgrestest.Cut
	}{
		{"on the way to the server", postgrestest.Cut{}},
		{"on the way back", postgrestest.Cut{FromServer: true}},
		{"and the server gets the rest later", postgrestest.Cut{Delayed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host := server.Server(t)
			b, proxy, schema := newBank(t), host.Proxy(t), host.Schema(t)
			direct := openStore(t, openPool(t, host.URL()), schema)
			m, err := open(t.Context(), b.url, proxy.URL(), schema, lease)
			require.NoError(t, err)
			told, failed, operations := map[int]string{}, 0, 0
			for struck := true; struck && operations < 60; operations++ {
				cut := c.cut
				cut.After = operations
				armed := proxy.Arm(&cut)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				id, err := m.call(ctx, operations)
				stored(ctx, direct, m.id(operations)) // which comes after the answer
				cancel()
				if struck = proxy.Disarm(); struck {
					armed.Release()
				}
				if err == nil {
					told[operations] = id
					continue
				}
				require.True(t, struck, "%v", err)
				failed++
				_, err = m.await(t.Context(), operations)
				require.NoError(t, err)
			}
			b.settle(m, operations, told)
			t.Logf("cut at %d messages, %d calls failed", operations-1, failed)
			assert.Greater(t, operations, 8)
			assert.True(t, c.cut.FromServer || failed > 0, "a request that is cut fails; after a lost answer the client may read again in time")
		})
	}
}

// stored waits until the outcome of an operation is stored, or ctx is over.
func stored(ctx context.Context, store *pgstore.Store, id payonce.OperationID) {
	for ctx.Err() == nil {
		if rec, err := store.Load(ctx, id, 0); err == nil && rec.State != payonce.StateOpen {
			return
		}
		pause(time.Millisecond)
	}
}

// TestAServerThatIsPausedAndFullLosesNothingAndPaysNothingTwice has callers that give up sooner than the server comes back.
func TestAServerThatIsPausedAndFullLosesNothingAndPaysNothingTwice(t *testing.T) {
	t.Parallel()
	host := server.New(t, "max_connections=12", "superuser_reserved_connections=0", "max_wal_senders=0")
	b, schema := newBank(t), host.Schema(t)
	pool := openPool(t, host.URL())
	openStore(t, pool, schema)
	m, err := open(t.Context(), b.url, host.URL(), schema, lease)
	require.NoError(t, err)
	tr := traffic{m: m, told: map[int]string{}}
	tr.start(t.Context())
	for range 2 {
		tr.during(t, 10)
		host.Pause()
		pause(time.Second)
		host.Resume()
		tr.during(t, 10)
		crowd := fill(t, host.URL())
		m.pool.Reset() // its connections are gone, and others take their places
		crowd = append(crowd, fill(t, host.URL())...)
		pause(500 * time.Millisecond)
		for _, conn := range crowd {
			require.NoError(t, conn.Close(t.Context()))
		}
	}
	tr.during(t, 10)
	tr.stop()
	t.Logf("%d payments, of which %d failed at first", tr.next.Load(), tr.failed)
	assert.Positive(t, tr.failed)
	b.settle(m, int(tr.next.Load()), tr.told)
}

// fill takes all connections that the server has left.
func fill(t *testing.T, url string) (taken []*pgx.Conn) {
	t.Helper()
	for {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return taken
		}
		taken = append(taken, conn)
	}
}

// traffic is callers who pay one thing after the other, and don't wait long.
type traffic struct {
	m    *merchant
	next atomic.Int64
	done atomic.Bool
	all  sync.WaitGroup

	mu     sync.Mutex
	told   map[int]string
	failed int
}

func (tr *traffic) start(ctx context.Context) {
	for range workers {
		tr.all.Go(func() {
			for !tr.done.Load() {
				tr.pay(ctx, int(tr.next.Add(1)-1))
			}
		})
	}
}

func (tr *traffic) pay(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	id, err := tr.m.call(ctx, n)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err != nil {
		tr.failed++
		return
	}
	tr.told[n] = id
}

func (tr *traffic) stop() {
	tr.done.Store(true)
	tr.all.Wait()
}

// during waits until some more payments were answered.
func (tr *traffic) during(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return len(tr.told)
	}
	target := count() + more
	for end := time.Now().Add(patience); count() < target; pause(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "the traffic does not go on")
	}
}

// TestACallThatCantReachTheStoreSendsNothing because what is not written down is not sent.
func TestACallThatCantReachTheStoreSendsNothing(t *testing.T) {
	t.Parallel()
	host := server.New(t)
	b, schema := newBank(t), host.Schema(t)
	openStore(t, openPool(t, host.URL()), schema)
	m, err := open(t.Context(), b.url, host.URL(), schema, lease)
	require.NoError(t, err)
	host.Kill(t)
	for n := range 5 {
		_, err := m.call(t.Context(), n)
		require.Error(t, err)
		require.NotErrorIs(t, err, payonce.ErrInDoubt)
	}
	assert.Empty(t, b.sim.Requests(), "requests")
	host.Restart(t)
	b.settle(m, 5, nil)
}
