package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Intent statuses.
const (
	elebnePending   = "PENDING"
	elebnePaid      = "PAID"
	elebneRefunded  = "REFUNDED"
	elebneCancelled = "CANCELLED"
	elebneFailed    = "FAILED"
)

const (
	elebneIntentLife = 24 * time.Hour
	elebneCodeLife   = 15 * time.Minute // assumed
	elebneFailing    = 99901            // centimes, in the sandbox: the payment fails
	elebneUnrefunded = 99904            // centimes, in the sandbox: refunds fail
)

// An elebneIntent is one payment intent as the provider knows it.
type elebneIntent struct {
	reference string // the path id, PI-3…
	shortCode string
	code      string // for paying in person
	live      bool
	amount    int64
	open      bool           // the payer chooses the amount; the simulator's chooses the request's
	doc       map[string]any // the create request
	status    string
	created   time.Time
	paid      time.Time
	refunded  int64
	refunds   int
}

func elebneIntentRule() rule {
	return object{
		need("amount", integer{min: 1}),
		may("amountType", text{enum: []string{"FIXED", "OPEN"}}),
		may("label", text{max: 200}),
		may("metadata", pairs{max: 50, maxKey: 500, maxValue: 500}), // "500 each" does not say what of
		may("success_url", text{}),
		may("cancel_url", text{}),
	}
}

// The list of reasons may be open: any text will do.
func elebneRefundRule() rule {
	return object{may("amount", integer{min: 1}), may("reason", text{}), may("note", text{})}
}

func (s *Elebne) createIntent(q *elebneQuery) answer {
	const alphanumeric = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	p := &elebneIntent{
		reference: "PI-3" + randomText(14, alphanumeric), shortCode: randomText(6, alphanumeric), code: randomText(6, "0123456789"),
		live: q.live, amount: integerAt(q.doc, "amount"), open: textAt(q.doc, "amountType") == "OPEN", doc: q.doc,
		created: s.now().UTC().Truncate(time.Millisecond),
	}
	s.intents[p.reference] = p
	s.order, s.pending = append(s.order, p), append(s.pending, p)
	s.record(q, Entry{
		Kind: "payment", ID: p.reference, AmountMinor: p.amount, Currency: "MRU",
		Reference: textAt(q.doc, "label"), Metadata: stringsAt(q.doc, "metadata"),
	})
	s.become(p, elebnePending)
	a := s.show(q, p, http.StatusCreated)
	if s.cfg.AutoPay {
		s.pay(p)
	}
	return a
}

// show answers with an intent, and with the intent as it is then where a replay
// shows the latest.
func (s *Elebne) show(q *elebneQuery, p *elebneIntent, status int) answer {
	q.latest = func() answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lapse()
		return elebneData(status, s.view(p))
	}
	return elebneData(status, s.view(p))
}

// view is the intent as far as its fields are documented, and its metadata, which
// webhooks have.
func (s *Elebne) view(p *elebneIntent) map[string]any {
	return map[string]any{
		"referenceNumber": p.reference, "shortCode": p.shortCode, "code": p.code,
		"codeExpiresAt": elebneTime(p.created.Add(elebneCodeLife)), "payUrl": "https://pay.elebne.ai/p/" + p.shortCode,
		"amount": p.shownAmount(), "amountType": cmp.Or(textAt(p.doc, "amountType"), "FIXED"), "currency": "MRU",
		"label": p.doc["label"], "metadata": p.metadata(), "status": s.word(p.status),
	}
}

// shownAmount is null where the payer chooses.
func (p *elebneIntent) shownAmount() any {
	if p.open {
		return nil
	}
	return p.amount
}

func (p *elebneIntent) metadata() map[string]any {
	if m := objectAt(p.doc, "metadata"); m != nil {
		return m
	}
	return map[string]any{}
}

// word is a status as this simulator spells it.
func (s *Elebne) word(status string) string {
	if status == elebnePaid && s.cfg.CompletedWord {
		return "COMPLETED"
	}
	return status
}

func (s *Elebne) intent(q *elebneQuery) (p *elebneIntent, refusal answer) {
	p = s.intents[q.ids[0]]
	if p == nil || p.live != q.live {
		return nil, elebneNotFound("Payment intent")
	}
	return p, answer{}
}

func (s *Elebne) getIntent(q *elebneQuery) answer {
	p, refusal := s.intent(q)
	if p == nil {
		return refusal
	}
	return elebneData(http.StatusOK, s.view(p))
}

