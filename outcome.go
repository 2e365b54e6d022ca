package payonce

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/payonce/payonce/internal/failpoint"
)

// heldOutcomes are successes that are known but not stored yet. Until the store has them, this process answers from memory; if the
// process dies first, the same key brings the same answer.
type heldOutcomes struct {
	mu      sync.Mutex
	by      map[OperationID]*Record
	pending int // writes that are not over
	settled *sync.Cond
	lastErr error
}

func newHeldOutcomes() *heldOutcomes {
	h := &heldOutcomes{by: map[OperationID]*Record{}}
	h.settled = sync.NewCond(&h.mu)
	return h
}

func (h *heldOutcomes) get(id OperationID) (*Record, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec, ok := h.by[id]
	return rec, ok
}

// hold begins a write, of a success that must not be forgotten meanwhile.
func (h *heldOutcomes) hold(rec *Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending++
	if rec.State == StateSucceeded {
		h.by[rec.ID] = rec
	}
}

// release ends a write; a success that could not be stored stays, for flush to name.
func (h *heldOutcomes) release(rec *Record, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		h.lastErr = err
	case h.by[rec.ID] == rec:
		delete(h.by, rec.ID)
	}
	if h.pending--; h.pending == 0 {
		h.settled.Broadcast()
	}
}

// flush waits until everything is stored or given up, and names what isn't stored.
func (h *heldOutcomes) flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.pending > 0 {
		h.settled.Wait()
	}
	var errs []error
	for id, rec := range h.by {
		errs = append(errs, fmt.Errorf("payonce: %s succeeded (key %s) but could not be stored; the next call will ask the provider again: %w", id, rec.Key, h.lastErr))
	}
	return errors.Join(errs...)
}

// releaseLater gives an open record's lease back without waiting, for a caller who has no time left. If it fails the lease runs out.
func (c *Client) releaseLater(rec *Record) {
	kept := *rec
	kept.Lease = Lease{}
	c.held.hold(&kept)
	c.store.SaveLater(&kept, func(err error) { c.held.release(&kept, err) })
}

// saveSuccess stores a success in the next commit, without waiting. It may be recorded by anybody, lease or not.
func (c *Client) saveSuccess(ctx context.Context, rec *Record) {
	kept := *rec
	kept.Lease = Lease{}
	c.held.hold(&kept)
	c.store.SaveLater(&kept, func(err error) {
		if err == nil {
			failpoint.Hit(failpoint.Stored)
			c.held.release(&kept, nil)
			return
		}
		go c.insist(ctx, &kept)
	})
}

// insist stores a success that could not be stored at once, again and again; after Close only a few times more.
func (c *Client) insist(life context.Context, rec *Record) {
	for wait, last := 50*time.Millisecond, 5; ; wait = min(2*wait, 10*time.Second) {
		ctx, cancel := context.WithTimeout(life, 10*time.Second)
		err := c.recordSuccess(ctx, rec, false)
		cancel()
		if err == nil || last == 0 {
			c.held.release(rec, err)
			return
		}
		c.log.LogAttrs(ctx, slog.LevelError, "a success could not be stored yet", slog.Any("operation", rec.ID), slog.String("key", rec.Key), slog.Any("error", err))
		if c.restUnlessClosed(wait) {
			last--
			_ = pause(life, min(wait, time.Second)) // it never ends
		}
	}
}

// restUnlessClosed waits, and says whether the client was closed.
func (c *Client) restUnlessClosed(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.life.Done():
		return true
	case <-timer.C:
		return false
	}
}

