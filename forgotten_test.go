package payonce_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// putBackStore was put back to an earlier state: what it holds may be older than it was, until it is written again.
type putBackStore struct {
	durable
	at      time.Time
	written map[payonce.OperationID]bool
}

func putBack(store payonce.KeyStore) putBackStore {
	return putBackStore{durable{store}, time.Now(), map[payonce.OperationID]bool{}}
}

func (s putBackStore) tell(rec *payonce.Record) {
	if rec != nil {
		rec.Restored = !rec.CreatedAt.After(s.at) && !s.written[rec.ID]
	}
}

func (s putBackStore) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := s.KeyStore.Claim(ctx, rec)
	if got != rec {
		s.tell(got)
	}
	return got, err
}

func (s putBackStore) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	rec, err := s.KeyStore.Load(ctx, id, generation)
	s.tell(rec)
	return rec, err
}

func (s putBackStore) Save(ctx context.Context, rec *payonce.Record) error {
	err := s.KeyStore.Save(ctx, rec)
	if err == nil {
		s.written[rec.ID] = true
	}
	return err
}

func TestAnAttemptThatARestoredStoreMayHaveForgottenIsCountedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store, once)
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		old := putBack(store)
		advance(time.Hour)
		b.script = []reply{{lose: true}, {status: 503, skip: true}}
		for want := 2; want <= 3; want++ {
			_, err = newClient(t, b, old, once).Run(t.Context(), rec.ID)
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
			got := load(t, store, rec.ID)
			assert.Equal(t, want, got.Sent, "one that may be forgotten, and ours")
			assert.Equal(t, want, got.Possible)
			assert.Equal(t, rec.CreatedAt, got.FirstAt, "it may have been made at any time since")
		}
		_, err = newClient(t, b, old).Run(t.Context(), rec.ID)
		require.NoError(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestTheKeysLifeCountsFromTheCreationOfWhatWasRestored(t *testing.T) {
	t.Parallel()
	for name, lookup := range map[string]bool{"in doubt": false, "looked up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				b.lookup = lookup
				c := newClient(t, b, store)
				rec, err := c.Payments.Prepare(order("order-1"))
				require.NoError(t, err)
				_, err = store.Claim(t.Context(), rec)
				require.NoError(t, err)
				old := putBack(store)
				_, err = c.Run(t.Context(), rec.ID) // but the store will not know
				require.NoError(t, err)
				change(t, store, rec.ID, func(r *payonce.Record) { r.Progress = rec.Progress })
				b.forget()
				advance(30 * time.Hour)
				if lookup {
					_, err = c.Payments.Create(t.Context(), order("order-of-another")) // so that there is something at all
					require.NoError(t, err)
				}
				_, err = newClient(t, b, old).Run(t.Context(), rec.ID)
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				sent := 1
				if lookup {
					require.NotErrorIs(t, err, payonce.ErrInDoubt, "it is absent, but perhaps it was only just sent")
					sent = 2
				}
				assert.Len(t, b.writes(), sent)
			})
		})
	}
}

func TestARefusalDoesNotCloseWhatWasRestored(t *testing.T) {
	t.Parallel()
	refused := reply{skip: true, status: 400, body: `{"code":"bad"}`}
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		rec, err := newClient(t, b, store).Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		advance(time.Hour)
		c := newClient(t, b, putBack(store), once)
		b.script = []reply{refused, refused}
		for range 2 {
			_, err = c.Run(t.Context(), rec.ID)
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "an earlier attempt may have been executed, and be forgotten")
			_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		}
		require.ErrorIs(t, c.Resolve(t.Context(), rec.ID, payonce.NotExecuted, "support says no"), payonce.ErrOutcomeUnknown, "too early")
		advance(5 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), rec.ID, payonce.NotExecuted, "support says no"))
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestWhatWasClosedBeforeTheRestoreIsInDoubt(t *testing.T) {
	t.Parallel()
	for name, script := range map[string][]reply{
		"refused":  {{skip: true, status: 400, body: `{"code":"bad"}`}},
		"not sent": {{dial: true}, {dial: true}, {dial: true}, {dial: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(script...), memory()
				_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
				require.Error(t, err)
				sent := len(b.writes())
				advance(time.Hour)
				c := newClient(t, b, putBack(store))
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.Error(t, err)
				assert.Contains(t, err.Error(), "may have forgotten")
				_, err = c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrInDoubt, "it may have been asked for again, under this key or another")
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.ErrorIs(t, err, payonce.ErrInDoubt)
				assert.Len(t, b.writes(), sent)
			})
		})
	}
}

func TestWhatWasFinishedBeforeTheRestoreStaysSo(t *testing.T) {
	t.Parallel()
	final := reply{skip: true, status: 400, body: `{"code":"final"}`}
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{}, final), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		advance(time.Hour)
		again := newClient(t, b, putBack(store))
		_, err = again.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		_, err = again.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = again.Payments.Create(t.Context(), order("order-3"))
		require.NoError(t, err)
		assert.Len(t, b.writes(), 3)
	})
}
