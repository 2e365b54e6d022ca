package truelayer_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// examples are the events in TrueLayer's own description.
func (s *specification) examples(tb testing.TB) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	for _, hook := range s.doc.Webhooks {
		for name, example := range hook.Post.RequestBody.Value.Content["application/json"].Examples {
			out[name] = jsonOf(tb, example.Value.Value)
		}
	}
	return out
}

func TestTheDescribedEventsAreRead(t *testing.T) {
	t.Parallel()
	examples := openAPI(t).examples(t)
	require.Len(t, examples, 10)
	for name, text := range examples {
		event, err := truelayer.ParseEvent(text)
		require.NoError(t, err, name)
		var described, read map[string]any
		require.NoError(t, json.Unmarshal(text, &described))
		require.NoError(t, json.Unmarshal(jsonOf(t, event), &read))
		described["event_version"] = "1"
		for field, value := range described {
			if strings.HasSuffix(field, "_at") {
				assert.NotEmpty(t, read[field], "%s: %s", name, field)
				continue
			}
			assert.Equal(t, value, read[field], "%s: %s", name, field)
		}
		assert.NotEmpty(t, event.Portable().At, name)
	}
}

// Every documented field of every event has a home.
func TestNoDescribedFieldIsForgotten(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for field := range reflect.TypeFor[truelayer.Event]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[name] = true
	}
	schemas := openAPI(t).doc.Components.Schemas
	seen := 0
	var walk func(name string, schema *openapi3.Schema)
	walk = func(name string, schema *openapi3.Schema) {
		for field := range schema.Properties {
			seen++
			assert.True(t, known[field], "%s: %s", name, field)
		}
		for _, part := range schema.AllOf {
			walk(name, part.Value)
		}
	}
	for name, schema := range schemas {
		if strings.HasPrefix(name, "Webhook") && name != "WebhookPayoutBeneficiary" {
			walk(name, schema.Value)
		}
	}
	assert.Greater(t, seen, 80)
}

func portable(t *testing.T, fields object) payonce.Event {
	t.Helper()
	event := object{"event_id": "e-1", "event_version": 1, "metadata": object{"payonce_ref": "payment.create:1:order-1"}}
	maps.Copy(event, fields)
	e, err := truelayer.ParseEvent(jsonOf(t, event))
	require.NoError(t, err)
	assert.Equal(t, payonce.Event{}, names(e.Portable()), "nobody has read it")
	p := truelayer.AsRead(e, "mine").Portable()
	assert.Equal(t, "mine", p.Account)
	assert.Equal(t, "e-1", p.ID)
	assert.Equal(t, event["type"], p.Type)
	assert.Equal(t, "payment.create:1:order-1", p.Ref)
	assert.Equal(t, e.Raw, p.Raw)
	assert.Empty(t, p.Key, "TrueLayer does not name it")
	return p
}

// names keeps what of an event says whose it is, or leads to an operation.
func names(p payonce.Event) payonce.Event {
	return payonce.Event{
		Account: p.Account, Kind: p.Kind, Ref: p.Ref, Key: p.Key, ResourceID: p.ResourceID, PaymentID: p.PaymentID, NoMoneyMoved: p.NoMoneyMoved,
	}
}

const anyTime = "2026-01-02T03:04:05.678Z"

