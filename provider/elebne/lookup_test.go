package elebne_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce"
)

func TestOnlyACancellationIsLookedUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, kind := range append(writes(), reads()...) {
		q, ok := p.Lookup(requestOf(kind, ""))
		assert.Equal(t, kind == "payment.cancel", ok, kind)
		if ok {
			assert.Equal(t, payonce.Query{Kind: "payment.get", Path: "/dev/intents/" + intentID}, q)
		}
	}
	_, ok := p.Lookup(&payonce.Request{Kind: "payment.cancel", Path: "/elsewhere"})
	assert.False(t, ok)
}

func TestWhatALookupProves(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind   string
		status int
		body   string
		want   payonce.Class
	}{
		"cancelled":          {"payment.cancel", 200, intent("CANCELLED"), succeeded},
		"pending":            {"payment.cancel", 200, intent("PENDING"), refused},
		"paid":               {"payment.cancel", 200, intent("PAID"), refused},
		"completed":          {"payment.cancel", 200, intent("COMPLETED"), refused},
		"failed":             {"payment.cancel", 200, intent("FAILED"), refused},
		"refunded":           {"payment.cancel", 200, intent("REFUNDED"), refused},
		"a new status":       {"payment.cancel", 200, intent("BRAND_NEW"), unknown},
		"half a body":        {"payment.cancel", 200, intent("CANCELLED")[:50], unknown},
		"another intent":     {"payment.cancel", 200, `{"success":true,"data":{"referenceNumber":"PI-9","amount":1,"status":"CANCELLED"}}`, unknown},
		"not found":          {"payment.cancel", 404, secondForm("NOT_FOUND"), unknown},
		"not allowed":        {"payment.cancel", 403, firstForm(403, "SCOPE_REQUIRED"), unknown},
		"broken":             {"payment.cancel", 500, "", unknown},
		"of another kind":    {"refund.create", 200, intent("REFUNDED"), unknown},
		"of a create":        {"payment.create", 200, intent("PENDING"), unknown},
		"success, no intent": {"payment.cancel", 200, `{"success":true,"data":{}}`, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newProvider(t).ClassifyLookup(requestOf(tc.kind, ""), &payonce.Response{
				Status: tc.status, Header: http.Header{}, Body: []byte(tc.body), Complete: true, ReceivedAt: receivedAt,
			})
			assert.Equal(t, tc.want, v.Class)
			assert.False(t, v.Resend || v.Proven || v.KeySpent)
			if tc.want == succeeded {
				assert.Equal(t, intentID, v.ResourceID)
				assert.Equal(t, "CANCELLED", v.Code)
			}
		})
	}
}
