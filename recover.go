package payonce

import (
	"context"
	"errors"
	"iter"
	"log/slog"
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

// Resolution is what a person found out about an operation.
type Resolution int

const (
	// Executed: it took effect.
	Executed Resolution = iota + 1
	// NotExecuted: it took no effect and won't. Refused until the last attempt can no longer be on its way (Retry.MaxInFlight).
	NotExecuted
	// StopSending: nobody knows; it is in doubt and nothing is sent any more.
	StopSending
)

// Recover finishes what was begun under the client's account and is due: each operation under a lease, from its stored bytes and
// with its stored key, so that any number of processes may do it at once. It yields what is in doubt, and then one result for each,
// with the error its call would have returned. An error without an operation ends it: the store could not be read.
func (c *Client) Recover(ctx context.Context) iter.Seq2[Recovered, error] {
	return func(yield func(Recovered, error) bool) {
		_ = c.recoverAll(ctx, StateInDoubt, yield) && c.recoverAll(ctx, StateOpen, yield)
	}
}

// recoverAll goes through the pages of one state, and says whether to go on.
func (c *Client) recoverAll(ctx context.Context, state State, yield func(Recovered, error) bool) bool {
	filter := Filter{Account: c.profile.Account, State: state, DueBefore: wallNow()}
	for {
		page, next, err := c.store.List(ctx, filter)
		if err != nil {
			yield(Recovered{}, &Error{Kind: ErrUnavailable, Operation: OperationID{Account: filter.Account, Kind: "recover"}, Err: err})
			return false
		}
		for _, rec := range page {
			if _, ours := c.scopeFor(rec.Scope); !ours && state == StateOpen && c.keyLives(rec) {
				continue // whoever has the credential finishes it
			}
			if rec.Lease.Live && (rec.Lease.Holder != c.holder || c.flights.flying(rec.ID)) {
				continue
			}
			if r, err := c.recoverOne(ctx, rec); !yield(r, err) || ctx.Err() != nil {
				return false
			}
		}
		if next == "" {
			return true
		}
		filter.After = next
	}
}

// keyLives says that the record may still be sent by whoever can, and that it is not too long ago that somebody could.
func (c *Client) keyLives(rec *Record) bool {
	r, now := c.newRun(rec), wallNow()
	r.s.pinned = true
	return c.policy.barred(r.s, now) == "" && (now.Sub(rec.CreatedAt) < lookupPatience || now.Sub(rec.LastAt) < lookupPatience)
}

// recoverOne finishes one record, unless a call of this process is at it: then it waits for that.
func (c *Client) recoverOne(ctx context.Context, rec *Record) (Recovered, error) {
	a, mine, err := c.alone(ctx, rec.ID, func() (answer, error) {
		if held, ok := c.held.get(rec.ID); ok && held.Generation == rec.Generation {
			return answer{rec: held, local: true}, nil
		}
		return c.resume(ctx, rec)
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
	return c.recoverOne(ctx, rec)
}

// noRecord is the error for a record that could not be loaded.
func (c *Client) noRecord(id OperationID, err error) error {
	if errors.Is(err, ErrNotFound) {
		return &Error{Kind: ErrNotFound, Operation: id, Next: "nothing was ever begun under this reference, by this account"}
	}
	return &Error{Kind: ErrUnavailable, Operation: id, Err: err, Next: "mend the store and try again"}
}

// Resolve settles an operation that is open or in doubt, as a person found out. The note is kept in the record. NotExecuted is
// refused (ErrOutcomeUnknown) while the last attempt may still be on its way; after that a person's word is taken, even if a 2xx was
// seen. A success that arrives later wins over any resolution.
func (c *Client) Resolve(ctx context.Context, id OperationID, resolution Resolution, note string) error {
	if resolution < Executed || resolution > StopSending {
		return &Error{Kind: ErrInvalid, Operation: id, Err: invalid("resolution", "must be Executed, NotExecuted or StopSending"), Next: "nothing was changed"}
	}
	for {
		rec, err := c.store.Load(ctx, id, 0)
		if err != nil {
			return c.noRecord(id, err)
		}
		if err := c.resolvable(rec, resolution); err != nil {
			return err
		}
		doubled := rec.doubled()
		resolve(&rec.Progress, resolution, note)
		if doubled && resolution == NotExecuted {
			if err := c.adoptEarlier(ctx, rec); err != nil {
				return c.storeFailed(rec, err)
			}
		}
		rec.Lease = Lease{}
		err = c.store.Save(ctx, rec)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return c.storeFailed(rec, err)
		}
		c.log.LogAttrs(ctx, slog.LevelInfo, "operation resolved", slog.Any("operation", id), slog.String("state", rec.State.String()))
		return nil
	}
}

// resolvable says why the operation can't be resolved so, or nil.
func (c *Client) resolvable(rec *Record, resolution Resolution) error {
	e := c.describe(rec)
	quiet := rec.LastAt.Add(c.policy.maxInFlight)
	switch {
	case rec.State != StateOpen && rec.State != StateInDoubt:
		e.Kind, e.Err, e.Next = ErrInvalid, errors.New("the operation is already "+rec.State.String()), "nothing was changed"
	case rec.Lease.Live && rec.Lease.Holder != "":
		e.Kind, e.Err, e.Next = ErrOutcomeUnknown, errors.New("somebody is working on it"), "nothing was changed; try again when its lease has ended"
	case resolution == NotExecuted && rec.Sent > 0 && wallNow().Before(quiet):
		e.Kind, e.Err, e.Next = ErrOutcomeUnknown, errors.New("the last attempt may still be on its way"), "nothing was changed; try again after "+quiet.Format(time.RFC3339)
	default:
		return nil
	}
	return e
}

// adoptEarlier looks for the earlier generation that succeeded, when a person says that this one did not.
func (c *Client) adoptEarlier(ctx context.Context, rec *Record) error {
	for generation := rec.Generation - 1; generation > 0; generation-- {
		earlier, err := c.store.Load(ctx, rec.ID, generation)
		if err != nil {
			return err
		}
		if earlier.stands() {
			rec.adopt(earlier)
			return nil
		}
	}
	return nil
}

const resolvedExecuted = "resolved by a person: executed"

// resolve is what a person's word makes of the progress.
func resolve(p *Progress, resolution Resolution, note string) {
	p.Note = note
	switch resolution {
	case Executed:
		if p.State, p.Reason = StateSucceeded, resolvedExecuted; p.Outcome != nil && p.Outcome.Class != ClassSucceeded {
			p.Outcome = nil
		}
	case NotExecuted:
		p.State, p.Reason, p.KeySpent, p.Possible = StateRejected, "resolved by a person: not executed", true, 0
	case StopSending:
		p.State, p.Reason = StateInDoubt, "resolved by a person: stop sending"
	}
}

// recoverByItself finishes what is open and due, again and again, until the client is closed. What is in doubt waits for a person, or
// for a call that looks it up.
func (c *Client) recoverByItself(ctx context.Context, every time.Duration) {
	for pause(ctx, every) == nil {
		c.recoverAll(ctx, StateOpen, func(r Recovered, err error) bool {
			level := slog.LevelInfo
			if err != nil {
				level = slog.LevelWarn
			}
			c.log.LogAttrs(ctx, level, "recovered", slog.Any("operation", r.Operation), slog.String("state", r.State.String()), slog.Any("error", err))
			return true
		})
	}
}

// renewLeases keeps the leases of long calls alive until the client is closed. It rests while there are none.
func (c *Client) renewLeases(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.flights.busy:
		}
		for pause(ctx, c.lease/3) == nil {
			ids := c.flights.leased()
			if len(ids) == 0 {
				break
			}
			if err := c.store.Renew(ctx, c.holder, c.lease, ids); err != nil && ctx.Err() == nil {
				c.log.LogAttrs(ctx, slog.LevelWarn, "leases could not be renewed", slog.Int("count", len(ids)), slog.Any("error", err))
			}
		}
	}
}
