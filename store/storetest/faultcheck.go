package storetest

import (
	"errors"
	"time"

	"github.com/payonce/payonce"
)

func faultChecks() []check {
	return []check{
		{"a claim that committed and failed is found by the next", faultClaim},
		{"a save that committed and failed is loaded, and stale when repeated", faultSave},
		{"a later save that committed and failed is loaded", faultLater},
		{"a purge that committed and failed has purged", faultPurge},
		{"calls that fail without a commit change nothing", faultWithoutCommit},
		{"a fault that stays fails every later call, and reads too", faultSticky},
	}
}

// wantFault fails the test unless the error is the injected one.
func wantFault(t *judge, err error) {
	t.Helper()
	if !errors.Is(err, ErrFault) {
		t.Fatalf("got %v, want ErrFault", err)
	}
}

func faultClaim(t *judge, store payonce.KeyStore) {
	faulty := CommitThenFail(store, Nth(Claim, 1))
	rec := leased(full("order-1"), "client-1", time.Minute)
	_, err := faulty.Claim(t.Context(), rec)
	wantFault(t, err)
	equal(t, "version of the caller's record", rec.Version, 0)
	got, err := faulty.Claim(t.Context(), rec)
	if err != nil {
		t.Fatalf("second claim: %v", err)
	}
	if got == rec {
		t.Fatal("the second claim inserted")
	}
	equal(t, "lease", got.Lease, payonce.Lease{Holder: "client-1", Live: true})
	same(t, got, full("order-1"))
}

func faultSave(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	faulty := CommitThenFail(store, Nth(Save, 1))
	rec.Progress = progress(2)
	wantFault(t, faulty.Save(t.Context(), rec))
	equal(t, "version of the caller's record", rec.Version, 1)
	got := mustLoad(t, faulty, rec.ID, 1)
	equal(t, "version", got.Version, 2)
	same(t, got, rec)
	if err := faulty.Save(t.Context(), rec); !errors.Is(err, payonce.ErrStale) {
		t.Fatalf("the same save again: %v, want ErrStale", err)
	}
	mustSave(t, faulty, got)
}

func faultLater(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	faulty := CommitThenFail(store, Nth(SaveLater, 1))
	rec.Progress = progress(2)
	wantFault(t, saveLater(t, faulty, rec))
	same(t, mustLoad(t, faulty, rec.ID, 1), rec)
	if err := saveLater(t, faulty, rec); !errors.Is(err, payonce.ErrStale) {
		t.Fatalf("the same save again: %v, want ErrStale", err)
	}
}

func faultPurge(t *judge, store payonce.KeyStore) {
	rec := closedRecord(t, store, "order-1", payonce.StateSucceeded)
	faulty := CommitThenFail(store, Nth(Purge, 1))
	_, err := faulty.Purge(t.Context(), later(), 10)
	wantFault(t, err)
	equal(t, "body gone", mustLoad(t, faulty, rec.ID, 1).Body == nil, true)
	purge(t, faulty, later(), 10, 0)
}

func faultWithoutCommit(t *judge, store payonce.KeyStore) {
	rec := closedRecord(t, store, "order-1", payonce.StateSucceeded)
	want := mustLoad(t, store, rec.ID, 1)
	faulty := Fail(store, FromCall(1))
	rec.Progress = progress(3)
	_, err := faulty.Claim(t.Context(), small("order-2"))
	wantFault(t, err)
	wantFault(t, faulty.Save(t.Context(), rec))
	wantFault(t, saveLater(t, faulty, rec))
	wantFault(t, faulty.Renew(t.Context(), "client-1", time.Hour, nil))
	_, err = faulty.Purge(t.Context(), later(), 10)
	wantFault(t, err)
	equal(t, "calls", faulty.Calls(), 5)
	got := mustLoad(t, store, rec.ID, 1)
	equal(t, "version", got.Version, want.Version)
	same(t, got, want)
	if _, err := store.Load(t.Context(), id("order-2"), 0); !errors.Is(err, payonce.ErrNotFound) {
		t.Errorf("the operation of the failed claim: %v, want ErrNotFound", err)
	}
}

func faultSticky(t *judge, store payonce.KeyStore) {
	faulty := Fail(store, From(Load, 2))
	rec := mustClaim(t, faulty, small("order-1"))
	mustLoad(t, faulty, rec.ID, 1)
	for range 3 {
		_, err := faulty.Load(t.Context(), rec.ID, 1)
		wantFault(t, err)
	}
	faulty = CommitThenFail(store, NthCall(2))
	wantList(t, faulty, payonce.Filter{Account: account}, "order-1")
	_, _, err := faulty.List(t.Context(), payonce.Filter{Account: account})
	wantFault(t, err)
	wantList(t, faulty, payonce.Filter{Account: account}, "order-1")
}
