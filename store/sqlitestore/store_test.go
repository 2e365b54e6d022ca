package sqlitestore_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
	"github.com/payonce/payonce/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// TestStoreOnAnotherEngine runs the suite on the library that the tests of a failing disk use.
func TestStoreOnAnotherEngine(t *testing.T) {
	t.Parallel()
	other := sqlitestore.WithEngine(otherEngine("os"))
	storetest.RunOptions(t, storetest.Options{
		Open: func(t *testing.T) payonce.KeyStore {
			t.Helper()
			return open(t, newPath(t), other)
		},
		Reopen: func(t *testing.T, store payonce.KeyStore) payonce.KeyStore {
			t.Helper()
			return open(t, store.(*sqlitestore.Store).Path(), other)
		},
	})
}

const account = "provider/sandbox/merchant-1"

// newPath returns where a store can be made. The name needs escaping in a URI.
func newPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "new dir", "pay ments?#%41.db")
}

// open opens a store until the end of the test.
func open(tb testing.TB, path string, opts ...sqlitestore.Option) *sqlitestore.Store {
	tb.Helper()
	store, err := sqlitestore.Open(path, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

func id(reference string) payonce.OperationID {
	return payonce.OperationID{Account: account, Kind: "payment.create", Reference: reference}
}

// record returns what a client would claim.
func record(reference string) *payonce.Record {
	return &payonce.Record{
		ID: id(reference), Generation: 1, Key: reference + "_payment",
		Scope: make([]byte, 32), Fingerprint: make([]byte, 32), Seal: make([]byte, 32),
		Origin: "https://api.example.com", Method: http.MethodPost, Path: "/v1/payments",
		Header: http.Header{"Content-Type": {"application/json"}}, Body: fmt.Appendf(nil, `{"reference":%q,"pad":"%0800d"}`, reference, 0),
		CreatedAt: time.Now(), Progress: payonce.Progress{
			Sent: 1, Reached: 1, Possible: 1, FirstAt: time.Now(), LastAt: time.Now(), DueAt: time.Now(),
			Attempts: []payonce.Attempt{{N: 1, StartedAt: time.Now()}},
		},
		Lease: payonce.Lease{Holder: "client-1", For: 15 * time.Second},
	}
}

// succeed is what a client saves in the end.
func succeed(rec *payonce.Record) {
	rec.State = payonce.StateSucceeded
	rec.Attempts = []payonce.Attempt{{N: 1, StartedAt: rec.FirstAt, Took: time.Millisecond, Class: payonce.ClassSucceeded, Status: 201}}
	rec.Outcome = &payonce.Outcome{
		Class: payonce.ClassSucceeded, Status: 201, Body: fmt.Appendf(nil, `{"id":"pay_1","pad":"%0400d"}`, 0), ResourceID: "pay_1",
		AnsweredAt: time.Now(),
	}
	rec.Lease = payonce.Lease{}
}

// claim inserts a record.
func claim(tb testing.TB, store *sqlitestore.Store, reference string) *payonce.Record {
	tb.Helper()
	rec := record(reference)
	got, err := store.Claim(tb.Context(), rec)
	require.NoError(tb, err)
	require.Same(tb, rec, got)
	return rec
}
