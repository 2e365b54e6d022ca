package elebne

import (
	"net/http"
	"strconv"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// The kinds of operations and reads. The first group is portable.
const (
	kindCreatePayment = "payment.create"
	kindCancelPayment = "payment.cancel"
	kindGetPayment    = "payment.get"
	kindCreateRefund  = "refund.create"
	kindCheck         = "check"

	kindListIntents     = "elebne.intent.list"
	kindSimulate        = "elebne.intent.simulate"
	kindCreateProduct   = "elebne.product.create"
	kindUpdateProduct   = "elebne.product.update"
	kindDeleteProduct   = "elebne.product.delete"
	kindImportProducts  = "elebne.product.import"
	kindGetTemplate     = "elebne.product.template"
	kindSetStock        = "elebne.stock.set"
	kindSetVariantStock = "elebne.variant_stock.set"
	kindListOrders      = "elebne.order.list"
	kindGetOrder        = "elebne.order.get"
	kindCreateEndpoint  = "elebne.webhook_endpoint.create"
	kindUpdateEndpoint  = "elebne.webhook_endpoint.update"
	kindDeleteEndpoint  = "elebne.webhook_endpoint.delete"
	kindTestEndpoint    = "elebne.webhook_endpoint.test"
)

// Classify reads one answer. Whether Elebne stores error answers under a key is not documented, so no refusal is proven and no key
// spent by one. What is not Elebne's own error document proves nothing. A replay is not marked, so Verdict.Replayed is never set.
func (p *Provider) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	problem := problemOf(res)
	var v payonce.Verdict
	switch {
	case adapter.Success(res.Status):
		v = classifySuccess(req, res)
	case problem != nil:
		v = classifyProblem(req, res.Status)
	default:
		v = payonce.Verdict{Resend: adapter.Transient(res.Status)}
	}
	if problem != nil {
		v.Code, v.Message = problem.code, problem.message
	}
	if v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined {
		v.Wait = hint(res)
	}
	v.RequestID = adapter.RequestID(res.Header.Get("X-Request-Id")) // not documented; kept if it appears
	return v
}

// classifyProblem goes by the status: most of the codes could not be read. Which status a state conflict has is not documented; a 409
// is taken for a request in flight with the same key, which is not documented either, and waited for. Not so of a cancellation: the usual
// conflict there is a payer who was faster, and a lookup tells if an earlier attempt did it.
func classifyProblem(req *payonce.Request, status int) payonce.Verdict {
	switch {
	case status == http.StatusTooManyRequests:
		return payonce.Verdict{Class: payonce.ClassRefused, Resend: true}
	case status < 400, status > 499, adapter.Transient(status):
		return payonce.Verdict{Resend: adapter.Transient(status)}
	case status == http.StatusConflict && isWrite(req) && req.Kind != kindCancelPayment:
		return payonce.Verdict{Class: payonce.ClassInFlight, Resend: true}
	}
	return payonce.Verdict{Class: payonce.ClassRefused}
}

// hint is Retry-After, and of a 429 without one X-RateLimit-Reset, which every answer has, in Unix seconds. A daily cap makes a long
// one. Source: https://docs.staging.elebne.ai/docs/reference/rate-limits.
func hint(res *payonce.Response) time.Duration {
	wait := adapter.RetryAfter(res)
	if wait != 0 || res.Status != http.StatusTooManyRequests {
		return wait
	}
	reset, err := strconv.ParseInt(res.Header.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return adapter.Until(res, time.Unix(reset, 0))
}

// classifySuccess reads a 2xx: {"success": true, "data": {…}}, but for lists and for what need not have a body.
func classifySuccess(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	unreadable := payonce.Verdict{Resend: true, Code: "unreadable answer"}
	if !res.Complete || res.Status == http.StatusPartialContent {
		return unreadable
	}
	if len(res.Body) == 0 {
		if req.EmptyOK {
			return payonce.Verdict{Class: payonce.ClassSucceeded}
		}
		return unreadable
	}
	rule := ruleOf(req.Kind)
	data, ok := rule.open(res.Body)
	if !ok || (rule.whole != nil && !rule.whole(data)) {
		return unreadable
	}
	return judge(req, &rule, data)
}

// judge reads an answer that is whole.
func judge(req *payonce.Request, rule *answerRule, data adapter.Object) payonce.Verdict {
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: rule.id(req.Path, data), Code: adapter.Cut(data.Text("status"), 60)}
	switch {
	case rule.strays(req.Path, data), rule.differs != nil && rule.differs(adapter.ObjectOf(req.Body), data):
		v.Class, v.Code = payonce.ClassMismatch, "answer about something else"
	case req.Kind == kindCreateRefund && notRefunded(data):
		return payonce.Verdict{Resend: true, Code: "not refunded"}
	case req.Kind == kindCreateRefund:
		v.ResourceID, v.Code = refundID(data), adapter.Cut(refundWord(data), 60)
	case rule.declines(data):
		v.Class, v.Proven, v.KeySpent = payonce.ClassDeclined, true, true
	}
	return v
}
