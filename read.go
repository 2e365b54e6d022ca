package payonce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Do makes one write happen once and decodes its answer into T. It is what the typed services are made of, and serves any endpoint
// that they don't know, with the same promises: the operation is stored before the first attempt, every attempt sends the same
// bytes, a finished operation answers from its record. A declined operation returns both a result and ErrDeclined if the provider made
// something. If the answer of a success does not fit T, the result holds it in Raw and the error says why; the operation has succeeded
// all the same, and the error matches none of the Err values.
func Do[T any](ctx context.Context, c *Client, op Operation, opts ...CallOption) (*Result[T], error) {
	a, err := c.do(ctx, op, opts)
	if !a.answered(err) {
		return nil, err
	}
	result := &Result[T]{Raw: a.body(), Receipt: a.receipt()}
	if a.rec.Outcome != nil {
		result.ResourceID = a.rec.Outcome.ResourceID
	}
	if decodeErr := decode(result.Raw, &result.Value); decodeErr != nil && err == nil {
		err = fmt.Errorf("payonce: %s succeeded, but its answer could not be decoded: %w", a.rec.ID, decodeErr)
	}
	return result, err
}

// Get makes one read and decodes its answer into T. It is retried like a write, without a record. ErrNotFound when the provider says
// so, ErrRejected for another refusal, ErrUnavailable when no answer could be had.
func Get[T any](ctx context.Context, c *Client, q Query) (*Result[T], error) {
	a, err := c.read(ctx, q)
	if err != nil {
		return nil, err
	}
	result := &Result[T]{Raw: a.body(), ResourceID: a.rec.Outcome.ResourceID, Receipt: a.receipt()}
	if err := decode(result.Raw, &result.Value); err != nil {
		return result, a.undecodable(err)
	}
	return result, nil
}

// decode leaves the value alone when there is no body, or when the caller wants the bytes.
func decode(body Raw, value any) error {
	switch value := value.(type) {
	case *Raw:
		*value = body
		return nil
	case *json.RawMessage:
		*value = json.RawMessage(body)
		return nil
	case *[]byte:
		*value = body
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	return body.Decode(value)
}

func (a *answer) undecodable(err error) error {
	return &Error{Kind: ErrUnavailable, Operation: a.rec.ID, Status: a.rec.Outcome.Status, RequestID: a.rec.Outcome.RequestID, Err: fmt.Errorf("the answer could not be decoded: %w", err)}
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
		if r.res != nil && r.res.Status == http.StatusNotFound {
			e.Kind = ErrNotFound
		}
	}
	e.FirstSentAt, e.KeyExpiresAt = r.rec.FirstAt, r.rec.NotAfter
	return answer{}, e
}

// newReading makes the run of a query. Its record is never stored; it only carries what the protocol knows.
func (c *Client) newReading(q *Query) *run {
	now := wallNow()
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
	return &run{c: c, rec: rec, query: q, s: state{pinned: true, read: true, createdAt: now}, started: time.Now()}
}
