package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/payonce/payonce"
)

// ErrFault is what a Faulty store answers.
var ErrFault = errors.New("storetest: the store fails here")

// Method is a method of payonce.KeyStore that can fail.
type Method string

// The methods that a Faulty store counts.
const (
	Claim     Method = "Claim"
	Load      Method = "Load"
	Find      Method = "Find"
	Save      Method = "Save"
	SaveLater Method = "SaveLater"
	Renew     Method = "Renew"
	List      Method = "List"
	Purge     Method = "Purge"
)

// Call is one call of a store's method.
type Call struct {
	// Method is which method.
	Method Method
	// N counts the calls of the method, Total those of all methods, both from 1.
	N, Total int
}

// When chooses the calls that fail. It is called under a lock and must not call the store.
type When func(Call) bool

// Nth chooses one call, the n-th of the method, from 1: a fault that happens once.
func Nth(m Method, n int) When { return func(c Call) bool { return c.Method == m && c.N == n } }

// From chooses the n-th call of the method and all later ones: a fault that stays.
func From(m Method, n int) When { return func(c Call) bool { return c.Method == m && c.N >= n } }

// NthCall chooses the n-th call of all. A test that runs once for every n from 1 until Calls stays below n has failed everywhere.
func NthCall(n int) When { return func(c Call) bool { return c.Total == n } }

// FromCall chooses the n-th call of all and every later one.
func FromCall(n int) When { return func(c Call) bool { return c.Total >= n } }

// Faulty is a store whose chosen calls fail. Make it with CommitThenFail or Fail.
type Faulty struct {
	store  payonce.KeyStore
	when   When
	commit bool

	mu     sync.Mutex
	counts map[Method]int
	total  int
}

var _ payonce.KeyStore = (*Faulty)(nil)

// CommitThenFail makes the chosen calls do their work in store and answer ErrFault all the same, as a database whose connection
// broke while the commit was on its way.
func CommitThenFail(store payonce.KeyStore, when When) *Faulty {
	return &Faulty{store: store, when: when, commit: true, counts: make(map[Method]int)}
}

// Fail makes the chosen calls answer ErrFault and do nothing, as a full disk.
func Fail(store payonce.KeyStore, when When) *Faulty {
	return &Faulty{store: store, when: when, counts: make(map[Method]int)}
}

// Calls returns how many calls there were, of all methods.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// fails counts a call and says whether it is to fail.
func (f *Faulty) fails(m Method) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[m]++
	f.total++
	return f.when(Call{Method: m, N: f.counts[m], Total: f.total})
}

// do runs a call, or fails it, or both.
func (f *Faulty) do(m Method, call func() error) error {
	if !f.fails(m) {
		return call()
	}
	if f.commit {
		_ = call() // its answer is what gets lost
	}
	return ErrFault
}

// Durability is the store's.
func (f *Faulty) Durability() payonce.Durability { return f.store.Durability() }

// Salt is the store's.
func (f *Faulty) Salt() []byte { return f.store.Salt() }

// Claim is the store's, or fails; then rec is left as it was.
func (f *Faulty) Claim(ctx context.Context, rec *payonce.Record) (got *payonce.Record, err error) {
	if f.fails(Claim) {
		if f.commit {
			_, _ = f.store.Claim(ctx, copyOf(rec))
		}
		return nil, ErrFault
	}
	return f.store.Claim(ctx, rec)
}

// Load is the store's, or fails.
func (f *Faulty) Load(ctx context.Context, id payonce.OperationID, generation int) (rec *payonce.Record, err error) {
	err = f.do(Load, func() error { rec, err = f.store.Load(ctx, id, generation); return err })
	if err != nil {
		return nil, err
	}
	return rec, nil
}

// Find is the store's, or fails.
func (f *Faulty) Find(ctx context.Context, scope []byte, key string) (rec *payonce.Record, err error) {
	err = f.do(Find, func() error { rec, err = f.store.Find(ctx, scope, key); return err })
	if err != nil {
		return nil, err
	}
	return rec, nil
}

// Save is the store's, or fails; then rec is left as it was.
func (f *Faulty) Save(ctx context.Context, rec *payonce.Record) error {
	if f.fails(Save) {
		if f.commit {
			_ = f.store.Save(ctx, copyOf(rec))
		}
		return ErrFault
	}
	return f.store.Save(ctx, rec)
}

// SaveLater is the store's, or fails.
func (f *Faulty) SaveLater(rec *payonce.Record, done func(error)) {
	switch {
	case !f.fails(SaveLater):
		f.store.SaveLater(rec, done)
	case f.commit:
		f.store.SaveLater(rec, func(error) { done(ErrFault) })
	default:
		done(ErrFault)
	}
}

// Renew is the store's, or fails.
func (f *Faulty) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	return f.do(Renew, func() error { return f.store.Renew(ctx, holder, length, ids) })
}

// List is the store's, or fails.
func (f *Faulty) List(ctx context.Context, filter payonce.Filter) (page []*payonce.Record, next string, err error) {
	err = f.do(List, func() error { page, next, err = f.store.List(ctx, filter); return err })
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// Purge is the store's, or fails.
func (f *Faulty) Purge(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = f.do(Purge, func() error { n, err = f.store.Purge(ctx, before, limit); return err })
	if err != nil {
		return 0, err
	}
	return n, nil
}
