package sqlitestore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/payonce/payonce/store/sqlitestore"
)

// BenchmarkOperation is what a payment costs: a claim and a save with the answer. "alone" has a commit for each write.
func BenchmarkOperation(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		for name, batch := range map[string]int{"grouped": 256, "alone": 1} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				store := open(b, newPath(b), sqlitestore.WithBatch(batch))
				var next atomic.Int64
				var wg sync.WaitGroup
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

func operate(b *testing.B, store *sqlitestore.Store, reference string) {
	b.Helper()
	rec := record(reference)
	if _, err := store.Claim(b.Context(), rec); err != nil {
		b.Error(err)
	}
	succeed(rec)
	if err := store.Save(b.Context(), rec); err != nil {
		b.Error(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	store := open(b, newPath(b))
	operate(b, store, "order-1")
	for b.Loop() {
		if _, err := store.Load(b.Context(), id("order-1"), 1); err != nil {
			b.Fatal(err)
		}
	}
}
