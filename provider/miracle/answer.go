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
	// conflicts says that a 409 with a code is about the payment's state.
	conflicts bool
}

func ruleOf(kind string) answerRule {
	switch kind {
	case kindCreatePayment:
		return answerRule{id: true, status: true, no: []PaymentStatus{PaymentFailed}}
	case kindCapturePayment, kindCompleteAction:
		return answerRule{id: true, status: true, owner: payments, conflicts: true, no: []PaymentStatus{PaymentFailed, PaymentCanceled}}
	case kindCancelPayment:
		return answerRule{id: true, status: true, owner: payments, conflicts: true, no: []PaymentStatus{
			PaymentSucceeded, PaymentCaptured, PaymentFailed, PaymentPartiallyRefunded, PaymentRefunded,
		}}
	case kindCreateRefund:
		return answerRule{id: true, status: true, parent: payments, conflicts: true, no: []PaymentStatus{PaymentStatus(RefundFailed)}}
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

// declines says that a whole answer with the status is a no.
func (r *answerRule) declines(status string) bool {
	return slices.Contains(r.no, PaymentStatus(status))
}

// answer is what of a successful body, or of a request's, decides.
type answer struct {
	ID                string          `json:"id"`
	Status            string          `json:"status"`
	PaymentID         string          `json:"paymentId"`
	MerchantReference string          `json:"merchantReference"`
	CaptureMethod     string          `json:"captureMethod"`
	Livemode          *bool           `json:"livemode"`
	Amount            Money           `json:"amount"`
	Metadata          json.RawMessage `json:"metadata"`
	URL               string          `json:"url"`
	Secret            payonce.Secret  `json:"secret"`
	ErrorCode         string          `json:"errorCode"`
	ErrorMessage      string          `json:"errorMessage"`
	StatusReason      string          `json:"statusReason"`
}

// reason is why the payment or refund failed, or else how it stands.
func (a *answer) reason() string { return cmp.Or(a.ErrorCode, a.StatusReason, a.Status) }

// ref is payonce_ref of the metadata, if it is of the kind: a refund may come with the metadata of its payment.
func (a *answer) ref(kind string) string {
	var metadata map[string]json.RawMessage
	_ = json.Unmarshal(a.Metadata, &metadata) // what can't be read has none
	if ref := text(metadata[adapter.RefKey]); strings.HasPrefix(ref, kind+":") {
		return ref
	}
	return ""
}

// answerOf reads a whole body; false if it is not what the kind's answer must be.
func answerOf(body []byte, rule answerRule) (*answer, bool) {
	var a answer
	if rule.list {
		var p page[json.RawMessage]
		return &a, p.UnmarshalJSON(body) == nil
	}
	readable := json.Unmarshal(unwrap(body), &a) == nil
	if rule.isNone() {
		if !readable {
			a = answer{}
		}
		return &a, json.Valid(body) && !isError(body)
	}
	missing := rule.id && a.ID == "" || rule.status && a.Status == "" || rule.url && a.URL == "" || rule.secret && a.Secret == ""
	return &a, readable && !missing
}

func (r *answerRule) isNone() bool {
	return !r.id && !r.status && !r.url && !r.secret && !r.list
}

// isError says that a body under a 2xx is an error all the same.
func isError(body []byte) bool {
	var wire struct {
		Error json.RawMessage `json:"error"`
	}
	return json.Unmarshal(body, &wire) == nil && len(wire.Error) > 0 && string(wire.Error) != "null" && string(wire.Error) != "false"
}

// differs names what the answer says otherwise than the request or the account; "" if nothing. What one of them leaves out is not
// compared.
func (d *dialect) differs(req *payonce.Request, rule *answerRule, a *answer) string {
	var sent answer
	_ = json.Unmarshal(req.Body, &sent) // what can't be read compares with nothing
	for _, echo := range []struct {
		what   string
		differ bool
	}{
		{"environment", a.Livemode != nil && *a.Livemode != d.live},
		{"id", differ(strings.ToLower(element(req.Path, rule.owner)), strings.ToLower(a.ID))},
		{"payment", differ(strings.ToLower(element(req.Path, rule.parent)), strings.ToLower(a.PaymentID))},
		{"amount", differ(sent.Amount.ValueMinor, a.Amount.ValueMinor)},
		{"currency", differ(sent.Amount.Currency, a.Amount.Currency)},
		{"merchantReference", differ(sent.MerchantReference, a.MerchantReference)},
		{"captureMethod", differ(sent.CaptureMethod, a.CaptureMethod)},
		{adapter.RefKey, differ(sent.ref(req.Kind), a.ref(req.Kind))},
	} {
		if echo.differ {
			return echo.what
		}
	}
	return ""
}

// differ says that both are there and not the same.
func differ[T comparable](sent, echoed T) bool {
	var none T
	return sent != none && echoed != none && sent != echoed
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
