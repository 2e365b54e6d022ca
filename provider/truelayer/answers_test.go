package truelayer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// object is a JSON object.
type object = map[string]any

// with returns a copy with more fields.
func with(base, more object) object {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

func jsonOf(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	require.NoError(tb, err)
	return text
}

const at, atMicro = "2026-08-20T12:00:00.123Z", "2026-08-20T12:00:00.123456Z"

func source(id string) object {
	s := object{"account_holder_name": "JANE DOE", "account_identifiers": []any{
		object{"type": "sort_code_account_number", "sort_code": "010203", "account_number": "12345678"},
		object{"type": "iban", "iban": "GB33BUKB20201555555555"},
		object{"type": "nrb", "nrb": "61109010140000071219812874"},
	}}
	if id != "" {
		s["id"] = id
	}
	return s
}

func bankTransferAnswer(beneficiary object) object {
	return object{
		"type": "bank_transfer", "retry": object{}, "beneficiary": beneficiary,
		"provider_selection": object{
			"type": "user_selected", "provider_id": "bank", "scheme_id": "faster_payments_service", "branch_selection": object{"type": "preselected", "branch_id": "b"},
			"filter":           object{"countries": []any{"GB"}, "release_channel": "public_beta", "customer_segments": []any{"retail"}, "provider_ids": []any{"a"}, "excludes": object{"provider_ids": []any{"b"}}},
			"scheme_selection": object{"type": "instant_preferred", "allow_remitter_fee": true},
		},
	}
}

var (
	toMerchant = object{
		"type": "merchant_account", "merchant_account_id": account, "account_holder_name": "Shop Ltd", "reference": "order 1", "statement_reference": "SHOP",
		"verification": object{"type": "automated", "remitter_name": true, "remitter_date_of_birth": true},
	}
	toExternal = object{
		"type": "external_account", "account_holder_name": "Shop Ltd", "reference": "order 1", "account_identifier": object{"type": "iban", "iban": "GB33BUKB20201555555555"},
	}
	flowAnswer = object{
		"actions":       object{"next": object{"type": "redirect", "uri": "https://bank.example/secret"}, "adjacent": object{"type": "x"}},
		"configuration": object{"redirect": object{"return_uri": "https://shop.example"}},
	}
)

// paymentAnswer is a payment with every field that all statuses have.
func paymentAnswer(status string, more object) object {
	return with(object{
		"id": "p-1", "amount_in_minor": 101, "currency": "GBP", "user": object{"id": "u-1"}, "payment_method": bankTransferAnswer(toMerchant), "created_at": atMicro,
		"status": status, "metadata": object{"order": "1"}, "related_products": object{"signup_plus": object{}},
		"sub_merchants":   object{"ultimate_counterparty": object{"type": "business_division", "id": "1", "name": "Shoes"}},
		"user_consent":    object{"type": "precaptured", "captured_at": at},
		"failed_attempts": []any{object{"attempt_number": 1, "failed_at": at, "failure_reason": "insufficient_funds"}},
	}, more)
}

func failedPayment(stage string, more object) object {
	return paymentAnswer("failed", with(object{"failed_at": at, "failure_stage": stage, "failure_reason": "provider_rejected"}, more))
}

// paymentCase is one payment as TrueLayer tells it, and what it means.
type paymentCase struct {
	answer       object
	status       payonce.Status
	noMoneyMoved bool
}

func paymentCases() map[string]paymentCase {
	settled := object{
		"payment_source": source("s-1"), "executed_at": at, "settled_at": atMicro, "creditable_at": at, "settlement_stalled_at": at,
		"disputed_at": at, "disputed_reason": "fraud",
	}
	return map[string]paymentCase{
		"authorization_required": {paymentAnswer("authorization_required", nil), payonce.StatusActionRequired, false},
		"authorizing":            {paymentAnswer("authorizing", object{"authorization_flow": flowAnswer}), payonce.StatusActionRequired, false},
		"authorized":             {paymentAnswer("authorized", object{"payment_source": source(""), "creditable_at": at}), payonce.StatusAuthorized, false},
		"executed":               {paymentAnswer("executed", object{"executed_at": at, "payment_source": source("")}), payonce.StatusAuthorized, false},
		"executed, external":     {paymentAnswer("executed", object{"executed_at": at, "payment_method": bankTransferAnswer(toExternal)}), payonce.StatusSucceeded, false},
		"executed, mandate": {paymentAnswer("executed", object{"payment_method": object{
			"type": "mandate", "mandate_id": "m-1", "reference": "r", "user_interaction": "present", "retry": object{"type": "smart", "for": "24h", "ensure_minimum_balance_in_minor": 5},
		}}), payonce.StatusAuthorized, false},
		"settled":                {paymentAnswer("settled", settled), payonce.StatusSucceeded, false},
		"settled, reversed":      {paymentAnswer("settled", with(settled, object{"reversed_at": at, "reversal_reason": "disputed"})), payonce.StatusReturned, false},
		"failed, nobody came":    {failedPayment("authorization_required", nil), payonce.StatusFailed, true},
		"failed, authorizing":    {failedPayment("authorizing", nil), payonce.StatusFailed, true},
		"failed, authorized":     {failedPayment("authorized", object{"failure_funds_stage": "not_received"}), payonce.StatusFailed, true},
		"failed, executed":       {failedPayment("executed", nil), payonce.StatusFailed, false},
		"failed, funds received": {failedPayment("authorized", object{"failure_funds_stage": "received"}), payonce.StatusFailed, false},
		"failed, reversed":       {failedPayment("authorized", object{"reversed_at": at, "reversal_reason": "failed"}), payonce.StatusReturned, false},
		"failed, canceled":       {failedPayment("authorizing", object{"failure_reason": "canceled"}), payonce.StatusCanceled, true},
		"attempt_failed": {paymentAnswer("attempt_failed", object{
			"failed_at": at, "failure_stage": "authorizing", "failure_reason": "rejected",
			"authorization_flow": object{"actions": object{"next": object{"type": "retry", "retry_options": []any{"restart"}}}},
		}), payonce.StatusActionRequired, false},
	}
}

func TestEveryPaymentStatusDecodes(t *testing.T) {
	t.Parallel()
	p, texts := newProvider(t), map[string][]byte{}
	for name, tc := range paymentCases() {
		texts[name] = jsonOf(t, tc.answer)
	}
	requireAll(t, openAPI(t).schema(t, "GetPayment"), texts)
	for name, tc := range paymentCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := texts[name]
			nothingIsLost(t, text, new(truelayer.Payment))
			payment, err := p.Portable().Payment("payment.get", text)
			require.NoError(t, err)
			assert.Equal(t, tc.status, payment.Status)
			assert.Equal(t, tc.answer["status"], payment.ProviderStatus)
			assert.Equal(t, tc.noMoneyMoved, payment.NoMoneyMoved)
			assert.Equal(t, "p-1", payment.ID)
			assert.Equal(t, payonce.Amount{Minor: 101, Currency: "GBP"}, payment.Amount)
			assert.Equal(t, map[string]string{"order": "1"}, payment.Metadata)
			assert.Equal(t, time.Date(2026, 8, 20, 12, 0, 0, 123456000, time.UTC), payment.CreatedAt)
		})
	}
}

