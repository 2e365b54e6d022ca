package sqlitestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// eventually waits until something holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	release := store.Hold()
	before := store.Commits()
	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() { claim(t, store, fmt.Sprintf("order-%d", n)) })
	}
	eventually(t, time.Minute, "100 writes wait", func() bool { return store.Queued() == 100 })
	release()
	callers.Wait()
	assert.EqualValues(t, 2, store.Commits()-before, "the one that was held, and one for all that waited")
}

func TestAWriteThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	rec := claim(t, store, "order-0")
	release := store.Hold()
	first := make(chan error, 3)
	store.SaveLater(rec, func(err error) { first <- err })
	broken := store.Break(errors.New("no such page"))
	store.SaveLater(rec, func(err error) { first <- err })
	rec.Version++
	store.SaveLater(rec, func(err error) { first <- err })
	release()
	require.NoError(t, <-first)
	require.ErrorIs(t, <-first, payonce.ErrStale)
	require.NoError(t, <-first)
	require.EqualError(t, <-broken, "no such page")
	got, err := store.Load(t.Context(), rec.ID, 1)
	require.NoError(t, err)
	assert.EqualValues(t, 3, got.Version)
}

func TestACallerWhoseContextEndsWhileItWaitsReturnsAtOnce(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	release := store.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := store.Claim(ctx, record("order-1"))
		answer <- err
	}()
	eventually(t, time.Minute, "the claim waits", func() bool { return store.Queued() == 1 })
	cancel()
	require.ErrorIs(t, <-answer, context.Canceled)
	release()
	claim(t, store, "order-2")
	_, err := store.Load(t.Context(), id("order-1"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound, "it was not begun, so it is left out")
}

func TestCloseWritesWhatWaits(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	recs := make([]*payonce.Record, 300)
	for n := range recs {
		recs[n] = claim(t, store, fmt.Sprintf("order-%d", n))
	}
	release := store.Hold()
	answers := make(chan error, len(recs))
	for _, rec := range recs {
		succeed(rec)
		store.SaveLater(rec, func(err error) { answers <- err })
	}
	ended := make(chan error, 1)
	go func() { ended <- store.Close() }()
	release()
	require.NoError(t, <-ended)
	require.Len(t, answers, len(recs))
	for range recs {
		require.NoError(t, <-answers)
	}
	page, _, err := open(t, path).List(t.Context(), payonce.Filter{Account: account, State: payonce.StateSucceeded, Limit: 1000})
	require.NoError(t, err)
	assert.Len(t, page, len(recs))
}

func TestAfterCloseEveryCallSaysSo(t *testing.T) {
	t.Parallel()
	store, err := sqlitestore.Open(newPath(t))
	require.NoError(t, err)
	rec := claim(t, store, "order-1")
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	later := make(chan error, 1)
	for name, call := range map[string]func() error{
		"claim":      func() error { _, err := store.Claim(t.Context(), record("order-2")); return err },
		"load":       func() error { _, err := store.Load(t.Context(), rec.ID, 1); return err },
		"save":       func() error { return store.Save(t.Context(), rec) },
		"save later": func() error { store.SaveLater(rec, func(err error) { later <- err }); return <-later },
		"renew":      func() error { return store.Renew(t.Context(), "client-1", time.Hour, []payonce.OperationID{rec.ID}) },
		"list":       func() error { _, _, err := store.List(t.Context(), payonce.Filter{Account: account}); return err },
		"purge":      func() error { _, err := store.Purge(t.Context(), time.Now(), 1); return err },
	} {
		err := call()
		require.ErrorIs(t, err, fs.ErrClosed, name)
		require.ErrorContains(t, err, "the store is closed", name)
		require.ErrorContains(t, err, store.Path(), name)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store, err := sqlitestore.Open(path, sqlitestore.WithMaxPages(120))
	require.NoError(t, err)
	acknowledged := 0
	for ; err == nil && acknowledged < 1000; acknowledged++ {
		rec := record(fmt.Sprintf("order-%d", acknowledged))
		rec.Body = bytes.Repeat([]byte{'x'}, 20_000)
		_, err = store.Claim(t.Context(), rec)
	}
	acknowledged--
	require.ErrorContains(t, err, "full")
	require.ErrorContains(t, err, "make room")
	require.ErrorContains(t, err, fmt.Sprintf("claim %s", id(fmt.Sprintf("order-%d", acknowledged))))
	require.Positive(t, acknowledged)
	require.NoError(t, store.Close())

	store = open(t, path)
	for n := range acknowledged {
		rec, err := store.Load(t.Context(), id(fmt.Sprintf("order-%d", n)), 1)
		require.NoError(t, err)
		require.Len(t, rec.Body, 20_000)
	}
	_, err = store.Load(t.Context(), id(fmt.Sprintf("order-%d", acknowledged)), 1)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	claim(t, store, "order-new")
}

func TestNothingIsWrittenToAFileThatWasDeletedOrReplaced(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, path string){
		"the database was deleted": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Rename(path, path+".away"))
		},
		"the database was replaced": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Rename(closed(t), path))
		},
		"the -wal file was deleted": func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(path+"-wal")) },
		"the -shm file was deleted": func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(path+"-shm")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := closed(t)
			store, err := sqlitestore.Open(path)
			require.NoError(t, err)
			rec := claim(t, store, "order-1")
			change(t, path)
			for range 2 {
				err = store.Save(t.Context(), rec)
				require.ErrorContains(t, err, strings.Fields(name)[3])
				require.ErrorContains(t, err, "nothing more is written")
			}
			_, err = store.Claim(t.Context(), record("order-2"))
			require.ErrorContains(t, err, "while it was open")
			require.NoError(t, store.Close())
		})
	}
}

