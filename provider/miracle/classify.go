package miracle

import (
	"net/http"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// The kinds of operations and reads. The first group is portable.
const (
	kindCreatePayment  = "payment.create"
	kindCapturePayment = "payment.capture"
	kindCancelPayment  = "payment.cancel"
	kindGetPayment     = "payment.get"
	kindCreateRefund   = "refund.create"
	kindGetRefund      = "refund.get"
	kindListRefunds    = "refund.list"
	kindCheck          = "check"

	kindListPayments   = "miracle.payment.list"
	kindCompleteAction = "miracle.payment.complete_action"
	kindCreateSession  = "miracle.checkout_session.create"
	kindGetSession     = "miracle.checkout_session.get"
	kindCreateHPP      = "miracle.hpp_session.create"
	kindCreateEndpoint = "miracle.webhook_endpoint.create"
	kindListEndpoints  = "miracle.webhook_endpoint.list"
	kindGetEndpoint    = "miracle.webhook_endpoint.get"
	kindDeleteEndpoint = "miracle.webhook_endpoint.delete"
	kindRotateSecret   = "miracle.webhook_endpoint.rotate_secret"
)

// Classify reads one answer. No refusal is proven: whether Miracle stores refusals under the key is not documented. What is not
// Miracle's own error document proves nothing.
func (p *Provider) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	document := documentOf(res)
	var v payonce.Verdict
	if adapter.Success(res.Status) {
		v = p.d.classifySuccess(req, res)
	} else {
		v = classifyRefusal(req, res.Status, document)
		if document != nil {
			v.Code, v.Message = adapter.Code(document.code), adapter.Message(document.message)
		}
	}
	if v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined {
		v.Wait = adapter.RetryAfter(res)
	}
	v.RequestID = adapter.RequestID(res.Header.Get("X-Request-Id")) // not documented: for the provider's support only
	return v
}

// classifyRefusal reads an answer that is no success.
func classifyRefusal(req *payonce.Request, status int, document *document) payonce.Verdict {
	switch {
	case status == http.StatusTooManyRequests && document != nil:
		return payonce.Verdict{Class: payonce.ClassRefused, Resend: true}
	case adapter.Transient(status):
		return payonce.Verdict{Resend: true}
	case status < 400 || status > 499:
		return payonce.Verdict{}
	case req.Key != "" && document != nil && document.isReuse():
		return payonce.Verdict{Class: payonce.ClassReuse}
	case req.Key != "" && status == http.StatusConflict && !isStateConflict(req.Kind, document):
		return payonce.Verdict{Class: payonce.ClassInFlight, Resend: true}
	case document != nil:
		return payonce.Verdict{Class: payonce.ClassRefused}
	}
	return payonce.Verdict{}
}

// isStateConflict says that a 409 is about the state of the payment. Only capture, cancel and complete-action have it documented, and
// only a code tells it from an overlap with another request of the same key, whose answer is not documented; assumed a 409. On any
// other write, a refund too, the other request may be moving the money at that moment.
func isStateConflict(kind string, document *document) bool {
	return ruleOf(kind).conflicts && document != nil && document.code != ""
}

// classifySuccess reads a 2xx.
func (d *dialect) classifySuccess(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	unreadable := payonce.Verdict{Class: payonce.ClassUnknown, Resend: true, Code: "unreadable answer"}
	switch {
	case !res.Complete || res.Status == http.StatusPartialContent:
		return unreadable
	case len(res.Body) == 0 && req.EmptyOK:
		return payonce.Verdict{Class: payonce.ClassSucceeded}
	}
	rule := ruleOf(req.Kind)
	answer, ok := answerOf(res.Body, &rule)
	if !ok {
		return unreadable
	}
	return d.judge(req, &rule, answer)
}

// judge reads an answer that is whole.
func (d *dialect) judge(req *payonce.Request, rule *answerRule, answer adapter.Object) payonce.Verdict {
	id := answer.Text("id")
	if what := d.differs(req, rule, answer); what != "" {
		return payonce.Verdict{Class: payonce.ClassMismatch, ResourceID: id, Code: "answer about something else", Message: "another " + what + " than was sent"}
	}
	if rule.declines(answer) {
		return decline(answer)
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: id, Code: adapter.Code(answer.Text("status"))}
}

// decline is the verdict of an answer that says no.
func decline(answer adapter.Object) payonce.Verdict {
	return payonce.Verdict{
		Class: payonce.ClassDeclined, Proven: true, KeySpent: true, ResourceID: answer.Text("id"),
		Code: adapter.Code(reason(answer)), Message: adapter.Message(answer.Words("errorMessage")),
	}
}
