package midaspay

import (
	"fmt"
	"net/http"
	"strings"
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
	// what the query asks for.
	what thing
	// find reads what was found.
	find judge
	// missing says that what is not found was not made.
	missing bool
}

// newLookups says which writes can be looked up. A refund can't: no query is documented.
func newLookups() map[string]lookup {
	return map[string]lookup{
		kindCreatePayment:      {query: byKey(queryOrder, keyField), what: anOrder(), find: findOrder, missing: true},
		kindCancelPayment:      {query: byIDIn("id", queryOrder), what: anOrder(), find: findVoided},
		kindCreateSubscription: {query: byKey(subscriptionsBy, keyField), what: aSubscription(), find: findSubscription, missing: true},
		kindCancelSubscription: {query: byIDIn("id", subscriptionsBy), what: aSubscription(), find: findUnsubscribed},
		// How authorizations of this query and those of /v1/payment/orders/authorization are related is not documented.
		kindCreateAuthorization: {query: byKey(queryAuthorization, "reference_authorization_id"), what: anAuthorization(), find: findAuthorization},
		kindCancelAuthorization: {query: byIDIn("authorization_id", queryAuthorization), what: anAuthorization(), find: findCanceledAuthorization},
		// A token without a transaction exists all the same, and may yet be paid by whoever has its link.
		kindCreateCheckout: {query: byExternalID, what: aTransaction(), find: findTransaction},
	}
}

func byKey(query func(by, value string) payonce.Query, field string) func(*payonce.Request) (payonce.Query, bool) {
	return func(req *payonce.Request) (payonce.Query, bool) { return query(field, req.Key), req.Key != "" }
}

// byIDIn asks by the id that the request has in a member of that name.
func byIDIn(member string, query func(by, value string) payonce.Query) func(*payonce.Request) (payonce.Query, bool) {
	return func(req *payonce.Request) (payonce.Query, bool) {
		id := adapter.ObjectOf(req.Body).Text(member)
		return query(member, id), id != ""
	}
}

