package payonce

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/payonce/payonce/internal/failpoint"
)

// answer is what a call knows at its end.
type answer struct {
	rec *Record
	// local says that the record answered, with no request by this call.
	local bool
}

// do runs one write from the caller's intent to its answer.
func (c *Client) do(ctx context.Context, op Operation, opts []CallOption) (answer, error) {
	var options callOptions
	for _, option := range opts {
		option(&options)
	}
	failpoint.Hit(failpoint.Submitted)
	draft, err := c.draft(&op, &options, 1)
	if err != nil {
		return answer{}, c.invalidCall(op, err)
	}
	failpoint.Hit(failpoint.Drafted)
	defer failpoint.Hit(failpoint.Telling)
	for {
		a, mine, err := c.alone(ctx, draft.ID, func() (answer, error) { return c.lead(ctx, draft, &op, &options) })
		switch {
		case mine || err != nil:
			return a, err
		case !options.newKey:
			return c.replay(draft, a.rec, &options)
		}
	}
}

// alone lets one goroutine of the process work on an operation at a time. The others wait for it: they get its answer if that is about
// the operation, and otherwise, because it was about the caller, their turn.
func (c *Client) alone(ctx context.Context, id OperationID, work func() (answer, error)) (a answer, mine bool, err error) {
	for {
		f, leads := c.flights.join(id)
		if leads {
			defer func() { c.flights.leave(id, f, a, ctx.Err() != nil) }() // also if a caller's transport or logger panics
			a, err = work()
			return a, true, err
		}
		select {
		case <-ctx.Done():
			return answer{}, false, c.waiting(&Record{ID: id}, context.Cause(ctx))
		case <-f.done:
		}
		if f.shared {
			return f.answer, false, nil
		}
	}
}

// waiting is the error of a call that stopped waiting for somebody else's work on the operation.
func (c *Client) waiting(rec *Record, cause error) error {
	return &Error{
		Kind: ErrOutcomeUnknown, Operation: rec.ID, Key: rec.Key, Generation: rec.Generation, Err: cause,
		Next: "somebody else is working on it and this call sent nothing; call again with the same parameters",
	}
}

// lead works on the operation until it has an answer: it inserts the record and sends, or goes by the record that is there.
func (c *Client) lead(ctx context.Context, draft *Record, op *Operation, options *callOptions) (answer, error) {
	if options.newKey {
		next, err := c.nextGeneration(ctx, draft, op, options)
		if err != nil {
			return answer{}, err
		}
		draft = next
	}
	if rec, ok := c.held.get(draft.ID); ok && rec.Generation >= draft.Generation {
		return c.replay(draft, rec, options)
	}
	r := c.newRun(draft, c.budget)
	unmarked := r.s
	a, marked := r.step(ctx, event{kind: claimed})
	draft.Lease = Lease{Holder: c.holder, For: c.lease}
	asked := c.clock.instant()
	stored, err := c.claim(ctx, draft, marked)
	switch {
	case err != nil:
		return answer{}, err
	case stored == draft && !marked: // NotAfter has passed and nobody began it
		return answer{rec: draft, local: true}, c.errorOf(draft, nil)
	case stored == draft:
		c.flights.lease(asked, draft.ID)
		if a, err = c.reconsider(ctx, r, unmarked, a); err != nil {
			return answer{}, c.storeFailed(draft, err)
		}
		return c.complete(ctx, r, a)
	}
	if err := c.same(draft, stored, options); err != nil {
		return answer{}, err
	}
	return c.resume(ctx, stored, c.budget)
}

// reconsider takes back the mark of a new operation that has a time to be over if the store knows that the clock is behind.
func (c *Client) reconsider(ctx context.Context, r *run, unmarked state, a action) (action, error) {
	if r.rec.NotAfter.IsZero() {
		return a, nil
	}
	stored, err := c.store.Load(ctx, r.rec.ID, r.rec.Generation)
	if err != nil {
		return a, err
	}
	unmarked.newest = latest(unmarked.newest, stored.Newest)
	if c.policy.barred(unmarked, c.clock.now()) != "" {
		r.s = unmarked
		a, _ = r.step(ctx, event{kind: claimed})
	}
	return a, nil
}

