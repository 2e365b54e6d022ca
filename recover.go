package payonce

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"
)

// Recovered is what became of one operation that was not finished.
type Recovered struct {
	// Operation and Generation say which.
	Operation  OperationID
	Generation int
	// State is what is known now.
	State State
	// ResourceID is the provider's id of what was made, where known.
	ResourceID string
	// Receipt says how the answer came about.
	Receipt Receipt
}

// Recover finishes what was begun under the client's account and is due, in the order in which it is due: each operation under a lease,
// from its stored bytes and with its stored key, so that any number of processes may do it at once. It works on a few at a time, from
// pages, however many there are, and yields one result each, as it comes, with the error that the operation's own call would have
// returned: first of what is in doubt. One on which its process died again and again is put in doubt and not touched. An error
// without an operation says that not all were listed: the store could not be read, or ctx ended. A loop that is left early waits for
// those that were begun.
func (c *Client) Recover(ctx context.Context) iter.Seq2[Recovered, error] {
	return func(yield func(Recovered, error) bool) {
		_ = c.sweep(ctx, StateInDoubt, 0, yield) && c.sweep(ctx, StateOpen, 0, yield)
	}
}

// recoverers is how many operations a sweep works on at a time.
const recoverers = 8

// swept is a result on its way to whoever asked for the sweep.
type swept struct {
	recovered Recovered
	err       error
	panicked  any
}

// sweep recovers what is due in one state, begins one only every so often, and says whether to go on.
func (c *Client) sweep(ctx context.Context, state State, every time.Duration, yield func(Recovered, error) bool) bool {
	listing, cancel := context.WithCancel(ctx)
	due, results := make(chan *Record), make(chan swept)
	var working sync.WaitGroup
	alone := newApart()
	for range recoverers {
		working.Go(func() {
			for rec := range due {
				results <- c.recoverSafely(ctx, rec, alone)
			}
		})
	}
	working.Go(func() {
		defer close(due)
		if err := c.listDue(listing, state, every, due); err != nil {
			results <- swept{err: err}
		}
	})
	go func() {
		working.Wait()
		close(results)
	}()
	defer func() {
		cancel()
		for range results { // what was begun comes to its end
		}
	}()
	listed := true
	for s := range results {
		if s.panicked != nil {
			panic(s.panicked) // a caller's transport or logger did; it is the caller's to catch
		}
		listed = listed && s.recovered.Generation > 0
		if !yield(s.recovered, s.err) {
			return false
		}
	}
	return listed
}

// listDue hands out the pages of what is due: in the order of time, and then what a wrong clock put off for longer than anything is.
func (c *Client) listDue(ctx context.Context, state State, every time.Duration, due chan<- *Record) error {
	now := c.clock.now()
	filter := Filter{Account: c.profile.Account, State: state, DueBefore: now}
	for {
		page, next, err := c.store.List(ctx, filter)
		if err != nil {
			return &Error{Kind: ErrUnavailable, Operation: OperationID{Account: filter.Account, Kind: "recover"}, Err: err}
		}
		for _, rec := range page {
			present := c.clock.now() // it may have been set back meanwhile, or it got late
			if due := filter.DueAfter.IsZero(); !c.recoverable(rec) || (due && rec.DueAt.After(present)) || (!due && !rec.DueAt.After(present.Add(maxLater+time.Hour))) {
				continue
			}
			if every > 0 {
				_ = pause(ctx, every) // the end of ctx is seen below
			}
			select {
			case due <- rec:
			case <-ctx.Done():
				return &Error{Kind: ErrUnavailable, Operation: OperationID{Account: filter.Account, Kind: "recover"}, Err: context.Cause(ctx)}
			}
		}
		switch {
		case next != "":
			filter.After = next
		case !filter.DueBefore.IsZero():
			filter = Filter{Account: filter.Account, State: state, DueAfter: now.Add(maxLater + time.Hour)}
		default:
			return nil
		}
	}
}

// recoverable says that nobody else works on the record, or has to.
func (c *Client) recoverable(rec *Record) bool {
	if c.othersHave(rec) {
		return false
	}
	return !rec.Lease.Live || (rec.Lease.Holder == c.holder && !c.flights.flying(rec.ID))
}

// othersHave says that an open record is for whoever has its host and its credential to finish, which this client has not.
func (c *Client) othersHave(rec *Record) bool {
	return !c.pinned(rec) && rec.State == StateOpen && c.keyLives(rec)
}

