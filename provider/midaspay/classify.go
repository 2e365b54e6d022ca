package midaspay

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Classify reads one answer. Names of errors and bodies of successes decide, never a status alone; what is not MidasPay's own error
// document proves nothing, and neither does an answer whose signature is wrong.
// Sources: https://developer.midaspayment.com/docs/error/codes/, https://developer.midaspayment.com/docs/reference/apiresponse/.
func (p *Provider) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	problem, trust := problemOf(res), p.d.platform.judge(res)
	var v payonce.Verdict
	switch {
	case adapter.Success(res.Status):
		v = p.d.classifySuccess(req, res, problem, trust)
	case trust == trustForged: // whether errors are signed is not documented; one that is signed must be signed by MidasPay
		v = payonce.Verdict{Resend: adapter.Transient(res.Status), Code: codeUnverified}
	case req.Kind == kindCheck && anOrder().missing(res.Status, problem):
		v = payonce.Verdict{Class: payonce.ClassSucceeded} // the credentials were taken, and the order that nobody made was not found
	default:
		v = p.d.names.classify(req, res.Status, problem)
	}
	if problem != nil && v.Class != payonce.ClassSucceeded && v.Code == "" {
		v.Code, v.Message = adapter.Code(problem.Name), problem.message()
	}
	if res.Status == http.StatusUnauthorized {
		v.Message = cmp.Or(v.Message, "unauthorized") + "; " + clockHint
	}
	if v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined {
		v.Wait = adapter.RetryAfter(res)
	}
	v.RequestID = requestID(res, problem)
	return v
}

const (
	codeUnreadable = "unreadable answer"
	codeUnverified = "unverified answer"
	codeNotFound   = "not found"
	codeElse       = "answer about something else"
)

// requestID is MidasPay's id of the request, for its support.
func requestID(res *payonce.Response, p *problem) string {
	if p != nil && p.DebugID != "" {
		return adapter.RequestID(p.DebugID)
	}
	return adapter.RequestID(res.Header.Get("Request-Id"))
}

func unreadable() payonce.Verdict { return payonce.Verdict{Resend: true, Code: codeUnreadable} }

func (d *dialect) classifySuccess(req *payonce.Request, res *payonce.Response, problem *problem, trust trust) payonce.Verdict {
	told := adapter.ObjectOf(res.Body)
	switch {
	case !res.Complete, res.Status == http.StatusPartialContent, problem != nil, saysError(told):
		return unreadable()
	case trust == trustForged, trust == trustUnsigned:
		return payonce.Verdict{Resend: true, Code: codeUnverified} // P9: neither a success nor a failure
	case len(res.Body) == 0 && req.EmptyOK:
		return payonce.Verdict{Class: payonce.ClassSucceeded}
	}
	read, known := d.answers[req.Kind]
	if !known {
		read = judgeAnything
	}
	if told == nil && (known || !json.Valid(res.Body)) {
		return unreadable()
	}
	return weigh(req, told, read)
}

// weigh reads an answer in the way of its kind, and then whether it says no, which a 2xx may do in two ways whatever its kind. About
// another request it may say what it likes. A read that is told no has learned nothing.
func weigh(req *payonce.Request, told adapter.Object, read judge) payonce.Verdict {
	v := read(req, told)
	no := payonce.Verdict{ResourceID: v.ResourceID, Message: adapter.Message(told.Text("message"))}
	if req.Key != "" {
		no.Class, no.KeySpent = payonce.ClassDeclined, true
	}
	switch {
	case v.Class == payonce.ClassMismatch:
	case told.Is("succeed", "false"):
		no.Code = "succeed false"
		return no
	case isSet(told, "succeed") && !told.Is("succeed", "true"):
		return unreadable()
	case hasFailed(req, told):
		no.Code = adapter.Code(told.Text("status"))
		return no
	}
	return v
}

// hasFailed says that what a write made failed at once. An order whose capture failed was made all the same; a payment under an
// authorization is that capture.
func hasFailed(req *payonce.Request, told adapter.Object) bool {
	switch OrderStatus(told.Text("status")) {
	case OrderFailed:
		return req.Key != ""
	case OrderCaptureFailed:
		return req.Kind == kindPayAuthorization
	case OrderUnknown, OrderCreated, OrderSaved, OrderApproved, OrderVoided, OrderCompleted, OrderPayerActionRequired, OrderRefunding,
		OrderRefunded, OrderCaptureRequired, OrderRefundReversed, OrderChargeback, OrderChargebackReversed, OrderSecondChargeback:
	}
	return false
}
