package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

// fast makes a store notice soon what it would wait longer for.
func fast() pgstore.Option {
	return pgstore.WithPatience(500*time.Millisecond, 200*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond)
}

// traffic claims and saves through several stores until it is stopped, and remembers what it was told.
type traffic struct {
	stores []*pgstore.Store
	done   atomic.Bool
	all    sync.WaitGroup
	next   atomic.Int64

	mu    sync.Mutex
	acked map[string]int64 // reference → version
	final map[string]int64 // what was read after an error; 0: it was not there
	fails int
}

func newTraffic(stores ...*pgstore.Store) *traffic {
	return &traffic{stores: stores, acked: map[string]int64{}, final: map[string]int64{}}
}

func (tr *traffic) start(ctx context.Context, callers int) {
	for n := range callers {
		tr.all.Go(func() {
			store := tr.stores[n%len(tr.stores)]
			for !tr.done.Load() {
				tr.one(ctx, store, fmt.Sprintf("order-%d", tr.next.Add(1)))
			}
		})
	}
}

func (tr *traffic) stop() {
	tr.done.Store(true)
	tr.all.Wait()
}

func (tr *traffic) one(ctx context.Context, store *pgstore.Store, reference string) {
	rec := record(reference)
	if _, err := store.Claim(ctx, rec); err != nil {
		tr.failed(ctx, store, reference)
		return
	}
	tr.note(tr.acked, reference, 1)
	succeed(rec)
	if err := store.Save(ctx, rec); err != nil {
		tr.failed(ctx, store, reference)
		return
	}
	tr.note(tr.acked, reference, 2)
}

func (tr *traffic) note(where map[string]int64, reference string, version int64) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	where[reference] = version
}

// failed reads what became of a write that failed: that is final, because nobody writes it again.
func (tr *traffic) failed(ctx context.Context, store *pgstore.Store, reference string) {
	tr.mu.Lock()
	tr.fails++
	tr.mu.Unlock()
	rec, err := store.Load(ctx, id(reference), 0)
	switch {
	case err == nil:
		tr.note(tr.final, reference, rec.Version)
	case errors.Is(err, payonce.ErrNotFound):
		tr.note(tr.final, reference, 0)
	}
}

// judge compares what was told with what is there.
func (tr *traffic) judge(t *testing.T, store *pgstore.Store) {
	t.Helper()
	require.NotEmpty(t, tr.acked)
	for reference := range tr.acked {
		rec, err := store.Load(t.Context(), id(reference), 0)
		require.NoError(t, err, "%s was acknowledged", reference)
		assert.GreaterOrEqual(t, rec.Version, tr.acked[reference], reference)
	}
	for reference, version := range tr.final {
		rec, err := store.Load(t.Context(), id(reference), 0)
		if version == 0 {
			assert.ErrorIs(t, err, payonce.ErrNotFound, "%s was not there", reference)
			continue
		}
		require.NoError(t, err, reference)
		assert.Equal(t, version, rec.Version, "%s changed after it was read", reference)
	}
	t.Logf("%d acknowledged, %d failed, %d of them read", len(tr.acked), tr.fails, len(tr.final))
}

// await asks again and again until it gets no error.
func await(t *testing.T, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(t, err, what)
		case <-time.NewTimer(20 * time.Millisecond).C:
		}
	}
}

// during waits until some more operations were begun.
func (tr *traffic) during(t *testing.T, more int64) {
	t.Helper()
	target := tr.next.Load() + more
	await(t, "traffic", func() error {
		if tr.next.Load() < target {
			return errors.New("the traffic does not go on")
		}
		return nil
	})
}

func TestAServerThatIsKilledLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	host := server.New(t)
	schema := host.Schema(t)
	one := openIn(t, newPool(t, host.URL()), schema, fast())
	two := openIn(t, newPool(t, host.URL()), schema, fast())
	tr := newTraffic(one, two)
	tr.start(t.Context(), 8)
	for range or(1, 3) {
		tr.during(t, 100)
		host.Kill(t)
		tr.during(t, 20)
		host.Restart(t)
	}
	tr.during(t, 100)
	tr.stop()
	assert.Positive(t, tr.fails)
	tr.judge(t, one)
	await(t, "the store works again", func() error { _, err := two.Claim(t.Context(), record("last")); return err })
}

func TestAServerThatHangsHoldsUpNobodyWhoStopsWaitingAndLosesNothing(t *testing.T) {
	t.Parallel()
	host := server.New(t)
	schema := host.Schema(t)
	store := openIn(t, newPool(t, host.URL()), schema, fast())
	closing := openIn(t, newPool(t, host.URL()), schema, fast(), pgstore.WithBatch(1))
	reader := openIn(t, newPool(t, host.URL()), schema, fast())
	tr := newTraffic(store)
	tr.start(t.Context(), 4)
	tr.during(t, 50)
	host.Pause()
	var refused sync.WaitGroup
	refused.Add(60)
	for range 60 {
		closing.SaveLater(record("never"), func(err error) { assert.Error(t, err); refused.Done() })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := store.Claim(ctx, record("hurry"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(began), 5*time.Second)

	_, err = store.Claim(t.Context(), record("patient")) // more patient than the writer
	require.Error(t, err)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	_, err = reader.Load(t.Context(), id("order-1"), 0)
	require.ErrorContains(t, err, "did not answer in", "nor does a read wait for ever")
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	began = time.Now()
	require.NoError(t, closing.Close())
	refused.Wait()
	assert.Less(t, time.Since(began), 20*time.Second, "nor does Close wait once for every write")
	tr.stop()
	host.Resume()
	await(t, "the store works again", func() error { _, err := store.Claim(t.Context(), record("last")); return err })
	tr.judge(t, store)
}

func TestAServerWithoutFreeConnectionsIsUsedAgainWhenItHasSome(t *testing.T) {
	t.Parallel()
	host := server.New(t, "max_connections=8", "superuser_reserved_connections=0", "max_wal_senders=0")
	schema := host.Schema(t)
	pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 2 })
	store := openIn(t, pool, schema, fast())
	operate(t, store, "order-1")
	pool.Reset() // the connections are gone, and others take their places
	var others []*pgx.Conn
	await(t, "the server is full", func() error {
		conn, err := pgx.Connect(t.Context(), host.URL())
		if err == nil {
			others = append(others, conn)
			return errors.New("there was room")
		}
		return nil
	})
	_, err := store.Claim(t.Context(), record("order-2"))
	require.ErrorContains(t, err, "too many clients already")
	require.ErrorContains(t, err, "make the pools smaller or max_connections larger")
	for _, conn := range others {
		require.NoError(t, conn.Close(t.Context()))
	}
	await(t, "the store works again", func() error { _, err := store.Claim(t.Context(), record("order-2")); return err })
	operate(t, store, "order-3")
}
