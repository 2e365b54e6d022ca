package storetest

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

func claimChecks() []check {
	return []check{
		{"a claim inserts and returns the caller's record with version 1", claimInserts},
		{"a second claim changes nothing and returns the stored record", claimReturns},
		{"a claim of the next generation inserts beside the last", claimNextGeneration},
		{"a claim of an older generation returns the latest", claimOlderGeneration},
		{"operations differ by account, kind and reference", claimIdentity},
		{"an exclusive key is given once in a scope", claimExclusive},
		{"an exclusive key is free in another scope", claimOtherScope},
		{"a key that is not exclusive may be shared", claimShared},
		{"an exclusive key is found in its scope, and nowhere else", findExclusive},
		{"what the caller does to a record after a claim changes nothing stored", claimCopies},
	}
}

func claimInserts(t *judge, store payonce.KeyStore) {
	got := mustClaim(t, store, leased(small("order-1"), "client-1", time.Minute))
	equal(t, "version", got.Version, 1)
	equal(t, "lease live", got.Lease.Live, true)
	stored := mustLoad(t, store, id("order-1"), 1)
	equal(t, "stored version", stored.Version, 1)
	equal(t, "stored lease", stored.Lease, payonce.Lease{Holder: "client-1", Live: true})
}

func claimReturns(t *judge, store payonce.KeyStore) {
	first := full("order-1")
	mustClaim(t, store, leased(copyOf(first), "client-1", time.Minute))
	second := small("order-1")
	second.Body, second.Key = payonce.Raw("other"), "other"
	got, err := store.Claim(t.Context(), leased(second, "client-2", time.Hour))
	if err != nil {
		t.Fatalf("second claim: %v", err)
	}
	if got == second {
		t.Fatal("the second claim inserted")
	}
	same(t, got, first)
	equal(t, "version", got.Version, 1)
	equal(t, "lease", got.Lease, payonce.Lease{Holder: "client-1", Live: true})
	same(t, mustLoad(t, store, first.ID, 1), first)
}

func claimNextGeneration(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, small("order-1"))
	next := small("order-1")
	next.Generation, next.Key = 2, "order-1_payment_2"
	mustClaim(t, store, next)
	got, err := store.Claim(t.Context(), copyOf(next))
	if err != nil {
		t.Fatalf("claim of generation 2, which exists: %v", err)
	}
	equal(t, "generation", got.Generation, 2)
	equal(t, "key of generation 1", mustLoad(t, store, next.ID, 1).Key, "order-1_payment")
	equal(t, "key of generation 2", mustLoad(t, store, next.ID, 2).Key, "order-1_payment_2")
}

func claimOlderGeneration(t *judge, store payonce.KeyStore) {
	third := small("order-1")
	third.Generation = 3
	mustClaim(t, store, third)
	for generation := 1; generation <= 3; generation++ {
		older := small("order-1")
		older.Generation = generation
		got, err := store.Claim(t.Context(), older)
		if err != nil {
			t.Fatalf("claim of generation %d: %v", generation, err)
		}
		equal(t, "generation", got.Generation, 3)
	}
	if _, err := store.Load(t.Context(), third.ID, 1); !errors.Is(err, payonce.ErrNotFound) {
		t.Errorf("load of a generation that never was: %v, want ErrNotFound", err)
	}
}

func claimIdentity(t *judge, store payonce.KeyStore) {
	for _, id := range []payonce.OperationID{
		{Account: "a", Kind: "k", Reference: "r"},
		{Account: "b", Kind: "k", Reference: "r"},
		{Account: "a", Kind: "l", Reference: "r"},
		{Account: "a", Kind: "k", Reference: "s"},
		{Account: "a", Kind: "k", Reference: "R"},
		{Account: "a", Kind: "k", Reference: "r "},
		{Account: "a k", Kind: "", Reference: "r"},
		{Account: "a", Kind: "k", Reference: "é"},
		{Account: "a", Kind: "k", Reference: "e\u0301"},
		{Account: "a", Kind: "k", Reference: "10"},
		{Account: "a", Kind: "k", Reference: "1e1"},
		{Account: "a", Kind: "k", Reference: "r%_\\'\";--"},
		{Account: "a", Kind: "k", Reference: strings.Repeat("支払い", 85)},
	} {
		rec := small("")
		rec.ID, rec.Key = id, id.String()
		mustClaim(t, store, rec)
		equal(t, "key of "+id.String(), mustLoad(t, store, id, 0).Key, id.String())
	}
}

