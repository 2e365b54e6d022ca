package payonce

import (
	"context"
	"errors"
	"fmt"
)

// nextGeneration returns the draft of the next generation if the last one is known to have moved no money. The last one is retired
// first, so that nobody who read it earlier can still send it.
func (c *Client) nextGeneration(ctx context.Context, draft *Record, op *Operation, options *callOptions) (*Record, error) {
	for {
		last, err := c.store.Load(ctx, draft.ID, 0)
		switch {
		case errors.Is(err, ErrNotFound):
			return draft, nil
		case err != nil:
			return nil, c.storeFailed(draft, err)
		}
		seen, refusal := c.mayRenew(ctx, last, options.key)
		if held, ok := c.held.get(draft.ID); ok && held.Generation <= last.Generation {
			last, refusal = held, errors.New("a new key is refused until the last one's success is stored: after a crash it would be sent again")
		}
		if refusal != nil {
			e := c.describe(last)
			e.Err, e.Next = refusal, "no new key was made and nothing was sent"
			switch {
			case errors.Is(refusal, errForgotten):
				e.Kind, e.Next = ErrInDoubt, "nothing was sent; find out at the provider what happened and settle it with Resolve"
			case e.Kind == nil || errors.Is(refusal, errKeyUsed):
				e.Kind = ErrKeyReuse
			}
			return nil, e
		}
		if err := c.retire(ctx, seen); errors.Is(err, ErrStale) {
			continue
		} else if err != nil {
			return nil, c.storeFailed(last, err)
		}
		next, err := c.draft(op, options, last.Generation+1)
		if err != nil {
			return nil, c.invalidCall(*op, err)
		}
		return next, nil
	}
}

// retire notes that nothing is sent under the last keys any more, and that what succeeded under them is over.
func (c *Client) retire(ctx context.Context, seen []*Record) error {
	for _, rec := range seen {
		if !rec.KeySpent {
			rec.KeySpent, rec.Lease = true, Lease{}
			if err := c.store.Save(ctx, rec); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	errKeyUsed   = errors.New("the key was an earlier one of the same operation")
	errForgotten = errors.New("a new key is refused because " + forgotten)
)

// mayRenew says why a new generation must not begin, or nil. Only proof that no money moved under any earlier one allows it.
func (c *Client) mayRenew(ctx context.Context, last *Record, key string) (seen []*Record, err error) {
	switch last.State {
	case StateOpen, StateInDoubt:
		return nil, errors.New("a new key is refused while the last one may have moved money")
	case StateSucceeded, StateRejected, StateNotSent:
		if last.Restored {
			return nil, errForgotten
		}
	}
	for rec := last; ; {
		seen = append(seen, rec)
		if rec.Key == key {
			return nil, errKeyUsed
		}
		if rec.stands() || (rec == last && rec.State == StateSucceeded) {
			if err := c.overUnpaid(ctx, rec); err != nil {
				return nil, err
			}
		}
		if rec.Generation == 1 {
			return seen, nil
		}
		earlier, err := c.store.Load(ctx, rec.ID, rec.Generation-1)
		if err != nil {
			return nil, fmt.Errorf("a new key is refused because generation %d could not be read: %w", rec.Generation-1, err)
		}
		rec = earlier
	}
}

// overUnpaid says why a success does not allow a new key, or nil if a fresh read shows that its payment is over and moved no money.
func (c *Client) overUnpaid(ctx context.Context, rec *Record) error {
	if rec.ID.Kind != kindPaymentCreate || c.portable.GetPayment == nil || rec.Outcome == nil || rec.Outcome.ResourceID == "" {
		return errors.New("a new key is refused because the operation succeeded")
	}
	payment, err := c.Payments.Get(ctx, rec.Outcome.ResourceID)
	switch {
	case err != nil:
		return fmt.Errorf("a new key is refused because the payment could not be read: %w", err)
	case !payment.NoMoneyMoved:
		return fmt.Errorf("a new key is refused because the payment is %s", payment.ProviderStatus)
	}
	return nil
}

// earlierSuccess returns the success of an earlier generation that stands against sending this one. It is asked for after the mark of an
// attempt was stored: a success that is recorded from then on finds the mark (warnLater).
func (c *Client) earlierSuccess(ctx context.Context, rec *Record, a action) (*Record, error) {
	for generation := rec.Generation - 1; a.do == doSend && generation > 0; generation-- {
		earlier, err := c.store.Load(ctx, rec.ID, generation)
		if err != nil {
			return nil, err
		}
		if earlier.stands() {
			return earlier, nil
		}
	}
	return nil, nil
}

// stands says that a generation succeeded, and is not known to be over without money moved.
func (r *Record) stands() bool { return r.State == StateSucceeded && !r.KeySpent }

// withdraw takes back the attempt that was marked and is not sent, because an earlier generation succeeded while this one was begun.
func (c *Client) withdraw(ctx context.Context, rec, earlier *Record) error {
	rec.Attempts[len(rec.Attempts)-1].Class = ClassNotSent
	rec.Reached--
	rec.Possible--
	if rec.Possible > 0 {
		rec.State, rec.Reason = StateInDoubt, twoSucceeded
	} else {
		rec.adopt(earlier)
	}
	rec.Lease = Lease{}
	return c.store.Save(ctx, rec)
}
