package payonce_test

import (
	"context"
	"errors"
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

// Nobody died: the store was slow, the callers impatient.
func TestImpatientCallersAreNoDeaths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), &slowCommit{KeyStore: memory()}
		c := newClient(t, b, store)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			store.slow.Store(true)
			_, err := c.Payments.Create(ctx, order("order-1"))
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
			store.slow.Store(false)
			cancel()
			advance(time.Minute)
		}
		require.Empty(t, b.writes(), "nothing was ever sent")
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		assert.NoError(t, err, "its process lives")
	})
}

// slowCommit commits after its caller has gone, as a store with a writer of its own does.
type slowCommit struct {
	payonce.KeyStore
	slow atomic.Bool
}

func (s *slowCommit) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	if _, err := s.KeyStore.Load(ctx, rec.ID, 0); err == nil || !s.slow.Load() {
		return s.KeyStore.Claim(ctx, rec)
	}
	<-ctx.Done()
	kept := *rec
	if _, err := s.KeyStore.Claim(context.WithoutCancel(ctx), &kept); err != nil {
		return nil, err
	}
	return nil, ctx.Err()
}

func (s *slowCommit) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	return s.KeyStore.Load(ctx, id, generation)
}

func (s *slowCommit) Save(ctx context.Context, rec *payonce.Record) error {
	if !s.slow.Load() {
		return s.KeyStore.Save(ctx, rec)
	}
	<-ctx.Done()
	kept := *rec
	if err := s.KeyStore.Save(context.WithoutCancel(ctx), &kept); err != nil {
		return err
	}
	return ctx.Err()
}

// Renew of a lease that ran out makes its former holder think that it has it.
func TestAHolderWhoseLeaseRanOutStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		late := &lateRenew{KeyStore: store}
		var asked atomic.Bool
		b.authorize = func(bool) error {
			if asked.CompareAndSwap(false, true) {
				advance(25 * time.Second) // a slow signer
			}
			return nil
		}
		a := newClient(t, b, late)
		go func() { _, _ = a.Payments.Create(t.Context(), order("order-1")) }()
		advance(16 * time.Second)
		_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1")) // takes over
		require.NoError(t, err)
		n := len(b.writes())
		advance(2 * time.Second)
		late.up.Store(true) // the renewal at 20 s is done: nothing is A's any more
		advance(20 * time.Second)
		assert.Len(t, b.writes(), n, "somebody else has had the lease for ten seconds")
	})
}

// lateRenew is a store whose renewals fail at first.
type lateRenew struct {
	payonce.KeyStore
	up atomic.Bool
}

func (s *lateRenew) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	if !s.up.Load() {
		return errors.New("the disk is full")
	}
	return s.KeyStore.Renew(ctx, holder, length, ids)
}

// Two processes on a store that has no leases, and a provider that is down: nobody died.
func TestContentionIsNoDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), leaseless{memory()}
		down := true
		slow := func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				advance(time.Second)
				if down {
					return response(req, 503, ``, nil), nil
				}
				return b.RoundTrip(req)
			})}
		}
		clients := []*payonce.Client{newClient(t, b, store, slow), newClient(t, b, store, slow)}
		for _, c := range clients {
			go func() { _, _ = c.Payments.Create(t.Context(), order("order-1")) }()
			advance(300 * time.Millisecond)
		}
		advance(10 * time.Minute)
		down = false
		_, err := clients[0].Payments.Create(t.Context(), order("order-1"))
		assert.NoError(t, err, "with leases removed every other promise holds")
	})
}

// leaseless never says that a lease is live.
type leaseless struct{ payonce.KeyStore }

func (s leaseless) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := s.KeyStore.Claim(ctx, rec)
	if got != nil {
		got.Lease = payonce.Lease{}
	}
	return got, err
}

func (s leaseless) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	got, err := s.KeyStore.Load(ctx, id, generation)
	if got != nil {
		got.Lease = payonce.Lease{}
	}
	return got, err
}

// TestWhatSomebodyElseIsJustInsertingIsUnknown: he may send it, without anybody calling again.
func TestWhatSomebodyElseIsJustInsertingIsUnknown(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, uncommitted{memory()})
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	require.NotErrorIs(t, err, payonce.ErrNotSent)
	require.NotErrorIs(t, err, payonce.ErrStale)
	assert.Empty(t, b.writes())
}

// uncommitted is a store in which somebody else's insert of the same operation is under way.
type uncommitted struct{ payonce.KeyStore }

func (uncommitted) Claim(context.Context, *payonce.Record) (*payonce.Record, error) {
	return nil, fmt.Errorf("it waited for a lock: %w", payonce.ErrStale)
}
