package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A midasResource is an order, a refund or anything else that the provider made.
type midasResource struct {
	kind, id, reference string
	doc                 map[string]any // of the request that made it
	currency            string
	amount, paid        int64
	order               *midasResource // of a refund
	status, failure     string
	created, updated    time.Time
}

// A midasLife is the statuses that a kind of resource goes through. Documented
// are enumerations; arrows are not, nor what a failed order or a refund is.
type midasLife struct{ created, paid, failed, expired string }

func (r *midasResource) life() midasLife {
	switch r.kind {
	case midasAuthorization:
		return midasLife{"CREATED", "APPROVED", "FAILED", "VOIDED"}
	case midasRefund:
		return midasLife{"REFUNDING", "REFUNDED", "REFUND_REVERSED", "REFUND_REVERSED"}
	case midasSubscription:
		return midasLife{"PENDING", "ACTIVE", "VOIDED", "VOIDED"}
	case midasToken:
		return midasLife{"Pending", "Completed", "Cancelled", "Cancelled"}
	}
	return midasLife{"CREATED", "COMPLETED", "FAILED", "VOIDED"}
}

// open says that no money has moved and none is refused yet.
func (r *midasResource) open() bool {
	return slices.Contains([]string{r.life().created, "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED", "CAPTURE_REQUIRED"}, r.status)
}

// find returns the newest resource that has the id and the reference, of which
// one may be empty, of the first kind that has one.
func (s *MidasPay) find(id, reference string, kinds ...string) *midasResource {
	if id == "" && reference == "" {
		return nil
	}
	for _, kind := range kinds {
		for _, r := range slices.Backward(s.resources) {
			if r.kind == kind && (id == "" || r.id == id) && (reference == "" || r.reference == reference) {
				return r
			}
		}
	}
	return nil
}

