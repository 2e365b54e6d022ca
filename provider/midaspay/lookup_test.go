package midaspay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func TestWhatCanBeLookedUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for kind, want := range map[string]string{
		"payment.create":                `POST /v1/payment/query {"reference_id":"k"} payment.get`,
		"payment.cancel":                `POST /v1/payment/query {"id":"O-1"} payment.get`,
		"midaspay.authorization.create": `POST /v1/authorization/query {"reference_authorization_id":"k"} midaspay.authorization.get`,
		"midaspay.subscription.create":  `POST /v1/subscription/query {"reference_id":"k"} midaspay.subscription.get`,
		"midaspay.subscription.cancel":  `POST /v1/subscription/query {"id":"S-1"} midaspay.subscription.get`,
		"midaspay.mor_token.create":     ` /v1/mor/transaction/query?external_id=ext%201  midaspay.mor_transaction.get`,
		"midaspay.authorization.cancel": `POST /v1/authorization/query {"authorization_id":"A-1"} midaspay.authorization.get`,
		"refund.create":                 "", "midaspay.authorization.pay": "", "midaspay.mor_session.create": "",
		"midaspay.card.create": "", "acme.thing": "",
	} {
		q, ok := p.Lookup(ask(kind))
		assert.Equal(t, want != "", ok, kind)
		if ok {
			assert.Equal(t, want, q.Method+" "+q.Path+" "+string(q.Body)+" "+q.Kind)
		}
		_, ok = p.Lookup(&payonce.Request{Kind: kind})
		assert.False(t, ok, "nothing to look for")
	}
}

const found = `{"id":"O-1","status":"CREATED","create_time":"2026-09-21T20:00:00+08:00",` +
	`"purchase_units":[{"reference_id":"k_item1","amount":{"currency_code":"USD","value":"50.00"}}]}`

func TestAnOrderIsOursOnlyIfNothingContradictsIt(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	change := func(old, now string) string { return strings.Replace(found, old, now, 1) }
	for name, tc := range map[string]struct {
		body  string
		class payonce.Class
	}{
		"as it was sent":                  {found, succeeded},
		"with the key":                    {change(`"id"`, `"reference_id":"k","id"`), succeeded},
		"paid meanwhile":                  {change("CREATED", "COMPLETED"), succeeded},
		"voided meanwhile":                {change("CREATED", "VOIDED"), succeeded},
		"of an unknown status":            {change("CREATED", "TOMORROW"), succeeded},
		"failed":                          {change("CREATED", "FAILED"), declined},
		"5 minutes before, by its clock":  {change("20:00:00", "19:55:00"), succeeded},
		"more than 5 minutes before":      {change("20:00:00", "19:54:59"), payonce.ClassReuse},
		"a year before":                   {change("2026", "2025"), payonce.ClassReuse},
		"without a time":                  {change("create_time", "created"), payonce.ClassReuse},
		"with a time without an offset":   {change("+08:00", ""), payonce.ClassReuse},
		"with a time without a colon":     {change("+08:00", "+0800"), succeeded},
		"with a time in small letters":    {change("T20:00:00+08:00", "t12:00:00z"), succeeded},
		"with a time in UTC":              {change("T20:00:00+08:00", "T12:00:00.5-00:00"), succeeded},
		"with an amount in digits":        {change(`"50.00"`, `50.00`), succeeded},
		"that failed, a year before":      {strings.Replace(change("CREATED", "FAILED"), "2026", "2025", 1), payonce.ClassReuse},
		"beside a no":                     {change(`"id"`, `"succeed":false,"id"`), unknown},
		"of another amount":               {change("50.00", "50.01"), payonce.ClassReuse},
		"of another currency":             {change("USD", "EUR"), payonce.ClassReuse},
		"with another unit":               {change("k_item1", "l_item1"), payonce.ClassReuse},
		"with a unit without an id":       {change(`"reference_id":"k_item1",`, ""), payonce.ClassReuse},
		"with a unit without an amount":   {change(`,"amount":{"currency_code":"USD","value":"50.00"}`, ""), payonce.ClassReuse},
		"without units":                   {change("purchase_units", "units"), payonce.ClassReuse},
		"with one unit more":              {change(`[{`, `[{"reference_id":"k_item2","amount":{"currency_code":"USD","value":"1"}},{`), payonce.ClassReuse},
		"with the same unit twice":        {change(`[{`, `[{"reference_id":"k_item1","amount":{"currency_code":"USD","value":"50.00"}},{`), payonce.ClassReuse},
		"under another key":               {change(`"id"`, `"reference_id":"l","id"`), mismatch},
		"without an id":                   {change(`"id":"O-1",`, ""), unknown},
		"without a status":                {change(`"status":"CREATED",`, ""), unknown},
		"cut":                             {found[:len(found)-5], unknown},
		"an error with a 200":             {document("INTERNAL"), unknown},
		"a page":                          {"<html>", unknown},
		"nothing at all":                  {"", unknown},
		"an object about something else":  {`{"status":"ok"}`, unknown},
		"nothing, in an object":           {`{}`, refused},
		"nothing, in the protobuf way":    {`{"id":"","status":"UNKNOWN","purchase_units":[],"create_time":""}`, refused},
		"a list":                          {`[]`, unknown},
		"an id with nothing beside it":    {`{"id":"O-1"}`, unknown},
		"a number of thousands of digits": {`{"id":"O-1","status":"CREATED","n":` + strings.Repeat("9", 5000) + `}`, payonce.ClassReuse},
	} {
		v := p.ClassifyLookup(ask("payment.create"), answer(200, tc.body))
		assert.Equal(t, tc.class, v.Class, name)
		assert.False(t, v.Resend, name)
		if tc.class == succeeded || tc.class == declined || tc.class == payonce.ClassReuse {
			assert.Equal(t, "O-1", v.ResourceID, name)
		}
	}
	v := p.ClassifyLookup(ask("payment.create"), answer(200, change("50.00", "50.01")))
	assert.Equal(t, "order O-1 (CREATED), created 2026-09-21T12:00:00Z, has this reference_id and is not provably this operation's", v.Message)
	assert.Equal(t, "CREATED", v.Code)
	v = p.ClassifyLookup(ask("payment.create"), answer(200, change("create_time", "created")))
	assert.Contains(t, v.Message, "at an unknown time")

	never := ask("payment.create")
	never.FirstSentAt = time.Time{}
	assert.Equal(t, payonce.ClassReuse, p.ClassifyLookup(never, answer(200, found)).Class, "no attempt of ours exists")
}