// listIntents answers in the form that is documented of orders: items and total
// at the top, pages from 1. The newest come first, which is assumed.
func (s *Elebne) listIntents(q *elebneQuery) answer {
	query, errs := q.URL.Query(), map[string][]string{}
	page, err := strconv.Atoi(cmp.Or(query.Get("page"), "1"))
	if err != nil || page < 1 {
		errs["page"] = []string{"Value must be a page."}
	}
	span := map[string]time.Time{}
	for _, name := range []string{"from", "to"} {
		if text := query.Get(name); text != "" {
			if span[name], err = time.Parse(time.RFC3339, text); err != nil {
				errs[name] = []string{"Value must be a date and time."}
			}
		}
	}
	if len(errs) > 0 {
		return elebneInvalid(errs)
	}
	all, items := []any{}, []any{}
	for _, p := range slices.Backward(s.order) {
		if p.live == q.live && !p.created.Before(span["from"]) && (span["to"].IsZero() || !p.created.After(span["to"])) {
			all = append(all, s.view(p))
		}
	}
	if pages := slices.Collect(slices.Chunk(all, s.cfg.PageSize)); page <= len(pages) {
		items = pages[page-1]
	}
	return elebneAnswer(http.StatusOK, map[string]any{"items": items, "total": len(all)})
}

func (s *Elebne) cancelIntent(q *elebneQuery) answer {
	p, refusal := s.intent(q)
	switch {
	case p == nil:
		return refusal
	case p.status != elebnePending:
		return s.conflict(p)
	}
	s.record(q, Entry{Kind: "cancel", ID: p.reference, PaymentID: p.reference})
	s.become(p, elebneCancelled)
	return s.show(q, p, http.StatusOK)
}

// conflict is the answer to a step that the intent's status does not allow. Its
// code is not documented.
func (s *Elebne) conflict(p *elebneIntent) answer {
	return elebneError(s.cfg.ConflictStatus, "INVALID_STATE", "Payment intent is "+s.word(p.status))
}

// refundIntent makes a refund, which is final when it is answered. No id of a
// refund is documented.
func (s *Elebne) refundIntent(q *elebneQuery) answer {
	p, refusal := s.intent(q)
	switch {
	case p == nil:
		return refusal
	case p.status != elebnePaid && p.status != elebneRefunded, p.refunded == p.amount:
		return s.conflict(p)
	}
	amount := p.amount - p.refunded
	if q.doc["amount"] != nil {
		amount = integerAt(q.doc, "amount")
	}
	switch {
	case amount > p.amount-p.refunded:
		return elebneInvalid(map[string][]string{"amount": {"Value must not exceed what is left of the payment."}})
	case !p.live && p.amount == elebneUnrefunded: // neither status nor code are documented
		return elebneError(http.StatusBadRequest, "REFUND_FAILED", "Refund failed")
	}
	p.refunds++
	p.refunded += amount
	id := p.reference + "-R" + strconv.Itoa(p.refunds)
	s.refunds[id], s.refunds[p.reference] = true, true
	s.record(q, Entry{Kind: "refund", ID: id, PaymentID: p.reference, AmountMinor: amount, Currency: "MRU"})
	s.become(p, elebneRefunded)
	data := s.view(p)
	data["refunded"] = true
	return elebneData(http.StatusOK, data)
}

func (s *Elebne) simulatePayment(q *elebneQuery) answer {
	p, refusal := s.intent(q)
	switch {
	case p == nil:
		return refusal
	case p.status != elebnePending:
		return s.conflict(p)
	}
	s.record(q, Entry{Kind: "simulate_payment", ID: p.reference, PaymentID: p.reference})
	s.pay(p)
	return s.show(q, p, http.StatusOK)
}

// pay is the payer, who succeeds unless the amount says otherwise.
func (s *Elebne) pay(p *elebneIntent) {
	if _, declined := s.cfg.DeclineAmounts[p.amount]; declined || !p.live && p.amount == elebneFailing {
		s.become(p, elebneFailed)
		return
	}
	p.paid = s.now()
	s.become(p, elebnePaid)
}

// lapse cancels what nobody paid in time. Whoever reads statuses calls it first.
func (s *Elebne) lapse() {
	for len(s.pending) > 0 && !s.now().Before(s.pending[0].created.Add(elebneIntentLife)) {
		if p := s.pending[0]; p.status == elebnePending {
			s.become(p, elebneCancelled)
		}
		s.pending = s.pending[1:]
	}
}