// keyLives says that the record may still be sent by whoever can, and that it is not too long ago that somebody could.
func (c *Client) keyLives(rec *Record) bool {
	r, now := c.newRun(rec, c.budget), c.clock.now()
	r.s.pinned = true
	reason := c.policy.barred(r.s, now)
	return (reason == "" || reason == clockBehind) && (now.Sub(rec.CreatedAt) < lookupPatience || now.Sub(rec.LastAt) < lookupPatience)
}

// recoverSafely brings a panic to whoever asked for the sweep.
func (c *Client) recoverSafely(ctx context.Context, rec *Record, alone *apart) (s swept) {
	defer func() { s.panicked = recover() }()
	s.recovered, s.err = c.recoverApart(ctx, rec, alone)
	return s
}

// recoverApart recovers an operation on which processes died alone: if this one dies too, no other is taken for the cause.
func (c *Client) recoverApart(ctx context.Context, rec *Record, apart *apart) (Recovered, error) {
	dead := rec.deaths() > 1
	apart.enter(dead)
	defer apart.leave(dead)
	return c.recoverOne(ctx, rec, c.recovery)
}

// apart lets one work alone, or many together. It is a mutex for readers and writers of channels, so that virtual time goes on.
type apart struct{ turn, seats chan struct{} }

func newApart() *apart { return &apart{make(chan struct{}, 1), make(chan struct{}, recoverers)} }

func (a *apart) enter(alone bool) {
	a.turn <- struct{}{}
	n := 1
	if alone {
		n = cap(a.seats)
	}
	for range n {
		a.seats <- struct{}{}
	}
	<-a.turn
}

func (a *apart) leave(alone bool) {
	n := 1
	if alone {
		n = cap(a.seats)
	}
	for range n {
		<-a.seats
	}
}

// recoverOne finishes one record, unless a call of this process is at it: then it waits for that.
func (c *Client) recoverOne(ctx context.Context, rec *Record, retries *budget) (Recovered, error) {
	a, mine, err := c.alone(ctx, rec.ID, func() (answer, error) {
		if held, ok := c.held.get(rec.ID); ok && held.Generation == rec.Generation {
			return answer{rec: held, local: true}, nil
		}
		return c.resume(ctx, rec, retries)
	})
	if a.rec == nil {
		a.rec = rec
	}
	if !mine && err == nil {
		err = c.errorOf(a.rec, nil)
	}
	return recovered(a), err
}

func recovered(a answer) Recovered {
	r := Recovered{Operation: a.rec.ID, Generation: a.rec.Generation, State: a.rec.State, Receipt: a.receipt()}
	if a.rec.Outcome != nil {
		r.ResourceID = a.rec.Outcome.ResourceID
	}
	return r
}

// Run finishes one operation that has a record, such as one begun by Prepare, from its stored bytes. ErrNotFound if there is none.
// It returns what the operation's own call would return.
func (c *Client) Run(ctx context.Context, id OperationID) (Recovered, error) {
	rec, err := c.store.Load(ctx, id, 0)
	if err != nil {
		return Recovered{}, c.noRecord(id, err)
	}
	if c.othersHave(rec) {
		a := answer{rec: rec, local: true}
		return recovered(a), c.errorOf(rec, errors.New("this client lacks the host or the credential that it was begun under; a process that has both finishes it"))
	}
	return c.recoverOne(ctx, rec, c.budget)
}

// noRecord is the error for a record that could not be loaded.
func (c *Client) noRecord(id OperationID, err error) error {
	if errors.Is(err, ErrNotFound) {
		return &Error{Kind: ErrNotFound, Operation: id, Next: "nothing was ever begun under this reference, by this account"}
	}
	return &Error{Kind: ErrUnavailable, Operation: id, Err: err, Next: "mend the store and try again"}
}

// waker is a store that tells when something is there to be sent that no process began: what it inserted in a merchant's transaction.
// A value on the channel says that there may be; it ends with ctx, and nil never says anything.
type waker interface {
	Wake(ctx context.Context) <-chan struct{}
}

// recoverByItself finishes what is open and due, again and again and whenever the store says that there is something, until the client
// is closed. What is in doubt waits for a person, or for a call that looks it up.
func (c *Client) recoverByItself(ctx context.Context, every, apart time.Duration) {
	var wake <-chan struct{}
	if w, ok := c.store.(waker); ok {
		wake = w.Wake(ctx)
	}
	for {
		c.sweep(ctx, StateOpen, apart, func(r Recovered, err error) bool {
			level := slog.LevelInfo
			if err != nil {
				level = slog.LevelWarn
			}
			c.log.LogAttrs(ctx, level, "recovered", slog.Any("operation", r.Operation), slog.String("state", r.State.String()), slog.Any("error", err))
			return true
		})
		if pauseOr(ctx, every, wake) != nil {
			return
		}
	}
}