func TestSeveralUnitsAreFoundInAnyOrder(t *testing.T) {
	t.Parallel()
	req := ask("payment.create")
	req.Body = payonce.Raw(`{"purchase_units":[{"amount":{"currency_code":"USD","value":"1.00"},"reference_id":"k_a"},{"amount":{"currency_code":"USD","value":"2.00"},"reference_id":"k_b"}]}`)
	body := func(a, b string) string {
		return `{"id":"O-1","status":"CREATED","create_time":"2026-09-21T12:00:00Z","purchase_units":[` +
			`{"reference_id":"k_b","amount":{"currency_code":"USD","value":"` + b + `"}},{"reference_id":"k_a","amount":{"currency_code":"USD","value":"` + a + `"}}]}`
	}
	assert.Equal(t, succeeded, newProvider(t).ClassifyLookup(req, answer(200, body("1", "2"))).Class)
	assert.Equal(t, payonce.ClassReuse, newProvider(t).ClassifyLookup(req, answer(200, body("2", "1"))).Class)
}

func TestAbsenceIsBelievedOnlyFromMidasPayItself(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	kinds := map[string]payonce.Class{
		"payment.create": refused, "midaspay.subscription.create": refused,
		"payment.cancel": unknown, "midaspay.subscription.cancel": unknown, "midaspay.authorization.create": unknown, "midaspay.mor_token.create": unknown,
		"midaspay.authorization.cancel": unknown,
	}
	for kind, missed := range kinds {
		assert.Equal(t, missed, p.ClassifyLookup(ask(kind), answer(404, document("NOT_FOUND"))).Class, kind)
		assert.Equal(t, missed, p.ClassifyLookup(ask(kind), answer(200, `{}`)).Class, kind)
		for status := range 700 {
			for _, body := range []string{"", "<html>nobody here</html>", `{"message":"no Route matched"}`, document("ACCOUNT_NOT_EXIST"), `[]`} {
				assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), answer(status, body)).Class, "%s: %d %s", kind, status, body)
			}
			if status != 404 {
				assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), answer(status, document("NOT_FOUND"))).Class, "%s: %d", kind, status)
			}
		}
		for _, body := range []string{`{}`, found} {
			cut := answer(200, body)
			cut.Complete = false
			assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), cut).Class)
			assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), answer(206, body)).Class)
		}
	}
	assert.Zero(t, p.ClassifyLookup(ask("refund.create"), answer(200, found)))
	limited := answer(429, document("RESOURCE_EXHAUSTED"))
	limited.Header.Set("Retry-After", "9")
	v := p.ClassifyLookup(ask("payment.create"), limited)
	assert.Equal(t, 9*time.Second, v.Wait)
	assert.Equal(t, "req_1", v.RequestID)
}

