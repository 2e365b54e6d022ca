package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/storetest"
)

// mutantVariable names the mutant that a child process judges.
const mutantVariable = "PAYONCE_TEST_MUTANT"

// background keeps a mutant from seeing that a context is over.
func background(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// mutant is a good store with one method that breaks the contract.
type mutant struct {
	payonce.KeyStore
	claim func(context.Context, *payonce.Record) (*payonce.Record, error)
	load  func(context.Context, payonce.OperationID, int) (*payonce.Record, error)
	find  func(context.Context, []byte, string) (*payonce.Record, error)
	save  func(context.Context, *payonce.Record) error
	later func(*payonce.Record, func(error))
	renew func(context.Context, string, time.Duration, []payonce.OperationID) error
	list  func(context.Context, payonce.Filter) ([]*payonce.Record, string, error)
	purge func(context.Context, time.Time, int) (int, error)
	salt  func() []byte
}

func (m *mutant) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	return m.claim(ctx, rec)
}

func (m *mutant) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	return m.load(ctx, id, generation)
}

func (m *mutant) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	return m.find(ctx, scope, key)
}
func (m *mutant) Save(ctx context.Context, rec *payonce.Record) error { return m.save(ctx, rec) }
func (m *mutant) SaveLater(rec *payonce.Record, done func(error))     { m.later(rec, done) }
func (m *mutant) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	return m.renew(ctx, holder, length, ids)
}

func (m *mutant) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	return m.list(ctx, f)
}

func (m *mutant) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	return m.purge(ctx, before, limit)
}
func (m *mutant) Salt() []byte { return m.salt() }

