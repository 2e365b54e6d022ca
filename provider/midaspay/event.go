package midaspay

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// EventPaymentOrderFailed says that an order failed for good. The full list of events could not be read.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
const EventPaymentOrderFailed = "PAYMENT_ORDER_FAILED"

// Event is one event. At most one of Order, Refund and Subscription is set, by the type of the resource; types that this version does
// not know are in Resource. Sources: https://developer.midaspayment.com/docs/webhooks/introduction/,
// https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-webhook-handle-webhook/.
type Event struct {
	// ID is MidasPay's id of the webhook.
	ID string
	// Type is the event's name, for subscriptions SUBSCRIPTION, UNSUBSCRIPTION, RENEWAL, SUSPENDED, RESUMED. The set is open.
	Type string
	// ResourceType is what the resource is, in MidasPay's words, where the delivery says so.
	ResourceType string
	// MerchantID is whose event it is; "" where the delivery names nobody. It may be anybody's then: MidasPay signs for all merchants
	// with the same key. Such an event settles nothing.
	MerchantID string
	Summary    string
	CreateTime Timestamp
	UpdateTime Timestamp
	// Order, Refund and Subscription are the resource.
	Order        *PlacedOrder
	Refund       *CreatedRefund
	Subscription *SubscriptionChange
	// Resource is the resource as it came, after base64 where that was around it. It need not be JSON.
	Resource payonce.Raw
	// Raw is the whole delivery.
	Raw payonce.Raw

	account string
	about   resource
	amount  payonce.Amount
}

// SubscriptionChange is what a subscription's event says.
type SubscriptionChange struct {
	Subscription Subscription
	// PaymentResult is how the payment of this cycle went: SUCCESS, CARD_DECLINED, INSUFFICIENT_FUNDS, … The set is open.
	PaymentResult string
}

// resource is what of any resource counts.
type resource struct {
	ID            string          `json:"id"`
	ReferenceID   string          `json:"reference_id"`
	MerchantID    json.RawMessage `json:"merchant_id"`
	Status        json.RawMessage `json:"status"`
	EventType     string          `json:"event_type"`
	PurchaseUnits json.RawMessage `json:"purchase_units"`
	// SubscriptionStatus and SubscriptionEvent are a subscription's.
	SubscriptionStatus string `json:"subscription_status"`
	SubscriptionEvent  struct {
		PaymentDetail struct {
			PaymentResult string `json:"payment_result"`
		} `json:"payment_detail"`
	} `json:"subscription_event"`

	kind string
}

type envelope struct {
	ID           string          `json:"id"`
	EventType    string          `json:"event_type"`
	ResourceType string          `json:"resource_type"`
	Summary      string          `json:"summary"`
	CreateTime   Timestamp       `json:"create_time"`
	UpdateTime   Timestamp       `json:"update_time"`
	MerchantID   json.RawMessage `json:"merchant_id"`
	Resource     json.RawMessage `json:"resource"`
}

// parseEvent reads a delivery that was verified.
func (d *dialect) parseEvent(body []byte) (Event, error) {
	var e envelope
	if _, err := adapter.Decode(body, &e); err != nil || (e.ID == "" && len(e.Resource) == 0) {
		return Event{}, errNoEvent
	}
	own, resourceType := unwrap(e.Resource)
	event := Event{
		ID: e.ID, Type: e.EventType, ResourceType: cmp.Or(resourceType, e.ResourceType), Summary: e.Summary,
		CreateTime: e.CreateTime, UpdateTime: e.UpdateTime, Resource: own, Raw: body, account: d.profile.Account,
	}
	_, _ = adapter.Decode(own, &event.about) // what is no JSON object stays in Resource
	for _, named := range []string{word(e.MerchantID), word(event.about.MerchantID)} {
		if adapter.Differ(d.merchantID, named) {
			return Event{}, errAnotherAccount
		}
		event.MerchantID = cmp.Or(event.MerchantID, named)
	}
	event.Type = cmp.Or(event.Type, event.about.EventType)
	event.about.kind = kindOf(&event)
	d.read(&event)
	return event, nil
}

// unwrap returns the resource and its type: inline, where the type may be a member, or as a type with base64 of the resource.
func unwrap(inline json.RawMessage) (own payonce.Raw, resourceType string) {
	o := adapter.ObjectOf(inline)
	resourceType = cmp.Or(o.Text("type_url"), o.Text("@type"))
	if o.Text("type_url") == "" || !bytes.HasPrefix(o["value"], []byte(`"`)) {
		return payonce.Raw(inline), resourceType
	}
	value := o.Text("value")
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if decoded, err := encoding.DecodeString(value); err == nil {
			return decoded, resourceType
		}
	}
	return payonce.Raw(value), resourceType
}