// nothingIsLost decodes a text and fails if a field of it does not come back out.
func nothingIsLost(t *testing.T, text []byte, into any) {
	t.Helper()
	var before, after any
	require.NoError(t, json.Unmarshal(text, into))
	require.NoError(t, json.Unmarshal(text, &before))
	require.NoError(t, json.Unmarshal(jsonOf(t, into), &after))
	contains(t, "", before, after)
}

func contains(t *testing.T, path string, before, after any) {
	t.Helper()
	switch before := before.(type) {
	case object:
		got, _ := after.(object)
		for name, value := range before {
			require.Contains(t, got, name, "%s is not decoded", path)
			contains(t, path+"."+name, value, got[name])
		}
	case []any:
		got, _ := after.([]any)
		require.Len(t, got, len(before), path)
		for i := range before {
			contains(t, fmt.Sprintf("%s[%d]", path, i), before[i], got[i])
		}
	default:
		if after == "[secret]" {
			return
		}
		assert.Equal(t, before, after, path)
	}
}

func TestEveryCreatedPaymentDecodes(t *testing.T) {
	t.Parallel()
	texts := map[string][]byte{}
	base := object{"id": "p-1", "user": object{"id": "u-1"}, "resource_token": "the-token"}
	for name, tc := range map[string]struct {
		answer       object
		status       payonce.Status
		next         string
		noMoneyMoved bool
	}{
		"to authorize":            {with(base, object{"status": "authorization_required"}), payonce.StatusActionRequired, "", false},
		"to authorize, on a page": {with(base, object{"status": "authorization_required", "hosted_page": object{"uri": "https://page"}}), payonce.StatusActionRequired, "https://page", false},
		"authorizing":             {with(base, object{"status": "authorizing", "authorization_flow": flowAnswer}), payonce.StatusActionRequired, "https://bank.example/secret", false},
		"authorizing, waiting":    {with(base, object{"status": "authorizing", "authorization_flow": object{"actions": object{"next": object{"type": "wait"}}}}), payonce.StatusActionRequired, "", false},
		"authorized":              {with(base, object{"status": "authorized"}), payonce.StatusAuthorized, "", false},
		"failed":                  {with(base, object{"status": "failed", "failure_stage": "authorizing", "failure_reason": "provider_error"}), payonce.StatusFailed, "", true},
	} {
		text := jsonOf(t, tc.answer)
		texts[name] = text
		nothingIsLost(t, text, new(truelayer.CreatedPayment))
		payment, err := newProvider(t).Portable().Payment("payment.create", text)
		require.NoError(t, err)
		assert.Equal(t, tc.status, payment.Status, name)
		assert.Equal(t, tc.next, payment.NextURL.Reveal(), name)
		assert.Equal(t, "the-token", payment.ClientToken.Reveal(), name)
		assert.Equal(t, tc.noMoneyMoved, payment.NoMoneyMoved, name)
		assert.Zero(t, payment.Amount.Minor, "it is not echoed")
	}
	requireAll(t, openAPI(t).schema(t, "CreatedPayment"), texts)
}

