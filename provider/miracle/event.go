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
	// Livemode is false for a test event, which is about no money. The portal sends test events to live endpoints too, and a tenant's
	// endpoint gets the events of all its merchants: nothing is settled by an event of the other environment or of another merchant,
	// and nothing should be handed out because of it.
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
	// foreign says that the event is of the other environment or of another merchant.
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

// events reads the envelope of a delivery, which holds a list. An element that can't be read is an event without a type, so that it
// does not hide the others.
func (d *dialect) events(messageID string, body []byte) ([]Event, error) {
	elements, ok := adapter.ObjectOf(body).List("events")
	if !ok {
		return nil, errUnreadable
	}
	events := make([]Event, len(elements))
	for i, raw := range elements {
		events[i] = d.event(messageID, i, raw)
	}
	return events, nil
}

func (d *dialect) event(messageID string, i int, raw []byte) Event {
	told := adapter.ObjectOf(raw)
	e := Event{
		ID: told.Text("id"), Type: EventType(told.Text("type")), MessageID: messageID,
		Data: payonce.Raw(told["data"]), Raw: raw, account: d.profile.Account,
	}
	if e.ID == "" {
		e.ID = messageID + "/" + strconv.Itoa(i) // the delivery's id stays the same when it is repeated
	}
	_ = e.CreatedAt.UnmarshalJSON(told["createdAt"]) // what can't be read as a time is none
	data := told.Object("data")
	other := d.isOtherEnvironment(told) || d.isOtherEnvironment(data)
	e.Livemode = d.live != other
	e.foreign = other || d.isOtherMerchant(told) || d.isOtherMerchant(data)
	switch {
	case strings.HasPrefix(string(e.Type), paymentEvents):
		e.Payment = dataOf[Payment](told["data"])
	case strings.HasPrefix(string(e.Type), refundEvents):
		e.Refund = dataOf[Refund](told["data"])
	case strings.HasPrefix(string(e.Type), sessionEvents):
		e.Session = dataOf[Session](told["data"])
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

// Portable puts the event into portable words, out of what decides in Data alone. An event of the other environment, of another merchant
// or without the id of what it is about names no operation.
func (e Event) Portable() payonce.Event {
	out := payonce.Event{Account: e.account, ID: e.ID, Type: string(e.Type), At: e.CreatedAt.Time, Raw: e.Raw}
	if e.foreign {
		return out
	}
	data := adapter.ObjectOf(e.Data)
	out.ResourceID, out.PaymentID = data.Text("id"), data.Text("paymentId")
	switch {
	case out.ResourceID == "":
	case strings.HasPrefix(string(e.Type), paymentEvents):
		e.ofPayment(&out, data)
	case strings.HasPrefix(string(e.Type), refundEvents):
		e.ofRefund(&out, data)
	}
	return out
}

// ofPayment tells of a payment. That it is over without money moved is believed only if type and data don't contradict each other.
func (e Event) ofPayment(out *payonce.Event, data adapter.Object) {
	said, status := PaymentStatus(strings.TrimPrefix(string(e.Type), paymentEvents)), PaymentStatus(data.Text("status"))
	if untold(data["status"]) && said.portable() != "" {
		status = said
	}
	out.Kind, out.Ref, out.PaymentID = kindCreatePayment, data.Object("metadata").Text(adapter.RefKey), out.ResourceID
	out.Status, out.ProviderStatus, out.Amount = status.portable(), string(status), moneyIn(data.Object("amount")).Amount()
	out.FailureCode, out.NoMoneyMoved = adapter.Code(data.Text("errorCode")), noMoneyMoved(data, status) && status == said
}

// ofRefund tells of a refund. refund.created says nothing of how it stands.
func (e Event) ofRefund(out *payonce.Event, data adapter.Object) {
	said, status := RefundStatus(strings.TrimPrefix(string(e.Type), refundEvents)), RefundStatus(data.Text("status"))
	if e.Type == EventRefundCreated {
		said = RefundPending
	}
	if untold(data["status"]) && said.portable() != "" {
		status = said
	}
	out.Kind, out.Ref = kindCreateRefund, data.Object("metadata").Text(adapter.RefKey)
	out.Status, out.ProviderStatus, out.Amount = status.portable(), string(status), moneyIn(data.Object("amount")).Amount()
	out.FailureCode, out.NoMoneyMoved = adapter.Code(data.Text("statusReason")), status == RefundFailed && said == RefundFailed
}

// untold says that a field is not there; one that can't be read is there, and may contradict the event's type.
func untold(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null" || string(raw) == `""`
}
