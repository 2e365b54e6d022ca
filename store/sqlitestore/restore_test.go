package sqlitestore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// copyTo copies files of a store, as a backup does. What is missing is removed at the other end.
func copyTo(t *testing.T, from, to string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		data, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) {
			require.NoError(t, os.RemoveAll(to+suffix))
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(to+suffix), 0o700))
		require.NoError(t, os.WriteFile(to+suffix, data, 0o600))
	}
}

// database are the suffixes of what a backup has, witness that of what it lacks.
func database() []string { return []string{"", "-wal", "-shm"} }

const witness = "-keepers/created"

// claimAll opens the store, claims and closes it.
func claimAll(t *testing.T, path string, references ...string) {
	t.Helper()
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	for _, reference := range references {
		claim(t, store, reference)
	}
	require.NoError(t, store.Close())
}

// restored says of which operations the store says that they were restored, and how often it logged it.
func restored(t *testing.T, path string) (references []string, warnings int) {
	t.Helper()
	var log bytes.Buffer
	store, err := sqlitestore.Open(path, sqlitestore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account})
	require.NoError(t, err)
	for _, rec := range page {
		loaded, err := store.Load(t.Context(), rec.ID, 1)
		require.NoError(t, err)
		assert.Equal(t, loaded.Restored, rec.Restored)
		found, err := store.Claim(t.Context(), record(rec.ID.Reference))
		require.NoError(t, err)
		assert.Equal(t, loaded.Restored, found.Restored)
		if rec.Restored {
			references = append(references, rec.ID.Reference)
		}
	}
	require.NoError(t, store.Close())
	return references, bytes.Count(log.Bytes(), []byte("restored from an earlier state"))
}

func TestADatabaseThatWasPutBackIsNoticedAndItsRecordsSaySo(t *testing.T) {
	t.Parallel()
	path, backup := closed(t, "order-1", "order-2"), filepath.Join(t.TempDir(), "backup.db")
	references, warnings := restored(t, path)
	assert.Empty(t, references)
	assert.Zero(t, warnings)
	copyTo(t, path, backup, database()...)
	claimAll(t, path, "order-3")
	copyTo(t, backup, path, database()...)

	references, warnings = restored(t, path)
	assert.Equal(t, []string{"order-1", "order-2"}, references)
	assert.Equal(t, 1, warnings)
	claimAll(t, path, "order-3", "order-4")
	references, warnings = restored(t, path)
	assert.Equal(t, []string{"order-1", "order-2"}, references, "and nothing that came later")
	assert.Zero(t, warnings)

	copyTo(t, path, backup, database()...)
	claimAll(t, path, "order-5")
	copyTo(t, backup, path, database()...)
	references, _ = restored(t, path)
	assert.Equal(t, []string{"order-1", "order-2", "order-3", "order-4"}, references, "restored once more")
}

func TestWhatIsWrittenToARestoredStoreIsNoLongerRestored(t *testing.T) {
	t.Parallel()
	path, backup := closed(t, "order-1", "order-2"), filepath.Join(t.TempDir(), "backup.db")
	copyTo(t, path, backup, database()...)
	claimAll(t, path, "order-3")
	copyTo(t, backup, path, database()...)
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	rec, err := store.Load(t.Context(), id("order-1"), 1)
	require.NoError(t, err)
	require.True(t, rec.Restored)
	require.NoError(t, store.Save(t.Context(), rec))
	require.NoError(t, store.Close())
	references, _ := restored(t, path)
	assert.Equal(t, []string{"order-2"}, references)

	copyTo(t, path, backup, database()...) // now a backup of that
	claimAll(t, path, "order-4")
	copyTo(t, backup, path, database()...)
	references, _ = restored(t, path)
	assert.Equal(t, []string{"order-1", "order-2"}, references)
}

func TestADatabaseFromElsewhereCountsAsRestored(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, path string){
		"without a witness":       func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.RemoveAll(path+"-keepers")) },
		"with an empty witness":   func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Truncate(path+witness, 0)) },
		"with half a witness":     func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Truncate(path+witness, 30)) },
		"with a garbled witness":  garbleWitness,
		"copied to another place": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := closed(t, "order-1")
			if change == nil {
				elsewhere := filepath.Join(t.TempDir(), "elsewhere.db")
				copyTo(t, path, elsewhere, "")
				path = elsewhere
			} else {
				change(t, path)
			}
			references, warnings := restored(t, path)
			assert.Equal(t, []string{"order-1"}, references)
			assert.Equal(t, 1, warnings)
			claimAll(t, path, "order-2")
			references, warnings = restored(t, path)
			assert.Equal(t, []string{"order-1"}, references)
			assert.Zero(t, warnings)
		})
	}
}

func garbleWitness(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path + witness)
	require.NoError(t, err)
	text[3] = 'x'
	require.NoError(t, os.WriteFile(path+witness, text, 0o600))
}

