package midaspay_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func TestSuccesses(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	const echoed = `{"id":"O-1","reference_id":"k","status":"CREATED","purchase_units":[{"reference_id":"k_item1","amount":{"currency_code":"USD","value":"50.0"}}]}`
	good, garbled, odd, no := decisive{class: succeeded}, decisive{class: unknown, resend: true}, decisive{class: mismatch}, decisive{class: declined, keySpent: true}
	none := decisive{class: declined}
	for name, tc := range map[string]struct {
		kind, body string
		want       decisive
		id, code   string
	}{
		"an order":                            {"payment.create", echoed, good, "O-1", "CREATED"},
		"an order with an id alone":           {"payment.create", `{"id":"O-1"}`, good, "O-1", ""},
		"an order that is far along":          {"payment.create", strings.Replace(echoed, "CREATED", "REFUNDED", 1), good, "O-1", "REFUNDED"},
		"an order that was voided":            {"payment.create", `{"id":"O-1","status":"VOIDED"}`, good, "O-1", "VOIDED"},
		"an order of an unknown status":       {"payment.create", `{"id":"O-1","status":"TOMORROW"}`, good, "O-1", "TOMORROW"},
		"an order of a status in digits":      {"payment.create", `{"id":"O-1","status":1}`, good, "O-1", "1"},
		"an amount in digits":                 {"payment.create", strings.Replace(echoed, `"50.0"`, `50.00`, 1), good, "O-1", "CREATED"},
		"a currency in small letters":         {"payment.create", strings.Replace(echoed, `USD`, `usd`, 1), good, "O-1", "CREATED"},
		"a failed order of another key":       {"payment.create", `{"status":"FAILED","reference_id":"l"}`, odd, "", "answer about something else"},
		"a refused order of another amount":   {"payment.create", strings.Replace(strings.Replace(echoed, "50.0", "500", 1), `{`, `{"succeed":false,`, 1), odd, "O-1", "answer about something else"},
		"an order that failed":                {"payment.create", `{"id":"O-1","status":"FAILED"}`, no, "O-1", "FAILED"},
		"an order whose capture failed":       {"payment.create", `{"id":"O-1","status":"CAPTURE_FAILED"}`, good, "O-1", "CAPTURE_FAILED"},
		"an order without an id":              {"payment.create", `{"status":"CREATED"}`, garbled, "", "unreadable answer"},
		"an order with a number for an id":    {"payment.create", `{"id":1,"status":"CREATED"}`, garbled, "", "unreadable answer"},
		"an order with an odd id":             {"payment.create", `{"id":"a b","status":"CREATED"}`, garbled, "", "unreadable answer"},
		"an empty answer":                     {"payment.create", ``, garbled, "", "unreadable answer"},
		"an error with a 200":                 {"payment.create", document("BALANCE_NOT_ENOUGH"), garbled, "", "unreadable answer"},
		"another key":                         {"payment.create", strings.Replace(echoed, `"k"`, `"l"`, 1), odd, "O-1", "answer about something else"},
		"another amount":                      {"payment.create", strings.Replace(echoed, "50.0", "500", 1), odd, "O-1", "answer about something else"},
		"an amount that is none":              {"payment.create", strings.Replace(echoed, "50.0", "5e1", 1), odd, "O-1", "answer about something else"},
		"another currency":                    {"payment.create", strings.Replace(echoed, "USD", "EUR", 1), odd, "O-1", "answer about something else"},
		"another unit":                        {"payment.create", strings.Replace(echoed, "k_item1", "k_item2", 1), odd, "O-1", "answer about something else"},
		"more units":                          {"payment.create", strings.Replace(echoed, `[{`, `[{},{`, 1), odd, "O-1", "answer about something else"},
		"a unit that is not told":             {"payment.create", `{"id":"O-1","purchase_units":[{}]}`, good, "O-1", ""},
		"an order that was read":              {"payment.get", `{"id":"O-1","status":"COMPLETED"}`, good, "O-1", "COMPLETED"},
		"a failed order that was read":        {"payment.get", `{"id":"O-1","status":"FAILED"}`, good, "O-1", "FAILED"},
		"another order that was read":         {"payment.get", `{"id":"O-2","status":"COMPLETED"}`, odd, "O-2", "answer about something else"},
		"an order without a status":           {"payment.get", `{"id":"O-1"}`, garbled, "", "unreadable answer"},
		"no order":                            {"payment.get", `{}`, none, "", "not found"},
		"no order in the protobuf way":        {"payment.get", `{"id":"","status":"UNKNOWN","purchase_units":[],"create_time":null}`, none, "", "not found"},
		"an order of somebody's health check": {"payment.get", `{"status":"ok"}`, garbled, "", "unreadable answer"},
		"a void":                              {"payment.cancel", `{"succeed":true,"message":"ok"}`, good, "O-1", "VOIDED"},
		"a void that says no":                 {"payment.cancel", `{"succeed":false,"message":"already paid"}`, no, "", "succeed false"},
		"a void that says nothing":            {"payment.cancel", `{"message":"x"}`, garbled, "", "unreadable answer"},
		"a void that is odd":                  {"payment.cancel", `{"succeed":"true"}`, garbled, "", "unreadable answer"},
		"a void without an object":            {"payment.cancel", `null`, garbled, "", "unreadable answer"},
		"a refund":                            {"refund.create", `{"id":"R-1","reference_id":"k","amount":{"currency_code":"USD","value":"7"}}`, good, "R-1", ""},
		"a refund with a word":                {"refund.create", `{"id":"R-1","status":"REFUNDING"}`, good, "R-1", "REFUNDING"},
		"a refund that failed":                {"refund.create", `{"id":"R-1","status":"FAILED"}`, no, "R-1", "FAILED"},
		"a refund without an id":              {"refund.create", `{"status":"REFUNDING"}`, garbled, "", "unreadable answer"},
		"a refund of another amount":          {"refund.create", `{"id":"R-1","amount":{"currency_code":"USD","value":"50.00"}}`, odd, "R-1", "answer about something else"},
		"a refund of another key":             {"refund.create", `{"id":"R-1","reference_id":"l"}`, odd, "R-1", "answer about something else"},
		"an authorization":                    {"midaspay.authorization.create", `{"id":"A-1","status":"APPROVED"}`, good, "A-1", "APPROVED"},
		"an authorization by its other name":  {"midaspay.authorization.create", `{"authorization_id":"A-1"}`, good, "A-1", ""},
		"an authorization without an id":      {"midaspay.authorization.create", `{}`, garbled, "", "unreadable answer"},
		"an authorization that was read":      {"midaspay.authorization.get", `{"authorization_id":"A-1"}`, good, "A-1", ""},
		"another authorization":               {"midaspay.authorization.get", `{"authorization_id":"A-2"}`, odd, "A-2", "answer about something else"},
		"no authorization":                    {"midaspay.authorization.get", `{}`, none, "", "not found"},
		"a subscription":                      {"midaspay.subscription.create", `{"id":"S-1","status":"PENDING"}`, good, "S-1", "PENDING"},
		"a subscription of somebody else":     {"midaspay.subscription.create", `{"id":"S-1","subscriber":{"id":"u-2"}}`, odd, "S-1", "answer about something else"},
		"a subscription without an id":        {"midaspay.subscription.create", `{"status":"PENDING"}`, garbled, "", "unreadable answer"},
		"a cancelled subscription":            {"midaspay.subscription.cancel", `{"status":"CANCELLED"}`, good, "S-1", "CANCELLED"},
		"a subscription that goes on":         {"midaspay.subscription.cancel", `{"status":"ACTIVE"}`, garbled, "S-1", "ACTIVE"},
		"a subscription that does tomorrow":   {"midaspay.subscription.cancel", `{"status":"TOMORROW"}`, garbled, "S-1", "TOMORROW"},
		"a subscription that is over":         {"midaspay.subscription.cancel", `{"status":"COMPLETED"}`, no, "S-1", "COMPLETED"},
		"a subscription of unknown status":    {"midaspay.subscription.cancel", `{"status":"UNKNOWN"}`, garbled, "", "unreadable answer"},
		"a subscription without a status":     {"midaspay.subscription.cancel", `{}`, garbled, "", "unreadable answer"},
		"a list of subscriptions":             {"midaspay.subscription.get", `{"subscriptions":[]}`, good, "", ""},
		"no list of subscriptions":            {"midaspay.subscription.get", `[]`, garbled, "", "unreadable answer"},
		"a checkout session":                  {"midaspay.mor_session.create", `{"session":"x"}`, good, "", ""},
		"a checkout session with an id":       {"midaspay.mor_session.create", `{"id":"canary","status":"canary"}`, good, "", ""},
		"an empty checkout session":           {"midaspay.mor_session.create", `{}`, garbled, "", "unreadable answer"},
		"a checkout token":                    {"midaspay.mor_token.create", `{"token":"canary","redirect_url":"https://x"}`, good, "", ""},
		"a checkout token without a token":    {"midaspay.mor_token.create", `{"redirect_url":"https://x"}`, garbled, "", "unreadable answer"},
		"a transaction":                       {"midaspay.mor_transaction.get", `{"transaction":{"id":"T-1","external_id":"ext 1","status":"Completed"}}`, good, "T-1", "Completed"},
		"another transaction":                 {"midaspay.mor_transaction.get", `{"transaction":{"id":"T-1","external_id":"ext 2","status":"Completed"}}`, odd, "T-1", "answer about something else"},
		"no transaction":                      {"midaspay.mor_transaction.get", `{"transaction":{"id":"","status":"Unknown","project":{"id":""}},"user":{"id":""}}`, none, "", "not found"},
		"half a transaction":                  {"midaspay.mor_transaction.get", `{"transaction":{"external_id":"ext 1"}}`, garbled, "", "unreadable answer"},
		"a card":                              {"midaspay.card.create", `{"token":"canary","id":"canary","status":"canary"}`, good, "", ""},
		"a card that is a list":               {"midaspay.card.create", `["canary"]`, garbled, "", "unreadable answer"},
		"a payment under an authorization":    {"midaspay.authorization.pay", `{"id":"O-9","status":"COMPLETED"}`, good, "O-9", "COMPLETED"},
		"a payment that failed":               {"midaspay.authorization.pay", `{"id":"O-9","status":"FAILED"}`, no, "O-9", "FAILED"},
		"a payment under another one":         {"midaspay.authorization.pay", `{"id":"O-9","authorization_id":"A-2"}`, odd, "O-9", "answer about something else"},
		"a payment and its authorization":     {"midaspay.authorization.pay", `{"id":"A-1","authorization_id":"A-1","reference_id":"l"}`, good, "A-1", ""},
		"a session of another key":            {"midaspay.mor_session.create", `{"id":"C-1","reference_id":"l"}`, odd, "", "answer about something else"},
		"a cancelled authorization":           {"midaspay.authorization.cancel", `{"succeed":true}`, good, "A-1", ""},
		"an authorization that stays":         {"midaspay.authorization.cancel", `{"succeed":false}`, no, "A-1", "succeed false"},
		"an authorization as it was":          {"midaspay.authorization.cancel", `{"status":"APPROVED"}`, garbled, "A-1", "APPROVED"},
		"an authorization that was paid":      {"midaspay.authorization.cancel", `{"status":"COMPLETED"}`, no, "A-1", "COMPLETED"},
		"another cancelled authorization":     {"midaspay.authorization.cancel", `{"authorization_id":"A-2","succeed":true}`, odd, "", "answer about something else"},
		"a check":                             {"check", `{}`, good, "", ""},
		"a check that finds an order":         {"check", `{"id":"O-1","status":"CREATED"}`, good, "", ""},
		"a check of something else":           {"check", `{"status":"ok"}`, garbled, "", "unreadable answer"},
		"a check that says no":                {"check", `{"succeed":false}`, decisive{class: unknown}, "", "succeed false"},
		"something else":                      {"acme.thing", `[1]`, good, "", ""},
		"something else, garbled":             {"acme.thing", `[1`, garbled, "", "unreadable answer"},
		"something else, empty":               {"acme.thing", ``, garbled, "", "unreadable answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{200, 201, 299} {
				v := p.Classify(ask(tc.kind), answer(status, tc.body))
				assert.Equal(t, tc.want, of(v))
				assert.Equal(t, tc.id, v.ResourceID)
				if tc.body == document("BALANCE_NOT_ENOUGH") {
					continue
				}
				assert.Equal(t, tc.code, v.Code)
				assert.NotContains(t, fmt.Sprint(v), "canary", "a token is no id")
			}
			assert.Equal(t, decisive{class: unknown, resend: true}, of(p.Classify(ask(tc.kind), answer(206, tc.body))), "a part is not the whole")
			cut := answer(200, tc.body)
			cut.Complete = false
			assert.Equal(t, decisive{class: unknown, resend: true}, of(p.Classify(ask(tc.kind), cut)))
		})
	}
	empty := ask("acme.thing")
	empty.EmptyOK = true
	assert.Equal(t, good, of(p.Classify(empty, answer(204, ""))))
}

