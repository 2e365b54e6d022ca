package elebne

import (
	"net/http"

	"github.com/payonce/payonce"
)

// Lookup returns the read that tells what became of a cancellation. No other write leaves something that can be found without knowing
// its id: intents can't be searched by metadata, nor refunds be read.
func (p *Provider) Lookup(req *payonce.Request) (payonce.Query, bool) {
	id := idIn(req.Path, intents)
	if req.Kind != kindCancelPayment || id == "" {
		return payonce.Query{}, false
	}
	return getPayment(id), true
}

// ClassifyLookup reads the intent: CANCELLED is what was asked for, whoever did it; any other documented state says that the
// cancellation had no effect. That no intent is found proves nothing: the API key may be another business's.
func (p *Provider) ClassifyLookup(req *payonce.Request, res *payonce.Response) payonce.Verdict {
	if req.Kind != kindCancelPayment {
		return payonce.Verdict{}
	}
	v := p.Classify(&payonce.Request{Kind: kindGetPayment, Method: http.MethodGet, Path: req.Path}, res)
	unknown := payonce.Verdict{Code: v.Code, Message: v.Message, RequestID: v.RequestID, Wait: v.Wait}
	if v.Class != payonce.ClassSucceeded {
		return unknown
	}
	switch IntentStatus(v.Code) {
	case IntentCancelled:
		return v
	case IntentPending, IntentPaid, IntentCompleted, IntentFailed, IntentRefunded:
		v.Class = payonce.ClassRefused
		return v
	}
	return unknown
}