func TestEveryRefundStatusDecodes(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	base := object{"id": "r-1", "amount_in_minor": 5, "currency": "EUR", "reference": "r", "created_at": at, "metadata": object{"a": "b"}}
	var items []any
	for name, tc := range map[string]struct {
		answer object
		status payonce.Status
	}{
		"pending":    {with(base, object{"status": "pending"}), payonce.StatusPending},
		"authorized": {with(base, object{"status": "authorized"}), payonce.StatusPending},
		"executed":   {with(base, object{"status": "executed", "executed_at": atMicro}), payonce.StatusSucceeded},
		"failed":     {with(base, object{"status": "failed", "executed_at": at, "failed_at": at, "failure_reason": "returned"}), payonce.StatusFailed},
	} {
		text := jsonOf(t, tc.answer)
		nothingIsLost(t, text, new(truelayer.Refund))
		refund, err := p.Refund("refund.get", text)
		require.NoError(t, err)
		assert.Equal(t, tc.status, refund.Status, name)
		assert.Equal(t, payonce.Amount{Minor: 5, Currency: "EUR"}, refund.Amount)
		items = append(items, tc.answer)
	}
	list := jsonOf(t, object{"items": items})
	require.NoError(t, conforms(t, openAPI(t).schema(t, "GetPaymentRefunds"), list))
	page, next, err := p.Refunds(list)
	require.NoError(t, err)
	assert.Len(t, page, 4)
	assert.Empty(t, next)
	assert.NotEmpty(t, page[0].Raw)

	created, err := p.Refund("refund.create", []byte(`{"id":"r-1"}`))
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusPending, created.Status)
	assert.Empty(t, created.ProviderStatus)
}

func TestEveryPayoutStatusDecodes(t *testing.T) {
	t.Parallel()
	spec := openAPI(t)
	texts := map[string][]byte{}
	found := with(source(""), object{"reference": "r"})
	verification := object{"id": account, "status": "completed", "match_result": object{"type": "partial_match", "account_holder_name": "J", "reason": "x"}}
	beneficiaries := []object{
		with(found, object{"type": "external_account", "account_holder_verification": verification}),
		with(found, object{"type": "payment_source", "user_id": "u", "payment_source_id": "s"}),
		with(found, object{"type": "business_account"}),
		with(source(""), object{"type": "verified_external_account", "account_holder_verification_id": account}),
		with(found, object{"type": "user_determined", "user": object{"id": "u"}, "verification": object{"verify_name": true}}),
	}
	for status, more := range map[string]object{
		"pending": {}, "authorization_required": {}, "authorizing": {}, "authorized": {}, "executed": {"executed_at": at},
		"failed": {"executed_at": at, "failed_at": atMicro, "failure_reason": "returned"},
	} {
		for _, beneficiary := range beneficiaries {
			text := jsonOf(t, with(object{
				"id": "o-1", "merchant_account_id": account, "amount_in_minor": 7, "currency": "PLN", "beneficiary": beneficiary, "metadata": object{"a": "b"},
				"scheme_id": "polish_domestic_express", "created_at": at, "status": status,
			}, more))
			texts[fmt.Sprint(status, beneficiary["type"])] = text
			var payout truelayer.Payout
			nothingIsLost(t, text, &payout)
			assert.Equal(t, payonce.Amount{Minor: 7, Currency: "PLN"}, payout.Amount())
		}
	}
	requireAll(t, spec.schema(t, "Payout"), texts)
	text := jsonOf(t, object{"id": "o-1", "status": "authorization_required", "resource_token": "t", "user": object{"id": "u"}})
	require.NoError(t, conforms(t, spec.schema(t, "PayoutCreated"), text))
	var created truelayer.CreatedPayout
	nothingIsLost(t, text, &created)
	assert.Equal(t, "t", created.ResourceToken.Reveal())
}

