package simulator

import (
	"net/http"
	"time"
)

// A payout is one payout as the provider knows it.
type payout struct {
	id       string
	account  *account
	user     string // the payee of a user_determined payout
	amount   int64
	currency string
	doc      map[string]any
	status   string
	reason   string
	created  time.Time
	executed time.Time
	failed   time.Time
}

func (s *TrueLayer) createPayout(q *query) answer {
	p := &payout{
		id: newID(), doc: q.doc, status: statusPending, created: s.now(),
		amount: integerAt(q.doc, "amount_in_minor"), currency: textAt(q.doc, "currency"),
	}
	p.account = s.account(textAt(q.doc, "merchant_account_id"), p.currency)
	switch {
	case p.account == nil:
		return invalidParameter("merchant_account_id", "The merchant account does not exist.")
	case p.account.currency != p.currency:
		return invalidParameter("currency", "The merchant account has another currency.")
	}
	s.payouts[p.id] = p
	s.record(q, Entry{
		Kind: "payout", ID: p.id, AmountMinor: p.amount, Currency: p.currency,
		Reference: textAt(q.doc, "beneficiary", "reference"), Metadata: stringsAt(q.doc, "metadata"),
	})
	body := map[string]any{"id": p.id}
	if p.kind() == "user_determined" {
		p.status = statusNeedsPayer
		if p.user = textAt(q.doc, "beneficiary", "user", "id"); p.user == "" {
			p.user = newID()
		}
		body["status"], body["user"] = p.status, map[string]any{"id": p.user}
		body["resource_token"] = s.newToken(&accessToken{client: q.token.client, payment: p.id})
	}
	return newAnswer(http.StatusAccepted, body)
}

func (p *payout) kind() string { return textAt(p.doc, "beneficiary", "type") }

func (s *TrueLayer) getPayout(q *query) answer {
	p := s.payouts[q.ids[0]]
	if p == nil {
		return notFound("payout")
	}
	return newAnswer(http.StatusOK, p.view())
}

func (p *payout) view() map[string]any {
	body := pick(p.doc, "metadata", "merchant_account_id")
	body["id"], body["status"] = p.id, p.status
	body["amount_in_minor"], body["currency"] = p.amount, p.currency
	body["created_at"], body["scheme_id"] = timestamp(p.created), p.scheme()
	body["beneficiary"] = p.beneficiary()
	if !p.executed.IsZero() {
		body["executed_at"] = timestamp(p.executed)
	}
	if p.status == statusFailed {
		body["failed_at"], body["failure_reason"] = timestamp(p.failed), p.reason
	}
	return body
}

func (p *payout) scheme() string {
	if id := textAt(p.doc, "scheme_selection", "scheme_id"); id != "" {
		return id
	}
	return schemeOf(p.currency)
}

// beneficiary is where the money goes, with account_identifiers in the plural
// where the request has one.
func (p *payout) beneficiary() map[string]any {
	asked := objectAt(p.doc, "beneficiary")
	view := pick(asked, "type", "reference", "account_holder_name", "payment_source_id", "user_id",
		"account_holder_verification_id", "verification")
	switch p.kind() {
	case "external_account":
		view["account_identifiers"] = []any{asked["account_identifier"]}
	case "payment_source":
		view["account_holder_name"], view["account_identifiers"] = "JOHN SANDBRIDGE", identifiersOf(p.currency)
	case "business_account":
		view["account_holder_name"], view["account_identifiers"] = p.account.holder, identifiersOf(p.currency)
	case "user_determined":
		view["user"] = map[string]any{"id": p.user}
	}
	return view
}
