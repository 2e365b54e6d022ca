//go:build unix

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/payonce/payonce"
)

// walk calls several stores alike, and compares what they answer.
type walk struct {
	random

	stores []payonce.KeyStore
	// seen are records as they were answered, each with the version that it had then: some are stale by now.
	seen []*payonce.Record
	// cursors are where each store is in a list, "" when none is being read.
	cursors []string
	filter  payonce.Filter
	// epoch is in all names: new ones come when the old ones have been used up.
	epoch int
	tally map[string]int
}

func newWalk(seed uint64, stores ...payonce.KeyStore) *walk {
	return &walk{random: newRandom(seed), stores: stores, cursors: make([]string, len(stores)), tally: map[string]int{}}
}

// answer is what a store said.
type answer struct {
	Error   string // its kind
	Records []payonce.Record
	Count   int
	More    bool
}

// run takes so many steps, and looks at everything now and then. An error names the step at which two stores disagree.
func (w *walk) run(ctx context.Context, steps int) error {
	for n := range steps {
		if n%400 == 0 {
			w.epoch, w.seen = n/400, nil
		}
		what, call := w.step()
		if err := w.compare(ctx, what, call); err != nil {
			return fmt.Errorf("step %d: %w", n, err)
		}
		if n%100 != 99 {
			continue
		}
		for _, id := range w.identities() {
			for generation := range 4 {
				if err := w.compare(ctx, "look at everything", load(id, generation)); err != nil {
					return fmt.Errorf("after step %d: %w", n, err)
				}
			}
		}
	}
	return nil
}

// call asks one store; i says which of the walk's it is.
type call func(ctx context.Context, store payonce.KeyStore, i int) answer

func (w *walk) compare(ctx context.Context, what string, ask call) error {
	first := ask(ctx, w.stores[0], 0)
	for i, store := range w.stores[1:] {
		if other := ask(ctx, store, i+1); !reflect.DeepEqual(first, other) {
			return fmt.Errorf("%s: %T and %T answer differently:\n%s\n%s", what, w.stores[0], store, first, other)
		}
	}
	for i := range first.Records {
		w.seen = append(w.seen, &first.Records[i])
	}
	w.seen = w.seen[max(0, len(w.seen)-60):]
	w.tally[first.Error]++
	return nil
}

// String is an answer with its bodies, which fmt would hide.
func (a answer) String() string {
	text := fmt.Sprintf("%q, %d records, count %d, more %v", a.Error, len(a.Records), a.Count, a.More)
	for _, rec := range a.Records {
		text += fmt.Sprintf("\n  %+v body %q", rec, []byte(rec.Body))
		if rec.Outcome != nil {
			text += fmt.Sprintf(" outcome %+v body %q", *rec.Outcome, []byte(rec.Outcome.Body))
		}
	}
	return text
}

const account = "provider/sandbox/merchant-1"

func holders() []string { return []string{"client-0", "client-1"} }
func scopes() [][]byte  { return [][]byte{nil, []byte("scope-1"), []byte("scope-2")} }

// key is one of few, so that operations want the same.
func (w *walk) key() string {
	return pick(w.random, []string{"key-1", "KEY-1", "key-2"}) + fmt.Sprint(w.epoch)
}

func (w *walk) identities() (ids []payonce.OperationID) {
	for _, reference := range []string{"a", "A", "b", "ä", "a b", "order-1", "order-10", "order-2"} {
		ids = append(ids, payonce.OperationID{Account: account, Kind: "payment.create", Reference: fmt.Sprint(reference, w.epoch)})
	}
	return ids
}

// step is one call, the same for all stores.
func (w *walk) step() (what string, ask call) {
	switch n := w.IntN(20); {
	case n < 4:
		return w.claim()
	case n < 10 && len(w.seen) > 0:
		return w.save()
	case n < 12:
		id, generation := pick(w.random, w.identities()), w.IntN(4)
		return fmt.Sprintf("load %s %d", id, generation), load(id, generation)
	case n < 14:
		return w.find()
	case n < 15 && len(w.seen) > 0 && w.IntN(4) == 0:
		return w.poach()
	case n < 15:
		return w.renew()
	case n < 16:
		return w.purge()
	}
	return w.list()
}

