package simulator

import (
	"net/http"
	"net/url"
	"time"
)

// Payment statuses, which refunds and payouts share in part.
const (
	statusPending       = "pending"
	statusNeedsPayer    = "authorization_required"
	statusAuthorizing   = "authorizing"
	statusAuthorized    = "authorized"
	statusExecuted      = "executed"
	statusSettled       = "settled"
	statusFailed        = "failed"
	typeMerchantAccount = "merchant_account"
)

// A payment is one payment as the provider knows it.
type payment struct {
	id       string
	user     string
	payer    string // account holder name
	amount   int64
	currency string
	doc      map[string]any // the create request
	account  *account       // nil where the money goes to an external account
	sourceID string
	refunds  []*refund

	status        string
	stage, reason string // of a failure
	created       time.Time
	executed      time.Time
	settled       time.Time
	failed        time.Time
}

func (s *TrueLayer) createPayment(q *query) answer {
	p := &payment{
		id: newID(), sourceID: newID(), doc: q.doc, created: s.now(), status: statusNeedsPayer,
		amount: integerAt(q.doc, "amount_in_minor"), currency: textAt(q.doc, "currency"),
		user: textAt(q.doc, "user", "id"), payer: textAt(q.doc, "user", "name"),
	}
	if refusal, ok := s.place(p); !ok {
		return refusal
	}
	if p.user == "" {
		p.user = newID()
	}
	if p.payer == "" {
		p.payer = "JOHN SANDBRIDGE"
	}
	switch failure, fails := s.failureOf(p); {
	case fails:
		s.fail(p, failure.Stage, failure.Reason)
	case textAt(q.doc, "payment_method", "type") == "mandate":
		s.authorize(p) // the mandate is the payer's consent
	case q.doc["authorization_flow"] != nil:
		p.status = statusAuthorizing
	}
	s.payments[p.id] = p
	s.record(q, Entry{
		Kind: "payment", ID: p.id, AmountMinor: p.amount, Currency: p.currency, Declined: p.status == statusFailed,
		Reference: textAt(p.doc, "payment_method", "beneficiary", "reference"), Metadata: stringsAt(p.doc, "metadata"),
	})
	token := s.newToken(&accessToken{client: q.token.client, payment: p.id})
	q.latest = func() answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		return newAnswer(http.StatusCreated, p.creation(token))
	}
	a := newAnswer(http.StatusCreated, p.creation(token))
	if s.cfg.AutoAuthorize && p.status != statusFailed {
		s.progress(p)
	}
	return a
}

// place finds the merchant account that gets the money.
func (s *TrueLayer) place(p *payment) (refusal answer, ok bool) {
	const path = "payment_method.beneficiary.merchant_account_id"
	id := textAt(p.doc, "payment_method", "beneficiary", "merchant_account_id")
	if id == "" {
		return answer{}, true
	}
	p.account = s.account(id, p.currency)
	switch {
	case p.account == nil:
		return invalidParameter(path, "The merchant account does not exist."), false
	case p.account.currency != p.currency:
		return invalidParameter(path, "The merchant account has another currency."), false
	}
	return answer{}, true
}

// failureOf returns how the payment fails at once, if the configuration says so.
func (s *TrueLayer) failureOf(p *payment) (Failure, bool) {
	selection := objectAt(p.doc, "payment_method", "provider_selection")
	provider := textAt(selection, "provider_id")
	if ids, ok := valueAt(selection, "filter", "provider_ids").([]any); ok && len(ids) == 1 {
		provider, _ = ids[0].(string)
	}
	f, ok := s.cfg.FailProviders[provider]
	if !ok {
		f, ok = s.cfg.FailAmounts[p.amount]
	}
	if f.Stage == "" {
		f.Stage = statusAuthorizing
	}
	if f.Reason == "" {
		f.Reason = "provider_rejected"
	}
	return f, ok
}

// creation is the body of the create answer.
func (p *payment) creation(token string) map[string]any {
	body := map[string]any{
		"id": p.id, "user": map[string]any{"id": p.user}, "resource_token": token, "status": p.status,
	}
	switch p.status {
	case statusNeedsPayer:
		if page := objectAt(p.doc, "hosted_page"); page != nil {
			fragment := url.Values{"payment_id": {p.id}, "resource_token": {token}, "return_uri": {textAt(page, "return_uri")}}
			body["hosted_page"] = map[string]any{"uri": "https://payment.truelayer-sandbox.com/payments#" + fragment.Encode()}
		}
	case statusAuthorizing:
		body["authorization_flow"] = p.flow()
	case statusExecuted, statusSettled:
		body["status"] = statusAuthorized // a create answer knows no later one
	case statusFailed:
		body["failure_stage"], body["failure_reason"] = p.stage, p.reason
	}
	return body
}

