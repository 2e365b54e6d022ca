package providertest

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"reflect"
	"sync"

	"github.com/payonce/payonce"
)

func authorizeChecks() []check {
	return []check{
		{"authorizing changes nothing of the request", authorizeChangesNothing},
		{"authorizing many at once works", authorizeConcurrently},
		{"headers that must be the same in every attempt are not among the fresh ones", authorizeLeavesSemanticsAlone},
	}
}

func authorizeChangesNothing(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	before := *req
	before.Header, before.Body = req.Header.Clone(), bytes.Clone(req.Body)
	header, err := p.Authorize(context.Background(), s.HTTPClient, req, nil)
	r.expect(err == nil && len(header) > 0, "it failed, or returned nothing")
	r.expect(reflect.DeepEqual(&before, req), "the request is another one")
	again, err := p.Authorize(context.Background(), s.HTTPClient, req, header)
	r.expect(err == nil && len(again) > 0, "it failed when told that the last credentials were refused")
}

func authorizeConcurrently(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	errs := make([]error, 16)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = p.Authorize(context.Background(), s.HTTPClient, req, nil) })
	}
	group.Wait()
	for _, err := range errs {
		r.expect(err == nil, "it failed")
	}
}

func authorizeLeavesSemanticsAlone(s *Subject, r *report) {
	p := s.New()
	header, err := p.Authorize(context.Background(), s.HTTPClient, request(s, p, r), nil)
	r.expect(err == nil, "it failed")
	for name := range header {
		r.expect(name == textproto.CanonicalMIMEHeaderKey(name), "a header is not in its canonical spelling:", name)
	}
	for _, name := range []string{p.Profile().KeyHeader, "Content-Type", "Content-Length", "Host"} {
		r.expect(name == "" || header.Values(name) == nil, "it sets", name)
	}
}

// What the suite sends.
const (
	testKey = "order-12345_payment"
	testRef = "payment.create:1:order-12345"
)

// request is the ordinary payment as it is sent.
func request(s *Subject, p payonce.Provider, r *report) *payonce.Request {
	profile := p.Profile()
	op, err := p.Portable().CreatePayment(payment(s))
	r.expect(err == nil, "the ordinary payment is refused")
	req := &payonce.Request{
		Kind: "payment.create", Method: method(op), Path: op.Path, Key: testKey, Header: op.Header.Clone(), Body: body(op, testKey, 1),
		EmptyOK: op.EmptyOK, Credential: profile.Credential,
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if profile.KeyHeader != "" {
		req.Header.Set(profile.KeyHeader, testKey)
	}
	return req
}

func payment(s *Subject) payonce.PaymentParams {
	params := s.Payment
	params.Reference = "order-12345"
	return params
}

func method(op payonce.Operation) string {
	if op.Method == "" {
		return http.MethodPost
	}
	return op.Method
}