func TestACutBodyIsNotASuccess(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	const whole = `{"id":"O-1","status":"CREATED","purchase_units":[{"reference_id":"k_item1","amount":{"currency_code":"USD","value":"50.00"}}]}`
	for n := range len(whole) {
		require.Equal(t, decisive{class: unknown, resend: true}, of(p.Classify(ask("payment.create"), answer(200, whole[:n]))), whole[:n])
	}
}

func TestAnAnswerThatDoesNotVerifyIsNeitherSuccessNorFailure(t *testing.T) {
	t.Parallel()
	p := newProvider(t, certified(t))
	const order, no = `{"id":"O-1","status":"CREATED"}`, `{"succeed":false}`
	signed := func(status int, body string, change func(http.Header)) *payonce.Response {
		res := answer(status, body)
		res.Header = sign(t, body, at)
		if change != nil {
			change(res.Header)
		}
		return res
	}
	unverified := decisive{class: unknown, resend: true}
	assert.Equal(t, decisive{class: succeeded}, of(p.Classify(ask("payment.create"), signed(200, order, nil))))
	assert.Equal(t, decisive{class: declined, keySpent: true}, of(p.Classify(ask("payment.cancel"), signed(200, no, nil))))
	assert.Equal(t, decisive{class: declined, keySpent: true}, of(p.Classify(ask("payment.create"), signed(409, document("BLOCKED_CARD"), nil))))
	for name, change := range map[string]func(http.Header){
		"another serial":    func(h http.Header) { h.Set("Txgw-Serial", "AB") },
		"another nonce":     func(h http.Header) { h.Set("Txgw-Nonce", "x") },
		"a wrong signature": func(h http.Header) { h.Set("Txgw-Signature", "AAAA") },
		"no base64":         func(h http.Header) { h.Set("Txgw-Signature", "!") },
		"no timestamp":      func(h http.Header) { h.Del("Txgw-Timestamp") },
		"a serial alone":    func(h http.Header) { h.Del("Txgw-Signature") },
	} {
		for kind, body := range map[string]string{"payment.create": order, "payment.cancel": no, "payment.get": `{"id":"O-1","status":"VOIDED"}`} {
			v := p.Classify(ask(kind), signed(200, body, change))
			assert.Equal(t, unverified, of(v), "%s for %s", name, kind)
			assert.Equal(t, "unverified answer", v.Code)
		}
		for status, resend := range map[int]bool{400: false, 404: false, 409: false, 401: false, 408: true, 429: true, 503: true} {
			v := p.Classify(ask("payment.create"), signed(status, document("BLOCKED_CARD"), change))
			assert.Equal(t, decisive{class: unknown, resend: resend}, of(v), "%s with %d", name, status)
			assert.Equal(t, "unverified answer", v.Code)
		}
	}
	assert.Equal(t, unverified, of(p.Classify(ask("payment.create"), answer(200, order))), "no signature at all")
	assert.Equal(t, decisive{class: declined, keySpent: true}, of(p.Classify(ask("payment.create"), answer(409, document("BLOCKED_CARD")))),
		"nothing says that errors are signed")
	forged := signed(200, order, nil)
	forged.Body = payonce.Raw(strings.Replace(order, "O-1", "O-2", 1))
	assert.Equal(t, unverified, of(p.Classify(ask("payment.create"), forged)))
	assert.Equal(t, decisive{class: succeeded}, of(newProvider(t).Classify(ask("payment.create"), forged)), "without certificates nothing is verified")
}
