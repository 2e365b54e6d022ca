package midaspay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// clockError is how far MidasPay's clock and this machine's may be apart when times are compared.
const clockError = 5 * time.Minute

// lookup is how to find out what became of a write.
type lookup struct {
	// query is the read that finds it; false if the request does not say what to look for.
	query func(req *payonce.Request) (payonce.Query, bool)
	// find reads what was found.
	find judge
	// missing says that what is not found was not made.
	missing bool
}

// newLookups says which writes can be looked up. A refund can't: no query is documented.
func newLookups() map[string]lookup {
	return map[string]lookup{
		kindCreatePayment:      {query: byKey(queryOrder, keyField), find: findOrder, missing: true},
		kindCancelPayment:      {query: byID(queryOrder), find: findVoided},
		kindCreateSubscription: {query: byKey(subscriptionsBy, keyField), find: findSubscription, missing: true},
		kindCancelSubscription: {query: byID(subscriptionsBy), find: findUnsubscribed},
		// How authorizations of this query and those of /v1/payment/orders/authorization are related is not documented.
		kindCreateAuthorization: {query: byKey(queryAuthorization, "reference_authorization_id"), find: findAuthorization},
		// A token without a transaction exists all the same, and may yet be paid by whoever has its link.
		kindCreateCheckout: {query: byExternalID, find: findTransaction},
	}
}

func byKey(query func(by, value string) payonce.Query, field string) func(*payonce.Request) (payonce.Query, bool) {
	return func(req *payonce.Request) (payonce.Query, bool) { return query(field, req.Key), req.Key != "" }
}

func byID(query func(by, value string) payonce.Query) func(*payonce.Request) (payonce.Query, bool) {
	return func(req *payonce.Request) (payonce.Query, bool) {
		id := askedIn(req).ID
		return query("id", id), id != ""
	}
}

func byExternalID(req *payonce.Request) (payonce.Query, bool) {
	id := askedIn(req).Settings.ExternalID
	return queryTransaction(id), id != ""
}

func subscriptionsBy(by, value string) payonce.Query { return querySubscription(by, value) }

// Lookup returns the read that finds what a write made: an order, authorization or subscription by its key, a void or cancellation by
// what it was about, a checkout token by its transaction.
func (p *Provider) Lookup(req *payonce.Request) (payonce.Query, bool) {
	look, ok := p.d.lookups[req.Kind]
	if !ok {
		return payonce.Query{}, false
	}
	return look.query(req)
}

// ClassifyLookup reads what was found. An order is ours if nothing in it contradicts that: it was not made before the first attempt, and
// currency, amounts and ids of all units are those that were sent. How an unknown reference_id is answered is not documented; a 404 of
// MidasPay's own and a 200 in which nothing is set are taken for it.
func (p *Provider) ClassifyLookup(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	problem, trust := problemOf(res), p.d.platform.judge(res)
	look, ok := p.d.lookups[req.Kind]
	v := payonce.Verdict{Wait: adapter.RetryAfter(res), RequestID: requestID(res, problem)}
	found := adapter.Success(res.Status) && res.Status != http.StatusPartialContent && res.Complete && problem == nil &&
		(trust == trustGenuine || trust == trustUnchecked)
	missed := p.d.names.missed(res.Status, problem) && trust != trustForged
	switch {
	case !ok:
	case missed, found && isNothing(res.Body):
		v.Code = codeNotFound
		if look.missing {
			v.Class = payonce.ClassRefused
		}
	case found:
		requestID := v.RequestID
		v = look.find(req, res.Body)
		v.RequestID = requestID
	}
	return v
}

// findOrder reads the order that stands under the key.
func findOrder(req *payonce.Request, body []byte) payonce.Verdict {
	var got PlacedOrder
	switch {
	case json.Unmarshal(body, &got) != nil || !isID(got.ID) || got.Status == "":
		return payonce.Verdict{Code: codeUnreadable}
	case differ(req.Key, got.ReferenceID):
		return payonce.Verdict{Class: payonce.ClassMismatch, Code: codeElse}
	case !madeSince(req, got.CreateTime) || !agree(sentUnits(req), got.PurchaseUnits):
		return somebodyElses("order", got.ID, string(got.Status), got.CreateTime)
	}
	return judgeOrder(req, body)
}

// madeSince says that something was made after the first attempt may have left, less what clocks differ.
func madeSince(req *payonce.Request, created Timestamp) bool {
	return !req.FirstSentAt.IsZero() && !created.IsZero() && !created.Before(req.FirstSentAt.Add(-clockError))
}

