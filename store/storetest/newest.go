package storetest

import (
	"time"

	"github.com/payonce/payonce"
)

func newestChecks() []check {
	return []check{
		{"every record comes with the newest time of all that were written", newestOfAll},
		{"the newest time goes back for nothing", newestStays},
		{"a save that was stale leaves the newest time", newestStale},
		{"what a caller says of newest and restored is not stored", newestIsTheStores},
	}
}

// wantNewest fails the test unless load, list, find and a claim that finds the record return the time.
func wantNewest(t *judge, store payonce.KeyStore, reference string, want time.Time) {
	t.Helper()
	rec := mustLoad(t, store, id(reference), 0)
	equal(t, "newest of load", rec.Newest, want)
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account, State: rec.State})
	if err != nil || len(page) == 0 {
		t.Fatalf("list: %d records, %v", len(page), err)
	}
	for _, listed := range page {
		equal(t, "newest of list", listed.Newest, want)
	}
	found, err := store.Find(t.Context(), rec.Scope, rec.Key)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	equal(t, "newest of find", found.Newest, want)
	claimed, err := store.Claim(t.Context(), small(reference))
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	equal(t, "newest of claim", claimed.Newest, want)
}

// dated claims a record with these times.
func dated(t *judge, store payonce.KeyStore, reference string, created, first, last time.Time) *payonce.Record {
	t.Helper()
	rec := exclusive(reference, reference, "scope-1")
	rec.CreatedAt, rec.FirstAt, rec.LastAt = created, first, last
	return mustClaim(t, store, rec)
}

func newestOfAll(t *judge, store payonce.KeyStore) {
	first := dated(t, store, "order-1", at(3), time.Time{}, time.Time{})
	wantNewest(t, store, "order-1", at(3))
	dated(t, store, "order-2", at(1), at(4), at(2))
	wantNewest(t, store, "order-1", at(4))
	dated(t, store, "order-3", at(1), at(2), at(5))
	wantNewest(t, store, "order-2", at(5))

	first.LastAt = at(6)
	mustSave(t, store, first)
	wantNewest(t, store, "order-3", at(6))
	first.FirstAt = at(7)
	if err := saveLater(t, store, first); err != nil {
		t.Fatalf("save later: %v", err)
	}
	wantNewest(t, store, "order-3", at(7))

	other := small("order-4")
	other.ID.Account, other.CreatedAt = "another", at(8)
	mustClaim(t, store, other)
	wantNewest(t, store, "order-1", at(8))
}

func newestStays(t *judge, store payonce.KeyStore) {
	rec := dated(t, store, "order-1", at(1), at(9), at(9))
	rec.FirstAt, rec.LastAt = at(2), at(3)
	mustSave(t, store, rec)
	wantNewest(t, store, "order-1", at(9))
	rec.FirstAt, rec.LastAt, rec.DueAt, rec.NotAfter = time.Time{}, time.Time{}, at(50), at(50)
	mustSave(t, store, rec)
	dated(t, store, "order-2", at(4), time.Time{}, time.Time{})
	wantNewest(t, store, "order-2", at(9))
}

func newestStale(t *judge, store payonce.KeyStore) {
	rec := dated(t, store, "order-1", at(1), at(1), at(1))
	rec.Version, rec.LastAt = 7, at(9)
	if err := store.Save(t.Context(), rec); err == nil {
		t.Error("a save of another version went through")
	}
	taken := exclusive("order-2", "order-1", "scope-1")
	taken.CreatedAt = at(9)
	if _, err := store.Claim(t.Context(), taken); err == nil {
		t.Error("a claim of a key that is taken went through")
	}
	wantNewest(t, store, "order-1", at(1))
}

func newestIsTheStores(t *judge, store payonce.KeyStore) {
	rec := small("order-1")
	rec.Newest, rec.Restored = at(30), true
	mustClaim(t, store, rec)
	got := mustLoad(t, store, rec.ID, 1)
	equal(t, "newest", got.Newest, at(0))
	equal(t, "restored", got.Restored, false)
	got.Newest, got.Restored = at(31), true
	mustSave(t, store, got)
	got = mustLoad(t, store, rec.ID, 1)
	equal(t, "newest", got.Newest, at(0))
	equal(t, "restored", got.Restored, false)
}
