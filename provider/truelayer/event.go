package truelayer

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// EventType says what an event tells. The set is open. Source: https://docs.truelayer.com/docs/payments-api-webhook-reference.
type EventType string

// The documented events.
const (
	// EventPaymentAuthorized is off unless TrueLayer is asked for it, and so is EventPaymentSettlementStalled.
	EventPaymentAuthorized        EventType = "payment_authorized"
	EventPaymentExecuted          EventType = "payment_executed"
	EventPaymentSettled           EventType = "payment_settled"
	EventPaymentFailed            EventType = "payment_failed"
	EventPaymentCreditable        EventType = "payment_creditable"
	EventPaymentSettlementStalled EventType = "payment_settlement_stalled"
	EventPaymentFundsReceived     EventType = "payment_funds_received"
	EventPaymentDisputed          EventType = "payment_disputed"
	EventPaymentReversed          EventType = "payment_reversed"
	EventPaymentCancelFailed      EventType = "payment_cancellation_failed"
	EventRefundExecuted           EventType = "refund_executed"
	EventRefundFailed             EventType = "refund_failed"
	EventPayoutExecuted           EventType = "payout_executed"
	EventPayoutFailed             EventType = "payout_failed"
	// EventPayoutAttemptFailed: TrueLayer tries again by itself.
	EventPayoutAttemptFailed       EventType = "payout_attempt_failed"
	EventExternalPaymentReceived   EventType = "external_payment_received"
	EventBalanceNotification       EventType = "balance_notification"
	EventMandateAuthorized         EventType = "mandate_authorized"
	EventMandateFailed             EventType = "mandate_failed"
	EventMandateRevoked            EventType = "mandate_revoked"
	EventPaymentLinkPaymentCreated EventType = "payment_link_payment_created"
	EventPaymentLinkDisabled       EventType = "payment_link_disabled"
)

// Event is one webhook event as TrueLayer tells it: Type says which of the fields are set. What has another JSON type than documented
// is left at its zero value; Raw has it all. Source: https://docs.truelayer.com/reference/webhook-payments.
type Event struct {
	Type EventType `json:"type"`
	// ID is the same in every delivery of the event.
	ID string `json:"event_id"`
	// Version is "1" so far.
	Version EventVersion `json:"event_version"`
	// Metadata is that of the payment, refund, payout or mandate.
	Metadata map[string]string `json:"metadata,omitempty"`

	// PaymentID is set for events of payments and refunds; the others for those of their names.
	PaymentID     string `json:"payment_id,omitempty"`
	RefundID      string `json:"refund_id,omitempty"`
	PayoutID      string `json:"payout_id,omitempty"`
	MandateID     string `json:"mandate_id,omitempty"`
	PaymentLinkID string `json:"payment_link_id,omitempty"`

	// The times of what happened; each event has that of its name.
	AuthorizedAt        Timestamp `json:"authorized_at,omitzero"`
	ExecutedAt          Timestamp `json:"executed_at,omitzero"`
	SettledAt           Timestamp `json:"settled_at,omitzero"`
	FailedAt            Timestamp `json:"failed_at,omitzero"`
	CreditableAt        Timestamp `json:"creditable_at,omitzero"`
	SettlementStalledAt Timestamp `json:"settlement_stalled_at,omitzero"`
	FundsReceivedAt     Timestamp `json:"funds_received_at,omitzero"`
	DisputedAt          Timestamp `json:"disputed_at,omitzero"`
	ReversedAt          Timestamp `json:"reversed_at,omitzero"`
	RevokedAt           Timestamp `json:"revoked_at,omitzero"`
	DisabledAt          Timestamp `json:"disabled_at,omitzero"`
	// ExpiresAt is until when a dispute can be answered.
	ExpiresAt Timestamp `json:"expires_at,omitzero"`

	// PaymentMethod and PaymentSource say how, and from where, a payment was made. The source's id is known once it is settled, and
	// the holder's name may differ from that in earlier events.
	PaymentMethod EventMethod   `json:"payment_method,omitzero"`
	PaymentSource PaymentSource `json:"payment_source,omitzero"`
	// UserID is the payer's, in EventPaymentSettled.
	UserID string `json:"user_id,omitempty"`
	// FailureStage is how far a payment or mandate was when it failed, FailureFundsStage whether its money had arrived.
	FailureStage      FailureStage  `json:"failure_stage,omitempty"`
	FailureReason     FailureReason `json:"failure_reason,omitempty"`
	FailureFundsStage FundsStage    `json:"failure_funds_stage,omitempty"`
	DisputedReason    string        `json:"disputed_reason,omitempty"`
	// ReversalReason is corrected, failed or disputed.
	ReversalReason string `json:"reversal_reason,omitempty"`
	// RevocationSource says who revoked a mandate: client or provider.
	RevocationSource string `json:"revocation_source,omitempty"`
	// DisabledReason says why a payment link is, such as expired or fulfilled.
	DisabledReason string `json:"disabled_reason,omitempty"`
	// SettlementRisk comes with payments whose settlement is not certain.
	SettlementRisk SettlementRisk `json:"settlement_risk,omitzero"`

	// SchemeID is the network of a refund or payout, Beneficiary where a payout goes.
	SchemeID    SchemeID          `json:"scheme_id,omitempty"`
	Beneficiary PayoutBeneficiary `json:"beneficiary,omitzero"`
	// Retry is set for EventPayoutAttemptFailed.
	Retry PayoutRetry `json:"retry,omitzero"`
	// Trigger says what made a payout that the merchant did not.
	Trigger PayoutTrigger `json:"trigger,omitzero"`

	// Payment is the payment of EventPaymentLinkPaymentCreated.
	Payment LinkPayment `json:"payment,omitzero"`

	// These are set for EventExternalPaymentReceived, MerchantAccountID for EventBalanceNotification too.
	MerchantAccountID string              `json:"merchant_account_id,omitempty"`
	TransactionID     string              `json:"transaction_id,omitempty"`
	AmountInMinor     int64               `json:"amount_in_minor,omitempty"`
	Currency          string              `json:"currency,omitempty"`
	Remitter          TransactionRemitter `json:"remitter,omitzero"`
	// These are set for EventBalanceNotification. BalanceStatus is approaching_threshold, below_threshold or recovered.
	CurrentBalanceInMinor   int64  `json:"current_balance_in_minor,omitempty"`
	AvailableBalanceInMinor int64  `json:"available_balance_in_minor,omitempty"`
	ThresholdInMinor        int64  `json:"threshold_in_minor,omitempty"`
	BalanceStatus           string `json:"status,omitempty"`

	// Raw is the body as it was received.
	Raw payonce.Raw `json:"-"`

	// account and seen are Confirm's.
	account string
	seen    sight
	// odd says that a field had another type than documented.
	odd bool
}

