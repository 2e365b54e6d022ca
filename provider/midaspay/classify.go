package midaspay

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

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
	case req.Kind == kindCheck && p.d.names.missed(res.Status, problem):
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

// judge reads the whole body of a 2xx.
type judge func(req *payonce.Request, body []byte) payonce.Verdict

// newAnswers says how the answers of each kind are read. Other kinds need valid JSON only.
func newAnswers() map[string]judge {
	return map[string]judge{
		kindCreatePayment:       judgeOrder,
		kindGetPayment:          judgeQueriedOrder,
		kindCancelPayment:       judgeVoid,
		kindCreateRefund:        judgeRefund,
		kindCreateAuthorization: judgeAuthorization,
		kindGetAuthorization:    judgeAuthorization,
		kindCreateSubscription:  judgeSubscription,
		kindCancelSubscription:  judgeUnsubscribed,
		kindCreateCheckout:      judgeToken,
		kindGetTransaction:      judgeTransaction,
		kindPayAuthorization:    judgeObject,
		kindCancelAuthorization: judgeObject,
		kindCreateMORSession:    judgeObject,
		kindCreateCard:          judgeObject,
		kindGetSubscription:     judgeObject,
	}
}

func (d *dialect) classifySuccess(req *payonce.Request, res *payonce.Response, problem *problem, trust trust) payonce.Verdict {
	switch {
	case !res.Complete || res.Status == http.StatusPartialContent || problem != nil:
		return unreadable()
	case trust == trustForged, trust == trustUnsigned:
		return payonce.Verdict{Resend: true, Code: codeUnverified} // P9: neither a success nor a failure
	case len(res.Body) == 0 && req.EmptyOK:
		return payonce.Verdict{Class: payonce.ClassSucceeded}
	}
	if read := d.answers[req.Kind]; read != nil {
		return read(req, res.Body)
	}
	if !json.Valid(res.Body) {
		return unreadable()
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeOrder reads a new order, or the one that an earlier attempt made: a repeat is answered by what is stored, as it is by now.
func judgeOrder(req *payonce.Request, body []byte) payonce.Verdict {
	var got PlacedOrder
	if json.Unmarshal(body, &got) != nil || !isID(got.ID) {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	switch {
	case differ(req.Key, got.ReferenceID) || contradict(sentUnits(req), got.PurchaseUnits):
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	case got.Status == OrderFailed:
		v.Class, v.KeySpent = payonce.ClassDeclined, true
	}
	return v
}

// asked is what of a request tells whether an answer is about it.
type asked struct {
	ID                       string         `json:"id"`
	ReferenceID              string         `json:"reference_id"`
	AuthorizationID          string         `json:"authorization_id"`
	ReferenceAuthorizationID string         `json:"reference_authorization_id"`
	PurchaseUnits            []PurchaseUnit `json:"purchase_units"`
	Amount                   Money          `json:"amount"`
	Subscriber               Subscriber     `json:"subscriber"`
	Settings                 struct {
		ExternalID string `json:"external_id"`
	} `json:"settings"`
}

// askedIn reads a request's body; what can't be read compares with nothing.
func askedIn(req *payonce.Request) asked {
	var a asked
	_ = json.Unmarshal(req.Body, &a)
	return a
}

func sentUnits(req *payonce.Request) []PurchaseUnit { return askedIn(req).PurchaseUnits }

// judgeQueriedOrder reads an order that was asked for by id or reference_id. That a miss may be a 200 without an id is assumed.
func judgeQueriedOrder(req *payonce.Request, body []byte) payonce.Verdict {
	if isNothing(body) {
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	}
	var got PlacedOrder
	if json.Unmarshal(body, &got) != nil || !isID(got.ID) || got.Status == "" {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	if a := askedIn(req); differ(a.ID, got.ID) || differ(a.ReferenceID, got.ReferenceID) {
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	}
	return v
}

// judgeVoid reads the answer to a void, which says no in a 200. Of a void that succeeded the status is inferred: the answer has none.
func judgeVoid(req *payonce.Request, body []byte) payonce.Verdict {
	var got struct {
		Succeed *bool  `json:"succeed"`
		Message string `json:"message"`
	}
	switch {
	case json.Unmarshal(body, &got) != nil || got.Succeed == nil:
		return unreadable()
	case !*got.Succeed:
		return payonce.Verdict{Class: payonce.ClassDeclined, KeySpent: true, Code: "succeed false", Message: adapter.Message(got.Message)}
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: askedIn(req).ID, Code: string(OrderVoided)}
}

// judgeRefund reads a new refund, whose answer is assumed to have an id, and to echo the amount only if that is the refund's.
func judgeRefund(req *payonce.Request, body []byte) payonce.Verdict {
	var got CreatedRefund
	if json.Unmarshal(body, &got) != nil || !isID(got.ID) {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	sent := askedIn(req)
	switch {
	case differ(req.Key, got.ReferenceID) || (sent.Amount.Value != "" && got.Amount.Value != "" && !sent.Amount.same(got.Amount)):
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	case got.Status == OrderFailed:
		v.Class, v.KeySpent = payonce.ClassDeclined, true
	}
	return v
}

// judgeAuthorization reads an authorization that was made or asked for. Which of its ids an answer has is assumed.
func judgeAuthorization(req *payonce.Request, body []byte) payonce.Verdict {
	if req.Key == "" && isNothing(body) {
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	}
	var got Authorization
	if json.Unmarshal(body, &got) != nil || !isID(got.id()) {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.id(), Code: adapter.Code(got.Status)}
	a := askedIn(req)
	if differ(a.AuthorizationID, got.id()) || differ(cmp.Or(a.ReferenceAuthorizationID, a.ReferenceID), got.reference()) ||
		contradict(a.PurchaseUnits, got.PurchaseUnits) {
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	}
	return v
}

func (a *Authorization) id() string { return cmp.Or(a.ID, a.AuthorizationID) }

func (a *Authorization) reference() string { return cmp.Or(a.ReferenceAuthorizationID, a.ReferenceID) }

// judgeSubscription reads a new subscription.
func judgeSubscription(req *payonce.Request, body []byte) payonce.Verdict {
	var got Subscription
	if json.Unmarshal(body, &got) != nil || !isID(got.ID) {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	if differ(req.Key, got.ReferenceID) || differ(askedIn(req).Subscriber.ID, got.Subscriber.ID) {
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	}
	return v
}

// judgeUnsubscribed reads the answer to a cancellation, which is a status. That one which is not CANCELLED yet was accepted is assumed.
func judgeUnsubscribed(req *payonce.Request, body []byte) payonce.Verdict {
	var got CanceledSubscription
	if json.Unmarshal(body, &got) != nil || got.Status == "" || got.Status == SubscriptionUnknown {
		return unreadable()
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: askedIn(req).ID, Code: adapter.Code(string(got.Status))}
}

// judgeToken reads a new checkout token. It is a bearer secret, and so no id of anything.
func judgeToken(_ *payonce.Request, body []byte) payonce.Verdict {
	var got MORToken
	if json.Unmarshal(body, &got) != nil || got.Token == "" {
		return unreadable()
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeTransaction reads a transaction that was asked for.
func judgeTransaction(req *payonce.Request, body []byte) payonce.Verdict {
	if isNothing(body) {
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	}
	var got MORTransaction
	if json.Unmarshal(body, &got) != nil || !isID(got.Transaction.ID) {
		return unreadable()
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.Transaction.ID, Code: adapter.Code(string(got.Transaction.Status))}
	if got.Transaction.ExternalID != "" && !strings.HasSuffix(req.Path, queryTransaction(got.Transaction.ExternalID).Path) {
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	}
	return v
}

// judgeObject reads an answer of which nothing is documented: an object that says something, and does not say no in a way that other
// answers have. Where the request names an authorization, a reference_id may be that one's.
func judgeObject(req *payonce.Request, body []byte) payonce.Verdict {
	var got map[string]json.RawMessage
	if json.Unmarshal(body, &got) != nil || got == nil || (req.Key != "" && len(got) == 0) {
		return unreadable()
	}
	text := func(name string) (s string) {
		_ = json.Unmarshal(got[name], &s) // what is no text says nothing
		return s
	}
	v := payonce.Verdict{Class: payonce.ClassSucceeded, Code: adapter.Code(text("status"))}
	if id := text("id"); isID(id) {
		v.ResourceID = id
	}
	a := askedIn(req)
	switch {
	case req.Key == "":
	case differ(a.AuthorizationID, text("authorization_id")), a.AuthorizationID == "" && differ(a.ReferenceID, text(keyField)):
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	case string(got["succeed"]) == "false", text("status") == string(OrderFailed):
		v.Class, v.KeySpent = payonce.ClassDeclined, true
	}
	return v
}
