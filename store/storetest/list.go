package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

func listChecks() []check {
	return []check{
		{"a list has one account, one state, all generations", listFilters},
		{"a list is in the order of due times, then of creation", listOrder},
		{"a list leaves out what is due too late or too early", listDue},
		{"pages keep to their size, skip nothing and repeat nothing", listPages},
		{"pages skip and repeat nothing while records come, go and move", listMoving},
		{"a list without an account, or with a wrong cursor, is ErrInvalid", listInvalid},
	}
}

// list returns the references of all pages.
func list(t *judge, store payonce.KeyStore, f payonce.Filter) []string {
	t.Helper()
	var references []string
	for range 1000 {
		page, next, err := store.List(t.Context(), f)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, rec := range page {
			references = append(references, rec.ID.Reference)
		}
		if next == "" {
			return references
		}
		f.After = next
	}
	t.Fatal("the list has no end")
	return nil
}

// wantList fails the test unless the list has these references, separated by spaces.
func wantList(t *judge, store payonce.KeyStore, f payonce.Filter, want string) {
	t.Helper()
	equal(t, fmt.Sprintf("list of %v", f), strings.Join(list(t, store, f), " "), want)
}

// due claims a record with that state and due time.
func due(t *judge, store payonce.KeyStore, reference string, state payonce.State, when time.Time) *payonce.Record {
	t.Helper()
	rec := small(reference)
	rec.State, rec.DueAt = state, when
	return mustClaim(t, store, rec)
}

func listFilters(t *judge, store payonce.KeyStore) {
	states := []payonce.State{
		payonce.StateOpen, payonce.StateSucceeded, payonce.StateNotSent, payonce.StateRejected, payonce.StateInDoubt,
	}
	for i, state := range states {
		due(t, store, fmt.Sprintf("a-%d", i), state, at(1))
		moved := due(t, store, fmt.Sprintf("b-%d", i), payonce.StateOpen, at(2))
		moved.State = state
		mustSave(t, store, moved)
		other := small(fmt.Sprintf("c-%d", i))
		other.ID.Account, other.State = "another", state
		mustClaim(t, store, other)
	}
	next := small("b-3")
	next.Generation, next.State, next.DueAt = 2, payonce.StateRejected, at(3)
	mustClaim(t, store, next)
	for i, state := range states {
		want := fmt.Sprintf("a-%d b-%d", i, i)
		if state == payonce.StateRejected {
			want += " b-3"
		}
		wantList(t, store, payonce.Filter{Account: account, State: state}, want)
		wantList(t, store, payonce.Filter{Account: "another", State: state}, fmt.Sprintf("c-%d", i))
		wantList(t, store, payonce.Filter{Account: "nobody", State: state}, "")
	}
}

func listOrder(t *judge, store payonce.KeyStore) {
	for reference, minute := range map[string]int{"c": 3, "a": 1, "d": 4, "b": 2} {
		due(t, store, reference, payonce.StateOpen, at(minute))
	}
	due(t, store, "e", payonce.StateOpen, at(4))
	due(t, store, "first", payonce.StateOpen, time.Time{})
	wantList(t, store, payonce.Filter{Account: account}, "first a b c d e")
	wantList(t, store, payonce.Filter{Account: account, Limit: 1}, "first a b c d e")
	moved := mustLoad(t, store, id("a"), 1)
	moved.DueAt = at(5)
	mustSave(t, store, moved)
	wantList(t, store, payonce.Filter{Account: account}, "first b c d e a")
}

func listDue(t *judge, store payonce.KeyStore) {
	due(t, store, "never", payonce.StateOpen, time.Time{})
	due(t, store, "early", payonce.StateOpen, at(1))
	due(t, store, "late", payonce.StateOpen, at(2))
	wantList(t, store, payonce.Filter{Account: account, DueBefore: at(1).Add(-time.Microsecond)}, "never")
	wantList(t, store, payonce.Filter{Account: account, DueBefore: at(1)}, "never early")
	wantList(t, store, payonce.Filter{Account: account, DueBefore: at(2)}, "never early late")
	wantList(t, store, payonce.Filter{Account: account, DueBefore: at(1), Limit: 1}, "never early")
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(1).Add(-time.Microsecond)}, "early late")
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(1)}, "late")
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(1).Add(time.Nanosecond)}, "late")
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(2)}, "")
	due(t, store, "later", payonce.StateOpen, at(3))
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(1).Add(-time.Microsecond), Limit: 1}, "early late later")
	wantList(t, store, payonce.Filter{Account: account, DueAfter: at(1), DueBefore: at(2), Limit: 1}, "late")
}

func listPages(t *judge, store payonce.KeyStore) {
	var want []string
	for i := range 105 {
		reference := fmt.Sprintf("order-%03d", i)
		due(t, store, reference, payonce.StateOpen, at(i/10))
		want = append(want, reference)
	}
	for _, limit := range []int{0, 1, 7, 104, 105, 106, 1000} {
		f := payonce.Filter{Account: account, Limit: limit}
		wantList(t, store, f, strings.Join(want, " "))
		page, _, err := store.List(t.Context(), f)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		size := limit
		if limit == 0 {
			size = 100
		}
		if len(page) > size {
			t.Errorf("a page has %d records, the limit is %d", len(page), size)
		}
	}
}

func listMoving(t *judge, store payonce.KeyStore) {
	const total = 40
	for i := range total {
		due(t, store, fmt.Sprintf("order-%02d", i), payonce.StateOpen, at(i/4))
	}
	seen := make(map[string]int)
	f := payonce.Filter{Account: account, Limit: 3}
	for round := range 100 {
		page, next, err := store.List(t.Context(), f)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, rec := range page {
			seen[rec.ID.Reference]++
			rec.State = payonce.StateSucceeded
			mustSave(t, store, rec)
		}
		due(t, store, fmt.Sprintf("new-%02d", round), payonce.StateOpen, time.Time{})
		if f.After = next; next == "" {
			break
		}
	}
	for i := range total {
		reference := fmt.Sprintf("order-%02d", i)
		equal(t, "times that "+reference+" was listed", seen[reference], 1)
	}
	if fresh := slices.Collect(func(yield func(string) bool) {
		for reference := range seen {
			if strings.HasPrefix(reference, "new") && !yield(reference) {
				return
			}
		}
	}); len(fresh) > 0 {
		t.Errorf("what came before the cursor was listed: %v", fresh)
	}
}

func listInvalid(t *judge, store payonce.KeyStore) {
	for _, f := range []payonce.Filter{{}, {Account: account, After: "x"}, {Account: account, After: "1"}} {
		if _, _, err := store.List(t.Context(), f); !errors.Is(err, payonce.ErrInvalid) {
			t.Errorf("list of %v: %v, want ErrInvalid", f, err)
		}
	}
}
