package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// held keeps the writer of a store from going on, with a write of its own, so that what is asked for meanwhile shares a transaction.
func held(t *testing.T, pool *pgxpool.Pool, store *pgstore.Store) (release func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock table "+pgx.Identifier{store.Schema()}.Sanitize()+".payonce_writer in exclusive mode")
	require.NoError(t, err)
	store.SaveLater(record("nobody's"), func(error) {})
	await(t, "the writer waits", func() error {
		var waits bool
		err := tx.QueryRow(t.Context(), "select exists (select from pg_locks where not granted and relation = $1::text::regclass)",
			pgx.Identifier{store.Schema(), "payonce_writer"}.Sanitize()).Scan(&waits)
		if err == nil && !waits {
			err = errors.New("it is idle")
		}
		return err
	})
	return func() { require.NoError(t, tx.Rollback(t.Context())) }
}

// later saves without waiting, and returns where the answer comes.
func later(store *pgstore.Store, rec *payonce.Record) <-chan error {
	done := make(chan error, 1)
	store.SaveLater(rec, func(err error) { done <- err })
	return done
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	var records []*payonce.Record
	for n := range 50 {
		rec := record(fmt.Sprintf("order-%d", n))
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
		records = append(records, rec)
	}
	release := held(t, pool, store)
	before := store.Commits()
	var answers []<-chan error
	for _, rec := range records {
		succeed(rec)
		answers = append(answers, later(store, rec))
	}
	release()
	for _, answer := range answers {
		require.NoError(t, <-answer)
	}
	assert.LessOrEqual(t, store.Commits()-before, int64(2))
}

func TestAPurgeSharesItsTransactionWithNobody(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	rec := record("order-1")
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	release := held(t, pool, store)
	before := store.Commits()
	purged := make(chan error, 1)
	go func() { _, err := store.Purge(t.Context(), time.Now(), 10); purged <- err }()
	answer := later(store, rec)
	release()
	require.NoError(t, <-answer)
	require.NoError(t, <-purged)
	assert.Equal(t, int64(2), store.Commits()-before)
}

// TestOneWriteThatFailsFailsAlone has a write that the server refuses among others that share its transaction.
func TestOneWriteThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, poison string }{
		{"when it is executed", "alter table %[1]s.payonce_progress add check (note <> 'poison')"},
		{"when it is committed", `create function %[1]s.refuse() returns trigger language plpgsql as
			$$ begin if new.note = 'poison' then raise 'not with me'; end if; return null; end $$;
			create constraint trigger refuse after update on %[1]s.payonce_progress deferrable initially deferred
			for each row execute function %[1]s.refuse()`},
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			t.Run(c.name+", "+mode.String(), func(t *testing.T) {
				t.Parallel()
				host := server.Server(t)
				pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode })
				store := openIn(t, pool, host.Schema(t))
				change(t, pool, fmt.Sprintf(c.poison, store.Schema()))
				var records []*payonce.Record
				for _, note := range []string{"one", "poison", "two", "three"} {
					rec := record(note)
					_, err := store.Claim(t.Context(), rec)
					require.NoError(t, err)
					rec.Note = note
					records = append(records, rec)
				}
				release := held(t, pool, store)
				var answers []<-chan error
				for _, rec := range records {
					answers = append(answers, later(store, rec))
				}
				release()
				for i, answer := range answers {
					err := <-answer
					got, loadErr := store.Load(t.Context(), records[i].ID, 0)
					require.NoError(t, loadErr)
					if records[i].Note == "poison" {
						var e *pgstore.Error
						require.ErrorAs(t, err, &e)
						assert.Equal(t, int64(1), got.Version)
						continue
					}
					require.NoError(t, err)
					assert.Equal(t, records[i].Note, got.Note)
				}
			})
		}
	}
}

func TestALockedRecordHoldsUpItsOwnWriteOnly(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t), pgstore.WithPatience(5*time.Second, 400*time.Millisecond, 5*time.Second, 5*time.Second))
	locked, free := record("locked"), record("not locked")
	for _, rec := range []*payonce.Record{locked, free} {
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
	}
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "update "+store.Schema()+".payonce_progress set note = '' where operation = 1")
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select from "+store.Schema()+".payonce_operation where reference = 'locked' for update")
	require.NoError(t, err)

	release := held(t, pool, store)
	first, second := later(store, locked), later(store, free)
	release()
	require.NoError(t, <-second)
	assert.Empty(t, first, "who waits for a lock waits after the rest")
	require.ErrorContains(t, <-first, "idle in transaction")
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, store.Save(t.Context(), locked))
}

