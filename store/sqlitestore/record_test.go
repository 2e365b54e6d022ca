package sqlitestore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// exclusive claims a record that Find finds, and closes it, so that Purge would take it.
func exclusive(t *testing.T, store *sqlitestore.Store, reference string) *payonce.Record {
	t.Helper()
	rec := record(reference)
	rec.Exclusive, rec.Header = true, map[string][]string{"Content-Type": {"application/json"}}
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	succeed(rec)
	require.NoError(t, store.Save(t.Context(), rec))
	return rec
}

func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ change, want string }{
		{"update payonce_operation set format = 2 where id = 1", "written by a newer version (format 2; this one knows 1)"},
		{"update payonce_operation set format = 2, header = 'sealed', checksum = 0 where id = 1", "newer version (format 2; this one knows 1)"},
		{"update payonce_operation set sealed_by = 'key-1' where id = 1", "newer version (a sealed body; this one knows none)"},
		{"update payonce_outcome set sealed_by = 'key-1' where operation = 1", "newer version (a sealed body; this one knows none)"},
		{"update payonce_progress set state = 5, key_spent = 1 where operation = 1", "newer version (state 5)"},
		{"update payonce_outcome set class = 9 where operation = 1", "newer version (class 9)"},
		{"update payonce_progress set attempts = '[{\"n\":1,\"class\":99}]' where operation = 1", "newer version (class 99)"},
		{"update payonce_operation set replay = 3 where id = 1", "newer version (replay 3)"},
	} {
		t.Run(c.change, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			store := open(t, newPath(t), sqlitestore.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			rec, fine := exclusive(t, store, "order-1"), exclusive(t, store, "order-2")
			store.Exec(t, c.change)
			_, err := store.Load(t.Context(), rec.ID, 1)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "update this program")
			_, err = store.Find(t.Context(), rec.Scope, rec.Key)
			require.ErrorContains(t, err, c.want)
			_, err = store.Claim(t.Context(), record("order-1"))
			require.ErrorContains(t, err, c.want)

			var listed []string
			for state := payonce.StateOpen; state <= payonce.StateInDoubt; state++ {
				page, next, err := store.List(t.Context(), payonce.Filter{Account: account, State: state})
				require.NoError(t, err)
				require.Empty(t, next)
				for _, r := range page {
					listed = append(listed, r.ID.Reference)
				}
			}
			assert.Equal(t, []string{"order-2"}, listed)
			if !strings.Contains(c.change, "state = 5") { // no list of this version looks for that state
				assert.Contains(t, log.String(), "left out of a list")
			}
			claim(t, store, "order-3")
			require.NoError(t, store.Save(t.Context(), fine))
		})
	}
}

func TestARecordOfANewerVersionIsNeitherSavedNorPurged(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"update payonce_operation set format = 2 where id = 1", "update payonce_operation set sealed_by = 'key-1' where id = 1",
		"update payonce_outcome set sealed_by = 'key-1' where operation = 1", "update payonce_outcome set class = 9 where operation = 1",
		"update payonce_progress set state = 5, key_spent = 1 where operation = 1",
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			store := open(t, newPath(t))
			rec, fine := exclusive(t, store, "order-1"), exclusive(t, store, "order-2")
			store.Exec(t, change)
			n, err := store.Purge(t.Context(), time.Now().Add(time.Hour), 10)
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			assert.Equal(t, 1, store.Number(t, "select count(*) from payonce_operation o, payonce_outcome r on r.operation = o.id where o.id = 1 and o.body is not null and r.body is not null"))
			fine, err = store.Load(t.Context(), fine.ID, 1)
			require.NoError(t, err)
			assert.Nil(t, fine.Body, "the rest was purged")
			if strings.Contains(change, "format") {
				require.ErrorIs(t, store.Save(t.Context(), rec), payonce.ErrStale)
			}
		})
	}
}

func TestEveryColumnThatWasChangedBehindTheStoresBackIsNoticed(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	rec := exclusive(t, store, "order-1")
	rec.Header = map[string][]string{"Content-Type": {"application/json"}}
	for table, columns := range map[string][]string{
		"payonce_operation where id = 1":       {"key", "scope", "fingerprint", "seal", "prepared", "empty_ok", "replay", "created_at", "not_after", "origin", "method", "path", "header", "body", "checksum", "exclusive"},
		"payonce_progress where operation = 1": {"state", "version", "sent", "reached", "possible", "accepted", "key_spent", "first_at", "last_at", "due_at", "reason", "note", "attempts", "checksum"},
		"payonce_outcome where operation = 1":  {"class", "status", "code", "message", "request_id", "resource_id", "answered_at", "replayed", "body"},
	} {
		for _, column := range columns {
			name, where, _ := strings.Cut(table, " ")
			store.Exec(t, fmt.Sprintf("create temp table saved as select %s as was from %s", column, table))
			// Another value of the same type: a number of one digit more, a text or blob with its first byte replaced.
			store.Exec(t, fmt.Sprintf("update %s set %s = case typeof(%s) when 'integer' then (%s + 1) %% 2 when 'null' then 'x' when 'blob' then cast(x'01' || substr(%s, 2) as blob) else ' ' || substr(%s, 2) end %s",
				name, column, column, column, column, column, where))
			_, err := store.Load(t.Context(), rec.ID, 1)
			require.ErrorContains(t, err, "is damaged", "%s.%s", name, column)
			store.Exec(t, fmt.Sprintf("update %s set %s = (select was from saved) %s", name, column, where))
			store.Exec(t, "drop table saved")
			_, err = store.Load(t.Context(), rec.ID, 1)
			require.NoError(t, err, "%s.%s was put back", name, column)
		}
	}
	store.Exec(t, "delete from payonce_outcome")
	_, err := store.Load(t.Context(), rec.ID, 1)
	require.ErrorContains(t, err, "its checksum differs", "the outcome is gone")
	store.Exec(t, "delete from payonce_progress")
	_, err = store.Load(t.Context(), rec.ID, 1)
	require.ErrorContains(t, err, "is damaged", "the progress is gone")
	_, err = store.Claim(t.Context(), record("order-1"))
	require.ErrorContains(t, err, "is damaged")
}

func TestAPageIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	var want []string
	for n, size := range []int{1 << 20, 3 << 20, 1 << 20, 6 << 20, 1, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20} {
		rec := record(fmt.Sprintf("order-%d", n))
		rec.Body = bytes.Repeat([]byte{'x'}, size)
		rec.DueAt = time.Unix(int64(n), 0)
		_, err := store.Claim(t.Context(), rec)
		require.NoError(t, err)
		want = append(want, rec.ID.Reference)
	}
	var got []string
	var sizes []int
	for f := (payonce.Filter{Account: account}); ; {
		page, next, err := store.List(t.Context(), f)
		require.NoError(t, err)
		sizes = append(sizes, len(page))
		for _, rec := range page {
			got = append(got, rec.ID.Reference)
		}
		if f.After = next; next == "" {
			break
		}
	}
	assert.Equal(t, want, got)
	assert.Equal(t, []int{2, 2, 5, 1}, sizes, "each page ends with the record that makes 4 MiB full")
}