func TestEveryTransactionDecodes(t *testing.T) {
	t.Parallel()
	texts := map[string][]byte{}
	base := object{"id": "t-1", "currency": "GBP", "amount_in_minor": 3}
	out := object{"status": "executed", "created_at": at, "executed_at": at, "beneficiary": object{"type": "business_account"}, "context_code": "withdrawal", "returned_by": "t-2", "scheme_id": "faster_payments_service", "metadata": object{"a": "b"}}
	for _, more := range []object{
		{"type": "merchant_account_payment", "status": "settled", "settled_at": at, "payment_source": source("s-1"), "payment_id": "p-1", "metadata": object{"a": "b"}},
		{"type": "external_payment", "status": "settled", "settled_at": at, "remitter": with(source(""), object{"reference": "r"}), "return_for": object{"type": "identified", "returned_id": "o-1"}},
		with(out, object{"type": "payout", "payout_id": "o-1"}),
		with(out, object{"type": "refund", "refund_id": "r-1", "payment_id": "p-1"}),
	} {
		text := jsonOf(t, with(base, more))
		texts[fmt.Sprint(more["type"])] = text
		var transaction truelayer.Transaction
		nothingIsLost(t, text, &transaction)
		assert.Equal(t, payonce.Amount{Minor: 3, Currency: "GBP"}, transaction.Amount())
	}
	requireAll(t, openAPI(t).schema(t, "Transaction"), texts)
}

func TestFlowsDecode(t *testing.T) {
	t.Parallel()
	texts := map[string][]byte{}
	for _, next := range []object{
		{"type": "provider_selection", "providers": []any{object{"id": "a"}}},
		{"type": "scheme_selection", "schemes": []any{object{}}},
		{"type": "branch_selection", "branches": []any{object{}}},
		{"type": "user_account_selection", "user_accounts": []any{object{}}},
		{"type": "form", "inputs": []any{object{}}},
		{"type": "consent", "subsequent_action_hint": "redirect", "requirements": object{"pis": object{}}},
		{"type": "redirect", "uri": "https://bank.example"},
		{"type": "wait"},
		{"type": "retry", "retry_options": []any{"Restart"}},
	} {
		text := jsonOf(t, object{"status": "authorizing", "authorization_flow": object{"actions": object{"next": next}}})
		texts[fmt.Sprint(next["type"])] = text
		nothingIsLost(t, text, new(truelayer.FlowResult))
	}
	requireAll(t, openAPI(t).schema(t, "PerformPaymentAction"), texts)
	nothingIsLost(t, []byte(`{"status":"failed","failure_stage":"authorizing","failure_reason":"expired"}`), new(truelayer.FlowResult))
}

// Older shapes, fields of the future and odd times must not make money unreadable.
func TestOddAnswersDecode(t *testing.T) {
	t.Parallel()
	var p truelayer.Payment
	require.NoError(t, json.Unmarshal([]byte(`{"id":"p","status":"settled","amount_in_minor":9223372036854775807,"currency":"GBP",
		"payment_method":{"type":"bank_transfer","beneficiary":{"type":"brand_new"}},"succeeded_at":"2022-01-17T17:13:18.214924Z",
		"settled_at":"2022-01-17T17:13:18","created_at":"yesterday","executed_at":17,"settlement_risk":{"category":"low_risk"}}`), &p))
	assert.Equal(t, int64(1<<63-1), p.AmountInMinor)
	assert.Equal(t, time.Date(2022, 1, 17, 17, 13, 18, 214924000, time.UTC), p.SucceededAt.Time)
	assert.Equal(t, time.Date(2022, 1, 17, 17, 13, 18, 0, time.UTC), p.SettledAt.Time)
	assert.True(t, p.CreatedAt.IsZero())
	assert.True(t, p.ExecutedAt.IsZero())

	var transaction truelayer.Transaction
	require.NoError(t, json.Unmarshal([]byte(`{"type":"external_payment","remitter":{"account_holder_name":"A","account_identifier":{"type":"iban","iban":"X"}}}`), &transaction))
	assert.Equal(t, "X", transaction.Remitter.AccountIdentifier.IBAN)

	portable := newProvider(t).Portable()
	for body, want := range map[string]payonce.Status{`{"status":"brand_new"}`: "", `{"status":"reversed"}`: payonce.StatusReturned, `{"status":"failed"}`: payonce.StatusFailed} {
		payment, err := portable.Payment("payment.get", []byte(body))
		require.NoError(t, err)
		assert.Equal(t, want, payment.Status)
		assert.False(t, payment.NoMoneyMoved, "an answer that doesn't say how far it was proves nothing")
	}
	for _, body := range []string{``, `[]`, `null`, `"canary"`, `{"id":"canary"`} {
		_, err := portable.Payment("payment.get", []byte(body))
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := portable.Refund("refund.get", []byte(`[]`))
	require.Error(t, err)
	_, _, err = portable.Refunds([]byte(`{"items":[1]}`))
	require.Error(t, err)
	canceled, err := portable.Payment("payment.cancel", nil)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusPending, canceled.Status)
}
