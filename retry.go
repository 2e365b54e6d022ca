package payonce

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/payonce/payonce/internal/failpoint"
)

// Retry bounds a call. The zero value is the default policy: 4 attempts within 2 minutes, waiting a random part of 0.5, 1, 2, 4, 8 s
// between them (full jitter).
type Retry struct {
	// MaxAttempts is the number of requests that one call may make. Defaults to 4; 1 is no retry. Waiting on a request in flight
	// with the same key does not count.
	MaxAttempts int
	// MaxElapsed bounds one call's attempts and waits; the caller's context may end it earlier. Defaults to 2 min.
	MaxElapsed time.Duration
	// MinWait and MaxWait are the first and the last ceiling of the waits. Default to 0.5 s and 8 s.
	MinWait, MaxWait time.Duration
	// MaxHint is the longest hint of the server (Retry-After) that a call waits for; a longer one ends it at once, with Error.DueAt.
	// Defaults to 1 min.
	MaxHint time.Duration
	// AttemptTimeout bounds one attempt. Defaults to the provider's, which lies above its server's own limit: a shorter one turns
	// slow successes into unknown outcomes.
	AttemptTimeout time.Duration
	// MaxInFlight is how long a request may live on after the client gave up on it. Defaults to 5 min.
	MaxInFlight time.Duration
}

func (r *Retry) check() error {
	var p problems
	if r.MaxAttempts < 0 {
		p.add("Config.Retry.MaxAttempts", "is negative")
	}
	if min(r.MaxElapsed, r.MinWait, r.MaxWait, r.MaxHint, r.AttemptTimeout, r.MaxInFlight) < 0 {
		p.add("Config.Retry", "a duration is negative")
	}
	if r.MaxWait > 0 && r.MaxWait < r.MinWait {
		p.add("Config.Retry.MaxWait", "is less than MinWait")
	}
	return p.err()
}

func (r *Retry) apply(p *policy) {
	p.maxAttempts = orDefault(r.MaxAttempts, 4)
	p.maxElapsed = orDefault(r.MaxElapsed, 2*time.Minute)
	p.maxHint = orDefault(r.MaxHint, time.Minute)
	p.maxInFlight = orDefault(r.MaxInFlight, 5*time.Minute)
	p.ceilings = ceilings(orDefault(r.MinWait, 500*time.Millisecond), orDefault(r.MaxWait, 8*time.Second))
}

// ceilings are the waits of an exponential backoff without jitter; step multiplies by the jitter.
func ceilings(first, last time.Duration) []time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMaxInterval(max(first, last)), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	waits := []time.Duration{b.NextBackOff()}
	for next := b.NextBackOff(); next > waits[len(waits)-1] && len(waits) < 32; next = b.NextBackOff() {
		waits = append(waits, next)
	}
	return waits
}

// sendWindow is how long after the first mark a key may still be sent: 90 % of its life, and at least 5 min less than it.
func sendWindow(life time.Duration) time.Duration {
	if life == 0 {
		return 0
	}
	return max(min(life/10*9, life-5*time.Minute), time.Nanosecond)
}

// maxLedger is how many attempts a record remembers.
const maxLedger = 32

// run is one call's work on one record, or on a read, which has no store.
type run struct {
	c      *Client
	rec    *Record
	s      state
	query  *Query
	last   Verdict
	budget *budget
	res    *Response // the last answer; nil if the last attempt had none
	err    error
	waited time.Duration
	// started is when the call began, with the monotonic clock.
	started time.Time
	// credentials are the last attempt's.
	credentials http.Header
}

// obey does what step says until it says return. The record is saved before each send and at the end; the error is the store's, and
// rec.Progress is what is known all the same.
func (r *run) obey(ctx context.Context, a action) error {
	for {
		var e event
		switch a.do {
		case doReturn:
			return r.finish(ctx)
		case doSend:
			e = r.send(ctx, a)
		case doWait:
			e = r.wait(ctx, a.wait)
		case doLookup:
			e = r.lookup(ctx)
		}
		var marked bool
		a, marked = r.step(ctx, e)
		if !marked {
			continue
		}
		if err := r.save(ctx, r.c.lease); err != nil {
			return err
		}
		failpoint.Hit(failpoint.Marked)
	}
}

// step asks the protocol, and takes what it says into the record. It reports whether an attempt was marked, which must be saved.
func (r *run) step(ctx context.Context, e event) (action, bool) {
	e.now, e.elapsed, e.unsure = r.c.clock.now(), time.Since(r.started), r.c.clock.unsure(r.c.policy.maxInFlight)
	e.rnd, e.budget = rand.Float64(), r.budget.left()
	e.deadline, _ = ctx.Deadline()
	sent := r.s.Sent
	var a action
	r.s, a = r.c.policy.step(r.s, e)
	marked := r.s.Sent > sent
	if marked {
		r.begin(r.s.LastAt)
	}
	r.rec.Progress = r.s.Progress
	return a, marked
}

