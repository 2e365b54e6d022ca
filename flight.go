package payonce

import (
	"slices"
	"sync"
	"time"
)

// flights lets one goroutine of the process work on an operation while the others wait for its answer.
type flights struct {
	mu sync.Mutex
	by map[OperationID]*flight
	// busy is signalled when there are leases to renew.
	busy chan struct{}
}

// flight is one goroutine's work. answer is set before done is closed.
type flight struct {
	done   chan struct{}
	answer answer
	// shared says that the answer is about the operation, not about the caller who worked on it.
	shared bool
	// working says that a record is leased for it, since that it was when that was last asked for; zero is not known.
	working bool
	since   instant
}

func newFlights() *flights {
	return &flights{by: map[OperationID]*flight{}, busy: make(chan struct{}, 1)}
}

// join returns the flight of the operation and whether the caller is the one to work on it.
func (fs *flights) join(id OperationID) (*flight, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f, ok := fs.by[id]; ok {
		return f, false
	}
	f := &flight{done: make(chan struct{})}
	fs.by[id] = f
	return f, true
}

// leave hands the answer to those who wait. What is still open after the worker's own context ended is theirs to go on with.
func (fs *flights) leave(id OperationID, f *flight, a answer, interrupted bool) {
	f.answer, f.shared = a, a.rec != nil && (!interrupted || a.rec.State != StateOpen)
	fs.mu.Lock()
	delete(fs.by, id)
	fs.mu.Unlock()
	close(f.done)
}

// flying says that a goroutine of this process works on the operation.
func (fs *flights) flying(id OperationID) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	_, ok := fs.by[id]
	return ok
}

// working notes that the operation's record is leased, so that the lease is renewed.
func (fs *flights) working(id OperationID) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f, ok := fs.by[id]; ok {
		f.working = true
	}
	select {
	case fs.busy <- struct{}{}:
	default:
	}
}

// renewed notes when leases were asked for again. One that may have been over by then stays so: the store does not say.
func (fs *flights) renewed(asked instant, trust time.Duration, ids []OperationID) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, id := range ids {
		if f, ok := fs.by[id]; ok && max(asked.mono.Sub(f.since.mono), asked.wall.Sub(f.since.wall)) <= trust {
			f.since = asked
		}
	}
}

// lease notes when leases were asked for that the store has granted.
func (fs *flights) lease(asked instant, ids ...OperationID) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, id := range ids {
		if f, ok := fs.by[id]; ok {
			f.since = asked
		}
	}
}

// leasedSince returns when the operation's lease was last asked for, and whether it is known.
func (fs *flights) leasedSince(id OperationID) (instant, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, ok := fs.by[id]
	if !ok || f.since.mono.IsZero() {
		return instant{}, false
	}
	return f.since, true
}

// leased lists the operations whose leases must be renewed.
func (fs *flights) leased() []OperationID {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var ids []OperationID
	for id, f := range fs.by {
		if f.working {
			ids = append(ids, id)
		}
	}
	return slices.Clip(ids)
}
