package midaspay_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

const (
	unknown   = payonce.ClassUnknown
	refused   = payonce.ClassRefused
	declined  = payonce.ClassDeclined
	duplicate = payonce.ClassDuplicate
	mismatch  = payonce.ClassMismatch
	succeeded = payonce.ClassSucceeded
)

// document is an error as MidasPay writes it.
func document(name string) string {
	return fmt.Sprintf(`{"name":%q,"message":"some text","debug_id":"req_1"}`, name)
}

// ask is the request of a kind.
func ask(kind string) *payonce.Request {
	req := &payonce.Request{Kind: kind, Method: http.MethodPost, Path: "/v1/x", Key: "k", FirstSentAt: at}
	switch kind {
	case "payment.create":
		req.Body = payonce.Raw(`{"purchase_units":[{"amount":{"currency_code":"USD","value":"50.00"},"reference_id":"k_item1"}],"reference_id":"k"}`)
	case "payment.cancel":
		req.Body = payonce.Raw(`{"id":"O-1"}`)
	case "payment.get":
		req.Key, req.Body = "", payonce.Raw(`{"id":"O-1"}`)
	case "refund.create":
		req.Body = payonce.Raw(`{"amount":{"currency_code":"USD","value":"7.00"},"id":"O-1","reference_id":"k"}`)
	case "midaspay.authorization.get":
		req.Key, req.Body = "", payonce.Raw(`{"authorization_id":"A-1"}`)
	case "midaspay.mor_session.create":
		req.Body = payonce.Raw(`{"reference_id":"k"}`)
	case "midaspay.authorization.cancel":
		req.Body = payonce.Raw(`{"authorization_id":"A-1"}`)
	case "midaspay.authorization.pay":
		req.Body = payonce.Raw(`{"authorization_id":"A-1","reference_id":"k"}`)
	case "midaspay.subscription.create":
		req.Body = payonce.Raw(`{"reference_id":"k","subscriber":{"id":"u-1"}}`)
	case "midaspay.subscription.cancel":
		req.Body = payonce.Raw(`{"id":"S-1"}`)
	case "midaspay.mor_token.create":
		req.Body = payonce.Raw(`{"settings":{"external_id":"ext 1"}}`)
	case "midaspay.mor_transaction.get":
		req.Key, req.Method, req.Path = "", http.MethodGet, "/v1/mor/transaction/query?external_id=ext%201"
	case "midaspay.subscription.get", "check":
		req.Key = ""
	}
	return req
}

func answer(status int, body string) *payonce.Response {
	return &payonce.Response{Status: status, Header: http.Header{}, Body: payonce.Raw(body), Complete: true, ReceivedAt: at}
}

// decisive is what of a verdict decides.
type decisive struct {
	class            payonce.Class
	resend, keySpent bool
}

func of(v payonce.Verdict) decisive { return decisive{v.Class, v.Resend, v.KeySpent} }

func writes() []string {
	return []string{
		"payment.create", "payment.cancel", "refund.create", "midaspay.authorization.create", "midaspay.authorization.pay",
		"midaspay.authorization.cancel", "midaspay.subscription.create", "midaspay.subscription.cancel", "midaspay.mor_session.create",
		"midaspay.mor_token.create", "midaspay.card.create", "acme.thing",
	}
}

func reads() []string {
	return []string{"payment.get", "midaspay.authorization.get", "midaspay.subscription.get", "midaspay.mor_transaction.get"}
}

