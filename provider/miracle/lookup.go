package miracle

import (
	"net/http"
	"slices"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Lookup reads the payment of a capture or a cancellation: its state tells whether it was done. A new payment or refund can't be found:
// no list is documented to filter by reference or metadata.
func (p *Provider) Lookup(req *payonce.Request) (payonce.Query, bool) {
	id := element(req.Path, payments)
	if id == "" || len(statesOf(req.Kind).wanted) == 0 {
		return payonce.Query{}, false
	}
	return getPayment(id), true
}

// states says what a payment's state tells about a write.
type states struct {
	// wanted is what the write brings about.
	wanted []PaymentStatus
	// declined is the end that a provider's rejection leads to.
	declined []PaymentStatus
	// otherwise are the states in which it did not happen; in some of them it still may, while a request is on its way.
	otherwise []PaymentStatus
	// byMoney says that captured money shows that it was done, whatever the state.
	byMoney bool
}

func statesOf(kind string) states {
	switch kind {
	case kindCapturePayment:
		return states{
			wanted:    []PaymentStatus{PaymentCaptured, PaymentSucceeded, PaymentPartiallyRefunded, PaymentRefunded},
			declined:  []PaymentStatus{PaymentFailed},
			otherwise: []PaymentStatus{PaymentRequiresCapture, PaymentCanceled}, // the earlier ones may be on their way to either end
			byMoney:   true,
		}
	case kindCancelPayment:
		return states{
			wanted: []PaymentStatus{PaymentCanceled},
			otherwise: []PaymentStatus{
				PaymentCreated, PaymentProcessing, PaymentRequiresAction, PaymentRequiresCapture, PaymentSucceeded, PaymentCaptured,
				PaymentFailed, PaymentPartiallyRefunded, PaymentRefunded,
			},
		}
	}
	return states{}
}

// ClassifyLookup reads the payment of a capture or a cancellation: in the wanted state it was done, by whomever, and captured money was
// captured; in a state that excludes it, it was not done; in any other state nothing is known. A payment that is not found proves
// nothing either: the documentation doesn't say whether a 404 means more than "not yours".
func (p *Provider) ClassifyLookup(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	unknown := payonce.Verdict{Wait: adapter.RetryAfter(res)}
	if !adapter.Success(res.Status) || res.Status == http.StatusPartialContent || !res.Complete {
		return unknown
	}
	rule := answerRule{id: true, status: true, owner: payments}
	answer, ok := answerOf(res.Body, &rule)
	states := statesOf(req.Kind)
	if !ok || len(states.wanted) == 0 {
		return unknown
	}
	v := p.d.judge(req, &rule, answer)
	switch status := PaymentStatus(answer.Text("status")); {
	case v.Class == payonce.ClassMismatch, slices.Contains(states.wanted, status), states.byMoney && movedMoney(answer):
		return v
	case slices.Contains(states.declined, status):
		return decline(answer)
	case slices.Contains(states.otherwise, status):
		v.Class = payonce.ClassRefused
		return v
	}
	return unknown
}
