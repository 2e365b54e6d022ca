package elebne

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// EventType names an event. The set is open: more payment, order and stock events exist than could be read.
// Sources: https://docs.staging.elebne.ai/docs/pay-api/webhooks-events and https://docs.staging.elebne.ai/docs/store-api/webhooks-events.
type EventType string

// The events whose names could be read.
const (
	EventPaymentCreated   EventType = "payment.created"
	EventPaymentConfirmed EventType = "payment.confirmed"
	EventOrderNew         EventType = "order.new"
	EventOrderAccepted    EventType = "order.accepted"
	EventOrderReady       EventType = "order.ready"
	EventOrderDelivered   EventType = "order.delivered"
)

// Event is a delivery that was verified. Phone numbers, names and items are in Raw only.
type Event struct {
	// ID is the same in every delivery of the event. Elebne calls the one that payment events have the id of the delivery; that a repeat
	// has the same is assumed. Order events have none: theirs is made of type, reference number and time, and where those are missing
	// of the whole body.
	ID   string
	Type EventType
	// At is Elebne's time of the event; zero where it gives none.
	At Timestamp
	// Sandbox says that the event is about no money. An event of the other environment than the API key's settles nothing, and nothing
	// should be handed out because of it. Where Elebne does not say, it is the API key's environment.
	Sandbox bool
	// Payment is set for payment events, Order for order events.
	Payment PaymentEvent
	Order   OrderEvent
	// Raw is the delivery as it was received.
	Raw payonce.Raw

	account string
	// foreign says that the event is of the other environment, paid that its intent has a time of payment, readable or not.
	foreign, paid bool
}

// PaymentEvent is the intent that an event is about.
type PaymentEvent struct {
	ReferenceNumber string         `json:"reference_number"`
	ShortCode       payonce.Secret `json:"short_code"`
	// AmountInCentimes is nil where the payer has not chosen it.
	AmountInCentimes *Centimes    `json:"amount"`
	Currency         string       `json:"currency"`
	Status           IntentStatus `json:"status"`
	// PaidAt is zero before the payment.
	PaidAt   Timestamp `json:"paid_at"`
	Metadata Metadata  `json:"metadata"`
}

// Amount returns the intent's amount; zero where it has none yet.
func (e *PaymentEvent) Amount() payonce.Amount { return amountOf(e.AmountInCentimes, e.Currency) }

// OrderEvent is the order that an event is about. TotalAmount, ShopID and ShopName are set for EventOrderNew, Status and PreviousStatus for
// the others.
type OrderEvent struct {
	ReferenceNumber string      `json:"referenceNumber"`
	Status          OrderStatus `json:"status"`
	PreviousStatus  OrderStatus `json:"previousStatus"`
	TotalAmount     Centimes    `json:"totalAmount"`
	ShopID          string      `json:"shopId"`
	ShopName        string      `json:"shopName"`
	CreatedAt       Timestamp   `json:"createdAt"`
}

// Portable puts the event into portable words. An order is no operation of the client's, so an order event settles nothing, and an event
// of the other environment names no operation.
func (e Event) Portable() payonce.Event {
	event := payonce.Event{Account: e.account, ID: e.ID, Type: string(e.Type), At: e.At.Time, Raw: e.Raw}
	switch {
	case e.foreign:
	case e.Type.isAbout("payment"):
		event.Kind, event.Ref = kindCreatePayment, e.Payment.Metadata[adapter.RefKey]
		event.ResourceID, event.PaymentID = e.Payment.ReferenceNumber, e.Payment.ReferenceNumber
		event.Status, event.ProviderStatus = e.Payment.Status.portable(), string(e.Payment.Status)
		event.Amount, event.NoMoneyMoved = e.Payment.Amount(), e.Payment.Status.noMoneyMoved() && !e.saysPaid()
	case e.Type.isAbout("order"):
		event.ResourceID, event.ProviderStatus = e.Order.ReferenceNumber, string(e.Order.Status)
	}
	return event
}

func (t EventType) isAbout(noun string) bool { return strings.HasPrefix(string(t), noun+".") }

// saysPaid says that the event tells of a payment, by its time or by its name: most of the names could not be read.
func (e Event) saysPaid() bool {
	_, word, _ := strings.Cut(string(e.Type), ".")
	return e.paid || !e.Payment.PaidAt.IsZero() || e.Type == EventPaymentConfirmed || IntentStatus(strings.ToUpper(word)).moneyMoved()
}

// readEvent reads either envelope: payments have id and created_at, orders have timestamp.
func readEvent(body []byte, account, environment string) (Event, error) {
	doc := adapter.ObjectOf(body)
	if doc.Text("event") == "" {
		return Event{}, errUnreadable
	}
	ours := environment == "test"
	event := Event{
		ID: doc.Text("id"), Type: EventType(doc.Text("event")), Sandbox: ours, Raw: body,
		account: account, paid: saysPaid(doc.Object("data")),
	}
	if !isNothing(doc, "sandbox") {
		event.Sandbox, event.foreign = !doc.Is("sandbox", "false"), !doc.Is("sandbox", strconv.FormatBool(ours))
	}
	at := cmp.Or(doc.Text("created_at"), doc.Text("timestamp"))
	event.At = readTime(at)
	var err error
	switch {
	case event.Type.isAbout("payment"):
		if _, err = adapter.Decode(doc["data"], &event.Payment); event.Payment.ReferenceNumber == "" {
			return Event{}, errUnreadable
		}
	case event.Type.isAbout("order"):
		_, err = adapter.Decode(doc["data"], &event.Order)
	}
	if err != nil {
		return Event{}, errUnreadable
	}
	if event.ID == "" {
		event.ID = madeID(&event, at)
	}
	return event, nil
}

// madeID names an event that has no id of its own.
func madeID(e *Event, at string) string {
	if reference := cmp.Or(e.Payment.ReferenceNumber, e.Order.ReferenceNumber); reference != "" && at != "" {
		return string(e.Type) + "/" + reference + "/" + at
	}
	sum := sha256.Sum256(e.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
