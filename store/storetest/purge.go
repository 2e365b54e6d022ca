package storetest

import (
	"fmt"
	"time"

	"github.com/payonce/payonce"
)

func purgeChecks() []check {
	return []check{
		{"a purge forgets both bodies of what is final and keeps the rest", purgeForgets},
		{"a purge never touches what may be sent again or is in doubt", purgeKeepsOpen},
		{"a purge keeps to its limit and counts", purgeLimit},
		{"after a purge a claim finds the record and a save still works", purgeTombstone},
	}
}

// closedRecord claims a record and closes it.
func closedRecord(t *judge, store payonce.KeyStore, reference string, state payonce.State) *payonce.Record {
	t.Helper()
	rec := full(reference)
	rec.Key = reference
	mustClaim(t, store, rec)
	rec.State, rec.KeySpent = state, state != payonce.StateSucceeded
	mustSave(t, store, rec)
	return rec
}

// purge fails the test unless it forgets that many.
func purge(t *judge, store payonce.KeyStore, before time.Time, limit, want int) {
	t.Helper()
	got, err := store.Purge(t.Context(), before, limit)
	if err != nil {
		t.Fatalf("purge: %v", err)
	}
	equal(t, "number of purged records", got, want)
}

// later is a time before which everything in a test happened.
func later() time.Time { return time.Now().Add(time.Hour) }

func purgeForgets(t *judge, store payonce.KeyStore) {
	states := []payonce.State{payonce.StateSucceeded, payonce.StateRejected, payonce.StateNotSent}
	for _, state := range states {
		closedRecord(t, store, state.String(), state)
	}
	purge(t, store, time.Now().Add(-time.Hour), 10, 0)
	purge(t, store, later(), 10, 3)
	purge(t, store, later(), 10, 0)
	for _, state := range states {
		want := full(state.String())
		want.Key, want.State, want.KeySpent = state.String(), state, state != payonce.StateSucceeded
		want.Body, want.Outcome.Body = nil, nil
		got := mustLoad(t, store, want.ID, 1)
		same(t, got, want)
		equal(t, "version", got.Version, 2)
	}
}

func purgeKeepsOpen(t *judge, store payonce.KeyStore) {
	for _, state := range []payonce.State{payonce.StateOpen, payonce.StateInDoubt, payonce.StateNotSent, payonce.StateRejected} {
		rec := closedRecord(t, store, state.String(), state)
		rec.KeySpent = false
		mustSave(t, store, rec)
		purge(t, store, later(), 10, 0)
		same(t, mustLoad(t, store, rec.ID, 1), rec)
	}
}

func purgeLimit(t *judge, store payonce.KeyStore) {
	for i := range 25 {
		closedRecord(t, store, fmt.Sprintf("order-%d", i), payonce.StateSucceeded)
	}
	purge(t, store, later(), 0, 0)
	purge(t, store, later(), 10, 10)
	left := 0
	for i := range 25 {
		if mustLoad(t, store, id(fmt.Sprintf("order-%d", i)), 1).Body != nil {
			left++
		}
	}
	equal(t, "bodies left", left, 15)
	purge(t, store, later(), 10, 10)
	purge(t, store, later(), 10, 5)
	purge(t, store, later(), 10, 0)
}

func purgeTombstone(t *judge, store payonce.KeyStore) {
	rec := closedRecord(t, store, "order-1", payonce.StateRejected)
	purge(t, store, later(), 10, 1)
	got, err := store.Claim(t.Context(), leased(full("order-1"), "client-2", time.Minute))
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	equal(t, "state", got.State, payonce.StateRejected)
	equal(t, "fingerprint", string(got.Fingerprint), string(rec.Fingerprint))
	equal(t, "resource", got.Outcome.ResourceID, rec.Outcome.ResourceID)
	got.Progress = progress(4)
	got.State = payonce.StateSucceeded
	mustSave(t, store, got)
	again := mustLoad(t, store, rec.ID, 1)
	same(t, again, got)
	equal(t, "request body", again.Body == nil, true)
	purge(t, store, later(), 10, 1)
	equal(t, "answer body", mustLoad(t, store, rec.ID, 1).Outcome.Body == nil, true)
}
