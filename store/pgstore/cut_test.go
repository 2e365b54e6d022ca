package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// TestAConnectionThatBreaksAnywhereLosesNothing cuts the connection at every message of a claim and of a save, in both directions.
// What the store then says of the record is the truth, at once and later.
func TestAConnectionThatBreaksAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cut    postgrestest.Cut
		unsure bool // some writes are committed and fail all the same
	}{
		{"on the way to the server", postgrestest.Cut{}, false},
		{"on the way back", postgrestest.Cut{FromServer: true}, true},
		{"and the server gets the rest later", postgrestest.Cut{Delayed: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBroken(t)
			for after := 0; ; after++ {
				claimCut, saveCut := c.cut, c.cut
				claimCut.After, saveCut.After = after, after
				claimed := b.claim(t, fmt.Sprintf("order-%d", after), &claimCut)
				saved := b.save(t, fmt.Sprintf("saved-%d", after), &saveCut)
				if !claimed && !saved {
					t.Logf("%d messages: %d writes failed, %d were committed and failed", after, b.failed, b.unsure)
					assert.Greater(t, b.failed, 3)
					assert.Equal(t, c.unsure, b.unsure > 0)
					return
				}
			}
		})
	}
}

// TestWritesWhoseEndIsNotKnownAreNotSentAgain has a transaction that goes on after its connection broke: its writes are not sent again one
// by one, though the server refuses to let the writer's row go.
func TestWritesWhoseEndIsNotKnownAreNotSentAgain(t *testing.T) {
	t.Parallel()
	b := newBroken(t)
	var records []*payonce.Record
	for _, reference := range []string{"warm", "one", "two"} {
		rec := record(reference)
		_, err := b.store.Claim(t.Context(), rec)
		require.NoError(t, err)
		records = append(records, rec)
	}
	require.NoError(t, b.store.Save(t.Context(), records[0]), "the statements are prepared")
	release := held(t, b.pool, b.store)
	answers := []<-chan error{later(b.store, records[1]), later(b.store, records[2])}
	c := b.proxy.Arm(&postgrestest.Cut{Delayed: true, After: 3})
	release()
	for _, answer := range answers {
		require.ErrorContains(t, <-answer, "commit, which may have happened")
	}
	want := int64(2) // they are committed after all, once
	if seen, err := b.store.Load(t.Context(), records[1].ID, 0); err == nil {
		want = seen.Version // the server had not begun when the writer's row was replaced: what was seen is final
	} else {
		require.ErrorContains(t, err, "enlist the writer")
	}
	require.True(t, b.proxy.Disarm())
	c.Release()
	await(t, "the store goes on", func() error { _, err := b.store.Load(t.Context(), records[1].ID, 0); return err })
	for _, rec := range records[1:] {
		got, err := b.store.Load(t.Context(), rec.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, want, got.Version)
	}
}

// broken is a store whose connections break, and one beside it that sees the truth.
type broken struct {
	proxy         *postgrestest.Proxy
	pool          *pgxpool.Pool // not through the proxy
	store, direct *pgstore.Store

	// unsure counts errors of writes that were committed, failed those of writes that were not.
	unsure, failed int
}

func newBroken(t *testing.T) *broken {
	t.Helper()
	host := server.Server(t)
	schema := host.Schema(t)
	b := &broken{proxy: host.Proxy(t), pool: newPool(t, host.URL())}
	b.direct = openIn(t, b.pool, schema)
	pool := newPool(t, b.proxy.URL(), func(c *pgxpool.Config) { c.MaxConns = 1 })
	patience := pgstore.WithPatience(5*time.Second, 100*time.Millisecond, 5*time.Second, 100*time.Millisecond)
	b.store = openIn(t, pool, schema, patience)
	return b
}

// claim claims a record while the connection breaks, and says whether it did.
func (b *broken) claim(t *testing.T, reference string, c *postgrestest.Cut) bool {
	t.Helper()
	b.proxy.Arm(c)
	rec := record(reference)
	_, err := b.store.Claim(t.Context(), rec)
	return b.judge(t, rec, c, err, func(stored *payonce.Record) bool { return stored != nil })
}

// save saves a record while the connection breaks, and says whether it did.
func (b *broken) save(t *testing.T, reference string, c *postgrestest.Cut) bool {
	t.Helper()
	rec := record(reference)
	_, err := b.store.Claim(t.Context(), rec)
	require.NoError(t, err)
	b.proxy.Arm(c)
	succeed(rec)
	err = b.store.Save(t.Context(), rec)
	return b.judge(t, rec, c, err, func(stored *payonce.Record) bool { return stored.Version == 2 })
}

// judge compares what the store said with what is there in the end.
func (b *broken) judge(t *testing.T, rec *payonce.Record, c *postgrestest.Cut, err error, done func(*payonce.Record) bool) bool {
	t.Helper()
	told, loadErr := b.load(t.Context(), rec.ID, b.store)
	struck := b.proxy.Disarm()
	if struck {
		c.Release()
	}
	truth, truthErr := b.load(t.Context(), rec.ID, b.direct)
	require.NoError(t, truthErr)
	switch {
	case err == nil:
		assert.True(t, done(truth), "%s: acknowledged, and it is gone", rec.ID)
	case !struck:
		require.NoError(t, err)
	case done(truth):
		b.unsure++
	default:
		b.failed++
	}
	if loadErr == nil && done(told) != done(truth) {
		assert.Fail(t, "the store said one thing and later it was another", "%s, message %d: done %v, then %v", rec.ID, c.After, done(told), done(truth))
	}
	await(t, "the store goes on", func() error { told, loadErr = b.load(t.Context(), rec.ID, b.store); return loadErr })
	assert.Equal(t, done(truth), done(told))
	return struck
}

// load returns a record, nil if there is none.
func (b *broken) load(ctx context.Context, id payonce.OperationID, store *pgstore.Store) (*payonce.Record, error) {
	rec, err := store.Load(ctx, id, 0)
	if errors.Is(err, payonce.ErrNotFound) {
		return nil, nil
	}
	return rec, err
}