func exclusive(reference, key, scope string) *payonce.Record {
	rec := small(reference)
	rec.Key, rec.Scope, rec.Exclusive = key, []byte(scope), true
	return rec
}

func claimExclusive(t *judge, store payonce.KeyStore) {
	first := exclusive("order-1", "mine", "scope-1")
	mustClaim(t, store, first)
	_, err := store.Claim(t.Context(), exclusive("order-2", "mine", "scope-1"))
	if !errors.Is(err, payonce.ErrKeyReuse) {
		t.Fatalf("claim of a key that another operation has: %v, want ErrKeyReuse", err)
	}
	if _, err := store.Load(t.Context(), id("order-2"), 0); !errors.Is(err, payonce.ErrNotFound) {
		t.Errorf("the refused operation: %v, want ErrNotFound", err)
	}
	got, err := store.Claim(t.Context(), exclusive("order-1", "mine", "scope-1"))
	if err != nil {
		t.Fatalf("the same operation again: %v", err)
	}
	equal(t, "version", got.Version, 1)
	mustClaim(t, store, exclusive("order-2", "another", "scope-1"))
}

func claimOtherScope(t *judge, store payonce.KeyStore) {
	mustClaim(t, store, exclusive("order-1", "mine", "scope-1"))
	mustClaim(t, store, exclusive("order-2", "mine", "scope-2"))
	mustClaim(t, store, exclusive("order-3", "Mine", "scope-1"))
}

func claimShared(t *judge, store payonce.KeyStore) {
	for _, reference := range []string{"order-1", "order-2"} {
		rec := exclusive(reference, "derived", "scope-1")
		rec.Exclusive = false
		mustClaim(t, store, rec)
	}
}

func findExclusive(t *judge, store payonce.KeyStore) {
	for _, scope := range []string{"", "scope-1", "scope-2"} {
		mustClaim(t, store, exclusive("order in "+scope, "key-1", scope))
	}
	shared := exclusive("order-4", "key-4", "scope-1")
	shared.Exclusive = false
	mustClaim(t, store, shared)
	for _, scope := range []string{"", "scope-1", "scope-2"} {
		found, err := store.Find(t.Context(), exclusive("x", "key-1", scope).Scope, "key-1")
		if err != nil {
			t.Fatalf("find key-1 in %q: %v", scope, err)
		}
		same(t, found, mustLoad(t, store, id("order in "+scope), 1))
	}
	for key, scope := range map[string]string{"key-4": "scope-1", "key-1": "scope-3", "": "scope-1"} {
		if _, err := store.Find(t.Context(), []byte(scope), key); !errors.Is(err, payonce.ErrNotFound) {
			t.Errorf("find %q in %q: %v, want ErrNotFound", key, scope, err)
		}
	}
}

func claimCopies(t *judge, store payonce.KeyStore) {
	rec := full("order-1")
	mustClaim(t, store, rec)
	scribble(rec)
	same(t, mustLoad(t, store, id("order-1"), 1), full("order-1"))
	scribble(mustLoad(t, store, id("order-1"), 1))
	same(t, mustLoad(t, store, id("order-1"), 1), full("order-1"))

	saved := mustLoad(t, store, id("order-1"), 1)
	saved.Progress = progress(2)
	mustSave(t, store, saved)
	scribble(saved)
	want := full("order-1")
	want.Progress = progress(2)
	same(t, mustLoad(t, store, id("order-1"), 1), want)
}

// scribble writes over all memory that a record refers to.
func scribble(rec *payonce.Record) {
	for _, b := range [][]byte{rec.Body, rec.Scope, rec.Fingerprint, rec.Seal, rec.Outcome.Body} {
		clear(b)
	}
	for name, values := range rec.Header {
		clear(values)
		rec.Header[name] = append(values, "more")
	}
	rec.Header["More"] = []string{"more"}
	clear(rec.Attempts)
	*rec.Outcome = payonce.Outcome{}
}

func contentChecks() []check {
	return []check{
		{"every field comes back as it was", everyField},
		{"nil comes back as nil and empty as empty", nilAndEmpty},
		{"times come back to the microsecond and in UTC", times},
		{"text comes back byte for byte", text},
		{"a body of a megabyte comes back", bigBody},
		{"the salt is 32 random bytes and a copy", salt},
		{"durability says what it is", durability},
	}
}

