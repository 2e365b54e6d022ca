package midaspay

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/payonce/payonce"
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
	Summary      string
	CreateTime   Timestamp
	UpdateTime   Timestamp
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
	ID          string `json:"id"`
	ReferenceID string `json:"reference_id"`
	MerchantID  string `json:"merchant_id"`
	Status      string `json:"status"`
	EventType   string `json:"event_type"`
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
	MerchantID   string          `json:"merchant_id"`
	Resource     json.RawMessage `json:"resource"`
}

// parseEvent reads a delivery that was verified.
func (d *dialect) parseEvent(body []byte) (Event, error) {
	var e envelope
	if json.Unmarshal(body, &e) != nil || (e.ID == "" && len(e.Resource) == 0) {
		return Event{}, errNoEvent
	}
	own, resourceType := unwrap(e.Resource)
	event := Event{
		ID: e.ID, Type: e.EventType, ResourceType: cmp.Or(resourceType, e.ResourceType), Summary: e.Summary,
		CreateTime: e.CreateTime, UpdateTime: e.UpdateTime, Resource: own, Raw: body, account: d.profile.Account,
	}
	_ = json.Unmarshal(own, &event.about) // what is no JSON object stays in Resource
	if differ(d.merchantID, e.MerchantID) || differ(d.merchantID, event.about.MerchantID) {
		return Event{}, errAnotherAccount
	}
	event.Type = cmp.Or(event.Type, event.about.EventType)
	event.about.kind = kindOf(&event)
	d.read(&event)
	return event, nil
}

// unwrap returns the resource and its type: inline, or as a type with base64 of the resource.
func unwrap(inline json.RawMessage) (own payonce.Raw, resourceType string) {
	var typed struct {
		TypeURL string  `json:"type_url"`
		Value   *string `json:"value"`
	}
	if json.Unmarshal(inline, &typed) != nil || typed.TypeURL == "" || typed.Value == nil {
		return payonce.Raw(inline), ""
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if decoded, err := encoding.DecodeString(*typed.Value); err == nil {
			return decoded, typed.TypeURL
		}
	}
	return payonce.Raw(*typed.Value), typed.TypeURL
}

// kindOf returns the kind of operation that makes such a resource, "" if the delivery does not say. Type names end in
// PaymentNotification and RefundNotification in what could be read; the other words are inferred.
func kindOf(e *Event) string {
	word := strings.ToUpper(e.ResourceType[strings.LastIndexAny(e.ResourceType, "./")+1:])
	switch {
	case e.about.SubscriptionStatus != "", strings.Contains(word, "SUBSCRIPTION"):
		return kindCreateSubscription
	case strings.Contains(word, "REFUND"):
		return kindCreateRefund
	case strings.Contains(word, "PAYMENT"), strings.Contains(word, "ORDER"), strings.HasPrefix(e.Type, "PAYMENT_ORDER"):
		return kindCreatePayment
	}
	return ""
}

// read fills in the typed resource. Fields that don't fit their types are left empty; Resource has them.
func (d *dialect) read(e *Event) {
	switch e.about.kind {
	case kindCreatePayment:
		e.Order = new(PlacedOrder)
		_ = json.Unmarshal(e.Resource, e.Order)
		e.amount = d.total(e.Order.PurchaseUnits)
	case kindCreateRefund:
		e.Refund = new(CreatedRefund)
		_ = json.Unmarshal(e.Resource, e.Refund)
		e.amount = d.decode(e.Refund.Amount)
	case kindCreateSubscription:
		e.Subscription = &SubscriptionChange{PaymentResult: e.about.SubscriptionEvent.PaymentDetail.PaymentResult}
		_ = json.Unmarshal(e.Resource, &e.Subscription.Subscription)
	}
}

// Portable puts the event into portable words. It names its operation by reference_id, which is the key. That a delivery's id is no
// other event's is not documented, so time, type and resource are part of the event's identity as well.
func (e Event) Portable() payonce.Event {
	status := OrderStatus(cmp.Or(e.about.Status, e.about.SubscriptionStatus))
	out := payonce.Event{
		Account: e.account, Type: e.Type, At: e.CreateTime.Time, Kind: e.about.kind, Key: e.about.ReferenceID,
		ResourceID: e.about.ID, ProviderStatus: string(status), Amount: e.amount, Raw: e.Raw,
	}
	out.ID = strings.Join([]string{e.ID, e.CreateTime.Format("20060102T150405.999999999"), e.Type, e.about.ID, e.about.ReferenceID}, "|")
	switch e.about.kind {
	case kindCreatePayment:
		out.Status, out.NoMoneyMoved = status.portable(), e.orderIsOver(status)
		if e.Type == EventPaymentOrderFailed && out.NoMoneyMoved {
			out.Status, out.FailureCode = payonce.StatusFailed, e.Type
		}
	case kindCreateRefund:
		out.Status = refundStatus(string(status))
	case kindCreateSubscription:
		out.FailureCode = failureOf(e.Subscription)
	}
	return out
}

// orderIsOver says that no money moved and none will. The event alone says so, unless the order that comes with it was paid.
func (e Event) orderIsOver(status OrderStatus) bool {
	if e.Type != EventPaymentOrderFailed {
		return status.noMoneyMoved()
	}
	switch status.portable() {
	case payonce.StatusSucceeded, payonce.StatusReturned, payonce.StatusAuthorized:
		return false
	case payonce.StatusPending, payonce.StatusActionRequired, payonce.StatusFailed, payonce.StatusCanceled:
	}
	return true
}

// failureOf is the reason for which a subscription's payment failed.
func failureOf(s *SubscriptionChange) string {
	if s == nil || s.PaymentResult == "SUCCESS" || s.PaymentResult == "UNKNOWN" {
		return ""
	}
	return s.PaymentResult
}