// EventVersion is the version of an event's schema: a number in TrueLayer's description, a string on some of its pages.
type EventVersion string

// UnmarshalJSON takes either.
func (v *EventVersion) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) != nil {
		word = string(text)
	}
	*v = EventVersion(word)
	return nil
}

// EventMethod is how a payment was made, as an event tells it.
type EventMethod struct {
	Type PaymentMethodType `json:"type"`
	// ProviderID, BranchID and SchemeID are set for MethodBankTransfer, as far as they are known.
	ProviderID string   `json:"provider_id,omitempty"`
	BranchID   string   `json:"branch_id,omitempty"`
	SchemeID   SchemeID `json:"scheme_id,omitempty"`
	// MandateID and Reference are set for MethodMandate.
	MandateID string `json:"mandate_id,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// SettlementRisk says how likely it is that a payment does not settle.
type SettlementRisk struct {
	// Category is such as low_risk.
	Category string `json:"category"`
}

// PayoutRetry says how TrueLayer goes on with a payout.
type PayoutRetry struct {
	AttemptsMade          int       `json:"attempts_made"`
	AttemptsRemaining     int       `json:"attempts_remaining"`
	ScheduledForRerouting bool      `json:"scheduled_for_rerouting"`
	NextAttemptAt         Timestamp `json:"next_attempt_at,omitzero"`
}

// PayoutTrigger says what made a payout.
type PayoutTrigger struct {
	// Type is such as automated_fee_collection.
	Type string `json:"type"`
}

// LinkPayment is a payment that was made through a payment link.
type LinkPayment struct {
	ID        string    `json:"id"`
	CreatedAt Timestamp `json:"created_at,omitzero"`
}

// parseEvent reads a genuine body. Nothing but the id is insisted on: TrueLayer delivers an event that was refused again and again,
// and the merchant would never see it.
func parseEvent(body []byte) (Event, error) {
	event := Event{Raw: slices.Clone(body)}
	var err error
	if event.odd, err = adapter.Decode(body, &event); err != nil || event.ID == "" {
		return Event{}, errors.New("the webhook is not what TrueLayer documents")
	}
	return event, nil
}

// Portable returns the event in portable words. Before Webhooks.Confirm it has no account, and Client.Settle and Client.Receive refuse it
// (payonce.ErrInvalid): the signature alone does not say whose the event is. What could not be read names neither an operation nor a
// resource. A payment that failed moved no money if both the event and the read say that it failed before it was executed, and a refund
// or payout if the reason in both is one from before that; what came back had moved
// (https://docs.truelayer.com/docs/payout-and-refund-statuses).
func (e Event) Portable() payonce.Event {
	p := payonce.Event{
		Account: e.account, ID: e.ID, Type: string(e.Type), At: e.at(), Amount: payonce.Amount{Minor: e.AmountInMinor, Currency: e.Currency},
		FailureCode: adapter.Code(cmp.Or(string(e.FailureReason), e.ReversalReason)), Raw: e.Raw,
	}
	if e.seen.id == "" {
		return p
	}
	p.Ref, p.PaymentID = e.seen.ref, cmp.Or(e.PaymentID, e.Payment.ID)
	switch {
	case e.PayoutID != "":
		p.Kind, p.ResourceID, p.ProviderStatus = kindCreatePayout, e.PayoutID, e.word("payout_")
		p.Status, p.NoMoneyMoved = e.outgoing(p.ProviderStatus)
	case e.RefundID != "":
		p.Kind, p.ResourceID, p.ProviderStatus = kindCreateRefund, e.RefundID, e.word("refund_")
		p.Status, p.NoMoneyMoved = e.outgoing(p.ProviderStatus)
	case e.PaymentID != "":
		p.Kind, p.ResourceID, p.ProviderStatus = kindCreatePayment, e.PaymentID, e.word("payment_")
		p.Status, p.NoMoneyMoved = e.incoming(p.ProviderStatus)
	default:
		p.ResourceID = cmp.Or(e.TransactionID, e.PaymentLinkID)
	}
	if p.Status == "" {
		p.ProviderStatus = "" // payment_disputed tells something, but no status
	}
	if e.odd || hidesMoney(e.Raw) || !e.seen.noMoneyMoved {
		p.NoMoneyMoved = false // what is not understood proves nothing, nor does an event that was overtaken
	}
	return p
}

// at is when it happened. Where an event has several times, the one of its name is the last to have happened.
func (e Event) at() time.Time {
	return cmp.Or(
		e.ReversedAt, e.DisputedAt, e.FailedAt, e.SettlementStalledAt, e.SettledAt, e.CreditableAt, e.FundsReceivedAt, e.ExecutedAt,
		e.AuthorizedAt, e.RevokedAt, e.DisabledAt, e.Payment.CreatedAt,
	).Time
}

// word is what the type says of the resource: payment_settled says "settled" of a payment.
func (e Event) word(resource string) string {
	if word, ok := strings.CutPrefix(string(e.Type), resource); ok {
		return word
	}
	return ""
}

// incoming is what a read of the payment would tell.
func (e Event) incoming(word string) (status payonce.Status, noMoneyMoved bool) {
	payment := Payment{
		Status: PaymentStatus(word), ExecutedAt: cmp.Or(e.ExecutedAt, e.SettledAt, e.FundsReceivedAt), ReversedAt: e.ReversedAt,
		FailureStage: e.FailureStage, FailureReason: e.FailureReason, FailureFundsStage: e.FailureFundsStage,
	}
	return payment.status(), payment.noMoneyMoved()
}

// outgoing is what a read of the refund or payout would tell; the two have the same statuses and reasons.
func (e Event) outgoing(word string) (status payonce.Status, noMoneyMoved bool) {
	if e.Type == EventPayoutAttemptFailed {
		return payonce.StatusPending, false
	}
	refund := Refund{Status: RefundStatus(word), ExecutedAt: e.ExecutedAt, FailureReason: e.FailureReason}
	return refund.status(), unsent(&refund)
}

// unsent says that a refund or payout moved no money. Only a reason that is documented as one from before the money is sent proves
// that: not an error on the way (scheme_error, server_error), nor returned, nor a reason whose meaning is not documented.
func unsent(r *Refund) bool {
	before := []FailureReason{ReasonBlocked, ReasonInsufficientFunds, ReasonInvalidIBAN, ReasonInvalidSCAN}
	return r.Status == RefundFailed && r.ExecutedAt.IsZero() && slices.Contains(before, r.FailureReason)
}
