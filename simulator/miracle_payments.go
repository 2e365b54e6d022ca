package simulator

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A miraclePayment is one payment as the provider knows it.
type miraclePayment struct {
	id        string
	live      bool
	doc       map[string]any // the create request
	amount    int64
	currency  string
	status    string
	errorCode string
	challenge string // how a 3-D Secure challenge ended
	refunds   []*miracleRefund

	authorized, captured, refunded int64
	created, updated               time.Time
}

// A miracleRefund is one refund as the provider knows it.
type miracleRefund struct {
	id               string
	payment          *miraclePayment
	doc              map[string]any
	amount           int64
	status, reason   string
	created, updated time.Time
}

func miraclePaymentRule() rule {
	return object{
		need("amount", miracleMoney(1)), may("merchantReference", text{}), may("metadata", miracleMetadata()),
		may("captureMethod", oneOf("automatic", "manual")),
		may("paymentMethod", object{need("type", oneOf(
			"card", "bank_transfer", "wallet", "google_pay", "bnpl", "local", "cash", "qr", "agent_token"))}),
	}
}

func miracleRefundRule() rule {
	return object{
		may("amount", miracleMoney(1)), may("reason", text{}), may("merchantReference", text{}),
		may("items", list{items: object{}}), may("metadata", miracleMetadata()),
	}
}

func (s *Miracle) createPayment(q *miracleQuery) answer {
	p := &miraclePayment{
		id: newID(), live: q.live, doc: q.doc, created: s.now(),
		amount: integerAt(q.doc, "amount", "valueMinor"), currency: textAt(q.doc, "amount", "currency"),
	}
	s.payments[p.id] = p
	s.order = append(s.order, p)
	s.move(p, "created")
	s.move(p, miracleProcessing)
	code, declined := s.cfg.DeclineAmounts[p.amount]
	if declined {
		s.decline(p, code)
	}
	s.record(q, Entry{
		Kind: "payment", ID: p.id, AmountMinor: p.amount, Currency: p.currency, Declined: declined,
		Reference: textAt(p.doc, "merchantReference"), Metadata: stringsAt(p.doc, "metadata"),
	})
	a := s.show(q, http.StatusCreated, p)
	if s.cfg.AutoPay && !declined {
		s.progress(p)
	}
	return a
}

// onPayment runs an endpoint on one payment; a status that is not in from is a
// conflict.
func (s *Miracle) onPayment(run func(*miracleQuery, *miraclePayment) answer, from ...string) func(*miracleQuery) answer {
	return func(q *miracleQuery) answer {
		p := s.payments[q.ids[0]]
		switch {
		case p == nil || p.live != q.live:
			return s.problem(problemNotFound, q.Request)
		case len(from) > 0 && !slices.Contains(from, p.status):
			return s.refuse(http.StatusConflict, "INVALID_PAYMENT_STATE", "This is not possible for a payment in status "+p.status+".")
		}
		return run(q, p)
	}
}

func (s *Miracle) show(q *miracleQuery, status int, p *miraclePayment) answer {
	return s.one(q, status, func() map[string]any { return s.paymentView(p) })
}

func (s *Miracle) getPayment(q *miracleQuery, p *miraclePayment) answer {
	return s.show(q, http.StatusOK, p)
}

func (s *Miracle) listPayments(q *miracleQuery) answer {
	filter, items := q.URL.Query(), []map[string]any{}
	for _, p := range s.order {
		keep := p.live == q.live
		for name, is := range map[string]string{
			"merchantId": s.cfg.MerchantID, "status": p.status, "livemode": strconv.FormatBool(p.live),
		} {
			keep = keep && cmp.Or(filter.Get(name), is) == is
		}
		if keep {
			items = append(items, s.paymentView(p))
		}
	}
	return s.page(q, items)
}

// capture takes the whole amount. A bank that says no fails the payment.
func (s *Miracle) capture(q *miracleQuery, p *miraclePayment) answer {
	code, rejected := s.cfg.DeclineCaptures[p.amount]
	if rejected {
		s.decline(p, code)
	} else {
		p.captured = p.amount
		s.move(p, miracleCaptured)
	}
	s.record(q, Entry{Kind: "capture", ID: p.id, PaymentID: p.id, AmountMinor: p.amount, Currency: p.currency, Declined: rejected})
	return s.show(q, http.StatusOK, p)
}