// claim inserts the record if its first attempt was marked, or returns the one that is there. A store call that failed may have been
// done, so it is looked at: a record of ours is then gone on with like anybody's.
func (c *Client) claim(ctx context.Context, draft *Record, marked bool) (*Record, error) {
	var stored *Record
	var err error
	if marked {
		failpoint.Hit(failpoint.Inserting)
		if stored, err = c.store.Claim(ctx, draft); err == nil {
			failpoint.Hit(failpoint.Inserted)
			return stored, nil
		}
	}
	failure := &Error{Kind: ErrOutcomeUnknown, Operation: draft.ID, Err: storeError(err), Next: "this call sent nothing; mend the store and call again with the same parameters"}
	if errors.Is(err, ErrKeyReuse) {
		failure.Kind, failure.Next = ErrKeyReuse, "nothing was sent; another operation has this key"
		return nil, failure
	}
	if ctx.Err() != nil {
		failure.Err = context.Cause(ctx)
		return nil, failure // the store may still be doing it
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	stored, loadErr := c.store.Load(look, draft.ID, 0)
	switch {
	case errors.Is(loadErr, ErrNotFound) && !marked:
		return draft, nil
	case errors.Is(loadErr, ErrNotFound):
		if !errors.Is(err, ErrStale) { // then somebody else may just be inserting it, and send it
			failure.Kind = ErrNotSent
		}
		return nil, failure
	case loadErr != nil:
		failure.Err = storeError(errors.Join(err, loadErr))
		return nil, failure
	}
	return stored, nil
}

func storeError(err error) error { return fmt.Errorf("key store: %w", err) }

// same refuses other content, and another key, for an operation that exists.
func (c *Client) same(draft, stored *Record, options *callOptions) error {
	var cause error
	switch {
	case !hmac.Equal(draft.Fingerprint, stored.Fingerprint):
		cause = errors.New("the operation exists with other content")
	case options.key != "" && stored.Key != options.key:
		cause = errors.New("the operation exists with another key")
	default:
		return nil
	}
	e := c.describe(stored)
	e.Kind, e.Err, e.Next = ErrKeyReuse, cause, "nothing was sent; use a reference of its own for another intent, or the same parameters for this one"
	return e
}

// replay answers from a record without I/O.
func (c *Client) replay(draft, rec *Record, options *callOptions) (answer, error) {
	if err := c.same(draft, rec, options); err != nil {
		return answer{}, err
	}
	return answer{rec: rec, local: true}, c.errorOf(rec, nil)
}

// newRun begins the work on a record. Its retries are paid from the budget.
func (c *Client) newRun(rec *Record, retries *budget) *run {
	_, canLookup := c.lookupOf(c.requestOf(rec))
	return &run{c: c, rec: rec, s: state{
		Progress: rec.Progress, replay: rec.Replay, prepared: rec.Prepared, createdAt: rec.CreatedAt, notAfter: rec.NotAfter,
		readAt: c.clock.now(), newest: latest(c.clock.newest(), rec.Newest, rec.CreatedAt, rec.FirstAt, rec.LastAt), restored: rec.Restored,
		pinned: c.pinned(rec), canLookup: canLookup,
	}, started: time.Now(), budget: retries}
}

// resume goes by a record that is there: it answers if the operation is closed, waits while somebody else works on it, takes it over
// when nobody does, and sends the stored bytes with the stored key.
func (c *Client) resume(ctx context.Context, rec *Record, retries *budget) (answer, error) {
	open := rec.State == StateOpen
	for turn := 0; ; turn++ {
		if turn == c.policy.maxAttempts {
			return answer{rec: rec}, c.errorOf(rec, errors.New("others worked on it all the while"))
		}
		var err error
		if rec, err = c.await(ctx, rec); err != nil {
			return answer{}, err
		}
		if open && rec.State != StateOpen { // somebody closed it meanwhile, and that is the answer for all who waited
			return answer{rec: rec, local: true}, c.errorOf(rec, nil)
		}
		got, err := c.takeOver(ctx, rec, retries)
		if !errors.Is(err, ErrStale) {
			return got, err
		}
		if rec, err = c.store.Load(ctx, rec.ID, rec.Generation); err != nil {
			return answer{}, c.storeFailed(&Record{ID: got.rec.ID}, err)
		}
		rec.learn(got.rec)
	}
}

// learn takes over what a run knows that lost the compare-and-set: that a 2xx was seen, and how its attempts ended.
func (r *Record) learn(lost *Record) {
	r.Accepted = r.Accepted || lost.Accepted
	for i := range r.Attempts {
		for _, line := range lost.Attempts {
			if mine := &r.Attempts[i]; mine.Took == 0 && line.N == mine.N && line.Took > 0 {
				*mine = line
			}
		}
	}
}

// takeOver works on a record that nobody else works on. ErrStale, with what it learned, means that somebody does after all.
func (c *Client) takeOver(ctx context.Context, rec *Record, retries *budget) (answer, error) {
	before := *rec
	if last := len(rec.Attempts) - 1; last >= 0 && rec.Attempts[last].Took == 0 && rec.Lease.Holder == c.holder {
		rec.Attempts[last].Took = time.Nanosecond // lost, but nobody died: it was this process
	}
	r := c.newRun(rec, retries)
	a, marked := r.step(ctx, event{kind: claimed})
	switch {
	case a.do == doReturn && rec.State == before.State && rec.DueAt.Equal(before.DueAt):
		return answer{rec: rec, local: true}, c.errorOf(rec, nil)
	case marked && !hmac.Equal(rec.Seal, sealOf(c.store.Salt(), rec)):
		return answer{rec: &before, local: true}, c.damaged(&before)
	case marked:
		if err := r.save(ctx, c.lease); errors.Is(err, ErrStale) {
			return answer{rec: &before}, err
		} else if err != nil {
			return answer{}, c.storeFailed(rec, err)
		}
		failpoint.Hit(failpoint.Leased)
	}
	got, err := c.work(ctx, r, a)
	got.local = got.local || a.do == doReturn
	return got, err
}

// damaged is the error for a record whose request is not the one that was stored: it was edited, or lost its body.
func (c *Client) damaged(rec *Record) error {
	e := c.describe(rec)
	e.Kind, e.Err, e.Next = ErrInDoubt, errors.New("the stored request was damaged or edited"), "nothing was sent; restore the store or settle it with Resolve"
	return e
}

// complete works on a record that was just inserted.
func (c *Client) complete(ctx context.Context, r *run, a action) (answer, error) {
	got, err := c.work(ctx, r, a)
	if !errors.Is(err, ErrStale) {
		return got, err
	}
	rec, err := c.store.Load(ctx, r.rec.ID, r.rec.Generation)
	if err != nil {
		return answer{}, c.storeFailed(r.rec, err)
	}
	rec.learn(got.rec)
	return c.resume(ctx, rec, r.budget)
}

// work obeys the protocol to its end and puts what is known into words. ErrStale means that somebody else changed the record.
func (c *Client) work(ctx context.Context, r *run, a action) (answer, error) {
	c.flights.working(r.rec.ID)
	earlier, err := c.earlierSuccess(ctx, r.rec, a)
	switch {
	case err == nil && earlier != nil:
		err = c.withdraw(ctx, r.rec, earlier)
	case err == nil:
		err = r.obey(ctx, a)
	}
	switch {
	case errors.Is(err, ErrStale):
		return answer{rec: r.rec}, err
	case err != nil:
		return answer{}, c.storeFailed(r.rec, err)
	}
	return answer{rec: r.rec}, c.errorOf(r.rec, r.err)
}

// storeFailed is the error when the store could not be written or read in the middle of the work.
func (c *Client) storeFailed(rec *Record, err error) error {
	e := c.describe(rec)
	e.Kind, e.Err, e.Next = ErrOutcomeUnknown, storeError(err), "mend the store and call again with the same parameters, or let Recover finish it"
	return e
}

// maxPoll is how often, at least, a call looks whether somebody else's lease is over.
const maxPoll = 250 * time.Millisecond

// await polls while somebody else has a live lease, for at most MaxElapsed.
func (c *Client) await(ctx context.Context, rec *Record) (*Record, error) {
	limit := time.Now().Add(c.policy.maxElapsed)
	for wait := 20 * time.Millisecond; rec.State == StateOpen && rec.Lease.Live && rec.Lease.Holder != c.holder; wait = min(2*wait, maxPoll) {
		if time.Now().After(limit) {
			return rec, c.waiting(rec, errors.New("its lease was renewed all the while"))
		}
		if err := pause(ctx, wait); err != nil {
			return rec, c.waiting(rec, err)
		}
		current, err := c.store.Load(ctx, rec.ID, rec.Generation)
		if err != nil {
			return rec, c.storeFailed(rec, err)
		}
		rec = current
	}
	return rec, nil
}

// latest returns the last of some times.
func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
