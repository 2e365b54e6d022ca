package payonce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/payonce/payonce/internal/failpoint"
	"github.com/payonce/payonce/internal/httpx"
)

// request is what every attempt of the record sends, or the run's read.
func (r *run) request() *Request {
	if q := r.query; q != nil {
		return &Request{Kind: q.Kind, Method: orDefault(q.Method, http.MethodGet), Path: r.c.prefix + q.Path, Header: r.rec.Header, Body: q.Body, EmptyOK: q.EmptyOK, Credential: r.c.scopes[0].credential()}
	}
	return r.c.requestOf(r.rec)
}

func (c *Client) requestOf(rec *Record) *Request {
	begun, _ := c.scopeFor(rec.Scope)
	return &Request{
		Kind: rec.ID.Kind, Method: rec.Method, Path: rec.Path, Key: rec.Key, Header: rec.Header, Body: rec.Body,
		EmptyOK: rec.EmptyOK, FirstSentAt: rec.FirstAt, Credential: begun.credential(),
	}
}

// attempt makes one request and says what came of it. The response is nil if there was none that belongs to the request; then the
// error says why.
func (r *run) attempt(ctx context.Context, req *Request, a action) (v Verdict, res *Response, err error) {
	c := r.c
	if !a.fresh {
		r.credentials = nil
	}
	if r.credentials, err = c.authorize(ctx, req, r.credentials); err != nil {
		return Verdict{Class: ClassNotSent, Resend: !errors.Is(err, ErrInvalid)}, nil, err
	}
	header := make(http.Header, len(req.Header)+len(r.credentials)+2)
	maps.Copy(header, req.Header)
	maps.Copy(header, r.credentials)
	header.Set("Accept-Encoding", "identity")
	header.Set("User-Agent", "payonce-go/"+version)
	failpoint.Hit(failpoint.Gated)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var connection, requestID string
	late := r.late(a)
	turn := &turn{answers: c.answers}
	defer turn.end()
	answer := httpx.Do(ctx, c.http, &httpx.Call{
		Method: req.Method, URL: c.origin + req.Path, Header: header, Body: req.Body, Write: req.Key != "", Late: late,
		Got:  turn.take,
		Seen: func(h http.Header, conn string) { connection, requestID = conn, h.Get(c.profile.RequestIDHeader) },
	})
	switch {
	case answer.NotSent:
		return Verdict{Class: ClassNotSent, Resend: true}, nil, answer.Err
	case answer.Status == 0:
		return Verdict{Resend: true}, nil, answer.Err
	}
	res = &Response{Status: answer.Status, Header: answer.Header, Body: answer.Body, Complete: answer.Complete, ReceivedAt: answer.ReceivedAt}
	v = c.classify(func() Verdict { return c.provider.Classify(req, res) })
	if connection != "" && (turn.wait(ctx) != nil || c.answers.stray(connection, cmp.Or(requestID, v.RequestID, r.mark(req, &answer, v.Class)), r.rec.ID)) {
		return c.strayAnswer(ctx, r.rec.ID), nil, errStray
	}
	return v, res, answer.Err
}

// late says that the marked attempt must not leave any more, by whichever clock says so first.
// A transport may ask when the run has gone on, so it shares nothing with it.
func (r *run) late(a action) func() bool {
	c, id, readAt, started := r.c, r.rec.ID, r.s.readAt, r.started
	return func() bool {
		now := latest(c.clock.now(), readAt.Add(time.Since(started)))
		return !now.Before(a.before) || c.leaseLost(id)
	}
}

var errStray = errors.New("the answer belongs to another request")

// strayAnswer is the verdict on an answer to another request: it proves nothing about this one. The connection that it came by is not
// used again, so that the next attempt's answer is beyond suspicion.
func (c *Client) strayAnswer(ctx context.Context, id OperationID) Verdict {
	c.http.CloseIdleConnections()
	c.log.LogAttrs(ctx, slog.LevelError, "an answer belongs to another request", slog.Any("operation", id))
	return Verdict{Resend: true}
}

// authorize asks the provider for credentials, under a timeout of its own, and keeps a panic in a signer from taking the process down.
func (c *Client) authorize(ctx context.Context, req *Request, refused http.Header) (header http.Header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the provider's signer panicked: %T", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.provider.Authorize(ctx, c.http, req, refused)
}

// classify runs a provider's decoder. Whatever an answer does to it, the outcome is unknown, not a crash.
func (c *Client) classify(decode func() Verdict) (v Verdict) {
	defer func() {
		if recover() != nil {
			v = Verdict{Code: "unreadable answer"}
		}
	}()
	return decode()
}

// lookupOf returns the read that finds what a request made, where the provider has one.
func (c *Client) lookupOf(req *Request) (q Query, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if lookuper, is := c.provider.(Lookuper); is {
		return lookuper.Lookup(req)
	}
	return Query{}, false
}

// lookup asks the provider what became of the operation.
func (r *run) lookup(ctx context.Context) event {
	req := r.request()
	if !r.s.perhapsExecuted() {
		req.FirstSentAt = time.Time{}
	}
	lookuper, _ := r.c.provider.(Lookuper) // the protocol looks up only where one can
	q, _ := r.c.lookupOf(req)
	look := r.c.newReading(&q)
	look.budget = r.budget
	a, _ := look.step(ctx, event{kind: claimed})
	_ = look.obey(ctx, a) // a read has nothing to save
	e := event{kind: lookedUp, asked: look.s.LastAt}
	if look.res == nil {
		r.err = look.err
		return e
	}
	e.verdict = r.c.classify(func() Verdict { return lookuper.ClassifyLookup(req, look.res) })
	r.last = e.verdict
	if e.verdict.Class != ClassUnknown {
		r.decide(e.verdict, look.res)
	}
	return e
}
