package payonce_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func (s restoredStore) Salt() []byte {
	if s.salt != nil {
		return s.salt
	}
	return s.KeyStore.Salt()
}

func (s restoredStore) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := s.KeyStore.Claim(ctx, rec)
	if got != nil && got != rec {
		got.Restored = true
	}
	return got, err
}

func (s restoredStore) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	got, err := s.KeyStore.Load(ctx, id, generation)
	if got != nil {
		got.Restored = true
	}
	return got, err
}

func (s restoredStore) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	page, next, err := s.KeyStore.List(ctx, f)
	for _, rec := range page {
		rec.Restored = true
	}
	return page, next, err
}

// More than 32 attempts were marked (none arrived), so remembered() says that the forgotten one was counted.
func TestAForgottenAttemptIsCountedAfterThirtyTwoOthers(t *testing.T) {
	t.Parallel()
	for _, before := range []int{7, 9} { // calls of 4 attempts each: 28 lines, and 36 attempts in 32 lines
		t.Run(fmt.Sprint(before*4), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				c := newClient(t, b, durable{store})
				rec, err := c.Payments.Prepare(order("order-1"))
				require.NoError(t, err)
				_, err = store.Claim(t.Context(), rec)
				require.NoError(t, err)
				for range before {
					b.script = []reply{{dial: true}, {dial: true}, {dial: true}, {dial: true}}
					_, err = c.Run(t.Context(), rec.ID)
					require.Error(t, err)
				}
				backup, err := store.Load(t.Context(), rec.ID, 0)
				require.NoError(t, err)
				_, err = c.Run(t.Context(), rec.ID) // pays
				require.NoError(t, err)
				synctest.Wait()
				now, err := store.Load(t.Context(), rec.ID, 0)
				require.NoError(t, err)
				now.Progress = backup.Progress // the store is put back
				require.NoError(t, store.Save(t.Context(), now))

				advance(25 * time.Hour)
				b.forget()
				_, err = newClient(t, b, restoredStore{KeyStore: durable{store}}).Run(t.Context(), rec.ID)
				assert.Equal(t, 1, b.moved(), "money moved twice: %v", err)
			})
		})
	}
}

// The same through WithNewKey: what looks like "not sent" after 36 attempts gets a new key at once.
func TestNoNewKeyAfterAForgottenAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, durable{store})
		for range 9 {
			b.script = []reply{{dial: true}, {dial: true}, {dial: true}, {dial: true}}
			_, err := c.Payments.Create(t.Context(), order("order-1"))
			require.ErrorIs(t, err, payonce.ErrNotSent)
		}
		backup, err := store.Load(t.Context(), paymentID("order-1"), 0)
		require.NoError(t, err)
		b.script = []reply{{lose: true}, {lose: true}, {lose: true}, {lose: true}}
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		now, err := store.Load(t.Context(), paymentID("order-1"), 0)
		require.NoError(t, err)
		now.Progress = backup.Progress
		require.NoError(t, store.Save(t.Context(), now))
		_, err = newClient(t, b, restoredStore{KeyStore: durable{store}}).Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		assert.Equal(t, 1, b.moved(), "money moved twice: %v", err)
	})
}

// A refused generation was followed by another one that the restored store has forgotten. Remembering reopens it and sends it.
func TestARefusedOperationIsNotSentAgainFromARestoredStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{skip: true, status: 403, body: `{"code":"no"}`}), memory()
		c := newClient(t, b, durable{store})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		backup, err := store.Load(t.Context(), paymentID("order-1"), 0)
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		require.Equal(t, 1, b.moved())

		earlier := memory()
		_, err = earlier.Claim(t.Context(), backup)
		require.NoError(t, err)
		c = newClient(t, b, restoredStore{durable{earlier}, store.Salt()})
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		assert.Equal(t, 1, b.moved(), "money moved twice: %v %v", p, err)
	})
}

// Resolve(NotExecuted) of a restored record that knows of no attempt.
func TestNotExecutedIsRefusedWhileAForgottenAttemptMayBeOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, durable{store})
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		// An attempt was marked and sent a second ago; the store was put back to before that.
		c = newClient(t, b, restoredStore{KeyStore: durable{store}})
		err = c.Resolve(t.Context(), rec.ID, payonce.NotExecuted, "not on the statement")
		assert.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "an attempt of a second ago may still be on its way")
	})
}

// A refused operation went on under a new key, which the restored store has forgotten, and so has the provider.
func TestARestoredStoreRefusesANewKeyUntilAPersonHasLooked(t *testing.T) {
	t.Parallel()
	for name, resolution := range map[string]payonce.Resolution{"it was executed": payonce.Executed, "it was not": payonce.NotExecuted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, backup := newBank(reply{status: 400, skip: true, body: `{"code":"final"}`}), memory()
				_, err := newClient(t, b, durable{backup}).Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrRejected)
				advance(25 * time.Hour)
				store := &restoredStore{KeyStore: durable{backup}}
				c := newClient(t, b, store)
				advance(time.Hour)
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.ErrorIs(t, err, payonce.ErrInDoubt)
				require.ErrorContains(t, err, "Resolve")
				require.Zero(t, b.moved())
				require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), resolution, "looked at the dashboard"))
				c = newClient(t, b, durable{backup}) // the record was written: it is not restored any more
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				if resolution == payonce.Executed {
					require.ErrorIs(t, err, payonce.ErrKeyReuse)
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}