func byExternalID(req *payonce.Request) (payonce.Query, bool) {
	id := adapter.ObjectOf(req.Body).Object("settings").Text("external_id")
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

// ClassifyLookup reads what was found. An order is ours if nothing in it contradicts that: an attempt of ours can have made it, it was
// not made before the first one, and currency, amounts and ids of all units are those that were sent.
func (p *Provider) ClassifyLookup(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	problem, trust, told := problemOf(res), p.d.platform.judge(res), adapter.ObjectOf(res.Body)
	look, ok := p.d.lookups[req.Kind]
	v := payonce.Verdict{Wait: adapter.RetryAfter(res), RequestID: requestID(res, problem)}
	found := adapter.Success(res.Status) && res.Status != http.StatusPartialContent && res.Complete && told != nil && problem == nil &&
		(trust == trustGenuine || trust == trustUnchecked)
	switch {
	case !ok:
	case look.what.missing(res.Status, problem) && trust != trustForged, found && look.what.nothing(told):
		v.Code = codeNotFound
		if look.missing {
			v.Class = payonce.ClassRefused
		}
	case found && (saysError(told) || (isSet(told, "succeed") && !told.Is("succeed", "true"))):
		v.Code = codeUnreadable
	case found:
		requestID := v.RequestID
		v = look.find(req, told)
		v.RequestID, v.Resend = requestID, false
	}
	return v
}

// findOrder reads the order that stands under the key.
func findOrder(req *payonce.Request, told adapter.Object) payonce.Verdict {
	id, status, created := told.Text("id"), word(told["status"]), timestamp(told["create_time"])
	units, ok := unitsIn(told)
	switch {
	case adapter.Differ(req.Key, told.Text(keyField)):
		return payonce.Verdict{Class: payonce.ClassMismatch, Code: codeElse}
	case !ok, !isID(id), status == "":
		return unreadable()
	case !madeSince(req, created) || !agree(sentUnits(req), units):
		return somebodyElses("order", id, status, created)
	}
	return weigh(req, told, judgeOrder)
}

// madeSince says that something was made after the first attempt may have left, less what clocks differ.
func madeSince(req *payonce.Request, created Timestamp) bool {
	return !req.FirstSentAt.IsZero() && !created.IsZero() && !created.Before(req.FirstSentAt.Add(-clockError))
}

// perhapsSince says the same of a time that need not be told.
func perhapsSince(req *payonce.Request, at Timestamp) bool {
	return !req.FirstSentAt.IsZero() && (at.IsZero() || madeSince(req, at))
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

const messageOver = "it is over and can't be cancelled any more"

// findVoided reads the order that was to be voided.
func findVoided(req *payonce.Request, told adapter.Object) payonce.Verdict {
	v := judgeQueriedOrder(&payonce.Request{Body: req.Body}, told)
	return voidedBy(v, OrderStatus(word(told["status"])))
}

// findCanceledAuthorization reads the authorization that was to be cancelled. Its statuses could not be read; assumed to be an order's,
// and CANCELLED as of subscriptions.
func findCanceledAuthorization(req *payonce.Request, told adapter.Object) payonce.Verdict {
	v := judgeAuthorization(&payonce.Request{Body: req.Body}, told)
	status := OrderStatus(word(told["status"]))
	if status == OrderStatus(SubscriptionCancelled) {
		status = OrderVoided
	}
	return voidedBy(v, status)
}

// voidedBy says whether what was found is voided. What was paid, or failed, is not voided by any attempt, however late it comes.
func voidedBy(v payonce.Verdict, status OrderStatus) payonce.Verdict {
	switch {
	case v.Class != payonce.ClassSucceeded, status == OrderVoided:
	case status.beyondVoiding():
		v.Class, v.KeySpent, v.Message = payonce.ClassDeclined, true, messageOver
	case status.portable() != "":
		v.Class, v.Message = payonce.ClassRefused, "it is not cancelled"
	default:
		v.Class = payonce.ClassUnknown
	}
	return v
}

// findSubscription reads the subscription that stands under the key. The answer's create_time is not documented.
func findSubscription(req *payonce.Request, told adapter.Object) payonce.Verdict {
	got, ok := onlySubscription(told)
	switch {
	case !ok:
		return unreadable()
	case adapter.Differ(req.Key, got.ReferenceID):
		return payonce.Verdict{Class: payonce.ClassMismatch, Code: codeElse}
	}
	sent := adapter.ObjectOf(req.Body)
	subscriber := sent.Object("subscriber").Text("id")
	ours := got.ReferenceID == req.Key && got.Subscriber.ID == subscriber && subscriber != "" && perhapsSince(req, got.CreateTime)
	if !ours || differentUnits(sent, got.Units) {
		return somebodyElses("subscription", got.ID, string(got.Status), got.CreateTime)
	}
	return payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
}

// differentUnits says that the phases that were found can't be those that were sent. Phases come in their order.
func differentUnits(sent adapter.Object, got []SubscribedUnit) bool {
	var asked []SubscribedUnit
	_, _ = adapter.Decode(sent["subscription_units"], &asked) // our own
	if len(asked) == 0 || len(got) == 0 {
		return false
	}
	if len(asked) != len(got) {
		return true
	}
	for i, unit := range got {
		if adapter.Differ(asked[i].Product.ID, unit.Product.ID) || adapter.Differ(asked[i].Period.PeriodUnit, unit.Period.PeriodUnit) ||
			adapter.Differ(asked[i].Period.Value, unit.Period.Value) || adapter.Differ(asked[i].TotalCycles, unit.TotalCycles) {
			return true
		}
	}
	return false
}

// onlySubscription reads a list of one.
func onlySubscription(told adapter.Object) (Subscription, bool) {
	list, _ := told.List("subscriptions")
	if len(list) != 1 {
		return Subscription{}, false
	}
	one, odd, err := readSubscription(list[0])
	return one, !odd && err == nil && isID(one.ID)
}

// findUnsubscribed reads the subscription that was to be cancelled.
func findUnsubscribed(req *payonce.Request, told adapter.Object) payonce.Verdict {
	got, ok := onlySubscription(told)
	if !ok || got.ID != adapter.ObjectOf(req.Body).Text("id") {
		return unreadable()
	}
	v := payonce.Verdict{ResourceID: got.ID, Code: adapter.Code(string(got.Status))}
	switch got.Status {
	case SubscriptionCancelled, SubscriptionVoided:
		v.Class = payonce.ClassSucceeded
	case SubscriptionCompleted:
		v.Class, v.KeySpent, v.Message = payonce.ClassDeclined, true, messageOver
	case SubscriptionPending, SubscriptionApproved, SubscriptionActive, SubscriptionSuspended:
		v.Class, v.Message = payonce.ClassRefused, "it is not cancelled"
	case SubscriptionUnknown:
	}
	return v
}

// findAuthorization reads the authorization that stands under the key. Its units are compared where it has them.
func findAuthorization(req *payonce.Request, told adapter.Object) payonce.Verdict {
	v := weigh(req, told, judgeAuthorization)
	created := timestamp(told["create_time"])
	if v.ResourceID != "" && v.Class != payonce.ClassMismatch && !madeSince(req, created) {
		return somebodyElses("authorization", v.ResourceID, word(told["status"]), created)
	}
	return v
}

// findTransaction reads the transaction of a token. external_id is the reference of this operation; that nothing else of this merchant
// has it is nowhere promised, so what is told of the checkout must be what was sent.
func findTransaction(req *payonce.Request, told adapter.Object) payonce.Verdict {
	q, _ := byExternalID(req)
	v := judgeTransaction(&payonce.Request{Path: q.Path}, told)
	transaction, sent := told.Object("transaction"), adapter.ObjectOf(req.Body)
	paid := timestamp(transaction["payment_date"])
	switch {
	case v.Class != payonce.ClassSucceeded:
	case transaction.Text("external_id") == "":
		return unreadable()
	case !perhapsSince(req, paid), adapter.Differ(sent.Object("settings").Text("project_id"), transaction.Object("project").Text("id")),
		differentCheckout(sent.Object("purchase").Object("checkout"), told.Object("payment_details").Object("payment")):
		return somebodyElses("transaction", v.ResourceID, word(transaction["status"]), paid)
	}
	return v
}

// differentCheckout says that what a transaction tells of its amount can't be what was asked for. Tax may be on top of that, and then it
// is the net amount; a zero is taken for not paid yet.
func differentCheckout(sent, payment adapter.Object) bool {
	asked := Money{sent.Text("currency"), sent.Text("amount")}
	if adapter.Differ(strings.ToUpper(asked.CurrencyCode), strings.ToUpper(payment.Text("currency"))) {
		return true
	}
	gross, net := word(payment["amount"]), word(payment["net_amount"])
	if value, ok := parseDecimal(gross); asked.Value == "" || gross == "" || (ok && value == decimal{}) {
		return false
	}
	return !asked.same(Money{asked.CurrencyCode, gross}) && !asked.same(Money{asked.CurrencyCode, net})
}
