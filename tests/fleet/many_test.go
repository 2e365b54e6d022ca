//go:build unix

package fleet_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// slower is by how much many records may slow a claim or a lookup down.
const slower = 1.5

// samples is how many times each is measured.
const samples = 200

// shelf opens stores of one kind.
type shelf struct {
	name string
	open func(t *testing.T) payonce.KeyStore
}

func shelves() []shelf {
	return []shelf{
		{"sqlite", func(t *testing.T) payonce.KeyStore {
			t.Helper()
			store, err := sqlitestore.Open(filepath.Join(t.TempDir(), "payments.db"))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		}},
		{"postgresql", func(t *testing.T) payonce.KeyStore {
			t.Helper()
			host := server.Server(t)
			return openStore(t, openPool(t, host.URL()), host.Schema(t))
		}},
	}
}

// paid is the record of an operation that succeeded.
func paid(reference string) *payonce.Record {
	now := time.Now()
	return &payonce.Record{
		ID: payonce.OperationID{Account: account, Kind: "payment.create", Reference: reference}, Generation: 1, Key: reference + "_payment",
		Scope: []byte("scope-1"), Fingerprint: make([]byte, 32), Seal: make([]byte, 32), Origin: "https://api.example.com", Method: "POST", Path: "/v1/payments",
		Body: fmt.Appendf(nil, `{"amount":5000,"reference":%q,"pad":"%0400d"}`, reference, 0), CreatedAt: now,
		Progress: payonce.Progress{
			State: payonce.StateSucceeded, Sent: 1, Reached: 1, Possible: 1, FirstAt: now, LastAt: now, DueAt: now,
			Outcome: &payonce.Outcome{Class: payonce.ClassSucceeded, Status: 201, Body: fmt.Appendf(nil, `{"id":"pay_1","pad":"%0400d"}`, 0), AnsweredAt: now},
		},
	}
}

// crammed is a store with so many records, order-0 and so on.
func crammed(t *testing.T, s shelf, records int) payonce.KeyStore {
	t.Helper()
	store := s.open(t)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := next.Add(1) - 1; n < int64(records); n = next.Add(1) - 1 {
				_, err := store.Claim(t.Context(), paid(reference(int(n))))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	return store
}

// TestManyRecordsSlowNothingDown compares a store with PAYONCE_RECORDS records with an empty one, call by call in turns, up to five times: a busy
// machine may favour one of them once.
func TestManyRecordsSlowNothingDown(t *testing.T) {
	records := number(t, "PAYONCE_RECORDS", 2000)
	for _, s := range shelves() {
		t.Run(s.name, func(t *testing.T) {
			empty, many := s.open(t), crammed(t, s, records)
			for try := 1; ; try++ {
				claims := inTurns(t, func(store payonce.KeyStore, n int) error {
					_, err := store.Claim(t.Context(), paid(fmt.Sprintf("new-%d-%d", try, n)))
					return err
				}, empty, many)
				lookups := inTurns(t, func(store payonce.KeyStore, n int) error {
					_, err := store.Load(t.Context(), paid(fmt.Sprintf("new-%d-%d", try, n)).ID, 0)
					return err
				}, empty, many)
				ofAnyAge(t, many, records)
				old := inTurns(t, func(store payonce.KeyStore, n int) error {
					reference := fmt.Sprintf("new-%d-%d", try, n)
					if store == many {
						reference = anyAge(n+try*samples, records)
					}
					_, err := store.Load(t.Context(), paid(reference).ID, 0)
					return err
				}, empty, many)
				t.Logf("%d records: a claim takes %s, %s when empty; a lookup %s, %s when empty; one of any age %s, %s when empty",
					records, claims[1], claims[0], lookups[1], lookups[0], old[1], old[0])
				if ratio(claims) <= slower && ratio(lookups) <= slower && ratio(old) <= slower {
					return
				}
				require.Less(t, try, 5, "five times more than %v", slower)
			}
		})
	}
}

// ofAnyAge looks all over the store for a while, as a process does that lives: the first lookups of all find no page in its caches.
func ofAnyAge(t *testing.T, store payonce.KeyStore, records int) {
	t.Helper()
	for n := range min(records, 20_000) {
		_, err := store.Load(t.Context(), paid(anyAge(-n, records)).ID, 0)
		require.NoError(t, err)
	}
}

// anyAge is an operation somewhere in the store.
func anyAge(n, records int) string { return reference((n*7919%records + records) % records) }

func ratio(medians []time.Duration) float64 { return float64(medians[1]) / float64(medians[0]) }

// inTurns returns the median of each store's.
func inTurns(t *testing.T, ask func(payonce.KeyStore, int) error, stores ...payonce.KeyStore) []time.Duration {
	t.Helper()
	took := make([][]time.Duration, len(stores))
	for n := range samples {
		for i, store := range stores {
			began := time.Now()
			require.NoError(t, ask(store, n))
			took[i] = append(took[i], time.Since(began))
		}
	}
	medians := make([]time.Duration, len(stores))
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][samples/2].Round(time.Microsecond)
	}
	return medians
}

// TestClaimsGoOnWhileManyBodiesAreForgotten purges all records while operations are claimed.
func TestClaimsGoOnWhileManyBodiesAreForgotten(t *testing.T) {
	records := number(t, "PAYONCE_RECORDS", 2000)
	for _, s := range shelves() {
		t.Run(s.name, func(t *testing.T) {
			store := crammed(t, s, records)
			before := claimUntil(t, store, "before", func(n int) bool { return n == samples })
			purged := make(chan int, 1)
			began := time.Now()
			go func() {
				n, err := store.Purge(context.WithoutCancel(t.Context()), time.Now().Add(time.Hour), records)
				assert.NoError(t, err)
				purged <- n
			}()
			during := claimUntil(t, store, "during", func(n int) bool { return n > 0 && len(purged) > 0 })
			t.Logf("%d bodies forgotten in %s; claims beside it: %d, 99th percentile %s, without it %s",
				records, time.Since(began).Round(time.Millisecond), len(during), percentile(during), percentile(before))
			assert.Equal(t, records, <-purged)
			assert.Less(t, percentile(during), time.Second, "no claim waits for the whole of it, on the busiest machine")
		})
	}
}

func percentile(sorted []time.Duration) time.Duration {
	return sorted[len(sorted)*99/100].Round(time.Microsecond)
}

// claimUntil claims one operation after the other, and returns how long each took, in order of length.
func claimUntil(t *testing.T, store payonce.KeyStore, prefix string, enough func(int) bool) (took []time.Duration) {
	t.Helper()
	for !enough(len(took)) {
		began := time.Now()
		_, err := store.Claim(t.Context(), paid(fmt.Sprintf("%s-%d", prefix, len(took))))
		require.NoError(t, err)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}