func TestADamagedRowIsNamedByLoadAndLeftOutByList(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := open(t, newPath(t), sqlitestore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for n := range 4 {
		claim(t, store, fmt.Sprintf("order-%d", n))
	}
	store.Exec(t, "update payonce_progress set attempts = '[{' where operation = 2")
	store.Exec(t, "update payonce_operation set header = '{}' where id = 3")
	store.Exec(t, "update payonce_operation set reference = cast(x'ff' as text), created_at = 0 where id = 4")
	for n, field := range map[int]string{1: "attempts", 2: "header"} {
		_, err := store.Load(t.Context(), id(fmt.Sprintf("order-%d", n)), 1)
		require.ErrorContains(t, err, fmt.Sprintf("the record of %s, generation 1, row %d, is damaged: %s", id(fmt.Sprintf("order-%d", n)), n+1, field))
		_, err = store.Claim(t.Context(), record(fmt.Sprintf("order-%d", n)))
		require.ErrorContains(t, err, "is damaged")
	}
	var references []string
	f := payonce.Filter{Account: account, Limit: 1}
	for {
		page, next, err := store.List(t.Context(), f)
		require.NoError(t, err)
		for _, rec := range page {
			references = append(references, rec.ID.Reference)
		}
		if f.After = next; next == "" {
			break
		}
	}
	assert.Equal(t, []string{"order-0"}, references)
	for _, row := range []string{"order-1, generation 1, row 2", "order-2, generation 1, row 3", "row 4"} {
		assert.Contains(t, log.String(), row)
	}
}

func TestAPurgedBodyIsGoneFromTheDisk(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	const canary = "canary-7f3a"
	for n := range 50 {
		rec := record(fmt.Sprintf("order-%d", n))
		rec.Body = bytes.Repeat([]byte(canary), 10+n*100)
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
		succeed(rec)
		rec.Outcome.Body = bytes.Repeat([]byte(canary), 10+n*10)
		require.NoError(t, store.Save(t.Context(), rec))
	}
	assert.Positive(t, occurrences(t, store, canary))
	n, err := store.Purge(t.Context(), time.Now().Add(time.Hour), 1000)
	require.NoError(t, err)
	assert.Equal(t, 50, n)
	assert.Zero(t, occurrences(t, store, canary))
}

// occurrences counts a text in all files of a store. It closes descriptors of the database, which is why the store uses OFD locks.
func occurrences(t *testing.T, store *sqlitestore.Store, text string) int {
	t.Helper()
	n := 0
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(store.Path() + suffix)
		require.NoError(t, err)
		n += bytes.Count(data, []byte(text))
	}
	return n
}

func TestWhenAStoreIsClosedItsLeasesEnd(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	first, err := sqlitestore.Open(path)
	require.NoError(t, err)
	second := open(t, path)
	claim(t, first, "order-1")
	rec, err := second.Load(t.Context(), id("order-1"), 1)
	require.NoError(t, err)
	assert.True(t, rec.Lease.Live)
	require.NoError(t, first.Close())
	rec, err = second.Load(t.Context(), id("order-1"), 1)
	require.NoError(t, err)
	assert.Equal(t, payonce.Lease{Holder: "client-1"}, rec.Lease)
}

func TestHotStatementsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	for name, index := range map[string]string{
		"load": "payonce_operation_identity", "latest": "payonce_operation_identity", "save": "payonce_operation_identity", "renew": "payonce_operation_identity",
		"purge": "payonce_progress_final", "owner": "payonce_operation_key", "list open": "payonce_progress_due", "list in doubt": "payonce_progress_due",
	} {
		kind, _, _ := strings.Cut(name, " ")
		query := sqlitestore.Queries()[kind]
		state := "0"
		if name == "list in doubt" {
			state = "4"
		}
		plan := store.Plan(t, strings.ReplaceAll(query, ":state", state))
		assert.Contains(t, plan, index, name)
		for line := range strings.Lines(plan) {
			if strings.HasPrefix(line, "SCAN") || strings.Contains(line, "TEMP B-TREE") {
				assert.Contains(t, line, "USING COVERING INDEX", name)
			}
		}
	}
}