func (s *Miracle) cancel(q *miracleQuery, p *miraclePayment) answer {
	s.move(p, miracleCanceled)
	s.record(q, Entry{Kind: "cancel", ID: p.id, PaymentID: p.id})
	return s.show(q, http.StatusOK, p)
}

func (s *Miracle) completeAction(q *miracleQuery, p *miraclePayment) answer {
	p.challenge = "Y"
	s.progress(p)
	s.record(q, Entry{Kind: "complete_action", ID: p.id, PaymentID: p.id})
	return s.show(q, http.StatusOK, p)
}

// paymentView is the payment as the API shows it.
func (s *Miracle) paymentView(p *miraclePayment) map[string]any {
	amount := func(minor int64) map[string]any { return miracleAmount(p.currency, minor) }
	view := pick(p.doc, "merchantReference", "metadata")
	maps.Copy(view, map[string]any{
		"id": p.id, "tenantId": miracleTenant, "merchantId": s.cfg.MerchantID, "livemode": p.live,
		"status": p.status, "amount": amount(p.amount),
		"amountBreakdown": map[string]any{
			"authorized": amount(p.authorized), "captured": amount(p.captured), "refunded": amount(p.refunded),
			"fee": amount(0), "net": amount(p.captured - p.refunded),
		},
		"captureMethod": cmp.Or(textAt(p.doc, "captureMethod"), "automatic"),
		// Without a method the provider resolves one by its routing.
		"paymentMethodType": cmp.Or(textAt(p.doc, "paymentMethod", "type"), "card"),
		"approved":          p.authorized > 0 && p.status != miracleFailed,
		"createdAt":         miracleTime(p.created), "updatedAt": miracleTime(p.updated),
	})
	if p.errorCode != "" {
		view["errorCode"], view["errorMessage"] = p.errorCode, "The payment failed."
	}
	if p.authorized > 0 {
		view["providerReference"] = "provider-" + p.id
	}
	if p.status == miracleAction {
		view["action"] = map[string]any{
			"type": "redirect", "url": "https://pay.miracle.example/3ds/" + p.id,
			"data": map[string]any{"threeDSToken": "3ds-" + p.id, "authenticationMethod": "challenge", "expiresIn": 600},
		}
	}
	if p.challenge != "" {
		view["threeDSResult"] = map[string]any{"version": "2.2.0", "status": p.challenge, "challenged": true}
	}
	return view
}

func (s *Miracle) createRefund(q *miracleQuery, p *miraclePayment) answer {
	left := p.captured
	for _, r := range p.refunds {
		if r.status != miracleFailed {
			left -= r.amount
		}
	}
	r := &miracleRefund{id: newID(), payment: p, doc: q.doc, amount: left, status: miraclePending, created: s.now(), updated: s.now()}
	if amount := objectAt(q.doc, "amount"); amount != nil {
		r.amount = integerAt(amount, "valueMinor")
		if textAt(amount, "currency") != p.currency {
			return s.invalid("amount.currency: Value must be the payment's currency.")
		}
	}
	if left == 0 || r.amount > left {
		return s.invalid("amount.valueMinor: Value must not exceed what is left of the payment.")
	}
	s.refunds[r.id] = r
	p.refunds = append(p.refunds, r)
	s.emit("refund.created", s.refundView(r))
	s.record(q, Entry{
		Kind: "refund", ID: r.id, PaymentID: p.id, AmountMinor: r.amount, Currency: p.currency,
		Reference: textAt(q.doc, "merchantReference"), Metadata: stringsAt(q.doc, "metadata"),
	})
	return s.one(q, http.StatusCreated, func() map[string]any { return s.refundView(r) })
}

func (s *Miracle) listRefunds(q *miracleQuery, p *miraclePayment) answer {
	items := []map[string]any{}
	for _, r := range p.refunds {
		items = append(items, s.refundView(r))
	}
	return s.page(q, items)
}

func (s *Miracle) getRefund(q *miracleQuery) answer {
	r := s.refunds[q.ids[0]]
	if r == nil || r.payment.live != q.live {
		return s.problem(problemNotFound, q.Request)
	}
	return s.one(q, http.StatusOK, func() map[string]any { return s.refundView(r) })
}

