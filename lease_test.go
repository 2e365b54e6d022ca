package payonce_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// forgetful is a store that renews no lease the first times it is asked to.
type forgetful struct {
	payonce.KeyStore
	fails atomic.Int64
}

func (s *forgetful) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	if s.fails.Add(-1) >= 0 {
		return errors.New("the disk is busy")
	}
	return s.KeyStore.Renew(ctx, holder, length, ids)
}

func TestAHolderStopsBeforeItsLeaseIsOver(t *testing.T) {
	t.Parallel()
	const lease = 15 * time.Second
	tests := map[string]struct {
		delay  time.Duration // between the mark and the wire
		renews bool
		sent   int // requests of two attempts
	}{
		"in time":                       {delay: lease * 4 / 5, sent: 1},
		"too late":                      {delay: lease*4/5 + time.Millisecond, sent: 0},
		"too late, but it was renewed":  {delay: lease*4/5 + time.Millisecond, renews: true, sent: 1},
		"even after it would have been": {delay: lease * 3, sent: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), &forgetful{KeyStore: memory()}
				if !test.renews {
					store.fails.Store(1000)
				}
				b.authorize = func(bool) error { advance(test.delay); return nil }
				_, err := newClient(t, b, store, once).Payments.Create(t.Context(), order("order-1"))
				assert.Len(t, b.writes(), test.sent)
				if test.sent == 0 {
					require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
					b.authorize = nil
					_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
				}
				require.NoError(t, err)
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestALeaseThatWasLostIsNotFoundAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), &forgetful{KeyStore: memory()}
		store.fails.Store(2) // and the third, 15 s after the claim, comes too late: somebody else has it by then
		first := make(chan error)
		var calls atomic.Int64
		b.authorize = func(bool) error {
			if calls.Add(1) == 1 {
				advance(20 * time.Second)
				assert.Equal(t, int64(2), calls.Load(), "the other one works on it by now")
			} else {
				advance(time.Minute)
			}
			return nil
		}
		c := newClient(t, b, store)
		go func() {
			_, err := c.Payments.Create(t.Context(), order("order-1"))
			first <- err
		}()
		synctest.Wait()
		second := newClient(t, b, store)
		go func() {
			advance(30 * time.Second)
			assert.Empty(t, b.writes(), "the first one has stopped and the second one is not there yet")
		}()
		_, err := second.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		require.NoError(t, <-first)
		assert.Len(t, b.writes(), 1)
	})
}

func TestALeaseWhoseStoreCallSeemedToFailRunsOutToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		inner := &forgetful{KeyStore: memory()}
		leaveOpen(t, b, inner, "order-1")
		inner.fails.Store(1000)
		b.authorize = func(bool) error { advance(20 * time.Second); return nil }
		_, err := newClient(t, b, &lostCommit{KeyStore: inner}, once).Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Len(t, b.writes(), 1, "only the one from before")
	})
}

// lostCommit is a store whose first Save is done, and fails.
type lostCommit struct {
	payonce.KeyStore
	saved atomic.Bool
}

func (s *lostCommit) Save(ctx context.Context, rec *payonce.Record) error {
	if s.saved.Swap(true) {
		return s.KeyStore.Save(ctx, rec)
	}
	kept := *rec
	if err := s.KeyStore.Save(ctx, &kept); err != nil {
		return err
	}
	return errors.New("the connection broke")
}
