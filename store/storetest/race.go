package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payonce/payonce"
)

// callers is how many call at once.
const callers = 64

func raceChecks() []check {
	return []check{
		{"of 64 claims of one operation one inserts", func(t *judge, store payonce.KeyStore) { raceClaim(t, store, store) }},
		{"of 64 claims of one exclusive key one inserts", raceKey},
		{"of 64 saves of one version one wins", func(t *judge, store payonce.KeyStore) { raceSave(t, store, store) }},
		{"64 callers with operations of their own don't disturb each other", raceOwn},
	}
}

// together runs f in many goroutines that start at once.
func together(f func(n int)) {
	var ready, done sync.WaitGroup
	ready.Add(callers)
	for n := range callers {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f(n)
		})
	}
	done.Wait()
}

func raceClaim(t *judge, one, two payonce.KeyStore) {
	t.Helper()
	for round := range 4 {
		reference := fmt.Sprintf("order-%d", round)
		var inserted atomic.Int32
		together(func(n int) {
			rec := small(reference)
			rec.Note = fmt.Sprintf("caller %d", n)
			got, err := []payonce.KeyStore{one, two}[n%2].Claim(t.Context(), rec)
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			if got == rec {
				inserted.Add(1)
			}
		})
		equal(t, "inserts", inserted.Load(), 1)
	}
	equal(t, "records", len(list(t, one, payonce.Filter{Account: account})), 4)
}

func raceKey(t *judge, store payonce.KeyStore) {
	var inserted atomic.Int32
	together(func(n int) {
		_, err := store.Claim(t.Context(), exclusive(fmt.Sprintf("order-%d", n), "mine", "scope-1"))
		switch {
		case err == nil:
			inserted.Add(1)
		case !errors.Is(err, payonce.ErrKeyReuse):
			t.Errorf("claim: %v, want ErrKeyReuse", err)
		}
	})
	equal(t, "inserts", inserted.Load(), 1)
	equal(t, "records", len(list(t, store, payonce.Filter{Account: account})), 1)
}

func raceSave(t *judge, one, two payonce.KeyStore) {
	t.Helper()
	rec := mustClaim(t, one, full("order-1"))
	for round := range 4 {
		var winner atomic.Int64
		var won atomic.Int32
		together(func(n int) {
			mine := copyOf(rec)
			mine.Progress = progress(n)
			err := []payonce.KeyStore{one, two}[n%2].Save(t.Context(), mine)
			switch {
			case err == nil:
				won.Add(1)
				winner.Store(int64(n))
			case !errors.Is(err, payonce.ErrStale):
				t.Errorf("save: %v, want ErrStale", err)
			}
		})
		equal(t, "winners", won.Load(), 1)
		want := full("order-1")
		want.Progress = progress(int(winner.Load()))
		rec = mustLoad(t, one, want.ID, 1)
		equal(t, "version", rec.Version, int64(round+2))
		same(t, rec, want)
	}
}

func raceOwn(t *judge, store payonce.KeyStore) {
	var later sync.WaitGroup
	together(func(n int) {
		rec := leased(small(fmt.Sprintf("order-%d", n)), "client-1", time.Minute)
		if _, err := store.Claim(t.Context(), rec); err != nil {
			t.Errorf("claim: %v", err)
			return
		}
		rec.Progress = progress(n)
		if err := store.Save(t.Context(), rec); err != nil {
			t.Errorf("save: %v", err)
		}
		if _, err := store.Load(t.Context(), rec.ID, 1); err != nil {
			t.Errorf("load: %v", err)
		}
		rec.Note = "later"
		later.Add(1)
		store.SaveLater(rec, func(err error) {
			defer later.Done()
			if err != nil {
				t.Errorf("save later: %v", err)
			}
		})
	})
	later.Wait()
	for n := range callers {
		want := small(fmt.Sprintf("order-%d", n))
		want.Progress = progress(n)
		want.Note = "later"
		got := mustLoad(t, store, want.ID, 1)
		equal(t, "version", got.Version, 3)
		same(t, got, want)
	}
}

func cancelChecks() []check {
	return []check{{"a call whose context is over returns its error and changes nothing", cancelled}}
}

func cancelled(t *judge, store payonce.KeyStore) {
	rec := closedRecord(t, store, "order-1", payonce.StateSucceeded)
	want := mustLoad(t, store, rec.ID, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec.Note = "changed"
	calls := map[string]func() error{
		"claim": func() error { _, err := store.Claim(ctx, small("order-2")); return err },
		"load":  func() error { _, err := store.Load(ctx, rec.ID, 1); return err },
		"find":  func() error { _, err := store.Find(ctx, rec.Scope, rec.Key); return err },
		"save":  func() error { return store.Save(ctx, rec) },
		"renew": func() error { return store.Renew(ctx, "client-1", time.Hour, []payonce.OperationID{rec.ID}) },
		"list":  func() error { _, _, err := store.List(ctx, payonce.Filter{Account: account}); return err },
		"purge": func() error { _, err := store.Purge(ctx, later(), 10); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	same(t, mustLoad(t, store, rec.ID, 1), want)
	if _, err := store.Load(t.Context(), id("order-2"), 0); !errors.Is(err, payonce.ErrNotFound) {
		t.Errorf("the operation of the cancelled claim: %v, want ErrNotFound", err)
	}
}

func sharedChecks() []sharedCheck {
	return []sharedCheck{
		{"two handles see each other's writes", sharedWrites},
		{"two handles have one salt", func(t *judge, one, two payonce.KeyStore) {
			equal(t, "salt", string(one.Salt()), string(two.Salt()))
		}},
		{"a lease of one handle is live for the other", sharedLease},
		{"of 64 claims through two handles one inserts", raceClaim},
		{"of 64 saves through two handles one wins", raceSave},
	}
}

func sharedWrites(t *judge, one, two payonce.KeyStore) {
	rec := mustClaim(t, one, full("order-1"))
	same(t, mustLoad(t, two, rec.ID, 1), rec)
	theirs := mustLoad(t, two, rec.ID, 1)
	theirs.Progress = progress(2)
	mustSave(t, two, theirs)
	same(t, mustLoad(t, one, rec.ID, 1), theirs)
	if err := one.Save(t.Context(), rec); !errors.Is(err, payonce.ErrStale) {
		t.Errorf("save of what the other handle changed: %v, want ErrStale", err)
	}
	_, err := two.Claim(t.Context(), exclusive("order-2", rec.Key, string(rec.Scope)))
	if !errors.Is(err, payonce.ErrKeyReuse) {
		t.Errorf("claim of a key that was given through the other handle: %v, want ErrKeyReuse", err)
	}
}

func sharedLease(t *judge, one, two payonce.KeyStore) {
	rec := mustClaim(t, one, leased(small("order-1"), "client-1", time.Hour))
	got, err := two.Claim(t.Context(), leased(small("order-1"), "client-2", time.Hour))
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	equal(t, "lease", got.Lease, payonce.Lease{Holder: "client-1", Live: true})
	mustSave(t, one, leased(rec, "", 0))
	equal(t, "released lease", mustLoad(t, two, rec.ID, 1).Lease, payonce.Lease{})
}