// kindOf returns the kind of operation that makes such a resource, "" if the delivery does not say. PaymentNotification and
// RefundNotification could be read; the other words are inferred. Where the type is a word that this version does not know, both the
// event's name and the units must say that it is an order: a notice about an order's risk is no order.
func kindOf(e *Event) string {
	name := strings.ToUpper(e.ResourceType[strings.LastIndexAny(e.ResourceType, "./")+1:])
	name = strings.TrimSuffix(strings.TrimPrefix(name, "RESOURCE_TYPE_"), "NOTIFICATION")
	if e.about.SubscriptionStatus != "" {
		return kindCreateSubscription
	}
	ordersName := strings.HasPrefix(e.Type, "PAYMENT_ORDER")
	ordersUnits := len(e.about.PurchaseUnits) > 0 && !strings.Contains(e.Type, "REFUND")
	switch strings.ReplaceAll(name, "_", "") {
	case "SUBSCRIPTION":
		return kindCreateSubscription
	case "REFUND", "PAYMENTREFUND", "ORDERREFUND":
		return kindCreateRefund
	case "PAYMENT", "ORDER", "PAYMENTORDER":
		return kindCreatePayment
	case "":
		if ordersName || ordersUnits {
			return kindCreatePayment
		}
	}
	if ordersName && ordersUnits {
		return kindCreatePayment
	}
	return ""
}

// read fills in the typed resource. Fields that don't fit their types are left empty; Resource has them.
func (d *dialect) read(e *Event) {
	switch e.about.kind {
	case kindCreatePayment:
		e.Order = new(PlacedOrder)
		_, _ = adapter.Decode(e.Resource, e.Order)
		e.amount = d.total(e.Order.PurchaseUnits)
	case kindCreateRefund:
		e.Refund = new(CreatedRefund)
		_, _ = adapter.Decode(e.Resource, e.Refund)
		e.amount = d.decode(e.Refund.Amount)
	case kindCreateSubscription:
		e.Subscription = &SubscriptionChange{PaymentResult: e.about.SubscriptionEvent.PaymentDetail.PaymentResult}
		_, _ = adapter.Decode(e.Resource, &e.Subscription.Subscription)
	}
}

// Portable puts the event into portable words. It names its operation by reference_id, which is the key, unless nothing says whose it is
// or what it is about. That a delivery's id is no other event's is not documented, so time, type, resource and status are part of the
// event's identity as well.
func (e Event) Portable() payonce.Event {
	status := OrderStatus(cmp.Or(word(e.about.Status), e.about.SubscriptionStatus))
	out := payonce.Event{
		Account: e.account, Type: e.Type, At: e.CreateTime.Time, Kind: e.about.kind,
		ResourceID: e.about.ID, ProviderStatus: string(status), Amount: e.amount, Raw: e.Raw,
	}
	if e.MerchantID != "" && e.about.kind != "" {
		out.Key = e.about.ReferenceID
	}
	out.ID = strings.Join([]string{e.ID, e.CreateTime.Format("20060102T150405.999999999"), e.Type, e.about.ID, e.about.ReferenceID, string(status)}, "|")
	switch e.about.kind {
	case kindCreatePayment:
		out.Status, out.NoMoneyMoved = status.portable(), e.orderIsOver(status)
		if e.Type == EventPaymentOrderFailed && out.NoMoneyMoved {
			out.Status, out.FailureCode = payonce.StatusFailed, e.Type
		}
	case kindCreateRefund:
		out.Status, out.NoMoneyMoved = refundStatus(string(status)), status == OrderFailed // one that was reversed had moved
	case kindCreateSubscription:
		out.FailureCode = failureOf(e.Subscription)
	}
	return out
}

// orderIsOver says that no money moved and none will. The order's status says so, whatever the event is called: an order that was paid
// in part may be told of as failed. Without any status the event alone says it.
func (e Event) orderIsOver(status OrderStatus) bool {
	return status.noMoneyMoved() || (status == "" && e.Type == EventPaymentOrderFailed)
}

// failureOf is the reason for which a subscription's payment failed.
func failureOf(s *SubscriptionChange) string {
	if s == nil || s.PaymentResult == "SUCCESS" || s.PaymentResult == "UNKNOWN" {
		return ""
	}
	return s.PaymentResult
}