// refundView is the refund as the API shows it.
func (s *Miracle) refundView(r *miracleRefund) map[string]any {
	view := pick(r.doc, "reason", "merchantReference", "metadata", "items")
	maps.Copy(view, map[string]any{
		"id": r.id, "tenantId": miracleTenant, "livemode": r.payment.live, "paymentId": r.payment.id,
		"status": r.status, "amount": miracleAmount(r.payment.currency, r.amount),
		"createdAt": miracleTime(r.created), "updatedAt": miracleTime(r.updated),
	})
	if r.reason != "" {
		view["statusReason"] = r.reason
	}
	return view
}

// page answers the part of a list, given oldest first, that the query asks for,
// newest first. A cursor is how many of the oldest are left, so that what is made
// meanwhile moves no page.
func (s *Miracle) page(q *miracleQuery, items []map[string]any) answer {
	query := q.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(query.Get("limit"), "20"))
	if err != nil || limit < 1 || limit > 100 {
		return s.invalid("limit: Value must be an integer from 1 to 100.")
	}
	end := len(items)
	if cursor := query.Get("cursor"); cursor != "" {
		raw, _ := base64.RawURLEncoding.DecodeString(cursor)
		if end, err = strconv.Atoi(string(raw)); err != nil || end < 0 || end > len(items) {
			return s.invalid("cursor: Value has an invalid format.")
		}
	}
	start, data := max(0, end-limit), []map[string]any{}
	for _, item := range slices.Backward(items[start:end]) {
		data = append(data, item)
	}
	cursor := func(n int, there bool) any {
		if !there {
			return nil
		}
		return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(n)))
	}
	return miracleAnswer(http.StatusOK, map[string]any{"data": data, "pagination": map[string]any{
		"nextCursor": cursor(start, start > 0), "prevCursor": cursor(min(len(items), end+limit), end < len(items)),
		"hasMore": start > 0, "totalCount": len(items),
	}})
}

// createSession opens a session, whose client secret is in this answer alone.
func (s *Miracle) createSession(kind string) func(*miracleQuery) answer {
	return func(q *miracleQuery) answer {
		id, secret := newID(), "cs_secret_"+hex.EncodeToString(randomBytes(16))
		session := pick(q.doc, "amount", "lineItems", "merchantReference", "metadata", "captureMethod", "successUrl", "cancelUrl", "returnUrl")
		maps.Copy(session, map[string]any{
			"id": id, "tenantId": miracleTenant, "merchantId": s.cfg.MerchantID, "livemode": q.live,
			"status": "open", "url": "https://pay.miracle.example/sessions/" + id,
		})
		s.sessions[id], s.secrets[secret] = session, id
		s.emit("checkout.session.created", session)
		s.record(q, Entry{
			Kind: kind, ID: id, AmountMinor: integerAt(q.doc, "amount", "valueMinor"), Currency: textAt(q.doc, "amount", "currency"),
			Reference: textAt(q.doc, "merchantReference"), Metadata: stringsAt(q.doc, "metadata"),
		})
		return s.one(q, http.StatusCreated, func() map[string]any {
			created := maps.Clone(session)
			created["clientSecret"] = secret
			return created
		})
	}
}

func (s *Miracle) getSession(q *miracleQuery) answer {
	session := s.sessions[q.ids[0]]
	if session == nil || session["livemode"] != q.live {
		return s.problem(problemNotFound, q.Request)
	}
	return s.one(q, http.StatusOK, func() map[string]any { return session })
}

// move gives a payment a status, which the merchant hears of.
func (s *Miracle) move(p *miraclePayment, status string) {
	p.status, p.updated = status, s.now()
	view := s.paymentView(p)
	if status == miraclePartly {
		view["refundedAmount"] = miracleAmount(p.currency, p.refunded)
		view["remainingAmount"] = miracleAmount(p.currency, p.captured-p.refunded)
	}
	s.emit("payment."+status, view)
}

// progress takes a payment as far as it goes without the merchant.
func (s *Miracle) progress(p *miraclePayment) {
	p.authorized = p.amount
	if textAt(p.doc, "captureMethod") == "manual" {
		s.move(p, miracleCapture)
		return
	}
	p.captured = p.amount
	s.move(p, miracleSucceeded)
}

func (s *Miracle) decline(p *miraclePayment, code string) {
	p.errorCode = code
	s.move(p, miracleFailed)
}

// The methods below play the payer, the bank and the clock: each moves one
// payment or refund on, and fails where the status table has no such step.

