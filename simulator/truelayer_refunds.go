package simulator

import (
	"net/http"
	"time"
)

// A refund is one refund as the provider knows it.
type refund struct {
	id       string
	payment  *payment
	amount   int64
	doc      map[string]any
	status   string
	reason   string
	created  time.Time
	executed time.Time
	failed   time.Time
}

func (s *TrueLayer) createRefund(q *query) answer {
	p := s.payments[q.ids[0]]
	switch {
	case p == nil:
		return notFound("payment")
	case !p.authorizedOnce():
		// The description knows no Invalid State here.
		return invalidParameter("payment_id", "A payment cannot be refunded in status "+p.status+".")
	case p.account == nil:
		return invalidParameter("payment_id", "Only a payment into a merchant account can be refunded.")
	}
	amount := p.amount
	if q.doc["amount_in_minor"] != nil {
		amount = integerAt(q.doc, "amount_in_minor")
	}
	if amount > p.refundable() {
		return invalidParameter("amount_in_minor", "Value must not exceed what is left of the payment.")
	}
	r := &refund{id: newID(), payment: p, amount: amount, doc: q.doc, status: statusPending, created: s.now()}
	s.refunds[r.id] = r
	p.refunds = append(p.refunds, r)
	s.record(q, Entry{
		Kind: "refund", ID: r.id, PaymentID: p.id, AmountMinor: amount, Currency: p.currency,
		Reference: textAt(q.doc, "reference"), Metadata: stringsAt(q.doc, "metadata"),
	})
	return newAnswer(http.StatusAccepted, map[string]any{"id": r.id})
}

// refundable is what no refund has claimed yet.
func (p *payment) refundable() int64 {
	left := p.amount
	for _, r := range p.refunds {
		if r.status != statusFailed {
			left -= r.amount
		}
	}
	return left
}

func (s *TrueLayer) listRefunds(q *query) answer {
	p := s.payments[q.ids[0]]
	if p == nil {
		return notFound("payment")
	}
	items := make([]any, 0, len(p.refunds))
	for _, r := range p.refunds {
		items = append(items, r.view())
	}
	return newAnswer(http.StatusOK, map[string]any{"items": items})
}

func (s *TrueLayer) getRefund(q *query) answer {
	r := s.refunds[q.ids[1]]
	if r == nil || r.payment.id != q.ids[0] {
		return notFound("refund")
	}
	return newAnswer(http.StatusOK, r.view())
}

func (r *refund) view() map[string]any {
	body := pick(r.doc, "reference", "metadata")
	body["id"], body["status"] = r.id, r.status
	body["amount_in_minor"], body["currency"] = r.amount, r.payment.currency
	body["created_at"] = timestamp(r.created)
	if !r.executed.IsZero() {
		body["executed_at"] = timestamp(r.executed)
	}
	if r.status == statusFailed {
		body["failed_at"], body["failure_reason"] = timestamp(r.failed), r.reason
	}
	return body
}
