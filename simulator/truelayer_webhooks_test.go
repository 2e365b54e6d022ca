package simulator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

const hookPath = "/truelayer/webhooks"

// announced takes the events since the last call, checks each against the API's description, and returns them with their types.
func announced(t *testing.T, sim *simulator.TrueLayer) (types []string, events []object) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../provider/truelayer/testdata/openapi.core.yaml")
	require.NoError(t, err)
	types = []string{}
	for _, d := range sim.Webhooks(hookPath) {
		var event object
		require.NoError(t, json.Unmarshal(d.Body, &event))
		name, _ := event["type"].(string)
		schema := "Webhook"
		for word := range strings.SplitSeq(name, "_") {
			schema += strings.ToUpper(word[:1]) + word[1:]
		}
		require.NotNil(t, doc.Components.Schemas[schema], schema)
		require.NoError(t, doc.Components.Schemas[schema].Value.VisitJSON(event, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()), "%s", d.Body)
		assert.Equal(t, d.ID, event["event_id"])
		assert.InDelta(t, 1, event["event_version"], 0)
		types, events = append(types, name), append(events, event)
	}
	return types, events
}

func types(t *testing.T, sim *simulator.TrueLayer) []string {
	t.Helper()
	types, _ := announced(t, sim)
	return types
}

func TestEveryStepOfAPaymentIsAnnouncedOnce(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	id := m.pay(key(1))
	assert.Empty(t, types(t, sim), "the answer said all there is")
	require.NoError(t, sim.Authorize(id))
	assert.Empty(t, types(t, sim), "payment_authorized is off by default")
	require.NoError(t, sim.Execute(id))
	require.NoError(t, sim.Settle(id))
	names, events := announced(t, sim)
	require.Equal(t, []string{"payment_executed", "payment_settled"}, names)
	for _, event := range events {
		assert.Equal(t, id, event["payment_id"])
		assert.Equal(t, object{"order": "12345"}, event["metadata"])
		assert.Equal(t, object{"type": "bank_transfer", "provider_id": "mock-payments-gb-redirect", "scheme_id": "faster_payments_service"}, event["payment_method"])
	}
	assert.NotEqual(t, events[0]["event_id"], events[1]["event_id"])
	assert.NotEmpty(t, events[0]["executed_at"])
	assert.NotContains(t, events[0], "user_id", "as of then")
	assert.NotEmpty(t, events[1]["user_id"])
	assert.Contains(t, events[1]["payment_source"], "id")
	assert.Empty(t, sim.Webhooks(hookPath), "they were taken")
	require.Error(t, sim.Settle(id))
	assert.Empty(t, sim.Webhooks(hookPath), "what does not happen is not announced")
}

func TestAPayerWhoPaysIsAnnounced(t *testing.T) {
	t.Parallel()
	sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.AnnounceAuthorized = true })
	m := inProcess(t, sim)
	settled := []string{"payment_authorized", "payment_executed", "payment_settled"}
	id := m.pay(key(1))
	require.NoError(t, sim.Pay(id))
	assert.Equal(t, settled, types(t, sim))
	assert.Equal(t, "settled", sim.PaymentStatus(id))
	require.Error(t, sim.Pay(id))
	require.Error(t, sim.Pay("nobody"))

	started := m.pay(key(2))
	require.Equal(t, http.StatusOK, m.post("/v3/payments/"+started+"/authorization-flow", "", object{}).status)
	require.NoError(t, sim.Pay(started))
	assert.Equal(t, settled, types(t, sim))

	mandate := m.post("/v3/payments", key(3), payment(object{"payment_method": object{
		"type": "mandate", "mandate_id": key(9), "user_interaction": "present", "reference": "r",
	}}))
	require.NoError(t, sim.Pay(mandate.text("id")))
	names, events := announced(t, sim)
	require.Equal(t, []string{"payment_authorized", "payment_executed"}, names, "a mandate pays to an external account")
	assert.Equal(t, object{"type": "mandate", "mandate_id": key(9), "reference": "r"}, events[0]["payment_method"])

	abroad := m.post("/v3/payments", key(4), external()).text("id")
	require.NoError(t, sim.Authorize(abroad))
	require.NoError(t, sim.Pay(abroad))
	assert.Equal(t, settled[:2], types(t, sim), "authorized is announced once")
}