// mutants are the mistakes that a store can make. Each must fail the suite.
func mutants() map[string]func(*mutant) {
	return map[string]func(*mutant){
		"claim overwrites": func(m *mutant) {
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				got, err := m.KeyStore.Claim(ctx, rec)
				if err == nil && got != rec {
					got.Progress = rec.Progress
					return got, m.KeyStore.Save(ctx, got)
				}
				return got, err
			}
		},
		"claim forgets that a key is exclusive": func(m *mutant) {
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				was := rec.Exclusive
				rec.Exclusive = false
				got, err := m.KeyStore.Claim(ctx, rec)
				rec.Exclusive = was
				return got, err
			}
		},
		"claim returns a copy": func(m *mutant) {
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				got, err := m.KeyStore.Claim(ctx, rec)
				if got == rec {
					c := *rec
					got = &c
				}
				return got, err
			}
		},
		"claim takes a free lease": func(m *mutant) {
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				lease := rec.Lease
				got, err := m.KeyStore.Claim(ctx, rec)
				if err == nil && got != rec && !got.Lease.Live && lease.For > 0 {
					got.Lease = payonce.Lease{Holder: lease.Holder, For: lease.For, Live: true}
					return got, m.KeyStore.Save(ctx, got)
				}
				return got, err
			}
		},
		"every call ignores its context": func(m *mutant) {
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				return m.KeyStore.Claim(background(ctx), rec)
			}
		},
		"load 0 is the first generation": func(m *mutant) {
			m.load = func(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
				return m.KeyStore.Load(ctx, id, max(generation, 1))
			}
		},
		"load invents a record": func(m *mutant) {
			m.load = func(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
				rec, err := m.KeyStore.Load(ctx, id, generation)
				if errors.Is(err, payonce.ErrNotFound) {
					return &payonce.Record{ID: id}, nil
				}
				return rec, err
			}
		},
		"find forgets the scope": func(m *mutant) {
			m.find = func(ctx context.Context, _ []byte, key string) (*payonce.Record, error) {
				return m.KeyStore.Find(ctx, []byte("scope-1"), key)
			}
		},
		"find finds nothing": func(m *mutant) {
			m.find = func(context.Context, []byte, string) (*payonce.Record, error) { return nil, payonce.ErrNotFound }
		},
		"load returns shared memory": sharedMemory,
		"load returns local times": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.CreatedAt = rec.CreatedAt.In(time.FixedZone("here", 3600)) })
		},
		"load returns times to the millisecond": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.DueAt = rec.DueAt.Truncate(time.Millisecond) })
		},
		"load makes nil empty": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.Body = append(payonce.Raw{}, rec.Body...) })
		},
		"load makes empty nil": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.Body = append(payonce.Raw(nil), rec.Body...) })
		},
		"load forgets a field of an attempt": func(m *mutant) {
			changed(m, func(rec *payonce.Record) {
				for i := range rec.Attempts {
					rec.Attempts[i].Waited = 0
				}
			})
		},
		"newest is of one account": func(m *mutant) {
			newest(m, func(rec *payonce.Record) string { return rec.ID.Account }, allTimes)
		},
		"newest is of one operation": func(m *mutant) {
			newest(m, func(rec *payonce.Record) string { return rec.ID.String() }, allTimes)
		},
		"newest forgets claims": func(m *mutant) {
			newest(m, everywhere, func(rec *payonce.Record) []time.Time { return []time.Time{rec.FirstAt, rec.LastAt} })
		},
		"newest forgets first attempts": func(m *mutant) {
			newest(m, everywhere, func(rec *payonce.Record) []time.Time { return []time.Time{rec.CreatedAt, rec.LastAt} })
		},
		"newest forgets last attempts": func(m *mutant) {
			newest(m, everywhere, func(rec *payonce.Record) []time.Time { return []time.Time{rec.CreatedAt, rec.FirstAt} })
		},
		"newest goes back": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.Newest = slices.MaxFunc(allTimes(rec), time.Time.Compare) })
		},
		"restored is what the caller said": func(m *mutant) {
			said := false
			m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
				said = rec.Restored
				return m.KeyStore.Claim(ctx, rec)
			}
			changed(m, func(rec *payonce.Record) { rec.Restored = said })
		},
		"a lease never ends": func(m *mutant) {
			changed(m, func(rec *payonce.Record) { rec.Lease.Live = rec.Lease.Holder != "" })
		},
		"save overwrites": func(m *mutant) {
			m.save = func(ctx context.Context, rec *payonce.Record) error {
				now, err := m.KeyStore.Load(ctx, rec.ID, rec.Generation)
				if err != nil {
					return err
				}
				rec.Version = now.Version
				return m.KeyStore.Save(ctx, rec)
			}
		},
		"save leaves the version": func(m *mutant) {
			m.save = func(ctx context.Context, rec *payonce.Record) error {
				c := *rec
				return m.KeyStore.Save(ctx, &c)
			}
		},
		"save keeps the old outcome": func(m *mutant) {
			m.save = func(ctx context.Context, rec *payonce.Record) error {
				now, err := m.KeyStore.Load(ctx, rec.ID, rec.Generation)
				c := *rec
				if err == nil && c.Outcome == nil {
					c.Outcome = now.Outcome
				}
				err = m.KeyStore.Save(ctx, &c)
				rec.Version = c.Version
				return err
			}
		},
		"save later answers twice": func(m *mutant) {
			m.later = func(rec *payonce.Record, done func(error)) {
				m.KeyStore.SaveLater(rec, func(err error) { done(err); done(err) })
			}
		},
		"save later is done at some time": func(m *mutant) {
			m.later = func(rec *payonce.Record, done func(error)) {
				c := *rec
				go m.KeyStore.SaveLater(&c, done)
			}
		},
		"save later increments the caller's version": func(m *mutant) {
			m.later = func(rec *payonce.Record, done func(error)) {
				m.KeyStore.SaveLater(rec, func(err error) { rec.Version++; done(err) })
			}
		},
		"save later says that all is well": func(m *mutant) {
			m.later = func(rec *payonce.Record, done func(error)) { m.KeyStore.SaveLater(rec, func(error) { done(nil) }) }
		},
		"renew renews for anybody": func(m *mutant) {
			m.renew = func(ctx context.Context, _ string, length time.Duration, ids []payonce.OperationID) error {
				for _, id := range ids {
					if rec, err := m.KeyStore.Load(ctx, id, 0); err == nil {
						_ = m.KeyStore.Renew(ctx, rec.Lease.Holder, length, []payonce.OperationID{id})
					}
				}
				return nil
			}
		},
		"renew makes a new version": func(m *mutant) {
			m.renew = func(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
				for _, id := range ids {
					if rec, err := m.KeyStore.Load(ctx, id, 0); err == nil && rec.Lease.Holder == holder && rec.Lease.Live {
						rec.Lease.For = length
						_ = m.KeyStore.Save(ctx, rec)
					}
				}
				return nil
			}
		},
		"renew does nothing": func(m *mutant) {
			m.renew = func(context.Context, string, time.Duration, []payonce.OperationID) error { return nil }
		},
		"list starts again on every page": func(m *mutant) {
			filtered(m, func(f *payonce.Filter) { f.After = "" })
		},
		"list has no limit":           func(m *mutant) { filtered(m, func(f *payonce.Filter) { f.Limit = 10_000 }) },
		"list ignores due times":      func(m *mutant) { filtered(m, func(f *payonce.Filter) { f.DueBefore = time.Time{} }) },
		"list ignores when it begins": func(m *mutant) { filtered(m, func(f *payonce.Filter) { f.DueAfter = time.Time{} }) },
		"list ignores the account":    func(m *mutant) { filtered(m, func(f *payonce.Filter) { f.Account = "provider/sandbox/merchant-1" }) },
		"list is in another order": func(m *mutant) {
			m.list = func(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
				page, next, err := m.KeyStore.List(ctx, f)
				slices.Reverse(page)
				return page, next, err
			}
		},
		"purge ignores its limit": func(m *mutant) {
			m.purge = func(ctx context.Context, before time.Time, _ int) (int, error) {
				return m.KeyStore.Purge(ctx, before, 1000)
			}
		},
		"purge ignores the time": func(m *mutant) {
			m.purge = func(ctx context.Context, _ time.Time, limit int) (int, error) {
				return m.KeyStore.Purge(ctx, time.Now().Add(time.Hour), limit)
			}
		},
		"purge counts and does nothing": func(m *mutant) {
			m.purge = func(context.Context, time.Time, int) (int, error) { return 3, nil }
		},
		"the salt is shared": func(m *mutant) {
			salt := m.KeyStore.Salt()
			m.salt = func() []byte { return salt }
		},
	}
}