func (w *walk) claim() (string, call) {
	rec := &payonce.Record{
		ID: pick(w.random, w.identities()), Generation: 1 + w.IntN(3)*w.IntN(2), Key: w.key(), Exclusive: w.IntN(3) > 0,
		Scope: pick(w.random, scopes()), Fingerprint: []byte(w.text()), Seal: []byte(w.text()), Replay: payonce.Replay(w.IntN(3)),
		EmptyOK: w.IntN(2) == 0, Prepared: w.IntN(2) == 0, Origin: "https://api.example.com", Method: http.MethodPost, Path: "/v1/" + w.text(),
		Header: pick(w.random, []http.Header{nil, {}, {"X-Two": {"one", "", w.text()}}}), Body: w.raw(),
		CreatedAt: w.moment(), NotAfter: w.moment(), Progress: w.progress(), Lease: w.lease(),
	}
	return fmt.Sprintf("claim %s %d with %s", rec.ID, rec.Generation, rec.Key), func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		mine := clone(rec)
		got, err := store.Claim(ctx, mine)
		if err != nil {
			return failed(err)
		}
		w.lapse(rec.Lease)
		if got == mine {
			return found("claimed", mine)
		}
		return found("found", got)
	}
}

func (w *walk) save() (string, call) {
	rec := clone(pick(w.random, w.seen))
	rec.Progress, rec.Lease = w.progress(), w.lease()
	later := w.IntN(4) == 0
	return fmt.Sprintf("save %s %d version %d, later %v", rec.ID, rec.Generation, rec.Version, later), func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		mine := clone(rec)
		var err error
		if later {
			done := make(chan error, 1)
			store.SaveLater(mine, func(err error) { done <- err })
			err = <-done
			mine.Version++ // it changed a copy
		} else {
			err = store.Save(ctx, mine)
		}
		w.lapse(rec.Lease)
		if err != nil {
			return failed(err)
		}
		mine.Lease.Live = false // Save does not say
		return found("saved", mine)
	}
}

// lapse lets a lease run out that was for a moment.
func (w *walk) lapse(lease payonce.Lease) {
	if lease.For > 0 && lease.For < time.Second {
		pause(lease.For + 3*time.Millisecond)
	}
}

func load(id payonce.OperationID, generation int) call {
	return func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		return one(store.Load(ctx, id, generation))
	}
}

func (w *walk) find() (string, call) {
	scope, key := pick(w.random, scopes()), w.key()
	return fmt.Sprintf("find %s in %q", key, scope), func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		return one(store.Find(ctx, scope, key))
	}
}

func (w *walk) renew() (string, call) {
	holder := pick(w.random, holders())
	ids := []payonce.OperationID{pick(w.random, w.identities()), pick(w.random, w.identities())}
	return "renew " + holder, func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		if err := store.Renew(ctx, holder, time.Hour, ids); err != nil {
			return failed(err)
		}
		return answer{Error: "renewed"}
	}
}

// poach renews a lease that is another's: it runs out all the same.
func (w *walk) poach() (string, call) {
	rec := clone(pick(w.random, w.seen))
	rec.Lease = payonce.Lease{Holder: "client-0", For: 20 * time.Millisecond}
	return fmt.Sprintf("poach %s %d version %d", rec.ID, rec.Generation, rec.Version), func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		err := store.Save(ctx, clone(rec))
		if err == nil {
			err = store.Renew(ctx, "client-1", time.Hour, []payonce.OperationID{rec.ID})
		}
		if err != nil {
			return failed(err)
		}
		w.lapse(rec.Lease)
		return one(store.Load(ctx, rec.ID, rec.Generation))
	}
}