func TestAutoAuthorizeAnnouncesWhatPayDoes(t *testing.T) {
	t.Parallel()
	sim := newSimulator(autoAuthorize)
	m := inProcess(t, sim)
	m.pay(key(1))
	assert.Equal(t, []string{"payment_executed", "payment_settled"}, types(t, sim))
	m.pay(key(1))
	assert.Empty(t, types(t, sim), "a replay executes nothing")
	m.pay(key(2))
	sim.Reset()
	assert.Empty(t, types(t, sim))
}

func TestAFailedPaymentIsAnnouncedHoweverItFailed(t *testing.T) {
	t.Parallel()
	sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.FailAmounts = map[int64]simulator.Failure{666: {}} })
	m := inProcess(t, sim)
	failed := func(stage, reason string) object {
		t.Helper()
		names, events := announced(t, sim)
		require.Equal(t, []string{"payment_failed"}, names)
		assert.Equal(t, stage, events[0]["failure_stage"])
		assert.Equal(t, reason, events[0]["failure_reason"])
		assert.NotEmpty(t, events[0]["failed_at"])
		return events[0]
	}
	m.post("/v3/payments", key(1), payment(object{"amount_in_minor": 666}))
	assert.NotContains(t, failed("authorizing", "provider_rejected"), "payment_source")
	require.NoError(t, sim.ExpirePayment(m.pay(key(2))))
	failed("authorization_required", "expired")
	id := m.pay(key(3))
	require.Equal(t, http.StatusAccepted, m.post("/v3/payments/"+id+"/actions/cancel", key(4), nil).status)
	failed("authorization_required", "canceled")
	id = m.pay(key(5))
	require.NoError(t, sim.Authorize(id))
	require.NoError(t, sim.Execute(id))
	sim.Webhooks(hookPath)
	require.NoError(t, sim.FailPayment(id, "", "verification_declined"))
	assert.Contains(t, failed("executed", "verification_declined"), "payment_source")
}

func TestRefundsAndPayoutsAreAnnounced(t *testing.T) {
	t.Parallel()
	sim := newSimulator(autoAuthorize)
	m := inProcess(t, sim)
	id := m.pay(key(1))
	sim.Webhooks(hookPath)
	refund := m.post("/v3/payments/"+id+"/refunds", key(2), object{"reference": "rma-1", "metadata": object{"why": "size"}}).text("id")
	assert.Empty(t, types(t, sim))
	require.NoError(t, sim.SettleRefund(refund))
	require.NoError(t, sim.FailRefund(refund, "returned"))
	names, events := announced(t, sim)
	require.Equal(t, []string{"refund_executed", "refund_failed"}, names)
	for _, event := range events {
		assert.Equal(t, []any{refund, id, object{"why": "size"}}, []any{event["refund_id"], event["payment_id"], event["metadata"]})
	}
	assert.Equal(t, "faster_payments_service", events[0]["scheme_id"])
	assert.Equal(t, "returned", events[1]["failure_reason"])

	out := m.post("/v3/payouts", key(3), payout(object{"type": "business_account", "reference": "sweep"})).text("id")
	require.NoError(t, sim.ExecutePayout(out))
	require.NoError(t, sim.FailPayout(out, "returned"))
	names, events = announced(t, sim)
	require.Equal(t, []string{"payout_executed", "payout_failed"}, names)
	for _, event := range events {
		assert.Equal(t, []any{out, object{"run": "7"}}, []any{event["payout_id"], event["metadata"]})
		assert.Equal(t, "business_account", event["beneficiary"].(object)["type"])
	}
	assert.Equal(t, "returned", events[1]["failure_reason"])
}

