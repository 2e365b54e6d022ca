package payonce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// change edits an operation's record, as something that happened elsewhere would.
func change(t *testing.T, store payonce.KeyStore, id payonce.OperationID, edit func(*payonce.Record)) {
	t.Helper()
	rec := load(t, store, id)
	edit(rec)
	rec.Lease = payonce.Lease{}
	require.NoError(t, store.Save(t.Context(), rec))
}

func load(t *testing.T, store payonce.KeyStore, id payonce.OperationID) *payonce.Record {
	t.Helper()
	rec, err := store.Load(t.Context(), id, 0)
	require.NoError(t, err)
	return rec
}

// diedOn makes an open operation one whose last attempts ended with their processes.
func diedOn(t *testing.T, store payonce.KeyStore, id payonce.OperationID, times int) {
	t.Helper()
	change(t, store, id, func(rec *payonce.Record) {
		rec.Sent, rec.Reached, rec.Possible, rec.Attempts = times, times, times, nil
		for n := range times {
			rec.Attempts = append(rec.Attempts, payonce.Attempt{N: n + 1, StartedAt: rec.LastAt})
		}
	})
}

// once lets a call make one attempt.
func once(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 }

// over puts something in front of the bank.
func over(trip roundTrip) func(*payonce.Config) {
	return func(cfg *payonce.Config) { cfg.HTTPClient = &http.Client{Transport: trip} }
}

func TestAnOperationThatTakesEveryProcessDownIsSetAside(t *testing.T) {
	t.Parallel()
	const poison = 5
	settle := map[string]func(*testing.T, *payonce.Client, payonce.OperationID){
		"and a webhook settles it": func(t *testing.T, c *payonce.Client, id payonce.OperationID) {
			t.Helper()
			r, err := c.Settle(t.Context(), eventOf(id, 1, "pay_1"))
			require.NoError(t, err)
			assert.Equal(t, payonce.StateSucceeded, r.State)
		},
		"and a person settles it": func(t *testing.T, c *payonce.Client, id payonce.OperationID) {
			t.Helper()
			require.NoError(t, c.Resolve(t.Context(), id, payonce.Executed, "seen on the statement"))
		},
	}
	for name, settles := range settle {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				b.lookup = true
				id := leaveOpen(t, b, store, "order-1")
				diedOn(t, store, id, poison)
				advance(time.Hour)
				c, seen := newClient(t, b, store), len(b.seen)
				results, errs := recoverAll(t, c)
				require.Len(t, results, 1)
				require.ErrorIs(t, errs[0], payonce.ErrInDoubt)
				assert.Contains(t, errs[0].Error(), "its process died")
				rec := load(t, store, id)
				assert.Equal(t, payonce.StateInDoubt, rec.State)
				assert.NotEmpty(t, rec.Reason)
				_, errs = recoverAll(t, c)
				require.Len(t, errs, 1)
				require.ErrorIs(t, errs[0], payonce.ErrInDoubt, "it is named each time")
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrInDoubt)
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.ErrorIs(t, err, payonce.ErrInDoubt)
				assert.Equal(t, rec.Version, load(t, store, id).Version, "it is not touched again")
				assert.Len(t, b.seen, seen, "nothing was sent and nothing looked up")

				settles(t, c, id)
				_, err = c.Payments.Create(t.Context(), order("order-1"))
				require.NoError(t, err)
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestOneDeathLessAndItIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		diedOn(t, store, leaveOpen(t, b, store, "order-1"), 4)
		_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
	})
}

// traffic counts what is on its way at the same time, and lets each request take a second.
type traffic struct {
	*bank

	mu    sync.Mutex
	now   map[string]bool
	most  int
	alone map[string]int // by key: the most that was on its way together with it
}

func newTraffic(b *bank) *traffic {
	return &traffic{bank: b, now: map[string]bool{}, alone: map[string]int{}}
}

func (tr *traffic) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Header.Get("Idempotency-Key")
	tr.mu.Lock()
	tr.now[key] = true
	tr.most = max(tr.most, len(tr.now))
	for k := range tr.now {
		tr.alone[k] = max(tr.alone[k], len(tr.now))
	}
	tr.mu.Unlock()
	advance(time.Second)
	tr.mu.Lock()
	delete(tr.now, key)
	tr.mu.Unlock()
	return tr.bank.RoundTrip(req)
}

func TestRecoveryWorksOnAFewAtATimeAndOnSuspiciousOnesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		for n := range 40 {
			id := leaveOpen(t, b, store, fmt.Sprint("order-", n))
			diedOn(t, store, id, 1+n%20/19) // two of them killed twice
		}
		advance(time.Hour)
		tr := newTraffic(b)
		results, errs := recoverAll(t, newClient(t, b, store, over(tr.RoundTrip)))
		require.NoError(t, errors.Join(errs...))
		require.Len(t, results, 40)
		assert.Equal(t, 8, tr.most)
		for _, n := range []int{19, 39} {
			assert.Equal(t, 1, tr.alone[load(t, store, paymentID(fmt.Sprint("order-", n))).Key])
		}
		assert.Equal(t, 40, b.moved())
	})
}

func TestAHangingOperationDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		for n := range 30 {
			leaveOpen(t, b, store, fmt.Sprint("order-", n))
		}
		advance(time.Hour)
		hangs := load(t, store, paymentID("order-0")).Key
		c := newClient(t, b, store, once, over(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Idempotency-Key") == hangs {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return b.RoundTrip(req)
		}))
		start, finished := time.Now(), 0
		for r, err := range c.Recover(t.Context()) {
			if r.Operation.Reference == "order-0" {
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				assert.Equal(t, 10*time.Second, time.Since(start), "its timeout")
				continue
			}
			require.NoError(t, err)
			assert.Zero(t, time.Since(start))
			finished++
		}
		assert.Equal(t, 29, finished)
	})
}