// purge asks until nothing is left: which records a purge takes first is not promised.
func (w *walk) purge() (string, call) {
	before, limit := time.Now().Add(time.Duration(w.IntN(3)-1)*time.Hour), 1+w.IntN(3)
	if w.IntN(2) == 0 {
		before = time.Now().Add(time.Hour)
	}
	return fmt.Sprintf("purge by %d", limit), func(ctx context.Context, store payonce.KeyStore, _ int) answer {
		a := answer{Error: "purged"}
		for {
			n, err := store.Purge(ctx, before, limit)
			if err != nil {
				return failed(err)
			}
			a.Count = a.Count*10 + n
			if n < limit {
				return a
			}
		}
	}
}

// list begins a list, or reads on in the one that was begun, whatever was written since.
func (w *walk) list() (string, call) {
	if w.cursors[0] == "" {
		w.filter = payonce.Filter{
			Account: account, State: payonce.State(w.IntN(5)), DueBefore: w.moment(), DueAfter: w.moment(), Limit: 1 + w.IntN(3),
		}
		if w.IntN(2) == 0 {
			w.filter.DueAfter = time.Time{}
		}
	}
	return fmt.Sprintf("list %+v", w.filter), func(ctx context.Context, store payonce.KeyStore, i int) answer {
		f := w.filter
		f.After = w.cursors[i]
		page, next, err := store.List(ctx, f)
		if err != nil {
			return failed(err)
		}
		w.cursors[i] = next
		a := found("listed", page...)
		a.More = next != ""
		return a
	}
}

func (w *walk) progress() payonce.Progress {
	p := payonce.Progress{
		State: payonce.State(w.IntN(5)), Sent: w.IntN(4), Reached: w.IntN(3), Possible: w.IntN(2), Accepted: w.IntN(2) == 0, KeySpent: w.IntN(2) == 0,
		FirstAt: w.moment(), LastAt: w.moment(), DueAt: w.moment(), Reason: w.text(), Note: w.text(),
	}
	for n := range w.IntN(3) {
		p.Attempts = append(p.Attempts, payonce.Attempt{
			N: n + 1, StartedAt: w.moment(), Took: time.Duration(w.IntN(1e9)), Class: payonce.Class(w.IntN(5)), Status: 200 + w.IntN(300),
			Code: w.text(), RequestID: w.text(), Fault: w.text(), Waited: time.Duration(w.IntN(1e9)),
		})
	}
	if w.IntN(2) == 0 {
		p.Outcome = &payonce.Outcome{
			Class: payonce.Class(w.IntN(5)), Status: 200 + w.IntN(300), Body: w.raw(), Code: w.text(), Message: w.text(), RequestID: w.text(),
			ResourceID: w.text(), AnsweredAt: w.moment(), Replayed: w.IntN(2) == 0,
		}
	}
	return p
}

// lease is none, one that outlasts the walk, or now and then one that is over by the next step.
func (w *walk) lease() payonce.Lease {
	length := pick(w.random, []time.Duration{0, 0, 0, time.Hour, time.Hour, time.Hour, time.Millisecond})
	return payonce.Lease{Holder: pick(w.random, holders()), For: length}
}

func failed(err error) answer {
	for text, kind := range map[string]error{"key reuse": payonce.ErrKeyReuse, "stale": payonce.ErrStale, "not found": payonce.ErrNotFound} {
		if errors.Is(err, kind) {
			return answer{Error: text}
		}
	}
	return answer{Error: err.Error()}
}

func one(rec *payonce.Record, err error) answer {
	if err != nil {
		return failed(err)
	}
	return found("loaded", rec)
}

// found are records, without what stores may know better than others.
func found(how string, records ...*payonce.Record) answer {
	a := answer{Error: how}
	for _, rec := range records {
		c := *rec
		c.Newest = time.Time{}
		c.Lease.For = 0
		a.Records = append(a.Records, c)
	}
	return a
}

// clone is a copy for one store. Its slices are shared, and no store may change them.
func clone(rec *payonce.Record) *payonce.Record {
	c := *rec
	return &c
}
