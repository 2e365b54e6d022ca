package payonce_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// ending is one way in which an operation ends, and what a call says of it from then on.
type ending struct {
	script  []reply
	prepare func(*testing.T, *payonce.Client, payonce.KeyStore) // what happens after the first call, to end it
	err     error                                               // nil is a success
	keeps   bool                                                // purging leaves the body alone
}

// endings are all ways that no later call changes.
func endings() map[string]ending {
	lost := []reply{{lose: true}, {lose: true}, {lose: true}, {lose: true}}
	made := reply{status: 201, body: `{"id":"pay_1","status":"pending","code":"pending"}`}
	return map[string]ending{
		"succeeded":                 {script: []reply{made}},
		"succeeded at the fourth":   {script: append(lost[:3:3], made)},
		"declined, and it was made": {script: []reply{{status: 200, body: `{"id":"pay_1","code":"declined"}`}}, err: payonce.ErrDeclined},
		"refused, key spent":        {script: []reply{{skip: true, status: 400, body: `{"code":"final"}`}}, err: payonce.ErrRejected},
		"not sent, and retired": {
			script: []reply{{dial: true}, {dial: true}, {dial: true}, {dial: true}}, err: payonce.ErrNotSent,
			prepare: func(t *testing.T, _ *payonce.Client, store payonce.KeyStore) {
				t.Helper()
				change(t, store, paymentID("order-1"), func(rec *payonce.Record) { rec.KeySpent = true }) // as by a WithNewKey that died
			},
		},
		"in doubt": {
			script: lost, err: payonce.ErrInDoubt, keeps: true,
			prepare: func(t *testing.T, c *payonce.Client, _ payonce.KeyStore) {
				t.Helper()
				require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.StopSending, "asked support"))
			},
		},
		"resolved as executed": {
			script: lost,
			prepare: func(t *testing.T, c *payonce.Client, _ payonce.KeyStore) {
				t.Helper()
				require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.Executed, "on the statement"))
			},
		},
	}
}

// same is what must not change in the answers of an operation.
type same struct {
	id             string
	status         payonce.Status
	word, failure  string
	key            string
	attempts       int
	kind, code     string
	message, local string
}

// told calls again and takes down the answer.
func told(t *testing.T, c *payonce.Client, want error) same {
	t.Helper()
	p, err := c.Payments.Create(t.Context(), order("order-1"))
	var s same
	if p != nil {
		s = same{id: p.ID, status: p.Status, word: p.ProviderStatus, failure: p.FailureCode, key: p.Receipt.Key, attempts: p.Receipt.Attempts, local: p.Receipt.Replayed}
	}
	if want == nil {
		require.NoError(t, err)
		return s
	}
	require.ErrorIs(t, err, want)
	e := detail(t, err)
	s.kind, s.code, s.message, s.key, s.attempts = e.Kind.Error(), e.Code, e.Message, e.Key, e.Sent
	return s
}

func TestAnAnswerIsTheSameAtAnyAge(t *testing.T) {
	t.Parallel()
	ages := []time.Duration{time.Hour, 23 * time.Hour, 25 * time.Hour, 30 * 24 * time.Hour, 89 * 24 * time.Hour, 91 * 24 * time.Hour, year, 20 * year}
	for name, end := range endings() {
		for _, retention := range []time.Duration{time.Hour, 0, -1} { // the default is 90 days, negative is for ever
			t.Run(name+", bodies kept for "+retention.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b, store := newBank(end.script...), memory()
					c := newClient(t, b, store)
					_, err := c.Payments.Create(t.Context(), order("order-1"))
					if end.prepare == nil && end.err == nil {
						require.NoError(t, err)
					} else {
						require.Error(t, err)
					}
					if end.prepare != nil {
						end.prepare(t, c, store)
					}
					first, sent, moved := told(t, c, end.err), len(b.seen), b.moved()
					if end.err == nil {
						assert.Equal(t, "local", first.local)
					}
					cleaner := newClient(t, b, store, func(cfg *payonce.Config) { cfg.RecoverEvery, cfg.Retention = 20*year, retention })
					start := time.Now()
					for _, age := range ages {
						advance(age - time.Since(start))
						if age > 100*24*time.Hour {
							require.NoError(t, cleaner.Close()) // an hour after the other, for years, takes its time
						}
						b.forget()
						assert.Equal(t, first, told(t, c, end.err), "after %s", age)
						assert.Equal(t, first, told(t, cleaner, end.err), "after %s, by another process", age)
						other := order("order-1")
						other.Amount.Minor++
						_, err := c.Payments.Create(t.Context(), other)
						require.ErrorIs(t, err, payonce.ErrKeyReuse, "after %s, with other content", age)
					}
					rec := load(t, store, paymentID("order-1"))
					purged := len(rec.Body) == 0 && (rec.Outcome == nil || len(rec.Outcome.Body) == 0)
					assert.Equal(t, retention >= 0 && !end.keeps, purged)
					assert.Len(t, b.seen, sent, "no request was made")
					assert.Equal(t, moved, b.moved())
				})
			})
		}
	}
}

