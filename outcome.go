package payonce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// heldOutcomes are successes that are known but not stored yet. Until the store has them, this process answers from memory; if the
// process dies first, the same key brings the same answer.
type heldOutcomes struct {
	mu      sync.Mutex
	by      map[OperationID]*Record
	lastErr error
	pending sync.WaitGroup
}

func newHeldOutcomes() *heldOutcomes { return &heldOutcomes{by: map[OperationID]*Record{}} }

func (h *heldOutcomes) get(id OperationID) (*Record, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec, ok := h.by[id]
	return rec, ok
}

func (h *heldOutcomes) hold(rec *Record) {
	h.pending.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[rec.ID] = rec
}

// release ends the hold; what could not be stored stays, for flush to name.
func (h *heldOutcomes) release(rec *Record, err error) {
	h.mu.Lock()
	switch {
	case err != nil:
		h.lastErr = err
	case h.by[rec.ID] == rec:
		delete(h.by, rec.ID)
	}
	h.mu.Unlock()
	h.pending.Done()
}

// flush waits until everything is stored or given up, and names what isn't stored.
func (h *heldOutcomes) flush() error {
	h.pending.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for id, rec := range h.by {
		errs = append(errs, fmt.Errorf("payonce: %s succeeded (key %s) but could not be stored; the next call will ask the provider again: %w", id, rec.Key, h.lastErr))
	}
	return errors.Join(errs...)
}

// saveSuccess stores a success in the next commit, without waiting. It may be recorded by anybody, lease or not.
func (c *Client) saveSuccess(ctx context.Context, rec *Record) {
	kept := *rec
	kept.Lease = Lease{}
	c.held.hold(&kept)
	c.store.SaveLater(&kept, func(err error) {
		if err == nil {
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
		err := c.recordSuccess(ctx, rec)
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

// recordSuccess writes a success over whatever the record says meanwhile: nothing that anybody learned can make it untrue.
func (c *Client) recordSuccess(ctx context.Context, rec *Record) error {
	current, err := c.store.Load(ctx, rec.ID, rec.Generation)
	if err != nil {
		return err
	}
	if current.State == StateSucceeded {
		c.compare(ctx, current, rec)
		return nil
	}
	if current.State != StateOpen {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a success arrived after the operation was closed", slog.Any("operation", rec.ID),
			slog.String("key", rec.Key), slog.String("was", current.State.String()))
	}
	current.State, current.Accepted, current.Outcome, current.Reason = StateSucceeded, true, rec.Outcome, ""
	current.Lease = Lease{}
	return c.store.Save(ctx, current)
}

// compare raises an alarm when one operation has two different results: the provider executed it twice.
func (c *Client) compare(ctx context.Context, a, b *Record) {
	if a.Outcome != nil && b.Outcome != nil && a.Outcome.ResourceID != b.Outcome.ResourceID {
		c.log.LogAttrs(ctx, slog.LevelError, "one operation has two results at the provider", slog.Any("operation", a.ID),
			slog.String("key", a.Key), slog.String("first", a.Outcome.ResourceID), slog.String("second", b.Outcome.ResourceID))
	}
}
