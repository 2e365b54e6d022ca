package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
	"github.com/payonce/payonce/store/storetest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.RunOptions(t, storetest.Options{
		Open: func(t *testing.T) payonce.KeyStore {
			t.Helper()
			return open(t, newPath(t))
		},
		Reopen: func(t *testing.T, store payonce.KeyStore) payonce.KeyStore {
			t.Helper()
			return open(t, store.(*sqlitestore.Store).Path())
		},
	})
}

// newPath returns where a store can be made. The name needs escaping in a URI.
func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "new dir", "pay ments?#%.db")
}

// open opens a store until the end of the test.
func open(t testing.TB, path string, opts ...sqlitestore.Option) *sqlitestore.Store {
	t.Helper()
	store, err := sqlitestore.Open(path, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}
