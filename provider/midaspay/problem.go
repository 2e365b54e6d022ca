package midaspay

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// problem is MidasPay's error document; its links and solutions are for people who have the whole body.
// Source: https://developer.midaspayment.com/docs/reference/apiresponse/.
type problem struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	DebugID string          `json:"debug_id"`
	Details json.RawMessage `json:"details"`
	ID      string          `json:"id"` // an error has none
}

// problemOf reads the error document of an answer; nil if it is none, whatever its Content-Type says. All names that were read are
// in capitals, which tells them from the errors of gateways and frameworks; besides a name the documentation promises a debug_id and
// examples have a message.
func problemOf(res *payonce.Response) *problem {
	var p problem
	if !res.Complete || json.Unmarshal(res.Body, &p) != nil || p.ID != "" || (p.Message == "" && p.DebugID == "") {
		return nil
	}
	if !isName(p.Name) {
		return nil
	}
	return &p
}

// message is MidasPay's text and the names of the wrong fields. The values and descriptions of the fields may repeat what was sent,
// and so are left out.
func (p *problem) message() string {
	text := adapter.Message(p.Message)
	var details []struct {
		Field string `json:"field"`
	}
	_ = json.Unmarshal(p.Details, &details) // what can't be read names no field
	var fields []string
	for _, detail := range details[:min(len(details), 10)] {
		if detail.Field != "" {
			fields = append(fields, adapter.Code(detail.Field))
		}
	}
	if len(fields) > 0 {
		text += " (" + strings.Join(fields, ", ") + ")"
	}
	return text
}

// names says what the names of errors mean.
type names map[string]meaning

type meaning struct {
	class payonce.Class
	// later says that it is no use to send again at once, although the status is 429.
	later bool
}

// newNames transcribes what could be read of https://developer.midaspayment.com/docs/error/codes/, which is its beginning, and
// https://developer.midaspayment.com/docs/api-concepts/idempotency/. A name that is not here counts by its status.
//
// None is proof for every attempt of a generation. A failed create "may or may not consume the id, depending on the channel": if it
// does not, an earlier attempt that is still on its way is executed after the failure was answered. So a refusal or decline closes an
// operation only if no other attempt can have been executed; otherwise the order is looked up.
func newNames() names {
	all := names{}
	for class, list := range map[payonce.Class]string{
		// Tried and failed, for good as far as this reference_id goes. 409 Aborted, but AVS_DECLINED is 400 and CANCELLED 408.
		payonce.ClassDeclined: "ACQUIER_FRAUD ACQUIRER_ERROR AID_IN_PENALTY_BOX AUTHENTICATE_ERROR AUTHENTICATION_REQUIRED " +
			"AUTHORIZATION_REVOCATE AVS_DECLINED BALANCE_NOT_ENOUGH BANK_STATUS_ERROR BLOCKED_BY_COMPLIANCE BLOCKED_CARD " +
			"BLOCKED_FOR_RETRY_FEES CANCELLED CARDHOLDER_ERROR CARD_CONTRACT_CANCELED CARD_ORGANIZATION_SPECIFIC_ERROR",
		// An id that MidasPay made is another order's; whether the order exists only a query tells.
		payonce.ClassDuplicate: "DUPLICATE_ORDER_ID",
		// Something stands under the key, though it may be what an earlier attempt made.
		payonce.ClassReuse:   "DUPLICATE_REFERENCE_ID",
		payonce.ClassRefused: "ACCOUNT_NOT_EXIST BENEFICIARY_NOT_FOUND DUPLICATE_SUB_REFERENCE_ID INVALID_ARGUMENT SIGN_ERROR",
	} {
		for name := range strings.FieldsSeq(list) {
			all[name] = meaning{class: class}
		}
	}
	// Until somebody refills a budget: https://developer.midaspayment.com/docs/api-concepts/rate-limits/.
	all["CHANNEL_MARKETING_BUDGET_LIMITED"] = meaning{class: payonce.ClassRefused, later: true}
	all["CHANNEL_MARKETING_TRANSACTIONS_LIMITED"] = meaning{class: payonce.ClassRefused, later: true}
	return all
}

// clockHint is for every 401: a wrong clock is what makes all signatures bad.
const clockHint = "the signature was refused: check this machine's clock, SerialNo and the key"

// classify reads an answer that is not a 2xx. Names decide before statuses, because 409 is a duplicate as well as a decline; but
// nothing under 5xx, 429, 401 and 403 is more than its status says. p is nil where the body is not MidasPay's.
func (n names) classify(req *payonce.Request, status int, p *problem) payonce.Verdict {
	if p == nil {
		return payonce.Verdict{Resend: adapter.Transient(status)}
	}
	meaning, known := n[p.Name]
	v := payonce.Verdict{Class: payonce.ClassRefused}
	switch {
	case status < 400 || status > 599:
		v.Class = payonce.ClassUnknown
	case status >= 500, status == http.StatusTooEarly, status == http.StatusRequestTimeout && p.Name != "CANCELLED":
		v.Class, v.Resend = payonce.ClassUnknown, true
	case status == http.StatusTooManyRequests:
		v.Resend = !meaning.later
	case status == http.StatusUnauthorized, status == http.StatusForbidden, req.Key == "":
	case known:
		v.Class, v.KeySpent = meaning.class, meaning.class == payonce.ClassDeclined || meaning.class == payonce.ClassRefused
	case status == http.StatusConflict:
		v.Class = payonce.ClassDuplicate // a failure of unknown kind
	default:
		v.KeySpent = true // a new attempt needs a fresh reference_id
	}
	return v
}

// saysError says that the body of a 2xx is an error document, in whatever detail: a name or an error, and nothing that an error does
// not have.
func saysError(told adapter.Object) bool {
	for member := range told {
		switch member {
		case "name", "message", "debug_id", "details", "links", "causes", "code", "error", "errors":
		default:
			return false
		}
	}
	return isName(told.Text("name")) || isSet(told, "error") || isSet(told, "errors")
}

func isSet(told adapter.Object, name string) bool {
	_, there := told[name]
	return there && !told.Is(name, "null")
}

// isName says that a text is written as the names of errors are.
func isName(text string) bool {
	return text != "" && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
