package payonce

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Get makes one read and decodes its answer into T. It is retried like a write, without a record. ErrNotFound when the provider says
// so, ErrRejected for another refusal, ErrUnavailable when no answer could be had.
func Get[T any](ctx context.Context, c *Client, q Query) (*Result[T], error) {
	a, err := c.read(ctx, q)
	if err != nil {
		return nil, err
	}
	result := &Result[T]{Raw: a.body(), ResourceID: a.rec.Outcome.ResourceID, Receipt: a.receipt()}
	return result, a.undecodable(decode(result.Raw, &result.Value))
}

// undecodable is the error of a read whose answer can't be decoded; nil for nil.
func (a *answer) undecodable(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: ErrUnavailable, Operation: a.rec.ID, Status: a.rec.Outcome.Status, RequestID: a.rec.Outcome.RequestID, Err: fmt.Errorf("the answer could not be decoded: %w", err)}
}

// succeededAllTheSame is the error of a write whose answer can't be decoded: none of the Err values, since it has succeeded. Nil for nil.
func (a *answer) succeededAllTheSame(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("payonce: %s succeeded, but its answer could not be decoded: %w", a.rec.ID, err)
}

// read runs a query through the protocol, with nothing to store.
func (c *Client) read(ctx context.Context, q Query) (answer, error) {
	r := c.newReading(&q)
	a, _ := r.step(ctx, event{kind: claimed})
	if err := r.obey(ctx, a); err != nil {
		return answer{}, err
	}
	if r.s.State == StateSucceeded {
		return answer{rec: r.rec}, nil
	}
	e := c.describe(r.rec)
	e.Kind, e.Next, e.Err = ErrUnavailable, "a read changes nothing; try again", r.err
	if r.s.State == StateRejected {
		e.Kind = ErrRejected
		if r.res != nil && (r.res.Status == http.StatusNotFound || r.s.Accepted) { // some say no in a 2xx
			e.Kind = ErrNotFound
		}
	}
	e.FirstSentAt, e.KeyExpiresAt = r.rec.FirstAt, r.rec.NotAfter
	return answer{}, e
}

// newReading makes the run of a query. Its record is never stored; it only carries what the protocol knows.
func (c *Client) newReading(q *Query) *run {
	now := c.clock.now()
	header := make(http.Header, len(q.Header)+2)
	for name, values := range q.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	if len(q.Body) > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	rec := &Record{ID: OperationID{Account: c.profile.Account, Kind: q.Kind, Reference: q.Path}, Header: header, CreatedAt: now}
	return &run{c: c, rec: rec, query: q, s: state{pinned: true, read: true, createdAt: now, readAt: now}, started: time.Now(), budget: c.budget}
}
