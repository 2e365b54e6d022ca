package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/payonce/payonce"
)

func encodingChecks() []check {
	return []check{
		{"encoding is pure", encodingIsPure},
		{"the content has neither key nor reference to the operation", contentHasNoKey},
		{"a key in the body is there once for each generation", bodyKeys},
		{"bad input is refused, all of it, and never panics", badInput},
		{"a cursor stays in its place", oddCursors},
		{"unreadable answers are errors that repeat nothing", badAnswers},
	}
}

// body encodes an operation's body as the client does.
func body(op payonce.Operation, key string, generation int) []byte {
	content := op.Body
	if op.KeyedBody != nil {
		content = op.KeyedBody(key, generation)
	}
	switch content := content.(type) {
	case nil:
		return nil
	case []byte:
		return content
	case json.RawMessage:
		return content
	}
	encoded, _ := json.Marshal(content) // nil is a breach where one was wanted
	return encoded
}

func encodingIsPure(s *Subject, r *report) {
	p := s.New()
	one, err := p.Portable().CreatePayment(payment(s))
	r.expect(err == nil, "the ordinary payment is refused")
	two, _ := p.Portable().CreatePayment(payment(s))
	r.expect(bytes.Equal(body(one, "k", 1), body(two, "k", 1)), "the same parameters make two bodies")
	r.expect(bytes.Equal(body(one, "k", 1), body(one, "k", 1)), "the same operation makes two bodies")
	r.expect(one.Path == two.Path && strings.HasPrefix(one.Path, "/"), "the path is not absolute, or not the same")
	r.expect(json.Valid(body(one, "k", 1)), "the body is not JSON")
}

func contentHasNoKey(s *Subject, r *report) {
	op, _ := s.New().Portable().CreatePayment(payment(s))
	content := body(op, "", 0)
	r.expect(!bytes.Contains(content, []byte("payonce_ref")), "payonce_ref is content")
	r.expect(op.KeyedBody == nil || !bytes.Contains(content, []byte(testKey)), "the key is content")
}

func bodyKeys(s *Subject, r *report) {
	p := s.New()
	op, _ := p.Portable().CreatePayment(payment(s))
	if p.Profile().KeyHeader != "" {
		return
	}
	r.expect(op.KeyedBody != nil && bytes.Contains(body(op, testKey, 1), []byte(testKey)), "the key is neither in a header nor in the body")
	second := body(op, testKey+"_2", 2)
	r.expect(bytes.Count(second, []byte(testKey)) == bytes.Count(second, []byte(testKey+"_2")), "the second generation holds the first one's key")
}

func badInput(s *Subject, r *report) {
	p := s.New().Portable()
	try := func(what string, err error) {
		r.expect(err == nil || errors.Is(err, payonce.ErrInvalid), what, "is refused with an error that is not ErrInvalid")
	}
	refuse := func(what string, err error) {
		r.expect(errors.Is(err, payonce.ErrInvalid), what, "is not refused")
	}
	for _, method := range []any{nil, 1, "x", struct{ X func() }{}, (*int)(nil), map[string]any{}} {
		params := payment(s)
		params.Method = method
		_, err := p.CreatePayment(params)
		try("an odd method", err)
	}
	_, err := p.CreatePayment(payonce.PaymentParams{})
	try("an empty payment", err)
	for _, id := range []string{"", "../x", "a/b", "a?b", "a#b", "a b", strings.Repeat("x", 1000), "☂"} {
		if p.CapturePayment != nil {
			_, err := p.CapturePayment(payonce.CaptureParams{PaymentID: id})
			refuse("capturing a payment of a bad id", err)
		}
		if p.CancelPayment != nil {
			_, err := p.CancelPayment(payonce.CancelParams{PaymentID: id})
			refuse("cancelling a payment of a bad id", err)
		}
		if p.CreateRefund != nil {
			_, err := p.CreateRefund(payonce.RefundParams{Reference: "r", PaymentID: id, Full: true})
			refuse("refunding a payment of a bad id", err)
		}
	}
}

// cursors are the provider's own, and go into a query.
func oddCursors(s *Subject, r *report) {
	p := s.New().Portable()
	if p.ListRefunds == nil {
		return
	}
	for _, cursor := range []string{"a b", "a#b", "a&b=c", "☂", "../x", "%zz"} {
		q := p.ListRefunds("id-1", cursor)
		u, err := url.Parse(q.Path)
		r.expect(err == nil && u.Fragment == "" && !strings.ContainsAny(q.Path, " #"), "a cursor leads to", q.Path)
	}
}

// garbage is what an answer may be instead of what is documented.
func garbage() []string {
	return []string{
		"", " ", "null", "0", `""`, "[]", "{}", "[[[[", `{"id":1}`, `{"id":null,"status":{}}`, `{"data":[]}`, `{"data":null}`, `{"data":"x"}`,
		"<html>sign in</html>", "\xff\xfe", `{"id":"` + strings.Repeat("x", 5000) + `"}`, strings.Repeat("[", 12_000), `{"error":{"code":7}}`,
		`{"name":[],"code":{},"title":0,"status":"x","success":"yes"}`,
	}
}

func badAnswers(s *Subject, r *report) {
	p := s.New().Portable()
	const canary = "canary-4929123"
	for _, text := range append(garbage(), `{"id":"`+canary+`","status":7,"data":{"id":`+canary) {
		for _, kind := range []string{"payment.create", "payment.get", "payment.cancel", "payment.capture"} {
			_, err := p.Payment(kind, []byte(text))
			r.expect(err == nil || !strings.Contains(err.Error(), canary), "an error repeats the answer")
		}
		if p.Refund == nil {
			continue
		}
		for _, kind := range []string{"refund.create", "refund.get"} {
			_, err := p.Refund(kind, []byte(text))
			r.expect(err == nil || !strings.Contains(err.Error(), canary), "an error repeats the answer")
		}
		if p.Refunds != nil {
			_, _, err := p.Refunds([]byte(text))
			r.expect(err == nil || !strings.Contains(err.Error(), canary), "an error repeats the answer")
		}
	}
}
