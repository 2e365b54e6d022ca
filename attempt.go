package payonce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"

	"github.com/payonce/payonce/internal/httpx"
)

// request is what every attempt of the record sends, or the run's read.
func (r *run) request() *Request {
	if q := r.query; q != nil {
		return &Request{Kind: q.Kind, Method: orDefault(q.Method, http.MethodGet), Path: r.c.prefix + q.Path, Header: r.rec.Header, Body: q.Body, EmptyOK: q.EmptyOK}
	}
	return requestOf(r.rec)
}

func requestOf(rec *Record) *Request {
	return &Request{
		Kind: rec.ID.Kind, Method: rec.Method, Path: rec.Path, Key: rec.Key, Header: rec.Header, Body: rec.Body,
		EmptyOK: rec.EmptyOK, FirstSentAt: rec.FirstAt,
	}
}

// attempt makes one request and says what came of it. An error comes with a verdict of its own: not sent, or unknown.
func (r *run) attempt(ctx context.Context, req *Request, a action) (v Verdict, status int, body []byte, err error) {
	c := r.c
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if !a.fresh {
		r.credentials = nil
	}
	if r.credentials, err = c.authorize(ctx, req, r.credentials); err != nil {
		return Verdict{Class: ClassNotSent, Resend: !errors.Is(err, ErrInvalid)}, 0, nil, err
	}
	header := make(http.Header, len(req.Header)+len(r.credentials)+2)
	maps.Copy(header, req.Header)
	maps.Copy(header, r.credentials)
	header.Set("Accept-Encoding", "identity")
	header.Set("User-Agent", "payonce-go/"+version)
	stray := false
	answer := httpx.Do(ctx, c.http, &httpx.Call{
		Method: req.Method, URL: c.origin + req.Path, Header: header, Body: req.Body, Write: req.Key != "", Before: a.before,
		Seen: func(h http.Header, connection string) {
			stray = c.answers.stray(connection, h.Get(c.profile.RequestIDHeader), r.rec.ID)
		},
	})
	if answer.Status == 0 {
		v := Verdict{Resend: true}
		if answer.NotSent {
			v.Class = ClassNotSent
		}
		return v, 0, nil, answer.Err
	}
	if stray {
		return c.strayAnswer(ctx, r.rec.ID), 0, nil, errStray
	}
	v = c.classify(req, &Response{
		Status: answer.Status, Header: answer.Header, Body: answer.Body, Complete: answer.Complete, ReceivedAt: answer.ReceivedAt,
	})
	return v, answer.Status, answer.Body, answer.Err
}

var errStray = errors.New("the answer belongs to another request")

// strayAnswer is the verdict on an answer to another request: it proves nothing about this one. The connection that it came by is not
// used again, so that the next attempt's answer is beyond suspicion.
func (c *Client) strayAnswer(ctx context.Context, id OperationID) Verdict {
	c.http.CloseIdleConnections()
	c.log.LogAttrs(ctx, slog.LevelError, "an answer belongs to another request", slog.Any("operation", id))
	return Verdict{Resend: true}
}

// authorize asks the provider for credentials and keeps a panic in a signer from taking the process down.
func (c *Client) authorize(ctx context.Context, req *Request, refused http.Header) (header http.Header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the provider's signer panicked: %T", p)
		}
	}()
	return c.provider.Authorize(ctx, c.http, req, refused)
}

// classify asks the provider. Whatever an answer does to its decoder, the outcome is unknown, not a crash.
func (c *Client) classify(req *Request, res *Response) (v Verdict) {
	defer func() {
		if recover() != nil {
			v = Verdict{Code: "unreadable answer"}
		}
	}()
	return c.provider.Classify(req, res)
}

// lookup asks the provider what became of the operation.
func (r *run) lookup(ctx context.Context) event {
	lookuper, ok := r.c.provider.(Lookuper)
	req := r.request()
	if !ok {
		return event{kind: lookedUp}
	}
	q, ok := lookuper.Lookup(req)
	if !ok {
		r.s.State = StateInDoubt
		return event{kind: lookedUp}
	}
	look := r.c.newReading(&q)
	a, _ := look.step(ctx, event{kind: claimed})
	_ = look.obey(ctx, a) // a read has nothing to save
	if look.status == 0 {
		r.err = look.err
		return event{kind: lookedUp}
	}
	v := lookuper.ClassifyLookup(req, &Response{Status: look.status, Body: look.answer, Complete: look.answer != nil, ReceivedAt: wallNow()})
	r.last = v
	if v.Class != ClassUnknown {
		r.decide(v, look.status, look.answer)
	}
	return event{kind: lookedUp, verdict: v, status: look.status}
}