// add makes a resource, with its entry in the ledger, and answers with it.
func (s *MidasPay) add(q *midasQuery, entry string, r *midasResource) answer {
	r.kind, r.doc, r.id = cmp.Or(r.kind, q.endpoint.kind), q.doc, newID()
	r.created, r.status = s.now(), r.life().created
	r.reference = cmp.Or(r.reference, q.key)
	e := Entry{Kind: entry, ID: r.id, AmountMinor: r.amount, Currency: r.currency, Reference: r.reference}
	if r.order != nil {
		e.PaymentID = r.order.id
	}
	s.resources = append(s.resources, r)
	s.record(q, e)
	s.move(r, r.status)
	q.latest = func() answer {
		if s.cfg.ReplayConflicts {
			return s.problem(problemKeyReuse, q.Request)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.show(r)
	}
	a := s.show(r)
	if s.cfg.AutoPay && r.kind != midasRefund {
		s.move(r, r.life().paid)
	}
	return a
}

// create makes what has neither an amount nor rules beyond its body's.
func (s *MidasPay) create(q *midasQuery) answer {
	return s.add(q, q.endpoint.kind, &midasResource{})
}

func (s *MidasPay) createOrder(q *midasQuery) answer {
	seen := map[string]bool{}
	units, _ := q.doc["purchase_units"].([]any)
	for _, u := range units {
		unit, _ := u.(map[string]any)
		id := textAt(unit, "reference_id")
		switch {
		case id == "" && len(units) > 1:
			return midasInvalidField("purchase_units.reference_id", "Value is required if there are several units.")
		case seen[id]:
			return midasProblem(http.StatusBadRequest, "DUPLICATE_SUB_REFERENCE_ID", "duplicate sub reference id")
		}
		seen[id] = true
	}
	currency, amount, ok := midasTotal(q.doc)
	if !ok || currency == "" {
		return midasInvalidField("purchase_units", "Units of one currency are required.")
	}
	if name, declines := s.cfg.DeclineAmounts[amount]; declines {
		q.declined = true
		q.latest = func() answer { return midasDecline(name) }
		return q.latest()
	}
	entry := "payment"
	if q.endpoint.kind == midasAuthorization {
		entry = "authorization"
	}
	return s.add(q, entry, &midasResource{currency: currency, amount: amount})
}

func (s *MidasPay) queryOrder(q *midasQuery) answer {
	return s.query(q, "id", "reference_id", midasOrder, midasAuthorization)
}

func (s *MidasPay) queryAuthorization(q *midasQuery) answer {
	return s.query(q, "authorization_id", "reference_authorization_id", midasAuthorization)
}

func (s *MidasPay) query(q *midasQuery, id, reference string, kinds ...string) answer {
	r := s.find(textAt(q.doc, id), textAt(q.doc, reference), kinds...)
	if r == nil {
		return s.notFound(q.endpoint)
	}
	return s.show(r)
}

// voidOrder has no dedupe: a second void of an order is refused by its status.
func (s *MidasPay) voidOrder(q *midasQuery) answer {
	r := s.find(textAt(q.doc, "id"), textAt(q.doc, "reference_id"), midasOrder, midasAuthorization)
	switch {
	case r == nil:
		return s.notFound(q.endpoint)
	case !r.open():
		return midasAnswer(http.StatusOK, map[string]any{"succeed": false, "message": "the order is " + r.status})
	}
	s.cancel(q, r, "VOIDED")
	return midasAnswer(http.StatusOK, map[string]any{"succeed": true, "message": "success"})
}

func (s *MidasPay) cancel(q *midasQuery, r *midasResource, status string) {
	s.record(q, Entry{Kind: "cancel", ID: r.id, PaymentID: r.id, Reference: r.reference})
	s.move(r, status)
}

func (s *MidasPay) cancelAuthorization(q *midasQuery) answer {
	r := s.find(textAt(q.doc, "authorization_id"), textAt(q.doc, "reference_authorization_id"), midasAuthorization)
	switch {
	case r == nil:
		return s.notFound(q.endpoint)
	case r.open():
		s.cancel(q, r, "VOIDED")
	case r.status != "VOIDED":
		return midasState(r)
	}
	return s.show(r)
}

// payAuthorization captures. The documentation names no key for it, so that two
// requests capture twice, as far as there is money.
func (s *MidasPay) payAuthorization(q *midasQuery) answer {
	r := s.find(textAt(q.doc, "authorization_id"), textAt(q.doc, "reference_authorization_id"), midasAuthorization)
	if r == nil {
		return s.notFound(q.endpoint)
	}
	amount, refusal := midasPart(q.doc, r, r.amount-r.paid)
	switch {
	case r.status != "APPROVED" && r.status != "CAPTURE_REQUIRED":
		return midasState(r)
	case amount == 0:
		return refusal
	}
	r.paid += amount
	s.record(q, Entry{Kind: "capture", ID: newID(), PaymentID: r.id, AmountMinor: amount, Currency: r.currency})
	status := "CAPTURE_REQUIRED"
	if r.paid == r.amount {
		status = "COMPLETED"
	}
	s.move(r, status)
	return s.show(r)
}

func (s *MidasPay) createRefund(q *midasQuery) answer {
	// The names of both could not be read: these are the usual ones.
	id := cmp.Or(textAt(q.doc, "id"), textAt(q.doc, "order_id"), textAt(q.doc, "payment_id"))
	reference := cmp.Or(textAt(q.doc, "order_reference_id"), textAt(q.doc, "reference_order_id"))
	if id == "" && reference == "" {
		return midasInvalidField("id", "The refund names no order.")
	}
	order := s.find(id, reference, midasOrder, midasAuthorization)
	if order == nil {
		return s.notFound(q.endpoint)
	}
	left := order.paid
	for _, r := range s.resources {
		if r.order == order && r.status != "REFUND_REVERSED" {
			left -= r.amount
		}
	}
	amount, refusal := midasPart(q.doc, order, left)
	switch {
	case order.paid == 0:
		return midasState(order)
	case amount == 0:
		return refusal
	}
	a := s.add(q, "refund", &midasResource{currency: order.currency, amount: amount, order: order})
	s.afterRefund(order)
	return a
}

// midasPart is the amount of a refund or a capture: all that is left where the
// request names none, and 0 where it is refused.
func midasPart(doc map[string]any, r *midasResource, left int64) (amount int64, refusal answer) {
	currency, amount, ok := midasTotal(doc)
	if ok && currency == "" {
		currency, amount = r.currency, left
	}
	if currency != r.currency || amount <= 0 || amount > left {
		return 0, midasInvalidField("amount", "Value must be more than nothing and at most what is left.")
	}
	return amount, answer{}
}

// afterRefund shows in an order's status what became of its refunds.
func (s *MidasPay) afterRefund(order *midasResource) {
	status, back := "COMPLETED", int64(0)
	for _, r := range s.resources {
		switch {
		case r.order != order || status == "REFUNDING":
		case r.status == "REFUNDED":
			back += r.amount
		default:
			status = r.status
		}
	}
	if back == order.paid {
		status = "REFUNDED"
	}
	order.status, order.updated = status, s.now()
}

func (s *MidasPay) querySubscriptions(q *midasQuery) answer {
	found := []*midasResource{s.find(textAt(q.doc, "id"), textAt(q.doc, "reference_id"), midasSubscription)}
	ids, _ := valueAt(q.doc, "subscription_ids", "ids").([]any)
	for _, id := range ids {
		text, _ := id.(string)
		found = append(found, s.find(text, "", midasSubscription))
	}
	views := []any{}
	for _, r := range found {
		if r != nil {
			views = append(views, s.view(r))
		}
	}
	return midasAnswer(http.StatusOK, map[string]any{"subscriptions": views})
}

// cancelSubscription repeats itself without effect: not documented.
func (s *MidasPay) cancelSubscription(q *midasQuery) answer {
	r := s.find(textAt(q.doc, "id"), "", midasSubscription)
	if r == nil {
		return s.notFound(q.endpoint)
	}
	if r.open() || r.status == "ACTIVE" || r.status == "SUSPENDED" {
		s.cancel(q, r, "CANCELLED")
	}
	return midasAnswer(http.StatusOK, map[string]any{"status": r.status})
}

// createToken dedupes nothing: each request makes a token, and a transaction that
// settings.external_id finds.
func (s *MidasPay) createToken(q *midasQuery) answer {
	checkout := objectAt(q.doc, "purchase", "checkout")
	currency := textAt(checkout, "currency")
	amount, _ := midasMinor(currency, textAt(checkout, "amount")) // 0 without a checkout
	return s.add(q, "token", &midasResource{
		kind: midasToken, currency: currency, amount: amount, reference: textAt(q.doc, "settings", "external_id"),
	})
}

const midasTokenPrefix = "tok_"

func (s *MidasPay) queryTransaction(q *midasQuery) answer {
	id := strings.TrimPrefix(q.URL.Query().Get("token"), midasTokenPrefix)
	reference := q.URL.Query().Get("external_id")
	if id == "" && reference == "" {
		return midasInvalidField("external_id", "One of token, external_id is required.")
	}
	r := s.find(id, reference, midasToken)
	if r == nil {
		return s.notFound(q.endpoint)
	}
	payment := pick(objectAt(r.doc, "purchase", "checkout"), "amount", "currency")
	transaction := map[string]any{
		"external_id": r.reference, "id": r.id, "status": r.status,
		"project": map[string]any{"id": textAt(r.doc, "settings", "project_id")},
	}
	if r.status == r.life().paid {
		transaction["payment_date"] = midasTime(r.updated)
	}
	return midasAnswer(http.StatusOK, map[string]any{
		"payment_details": map[string]any{"payment": payment},
		"transaction":     transaction,
		"user":            pick(objectAt(r.doc, "user"), "id", "email", "region_code"),
	})
}

// show answers with a resource.
func (s *MidasPay) show(r *midasResource) answer {
	if r.kind == midasToken {
		token := midasTokenPrefix + r.id
		return midasAnswer(http.StatusOK, map[string]any{"token": token, "redirect_url": midasPage + token})
	}
	return midasAnswer(http.StatusOK, s.view(r))
}

// midasPage is where a payer goes.
const midasPage = "https://sandbox-pay.centauriglobal.com/checkout?token="

func (s *MidasPay) view(r *midasResource) map[string]any {
	v := pick(r.doc, "amount", "purchase_units", "sub_merchant_id", "subscriber", "subscription_units")
	v["id"], v["reference_id"], v["merchant_id"], v["status"] = r.id, r.reference, s.cfg.MerchantID, r.status
	v["create_time"], v["update_time"] = midasTime(r.created), midasTime(r.updated)
	switch r.kind {
	case midasAuthorization:
		v["authorization_id"], v["reference_authorization_id"] = r.id, r.reference
	case midasRefund:
		v["order_id"] = r.order.id
		v["amount"] = map[string]any{"currency_code": r.currency, "value": midasValue(r.currency, r.amount)}
	case midasSession:
		v["redirect_url"] = midasPage + r.id
	}
	if r.failure != "" {
		v["error"] = map[string]any{"name": r.failure}
	}
	return v
}

// move gives a resource another status and tells the merchant.
func (s *MidasPay) move(r *midasResource, status string) {
	before := r.status
	r.status, r.updated = status, s.now()
	if r.kind == midasOrder && status == r.life().paid {
		r.paid = r.amount
	}
	name, kind := r.event(before)
	if name == "" {
		return
	}
	resource := s.view(r)
	if r.kind == midasSubscription {
		delete(resource, "status")
		resource["subscription_status"], resource["event_type"] = status, name
	}
	s.outbox.add(event{id: newID(), name: name, at: r.updated, data: midasNotice{kind, resource, r.created}})
}

// Pay makes the payer pay: an order is COMPLETED, an authorization APPROVED, a
// subscription ACTIVE, a merchant-of-record transaction Completed.
func (s *MidasPay) Pay(paymentID string) error {
	return s.finish(paymentID, "", func(l midasLife) string { return l.paid })
}

// FailPayment ends a payment whose payer's money did not come. Its status is not
// documented: FAILED, which the API's open list may or may not have.
func (s *MidasPay) FailPayment(paymentID, code string) error {
	return s.finish(paymentID, code, func(l midasLife) string { return l.failed })
}

// ExpirePayment ends a payment whose payer did not come: VOIDED.
func (s *MidasPay) ExpirePayment(paymentID string) error {
	return s.finish(paymentID, "", func(l midasLife) string { return l.expired })
}

func (s *MidasPay) finish(id, failure string, choose func(midasLife) string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.payment(id)
	switch {
	case r == nil:
		return fmt.Errorf("simulator: payment %s: not found", id)
	case !r.open() || r.status == r.life().paid || r.paid > 0:
		return fmt.Errorf("simulator: payment %s: not possible in status %s", id, r.status)
	}
	r.failure = failure
	s.move(r, choose(r.life()))
	return nil
}

func (s *MidasPay) payment(id string) *midasResource {
	return s.find(id, "", midasOrder, midasAuthorization, midasSubscription, midasToken, midasSession)
}

// MovePayment gives a payment any status, such as PAYER_ACTION_REQUIRED,
// CHARGEBACK or one that no client knows: which may follow which is not documented.
func (s *MidasPay) MovePayment(paymentID, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.payment(paymentID)
	if r == nil {
		return fmt.Errorf("simulator: payment %s: not found", paymentID)
	}
	s.move(r, status)
	return nil
}

// PaymentStatus returns the status of a payment, or "" if there is none.
func (s *MidasPay) PaymentStatus(paymentID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.payment(paymentID); r != nil {
		return r.status
	}
	return ""
}

// SettleRefund makes a refund reach the payer.
func (s *MidasPay) SettleRefund(refundID string) error {
	return s.finishRefund(refundID, "", "REFUNDED", "REFUNDING")
}

// FailRefund ends a refund; one that had reached the payer comes back.
func (s *MidasPay) FailRefund(refundID, code string) error {
	return s.finishRefund(refundID, code, "REFUND_REVERSED", "REFUNDING", "REFUNDED")
}

func (s *MidasPay) finishRefund(id, failure, status string, from ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.find(id, "", midasRefund)
	switch {
	case r == nil:
		return fmt.Errorf("simulator: refund %s: not found", id)
	case !slices.Contains(from, r.status):
		return fmt.Errorf("simulator: refund %s: not possible in status %s", id, r.status)
	}
	r.failure = failure
	s.move(r, status)
	s.afterRefund(r.order)
	return nil
}

func (s *MidasPay) elsewhere() string {
	return `{"id":"00000000-0000-4000-8000-00000000cace","reference_id":"somebody-elses","status":"COMPLETED",` +
		`"purchase_units":[{"reference_id":"somebody-elses","amount":{"currency_code":"EUR","value":"9999.99"}}]}`
}
