// Package memstore keeps operations in memory, for tests and for trying things out.
package memstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/payonce/payonce"
)

// Store forgets everything when the process ends: after a restart a payment that was sent can be sent again under a key that the
// provider may not know any more. Use it in tests; for money use sqlitestore. It grows until it is garbage. Its Durability
// promises nothing, and it is for one process.
type Store struct {
	salt []byte

	mu      sync.Mutex
	entries []*entry // in the order of creation
	byID    map[payonce.OperationID][]*entry
	byKey   map[scopedKey]*entry // what was claimed as exclusive
	newest  time.Time            // of every record that was ever written
}

// entry is one stored record. Its record is the store's own: copies go in and out.
type entry struct {
	rec       *payonce.Record
	number    int
	leasedTo  time.Time
	changedAt time.Time
	purged    bool
}

// scopedKey is a key within a provider's dedupe scope.
type scopedKey struct{ scope, key string }

var _ payonce.KeyStore = (*Store)(nil)

// New returns an empty store with a salt of its own.
func New() *Store {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails: it ends the process instead
	return &Store{
		salt:  salt,
		byID:  make(map[payonce.OperationID][]*entry),
		byKey: make(map[scopedKey]*entry),
	}
}

// Durability says that nothing outlasts the process.
func (s *Store) Durability() payonce.Durability {
	return payonce.Durability{Text: "memory, forgets everything when the process ends"}
}

// Salt returns the store's random key, another one for every New.
func (s *Store) Salt() []byte { return slices.Clone(s.salt) }

// Claim inserts rec or returns the record that is there.
func (s *Store) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if latest := s.find(rec.ID, 0); latest != nil && latest.rec.Generation >= rec.Generation {
		return s.out(latest), nil
	}
	at := scopedKey{scope: string(rec.Scope), key: rec.Key}
	if taken := s.byKey[at]; rec.Exclusive && taken != nil {
		return nil, fmt.Errorf("claim %s: key %q belongs to %s: %w", rec.ID, rec.Key, taken.rec.ID, payonce.ErrKeyReuse)
	}
	rec.Version = 1
	rec.Lease.Live = rec.Lease.For > 0
	e := &entry{rec: clone(rec), number: len(s.entries) + 1}
	e.lease(rec.Lease)
	s.see(e.rec)
	s.entries = append(s.entries, e)
	s.byID[rec.ID] = append(s.byID[rec.ID], e)
	if rec.Exclusive {
		s.byKey[at] = e
	}
	return rec, nil
}

// Load returns the record of one generation, or of the latest if generation is 0.
func (s *Store) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(id, generation)
	if e == nil {
		return nil, fmt.Errorf("load %s, generation %d: %w", id, generation, payonce.ErrNotFound)
	}
	return s.out(e), nil
}

// Find returns the record that has an exclusive key within a scope.
func (s *Store) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byKey[scopedKey{scope: string(scope), key: key}]
	if e == nil {
		return nil, fmt.Errorf("find key %q: %w", key, payonce.ErrNotFound)
	}
	return s.out(e), nil
}

// Save replaces progress and lease if nobody else did since rec was read.
func (s *Store) Save(ctx context.Context, rec *payonce.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.save(rec); err != nil {
		return err
	}
	rec.Version++
	return nil
}

// SaveLater is Save at once: done is called before it returns. It leaves rec as it is.
func (s *Store) SaveLater(rec *payonce.Record, done func(error)) { done(s.save(rec)) }

func (s *Store) save(rec *payonce.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(rec.ID, rec.Generation)
	if e == nil || e.rec.Version != rec.Version {
		return fmt.Errorf("save %s, generation %d, version %d: %w", rec.ID, rec.Generation, rec.Version, payonce.ErrStale)
	}
	e.rec.Progress = cloneProgress(rec.Progress)
	e.rec.Version++
	e.purged = false
	e.lease(rec.Lease)
	s.see(e.rec)
	return nil
}

// Renew extends what holder still has; a lease that ran out stays so.
func (s *Store) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, id := range ids {
		for _, e := range s.byID[id] {
			if e.rec.Lease.Holder == holder && e.live(now) {
				e.leasedTo = now.Add(length)
			}
		}
	}
	return nil
}

// find returns one generation of an operation, or the latest if generation is 0; nil if there is none.
func (s *Store) find(id payonce.OperationID, generation int) *entry {
	for _, e := range slices.Backward(s.byID[id]) {
		if generation == 0 || e.rec.Generation == generation {
			return e
		}
	}
	return nil
}

// lease leases the entry from now, or releases it.
func (e *entry) lease(l payonce.Lease) {
	now := time.Now()
	e.changedAt = now
	e.leasedTo, e.rec.Lease = time.Time{}, payonce.Lease{}
	if l.For > 0 {
		e.leasedTo, e.rec.Lease.Holder = now.Add(l.For), l.Holder
	}
}

func (e *entry) live(now time.Time) bool { return e.rec.Lease.Holder != "" && now.Before(e.leasedTo) }

// see remembers the newest time of what was written.
func (s *Store) see(rec *payonce.Record) {
	for _, t := range []time.Time{rec.CreatedAt, rec.FirstAt, rec.LastAt} {
		if t.After(s.newest) {
			s.newest = t
		}
	}
}

// out returns a copy for the caller. It was never restored: nothing of it outlasts the process.
func (s *Store) out(e *entry) *payonce.Record {
	rec := clone(e.rec)
	rec.Lease.Live = e.live(time.Now())
	rec.Newest, rec.Restored = s.newest, false
	return rec
}
