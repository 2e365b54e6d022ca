package midaspay

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// SubscriptionParams asks for one subscription.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-subscribe/ (read in part).
type SubscriptionParams struct {
	// Reference is the merchant's own id of the subscription. Required; it is the operation's identity.
	Reference string
	// SubMerchantID is required by MidasPay. Defaults to Config.SubMerchantID.
	SubMerchantID string
	// Subscriber is who subscribes.
	Subscriber Subscriber
	// Units are the phases of the subscription in their order: promotional ones, then at most one regular. At least one is required.
	Units []SubscriptionUnit
	// Extra is a JSON object with further members of the request.
	Extra payonce.Raw
	// NotAfter: not subscribed for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// Subscriber is who subscribes.
type Subscriber struct {
	// ID is the subscriber's id in the merchant's system, at most 64 characters. Required.
	ID           string  `json:"id"`
	MidasLoginID string  `json:"midas_login_id,omitempty"`
	Name         string  `json:"name,omitempty"`
	Email        string  `json:"email,omitempty"`
	IP           string  `json:"ip,omitempty"`
	PhoneNumber  string  `json:"phone_number,omitempty"`
	Address      Address `json:"address,omitzero"`
}

// SubscriptionUnit is a phase of a subscription.
type SubscriptionUnit struct {
	// Product is what is subscribed to.
	Product Product
	// Period is how long one cycle lasts.
	Period Period
	// TotalCycles is how many cycles the phase has; 0 is endless and only for the last one, which is regular. Promotional ones have
	// 1 to 999.
	TotalCycles int
	// Extra is a JSON object with the unit's other members: the one that says REGULAR or PROMOTIONAL, and the price. What they are
	// called could not be read.
	Extra payonce.Raw
}

// Product is what is subscribed to.
type Product struct {
	// ID is required.
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
}

// Period is the length of one cycle.
type Period struct {
	// PeriodUnit is DAY, MONTH or YEAR. A MONTH is one of the calendar: 31 January renews on 28 or 29 February.
	PeriodUnit string `json:"period_unit"`
	// Value is how many of them.
	Value int `json:"value"`
}

// CancelSubscriptionParams asks to end a subscription.
type CancelSubscriptionParams struct {
	// SubscriptionID is MidasPay's id, not reference_id. Required.
	SubscriptionID string
	// Reference names this cancellation; defaults to SubscriptionID.
	Reference string
	// NotAfter: not cancelled for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// subscribe encodes POST /v1/subscription/create.
func (d *dialect) subscribe(params SubscriptionParams) (payonce.Operation, error) {
	var p adapter.Problems
	subMerchantID := cmp.Or(params.SubMerchantID, d.subMerchantID)
	p.Require("SubMerchantID", subMerchantID)
	p.Require("Subscriber.ID", params.Subscriber.ID)
	checkLength(&p, "Subscriber.ID", params.Subscriber.ID, 64)
	checkEmail(&p, "Subscriber.Email", params.Subscriber.Email)
	params.Subscriber.Address.check(&p, "Subscriber.Address")
	if len(params.Units) == 0 {
		p.Add("Units", "are required")
	}
	units := make([]object, len(params.Units))
	for i, unit := range params.Units {
		units[i] = unit.encode(&p, "Units["+strconv.Itoa(i)+"]", i == len(params.Units)-1)
	}
	body := object{"sub_merchant_id": subMerchantID, "subscriber": params.Subscriber, "subscription_units": units}
	body.add(&p, "Extra", params.Extra, keyField)
	return keyedWrite(&p, kindCreateSubscription, params.Reference, "/v1/subscription/create", body, params.NotAfter)
}

func (u *SubscriptionUnit) encode(p *adapter.Problems, field string, last bool) object {
	p.Require(field+".Product.ID", u.Product.ID)
	p.Require(field+".Period.PeriodUnit", u.Period.PeriodUnit)
	if u.Period.Value < 1 {
		p.Add(field+".Period.Value", "must be at least 1, is %d", u.Period.Value)
	}
	switch {
	case u.TotalCycles < 0:
		p.Add(field+".TotalCycles", "is negative")
	case !last && (u.TotalCycles == 0 || u.TotalCycles > 999):
		p.Add(field+".TotalCycles", "must be 1 to 999, is %d: only the last unit is regular", u.TotalCycles)
	}
	body := object{"product": u.Product, "period": u.Period, "total_cycles": u.TotalCycles}
	body.add(p, field+".Extra", u.Extra)
	return body
}

// unsubscribe encodes POST /v1/subscription/cancel. It has no key; that a repeat has no second effect is assumed.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-unsubscribe/.
func unsubscribe(params CancelSubscriptionParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkID(&p, "SubscriptionID", params.SubscriptionID)
	return payonce.Operation{
		Kind: kindCancelSubscription, Reference: cmp.Or(params.Reference, params.SubscriptionID), Path: "/v1/subscription/cancel",
		Replay: payonce.ReplayByState, Body: object{"id": params.SubscriptionID}, NotAfter: params.NotAfter,
	}, p.Err()
}

// querySubscription encodes POST /v1/subscription/query by "id", "reference_id" or "subscription_ids".
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-query-subscription/.
func querySubscription(by string, value any) payonce.Query {
	return payonce.Query{Kind: kindGetSubscription, Method: "POST", Path: "/v1/subscription/query", Body: object{by: value}.query()}
}

// Subscription is a subscription as MidasPay tells it. The answer to a new one could not be read; assumed to be as in a query.
type Subscription struct {
	ID            string             `json:"id"`
	ReferenceID   string             `json:"reference_id,omitempty"`
	MerchantID    string             `json:"merchant_id,omitempty"`
	SubMerchantID string             `json:"sub_merchant_id,omitempty"`
	Subscriber    Subscriber         `json:"subscriber,omitzero"`
	Status        SubscriptionStatus `json:"status,omitempty"`
	// Units are MidasPay's subscription_units, of which the answer's form was read in part.
	Units      []SubscribedUnit `json:"subscription_units,omitempty"`
	CreateTime Timestamp        `json:"create_time,omitzero"`
	UpdateTime Timestamp        `json:"update_time,omitzero"`
}

// SubscribedUnit is a phase of a subscription as MidasPay tells it.
type SubscribedUnit struct {
	Product     Product     `json:"product"`
	Period      Period      `json:"period"`
	TotalCycles json.Number `json:"total_cycles,omitempty"`
}

// UnmarshalJSON reads a subscription, also by the field names of webhooks, or the only one of a list, which is what the answer is when
// the first one was lost and the subscription was looked up.
func (s *Subscription) UnmarshalJSON(text []byte) (err error) {
	*s, _, err = readSubscription(text)
	return err
}

// readSubscription also says whether a field was odd.
func readSubscription(text []byte) (s Subscription, odd bool, err error) {
	type plain Subscription
	type named struct {
		plain
		SubscriptionStatus SubscriptionStatus `json:"subscription_status"`
	}
	var answer struct {
		named
		Subscriptions []named `json:"subscriptions"`
	}
	if odd, err = adapter.Decode(text, &answer); err != nil {
		return Subscription{}, odd, err
	}
	one := answer.named
	if len(answer.Subscriptions) == 1 && one.ID == "" {
		one = answer.Subscriptions[0]
	}
	s = Subscription(one.plain)
	if s.Status == "" {
		s.Status = one.SubscriptionStatus
	}
	return s, odd, nil
}

// SubscriptionList is the answer to a query.
type SubscriptionList struct {
	Subscriptions []Subscription `json:"subscriptions"`
}

// UnmarshalJSON reads the list. One that can't be read is an error, so that it is never silently empty.
func (l *SubscriptionList) UnmarshalJSON(text []byte) error {
	o := adapter.ObjectOf(text)
	list, ok := o.List("subscriptions")
	if o == nil || (!ok && isSet(o, "subscriptions")) {
		return errUnreadable
	}
	var err error
	l.Subscriptions, err = adapter.Items[Subscription](list)
	return err
}

// CanceledSubscription is the answer to a cancellation.
type CanceledSubscription struct {
	// Status is SubscriptionCancelled or SubscriptionVoided.
	Status SubscriptionStatus `json:"status"`
}

// UnmarshalJSON also reads a list of one, which is what the answer is when the first one was lost and the subscription was looked up.
func (c *CanceledSubscription) UnmarshalJSON(text []byte) error {
	var s Subscription
	err := json.Unmarshal(text, &s)
	c.Status = s.Status
	return err
}
