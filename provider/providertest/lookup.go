package providertest

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/payonce/payonce"
)

func lookupChecks() []check {
	return []check{
		{"lookups are pure and total", totalLookups},
		{"a lookup believes in absence only if the provider says so itself", absenceNeedsADocument},
	}
}

// lookups calls f for each kind that the provider looks up.
func lookups(s *Subject, r *report, f func(l payonce.Lookuper, req *payonce.Request)) {
	p := s.New()
	l, ok := p.(payonce.Lookuper)
	if !ok {
		return
	}
	for _, kind := range []string{"payment.create", "payment.capture", "payment.cancel", "refund.create", "a.kind.of.tomorrow"} {
		req := request(s, p, r)
		req.Kind = kind
		if kind != "payment.create" {
			req.Path += "/id-1/action"
		}
		f(l, req)
	}
}

func totalLookups(s *Subject, r *report) {
	lookups(s, r, func(l payonce.Lookuper, req *payonce.Request) {
		q, ok := l.Lookup(req)
		again, also := l.Lookup(req)
		r.expect(ok == also && reflect.DeepEqual(q, again), req.Kind, "is looked up in two ways")
		r.expect(!ok || strings.HasPrefix(q.Path, "/"), req.Kind, "is looked up at", q.Path)
		r.expect(!ok || req.Kind != "a.kind.of.tomorrow", "a kind that nobody knows is looked up")
		for status := 0; status < 600; status += 100 {
			for _, text := range append(garbage(), s.Created.Body, s.Refused.Body) {
				l.ClassifyLookup(req, s.Refused.response(status, text, true))
			}
		}
		l.Lookup(&payonce.Request{Kind: req.Kind})
		l.ClassifyLookup(&payonce.Request{Kind: req.Kind}, &payonce.Response{})
	})
}

func absenceNeedsADocument(s *Subject, r *report) {
	lookups(s, r, func(l payonce.Lookuper, req *payonce.Request) {
		if _, ok := l.Lookup(req); !ok {
			return
		}
		for _, status := range []int{200, 204, 301, 401, 403, http.StatusNotFound, 410, 429, 500, 503} {
			for _, text := range []string{"", "<html>nobody here</html>"} {
				v := l.ClassifyLookup(req, s.Refused.response(status, text, true))
				r.expect(v.Class == payonce.ClassUnknown, req.Kind, "is", v.Class.String(), "by a page of somebody else's")
			}
		}
		for _, status := range []int{401, 403, 429, 500, 503} {
			v := l.ClassifyLookup(req, s.Refused.response(status, s.Refused.Body, true))
			r.expect(v.Class == payonce.ClassUnknown, req.Kind, "is", v.Class.String(), "by a failed read")
		}
	})
}
