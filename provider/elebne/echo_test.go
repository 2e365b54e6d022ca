package elebne_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce"
)

func TestAnAnswerAboutSomethingElseIsAMismatch(t *testing.T) {
	t.Parallel()
	const fixed = `{"amount":50000,"amountType":"FIXED","label":"2 shoes ","metadata":{"a":"1","payonce_ref":"r"}}`
	const open = `{"amount":1,"amountType":"OPEN"}`
	told := func(more string) string {
		return `{"success":true,"data":{"referenceNumber":"PI-9","status":"PENDING",` + more + `}}`
	}
	for name, tc := range map[string]struct {
		kind, sent, answer string
		want               payonce.Class
	}{
		"the same":                       {"payment.create", fixed, told(`"amount":50000,"amountType":"FIXED","currency":"MRU","label":"2 shoes","metadata":{"payonce_ref":"r","a":"1","b":2}`), succeeded},
		"the least":                      {"payment.create", fixed, told(`"amount":50000`), succeeded},
		"another amount":                 {"payment.create", fixed, told(`"amount":50001`), mismatch},
		"no fixed amount":                {"payment.create", fixed, told(`"amount":null`), mismatch},
		"an open one":                    {"payment.create", fixed, told(`"amount":50000,"amountType":"OPEN"`), mismatch},
		"another label":                  {"payment.create", fixed, told(`"amount":50000,"label":"2 shoe"`), mismatch},
		"another currency":               {"payment.create", fixed, told(`"amount":50000,"currency":"EUR"`), mismatch},
		"other metadata":                 {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"2","payonce_ref":"r"}`), mismatch},
		"another reference":              {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"1","payonce_ref":"q"}`), mismatch},
		"a number in metadata":           {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":1,"payonce_ref":"r"}`), mismatch},
		"a key that is missing":          {"payment.create", fixed, told(`"amount":50000,"metadata":{"a":"1"}`), mismatch},
		"metadata of nothing":            {"payment.create", fixed, told(`"amount":50000,"metadata":{}`), succeeded},
		"metadata of no list":            {"payment.create", fixed, told(`"amount":50000,"metadata":[ ]`), succeeded},
		"metadata that is a list":        {"payment.create", fixed, told(`"amount":50000,"metadata":["a"]`), mismatch},
		"metadata that is text":          {"payment.create", fixed, told(`"amount":50000,"metadata":"a"`), mismatch},
		"metadata that is null":          {"payment.create", fixed, told(`"amount":50000,"metadata":null`), succeeded},
		"metadata that nobody sent":      {"payment.create", `{"amount":50000}`, told(`"amount":50000,"metadata":{"a":"1"}`), succeeded},
		"a label that nobody sent":       {"payment.create", `{"amount":50000}`, told(`"amount":50000,"label":"x"`), succeeded},
		"a reference that nobody sent":   {"payment.create", `{"amount":50000}`, told(`"amount":50000,"metadata":{"payonce_ref":"payment.create:1:order-77"}`), mismatch},
		"no reference, none sent":        {"payment.create", `{"amount":50000}`, told(`"amount":50000,"metadata":{"payonce_ref":""}`), succeeded},
		"an empty value that is missing": {"payment.create", `{"amount":50000,"metadata":{"a":""}}`, told(`"amount":50000,"metadata":{"b":""}`), succeeded},
		"an empty value that is not":     {"payment.create", `{"amount":50000,"metadata":{"a":""}}`, told(`"amount":50000,"metadata":{"a":"x"}`), mismatch},
		"a trimmed value":                {"payment.create", `{"amount":50000,"metadata":{"a":" y "}}`, told(`"amount":50000,"metadata":{"a":"y"}`), succeeded},
		"a value in another case":        {"payment.create", `{"amount":50000,"metadata":{"a":"y"}}`, told(`"amount":50000,"metadata":{"a":"Y"}`), mismatch},
		"words in small letters":         {"payment.create", fixed, told(`"amount":50000,"amountType":"fixed","currency":"mru"`), succeeded},
		"another type, small":            {"payment.create", fixed, told(`"amount":50000,"amountType":"open"`), mismatch},
		"another currency, small":        {"payment.create", fixed, told(`"amount":50000,"currency":"eur"`), mismatch},
		"open":                           {"payment.create", open, told(`"amount":null,"amountType":"OPEN"`), succeeded},
		"open, with what was paid":       {"payment.create", open, told(`"amount":777,"amountType":"OPEN"`), succeeded},
		"open, answered as fixed":        {"payment.create", open, told(`"amount":1,"amountType":"FIXED"`), mismatch},
		"a failed one of another":        {"payment.create", fixed, strings.Replace(told(`"amount":1`), "PENDING", "FAILED", 1), mismatch},
		"a read of another":              {"payment.get", "", told(`"amount":50000`), mismatch},
		"a read of its own":              {"payment.get", "", intent("PAID"), succeeded},
		"a cancellation of another":      {"payment.cancel", "", told(`"amount":50000`), mismatch},
		"a refund of another":            {"refund.create", `{"amount":1}`, `{"success":true,"data":{"refunded":true,"referenceNumber":"PI-9"}}`, mismatch},
		"a refund with its own number":   {"refund.create", `{"amount":1}`, `{"success":true,"data":{"refunded":true,"referenceNumber":"RF-9"}}`, succeeded},
		"a refund of another, denied":    {"refund.create", `{"amount":1}`, `{"success":true,"data":{"refunded":false,"referenceNumber":"PI-9"}}`, mismatch},
		"a simulation of another":        {"elebne.intent.simulate", "", told(`"amount":50000`), mismatch},
		"a product of another price":     {"elebne.product.create", `{"name":"x","price":5}`, `{"success":true,"data":{"price":6}}`, mismatch},
		"a product of another SKU":       {"elebne.product.update", `{"externalId":"a"}`, `{"success":true,"data":{"externalId":"b"}}`, mismatch},
		"another product":                {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"b"}}`, mismatch},
		"perhaps another product":        {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-2"}}`, succeeded},
		"the product":                    {"elebne.product.update", `{}`, `{"success":true,"data":{"id":"p-1","externalId":"b"}}`, succeeded},
		"the product by its SKU":         {"elebne.stock.set", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"SKU 1"}}`, succeeded},
		"a SKU of another":               {"elebne.stock.set", `{}`, `{"success":true,"data":{"id":"p-2","externalId":"SKU 2"}}`, mismatch},
		"an endpoint elsewhere":          {"elebne.webhook_endpoint.create", `{"url":"https://a.example"}`, `{"success":true,"data":{"id":"e","url":"https://b.example"}}`, mismatch},
		"an endpoint with a slash":       {"elebne.webhook_endpoint.create", `{"url":"https://a.example"}`, `{"success":true,"data":{"id":"e","url":"https://a.example/"}}`, succeeded},
		"an endpoint, small letters":     {"elebne.webhook_endpoint.create", `{"url":"HTTPS://A.Example/Hooks"}`, `{"success":true,"data":{"id":"e","url":"https://a.example/Hooks"}}`, succeeded},
		"an endpoint at another path":    {"elebne.webhook_endpoint.create", `{"url":"https://a.example/Hooks"}`, `{"success":true,"data":{"id":"e","url":"https://a.example/hooks"}}`, mismatch},
		"an endpoint that is no URL":     {"elebne.webhook_endpoint.create", `{"url":"https://a.example/Hooks"}`, `{"success":true,"data":{"id":"e","url":"https://a.example/%"}}`, mismatch},
		"another endpoint":               {"elebne.webhook_endpoint.delete", "", `{"success":true,"data":{"id":"e-2"}}`, mismatch},
		"another order":                  {"elebne.order.get", "", `{"success":true,"data":{"id":"64b","referenceNumber":"EL-32"}}`, mismatch},
		"the order":                      {"elebne.order.get", "", `{"success":true,"data":{"id":"64b","referenceNumber":"EL-31"}}`, succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := classify(t, tc.kind, tc.sent, 200, tc.answer)
			assert.Equal(t, tc.want, v.Class)
			if tc.want == mismatch {
				assert.Equal(t, decision{class: mismatch}, decisive(v), "nothing more is sent, and nothing is proven")
			}
		})
	}
}
