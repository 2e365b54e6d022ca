package miracle_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

func TestOnlyCapturesAndCancellationsCanBeLookedUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for kind := range writes() {
		req := request(kind)
		req.Path = "/gateway" + req.Path
		q, ok := p.Lookup(req)
		if kind == "payment.capture" || kind == "payment.cancel" {
			assert.True(t, ok, kind)
			assert.Equal(t, payonce.Query{Kind: "payment.get", Path: "/v1/payments/pay_1"}, q, "the path is below the base URL")
			continue
		}
		assert.False(t, ok, kind)
	}
	_, ok := p.Lookup(&payonce.Request{Kind: "payment.capture", Path: "/elsewhere"})
	assert.False(t, ok)
}

func TestThePaymentTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for status, want := range map[miracle.PaymentStatus]struct{ capture, cancel payonce.Class }{
		miracle.PaymentCreated:           {unknown, refused},
		miracle.PaymentProcessing:        {unknown, refused},
		miracle.PaymentRequiresAction:    {unknown, refused},
		miracle.PaymentRequiresCapture:   {refused, refused},
		miracle.PaymentSucceeded:         {succeeded, refused},
		miracle.PaymentCaptured:          {succeeded, refused},
		miracle.PaymentFailed:            {declined, refused},
		miracle.PaymentCanceled:          {refused, succeeded},
		miracle.PaymentPartiallyRefunded: {succeeded, refused},
		miracle.PaymentRefunded:          {succeeded, refused},
		"in_review":                      {unknown, unknown},
		"":                               {unknown, unknown},
	} {
		res := response(200, payment("pay_1", string(status), ""))
		capture, cancel := p.ClassifyLookup(request("payment.capture"), res), p.ClassifyLookup(request("payment.cancel"), res)
		assert.Equal(t, want.capture, capture.Class, "capture, %s", status)
		assert.Equal(t, want.cancel, cancel.Class, "cancel, %s", status)
		assert.Equal(t, unknown, p.ClassifyLookup(request("refund.create"), res).Class)
		if want.capture != unknown {
			assert.Equal(t, []string{"pay_1", string(status)}, []string{capture.ResourceID, capture.Code})
		}
	}
	for _, status := range []string{"failed", "canceled", "processing"} {
		body := payment("pay_1", status, `,"amountBreakdown":{"captured":{"currency":"USD","valueMinor":5000}}`)
		v := p.ClassifyLookup(request("payment.capture"), response(200, body))
		assert.Equal(t, payonce.Verdict{Class: succeeded, ResourceID: "pay_1", Code: status}, v, "captured money was captured")
	}
	v := p.ClassifyLookup(request("payment.capture"), response(200, payment("pay_1", "failed", `,"errorCode":"DO_NOT_HONOR","errorMessage":"no"`)))
	assert.Equal(t, payonce.Verdict{Class: declined, Proven: true, KeySpent: true, ResourceID: "pay_1", Code: "DO_NOT_HONOR", Message: "no"}, v)
}

func TestALookupThatFoundNoPaymentProvesNothing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name, res := range map[string]*payonce.Response{
		"not found":      response(404, `{"code":"NOT_FOUND"}`),
		"a gateway":      response(502, ``),
		"under an error": response(404, payment("pay_1", "captured", "")),
		"a redirect":     response(302, payment("pay_1", "captured", "")),
		"part of it":     response(http.StatusPartialContent, payment("pay_1", "captured", "")),
		"without id":     response(200, payment("", "captured", "")),
		"no body":        response(200, ``),
		"garbled":        response(200, `{"data":{"id":"pay_1","status":"capt`),
		"an error":       response(200, `{"error":{"code":"X"}}`),
		"a cut payment":  {Status: 200, Body: []byte(payment("pay_1", "captured", ""))},
	} {
		assert.Equal(t, unknown, p.ClassifyLookup(request("payment.capture"), res).Class, name)
	}
	assert.Equal(t, mismatch, p.ClassifyLookup(request("payment.capture"), response(200, payment("pay_2", "captured", ""))).Class)
	assert.Equal(t, mismatch, p.ClassifyLookup(request("payment.cancel"), response(200, `{"id":"pay_1","status":"canceled","livemode":true}`)).Class)
	assert.Equal(t, mismatch, p.ClassifyLookup(request("payment.cancel"), response(200, `{"id":"pay_1","status":"canceled","merchantId":"another"}`)).Class)
}
