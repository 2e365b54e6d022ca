package sqlitestore_test

import (
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver" // another SQLite library, under the name sqlite3
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/store/sqlitestore"
)

func TestAFileThatAnotherLibraryOfTheProcessHasOpenIsRefused(t *testing.T) {
	t.Parallel()
	path := closed(t, "order-1")
	other, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path}).String())
	require.NoError(t, err)
	defer func() { _ = other.Close() }()
	var n int
	require.NoError(t, other.QueryRowContext(t.Context(), "select count(*) from payonce_operation").Scan(&n))
	assert.Equal(t, 1, n)
	_, err = sqlitestore.Open(path)
	require.ErrorContains(t, err, `this process has it open already, and it has another SQLite library, driver "sqlite3"`)
	require.ErrorContains(t, err, "through sqlitestore only")
	require.NoError(t, other.Close())
	open(t, path)
	open(t, path) // our own descriptors don't count
}

func TestCloseLeavesNoDescriptorOpen(t *testing.T) {
	t.Parallel()
	path := closed(t, "order-1")
	assert.Equal(t, 0, descriptors(t, path))
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	assert.Positive(t, descriptors(t, path))
	require.NoError(t, store.Close())
	assert.Equal(t, 0, descriptors(t, path))
	_, err = sqlitestore.Open(path, sqlitestore.WithMigration("nonsense"))
	require.ErrorContains(t, err, "syntax error")
	assert.Equal(t, 0, descriptors(t, path), "after a failed open")
}

// descriptors counts what the process has open of a store.
func descriptors(t *testing.T, path string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, path) {
			n++
		}
	}
	return n
}

func TestALocalFilesystemIsKnownAsOne(t *testing.T) {
	t.Parallel()
	got, err := sqlitestore.NetworkFilesystem(t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = sqlitestore.NetworkFilesystem(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
