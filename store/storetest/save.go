package storetest

import (
	"errors"

	"github.com/payonce/payonce"
)

func loadChecks() []check {
	return []check{
		{"a load finds a generation, or the latest for 0", loadGenerations},
		{"a load of what is not there is ErrNotFound", loadMissing},
	}
}

func loadGenerations(t *judge, store payonce.KeyStore) {
	for generation := 1; generation <= 3; generation++ {
		rec := small("order-1")
		rec.Generation = generation
		mustClaim(t, store, rec)
		equal(t, "latest", mustLoad(t, store, rec.ID, 0).Generation, generation)
	}
	for generation := 1; generation <= 3; generation++ {
		equal(t, "generation", mustLoad(t, store, id("order-1"), generation).Generation, generation)
	}
}

func loadMissing(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, small("order-1"))
	for _, missing := range []struct {
		id         payonce.OperationID
		generation int
	}{{id("order-2"), 0}, {id("order-2"), 1}, {id("order-1"), 2}, {payonce.OperationID{}, 0}} {
		rec, err := store.Load(t.Context(), missing.id, missing.generation)
		if !errors.Is(err, payonce.ErrNotFound) || rec != nil {
			t.Errorf("load %v, generation %d: %v, %v, want ErrNotFound", missing.id, missing.generation, rec, err)
		}
	}
}

func saveChecks() []check {
	return []check{
		{"a save replaces the progress and increments the version", saveReplaces},
		{"a save removes what the new progress does not have", saveRemoves},
		{"a stale save is ErrStale and changes nothing", saveStale},
		{"a save of a record that is not there is ErrStale", saveMissing},
		{"a save never changes the intent", saveKeepsIntent},
		{"a save changes its own generation only", saveGeneration},
	}
}

func saveReplaces(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	for n := 2; n <= 5; n++ {
		rec.Progress = progress(n)
		mustSave(t, store, rec)
		equal(t, "version", rec.Version, int64(n))
		got := mustLoad(t, store, rec.ID, 1)
		equal(t, "stored version", got.Version, int64(n))
		same(t, got, rec)
	}
}

func saveRemoves(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	rec.Progress = payonce.Progress{}
	mustSave(t, store, rec)
	same(t, mustLoad(t, store, rec.ID, 1), rec)
	rec.Progress = progress(3)
	mustSave(t, store, rec)
	same(t, mustLoad(t, store, rec.ID, 1), rec)
}

func saveStale(t *judge, store payonce.KeyStore) {
	old := mustClaim(t, store, full("order-1"))
	rec := mustLoad(t, store, old.ID, 1)
	rec.Progress = progress(2)
	mustSave(t, store, rec)
	old.Progress = progress(3)
	for _, version := range []int64{0, 1, 3, -1} {
		old.Version = version
		if err := store.Save(t.Context(), old); !errors.Is(err, payonce.ErrStale) {
			t.Fatalf("save of version %d where 2 is stored: %v, want ErrStale", version, err)
		}
		equal(t, "version of the refused record", old.Version, version)
	}
	got := mustLoad(t, store, old.ID, 1)
	equal(t, "version", got.Version, 2)
	same(t, got, rec)
}

func saveMissing(t *judge, store payonce.KeyStore) {
	rec := small("order-1")
	rec.Version = 1
	if err := store.Save(t.Context(), rec); !errors.Is(err, payonce.ErrStale) {
		t.Fatalf("save: %v, want ErrStale", err)
	}
	if _, err := store.Load(t.Context(), rec.ID, 0); !errors.Is(err, payonce.ErrNotFound) {
		t.Errorf("load: %v, want ErrNotFound", err)
	}
}

func saveKeepsIntent(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, full("order-1"))
	other := small("order-1")
	other.Version = 1
	other.Key, other.Method, other.Path, other.Body = "other", "PUT", "/other", payonce.Raw("other")
	other.CreatedAt, other.NotAfter, other.Origin = at(40), at(41), "https://other.example.com"
	other.Scope, other.Fingerprint, other.Seal, other.Header = nil, nil, nil, nil
	other.Progress = progress(2)
	mustSave(t, store, other)
	want := full("order-1")
	want.Progress = progress(2)
	same(t, mustLoad(t, store, want.ID, 1), want)
}

func saveGeneration(t *judge, store payonce.KeyStore) {
	first := mustClaim(t, store, small("order-1"))
	second := small("order-1")
	second.Generation = 2
	mustClaim(t, store, second)
	first.Note = "about the first"
	mustSave(t, store, first)
	equal(t, "note of generation 1", mustLoad(t, store, first.ID, 1).Note, "about the first")
	equal(t, "note of generation 2", mustLoad(t, store, first.ID, 2).Note, "")
	equal(t, "version of generation 2", mustLoad(t, store, first.ID, 2).Version, 1)
}

func laterChecks() []check {
	return []check{
		{"a later save is saved, answered once, and leaves the caller's record", laterSaves},
		{"a later save that is stale says so and changes nothing", laterStale},
		{"a write that is asked for after a later save finds it done", laterOrder},
		{"what the caller does to a record after a later save changes nothing stored", laterCopies},
	}
}

func laterSaves(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	rec.Progress = progress(2)
	done := make(chan error, 8)
	store.SaveLater(rec, func(err error) { done <- err })
	if err := answer(t, done); err != nil {
		t.Fatalf("save later: %v", err)
	}
	equal(t, "version of the caller's record", rec.Version, 1)
	got := mustLoad(t, store, rec.ID, 1)
	equal(t, "version", got.Version, 2)
	same(t, got, rec)
	mustSave(t, store, got)
	equal(t, "answers left", len(done), 0)
}

func laterStale(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	want := mustLoad(t, store, rec.ID, 1)
	rec.Version, rec.Progress = 2, progress(2)
	if err := saveLater(t, store, rec); !errors.Is(err, payonce.ErrStale) {
		t.Fatalf("save later: %v, want ErrStale", err)
	}
	got := mustLoad(t, store, rec.ID, 1)
	equal(t, "version", got.Version, 1)
	same(t, got, want)
}

func laterOrder(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, small("order-1"))
	done := make(chan error, 800)
	for round := range 50 {
		later := copyOf(rec)
		later.Note = "later"
		store.SaveLater(later, func(err error) { done <- err })
		claimed, err := store.Claim(t.Context(), small("order-1"))
		if err != nil {
			t.Fatalf("claim: %v", err)
		}
		equal(t, "note that the claim found", claimed.Note, "later")
		rec.Version, rec.Note = claimed.Version, ""
		later = copyOf(rec)
		later.Note = "later"
		store.SaveLater(later, func(err error) { done <- err })
		rec.Version++
		if err := store.Save(t.Context(), rec); err != nil {
			t.Fatalf("round %d: save after a later save: %v", round, err)
		}
	}
	for range 100 {
		if err := answer(t, done); err != nil {
			t.Errorf("save later: %v", err)
		}
	}
}

func laterCopies(t *judge, store payonce.KeyStore) {
	rec := mustClaim(t, store, full("order-1"))
	rec.Progress = progress(2)
	done := make(chan error, 8) // room for a store that answers too often
	store.SaveLater(rec, func(err error) { done <- err })
	scribble(rec)
	if err := answer(t, done); err != nil {
		t.Fatalf("save later: %v", err)
	}
	want := full("order-1")
	want.Progress = progress(2)
	same(t, mustLoad(t, store, want.ID, 1), want)
}