// become gives an intent a status and tells the merchant. Six payment events
// exist; the names of the first two are documented, the others follow their form.
func (s *Elebne) become(p *elebneIntent, status string) {
	p.status = status
	s.tell(map[string]string{
		elebnePending: "payment.created", elebnePaid: "payment.confirmed", elebneFailed: "payment.failed",
		elebneCancelled: "payment.cancelled", elebneRefunded: "payment.refunded",
	}[status], !p.live, s.eventData(p))
}

// eventData is the intent in a webhook's words. How the commission of 2 % is
// divided among its members is assumed.
func (s *Elebne) eventData(p *elebneIntent) map[string]any {
	data := map[string]any{
		"reference_number": p.reference, "short_code": p.shortCode, "amount": p.shownAmount(), "currency": "MRU",
		"status": s.word(p.status), "paid_at": nil, "payer_phone": nil, "metadata": p.metadata(),
	}
	fee := int64(0)
	if !p.paid.IsZero() {
		fee = p.amount / 50
		data["paid_at"], data["payer_phone"] = elebneTime(p.paid), "42 ** ** 78"
	}
	data["commission"] = map[string]any{"provider_ttc": fee, "payer_ttc": 0, "tof": 0, "tte": 0, "total_revenue": fee}
	return data
}

// Pay makes the payer pay: PENDING becomes PAID, or FAILED for an amount of
// DeclineAmounts and for the sandbox's 99901.
func (s *Elebne) Pay(paymentID string) error { return s.move(paymentID, s.pay) }

// FailPayment makes the payer fail: PENDING becomes FAILED. No place for a code
// is documented.
func (s *Elebne) FailPayment(paymentID, _ string) error {
	return s.move(paymentID, func(p *elebneIntent) { s.become(p, elebneFailed) })
}

// ExpirePayment ends an intent whose payer did not come, before its 24 hours are
// over: PENDING becomes CANCELLED.
func (s *Elebne) ExpirePayment(paymentID string) error {
	return s.move(paymentID, func(p *elebneIntent) { s.become(p, elebneCancelled) })
}

func (s *Elebne) move(id string, step func(*elebneIntent)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lapse()
	p := s.intents[id]
	switch {
	case p == nil:
		return fmt.Errorf("simulator: payment %s: not found", id)
	case p.status != elebnePending:
		return fmt.Errorf("simulator: payment %s: not possible in status %s", id, p.status)
	}
	step(p)
	return nil
}

// PaymentStatus returns the status of an intent as the API says it, or "" if
// there is none.
func (s *Elebne) PaymentStatus(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lapse()
	if p := s.intents[id]; p != nil {
		return s.word(p.status)
	}
	return ""
}

// SettleRefund does nothing to a refund, which is final when it is answered. It
// takes the ledger's id of a refund or the intent's, and fails if there is none.
func (s *Elebne) SettleRefund(refundID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refunds[refundID] {
		return fmt.Errorf("simulator: refund %s: not found", refundID)
	}
	return nil
}

// FailRefund always fails: no refund that was answered is documented to fail. In
// the sandbox, refunds of 99904 are refused.
func (s *Elebne) FailRefund(refundID, _ string) error {
	if err := s.SettleRefund(refundID); err != nil {
		return err
	}
	return fmt.Errorf("simulator: fail refund %s: it is final", refundID)
}

// control adds what moves intents and refunds on.
func (s *Elebne) control(mux *http.ServeMux) {
	mux.HandleFunc("POST /simulator/{kind}/{id}/{step}", act(func(r *http.Request) error {
		why := struct{ Code string }{}
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&why); err != nil {
				return fmt.Errorf("simulator: decode a failure: %w", err)
			}
		}
		id := r.PathValue("id")
		switch step := r.PathValue("kind") + " " + r.PathValue("step"); step {
		case "payments pay":
			return s.Pay(id)
		case "payments fail":
			return s.FailPayment(id, why.Code)
		case "payments expire":
			return s.ExpirePayment(id)
		case "refunds settle":
			return s.SettleRefund(id)
		case "refunds fail":
			return s.FailRefund(id, why.Code)
		default:
			return fmt.Errorf("simulator: there is no step %q", step)
		}
	}))
}

// randomText returns n random letters of an alphabet.
func randomText(n int, alphabet string) string {
	letters := randomBytes(n)
	for i, b := range letters {
		letters[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(letters)
}

// elebneTime is a time as the API writes it.
func elebneTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Elebne) elsewhere() string {
	return `{"success":true,"data":{"referenceNumber":"PI-3CAFE","id":"cafe","name":"cake","price":999999,"amount":999999,` +
		`"currency":"MRU","label":"somebody else's","status":"PAID","refunded":true}}`
}