// recordSuccess writes a success over whatever the record says meanwhile: nothing that anybody learned can make it untrue. moved says
// that money is known to have moved.
func (c *Client) recordSuccess(ctx context.Context, rec *Record, moved bool) error {
	current, err := c.store.Load(ctx, rec.ID, rec.Generation)
	if err != nil {
		return err
	}
	news, body := rec.Outcome, current.Outcome.better(rec.Outcome)
	switch {
	case !moved && current.over(news):
		return nil // that it exists is no news
	case current.State == StateSucceeded && current.Outcome != nil:
		c.compare(ctx, current, rec)
		switch {
		case current.Reason == earlierSucceeded && !current.Outcome.same(news):
			current.State, current.Reason, current.Lease = StateInDoubt, twoSucceeded, Lease{}
			return c.store.Save(ctx, current)
		case moved && current.KeySpent && current.Outcome.same(news): // it was not over after all
			current.KeySpent, current.Lease = false, Lease{}
			if err := c.store.Save(ctx, current); err != nil {
				return err
			}
		}
		if body == current.Outcome || !current.Outcome.same(news) {
			return c.warnLater(ctx, current)
		}
	case current.State != StateOpen:
		c.log.LogAttrs(ctx, slog.LevelWarn, "a success arrived after the operation was closed", slog.Any("operation", rec.ID),
			slog.String("key", rec.Key), slog.String("was", current.State.String()))
	}
	current.Accepted, current.Outcome, current.Lease = true, body, Lease{}
	if !current.doubled() {
		if current.Reason != resolvedExecuted {
			current.Reason = ""
		}
		current.State, current.KeySpent = StateSucceeded, false
	}
	if err := c.store.Save(ctx, current); err != nil {
		return err
	}
	return c.warnLater(ctx, current)
}

// better returns the outcome to keep of two successes: an answer with its body rather than an event, which has none.
func (o *Outcome) better(news *Outcome) *Outcome {
	if o == nil || o.Class != ClassSucceeded || (o.Status == 0 && news != nil && news.Status != 0) {
		return news
	}
	if o.ResourceID == "" && news != nil && news.ResourceID != "" {
		filled := *o
		filled.ResourceID = news.ResourceID
		return &filled
	}
	return o
}

// same says that two outcomes are not known to be about different things.
func (o *Outcome) same(other *Outcome) bool {
	return o.ResourceID == "" || other.ResourceID == "" || o.ResourceID == other.ResourceID
}

// over says that what the news is about is known to have ended without money moved: it was declined, or a new key was granted because a
// fresh read said so.
func (r *Record) over(news *Outcome) bool {
	ended := (r.State == StateRejected && r.Outcome != nil && r.Outcome.Class == ClassDeclined) || (r.State == StateSucceeded && r.KeySpent)
	return ended && news != nil && r.Outcome != nil && news.ResourceID != "" && news.ResourceID == r.Outcome.ResourceID
}

// warnLater raises an alarm when a generation succeeded after the next one was begun. If that may have moved money too, it is in doubt;
// if it moved none, the earlier success is the operation's.
func (c *Client) warnLater(ctx context.Context, earlier *Record) error {
	later, err := c.store.Load(ctx, earlier.ID, 0)
	if err != nil || later.Generation == earlier.Generation || later.Reason == earlierSucceeded || later.Reason == resolvedExecuted {
		return err
	}
	c.log.LogAttrs(ctx, slog.LevelError, "a success arrived after a new key was made", slog.Any("operation", earlier.ID),
		slog.Int("generation", earlier.Generation), slog.Int("latest", later.Generation), slog.String("latest_state", later.State.String()))
	switch later.State {
	case StateSucceeded, StateOpen, StateInDoubt:
		later.State, later.Reason = StateInDoubt, twoSucceeded
	case StateRejected, StateNotSent:
		later.adopt(earlier)
	}
	later.Lease = Lease{}
	return c.store.Save(ctx, later)
}

// adopt makes an earlier generation's success the operation's outcome, if it was about the same content; otherwise a person must look.
func (r *Record) adopt(earlier *Record) {
	r.State, r.Reason = StateInDoubt, earlierSucceeded
	if hmac.Equal(r.Fingerprint, earlier.Fingerprint) {
		r.State, r.Outcome, r.KeySpent = StateSucceeded, earlier.Outcome, false
	}
}

const (
	twoSucceeded     = "an earlier generation of the operation succeeded too"
	earlierSucceeded = "an earlier generation of the operation succeeded after all"
)

// doubled says that an earlier generation's success is why the record stands as it does: nothing that is learned of this generation
// alone changes it.
func (p *Progress) doubled() bool { return p.Reason == twoSucceeded || p.Reason == earlierSucceeded }

// compare raises an alarm when one operation has two different results: the provider executed it twice.
func (c *Client) compare(ctx context.Context, a, b *Record) {
	if a.Outcome != nil && b.Outcome != nil && !a.Outcome.same(b.Outcome) {
		c.log.LogAttrs(ctx, slog.LevelError, "one operation has two results at the provider", slog.Any("operation", a.ID),
			slog.String("key", a.Key), slog.String("first", a.Outcome.ResourceID), slog.String("second", b.Outcome.ResourceID))
	}
}