func TestALookupBelievesOnlyWhatIsSigned(t *testing.T) {
	t.Parallel()
	p := newProvider(t, certified(t))
	signed := func(status int, body string, change ...func(http.Header)) *payonce.Response {
		res := answer(status, body)
		res.Header = sign(t, body, at)
		for _, f := range change {
			f(res.Header)
		}
		return res
	}
	forged := func(h http.Header) { h.Set("Txgw-Nonce", "x") }
	missing := document("ORDER_NOT_FOUND")
	assert.Equal(t, succeeded, p.ClassifyLookup(ask("payment.create"), signed(200, found)).Class)
	assert.Equal(t, refused, p.ClassifyLookup(ask("payment.create"), signed(200, `{}`)).Class)
	assert.Equal(t, refused, p.ClassifyLookup(ask("payment.create"), signed(404, missing)).Class)
	assert.Equal(t, refused, p.ClassifyLookup(ask("payment.create"), answer(404, missing)).Class, "nothing says that errors are signed")
	for _, res := range []*payonce.Response{
		signed(200, found, forged), signed(200, `{}`, forged), signed(404, missing, forged), answer(200, found), answer(200, `{}`),
	} {
		assert.Equal(t, unknown, p.ClassifyLookup(ask("payment.create"), res).Class)
	}
}

