package miracle

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Event is one event of a delivery. Events of a type that this version does not know have Type, Data and Raw.
// Source: https://docs.gate.miracleapi.ai/merchant/webhooks/event-types.
type Event struct {
	// ID is the same in every delivery of the event. Where the event has none, it is made of the delivery's id.
	ID string
	// Type is one of the documented types, such as EventPaymentSucceeded, or another one.
	Type EventType
	// CreatedAt is Miracle's time of the event.
	CreatedAt Timestamp
	// Livemode is false for a test event, which is about no money. The portal sends test events to live endpoints too: nothing is
	// settled by an event of the other environment, and nothing should be handed out because of it.
	Livemode bool
	// MessageID is the delivery's webhook-id.
	MessageID string
	// Payment is set for payment.*, Refund for refund.* and Session for checkout.session.*, if Data could be read as one.
	Payment *Payment
	Refund  *Refund
	Session *Session
	// Data is what the event is about, and Raw the event, as received.
	Data, Raw payonce.Raw

	account string
	// foreign says that the event is of the other environment.
	foreign bool
}

// EventType says what an event tells. The set is open. Source: https://docs.gate.miracleapi.ai/merchant/webhooks/event-types.
type EventType string

// The documented events.
const (
	EventPaymentCreated           EventType = "payment.created"
	EventPaymentProcessing        EventType = "payment.processing"
	EventPaymentSucceeded         EventType = "payment.succeeded"
	EventPaymentFailed            EventType = "payment.failed"
	EventPaymentCanceled          EventType = "payment.canceled"
	EventPaymentRequiresAction    EventType = "payment.requires_action"
	EventPaymentRequiresCapture   EventType = "payment.requires_capture"
	EventPaymentCaptured          EventType = "payment.captured"
	EventPaymentRefunded          EventType = "payment.refunded"
	EventPaymentPartiallyRefunded EventType = "payment.partially_refunded"

	EventRefundCreated   EventType = "refund.created"
	EventRefundSucceeded EventType = "refund.succeeded"
	EventRefundFailed    EventType = "refund.failed"

	EventCheckoutSessionCreated   EventType = "checkout.session.created"
	EventCheckoutSessionCompleted EventType = "checkout.session.completed"
	EventCheckoutSessionExpired   EventType = "checkout.session.expired"

	EventDisputeCreated EventType = "dispute.created"
	EventDisputeUpdated EventType = "dispute.updated"
	EventDisputeWon     EventType = "dispute.won"
	EventDisputeLost    EventType = "dispute.lost"

	EventPayoutCreated   EventType = "payout.created"
	EventPayoutSucceeded EventType = "payout.succeeded"
	EventPayoutFailed    EventType = "payout.failed"

	EventSettlementFinalized EventType = "settlement.finalized"
	// EventWebhookEndpointDisabled goes to the other endpoints when one failed for too long.
	EventWebhookEndpointDisabled EventType = "webhook.endpoint_disabled"
)

const (
	paymentEvents = "payment."
	refundEvents  = "refund."
	sessionEvents = "checkout.session."
)

// wireEvent is an event as Miracle writes it.
type wireEvent struct {
	ID        string          `json:"id"`
	Type      EventType       `json:"type"`
	CreatedAt Timestamp       `json:"createdAt"`
	Livemode  *bool           `json:"livemode"`
	Data      json.RawMessage `json:"data"`
}

// events reads the envelope of a delivery, which holds a list.
func (d *dialect) events(messageID string, body []byte) ([]Event, error) {
	var envelope struct {
		Events *[]json.RawMessage `json:"events"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Events == nil {
		return nil, errUnreadable
	}
	events := make([]Event, 0, len(*envelope.Events))
	for i, raw := range *envelope.Events {
		var wire wireEvent
		if json.Unmarshal(raw, &wire) != nil {
			return nil, errUnreadable
		}
		if wire.ID == "" {
			wire.ID = messageID + "/" + strconv.Itoa(i) // the delivery's id stays the same when it is repeated
		}
		events = append(events, d.event(messageID, raw, &wire))
	}
	return events, nil
}

func (d *dialect) event(messageID string, raw []byte, wire *wireEvent) Event {
	e := Event{
		ID: wire.ID, Type: wire.Type, CreatedAt: wire.CreatedAt, MessageID: messageID, Livemode: d.live,
		Data: payonce.Raw(wire.Data), Raw: raw, account: d.profile.Account,
	}
	if wire.Livemode != nil {
		e.Livemode, e.foreign = *wire.Livemode, *wire.Livemode != d.live
	}
	switch {
	case strings.HasPrefix(string(e.Type), paymentEvents):
		e.Payment = dataOf[Payment](wire.Data)
	case strings.HasPrefix(string(e.Type), refundEvents):
		e.Refund = dataOf[Refund](wire.Data)
	case strings.HasPrefix(string(e.Type), sessionEvents):
		e.Session = dataOf[Session](wire.Data)
	}
	return e
}

// dataOf reads what an event is about; nil if it can't be read as that.
func dataOf[T any](data []byte) *T {
	var value T
	if !strings.HasPrefix(string(data), "{") || json.Unmarshal(data, &value) != nil {
		return nil
	}
	return &value
}

// Portable puts the event into portable words. An event of the other environment names no operation.
func (e Event) Portable() payonce.Event {
	out := payonce.Event{Account: e.account, ID: e.ID, Type: string(e.Type), At: e.CreatedAt.Time, Raw: e.Raw}
	if e.foreign {
		return out
	}
	switch {
	case e.Payment != nil:
		e.ofPayment(&out)
	case e.Refund != nil:
		e.ofRefund(&out)
	default:
		var other struct {
			ID        string `json:"id"`
			PaymentID string `json:"paymentId"`
		}
		_ = e.Data.Decode(&other) // of a type that is not known nothing is expected
		out.ResourceID, out.PaymentID = other.ID, other.PaymentID
	}
	return out
}

// ofPayment tells of a payment. That it is over without money moved is believed only if type and data don't contradict each other.
func (e Event) ofPayment(out *payonce.Event) {
	p := *e.Payment
	said := PaymentStatus(strings.TrimPrefix(string(e.Type), paymentEvents))
	if p.Status == "" && said.portable() != "" {
		p.Status = said
	}
	out.Kind, out.Ref, out.ResourceID, out.PaymentID = kindCreatePayment, p.Metadata[adapter.RefKey], p.ID, p.ID
	out.Status, out.ProviderStatus, out.Amount = p.Status.portable(), string(p.Status), p.Amount.Amount()
	out.FailureCode, out.NoMoneyMoved = adapter.Code(p.ErrorCode), p.noMoneyMoved() && p.Status == said
}

// ofRefund tells of a refund. refund.created says nothing of how it stands.
func (e Event) ofRefund(out *payonce.Event) {
	r := *e.Refund
	said := RefundStatus(strings.TrimPrefix(string(e.Type), refundEvents))
	if e.Type == EventRefundCreated {
		said = RefundPending
	}
	if r.Status == "" && said.portable() != "" {
		r.Status = said
	}
	out.Kind, out.Ref, out.ResourceID, out.PaymentID = kindCreateRefund, r.Metadata[adapter.RefKey], r.ID, r.PaymentID
	out.Status, out.ProviderStatus, out.Amount = r.Status.portable(), string(r.Status), r.Amount.Amount()
	out.FailureCode, out.NoMoneyMoved = adapter.Code(r.StatusReason), r.Status == RefundFailed && said == RefundFailed
}
