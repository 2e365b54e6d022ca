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
		refusal := c.mayRenew(ctx, last)
		if held, ok := c.held.get(draft.ID); ok && held.Generation == last.Generation {
			last, refusal = held, errors.New("a new key is refused until the last one's success is stored: after a crash it would be sent again")
		}
		if refusal != nil {
			e := c.describe(last)
			e.Err, e.Next = refusal, "no new key was made and nothing was sent"
			if e.Kind == nil {
				e.Kind = ErrKeyReuse
			}
			return nil, e
		}
		if !last.Final() {
			last.KeySpent, last.Lease = true, Lease{}
			if err := c.store.Save(ctx, last); errors.Is(err, ErrStale) {
				continue
			} else if err != nil {
				return nil, c.storeFailed(last, err)
			}
		}
		next, err := c.draft(op, options, last.Generation+1)
		if err != nil {
			return nil, c.invalidCall(*op, err)
		}
		return next, nil
	}
}

// mayRenew says why a new generation must not begin, or nil. Only proof that no money moved allows it.
func (c *Client) mayRenew(ctx context.Context, last *Record) error {
	switch last.State {
	case StateRejected, StateNotSent:
		return nil
	case StateOpen, StateInDoubt:
		return errors.New("a new key is refused while the last one may have moved money")
	case StateSucceeded:
	}
	if last.ID.Kind != kindPaymentCreate || c.portable.GetPayment == nil || last.Outcome == nil || last.Outcome.ResourceID == "" {
		return errors.New("a new key is refused because the operation succeeded")
	}
	payment, err := c.Payments.Get(ctx, last.Outcome.ResourceID)
	switch {
	case err != nil:
		return fmt.Errorf("a new key is refused because the payment could not be read: %w", err)
	case !payment.NoMoneyMoved:
		return fmt.Errorf("a new key is refused because the payment is %s", payment.ProviderStatus)
	}
	return nil
}
