package truelayer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// The kinds of operations and reads. The first group is portable.
const (
	kindCreatePayment = "payment.create"
	kindCancelPayment = "payment.cancel"
	kindGetPayment    = "payment.get"
	kindCreateRefund  = "refund.create"
	kindGetRefund     = "refund.get"
	kindListRefunds   = "refund.list"
	kindCheck         = "check"

	kindStartFlow        = "truelayer.authorization_flow.start"
	kindCreatePayout     = "truelayer.payout.create"
	kindGetPayout        = "truelayer.payout.get"
	kindListAccounts     = "truelayer.merchant_account.list"
	kindGetAccount       = "truelayer.merchant_account.get"
	kindListTransactions = "truelayer.transaction.list"
	kindListSources      = "truelayer.payment_source.list"
	kindSetSweeping      = "truelayer.sweeping.set"
	kindGetSweeping      = "truelayer.sweeping.get"
	kindDisableSweeping  = "truelayer.sweeping.disable"
)

// answerRule says what a whole answer of a kind must hold. Kinds without a rule need valid JSON only.
type answerRule struct {
	// id and status are required.
	id, status bool
	// declines says that status "failed" is a decline of the operation and not the state of something read.
	declines bool
	// echoesPath says that the id is the last element of the path that was asked for.
	echoesPath bool
}

func ruleOf(kind string) answerRule {
	switch kind {
	case kindCreatePayment:
		return answerRule{id: true, status: true, declines: true}
	case kindStartFlow:
		return answerRule{status: true, declines: true}
	case kindCreateRefund, kindCreatePayout:
		return answerRule{id: true}
	case kindGetPayment, kindGetRefund, kindGetPayout:
		return answerRule{id: true, status: true, echoesPath: true}
	}
	return answerRule{}
}

// Classify reads one answer. A refusal counts as proven only if Tl-Should-Retry says that the same key will always get it
// (https://docs.truelayer.com/docs/idempotency-for-payment-requests); what is not TrueLayer's own error document proves nothing.
func (p *Provider) Classify(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	problem := problemOf(res)
	var v payonce.Verdict
	switch {
	case res.Status >= 200 && res.Status <= 299:
		v = classifySuccess(req, res, problem)
	case problem != nil && problem.Status == res.Status: // otherwise somebody on the way changed the status
		v = classifyProblem(problem, res)
	default:
		v = payonce.Verdict{Resend: adapter.Transient(res.Status)}
	}
	if shouldRetry(res.Header) == retryFalse && (res.Status < 200 || res.Status > 299) {
		v.Resend = false // an unreadable 2xx is asked for again: false promises the same answer, this time perhaps whole
	}
	if v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined {
		v.Wait = adapter.RetryAfter(res)
	}
	v.RequestID = requestID(res.Header, problem)
	return v
}

// answer is what of a successful body decides.
type answer struct {
	ID            string `json:"id"`
	Status        string `json:"status"`
	FailureReason string `json:"failure_reason"`
	AmountInMinor int64  `json:"amount_in_minor"`
	Currency      string `json:"currency"`
	User          struct {
		ID string `json:"id"`
	} `json:"user"`
}

func classifySuccess(req *payonce.Request, res *payonce.Response, problem *problem) payonce.Verdict {
	unreadable := payonce.Verdict{Class: payonce.ClassUnknown, Resend: true, Code: "unreadable answer"}
	if !res.Complete || res.Status == http.StatusPartialContent || problem != nil {
		return unreadable
	}
	if len(res.Body) == 0 {
		if req.EmptyOK {
			return payonce.Verdict{Class: payonce.ClassSucceeded}
		}
		return unreadable
	}
	rule := ruleOf(req.Kind)
	if rule == (answerRule{}) {
		if json.Valid(res.Body) {
			return payonce.Verdict{Class: payonce.ClassSucceeded}
		}
		return unreadable
	}
	var a answer
	if odd, err := adapter.Decode(res.Body, &a); odd || err != nil || (rule.id && a.ID == "") || (rule.status && a.Status == "") {
		return unreadable
	}
	return judge(req, rule, &a)
}

// judge reads an answer that is whole.
func judge(req *payonce.Request, rule answerRule, a *answer) payonce.Verdict {
	v := payonce.Verdict{Class: payonce.ClassSucceeded, ResourceID: a.ID, Code: a.Status}
	switch {
	case rule.echoesPath && !strings.EqualFold(a.ID, lastElement(req.Path)), !rule.echoesPath && isAboutAnother(req.Body, a):
		v.Class, v.Code = payonce.ClassMismatch, "answer about something else"
	case rule.declines && PaymentStatus(a.Status) == PaymentFailed:
		v.Class, v.Proven, v.KeySpent, v.Code = payonce.ClassDeclined, true, true, adapter.Cut(adapter.Redact(a.FailureReason), 60)
	}
	return v
}

func lastElement(path string) string {
	path = signedPath(path)
	return path[strings.LastIndexByte(path, '/')+1:]
}

// isAboutAnother says that something which the answer echoes is not what was sent. Most answers echo nothing.
func isAboutAnother(sent []byte, a *answer) bool {
	var asked answer
	_, _ = adapter.Decode(sent, &asked) // what can't be read compares with nothing
	return adapter.Differ(asked.User.ID, a.User.ID) || adapter.Differ(asked.AmountInMinor, a.AmountInMinor) || adapter.Differ(asked.Currency, a.Currency)
}

// classifyProblem reads TrueLayer's own error document.
func classifyProblem(p *problem, res *payonce.Response) payonce.Verdict {
	retry := shouldRetry(res.Header)
	v := payonce.Verdict{Class: payonce.ClassRefused, Resend: retry == retryTrue, Code: p.code(), Message: p.message()}
	switch status := res.Status; {
	case status < 400:
		v.Class, v.Resend = payonce.ClassUnknown, false
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		v.Class, v.Resend = payonce.ClassUnknown, adapter.Transient(status)
	case p.isReuse():
		v.Class, v.Resend = payonce.ClassReuse, false
	case status == http.StatusConflict:
		v.Class, v.Resend = payonce.ClassInFlight, true
	case status == http.StatusTooManyRequests:
		v.Resend = true
	case status == http.StatusUnauthorized:
		v.Reauthorize = !p.blamesSignature()
		v.Resend = v.Resend && v.Reauthorize
	case status == http.StatusBadRequest, status == http.StatusNotFound, status == http.StatusUnprocessableEntity:
		v.Proven, v.KeySpent = retry == retryFalse, retry == retryFalse
	}
	return v
}

// retryHint is Tl-Should-Retry.
type retryHint int

const (
	retryAbsent retryHint = iota
	retryFalse
	retryTrue
)

// shouldRetry reads Tl-Should-Retry. Values that contradict each other count as none.
func shouldRetry(header http.Header) retryHint {
	hint := retryAbsent
	for i, value := range header.Values("Tl-Should-Retry") {
		this := retryAbsent
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "false":
			this = retryFalse
		case "true":
			this = retryTrue
		}
		if i > 0 && this != hint {
			return retryAbsent
		}
		hint = this
	}
	return hint
}

// requestID is the provider's id of the request, for its support.
func requestID(header http.Header, p *problem) string {
	id := header.Get("Tl-Trace-Id")
	if id == "" && p != nil {
		id = p.TraceID
	}
	if id == "" {
		id = header.Get("X-Tl-Correlation-Id")
	}
	return adapter.RequestID(id)
}
