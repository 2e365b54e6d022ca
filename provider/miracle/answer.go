package miracle

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// answerRule says what a whole answer of a kind must hold. Kinds without a rule need valid JSON that is no error only.
type answerRule struct {
	// id, status, url and secret are required.
	id, status, url, secret bool
	// list says that the answer is a page.
	list bool
	// owner is the path under which the answer's id follows, parent that under which its paymentId follows.
	owner, parent string
	// no are the statuses by which a 2xx says no. Statuses that this version does not know don't.
	no []PaymentStatus
	// unlessMoved says that money which was captured or refunded outweighs such a status.
	unlessMoved bool
	// conflicts says that a 409 with a code is about the payment's state.
	conflicts bool
}

func ruleOf(kind string) answerRule {
	switch kind {
	case kindCreatePayment:
		return answerRule{id: true, status: true, no: []PaymentStatus{PaymentFailed}, unlessMoved: true}
	case kindCapturePayment, kindCompleteAction:
		return answerRule{
			id: true, status: true, owner: payments, conflicts: true, no: []PaymentStatus{PaymentFailed, PaymentCanceled}, unlessMoved: true,
		}
	case kindCancelPayment:
		return answerRule{id: true, status: true, owner: payments, conflicts: true, no: []PaymentStatus{
			PaymentSucceeded, PaymentCaptured, PaymentFailed, PaymentPartiallyRefunded, PaymentRefunded,
		}}
	case kindCreateRefund:
		return answerRule{id: true, status: true, parent: payments, no: []PaymentStatus{PaymentStatus(RefundFailed)}}
	case kindGetPayment:
		return answerRule{id: true, status: true, owner: payments}
	case kindGetRefund:
		return answerRule{id: true, status: true, owner: "/v1/refunds/"}
	case kindCreateSession:
		return answerRule{id: true}
	case kindGetSession:
		return answerRule{id: true, owner: checkoutSessions}
	case kindCreateHPP:
		return answerRule{url: true}
	case kindCreateEndpoint:
		return answerRule{id: true, secret: true}
	case kindGetEndpoint:
		return answerRule{id: true, owner: endpoints}
	case kindRotateSecret:
		return answerRule{secret: true}
	case kindListPayments, kindListRefunds, kindListEndpoints, kindCheck:
		return answerRule{list: true}
	}
	return answerRule{}
}

// declines says that a whole answer is a no.
func (r *answerRule) declines(answer adapter.Object) bool {
	outweighed := r.unlessMoved && movedMoney(answer)
	return slices.Contains(r.no, PaymentStatus(answer.Text("status"))) && !outweighed
}

// answerOf reads a whole body; false if it is not what the kind's answer must be. Only what decides is read, so that nothing else can
// make an answer unreadable.
func answerOf(body []byte, rule *answerRule) (adapter.Object, bool) {
	if rule.list {
		var p page[json.RawMessage]
		return nil, p.UnmarshalJSON(body) == nil
	}
	answer := adapter.ObjectOf(unwrap(body))
	if rule.isNone() {
		return answer, json.Valid(body) && !isError(body)
	}
	for name, required := range map[string]bool{"id": rule.id, "status": rule.status, "url": rule.url, "secret": rule.secret} {
		if required && answer.Text(name) == "" {
			return answer, false
		}
	}
	return answer, true
}

func (r *answerRule) isNone() bool {
	return !r.id && !r.status && !r.url && !r.secret && !r.list
}

// isError says that a body under a 2xx is an error all the same.
func isError(body []byte) bool {
	told := adapter.ObjectOf(body)["error"]
	return len(told) > 0 && string(told) != "null" && string(told) != "false"
}

// reason is why the payment or refund failed, or else how it stands.
func reason(answer adapter.Object) string {
	return cmp.Or(answer.Text("errorCode"), answer.Text("statusReason"), answer.Text("status"))
}

// refOf is payonce_ref of the metadata, if it is of the kind: a refund may come with the metadata of its payment.
func refOf(body adapter.Object, kind string) string {
	if ref := body.Object("metadata").Text(adapter.RefKey); strings.HasPrefix(ref, kind+":") {
		return ref
	}
	return ""
}

// differs names what the answer says otherwise than the request or the account; "" if nothing. What one of them leaves out is not
// compared.
func (d *dialect) differs(req *payonce.Request, rule *answerRule, answer adapter.Object) string {
	sent := adapter.ObjectOf(req.Body)
	id, parent := element(req.Path, rule.owner), element(req.Path, rule.parent)
	money, sentMoney := answer.Object("amount"), sent.Object("amount")
	reference, sentReference := answer.Text("merchantReference"), sent.Text("merchantReference")
	for _, echo := range []struct {
		what   string
		differ bool
	}{
		{"environment", d.isOtherEnvironment(answer)},
		{"merchant", !rule.isNone() && d.isOtherMerchant(answer)},
		{"id", differInLetters(id, answer.Text("id"))},
		{"payment", differInLetters(parent, answer.Text("paymentId"))},
		{"amount", differInNumber(sentMoney["valueMinor"], money["valueMinor"])},
		{"currency", differInLetters(sentMoney.Text("currency"), money.Text("currency"))},
		{"merchantReference", adapter.Differ(strings.TrimSpace(sentReference), strings.TrimSpace(reference))},
		{"captureMethod", adapter.Differ(sent.Text("captureMethod"), answer.Text("captureMethod"))},
		{adapter.RefKey, adapter.Differ(refOf(sent, req.Kind), refOf(answer, req.Kind))},
	} {
		if echo.differ {
			return echo.what
		}
	}
	return ""
}

// isOtherEnvironment says that an answer or event is of the other environment than the key.
func (d *dialect) isOtherEnvironment(told adapter.Object) bool {
	livemode := truth(told["livemode"])
	return livemode != nil && *livemode != d.live
}

// isOtherMerchant says that an answer or event is about another merchant's: the key or endpoint may be a tenant's.
func (d *dialect) isOtherMerchant(told adapter.Object) bool {
	return differInLetters(d.merchantID, told.Text("merchantId"))
}

// differInLetters says that both are there and not the same, whatever the case of their letters.
func differInLetters(sent, told string) bool {
	return adapter.Differ(strings.ToLower(sent), strings.ToLower(told))
}

// element is the element of a path that follows a known beginning; "" if there is none.
func element(path, after string) string {
	i := strings.LastIndex(path, after)
	if after == "" || i < 0 {
		return ""
	}
	rest := path[i+len(after):]
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	id, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	return id
}