// somebodyElses is the verdict on what stands under the key and is not provably this operation's. It says what was found, for the
// person who has to find out.
func somebodyElses(what, id, status string, created Timestamp) payonce.Verdict {
	at := "at an unknown time"
	if !created.IsZero() {
		at = created.Format(time.RFC3339)
	}
	return payonce.Verdict{
		Class: payonce.ClassReuse, Code: adapter.Code(status), ResourceID: id,
		Message: fmt.Sprintf("%s %s (%s), created %s, has this reference_id and is not provably this operation's", what, adapter.RequestID(id), adapter.Code(status), at),
	}
}

// findVoided reads the order that was to be voided. One that was paid, or failed, is not voided by any attempt, however late it comes.
func findVoided(req *payonce.Request, body []byte) payonce.Verdict {
	v := judgeQueriedOrder(&payonce.Request{Body: req.Body}, body)
	switch status := OrderStatus(v.Code); {
	case v.Class != payonce.ClassSucceeded:
		v.Resend = false
	case status == OrderVoided:
	case status.beyondVoiding():
		v.Class, v.KeySpent, v.Message = payonce.ClassDeclined, true, "the order can't be voided any more"
	case status.portable() != "":
		v.Class, v.Message = payonce.ClassRefused, "the order is not voided"
	default:
		v.Class = payonce.ClassUnknown
	}
	return v
}

// findSubscription reads the subscription that stands under the key.
func findSubscription(req *payonce.Request, body []byte) payonce.Verdict {
	got, ok := onlySubscription(body)
	switch {
	case !ok:
		return payonce.Verdict{Code: codeUnreadable}
	case differ(req.Key, got.ReferenceID):
		return payonce.Verdict{Class: payonce.ClassMismatch, Code: codeElse}
	}
	sent := askedIn(req)
	ours := got.ReferenceID == req.Key && got.Subscriber.ID == sent.Subscriber.ID && sent.Subscriber.ID != "" &&
		(got.CreateTime.IsZero() || madeSince(req, got.CreateTime)) // the answer's create_time is not documented
	if !ours {
		return somebodyElses("subscription", got.ID, string(got.Status), got.CreateTime)
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
}

// onlySubscription reads a list of one.
func onlySubscription(body []byte) (Subscription, bool) {
	var list SubscriptionList
	if json.Unmarshal(body, &list) != nil || len(list.Subscriptions) != 1 || !isID(list.Subscriptions[0].ID) {
		return Subscription{}, false
	}
	return list.Subscriptions[0], true
}

// findUnsubscribed reads the subscription that was to be cancelled.
func findUnsubscribed(req *payonce.Request, body []byte) payonce.Verdict {
	got, ok := onlySubscription(body)
	if !ok || got.ID != askedIn(req).ID {
		return payonce.Verdict{Code: codeUnreadable}
	}
	v := payonce.Verdict{ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	switch got.Status {
	case SubscriptionCancelled, SubscriptionVoided:
		v.Class = payonce.ClassSucceeded
	case SubscriptionPending, SubscriptionApproved, SubscriptionActive, SubscriptionSuspended, SubscriptionCompleted:
		v.Class, v.Message = payonce.ClassRefused, "the subscription is not cancelled"
	case SubscriptionUnknown:
	}
	return v
}

// findAuthorization reads the authorization that stands under the key. Its units are compared where it has them.
func findAuthorization(req *payonce.Request, body []byte) payonce.Verdict {
	v := judgeAuthorization(req, body)
	if v.Class != payonce.ClassSucceeded {
		v.Resend = false
		return v
	}
	var got Authorization
	if json.Unmarshal(body, &got) != nil || !madeSince(req, got.CreateTime) {
		return somebodyElses("authorization", got.id(), got.Status, got.CreateTime)
	}
	return v
}

// findTransaction reads the transaction of a token. Tax may be added to the amount, so that is not compared; external_id is the
// reference of this operation and of no other.
func findTransaction(req *payonce.Request, body []byte) payonce.Verdict {
	q, _ := byExternalID(req)
	v := judgeTransaction(&payonce.Request{Path: q.Path}, body)
	var got MORTransaction
	switch {
	case v.Class != payonce.ClassSucceeded:
		v.Resend = false
	case json.Unmarshal(body, &got) != nil || got.Transaction.ExternalID == "":
		return payonce.Verdict{Code: codeUnreadable}
	}
	return v
}