func everyField(t *judge, store payonce.KeyStore) {
	complete(t, reflect.ValueOf(*full("order-1")))
	mustClaim(t, store, full("order-1"))
	same(t, mustLoad(t, store, id("order-1"), 1), full("order-1"))
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account, State: payonce.StateInDoubt})
	if err != nil || len(page) != 1 {
		t.Fatalf("list: %d records, %v", len(page), err)
	}
	same(t, page[0], full("order-1"))
}

// complete fails the test if the sample leaves a field at zero, because a field was added to the contract.
func complete(t *judge, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Name == "Version" || field.Name == "Lease" || field.Name == "Newest" || field.Name == "Restored" { // the store's own
			continue
		}
		if v.Field(i).IsZero() {
			t.Fatalf("the sample of this suite leaves %s at zero: set it", field.Name)
		}
		if field.Anonymous {
			complete(t, v.Field(i))
		}
	}
}

func nilAndEmpty(t *judge, store payonce.KeyStore) {
	empty := full("order-1")
	empty.Header, empty.Body, empty.Attempts = http.Header{}, payonce.Raw{}, []payonce.Attempt{}
	empty.Fingerprint, empty.Seal, empty.Outcome = []byte{}, []byte{}, &payonce.Outcome{Body: payonce.Raw{}}
	none := full("order-2")
	none.Key, none.Header, none.Body, none.Attempts = "other", nil, nil, nil
	none.Fingerprint, none.Seal, none.Outcome = nil, nil, &payonce.Outcome{}
	least := &payonce.Record{ID: id("order-3"), Generation: 1}
	for _, rec := range []*payonce.Record{empty, none, least} {
		mustClaim(t, store, copyOf(rec))
		same(t, mustLoad(t, store, rec.ID, 1), rec)
	}
}

func times(t *judge, store payonce.KeyStore) {
	rec := small("order-1")
	rec.CreatedAt = time.Now()
	rec.NotAfter = time.Date(9999, time.December, 31, 23, 59, 59, 999_999_999, time.FixedZone("east", 3*60*60))
	rec.FirstAt = time.Date(2026, time.February, 3, 4, 5, 6, 123_456_000, time.FixedZone("west", -7*60*60))
	mustClaim(t, store, rec)
	got := mustLoad(t, store, rec.ID, 1)
	for _, pair := range [][2]time.Time{
		{got.CreatedAt, rec.CreatedAt}, {got.NotAfter, rec.NotAfter}, {got.FirstAt, rec.FirstAt}, {got.LastAt, time.Time{}},
	} {
		if d := pair[1].Sub(pair[0]); d < 0 || d > time.Microsecond {
			t.Errorf("%v came back as %v", pair[1], pair[0])
		}
		equal(t, "zone", pair[0].Location(), time.UTC)
	}
	equal(t, "first_at", got.FirstAt, rec.FirstAt.UTC())
	equal(t, "zero time", got.LastAt.IsZero(), true)
}

func text(t *judge, store payonce.KeyStore) {
	rec := full("order-1")
	rec.Header = http.Header{"X-Latin": {"caf\xe9", "\xff"}, "x-raw-\xe9": {"ü"}}
	rec.Note, rec.Reason = "a zero \x00 byte", "\xc3\x28 is no text"
	rec.Outcome.Message, rec.Outcome.Code = "from JSON: \u0000\ufffd\U0001F4B6", "\x00"
	rec.Attempts[0].Fault, rec.Attempts[1].Code = "read: \x00\xff", "\u2028</script>"
	mustClaim(t, store, copyOf(rec))
	same(t, mustLoad(t, store, rec.ID, 1), rec)
}

func bigBody(t *judge, store payonce.KeyStore) {
	rec := small("order-1")
	rec.Body = make(payonce.Raw, 1<<20)
	for i := range rec.Body {
		rec.Body[i] = byte(i * 7 >> 3)
	}
	mustClaim(t, store, copyOf(rec))
	same(t, mustLoad(t, store, rec.ID, 1), rec)
}

func salt(t *judge, store payonce.KeyStore) {
	first := store.Salt()
	equal(t, "length", len(first), 32)
	if string(first) == string(make([]byte, 32)) {
		t.Error("the salt is all zero")
	}
	clear(first)
	if string(store.Salt()) == string(first) {
		t.Error("the caller can write to the store's salt")
	}
}

func durability(t *judge, store payonce.KeyStore) {
	d := store.Durability()
	if d.Text == "" {
		t.Error("no text for the log")
	}
	if d.Power && !d.Process {
		t.Error("it says that it outlasts the power but not the process")
	}
}