// TestTwoStoresThatWriteTheSameRecordsInOppositeOrderDoNotWaitForEachOther has a deadlock ready, which would cost a second and the batches.
func TestTwoStoresThatWriteTheSameRecordsInOppositeOrderDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 8 })
	schema := host.Schema(t)
	stores := []*pgstore.Store{openIn(t, pool, schema), openIn(t, pool, schema)}
	var records []*payonce.Record
	for n := range 60 {
		rec := record(fmt.Sprintf("order-%d", n))
		_, err := stores[0].Claim(t.Context(), rec)
		require.NoError(t, err)
		records = append(records, rec)
	}
	release := held(t, pool, stores[0])
	before := stores[0].Commits() + stores[1].Commits()
	var answers []<-chan error
	for n := range records {
		answers = append(answers, later(stores[0], records[n]), later(stores[1], records[len(records)-1-n]))
	}
	release()
	stale := 0
	for _, answer := range answers {
		if err := <-answer; err != nil {
			require.ErrorIs(t, err, payonce.ErrStale)
			stale++
		}
	}
	assert.Equal(t, len(records), stale, "each was saved once")
	assert.LessOrEqual(t, stores[0].Commits()+stores[1].Commits()-before, int64(4))
}

func TestAStricterIsolationIsNoObstacle(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	schema := host.Schema(t)
	pool := newPool(t, host.URL(), parameter("default_transaction_isolation", "serializable"))
	stores := []*pgstore.Store{openIn(t, pool, schema), openIn(t, newPool(t, host.URL()), schema)}
	var all sync.WaitGroup
	var mu sync.Mutex
	inserted := map[string]int{}
	for n := range 60 {
		all.Go(func() {
			rec := record(fmt.Sprintf("order-%d", n%10))
			got, err := stores[n%2].Claim(t.Context(), rec)
			mu.Lock()
			defer mu.Unlock()
			if assert.NoError(t, err) && got == rec {
				inserted[rec.ID.Reference]++
			}
		})
	}
	all.Wait()
	assert.Len(t, inserted, 10)
	for reference, n := range inserted {
		assert.Equal(t, 1, n, reference)
	}
}

// TestAConflictIsTriedAgainAndNotForEver has a server that finds transactions in each other's way some times, or always.
func TestAConflictIsTriedAgainAndNotForEver(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	for _, state := range []string{"40001", "40P01"} {
		store := openIn(t, pool, host.Schema(t))
		change(t, pool, fmt.Sprintf(`create sequence %[1]s.tries;
			create function %[1]s.conflict() returns trigger language plpgsql as $$ begin
				if new.reference = 'always' or nextval('%[1]s.tries') <= 3 then raise 'in the way' using errcode = '%[2]s'; end if;
				return new; end $$;
			create trigger conflict before insert on %[1]s.payonce_operation for each row execute function %[1]s.conflict()`, store.Schema(), state))
		operate(t, store, "order-1")
		_, err := store.Claim(t.Context(), record("always"))
		require.ErrorContains(t, err, "other transactions were in the way every time: try again")
	}
}

func TestCloseWritesWhatWaitsAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	store := openIn(t, pool, schema)
	rec := record("order-1")
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	succeed(rec)
	release := held(t, pool, store)
	answer := later(store, rec)
	closed := make(chan error)
	go func() { closed <- store.Close() }()
	release()
	require.NoError(t, <-closed)
	require.NoError(t, <-answer)

	_, err = store.Claim(t.Context(), record("order-2"))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, <-later(store, rec), fs.ErrClosed)
	_, err = store.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err, "reads go on as long as the pool does")
	_, err = store.Load(t.Context(), id("nobody's"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	assert.Nil(t, store.Wake(t.Context()))

	again := openIn(t, pool, schema)
	got, err := again.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err)
	assert.Equal(t, payonce.StateSucceeded, got.State)
}