// Pay makes the payer pay and the bank agree: the payment becomes succeeded, or
// requires_capture where the merchant captures.
func (s *Miracle) Pay(paymentID string) error {
	return s.step(paymentID, s.progress, miracleProcessing, miracleAction)
}

// RequireAction makes the bank ask for a 3-D Secure challenge: processing becomes
// requires_action.
func (s *Miracle) RequireAction(paymentID string) error {
	return s.step(paymentID, func(p *miraclePayment) { s.move(p, miracleAction) }, miracleProcessing)
}

// FailPayment makes the bank say no, with an errorCode such as DO_NOT_HONOR.
func (s *Miracle) FailPayment(paymentID, code string) error {
	return s.step(paymentID, func(p *miraclePayment) { s.decline(p, code) }, miracleProcessing, miracleAction, miracleCapture)
}

// ExpirePayment ends a payment whose payer did not come, or whose authorization
// ran out: it becomes canceled.
func (s *Miracle) ExpirePayment(paymentID string) error {
	return s.step(paymentID, func(p *miraclePayment) { s.move(p, miracleCanceled) }, miracleProcessing, miracleAction, miracleCapture)
}

// PaymentStatus returns the status of a payment, or "" if there is none.
func (s *Miracle) PaymentStatus(paymentID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.payments[paymentID]; p != nil {
		return p.status
	}
	return ""
}

func (s *Miracle) step(id string, move func(*miraclePayment), from ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[id]
	if p == nil {
		return fmt.Errorf("simulator: payment %s: not found", id)
	}
	if !slices.Contains(from, p.status) {
		return fmt.Errorf("simulator: payment %s: not possible in status %s", id, p.status)
	}
	move(p)
	return nil
}

// SettleRefund makes a refund reach the payer: it becomes succeeded, and its
// payment partially_refunded or refunded.
func (s *Miracle) SettleRefund(refundID string) error {
	return s.endRefund(refundID, miracleSucceeded, "", func(r *miracleRefund) {
		p := r.payment
		p.refunded += r.amount
		if p.refunded == p.captured {
			s.move(p, miracleRefunded)
		} else {
			s.move(p, miraclePartly)
		}
	})
}

// FailRefund ends a refund, for a statusReason. Its amount can be refunded again.
func (s *Miracle) FailRefund(refundID, code string) error {
	return s.endRefund(refundID, miracleFailed, code, func(*miracleRefund) {})
}

func (s *Miracle) endRefund(id, status, reason string, then func(*miracleRefund)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refunds[id]
	if r == nil {
		return fmt.Errorf("simulator: refund %s: not found", id)
	}
	if r.status != miraclePending {
		return fmt.Errorf("simulator: refund %s: not possible in status %s", id, r.status)
	}
	r.status, r.reason, r.updated = status, reason, s.now()
	s.emit("refund."+status, s.refundView(r))
	then(r)
	return nil
}

// control adds what moves payments and refunds on.
func (s *Miracle) control(mux *http.ServeMux) {
	plain := func(do func(string) error) func(id, code string) error {
		return func(id, _ string) error { return do(id) }
	}
	for path, do := range map[string]func(id, code string) error{
		"payments/{id}/pay":            plain(s.Pay),
		"payments/{id}/require-action": plain(s.RequireAction),
		"payments/{id}/fail":           s.FailPayment,
		"payments/{id}/expire":         plain(s.ExpirePayment),
		"refunds/{id}/settle":          plain(s.SettleRefund),
		"refunds/{id}/fail":            s.FailRefund,
	} {
		mux.HandleFunc("POST /simulator/"+path, act(func(r *http.Request) error {
			why := struct{ Code string }{Code: "DO_NOT_HONOR"}
			if r.ContentLength != 0 {
				if err := json.NewDecoder(r.Body).Decode(&why); err != nil {
					return fmt.Errorf("simulator: decode a failure: %w", err)
				}
			}
			return do(r.PathValue("id"), why.Code)
		}))
	}
}

func (s *Miracle) elsewhere() string {
	return `{"data":{"id":"00000000-0000-4000-8000-00000000cace","paymentId":"00000000-0000-4000-8000-00000000cafe","status":"succeeded",` +
		`"amount":{"currency":"EUR","valueMinor":999999},"merchantReference":"somebody-elses","livemode":false}}`
}