// TestEveryNameThatCouldBeReadMeansWhatItSays has all names of https://developer.midaspayment.com/docs/error/codes/ that were read.
func TestEveryNameThatCouldBeReadMeansWhatItSays(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	no := decisive{class: refused}
	final, tried, taken := decisive{class: refused, keySpent: true}, decisive{class: declined, keySpent: true}, decisive{class: duplicate}
	reuse := decisive{class: payonce.ClassReuse}
	for _, tc := range []struct {
		status int
		name   string
		want   decisive
	}{
		{404, "ACCOUNT_NOT_EXIST", final},
		{409, "ACQUIER_FRAUD", tried},
		{409, "BALANCE_NOT_ENOUGH", tried},
		{409, "BLOCKED_BY_COMPLIANCE", tried},
		{409, "BLOCKED_CARD", tried},
		{409, "CARDHOLDER_ERROR", tried},
		{409, "CARD_CONTRACT_CANCELED", tried},
		{409, "AUTHORIZATION_REVOCATE", tried},
		{409, "AUTHENTICATE_ERROR", tried},
		{409, "CARD_ORGANIZATION_SPECIFIC_ERROR", tried},
		{409, "ACQUIRER_ERROR", tried},
		{409, "AID_IN_PENALTY_BOX", tried},
		{409, "AUTHENTICATION_REQUIRED", tried},
		{409, "BANK_STATUS_ERROR", tried},
		{409, "BLOCKED_FOR_RETRY_FEES", tried},
		{400, "AVS_DECLINED", tried},
		{400, "BENEFICIARY_NOT_FOUND", final},
		{408, "CANCELLED", tried},
		{409, "CANCELLED", tried},
		{429, "CHANNEL_MARKETING_BUDGET_LIMITED", no},
		{429, "CHANNEL_MARKETING_TRANSACTIONS_LIMITED", no},
		{409, "DUPLICATE_REFERENCE_ID", reuse},
		{400, "DUPLICATE_REFERENCE_ID", reuse},
		{409, "DUPLICATE_ORDER_ID", taken},
		{400, "DUPLICATE_SUB_REFERENCE_ID", final},
		{400, "INVALID_ARGUMENT", final},
		{409, "A_NAME_OF_TOMORROW", taken},
		{400, "A_NAME_OF_TOMORROW", final},
		{404, "NOT_FOUND", final},
		{422, "UNPROCESSABLE", final},
		{429, "RESOURCE_EXHAUSTED", decisive{class: refused, resend: true}},
		{429, "BALANCE_NOT_ENOUGH", decisive{class: refused, resend: true}},
		{401, "SIGN_ERROR", no},
		{401, "BALANCE_NOT_ENOUGH", no},
		{403, "PERMISSION_DENIED", no},
		{403, "DUPLICATE_REFERENCE_ID", no},
		{408, "A_NAME_OF_TOMORROW", decisive{class: unknown, resend: true}},
		{408, "BALANCE_NOT_ENOUGH", decisive{class: unknown, resend: true}},
		{425, "TOO_EARLY", decisive{class: unknown, resend: true}},
		{500, "INTERNAL", decisive{class: unknown, resend: true}},
		{500, "DUPLICATE_REFERENCE_ID", decisive{class: unknown, resend: true}},
		{503, "BALANCE_NOT_ENOUGH", decisive{class: unknown, resend: true}},
		{301, "BALANCE_NOT_ENOUGH", decisive{}},
		{101, "CANCELLED", decisive{}},
		{600, "CANCELLED", decisive{}},
	} {
		for _, kind := range writes() {
			v := p.Classify(ask(kind), answer(tc.status, document(tc.name)))
			assert.Equal(t, tc.want, of(v), "%d %s for %s", tc.status, tc.name, kind)
			assert.False(t, v.Proven, "nothing is known to come from behind the key check: %s", tc.name)
			assert.False(t, v.Reauthorize)
			assert.Equal(t, tc.name, v.Code)
			assert.Contains(t, v.Message, "some text")
			assert.Equal(t, "req_1", v.RequestID)
			assert.Empty(t, v.ResourceID)
		}
		for _, kind := range reads() {
			v := p.Classify(ask(kind), answer(tc.status, document(tc.name)))
			want := decisive{class: refused, resend: tc.want.resend}
			if tc.want.class == unknown {
				want = tc.want
			}
			assert.Equal(t, want, of(v), "%d %s for %s", tc.status, tc.name, kind)
		}
	}
}

func TestWhatIsNotMidasPaysDocumentProvesNothing(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name, body := range map[string]string{
		"a gateway's page": "<html>Bad gateway</html>", "nothing": "", "another's error": `{"message":"no Route matched"}`, "a list": `[]`, "null": `null`,
		"a framework's error": `{"name":"NotFoundError","message":"no such page","code":404}`, "a bare name": `{"name":"CANCELLED"}`,
		"gRPC's own error": `{"code":5,"message":"Not Found","details":[]}`, "a name that is no text": `{"name":7,"message":"x","debug_id":"y"}`,
		"a resource": `{"id":"O-1","name":"CANCELLED","message":"x","debug_id":"y"}`, "a cut document": `{"name":"CANCELLED","message":"x","deb`,
	} {
		for status := range 700 {
			if status >= 200 && status <= 299 {
				continue
			}
			want := decisive{}
			if status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599) {
				want.resend = true
			}
			for _, kind := range []string{"payment.create", "payment.get", "payment.cancel", "acme.thing", "check"} {
				require.Equal(t, want, of(p.Classify(ask(kind), answer(status, body))), "%s with %d for %s", name, status, kind)
			}
		}
	}
	cut := answer(409, document("BALANCE_NOT_ENOUGH"))
	cut.Complete = false
	assert.Equal(t, decisive{}, of(p.Classify(ask("payment.create"), cut)))
}