// begin opens a line in the ledger of attempts.
func (r *run) begin(now time.Time) {
	if len(r.s.Attempts) == maxLedger {
		r.s.Attempts = r.s.Attempts[1:]
	}
	r.s.Attempts = append(slices.Clip(r.s.Attempts), Attempt{N: r.s.Sent, StartedAt: now, Waited: r.waited})
	if r.s.tries > 1 {
		r.budget.spend(errors.Is(r.err, context.DeadlineExceeded))
	}
	r.waited, r.err = 0, nil
}

// send makes the attempt that was marked.
func (r *run) send(ctx context.Context, a action) event {
	started := time.Now()
	verdict, res, err := r.attempt(ctx, r.request(), a)
	r.last, r.res, r.err = verdict, res, err
	status := 0
	if res != nil {
		status = res.Status
		r.decide(verdict, res)
	}
	line := &r.s.Attempts[len(r.s.Attempts)-1]
	line.Took, line.Class, line.Status = max(time.Since(started), time.Nanosecond), verdict.Class, status
	line.Code, line.RequestID = verdict.Code, verdict.RequestID
	if err != nil {
		line.Fault = err.Error()
	}
	r.c.log.LogAttrs(ctx, slog.LevelDebug, "attempt", slog.Any("operation", r.rec.ID), slog.Int("n", line.N),
		slog.Int("status", status), slog.String("code", verdict.Code), slog.String("request_id", verdict.RequestID),
		slog.String("fault", line.Fault), slog.Duration("took", line.Took), slog.String("concluded", verdict.Class.String()))
	return event{kind: answered, verdict: verdict, status: status}
}

// decide keeps the answer: the last one that came is what the caller is told.
func (r *run) decide(v Verdict, res *Response) {
	o := &Outcome{
		Class: v.Class, Status: res.Status, Code: v.Code, Message: v.Message, RequestID: v.RequestID, ResourceID: v.ResourceID,
		AnsweredAt: r.c.clock.now(), Replayed: v.Replayed,
	}
	if v.Class == ClassSucceeded || v.Class == ClassDeclined {
		o.Body = res.Body
	}
	r.s.Outcome = o
}

// wait pauses, unless the caller stops waiting first.
func (r *run) wait(ctx context.Context, d time.Duration) event {
	r.waited = d
	if err := pause(ctx, d); err != nil {
		r.err = err
		return event{kind: gaveUp}
	}
	return event{kind: woke}
}

// pause waits for d or for the end of ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error { return pauseOr(ctx, d, nil) }

// pauseOr is a pause that ends early if something wakes it.
func pauseOr(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wake:
	case <-timer.C:
	}
	return ctx.Err()
}

// finish stores how the call ended. A success may ride in the next commit: if it is lost, the same key brings the same answer.
// Everything else is durable before the caller hears of it, but for the end of a lease when the caller has no time left.
func (r *run) finish(ctx context.Context) error {
	if r.s.State == StateSucceeded && r.s.tries == 1 {
		r.budget.earn()
	}
	if r.s.State == StateInDoubt && r.last.Class == ClassReuse {
		r.c.log.LogAttrs(ctx, slog.LevelError, "provider reports key reuse for our own unchanged bytes", slog.Any("operation", r.rec.ID), slog.String("key", r.rec.Key))
	}
	if r.query != nil {
		return nil
	}
	failpoint.Hit(failpoint.Storing)
	defer failpoint.Hit(failpoint.Released)
	switch {
	case r.s.State == StateSucceeded:
		r.c.saveSuccess(context.WithoutCancel(ctx), r.rec)
	case r.s.State == StateOpen && ctx.Err() != nil:
		r.c.releaseLater(r.rec)
	default:
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err := r.save(detached, 0)
		failpoint.Hit(failpoint.Stored)
		return err
	}
	return nil
}

// save stores the progress; length 0 gives the lease back.
func (r *run) save(ctx context.Context, length time.Duration) error {
	if r.query != nil {
		return nil
	}
	r.rec.Lease = Lease{Holder: r.c.holder, For: length}
	if length == 0 {
		r.rec.Lease.Holder = ""
	}
	asked := r.c.clock.instant()
	err := r.saveSurely(ctx)
	if err == nil {
		r.c.flights.lease(asked, r.rec.ID)
	}
	return err
}

// saveSurely saves the record. A store call that failed may have been done: it is looked at, and done again if it wasn't.
func (r *run) saveSurely(ctx context.Context) error {
	err := r.c.store.Save(ctx, r.rec)
	if err == nil || errors.Is(err, ErrStale) {
		return err
	}
	current, loadErr := r.c.store.Load(ctx, r.rec.ID, r.rec.Generation)
	switch {
	case loadErr != nil:
		return err
	case current.Version == r.rec.Version:
		return r.c.store.Save(ctx, r.rec)
	case current.Version == r.rec.Version+1 && current.Lease.Holder == r.rec.Lease.Holder && current.Sent == r.rec.Sent && current.State == r.rec.State:
		r.rec.Version = current.Version
		return nil
	}
	return ErrStale
}
