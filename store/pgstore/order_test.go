package pgstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

// begin begins a transaction that is over with the test, or earlier.
func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	return tx
}

// locked begins a transaction that holds the record number 1, until it is rolled back.
func locked(t *testing.T, pool *pgxpool.Pool, store *pgstore.Store) pgx.Tx {
	t.Helper()
	tx := begin(t, pool)
	_, err := tx.Exec(t.Context(), "update "+pgx.Identifier{store.Schema()}.Sanitize()+".payonce_progress set note = '' where operation = 1")
	require.NoError(t, err)
	return tx
}

// triedAlone waits until the writer has begun so many transactions since before.
func triedAlone(t *testing.T, store *pgstore.Store, before, transactions int64) {
	t.Helper()
	await(t, "they are tried one by one", func() error {
		if n := store.Commits() - before; n < transactions {
			return fmt.Errorf("%d transactions", n)
		}
		return nil
	})
}

// claimedByPatient is a store that waits for locks longer than these tests hold them, with one record.
func claimedByPatient(t *testing.T) (*pgxpool.Pool, *pgstore.Store, *payonce.Record) {
	t.Helper()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t), pgstore.WithPatience(5*time.Second, 4*time.Second, 15*time.Second, 5*time.Second))
	rec := record("order-1")
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	return pool, store, rec
}

func TestWritesToARecordStayInOrderWhenALockHoldsThemUp(t *testing.T) {
	t.Parallel()
	pool, store, rec := claimedByPatient(t)
	tx := locked(t, pool, store)
	release, before := held(t, pool, store), store.Commits()
	rec.Note = "asked first"
	first := later(store, rec)
	rec.Note = "asked second"
	second := later(store, rec)
	release()
	triedAlone(t, store, before, 3)
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-first)
	require.ErrorIs(t, <-second, payonce.ErrStale)
}

func TestAClaimFindsWhatWasToBeSavedBeforeIt(t *testing.T) {
	t.Parallel()
	pool, store, rec := claimedByPatient(t)
	tx := locked(t, pool, store)
	release, before := held(t, pool, store), store.Commits()
	succeed(rec)
	saved := later(store, rec)
	claimed := make(chan *payonce.Record, 1)
	go func() {
		got, err := store.Claim(t.Context(), record("order-1"))
		assert.NoError(t, err)
		claimed <- got
	}()
	await(t, "the claim is asked for", func() error {
		if n := store.Queued(); n < 2 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	release()
	triedAlone(t, store, before, 3)
	require.NoError(t, tx.Rollback(t.Context()))
	assert.Equal(t, payonce.StateSucceeded, (<-claimed).State)
	require.NoError(t, <-saved)
}

// TestRecoveryDoesNotWaitForWhatSomebodyIsWriting: its list leaves it out, and a person's does not.
func TestRecoveryDoesNotWaitForWhatSomebodyIsWriting(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	for n := range 3 {
		_, err := store.Claim(t.Context(), record(fmt.Sprint("order-", n)))
		require.NoError(t, err)
	}
	listed := func(f payonce.Filter) (references []string) {
		f.Account = account
		page, _, err := store.List(t.Context(), f)
		require.NoError(t, err)
		for _, rec := range page {
			references = append(references, rec.ID.Reference)
		}
		return references
	}
	due := payonce.Filter{DueBefore: time.Now().Add(time.Hour)}
	tx := locked(t, pool, store)
	assert.Equal(t, []string{"order-1", "order-2"}, listed(due))
	assert.Equal(t, []string{"order-0", "order-1", "order-2"}, listed(payonce.Filter{}))
	require.NoError(t, tx.Rollback(t.Context()))
	assert.Equal(t, []string{"order-0", "order-1", "order-2"}, listed(due))
}

// TestManyThatALockHoldsUpDoNotHoldUpOthersForLong lets 40 claims wait for a merchant's transaction that has inserted the same operations.
func TestManyThatALockHoldsUpDoNotHoldUpOthersForLong(t *testing.T) {
	t.Parallel()
	const many, patience = 40, 800 * time.Millisecond
	for name, within := range map[string]time.Duration{"whose callers are gone": 200 * time.Millisecond, "whose callers wait": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := server.Server(t)
			pool := newPool(t, host.URL())
			store := openIn(t, pool, host.Schema(t), pgstore.WithPatience(5*time.Second, patience, 15*time.Second, 5*time.Second))
			tx := begin(t, pool)
			for n := range many {
				require.NoError(t, store.InsertTx(t.Context(), tx, prepared(fmt.Sprint("order-", n))))
			}
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			release := held(t, pool, store)
			var all sync.WaitGroup
			for n := range many {
				all.Go(func() {
					_, err := store.Claim(ctx, record(fmt.Sprint("order-", n)))
					assert.Error(t, err)
				})
			}
			await(t, "all are asked for", func() error {
				if n := store.Queued(); n < many {
					return fmt.Errorf("%d wait", n)
				}
				return nil
			})
			release()
			began := time.Now()
			operate(t, store, "free")
			assert.Less(t, time.Since(began), many*patience/4, "nobody waits so long for others' locks")
			all.Wait()
			require.NoError(t, tx.Rollback(t.Context()))
		})
	}
}

// TestWhatSomebodyElseIsInsertingIsNeitherThereNorAbsent: a client that took it for absent would say that it was not sent.
func TestWhatSomebodyElseIsInsertingIsNeitherThereNorAbsent(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t), pgstore.WithPatience(5*time.Second, 200*time.Millisecond, 15*time.Second, 5*time.Second))
	tx := begin(t, pool)
	require.NoError(t, store.InsertTx(t.Context(), tx, prepared("order-1")))
	_, err := store.Claim(t.Context(), record("order-1"))
	require.ErrorIs(t, err, payonce.ErrStale)
	require.ErrorContains(t, err, "look for a session that is idle in transaction")
	_, err = store.Load(t.Context(), id("order-1"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	require.NoError(t, tx.Commit(t.Context()))
	got, err := store.Claim(t.Context(), record("order-1"))
	require.NoError(t, err)
	assert.True(t, got.Prepared)
}