func TestWhatAnEventTellsOfAPayment(t *testing.T) {
	t.Parallel()
	failed := func(stage string, more ...object) object {
		event := object{"type": "payment_failed", "failed_at": anyTime, "failure_stage": stage, "failure_reason": "rejected"}
		for _, m := range more {
			maps.Copy(event, m)
		}
		return event
	}
	for name, tc := range map[string]struct {
		fields   object
		status   payonce.Status
		provider string
		unmoved  bool
		code     string
	}{
		"authorized":            {object{"type": "payment_authorized", "authorized_at": anyTime}, payonce.StatusAuthorized, "authorized", false, ""},
		"executed":              {object{"type": "payment_executed", "executed_at": anyTime}, payonce.StatusAuthorized, "executed", false, ""},
		"settled":               {object{"type": "payment_settled", "settled_at": anyTime}, payonce.StatusSucceeded, "settled", false, ""},
		"reversed":              {object{"type": "payment_reversed", "reversed_at": anyTime, "reversal_reason": "disputed"}, payonce.StatusReturned, "reversed", false, "disputed"},
		"reversed some time":    {object{"type": "payment_reversed"}, payonce.StatusReturned, "reversed", false, ""},
		"creditable":            {object{"type": "payment_creditable", "creditable_at": anyTime}, "", "", false, ""},
		"stalled":               {object{"type": "payment_settlement_stalled", "settlement_stalled_at": anyTime}, "", "", false, ""},
		"funds received":        {object{"type": "payment_funds_received", "funds_received_at": anyTime}, "", "", false, ""},
		"disputed":              {object{"type": "payment_disputed", "disputed_at": anyTime, "expires_at": "2027-01-02T03:04:05Z"}, "", "", false, ""},
		"not cancelled":         {object{"type": "payment_cancellation_failed"}, "", "", false, ""},
		"brand new":             {object{"type": "payment_teleported", "failure_stage": "authorizing"}, "", "", false, ""},
		"failed early":          {failed("authorization_required"), payonce.StatusFailed, "failed", true, "rejected"},
		"failed at the bank":    {failed("authorizing"), payonce.StatusFailed, "failed", true, "rejected"},
		"failed on the way":     {failed("authorized"), payonce.StatusFailed, "failed", true, "rejected"},
		"failed when executed":  {failed("executed"), payonce.StatusFailed, "failed", false, "rejected"},
		"failed at a new stage": {failed("teleported"), payonce.StatusFailed, "failed", false, "rejected"},
		"failed somewhere":      {failed(""), payonce.StatusFailed, "failed", false, "rejected"},
		"canceled":              {failed("authorizing", object{"failure_reason": "canceled"}), payonce.StatusCanceled, "failed", true, "canceled"},
		"failed, funds here":    {failed("authorized", object{"failure_funds_stage": "received"}), payonce.StatusFailed, "failed", false, "rejected"},
		"failed, no funds":      {failed("authorized", object{"failure_funds_stage": "not_received"}), payonce.StatusFailed, "failed", true, "rejected"},
		"failed after all":      {failed("authorized", object{"executed_at": anyTime}), payonce.StatusFailed, "failed", false, "rejected"},
		"failed, once settled":  {failed("authorized", object{"settled_at": anyTime}), payonce.StatusFailed, "failed", false, "rejected"},
		"failed, once received": {failed("authorized", object{"funds_received_at": anyTime}), payonce.StatusFailed, "failed", false, "rejected"},
		"failed and reversed":   {failed("authorized", object{"reversed_at": anyTime}), payonce.StatusReturned, "failed", false, "rejected"},
		"failed, oddly":         {failed("authorized", object{"failure_funds_stage": 7}), payonce.StatusFailed, "failed", false, "rejected"},
		"a word alone":          {object{"type": "failed", "failed_at": anyTime, "failure_stage": "authorizing"}, "", "", false, ""},
		"a refund without id":   {object{"type": "refund_executed", "executed_at": anyTime}, "", "", false, ""},
	} {
		tc.fields["payment_id"] = "p-1"
		p := portable(t, tc.fields)
		assert.Equal(t, "payment.create", p.Kind, name)
		assert.Equal(t, []string{"p-1", "p-1"}, []string{p.ResourceID, p.PaymentID}, name)
		assert.Equal(t, []any{tc.status, tc.provider, tc.unmoved, tc.code}, []any{p.Status, p.ProviderStatus, p.NoMoneyMoved, p.FailureCode}, name)
		want := time.Time{}
		if strings.Contains(string(jsonOf(t, tc.fields)), anyTime) {
			want = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
		}
		assert.Equal(t, want, p.At, name)
	}
}

// The documented reasons: https://docs.truelayer.com/docs/payout-and-refund-statuses.
func TestWhatAnEventTellsOfARefundOrPayout(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"refund", "payout"} {
		kind := map[string]string{"refund": "refund.create", "payout": "truelayer.payout.create"}[resource]
		ids := object{resource + "_id": "r-1"}
		if resource == "refund" {
			ids["payment_id"] = "p-1"
		}
		tell := func(fields object) payonce.Event {
			maps.Copy(fields, ids)
			p := portable(t, fields)
			assert.Equal(t, []string{kind, "r-1"}, []string{p.Kind, p.ResourceID})
			assert.Equal(t, resource == "refund", p.PaymentID == "p-1")
			return p
		}
		p := tell(object{"type": resource + "_executed", "executed_at": anyTime, "scheme_id": "faster_payments_service"})
		assert.Equal(t, []any{payonce.StatusSucceeded, "executed", false}, []any{p.Status, p.ProviderStatus, p.NoMoneyMoved})
		for reason, unmoved := range map[string]bool{
			"blocked": true, "insufficient_funds": true, "invalid_iban": true, "invalid_scan": true,
			"returned": false, "reversed": false, "scheme_error": false, "server_error": false, "unknown": false, "account_not_valid": false, "brand_new": false, "": false,
		} {
			p := tell(object{"type": resource + "_failed", "failed_at": anyTime, "failure_reason": reason})
			assert.Equal(t, []any{payonce.StatusFailed, "failed", unmoved, reason}, []any{p.Status, p.ProviderStatus, p.NoMoneyMoved, p.FailureCode}, reason)
			p = tell(object{"type": resource + "_failed", "failed_at": anyTime, "executed_at": anyTime, "failure_reason": reason})
			assert.False(t, p.NoMoneyMoved, "it had been executed")
			p = tell(object{"type": resource + "_attempt_failed", "failed_at": anyTime, "failure_reason": reason})
			assert.False(t, p.NoMoneyMoved, "TrueLayer goes on")
			p = tell(object{"type": "payment_failed", "failed_at": anyTime, "failure_reason": reason, "failure_stage": "authorizing"})
			assert.Equal(t, []any{payonce.Status(""), "", false}, []any{p.Status, p.ProviderStatus, p.NoMoneyMoved}, "of something else")
		}
	}
	p := portable(t, object{"type": "payout_attempt_failed", "payout_id": "o-1", "retry": object{"attempts_made": 1, "next_attempt_at": anyTime}})
	assert.Equal(t, payonce.StatusPending, p.Status)
}

