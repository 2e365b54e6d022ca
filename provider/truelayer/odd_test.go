package truelayer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// abandoned is a payment that failed before it was executed, with one more field.
func abandoned(field string) string {
	return `{"id":"p-1","status":"failed","failure_stage":"authorizing","failure_reason":"expired","amount_in_minor":5,"currency":"GBP",` + field + `}`
}

func TestAnOddFieldDoesNotHideAPayment(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for _, odd := range []string{`"metadata":{"n":1}`, `"payment_method":[]`, `"user_consent":true`, `"reversal_reason":1`, `"authorization_flow":"x"`, `"failed_attempts":[5]`} {
		payment, err := p.Payment("payment.get", []byte(abandoned(odd)))
		require.NoError(t, err, odd)
		assert.Equal(t, []string{"p-1", "failed", "expired"}, []string{payment.ID, payment.ProviderStatus, payment.FailureCode}, odd)
		assert.Equal(t, payonce.Amount{Minor: 5, Currency: "GBP"}, payment.Amount, odd)
		assert.Empty(t, payment.Metadata, odd)
		assert.True(t, payment.NoMoneyMoved, odd)
	}
}

func TestWhatWouldTellOfMoneyMustBeReadable(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for field, want := range map[string]bool{
		`"failure_funds_stage":7`: false, `"failure_funds_stage":{}`: false, `"executed_at":true`: false, `"executed_at":"soon"`: false, `"reversed_at":{}`: false,
		`"failure_funds_stage":null`: true, `"failure_funds_stage":"not_received"`: true, `"executed_at":null`: true, `"reversed_at":""`: true,
	} {
		payment, err := p.Payment("payment.get", []byte(abandoned(field)))
		require.NoError(t, err, field)
		assert.Equal(t, want, payment.NoMoneyMoved, field)
	}
}

func TestAnOddFieldDoesNotHideARefund(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	refund, err := p.Refund("refund.get", []byte(`{"id":"r-1","status":"executed","reference":5,"metadata":[]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"r-1", "executed"}, []string{refund.ID, refund.ProviderStatus})
	page, _, err := p.Refunds([]byte(`{"items":[{"id":"r-1","status":"pending","metadata":{"n":1}},{"id":"r-2","currency":[]}]}`))
	require.NoError(t, err)
	require.Len(t, page, 2)
	assert.Equal(t, []string{"r-1", "pending", "r-2"}, []string{page[0].ID, page[0].ProviderStatus, page[1].ID})
}

func TestANativeAnswerHasWhatCanBeRead(t *testing.T) {
	t.Parallel()
	provider := newProvider(t)
	client, _ := (&reads{answers: map[string]string{
		"/v3/payments/p-1":          `{"id":"p-1","status":"settled","payment_source":5,"metadata":{"n":1,"a":"b"}}`,
		"/v3/payments/p-1/refunds":  `{"items":[{"id":"r-1","metadata":5}]}`,
		"/v3/merchant-accounts":     `{"items":[{"id":"a-1","account_identifiers":{}}]}`,
		"/v3/payouts/o-1":           `{"id":"o-1","status":"executed","beneficiary":[],"scheme_id":5}`,
		"/v3/merchant-accounts/a-1": `{"id":"a-1","currency":"GBP","available_balance_in_minor":"7"}`,
	}}).client(t)
	api := provider.API(client)
	payment, err := api.Payments.Get(t.Context(), "p-1")
	require.NoError(t, err)
	assert.Equal(t, truelayer.Payment{ID: "p-1", Status: "settled", Metadata: map[string]string{"a": "b"}}, payment.Value)
	refunds, err := api.Refunds.List(t.Context(), "p-1")
	require.NoError(t, err)
	assert.Equal(t, []truelayer.Refund{{ID: "r-1"}}, refunds.Value.Items)
	accounts, err := api.MerchantAccounts.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []truelayer.MerchantAccount{{ID: "a-1"}}, accounts.Value.Items)
	payout, err := api.Payouts.Get(t.Context(), "o-1")
	require.NoError(t, err)
	assert.Equal(t, truelayer.Payout{ID: "o-1", Status: "executed"}, payout.Value)
	account, err := api.MerchantAccounts.Get(t.Context(), "a-1")
	require.NoError(t, err)
	assert.Equal(t, truelayer.MerchantAccount{ID: "a-1", Currency: "GBP"}, account.Value)
}

func TestAListThatCantBeReadIsAnError(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, wrong := range []string{`{}`, `{"items":{}}`, `{"items":null}`, `{"items":[5]}`, `{"Items":[]}`, `[]`} {
		_, _, err := p.Portable().Refunds([]byte(wrong))
		require.Error(t, err, "never silently empty: %s", wrong)
		client, _ := (&reads{answers: map[string]string{"/v3/merchant-accounts": wrong}}).client(t)
		_, err = p.API(client).MerchantAccounts.List(t.Context())
		require.ErrorIs(t, err, payonce.ErrUnavailable, wrong)
	}
}

func TestAPageWhoseCursorCantBeReadIsNotTheLast(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{`"pagination":{"next_cursor":7}`, `"pagination":[]`} {
		client, _ := (&reads{answers: map[string]string{"/v3/merchant-accounts/a-1/transactions": `{"items":[],` + wrong + `}`}}).client(t)
		params := truelayer.TransactionsParams{MerchantAccountID: "a-1", From: receivedAt, To: receivedAt.Add(1)}
		var last error
		for _, err := range newProvider(t).API(client).MerchantAccounts.Transactions(t.Context(), params) {
			last = err
		}
		require.ErrorIs(t, last, payonce.ErrUnavailable, wrong)
	}
}

func TestAStatusInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	two := `{"id":"p-1","ID":"p-2","status":"authorizing","Status":"failed","failure_stage":"authorizing"}`
	v := classify(t, "payment.create", 201, two, "")
	assert.Equal(t, succeeded, v.Class)
	payment, err := newProvider(t).Portable().Payment("payment.create", []byte(two))
	require.NoError(t, err)
	assert.Equal(t, []string{v.ResourceID, v.Code}, []string{payment.ID, payment.ProviderStatus})
	assert.Equal(t, []string{"p-1", "authorizing"}, []string{payment.ID, payment.ProviderStatus})
	assert.False(t, payment.NoMoneyMoved)
}

func TestAnEventInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	e, err := truelayer.ParseEvent([]byte(`{"event_id":"e-1","type":"payment_executed","Type":"payment_failed","payment_id":"p-1","Payment_ID":"p-2","failure_stage":"authorizing"}`))
	require.NoError(t, err)
	p := truelayer.AsRead(e, "mine").Portable()
	assert.Equal(t, []string{"p-1", "executed"}, []string{p.ResourceID, p.ProviderStatus})
	assert.False(t, p.NoMoneyMoved)
}