func TestOtherLookups(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name, tc := range map[string]struct {
		kind, body string
		class      payonce.Class
		id         string
	}{
		"a void":                               {"payment.cancel", `{"id":"O-1","status":"VOIDED"}`, succeeded, "O-1"},
		"no void of what is paid":              {"payment.cancel", `{"id":"O-1","status":"COMPLETED"}`, declined, "O-1"},
		"no void of what came back":            {"payment.cancel", `{"id":"O-1","status":"CHARGEBACK"}`, declined, "O-1"},
		"no void of what failed":               {"payment.cancel", `{"id":"O-1","status":"FAILED"}`, declined, "O-1"},
		"no void of what may be captured":      {"payment.cancel", `{"id":"O-1","status":"CAPTURE_FAILED"}`, refused, "O-1"},
		"no void yet":                          {"payment.cancel", `{"id":"O-1","status":"PAYER_ACTION_REQUIRED"}`, refused, "O-1"},
		"a void or not":                        {"payment.cancel", `{"id":"O-1","status":"TOMORROW"}`, unknown, "O-1"},
		"a void of unknown state":              {"payment.cancel", `{"id":"O-1","status":"UNKNOWN"}`, unknown, "O-1"},
		"another order":                        {"payment.cancel", `{"id":"O-2","status":"VOIDED"}`, mismatch, "O-2"},
		"half an order":                        {"payment.cancel", `{"id":"O-1"}`, unknown, ""},
		"a subscription":                       {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"},"status":"PENDING"}]}`, succeeded, "S-1"},
		"a subscription made since":            {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"},"create_time":"2026-09-21T12:00:00Z"}]}`, succeeded, "S-1"},
		"a subscription made before":           {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"},"create_time":"2026-09-20T12:00:00Z"}]}`, payonce.ClassReuse, "S-1"},
		"a subscription of another subscriber": {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-2"}}]}`, payonce.ClassReuse, "S-1"},
		"a subscription of nobody":             {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"k"}]}`, payonce.ClassReuse, "S-1"},
		"a subscription without its key":       {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","subscriber":{"id":"u-1"}}]}`, payonce.ClassReuse, "S-1"},
		"a subscription of another key":        {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1","reference_id":"l","subscriber":{"id":"u-1"}}]}`, mismatch, ""},
		"two subscriptions":                    {"midaspay.subscription.create", `{"subscriptions":[{"id":"S-1"},{"id":"S-2"}]}`, unknown, ""},
		"a subscription without an id":         {"midaspay.subscription.create", `{"subscriptions":[{"reference_id":"k"}]}`, unknown, ""},
		"a cancelled subscription":             {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-1","status":"CANCELLED"}]}`, succeeded, "S-1"},
		"a voided subscription":                {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-1","subscription_status":"VOIDED"}]}`, succeeded, "S-1"},
		"an active subscription":               {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-1","status":"ACTIVE"}]}`, refused, "S-1"},
		"a subscription of unknown state":      {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-1","status":"TOMORROW"}]}`, unknown, "S-1"},
		"another subscription":                 {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-2","status":"CANCELLED"}]}`, unknown, ""},
		"a subscription that is over":          {"midaspay.subscription.cancel", `{"subscriptions":[{"id":"S-1","status":"COMPLETED"}]}`, declined, "S-1"},
		"a voided authorization":               {"midaspay.authorization.cancel", `{"authorization_id":"A-1","status":"VOIDED"}`, succeeded, "A-1"},
		"a cancelled authorization":            {"midaspay.authorization.cancel", `{"id":"A-1","status":"CANCELLED"}`, succeeded, "A-1"},
		"an authorization that was paid":       {"midaspay.authorization.cancel", `{"authorization_id":"A-1","status":"COMPLETED"}`, declined, "A-1"},
		"an authorization as it was":           {"midaspay.authorization.cancel", `{"authorization_id":"A-1","status":"APPROVED"}`, refused, "A-1"},
		"an authorization of unknown state":    {"midaspay.authorization.cancel", `{"authorization_id":"A-1","status":"TOMORROW"}`, unknown, "A-1"},
		"another authorization":                {"midaspay.authorization.cancel", `{"authorization_id":"A-2","status":"VOIDED"}`, mismatch, "A-2"},
		"a failed authorization":               {"midaspay.authorization.create", `{"id":"A-1","status":"FAILED","create_time":"2026-09-21T12:00:00Z"}`, declined, "A-1"},
		"a failed authorization made before":   {"midaspay.authorization.create", `{"id":"A-1","status":"FAILED","create_time":"2026-09-21T11:00:00Z"}`, payonce.ClassReuse, "A-1"},
		"an authorization":                     {"midaspay.authorization.create", `{"authorization_id":"A-1","reference_authorization_id":"k","create_time":"2026-09-21T12:00:00Z"}`, succeeded, "A-1"},
		"an authorization made before":         {"midaspay.authorization.create", `{"id":"A-1","create_time":"2026-09-21T11:00:00Z"}`, payonce.ClassReuse, "A-1"},
		"an authorization without a time":      {"midaspay.authorization.create", `{"id":"A-1"}`, payonce.ClassReuse, "A-1"},
		"an authorization without an id":       {"midaspay.authorization.create", `{"status":"APPROVED"}`, unknown, ""},
		"a transaction":                        {"midaspay.mor_token.create", `{"transaction":{"id":"T-1","external_id":"ext 1","status":"Pending"}}`, succeeded, "T-1"},
		"a cancelled transaction":              {"midaspay.mor_token.create", `{"transaction":{"id":"T-1","external_id":"ext 1","status":"Cancelled"}}`, succeeded, "T-1"},
		"another transaction":                  {"midaspay.mor_token.create", `{"transaction":{"id":"T-1","external_id":"ext 2","status":"Pending"}}`, mismatch, "T-1"},
		"a transaction of nobody":              {"midaspay.mor_token.create", `{"transaction":{"id":"T-1","status":"Pending"}}`, unknown, ""},
	} {
		v := p.ClassifyLookup(ask(tc.kind), answer(200, tc.body))
		assert.Equal(t, tc.class, v.Class, name)
		assert.Equal(t, tc.id, v.ResourceID, name)
		assert.False(t, v.Resend, name)
	}
}

func FuzzLookup(f *testing.F) {
	plain, strict := newProvider(f), newProvider(f, certified(f))
	f.Fuzz(func(t *testing.T, kind uint8, status int, complete bool, sent, body []byte) {
		req := ask(writes()[int(kind)%len(writes())])
		if len(sent) > 0 {
			req.Body = sent
		}
		res := &payonce.Response{Status: status, Header: http.Header{}, Body: body, Complete: complete, ReceivedAt: at}
		q, ok := plain.Lookup(req)
		if ok && !strings.HasPrefix(q.Path, "/v1/") {
			t.Fatal(q.Path)
		}
		v := plain.ClassifyLookup(req, res)
		require.Equal(t, v, plain.ClassifyLookup(req, res), "not pure")
		if v.Class != unknown && !complete || (v.Class == succeeded || v.Class == declined) && (status < 200 || status > 299) {
			t.Fatalf("%v out of status %d, complete %v", v.Class, status, complete)
		}
		if v.Resend || v.Proven || v.Class == duplicate || v.Class == payonce.ClassInFlight {
			t.Fatalf("%+v", v)
		}
		if v := strict.ClassifyLookup(req, res); v.Class != unknown && status != http.StatusNotFound {
			t.Fatalf("believes what is not signed: %+v", v)
		}
	})
}