func TestWhatAnEventTellsOfOtherThings(t *testing.T) {
	t.Parallel()
	p := portable(t, object{"type": "external_payment_received", "transaction_id": "t-1", "amount_in_minor": 500, "currency": "EUR", "settled_at": anyTime})
	assert.Equal(t, []any{"", "t-1", payonce.Amount{Minor: 500, Currency: "EUR"}}, []any{p.Kind, p.ResourceID, p.Amount})
	p = portable(t, object{"type": "mandate_failed", "mandate_id": "m-1", "failed_at": anyTime, "failure_reason": "rejected", "failure_stage": "authorizing"})
	assert.Equal(t, []any{"", "", payonce.Status(""), false, "rejected"}, []any{p.Kind, p.ResourceID, p.Status, p.NoMoneyMoved, p.FailureCode})
	p = portable(t, object{"type": "payment_link_payment_created", "payment_link_id": "l-1", "payment": object{"id": "p-1", "created_at": anyTime}})
	assert.Equal(t, []any{"", "l-1", "p-1"}, []any{p.Kind, p.ResourceID, p.PaymentID}, "the payment is none of this client's operations")
	assert.NotZero(t, p.At)
	p = portable(t, object{"type": "balance_notification", "merchant_account_id": "a-1", "status": "recovered"})
	assert.Equal(t, payonce.Event{Account: "mine", ID: "e-1", Type: "balance_notification", Ref: p.Ref, Raw: p.Raw}, p)
}

// A field of another type must not keep an event from the merchant, who would get it again and again.
func TestOddFieldsDoNotSpoilAnEvent(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]any{
		"type": 7, "event_version": object{"major": 1}, "metadata": []string{"a"}, "payment_method": "card", "payment_source": 1, "failed_at": 7,
		"failure_reason": object{}, "beneficiary": false, "retry": "later", "amount_in_minor": 1.5, "settlement_risk": nil, "status": object{},
	} {
		text := jsonOf(t, object{"type": "payment_failed", "event_id": "e-1", "payment_id": "p-1", "failure_stage": "authorizing", field: value})
		event, err := truelayer.ParseEvent(text)
		require.NoError(t, err, field)
		assert.Equal(t, []string{"e-1", "p-1"}, []string{event.ID, event.PaymentID}, field)
		assert.Equal(t, text, event.Raw.Bytes())
	}
	event, err := truelayer.ParseEvent([]byte(`{"event_id":"e-1","metadata":{"n":1,"payonce_ref":"payment.create:1:a"},"event_version":null}`))
	require.NoError(t, err)
	assert.Equal(t, "payment.create:1:a", truelayer.AsRead(event, "mine").Portable().Ref)
	assert.Empty(t, event.Version)
	for _, text := range []string{"", "null", "[]", "7", `"e-1"`, "{", `{"event_id":""}`, `{"event_id":null}`, `{"event_id":"e-1"} {}`, "\xff"} {
		_, err := truelayer.ParseEvent([]byte(text))
		require.Error(t, err, text)
	}
}

func FuzzWebhook(f *testing.F) {
	live, _ := published(f)
	w := hooks(f, truelayer.Live, serveKeys(f, "jwks.json"))
	kinds := []string{"", "payment.create", "refund.create", "truelayer.payout.create"}
	f.Fuzz(func(t *testing.T, signature, path, timestamp string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		r.URL.Path = path
		r.Header = http.Header{"Tl-Signature": {signature}, "X-Tl-Webhook-Timestamp": {timestamp}, "Content-Type": {"application/json"}}
		if _, err := w.Parse(r, body); err == nil && string(body) != live.Body {
			t.Fatalf("accepted a forgery: %q", body)
		}
		event, err := truelayer.ParseEvent(body)
		if err != nil {
			return
		}
		require.Equal(t, payonce.Event{}, names(event.Portable()), "names something unread")
		event = truelayer.AsRead(event, "mine")
		p := event.Portable()
		require.Equal(t, p, event.Portable(), "not pure")
		if p.ID == "" || !slices.Contains(kinds, p.Kind) || (p.Kind != "" && p.ResourceID == "") || string(p.Raw.Bytes()) != string(body) {
			t.Fatalf("not portable: %+v", p)
		}
		if p.NoMoneyMoved && p.Status != payonce.StatusFailed && p.Status != payonce.StatusCanceled {
			t.Fatalf("no money moved, and yet %q", p.Status)
		}
	})
}
