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
	if p.Name == "" || strings.Trim(p.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
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
		// The key is taken; whether by an attempt of ours only a query tells.
		payonce.ClassDuplicate: "DUPLICATE_ORDER_ID DUPLICATE_REFERENCE_ID",
		payonce.ClassRefused:   "ACCOUNT_NOT_EXIST BENEFICIARY_NOT_FOUND DUPLICATE_SUB_REFERENCE_ID INVALID_ARGUMENT SIGN_ERROR",
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
		v.Class, v.KeySpent = meaning.class, meaning.class != payonce.ClassDuplicate
	case status == http.StatusConflict:
		v.Class = payonce.ClassDuplicate // a failure of unknown kind
	default:
		v.KeySpent = true // a new attempt needs a fresh reference_id
	}
	return v
}

// missed says that what a query asked for does not exist. How MidasPay says that is not documented: a 404 of its own is taken for it,
// unless its name means something else.
func (n names) missed(status int, p *problem) bool {
	if p == nil || status != http.StatusNotFound {
		return false
	}
	_, means := n[p.Name]
	return !means
}
