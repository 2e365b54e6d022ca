package simulator

import (
	"fmt"
	"slices"
)

// The methods here play the payer, the banks and the clock: each moves one
// payment, refund or payout on, and fails where the API's diagram has no arrow.

// fail ends the payment. An empty stage is the status that it failed in.
func (s *TrueLayer) fail(p *payment, stage, reason string) {
	if stage == "" {
		stage = p.status
	}
	p.status, p.stage, p.reason, p.failed = statusFailed, stage, reason, s.now()
	s.announcePayment("payment_failed", p, map[string]any{
		"failed_at": timestamp(p.failed), "failure_stage": stage, "failure_reason": reason,
	})
}

func (s *TrueLayer) authorize(p *payment) {
	p.status = statusAuthorized
	if s.cfg.AnnounceAuthorized {
		s.announcePayment("payment_authorized", p, map[string]any{"authorized_at": timestamp(s.now()), "payment_source": p.source()})
	}
}

func (s *TrueLayer) execute(p *payment) {
	p.status, p.executed = statusExecuted, s.now()
	s.announcePayment("payment_executed", p, map[string]any{"executed_at": timestamp(p.executed)})
}

func (s *TrueLayer) settle(p *payment) {
	p.status, p.settled = statusSettled, s.now()
	p.account.balance += p.amount
	s.announcePayment("payment_settled", p, map[string]any{
		"settled_at": timestamp(p.settled), "payment_source": p.settledSource(), "user_id": p.user,
	})
}

// progress takes a payment as far as it goes.
func (s *TrueLayer) progress(p *payment) {
	if p.status != statusAuthorized {
		s.authorize(p)
	}
	s.execute(p)
	if p.account != nil {
		s.settle(p)
	}
}

// Pay makes the payer pay: the payment is settled, or executed where the money
// goes to an external account.
func (s *TrueLayer) Pay(paymentID string) error {
	return s.movePayment(paymentID, s.progress, statusNeedsPayer, statusAuthorizing, statusAuthorized)
}

// Authorize makes the payer agree: authorization_required or authorizing becomes
// authorized.
func (s *TrueLayer) Authorize(paymentID string) error {
	return s.movePayment(paymentID, s.authorize, statusNeedsPayer, statusAuthorizing)
}

// Execute makes the payer's bank send the money: authorized becomes executed.
func (s *TrueLayer) Execute(paymentID string) error {
	return s.movePayment(paymentID, s.execute, statusAuthorized)
}

// Settle makes the money arrive in the merchant account: executed becomes
// settled. A payment to an external account ends with executed.
func (s *TrueLayer) Settle(paymentID string) error {
	s.mu.Lock()
	p := s.payments[paymentID]
	external := p != nil && p.account == nil
	s.mu.Unlock()
	if external {
		return fmt.Errorf("simulator: settle payment %s: it goes to an external account", paymentID)
	}
	return s.movePayment(paymentID, s.settle, statusExecuted)
}

// FailPayment ends a payment that is not settled, for a reason from the API's
// open list. An empty stage is the status it is in.
func (s *TrueLayer) FailPayment(paymentID, stage, reason string) error {
	return s.movePayment(paymentID, func(p *payment) { s.fail(p, stage, reason) },
		statusNeedsPayer, statusAuthorizing, statusAuthorized, statusExecuted)
}

// ExpirePayment ends a payment whose payer did not come: it fails as expired.
func (s *TrueLayer) ExpirePayment(paymentID string) error {
	return s.movePayment(paymentID, func(p *payment) { s.fail(p, "", "expired") },
		statusNeedsPayer, statusAuthorizing)
}

// PaymentStatus returns the status of a payment, or "" if there is none.
func (s *TrueLayer) PaymentStatus(paymentID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.payments[paymentID]; p != nil {
		return p.status
	}
	return ""
}

// ExecuteRefund makes a refund of a settled payment reach the payer.
func (s *TrueLayer) ExecuteRefund(refundID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refunds[refundID]
	switch {
	case r == nil:
		return fmt.Errorf("simulator: refund %s: not found", refundID)
	case r.payment.status != statusSettled:
		return fmt.Errorf("simulator: execute refund %s: its payment is %s", refundID, r.payment.status)
	case r.status != statusPending && r.status != statusAuthorized:
		return fmt.Errorf("simulator: execute refund %s: it is %s", refundID, r.status)
	}
	r.status, r.executed = statusExecuted, s.now()
	r.payment.account.balance -= r.amount
	s.announceRefund("refund_executed", r, map[string]any{
		"executed_at": timestamp(r.executed), "scheme_id": schemeOf(r.payment.currency),
	})
	return nil
}

// SettleRefund is ExecuteRefund, under the name that every simulator has for it.
func (s *TrueLayer) SettleRefund(refundID string) error { return s.ExecuteRefund(refundID) }

// FailRefund ends a refund; one that was executed comes back to the merchant
// account.
func (s *TrueLayer) FailRefund(refundID, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refunds[refundID]
	switch {
	case r == nil:
		return fmt.Errorf("simulator: refund %s: not found", refundID)
	case r.status == statusFailed:
		return fmt.Errorf("simulator: fail refund %s: it failed before", refundID)
	case r.status == statusExecuted:
		r.payment.account.balance += r.amount
	}
	r.status, r.reason, r.failed = statusFailed, reason, s.now()
	s.announceRefund("refund_failed", r, map[string]any{"failed_at": timestamp(r.failed), "failure_reason": reason})
	return nil
}

// AuthorizePayout makes the payee of a user_determined payout name their account,
// or the provider accept any other: it becomes authorized.
func (s *TrueLayer) AuthorizePayout(payoutID string) error {
	return s.movePayout(payoutID, func(p *payout) { p.status = statusAuthorized },
		statusNeedsPayer, statusAuthorizing, statusPending)
}

// ExecutePayout makes a payout leave the merchant account.
func (s *TrueLayer) ExecutePayout(payoutID string) error {
	return s.movePayout(payoutID, func(p *payout) {
		p.status, p.executed = statusExecuted, s.now()
		p.account.balance -= p.amount
		s.announcePayout("payout_executed", p, map[string]any{"executed_at": timestamp(p.executed), "scheme_id": p.scheme()})
	}, statusPending, statusAuthorized)
}

// FailPayout ends a payout; one that was executed comes back to the merchant
// account, for which the API's reason is "returned".
func (s *TrueLayer) FailPayout(payoutID, reason string) error {
	return s.movePayout(payoutID, func(p *payout) {
		if p.status == statusExecuted {
			p.account.balance += p.amount
		}
		p.status, p.reason, p.failed = statusFailed, reason, s.now()
		s.announcePayout("payout_failed", p, map[string]any{"failed_at": timestamp(p.failed), "failure_reason": reason})
	}, statusPending, statusNeedsPayer, statusAuthorizing, statusAuthorized, statusExecuted)
}

func (s *TrueLayer) movePayment(id string, move func(*payment), from ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[id]
	if p == nil {
		return fmt.Errorf("simulator: payment %s: not found", id)
	}
	if !slices.Contains(from, p.status) || p.status == statusExecuted && p.account == nil {
		return fmt.Errorf("simulator: payment %s: not possible in status %s", id, p.status)
	}
	move(p)
	return nil
}

func (s *TrueLayer) movePayout(id string, move func(*payout), from ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payouts[id]
	if p == nil {
		return fmt.Errorf("simulator: payout %s: not found", id)
	}
	if !slices.Contains(from, p.status) {
		return fmt.Errorf("simulator: payout %s: not possible in status %s", id, p.status)
	}
	move(p)
	return nil
}