// flow is the next step that the payer is asked for.
func (p *payment) flow() map[string]any {
	next := map[string]any{"type": "provider_selection", "providers": []any{}}
	if textAt(p.doc, "payment_method", "provider_selection", "type") == "preselected" {
		next = map[string]any{"type": "redirect", "uri": "https://pay-mock-connect.truelayer-sandbox.com/login/" + p.id}
	}
	return map[string]any{"actions": map[string]any{"next": next}}
}

func (s *TrueLayer) getPayment(q *query) answer {
	p := s.payments[q.ids[0]]
	if p == nil {
		return notFound("payment")
	}
	return newAnswer(http.StatusOK, p.view())
}

// view is the payment as a GET shows it.
func (p *payment) view() map[string]any {
	body := pick(p.doc, "metadata", "sub_merchants", "user_consent", "related_products")
	body["id"], body["status"] = p.id, p.status
	body["amount_in_minor"], body["currency"] = p.amount, p.currency
	body["user"] = map[string]any{"id": p.user}
	body["created_at"] = timestamp(p.created)
	body["payment_method"] = p.methodView()
	if !p.executed.IsZero() {
		body["executed_at"] = timestamp(p.executed)
	}
	switch p.status {
	case statusAuthorizing:
		body["authorization_flow"] = p.flow()
	case statusAuthorized, statusExecuted:
		body["payment_source"] = p.source()
	case statusSettled:
		body["payment_source"] = p.settledSource()
		body["settled_at"] = timestamp(p.settled)
	case statusFailed:
		body["failed_at"] = timestamp(p.failed)
		body["failure_stage"], body["failure_reason"] = p.stage, p.reason
	}
	return body
}

// methodView is the payment method without what the API does not give back.
func (p *payment) methodView() map[string]any {
	method := objectAt(p.doc, "payment_method")
	if textAt(method, "type") == "mandate" {
		return pick(method, "type", "mandate_id", "reference", "user_interaction", "retry")
	}
	selection := pick(objectAt(method, "provider_selection"),
		"type", "provider_id", "filter", "scheme_selection", "branch_selection", "remitter")
	if selection["provider_id"] == nil && p.authorizedOnce() {
		selection["provider_id"] = "mock-payments-gb-redirect"
	}
	if p.authorizedOnce() {
		selection["scheme_id"] = schemeOf(p.currency)
	}
	view := pick(method, "type", "retry")
	view["provider_selection"] = selection
	view["beneficiary"] = pick(objectAt(method, "beneficiary"), "type", "merchant_account_id", "account_holder_name",
		"account_identifier", "reference", "statement_reference", "verification")
	return view
}

func (p *payment) authorizedOnce() bool {
	return p.status == statusAuthorized || p.status == statusExecuted || p.status == statusSettled
}

func (p *payment) source() map[string]any {
	return map[string]any{"account_holder_name": p.payer, "account_identifiers": identifiersOf(p.currency)}
}

func (p *payment) settledSource() map[string]any {
	source := p.source()
	source["id"] = p.sourceID
	return source
}

func schemeOf(currency string) string {
	switch currency {
	case "GBP":
		return "faster_payments_service"
	case "PLN":
		return "polish_domestic_express"
	}
	return "sepa_credit_transfer_instant"
}

func (s *TrueLayer) startAuthorizationFlow(q *query) answer {
	p := s.payments[q.ids[0]]
	switch {
	case p == nil:
		return notFound("payment")
	case p.status != statusNeedsPayer:
		return invalidState("The authorization flow of the payment was started before.")
	}
	p.status = statusAuthorizing
	s.record(q, Entry{Kind: "authorization_flow", ID: p.id, PaymentID: p.id})
	a := newAnswer(http.StatusOK, map[string]any{"status": p.status, "authorization_flow": p.flow()})
	if s.cfg.AutoAuthorize {
		s.progress(p)
	}
	return a
}

func (s *TrueLayer) cancelPayment(q *query) answer {
	p := s.payments[q.ids[0]]
	switch {
	case p == nil:
		return notFound("payment")
	case p.status != statusNeedsPayer && p.status != statusAuthorizing:
		return invalidState("The payment cannot be cancelled in status " + p.status + ".")
	}
	s.fail(p, "", "canceled")
	s.record(q, Entry{Kind: "cancel", ID: p.id, PaymentID: p.id})
	return newAnswer(http.StatusAccepted, nil)
}

func (s *TrueLayer) elsewhere() string {
	return `{"id":"00000000-0000-4000-8000-00000000cace","status":"executed","amount_in_minor":999999,"currency":"EUR"}`
}
