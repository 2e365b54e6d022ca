package storetest

import (
	"errors"
	"time"

	"github.com/payonce/payonce"
)

// timedChecks run in a bubble, where time moves only when everybody waits.
func timedChecks() []check {
	return []check{
		{"a lease is live to its end, by claim and by save", leaseEnds},
		{"a save without a lease releases it", leaseReleased},
		{"a claim that finds a record leaves its lease", leaseNotTaken},
		{"a renewal extends what the holder has and leaves the version", renewExtends},
		{"a renewal extends nothing of somebody else, nothing released and nothing that ran out", renewNothing},
		{"the save of a holder whose lease was taken over is stale", leaseTakeover},
		{"a purge goes by the time of the last change", purgeAge},
	}
}

// elapse lets the bubble's time pass.
func elapse(d time.Duration) { <-time.NewTimer(d).C }

// lease returns the stored lease.
func lease(t *judge, store payonce.KeyStore, reference string) payonce.Lease {
	t.Helper()
	rec := mustLoad(t, store, id(reference), 0)
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account, State: rec.State})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, listed := range page {
		if listed.ID == rec.ID {
			equal(t, "lease in the list", listed.Lease, rec.Lease)
		}
	}
	return rec.Lease
}

func leaseEnds(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, leased(small("order-1"), "client-1", 15*time.Second))
	elapse(15*time.Second - time.Millisecond)
	equal(t, "lease before its end", lease(t, store, "order-1"), payonce.Lease{Holder: "client-1", Live: true})
	elapse(2 * time.Millisecond)
	equal(t, "live after its end", lease(t, store, "order-1").Live, false)

	mustSave(t, store, leased(rec, "client-2", time.Minute))
	elapse(time.Minute - time.Millisecond)
	equal(t, "lease before its end", lease(t, store, "order-1"), payonce.Lease{Holder: "client-2", Live: true})
	elapse(2 * time.Millisecond)
	equal(t, "live after its end", lease(t, store, "order-1").Live, false)
}

func leaseReleased(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, leased(small("order-1"), "client-1", time.Minute))
	mustSave(t, store, leased(rec, "client-1", 0))
	equal(t, "released lease", lease(t, store, "order-1"), payonce.Lease{})
	mustClaim(t, store, small("order-2"))
	equal(t, "claim without a lease", lease(t, store, "order-2"), payonce.Lease{})
}

func leaseNotTaken(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, leased(small("order-1"), "client-1", time.Minute))
	elapse(30 * time.Second)
	got, err := store.Claim(t.Context(), leased(small("order-1"), "client-2", time.Hour))
	if err != nil {
		t.Fatalf("second claim: %v", err)
	}
	equal(t, "lease", got.Lease, payonce.Lease{Holder: "client-1", Live: true})
	elapse(31 * time.Second)
	got, err = store.Claim(t.Context(), leased(small("order-1"), "client-2", time.Hour))
	if err != nil {
		t.Fatalf("third claim: %v", err)
	}
	equal(t, "live", got.Lease.Live, false)
}

func renew(t *judge, store payonce.KeyStore, holder string, length time.Duration, references ...string) {
	t.Helper()
	ids := make([]payonce.OperationID, 0, len(references))
	for _, reference := range references {
		ids = append(ids, id(reference))
	}
	if err := store.Renew(t.Context(), holder, length, ids); err != nil {
		t.Fatalf("renew: %v", err)
	}
}

func renewExtends(t *judge, store payonce.KeyStore) {
	for _, reference := range []string{"order-1", "order-2", "order-3"} {
		mustClaim(t, store, leased(small(reference), "client-1", 15*time.Second))
	}
	elapse(10 * time.Second)
	renew(t, store, "client-1", 15*time.Second, "order-1", "order-2", "order-9")
	renew(t, store, "client-1", 15*time.Second)
	elapse(15*time.Second - time.Millisecond)
	for _, reference := range []string{"order-1", "order-2"} {
		rec := mustLoad(t, store, id(reference), 1)
		equal(t, "renewed lease", rec.Lease, payonce.Lease{Holder: "client-1", Live: true})
		equal(t, "version", rec.Version, 1)
	}
	equal(t, "the other one", lease(t, store, "order-3").Live, false)
	elapse(2 * time.Millisecond)
	equal(t, "live after its end", lease(t, store, "order-1").Live, false)
}

func renewNothing(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, leased(small("order-1"), "client-1", time.Minute))
	renew(t, store, "client-2", time.Hour, "order-1")
	elapse(time.Minute + time.Millisecond)
	equal(t, "renewed by somebody else", lease(t, store, "order-1").Live, false)
	renew(t, store, "client-1", time.Hour, "order-1")
	equal(t, "renewed after its end", lease(t, store, "order-1").Live, false)
	free := mustClaim(t, store, leased(small("order-2"), "client-1", time.Minute))
	mustSave(t, store, leased(free, "", 0))
	renew(t, store, "client-1", time.Hour, "order-2")
	renew(t, store, "", time.Hour, "order-2")
	equal(t, "renewed after its release", lease(t, store, "order-2"), payonce.Lease{})
}

func leaseTakeover(t *judge, store payonce.KeyStore) {
	first := mustClaim(t, store, leased(small("order-1"), "client-1", time.Minute))
	elapse(time.Minute + time.Millisecond)
	second := mustLoad(t, store, id("order-1"), 0)
	mustSave(t, store, leased(second, "client-2", time.Minute))
	first.Note = "from the grave"
	if err := store.Save(t.Context(), leased(first, "client-1", time.Minute)); !errors.Is(err, payonce.ErrStale) {
		t.Fatalf("save of the old holder: %v, want ErrStale", err)
	}
	renew(t, store, "client-1", time.Hour, "order-1")
	got := mustLoad(t, store, id("order-1"), 0)
	equal(t, "lease", got.Lease, payonce.Lease{Holder: "client-2", Live: true})
	equal(t, "note", got.Note, "")
}

func purgeAge(t *judge, store payonce.KeyStore) {
	first := closedRecord(t, store, "order-1", payonce.StateSucceeded)
	elapse(time.Hour)
	closedRecord(t, store, "order-2", payonce.StateSucceeded)
	border := time.Now()
	elapse(time.Hour)
	closedRecord(t, store, "order-3", payonce.StateSucceeded)
	first.Note = "touched"
	mustSave(t, store, first)
	purge(t, store, border.Add(time.Second), 10, 1)
	for reference, purged := range map[string]bool{"order-1": false, "order-2": true, "order-3": false} {
		equal(t, reference+" purged", mustLoad(t, store, id(reference), 1).Body == nil, purged)
	}
}