func TestAnEmptyDatabaseWithoutAWitnessIsNew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, path string){
		"no witness":     func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(path+witness)) },
		"an empty one":   func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Truncate(path+witness, 0)) },
		"a complete one": func(*testing.T, string) {},
		"an empty file": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.RemoveAll(path+"-keepers"))
			require.NoError(t, os.Truncate(path, 0))
		},
		"nothing of both": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.RemoveAll(path+"-keepers"))
			require.NoError(t, os.Remove(path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := closed(t)
			change(t, path)
			claimAll(t, path, "order-1")
			references, warnings := restored(t, path)
			assert.Empty(t, references)
			assert.Zero(t, warnings)
		})
	}
}

func TestAKilledProcessLeavesAWitnessThatKnowsItsLastCommit(t *testing.T) {
	t.Parallel()
	path, copied := newPath(t), filepath.Join(t.TempDir(), "copy.db")
	store := open(t, path)
	copyTo(t, store.Path(), copied, database()...)
	for n := range 3 {
		claim(t, store, fmt.Sprintf("order-%d", n))
		copyTo(t, store.Path(), copied, witness) // as it is in the page cache
		behind := filepath.Join(t.TempDir(), "behind.db")
		copyTo(t, copied, behind, append(database(), witness)...)
		references, warnings := restored(t, behind)
		assert.Equal(t, min(n, 1), warnings, "the copy is empty at first, and one operation behind later")
		assert.Len(t, references, n)
		copyTo(t, store.Path(), copied, database()...)
		whole := filepath.Join(t.TempDir(), "whole.db")
		copyTo(t, copied, whole, append(database(), witness)...)
		_, warnings = restored(t, whole)
		assert.Zero(t, warnings, "as a crash leaves it")
	}
}

func TestALostWALIsNoticed(t *testing.T) {
	t.Parallel()
	path, copied := closed(t, "order-1"), filepath.Join(t.TempDir(), "copy.db")
	store := open(t, path)
	claim(t, store, "order-2")
	copyTo(t, path, copied, "", witness) // all but -wal and -shm
	references, warnings := restored(t, copied)
	assert.Equal(t, []string{"order-1"}, references)
	assert.Equal(t, 1, warnings)
}

func TestIfTheProcessDiesBeforeTheWitnessIsBroughtDownTheRestoreIsNotedAgain(t *testing.T) {
	t.Parallel()
	path, backup := closed(t, "order-1"), filepath.Join(t.TempDir(), "backup.db")
	copyTo(t, path, backup, "")
	claimAll(t, path, "order-2")
	copyTo(t, path, backup, witness)
	copyTo(t, backup, path, "")
	for range 2 {
		copyTo(t, backup, path, witness) // the note is in the database, the witness as it was
		references, warnings := restored(t, path)
		assert.Equal(t, []string{"order-1"}, references)
		assert.Equal(t, 1, warnings)
	}
}

func TestOfManyWhoOpenARestoredDatabaseAtOnceAllKnowIt(t *testing.T) {
	t.Parallel()
	path, backup := closed(t, "order-1"), filepath.Join(t.TempDir(), "backup.db")
	copyTo(t, path, backup, "")
	claimAll(t, path, "order-2")
	copyTo(t, backup, path, "")
	var openers sync.WaitGroup
	for n := range 8 {
		openers.Go(func() {
			store, err := sqlitestore.Open(path)
			if !assert.NoError(t, err) {
				return
			}
			rec, err := store.Load(t.Context(), id("order-1"), 1)
			assert.NoError(t, err)
			assert.True(t, rec.Restored)
			fresh := record(fmt.Sprintf("order-new-%d", n))
			_, err = store.Claim(t.Context(), fresh)
			assert.NoError(t, err)
			rec, err = store.Load(t.Context(), fresh.ID, 1)
			assert.NoError(t, err)
			assert.False(t, rec.Restored)
			assert.NoError(t, store.Close())
		})
	}
	openers.Wait()
}

func TestAnotherDatabaseInItsPlaceIsRefused(t *testing.T) {
	t.Parallel()
	path, other := closed(t, "order-1"), closed(t, "order-2")
	copyTo(t, other, path, "")
	for range 2 {
		_, err := sqlitestore.Open(path)
		require.ErrorContains(t, err, "another database")
		require.ErrorContains(t, err, "-keepers")
	}
	require.NoError(t, os.RemoveAll(path+"-keepers"))
	references, _ := restored(t, path)
	assert.Equal(t, []string{"order-2"}, references)
}

func TestTheClockOfTheRestoredRecordsDoesNotMatter(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	rec := record("order-1")
	rec.CreatedAt = time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC) // a clock that was wrong
	_, err = store.Claim(t.Context(), rec)
	require.NoError(t, err)
	claim(t, store, "order-2")
	require.NoError(t, store.Close())
	references, warnings := restored(t, path)
	assert.Empty(t, references)
	assert.Zero(t, warnings)
	got, err := open(t, path).Load(t.Context(), id("order-2"), 1)
	require.NoError(t, err)
	assert.Equal(t, rec.CreatedAt, got.Newest)
}