// changed makes load return something else than was stored.
func changed(m *mutant, change func(*payonce.Record)) {
	m.load = func(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
		rec, err := m.KeyStore.Load(ctx, id, generation)
		if err == nil {
			change(rec)
		}
		return rec, err
	}
}

func allTimes(rec *payonce.Record) []time.Time {
	return []time.Time{rec.CreatedAt, rec.FirstAt, rec.LastAt}
}

func everywhere(*payonce.Record) string { return "" }

// newest makes load return the newest of some times of the records that were written at a place.
func newest(m *mutant, place func(*payonce.Record) string, times func(*payonce.Record) []time.Time) {
	var mu sync.Mutex
	by := make(map[string]time.Time)
	see := func(rec *payonce.Record, err error) {
		mu.Lock()
		defer mu.Unlock()
		for _, t := range times(rec) {
			if err == nil && t.After(by[place(rec)]) {
				by[place(rec)] = t
			}
		}
	}
	m.claim = func(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
		got, err := m.KeyStore.Claim(ctx, rec)
		see(rec, err)
		return got, err
	}
	m.save = func(ctx context.Context, rec *payonce.Record) error {
		err := m.KeyStore.Save(ctx, rec)
		see(rec, err)
		return err
	}
	m.later = func(rec *payonce.Record, done func(error)) {
		m.KeyStore.SaveLater(rec, func(err error) { see(rec, err); done(err) })
	}
	changed(m, func(rec *payonce.Record) {
		mu.Lock()
		defer mu.Unlock()
		rec.Newest = by[place(rec)]
	})
}

// filtered makes list look for something else.
func filtered(m *mutant, change func(*payonce.Filter)) {
	m.list = func(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
		change(&f)
		return m.KeyStore.List(ctx, f)
	}
}

// sharedMemory makes load return one record to everybody until its version changes.
func sharedMemory(m *mutant) {
	var mu sync.Mutex
	cache := make(map[payonce.OperationID]*payonce.Record)
	m.load = func(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
		mu.Lock()
		defer mu.Unlock()
		rec, err := m.KeyStore.Load(ctx, id, generation)
		if old := cache[id]; err == nil && old != nil && old.Version == rec.Version && old.Generation == rec.Generation {
			return old, nil
		}
		cache[id] = rec
		return rec, err
	}
}

func newMutant(mutate func(*mutant)) payonce.KeyStore {
	m := &mutant{KeyStore: memstore.New()}
	m.claim, m.load, m.save, m.later = m.KeyStore.Claim, m.KeyStore.Load, m.KeyStore.Save, m.KeyStore.SaveLater
	m.find = m.KeyStore.Find
	m.renew, m.list, m.purge, m.salt = m.KeyStore.Renew, m.KeyStore.List, m.KeyStore.Purge, m.KeyStore.Salt
	mutate(m)
	return m
}

// TestMutant runs the suite on the mutant that the environment names. On its own it judges the store that is none.
func TestMutant(t *testing.T) {
	t.Parallel()
	mutate := mutants()[os.Getenv(mutantVariable)]
	if mutate == nil {
		mutate = func(*mutant) {}
	}
	storetest.Run(t, func(*testing.T) payonce.KeyStore { return newMutant(mutate) })
}

func TestTheSuiteFailsEveryMutant(t *testing.T) {
	t.Parallel()
	for name := range mutants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMutant$", "-test.failfast")
			cmd.Env = append(os.Environ(), mutantVariable+"="+name)
			out, err := cmd.CombinedOutput()
			if _, failed := errors.AsType[*exec.ExitError](err); !failed {
				t.Errorf("the suite passes a store whose %s: %v\n%s", name, err, out)
			}
		})
	}
}