func TestACheckNeedsAnAnswerThatKnowsTheMerchant(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	assert.Equal(t, decisive{class: succeeded}, of(p.Classify(ask("check"), answer(404, document("ORDER_NOT_FOUND")))))
	for _, name := range []string{"ACCOUNT_NOT_EXIST", "MERCHANT_NOT_EXIST", "SUB_MERCHANT_NOT_FOUND", "ROUTE_NOT_FOUND"} {
		assert.Equal(t, decisive{class: refused}, of(p.Classify(ask("check"), answer(404, document(name)))), name)
	}
	assert.Equal(t, decisive{}, of(p.Classify(ask("check"), answer(404, "<html>no such page</html>"))))
	assert.Equal(t, decisive{class: refused}, of(p.Classify(ask("check"), answer(401, document("SIGN_ERROR")))))
	assert.Equal(t, decisive{class: refused}, of(p.Classify(ask("payment.get"), answer(404, document("ORDER_NOT_FOUND")))))
}

func TestHintsAndNames(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, body := range []string{"", document("RESOURCE_EXHAUSTED")} {
		res := answer(429, body)
		res.Header.Set("Retry-After", "7")
		assert.Equal(t, 7*time.Second, p.Classify(ask("payment.create"), res).Wait)
	}
	for _, body := range []string{"", document("SIGN_ERROR")} {
		assert.Contains(t, p.Classify(ask("payment.create"), answer(401, body)).Message, "clock")
	}
	v := p.Classify(ask("payment.create"), answer(400, `{"name":"INVALID_ARGUMENT","message":"card 4111111111111111 of ada@example.com","debug_id":"req\n_1",
		"details":[{"@type":"x","field":"purchase_units[0].amount.value","value":"canary","description":"canary"},{"field":"a@b"}],
		"links":[{"url":"canary"}],"causes":[{"cause":"canary","solution":"canary"}]}`))
	assert.Equal(t, "card […] of […] (purchase_units[0].amount.value, […])", v.Message)
	assert.Equal(t, "req_1", v.RequestID)
	v = p.Classify(ask("payment.create"), answer(400, `{"name":"INVALID_ARGUMENT","message":"`+strings.Repeat("long ", 1000)+`","details":"odd"}`))
	assert.Equal(t, decisive{class: refused, keySpent: true}, of(v))
	assert.LessOrEqual(t, utf8.RuneCountInString(v.Message), 200)
	res := answer(502, "")
	res.Header.Set("Request-Id", "r 1")
	assert.Equal(t, "r1", p.Classify(ask("payment.create"), res).RequestID)
}

func FuzzClassify(f *testing.F) {
	plain, strict := newProvider(f), newProvider(f, certified(f))
	kinds := append(append(writes(), reads()...), "check")
	f.Fuzz(func(t *testing.T, kind uint8, status int, signature, retryAfter string, complete bool, sent, body []byte) {
		req := ask(kinds[int(kind)%len(kinds)])
		if len(sent) > 0 {
			req.Body = sent
		}
		header := http.Header{"Retry-After": {retryAfter}}
		if signature != "" {
			header.Set("Txgw-Signature", signature)
			header.Set("Txgw-Serial", serial)
			header.Set("Txgw-Nonce", "n")
			header.Set("Txgw-Timestamp", "1")
		}
		res := &payonce.Response{Status: status, Header: header, Body: body, Complete: complete, ReceivedAt: at}
		success := status >= 200 && status <= 299
		for _, p := range []*midaspay.Provider{plain, strict} {
			v := p.Classify(req, res)
			require.Equal(t, v, p.Classify(req, res), "not pure")
			found := v.Class == succeeded || v.Class == mismatch
			if found && (!success || !complete) && req.Kind != "check" {
				t.Fatalf("%v out of status %d, complete %v", v.Class, status, complete)
			}
			if p == strict && (found || v.Class == declined && success) && success {
				t.Fatal("believes what is not signed")
			}
			if v.Class == declined && !complete || success && (v.Class == refused || v.Class == duplicate) {
				t.Fatalf("%v out of status %d, complete %v", v.Class, status, complete)
			}
			if v.Proven || v.Reauthorize || (v.KeySpent && v.Resend) || (v.Class != unknown && v.Class != refused && v.Resend) {
				t.Fatalf("%+v", v)
			}
			if v.Wait < 0 || v.Wait > 30*24*time.Hour || utf8.RuneCountInString(v.Message) > 1000 || !utf8.ValidString(v.Message+v.Code) {
				t.Fatalf("unbounded: %+v", v)
			}
		}
	})
}
