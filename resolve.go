package payonce

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

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

// Resolve settles an operation that is open or in doubt, as a person found out, or one that a restored store has as closed: what it
// forgot since, a later key perhaps, only a person can find out. The note is kept in the record. NotExecuted is
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
		if now := c.clock.now(); resolution == StopSending && rec.LastAt.After(now) {
			rec.LastAt = now // a clock was wrong; from now on nothing is sent, so MaxInFlight counts from here
		}
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
	e, now := c.describe(rec), c.clock.now()
	early := max(rec.LastAt.Add(c.policy.maxInFlight).Sub(now), c.clock.unsure(c.policy.maxInFlight))
	if rec.Restored {
		early = max(early, c.policy.maxInFlight-c.clock.since(c.started))
	}
	switch {
	case rec.State != StateOpen && rec.State != StateInDoubt && (!rec.Restored || (rec.State == StateSucceeded && resolution != Executed)):
		e.Kind, e.Err, e.Next = ErrInvalid, errors.New("the operation is already "+rec.State.String()), "nothing was changed"
	case rec.Lease.Live && rec.Lease.Holder != "":
		e.Kind, e.Err, e.Next = ErrOutcomeUnknown, errors.New("somebody is working on it"), "nothing was changed; try again when its lease has ended"
	case resolution == NotExecuted && (rec.Sent > 0 || rec.Restored) && early > 0:
		e.Kind, e.Err, e.Next = ErrOutcomeUnknown, errors.New("the last attempt may still be on its way"), "nothing was changed; try again after "+now.Add(early).Format(time.RFC3339)
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
