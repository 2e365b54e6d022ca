package providertest

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

func answerChecks() []check {
	return []check{
		{"a created payment is a success", createdSucceeds},
		{"a cut or garbled 2xx is neither success nor failure, and is asked for again", cutSuccess},
		{"a refusal in the provider's own words is one", refusedIsRefused},
		{"what is not the provider's document proves nothing", foreignProvesNothing},
		{"statuses that never prove anything don't", neverProven},
		{"redirects and odd statuses are unknown and not resent", oddStatuses},
		{"hints are bounded", boundedHints},
		{"classifying is pure and total", totalClassify},
	}
}

// answer makes a response, whole unless the body was cut.
func (a Answer) response(status int, body string, whole bool) *payonce.Response {
	body = strings.NewReplacer("{reference}", "order-12345", "{key}", testKey, "{ref}", testRef).Replace(body)
	header := a.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if a.Sign != nil {
		maps.Copy(header, a.Sign(body))
	}
	res := &payonce.Response{Status: status, Header: header, Complete: whole, ReceivedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	if whole {
		res.Body = payonce.Raw(body)
	}
	return res
}

func createdSucceeds(s *Subject, r *report) {
	p := s.New()
	v := p.Classify(request(s, p, r), s.Created.response(s.Created.Status, s.Created.Body, true))
	r.expect(v.Class == payonce.ClassSucceeded, "it is", v.Class.String())
	r.expect(v.ResourceID != "", "it has no ResourceID")
	r.expect(v.Code != "", "its Code is not the status of what was made")
}

func cutSuccess(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	unknown := func(what string, res *payonce.Response) {
		v := p.Classify(req, res)
		r.expect(v.Class == payonce.ClassUnknown && v.Resend, what, "is", v.Class.String())
	}
	unknown("a body that was cut on the way", s.Created.response(s.Created.Status, "", false))
	whole := s.Created.response(s.Created.Status, s.Created.Body, true).Body
	for n := 0; n < len(whole); n += max(1, len(whole)/40) {
		unknown(fmt.Sprint("a body cut after ", n, " bytes"), s.Created.response(s.Created.Status, string(whole[:n]), true))
	}
	for _, text := range garbage() {
		if len(text) > 0 {
			unknown("garbage", s.Created.response(s.Created.Status, text, true))
		}
	}
}

func refusedIsRefused(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	for _, req := range []*payonce.Request{req, {Kind: "payment.get", Method: http.MethodGet, Path: "/x"}} {
		v := p.Classify(req, s.Refused.response(s.Refused.Status, s.Refused.Body, true))
		r.expect(v.Class == payonce.ClassRefused && !v.Resend, "for", req.Kind, "it is", v.Class.String())
		r.expect(v.Code != "" || v.Message != "", "nothing of its words is kept")
	}
	v := p.Classify(req, s.Refused.response(s.Refused.Status, s.Refused.Body, false))
	r.expect(v.Class == payonce.ClassUnknown, "cut, it still counts")
}

func foreignProvesNothing(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	for status := 400; status < 600; status++ {
		for _, text := range []string{"<html>no</html>", "", "[]", `{"unrelated":true}`} {
			v := p.Classify(req, s.Refused.response(status, text, true))
			inFlight := status == http.StatusConflict && v.Class == payonce.ClassInFlight
			r.expect(v.Class == payonce.ClassUnknown || inFlight, fmt.Sprint(status), text, "is", v.Class.String())
			r.expect(!v.Proven && !v.KeySpent, fmt.Sprint(status), text, "proves something")
		}
	}
}

func neverProven(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	statuses := []int{401, 403, 425, 429}
	for status := 500; status < 600; status++ {
		statuses = append(statuses, status)
	}
	for _, status := range statuses {
		for _, a := range []Answer{s.Refused, s.Created} {
			v := p.Classify(req, a.response(status, a.Body, true))
			r.expect(!v.Proven && !v.KeySpent, fmt.Sprint(status), "proves something")
			r.expect(v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined, fmt.Sprint(status), "is", v.Class.String())
			r.expect(status < 500 || v.Class == payonce.ClassUnknown, fmt.Sprint(status), "is", v.Class.String())
		}
	}
	for _, status := range []int{425, 429, 500, 502, 503, 504} {
		v := p.Classify(req, s.Refused.response(status, "<html>later</html>", true))
		r.expect(v.Resend, fmt.Sprint(status), "is not sent again")
	}
}

func oddStatuses(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	for _, status := range []int{0, 100, 101, 199, 300, 301, 302, 303, 304, 307, 308, 399, 600, 999, -1} {
		for _, a := range []Answer{s.Refused, s.Created} {
			v := p.Classify(req, a.response(status, a.Body, true))
			r.expect(v.Class == payonce.ClassUnknown && !v.Resend && !v.Reauthorize, fmt.Sprint(status), "is", v.Class.String())
		}
	}
}

func boundedHints(s *Subject, r *report) {
	p := s.New()
	for _, hint := range []string{"-1", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "1e9", ""} {
		for _, header := range []string{"Retry-After", "X-RateLimit-Reset"} {
			res := s.Refused.response(http.StatusTooManyRequests, s.Refused.Body, true)
			res.Header.Set(header, hint)
			v := p.Classify(request(s, p, r), res)
			r.expect(v.Wait >= 0 && v.Wait <= 30*24*time.Hour, header, hint, "waits for", v.Wait.String())
		}
	}
	res := s.Refused.response(http.StatusTooManyRequests, "", true)
	res.Header.Set("Retry-After", "7")
	r.expect(p.Classify(request(s, p, r), res).Wait == 7*time.Second, "Retry-After is not honoured")
}

func totalClassify(s *Subject, r *report) {
	p := s.New()
	full := request(s, p, r)
	for _, a := range []Answer{s.Created, s.Refused} {
		for _, status := range []int{200, 201, a.Status, 409, 500} {
			res := a.response(status, a.Body, true)
			r.expect(reflect.DeepEqual(p.Classify(full, res), p.Classify(full, res)), "the same answer has two meanings")
		}
	}
	requests := []*payonce.Request{
		full,
		{},
		{Kind: "payment.create", Key: "k", Body: payonce.Raw("not json")},
		{Kind: "a.kind.of.tomorrow", Key: "k", Method: "POST", Path: "/x"},
		{Kind: "refund.create", Key: "k", Path: "/a/b/c"},
		{Kind: "payment.cancel", Key: "k"},
		{Kind: "payment.capture", Key: "k"},
		{Kind: "refund.list", Method: "GET", Path: "?"},
		{Kind: "refund.get", Method: "GET", Path: "/"},
	}
	for _, req := range requests {
		for _, status := range []int{200, 201, 202, 204, 206, 400, 401, 404, 408, 409, 422, 429, 500} {
			for _, text := range append(garbage(), s.Created.Body, s.Refused.Body) {
				if len(text) < 1000 || status == 200 || status == 400 {
					p.Classify(req, s.Refused.response(status, text, true))
				}
			}
			p.Classify(req, &payonce.Response{Status: status})
		}
	}
}