// paged is a store that hands out small pages, and watches how they are taken.
type paged struct {
	payonce.KeyStore
	page    int
	failing int // the page that can't be read, from 1
	listed  atomic.Int64
	pages   atomic.Int64
}

func (s *paged) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	if f.State == payonce.StateOpen && s.pages.Add(1) == int64(s.failing) {
		return nil, "", errors.New("the disk is gone")
	}
	f.Limit = s.page
	page, next, err := s.KeyStore.List(ctx, f)
	s.listed.Add(int64(len(page)))
	return page, next, err
}

func TestRecoveryReadsNoMoreThanItCanWorkOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), &paged{KeyStore: memory(), page: 5}
		for n := range 100 {
			leaveOpen(t, b, store, fmt.Sprint("order-", n))
		}
		advance(time.Hour)
		finished, most := int64(0), int64(0)
		for _, err := range newClient(t, b, store).Recover(t.Context()) {
			require.NoError(t, err)
			synctest.Wait() // whatever can be read ahead has been
			most = max(most, store.listed.Load()-finished)
			finished++
		}
		assert.Equal(t, int64(100), finished)
		assert.LessOrEqual(t, most, int64(8+2*5), "those in work, and a page or two")
	})
}

func TestAnErrorInALaterPageStillReportsWhatWasBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), &paged{KeyStore: memory(), page: 5, failing: 3}
		for n := range 20 {
			leaveOpen(t, b, store, fmt.Sprint("order-", n))
		}
		advance(time.Hour)
		results, errs := recoverAll(t, newClient(t, b, store))
		done, failed := 0, 0
		for i, r := range results {
			if r.Generation > 0 {
				require.NoError(t, errs[i])
				done++
				continue
			}
			require.ErrorIs(t, errs[i], payonce.ErrUnavailable)
			assert.Contains(t, errs[i].Error(), "the disk is gone")
			failed++
		}
		assert.Equal(t, 10, done, "two pages")
		assert.Equal(t, 1, failed)
	})
}

func TestRecoveryEndsCleanlyWhenNobodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left behind
		b, store := newBank(), &paged{KeyStore: memory(), page: 5}
		for n := range 40 {
			leaveOpen(t, b, store, fmt.Sprint("order-", n))
		}
		advance(time.Hour)
		tr := newTraffic(b)
		c := newClient(t, b, store, over(tr.RoundTrip))
		for _, err := range c.Recover(t.Context()) {
			_ = err // the ledger judges
			break
		}
		start := time.Now()
		synctest.Wait()
		assert.Empty(t, tr.now, "nothing is on its way any more")
		assert.Zero(t, time.Since(start))

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for r, err := range c.Recover(ctx) {
			if cancel(); r.Generation == 0 {
				last = err
			}
		}
		require.ErrorIs(t, last, payonce.ErrUnavailable)
		require.ErrorIs(t, last, context.Canceled)

		results, errs := recoverAll(t, c)
		require.NoError(t, errors.Join(errs...))
		assert.NotEmpty(t, results)
		advance(time.Hour) // what was cut off was put off
		_, errs = recoverAll(t, c)
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, 40, b.moved())
		for n := range 40 {
			assert.Equal(t, payonce.StateSucceeded, load(t, store, paymentID(fmt.Sprint("order-", n))).State)
		}
	})
}

func TestRecoveryByItselfKeepsItsPace(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]int{0: 50, 2: 2, 100: 100} {
		synctest.Test(t, func(t *testing.T) {
			b, store := newBank(), memory()
			for n := range 200 {
				leaveOpen(t, b, store, fmt.Sprint("order-", n))
			}
			advance(time.Hour)
			before := len(b.writes())
			newClient(t, b, store, func(cfg *payonce.Config) { cfg.RecoverEvery, cfg.RecoverRate = 0, rate })
			advance(time.Second)
			synctest.Wait()
			assert.Equal(t, want, len(b.writes())-before, "in the first second")
		})
	}
}

func TestRecoveryByItselfDoesNotSpendTheCallersRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		for n := range 200 {
			leaveOpen(t, b, store, fmt.Sprint("order-", n))
		}
		advance(time.Hour)
		b.script = make([]reply, 10_000)
		for i := range b.script {
			b.script[i] = reply{skip: true, status: 503}
		}
		before := len(b.writes())
		c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.RecoverEvery, cfg.RecoverRate = time.Hour, 10_000 })
		advance(30 * time.Minute)
		synctest.Wait()
		resent := len(b.writes()) - before
		assert.Greater(t, resent, 200+90, "it retries")
		assert.Less(t, resent, 200+110, "as far as its own budget goes")

		b.script = []reply{{skip: true, status: 503}, {skip: true, status: 503}, {skip: true, status: 503}}
		_, err := c.Payments.Create(t.Context(), order("order-new"))
		require.NoError(t, err, "at the fourth attempt")
	})
}

func TestWhatAWrongClockPutOffIsRecovered(t *testing.T) {
	t.Parallel()
	for due, recovered := range map[time.Duration]int{time.Hour: 0, 24 * time.Hour: 0, 26 * time.Hour: 1, 365 * 24 * time.Hour: 1} {
		synctest.Test(t, func(t *testing.T) {
			b, store := newBank(), memory()
			id := leaveOpen(t, b, store, "order-1")
			change(t, store, id, func(rec *payonce.Record) { rec.DueAt = time.Now().Add(due) })
			results, errs := recoverAll(t, newClient(t, b, store))
			require.NoError(t, errors.Join(errs...))
			assert.Len(t, results, recovered, "due in %s", due)
		})
	}
}
