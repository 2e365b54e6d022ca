package midaspay

import (
	"net/http"
	"slices"
	"strings"

	"github.com/payonce/payonce/internal/adapter"
)

// thing is what a query asks for, and how MidasPay says that there is none. That is not documented. Absence grants a new key, so only
// what can mean nothing else is taken for it.
type thing struct {
	// nouns are what the names of errors may call it.
	nouns []string
	// answer are the members that its answer is documented to have.
	answer members
}

// members are those of an object, with those of the objects within it.
type members map[string]members

func having(names string) members {
	m := members{}
	for name := range strings.FieldsSeq(names) {
		m[name] = nil
	}
	return m
}

// anOrder is what https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/ asks for.
func anOrder() thing {
	return thing{
		[]string{"ORDER", "PAYMENT", "PAYMENT_ORDER", "REFERENCE", "REFERENCE_ID"},
		having("id reference_id status create_time update_time purchase_units"),
	}
}

// anAuthorization is what https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-authorization/ asks for.
func anAuthorization() thing {
	return thing{
		[]string{"AUTHORIZATION", "REFERENCE", "REFERENCE_ID"},
		having("id authorization_id reference_id reference_authorization_id status create_time update_time purchase_units"),
	}
}

// aSubscription is what https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-query-subscription/ asks for.
func aSubscription() thing {
	return thing{[]string{"SUBSCRIPTION", "REFERENCE", "REFERENCE_ID"}, having("subscriptions")}
}

// aTransaction is what https://developer.midaspayment.com/docs/apis/payment/mor-query-transaction/ asks for.
func aTransaction() thing {
	payment := having("amount currency net_amount vat_amount")
	payment["discount"] = having("discount_id discount_code discount_amount discount_rate")
	transaction := having("external_id id payment_date status")
	transaction["project"] = having("id name")
	return thing{
		[]string{"TRANSACTION", "EXTERNAL_ID"},
		members{"payment_details": {"payment": payment}, "transaction": transaction, "user": having("region_code email id name")},
	}
}

// missing says that an error is a 404 of MidasPay's own about what was asked for. A 404 about something else, such as the merchant,
// says nothing of it.
func (t thing) missing(status int, p *problem) bool {
	if p == nil || status != http.StatusNotFound {
		return false
	}
	if p.Name == "NOT_FOUND" {
		return true
	}
	for _, suffix := range []string{"_NOT_FOUND", "_NOT_EXIST"} {
		if noun, ok := strings.CutSuffix(p.Name, suffix); ok && slices.Contains(t.nouns, noun) {
			return true
		}
	}
	return false
}

// nothing says that the answer of a 2xx is how a service in the protobuf way answers when there is nothing to answer: its documented
// members, none of which is set. Anything beside them is content, also a false or an error.
func (t thing) nothing(told adapter.Object) bool { return t.answer.unset(told) }

func (m members) unset(told adapter.Object) bool {
	for name := range told {
		inner, documented := m[name]
		list, isList := told.List(name)
		switch {
		case !documented:
			return false
		case told.Is(name, "null"), told.Is(name, `""`), isList && len(list) == 0, inner.unset(told.Object(name)):
		case name == "status" && told.Is("id", `""`) && strings.EqualFold(told.Text(name), string(OrderUnknown)): // how an enumeration is unset
		default:
			return false
		}
	}
	return told != nil
}