func TestWebhooksAreSignedForTheirPath(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	sim := newSimulator(autoAuthorize, func(c *simulator.TrueLayerConfig) {
		c.WebhookKey, c.WebhookJWKS = private, "http://127.0.0.1:1/.well-known/jwks"
	})
	inProcess(t, sim).pay(key(1))
	d := sim.Webhooks(hookPath + "?unique_param=x")[0]
	assert.Equal(t, hookPath+"?unique_param=x", d.Path)
	verify := func(path string, header http.Header, body string) error {
		return simulator.VerifySignature(&private.PublicKey, header.Get("Tl-Signature"), http.MethodPost, path, header, []byte(body))
	}
	require.NoError(t, verify(hookPath, d.Header, string(d.Body)))
	assert.Error(t, verify("/elsewhere", d.Header, string(d.Body)))
	assert.Error(t, verify(hookPath, d.Header, string(d.Body)+" "))
	late := d.Header.Clone()
	late.Set("X-TL-Webhook-Timestamp", "2021-11-29T11:42:55Z")
	assert.Error(t, verify(hookPath, late, string(d.Body)))

	head, _, _ := strings.Cut(d.Header.Get("Tl-Signature"), "..")
	jose, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	assert.JSONEq(t, `{"alg":"ES512","kid":"`+published(t, sim)[0].Kid+`","tl_version":"2","tl_headers":"X-TL-Webhook-Timestamp",
		"jku":"http://127.0.0.1:1/.well-known/jwks"}`, string(jose))
	r, err := d.Request(t.Context(), "https://shop.example")
	require.NoError(t, err)
	assert.Equal(t, "https://shop.example"+hookPath+"?unique_param=x", r.URL.String())
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, d.Body, body)
}

func TestSignaturesAreMadeWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator(autoAuthorize)
		m := inProcess(t, sim)
		m.pay(key(1))
		m.pay(key(2))
		happened := time.Now()
		wait(t, time.Hour)
		for _, d := range sim.Webhooks(hookPath) {
			assert.Equal(t, happened.Add(time.Hour).UTC().Format(time.RFC3339), d.Header.Get("X-TL-Webhook-Timestamp"))
			assert.Contains(t, string(d.Body), happened.UTC().Format("2006-01-02T15:04:05"), "the event is as old as it is")
		}
	})
}

// wait lets time pass in a bubble.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// jwk is one published EC key.
type jwk struct{ Kty, Alg, Crv, Kid, X, Y string }

// published returns the P-521 keys that the simulator publishes to anybody.
func published(t *testing.T, sim *simulator.TrueLayer) []jwk {
	t.Helper()
	transport := sim.Transport()
	t.Cleanup(transport.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://webhooks.truelayer-sandbox.com/.well-known/jwks", http.NoBody)
	require.NoError(t, err)
	res, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(t, err)
	a := readAnswer(t, res)
	require.Equal(t, http.StatusOK, a.status)
	var set struct{ Keys []jwk }
	require.NoError(t, json.Unmarshal([]byte(a.body), &set))
	require.Len(t, set.Keys, 2)
	assert.Equal(t, "RSA", set.Keys[0].Kty, "the first is of no use")
	return set.Keys[1:]
}

func TestTheKeysAreThereToBeReadOnly(t *testing.T) {
	t.Parallel()
	m := inProcess(t, newSimulator())
	m.token = ""
	assert.Equal(t, http.StatusOK, m.get("/.well-known/jwks").status)
	assert.Equal(t, http.StatusNotFound, m.post("/.well-known/jwks", "", object{}).status)
}

func TestThePublishedKeyLacksItsLeadingZeros(t *testing.T) {
	t.Parallel()
	for short := false; !short; {
		private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
		require.NoError(t, err)
		point, err := private.PublicKey.Bytes()
		require.NoError(t, err)
		sim := newSimulator(func(c *simulator.TrueLayerConfig) { c.WebhookKey = private })
		key := published(t, sim)[0]
		assert.Equal(t, jwk{"EC", "ES512", "P-521", key.Kid, key.X, key.Y}, key)
		for i, coordinate := range []string{key.X, key.Y} {
			decoded, err := base64.RawURLEncoding.DecodeString(coordinate)
			require.NoError(t, err)
			assert.Equal(t, point[1+66*i:1+66*(i+1)], leftPad(decoded))
			assert.NotZero(t, decoded[0])
			short = short || len(decoded) < 66
		}
		assert.Equal(t, key, published(t, sim)[0], "the same key has the same id")
	}
	one, other := published(t, newSimulator())[0], published(t, newSimulator())[0]
	assert.NotEqual(t, one.Kid, other.Kid, "another key has another id")
}
