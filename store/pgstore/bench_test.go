package pgstore_test

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/store/pgstore"
)

// BenchmarkOperation is what a payment costs: a claim and a save with the answer. "alone" has a commit for each write.
func BenchmarkOperation(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		for name, batch := range map[string]int{"grouped": 256, "alone": 1} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				store := open(b, pgstore.WithBatch(batch))
				var next atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for range callers {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							operate(b, store, fmt.Sprintf("order-%d", n))
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
				b.ReportMetric(float64(store.Commits())/float64(b.N), "commits/op")
			})
		}
	}
}

// BenchmarkRepeat is the claim of an operation that has an answer.
func BenchmarkRepeat(b *testing.B) {
	store := open(b)
	operate(b, store, "order-1")
	for b.Loop() {
		if _, err := store.Claim(b.Context(), record("order-1")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	store := open(b)
	operate(b, store, "order-1")
	for b.Loop() {
		if _, err := store.Load(b.Context(), id("order-1"), 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is making the tables and opening the store.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		_ = open(b).Close()
	}
}

// BenchmarkAmongMany is BenchmarkOperation and BenchmarkLoad in a store with PAYONCE_RECORDS records: compare it with none.
func BenchmarkAmongMany(b *testing.B) {
	host := server.Server(b)
	pool := newPool(b, host.URL())
	store := openIn(b, pool, host.Schema(b))
	many, err := strconv.Atoi(cmp.Or(os.Getenv("PAYONCE_RECORDS"), "0"))
	require.NoError(b, err)
	fill(b, pool, store, many)
	b.Run(fmt.Sprintf("claim and save/records=%d", many), func(b *testing.B) {
		for n := range b.N {
			operate(b, store, fmt.Sprintf("among-%d-%d", b.N, n))
		}
	})
	b.Run(fmt.Sprintf("load/records=%d", many), func(b *testing.B) {
		for n := range b.N {
			if _, err := store.Load(b.Context(), id(fmt.Sprintf("order-%d", n*7919%max(many, 1)+1)), 0); err != nil && many > 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run(fmt.Sprintf("purge/records=%d", many), func(b *testing.B) {
		for range b.N {
			if _, err := store.Purge(b.Context(), time.Now(), 100); err != nil {
				b.Fatal(err)
			}
		}
	})
}