// watched is a store that watches what is purged, and when.
type watched struct {
	payonce.KeyStore
	left  atomic.Int64 // records to purge
	calls atomic.Int64
	most  atomic.Int64
	fail  atomic.Bool

	mu   sync.Mutex
	ages []time.Duration
}

func (s *watched) Purge(_ context.Context, before time.Time, limit int) (int, error) {
	s.calls.Add(1)
	s.most.Store(max(s.most.Load(), int64(limit)))
	s.mu.Lock()
	s.ages = append(s.ages, time.Since(before))
	s.mu.Unlock()
	if s.fail.Load() {
		return 0, errors.New("the disk is full")
	}
	n := min(int64(limit), s.left.Load())
	s.left.Add(-n)
	return int(n), nil
}

func TestBodiesArePurgedLittleByLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &watched{KeyStore: memory()}
		store.left.Store(1000)
		newClient(t, newBank(), store, func(cfg *payonce.Config) { cfg.RecoverEvery, cfg.Retention = 24*time.Hour, 48*time.Hour })
		advance(time.Hour - time.Millisecond)
		assert.Zero(t, store.calls.Load())
		advance(2 * time.Millisecond)
		assert.Equal(t, int64(1), store.calls.Load(), "callers' writes come first")
		advance(time.Minute)
		assert.Zero(t, store.left.Load())
		assert.Equal(t, int64(6), store.calls.Load(), "five full batches, and one that was not")
		assert.Equal(t, int64(200), store.most.Load())
		store.mu.Lock()
		assert.Equal(t, 48*time.Hour, store.ages[0])
		store.mu.Unlock()
		advance(time.Hour)
		assert.Equal(t, int64(7), store.calls.Load())
		store.fail.Store(true)
		advance(3 * time.Hour)
		assert.Equal(t, int64(10), store.calls.Load(), "a failure is tried again at its time")
	})
}

func TestNothingIsPurgedRightAfterTheClockJumped(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"a year ahead": year, "a year back": -year} {
		synctest.Test(t, func(t *testing.T) {
			store := &watched{KeyStore: memory()}
			store.left.Store(1000)
			h := wrong(store, 0)
			newClient(t, newBank(), h, func(cfg *payonce.Config) { cfg.RecoverEvery = 24 * time.Hour })
			advance(time.Hour + 500*time.Millisecond)
			require.Equal(t, int64(1), store.calls.Load(), name)
			h.set(jump) // in the middle
			advance(59 * time.Minute)
			assert.Equal(t, int64(1), store.calls.Load(), name)
			advance(2 * time.Hour)
			assert.Zero(t, store.left.Load(), name+": it goes on when the clock has gone right for an hour")
		})
	}
}

func TestNothingIsPurgedByAClientThatDoesNotWorkByItself(t *testing.T) {
	t.Parallel()
	for retention, every := range map[time.Duration]time.Duration{-1: 0, time.Hour: -1} {
		synctest.Test(t, func(t *testing.T) {
			store := &watched{KeyStore: memory()}
			newClient(t, newBank(), store, func(cfg *payonce.Config) { cfg.RecoverEvery, cfg.Retention = every, retention })
			advance(24 * time.Hour)
			assert.Zero(t, store.calls.Load())
		})
	}
}

func TestARecordWhoseBodyIsGoneIsNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		advance(time.Hour)
		n, err := store.Purge(t.Context(), time.Now(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		change(t, store, paymentID("order-1"), func(rec *payonce.Record) { rec.State = payonce.StateOpen }) // which nobody does
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.True(t, strings.Contains(err.Error(), "damaged or edited"))
		assert.Len(t, b.writes(), 1)
	})
}
