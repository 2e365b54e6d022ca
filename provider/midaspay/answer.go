package midaspay

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// judge reads the whole answer of a 2xx, which is an object. Whether it is about the request is looked at first, so that not even an
// answer that says no is believed about another one.
type judge func(req *payonce.Request, told adapter.Object) payonce.Verdict

// newAnswers says how the answers of each kind are read.
func newAnswers() map[string]judge {
	return map[string]judge{
		kindCreatePayment:       judgeOrder,
		kindGetPayment:          judgeQueriedOrder,
		kindCancelPayment:       judgeVoid,
		kindCheck:               judgeCheck,
		kindCreateRefund:        judgeRefund,
		kindCreateAuthorization: judgeAuthorization,
		kindGetAuthorization:    judgeAuthorization,
		kindPayAuthorization:    judgePaid,
		kindCancelAuthorization: judgeCanceledAuthorization,
		kindCreateSubscription:  judgeSubscription,
		kindGetSubscription:     judgeAnything,
		kindCancelSubscription:  judgeUnsubscribed,
		kindCreateMORSession:    judgeUnread,
		kindCreateCheckout:      judgeToken,
		kindGetTransaction:      judgeTransaction,
		kindCreateCard:          judgeUnread,
	}
}

// judgeAnything takes whatever does not say no.
func judgeAnything(*payonce.Request, adapter.Object) payonce.Verdict {
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeOrder reads a new order, or the one that an earlier attempt made: a repeat is answered by what is stored, as it is by now.
func judgeOrder(req *payonce.Request, told adapter.Object) payonce.Verdict {
	units, ok := unitsIn(told)
	another := adapter.Differ(req.Key, told.Text(keyField))
	if !ok && !another {
		return unreadable()
	}
	return made(told, told.Text("id"), another || contradict(sentUnits(req), units))
}

// judgeQueriedOrder reads an order that was asked for by id or reference_id.
func judgeQueriedOrder(req *payonce.Request, told adapter.Object) payonce.Verdict {
	_, ok := unitsIn(told)
	switch {
	case anOrder().nothing(told):
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	case !ok || word(told["status"]) == "":
		return unreadable()
	}
	asked, id := adapter.ObjectOf(req.Body), told.Text("id")
	return made(told, id, adapter.Differ(asked.Text("id"), id) || adapter.Differ(asked.Text(keyField), told.Text(keyField)))
}

// judgeCheck reads the answer about the order that nobody makes: that it is not there, or even that it is.
func judgeCheck(req *payonce.Request, told adapter.Object) payonce.Verdict {
	if v := judgeQueriedOrder(req, told); v.Class == payonce.ClassUnknown {
		return v
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeVoid reads the answer to a void. Of one that succeeded the status is inferred: the answer has none.
func judgeVoid(req *payonce.Request, told adapter.Object) payonce.Verdict {
	if !told.Is("succeed", "true") {
		return unreadable()
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: adapter.ObjectOf(req.Body).Text("id"), Code: string(OrderVoided)}
}

// judgeRefund reads a new refund, whose answer is assumed to have an id, and to echo the amount only if that is the refund's.
func judgeRefund(req *payonce.Request, told adapter.Object) payonce.Verdict {
	var sent, got Money
	_ = json.Unmarshal(adapter.ObjectOf(req.Body)["amount"], &sent) // an own body may have another amount, or none
	another := adapter.Differ(req.Key, told.Text(keyField))
	if raw, echoed := told["amount"]; echoed && json.Unmarshal(raw, &got) != nil && !another {
		return unreadable()
	}
	return made(told, told.Text("id"), another || (sent.Value != "" && got.Value != "" && !sent.same(got)))
}

// judgeAuthorization reads an authorization that was made or asked for. Which of its ids an answer has is assumed.
func judgeAuthorization(req *payonce.Request, told adapter.Object) payonce.Verdict {
	if req.Key == "" && anAuthorization().nothing(told) {
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	}
	units, ok := unitsIn(told)
	asked, id := adapter.ObjectOf(req.Body), cmp.Or(told.Text("authorization_id"), told.Text("id"))
	another := adapter.Differ(asked.Text("authorization_id"), id) || adapter.Differ(ownReference(asked), ownReference(told))
	if !ok && !another {
		return unreadable()
	}
	return made(told, id, another || contradict(sentUnits(req), units))
}

// ownReference is an authorization's reference by whichever of its names is there.
func ownReference(o adapter.Object) string {
	return cmp.Or(o.Text("reference_authorization_id"), o.Text(keyField))
}

// judgePaid reads a payment under an authorization, of whose answer nothing is documented: a reference_id in it may be the
// authorization's.
func judgePaid(req *payonce.Request, told adapter.Object) payonce.Verdict {
	v := payonce.Verdict{Class: payonce.ClassSucceeded, Code: adapter.Code(word(told["status"]))}
	if id := told.Text("id"); isID(id) {
		v.ResourceID = id
	}
	switch {
	case len(told) == 0:
		return unreadable()
	case adapter.Differ(adapter.ObjectOf(req.Body).Text("authorization_id"), told.Text("authorization_id")):
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	}
	return v
}

// judgeCanceledAuthorization reads the answer to a cancellation. One that shows the authorization as it was is no success yet.
func judgeCanceledAuthorization(req *payonce.Request, told adapter.Object) payonce.Verdict {
	v := judgePaid(req, told)
	if v.Class != payonce.ClassSucceeded {
		return v
	}
	v.ResourceID = adapter.ObjectOf(req.Body).Text("authorization_id")
	switch status := OrderStatus(word(told["status"])); {
	case status.beyondVoiding():
		v.Class, v.KeySpent, v.Message = payonce.ClassDeclined, true, messageOver
	case status.portable() != "" && status != OrderVoided:
		v.Class, v.Resend = payonce.ClassUnknown, true
	}
	return v
}

// judgeSubscription reads a new subscription.
func judgeSubscription(req *payonce.Request, told adapter.Object) payonce.Verdict {
	sent, got := adapter.ObjectOf(req.Body).Object("subscriber").Text("id"), told.Object("subscriber").Text("id")
	return made(told, told.Text("id"), adapter.Differ(req.Key, told.Text(keyField)) || adapter.Differ(sent, got))
}

// judgeUnsubscribed reads the answer to a cancellation, which is a status. One that goes on is asked to end again: that it ends at the
// end of its period is nowhere promised.
func judgeUnsubscribed(req *payonce.Request, told adapter.Object) payonce.Verdict {
	status := SubscriptionStatus(word(told["status"]))
	v := payonce.Verdict{ResourceID: adapter.ObjectOf(req.Body).Text("id"), Code: adapter.Code(string(status))}
	switch status {
	case SubscriptionCancelled, SubscriptionVoided:
		v.Class = payonce.ClassSucceeded
	case SubscriptionCompleted:
		v.Class, v.KeySpent, v.Message = payonce.ClassDeclined, true, messageOver
	case SubscriptionUnknown, "":
		return unreadable()
	case SubscriptionPending, SubscriptionApproved, SubscriptionActive, SubscriptionSuspended:
		v.Resend = true
	default:
		v.Resend = true // nor is that a word of tomorrow means the end
	}
	return v
}

// judgeUnread reads an answer of which nothing is documented. Its id and its status are left alone: any word of it may be a bearer
// token.
func judgeUnread(req *payonce.Request, told adapter.Object) payonce.Verdict {
	switch {
	case len(told) == 0:
		return unreadable()
	case adapter.Differ(adapter.ObjectOf(req.Body).Text(keyField), told.Text(keyField)):
		return payonce.Verdict{Class: payonce.ClassMismatch, Code: codeElse}
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeToken reads a new checkout token. It is a bearer secret, and so no id of anything.
func judgeToken(_ *payonce.Request, told adapter.Object) payonce.Verdict {
	if told.Text("token") == "" {
		return unreadable()
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded}
}

// judgeTransaction reads a transaction that was asked for.
func judgeTransaction(req *payonce.Request, told adapter.Object) payonce.Verdict {
	if aTransaction().nothing(told) {
		return payonce.Verdict{Class: payonce.ClassDeclined, Code: codeNotFound}
	}
	transaction := told.Object("transaction")
	external := transaction.Text("external_id")
	return made(transaction, transaction.Text("id"), external != "" && !strings.HasSuffix(req.Path, queryTransaction(external).Path))
}