func TestACallerMayStopWaiting(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	release := held(t, pool, store)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := store.Claim(ctx, record("order-1"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = store.Claim(ctx, record("order-2"))
	require.ErrorIs(t, err, context.DeadlineExceeded, "its context was over before")
	release()
	operate(t, store, "order-3")
	_, err = store.Load(t.Context(), id("order-2"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
}

// TestARowThatWasRemovedIsMadeAnew is a store that did nothing for so long that others took it for dead.
func TestARowThatWasRemovedIsMadeAnew(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	idle := openIn(t, pool, schema)
	operate(t, idle, "order-1")
	change(t, pool, "update "+schema+".payonce_writer set seen_at = seen_at - interval '2 days'")
	other := openIn(t, pool, schema)
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from "+schema+".payonce_writer").Scan(&rows))
	assert.Equal(t, 1, rows)
	operate(t, idle, "order-2")
	operate(t, other, "order-3")
}

// TestTheNewestTimeIsKeptWhenTheServersClockIsSetBack has records from the future of a server whose clock stands in 2000.
func TestTheNewestTimeIsKeptWhenTheServersClockIsSetBack(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool, schema := newPool(t, host.URL()), host.Schema(t)
	store := openIn(t, pool, schema)
	rec := record("order-1")
	before := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
	rec.CreatedAt, rec.FirstAt, rec.LastAt = before, before, before
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	got, err := store.Load(t.Context(), rec.ID, 0)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), got.Newest, time.Minute, "the server's clock counts")

	for range 3 { // nor do removed writers take it along
		change(t, pool, "update "+schema+".payonce_writer set seen_at = seen_at - interval '2 days'")
		openIn(t, pool, schema)
		late := openIn(t, pool, schema, pgstore.WithClock("'2000-01-01Z'::timestamptz"))
		got, err = late.Load(t.Context(), rec.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, before.UTC(), got.Newest)
	}
}

func TestAHugeBodyGoesAlone(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	var answers []<-chan error
	var records []*payonce.Record
	for n := range 4 {
		rec := record(fmt.Sprintf("order-%d", n))
		rec.Body = make(payonce.Raw, 3<<20)
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
		records = append(records, rec)
	}
	release := held(t, pool, store)
	before := store.Commits()
	for _, rec := range records {
		rec.Outcome = &payonce.Outcome{Body: make(payonce.Raw, 3<<20)}
		answers = append(answers, later(store, rec))
	}
	release()
	for _, answer := range answers {
		require.NoError(t, <-answer)
	}
	assert.Equal(t, int64(4), store.Commits()-before)
	f := payonce.Filter{Account: account, Limit: 10}
	total, pages := 0, 0
	for {
		page, next, err := store.List(t.Context(), f)
		require.NoError(t, err)
		total, pages = total+len(page), pages+1
		if f.After = next; next == "" {
			break
		}
	}
	assert.Equal(t, 4, total)
	assert.Equal(t, 5, pages, "a page's memory is bounded")
}

func TestARecordOfANewerFormatIsSetAside(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	for _, alter := range []string{
		"update %s.payonce_operation set format = 2 where reference = 'strange'",
		"update %s.payonce_progress set state = 9 where operation = 1",
		"update %s.payonce_operation set header = '{}' where reference = 'strange'",
		`update %s.payonce_progress set attempts = '[{"n": "one"}]' where operation = 1`,
		"update %s.payonce_progress set outcome_class = 1, outcome_status = null where operation = 1",
		"update %s.payonce_progress set note = 'base64:?' where operation = 1",
		"update %s.payonce_operation set created_at = 'infinity' where reference = 'strange'",
		"update %s.payonce_progress set outcome_at = '-infinity' where operation = 1",
	} {
		store := openIn(t, pool, host.Schema(t))
		for _, reference := range []string{"strange", "fine"} {
			rec := record(reference)
			_, err := store.Claim(t.Context(), rec)
			require.NoError(t, err)
			succeed(rec)
			rec.State = payonce.StateInDoubt
			require.NoError(t, store.Save(t.Context(), rec))
		}
		change(t, pool, fmt.Sprintf(alter, store.Schema()))
		_, err := store.Load(t.Context(), id("strange"), 0)
		require.ErrorContains(t, err, "the record of")
		_, err = store.Claim(t.Context(), record("strange"))
		require.ErrorContains(t, err, "the record of")
		page, _, err := store.List(t.Context(), payonce.Filter{Account: account, State: payonce.StateInDoubt})
		require.NoError(t, err)
		require.Len(t, page, 1)
		assert.Equal(t, "fine", page[0].ID.Reference)
	}
}
