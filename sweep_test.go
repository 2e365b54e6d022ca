package payonce_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// The wall clock is set back by half an hour during a sweep: the sweep lists what it has just put off again, until the clock has
// caught up. Every store call and every request takes a millisecond, as they do.
func TestASweepWhoseClockIsSetBackEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), wrong(memory(), 0)
		const total = 10
		for i := range total {
			leaveOpen(t, b, store, fmt.Sprint("order-", i))
		}
		advance(time.Hour)
		leaveOpen(t, b, store, "just now")
		c := newClient(t, b, setBack{store, -30 * time.Minute, new(atomic.Bool)})
		n, start := 0, time.Now()
		for _, err := range c.Recover(t.Context()) {
			_ = err // the ledger judges
			if n++; n >= 5000 {
				break
			}
		}
		t.Logf("%d results for %d operations in %v", n, total, time.Since(start))
		assert.LessOrEqual(t, n, 2*total, "each once, or nearly")
	})
}

// setBack sets the clock when the first page is listed. Its pages are short and its calls take a millisecond.
type setBack struct {
	clocked
	by   time.Duration
	done *atomic.Bool
}

func (s setBack) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	f.Limit = 2
	advance(time.Millisecond)
	page, next, err := s.KeyStore.List(ctx, f)
	if len(page) > 0 && s.done.CompareAndSwap(false, true) {
		s.set(s.by)
	}
	return page, next, err
}

func (s setBack) Save(ctx context.Context, rec *payonce.Record) error {
	advance(time.Millisecond)
	return s.KeyStore.Save(ctx, rec)
}

// A sweep of more than an hour hands out again what the provider put off for a day, at once.
func TestALongSweepHeedsWhatWasPutOffMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		const total = 20
		for i := range total {
			leaveOpen(t, b, store, fmt.Sprint("order-", i))
		}
		advance(time.Hour)
		for range 3 * total {
			b.script = append(b.script, reply{skip: true, status: 503, header: http.Header{"Retry-After": {"100000"}}})
		}
		c := newClient(t, b, durable{store})
		n := 0
		for _, err := range c.Recover(t.Context()) {
			_ = err // the ledger judges
			if n++; n == 1 {
				advance(2 * time.Hour) // whoever asked takes his time
			}
		}
		assert.Equal(t, total, n, "one result each")
		assert.Len(t, b.writes(), 2*total, "what is put off for a day is not sent again at once")
	})
}

// The lookups of Recover are paid from the callers' budget.
func TestLookupsOfRecoverLeaveTheCallersBudgetAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		b.lookup = true
		const total = 60
		for i := range total {
			leaveOpen(t, b, durable{store}, fmt.Sprint("order-", i))
		}
		advance(25 * time.Hour) // can't be sent any more, only looked up
		down := true
		c := newClient(t, b, durable{store}, func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if down {
					return response(req, 503, ``, nil), nil
				}
				return b.RoundTrip(req)
			})}
		})
		recoverAll(t, c)
		down = false
		b.script = []reply{{skip: true, status: 503}}
		_, err := c.Payments.Create(t.Context(), order("another"))
		assert.NoError(t, err, "Config.RecoverRate: its retries are not paid from the callers' budget")
	})
}

// Whoever looks at one result and stops aborts seven requests under way.
func TestALoopThatIsLeftEarlyAbortsNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		for i := range 8 {
			leaveOpen(t, b, durable{store}, fmt.Sprint("order-", i))
		}
		advance(time.Hour)
		var n atomic.Int64
		c := newClient(t, b, durable{store}, func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				res, err := b.RoundTrip(req)
				wait := time.Second
				if n.Add(1) == 1 { // the others take longer
					wait = 100 * time.Millisecond
				}
				select {
				case <-req.Context().Done():
					return nil, req.Context().Err()
				case <-time.NewTimer(wait).C:
				}
				return res, err
			})}
		})
		for _, err := range c.Recover(t.Context()) {
			_ = err // the ledger judges
			break
		}
		synctest.Wait()
		open := 0
		for i := range 8 {
			rec, err := store.Load(t.Context(), paymentID(fmt.Sprint("order-", i)), 0)
			require.NoError(t, err)
			if rec.State == payonce.StateOpen && rec.Sent > 1 {
				open++
			}
		}
		assert.Zero(t, open, "what was begun comes to its end")
	})
}

// A transport that panics takes the process down, where Recover's caller could catch it before.
func TestAPanicDuringRecoverIsItsCallers(t *testing.T) {
	t.Parallel()
	b, store := newBank(), memory()
	leaveOpen(t, b, store, "order-1")
	rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
	require.NoError(t, err)
	rec.DueAt = rec.CreatedAt
	require.NoError(t, store.Save(t.Context(), rec))
	c := newClient(t, b, store, func(cfg *payonce.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { panic("a transport's bug") })}
	})
	assert.Panics(t, func() {
		for _, err := range c.Recover(t.Context()) {
			_ = err // the ledger judges
		}
	})
}

// What died twice is recovered alone, behind a mutex. Waiting for one is not durable in testing/synctest: virtual time stands still,
// and every simulation of issue 4 in which two operations died twice hangs. (It also ends for no context.)
func TestWhatProcessesDiedOnIsRecoveredInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { sweepEnds(t, 3, time.Second, func(func()) bool { return false }) })
}

// sweepEnds recovers 30 operations, every nth of them with two deaths, requests that take a while, and a caller who ends it.
func sweepEnds(t *testing.T, nth int, slow time.Duration, end func(cancel func()) bool) {
	t.Helper()
	b, store := newBank(), memory()
	for i := range 30 {
		id := leaveOpen(t, b, durable{store}, fmt.Sprint("order-", i))
		rec, err := store.Load(t.Context(), id, 0)
		require.NoError(t, err)
		rec.DueAt = rec.CreatedAt
		if nth > 0 && i%nth == 0 {
			rec.Attempts, rec.Sent = []payonce.Attempt{{N: 1, StartedAt: rec.FirstAt}, {N: 2, StartedAt: rec.FirstAt}}, 2
		}
		require.NoError(t, store.Save(t.Context(), rec))
	}
	c := newClient(t, b, durable{store}, func(cfg *payonce.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			advance(slow)
			return b.RoundTrip(req)
		})}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	func() {
		defer func() { _ = recover() }()
		for _, err := range c.Recover(ctx) {
			_ = err // the ledger judges
			if end(cancel) {
				break
			}
		}
	}()
}

// However a sweep ends, no goroutine stays, and nothing hangs.
func TestASweepEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cancel func()) bool{
		"break":  func(func()) bool { return true },
		"cancel": func(cancel func()) bool { cancel(); return false },
		"panic":  func(func()) bool { panic("in yield") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { sweepEnds(t, 0, time.Second, end) }) // the bubble fails if a goroutine stays
		})
		t.Run(name+", dead ones, real time", func(t *testing.T) {
			t.Parallel()
			sweepEnds(t, 3, 5*time.Millisecond, end)
		})
	}
}

// waking is a store that tells of what was inserted.
type waking struct {
	payonce.KeyStore
	wake chan struct{}
}

func (s waking) Wake(context.Context) <-chan struct{} { return s.wake }

func TestAStoreThatTellsWakesTheBackgroundRecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), waking{memory(), make(chan struct{})}
		c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.RecoverEvery = time.Hour })
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		advance(time.Minute) // the first sweep is over
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		advance(time.Minute)
		require.Zero(t, b.moved())
		store.wake <- struct{}{}
		advance(time.Second)
		assert.Equal(t, 1, b.moved())
		assert.Equal(t, rec.ID.Account, c.Account())
	})
}
