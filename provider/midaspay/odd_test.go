package midaspay_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestAnOrderThatWasMadeIsTold(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"reference_id":5`, `"succeed":null`, `"create_time":{}`, `"update_time":7`, `"purchase_units":null`} {
		w := open(t)
		w.then(says(200, `{"id":"O-1","status":"CREATED",`+odd+`}`))
		payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.NoError(t, err, odd)
		assert.Equal(t, "O-1", payment.ID, odd)
		assert.Equal(t, payonce.StatusPending, payment.Status, odd)
	}
}

func TestARefundThatWasMadeIsTold(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(says(200, `{"id":"R-1","status":"REFUNDING","reference_id":5,"create_time":[]}`))
	refund, err := w.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-1", PaymentID: "O-1", Amount: usd(100)})
	require.NoError(t, err)
	assert.Equal(t, []string{"R-1", "REFUNDING"}, []string{refund.ID, refund.ProviderStatus})
}

func TestANativeAnswerHasWhatCanBeRead(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.then(
		says(200, `{"id":"O-1","status":"CREATED","reference_id":5}`),
		says(200, `{"subscriptions":[{"id":"S-1","status":"ACTIVE","subscriber":7,"subscription_units":[{"total_cycles":"x","product":{"id":"p"}}]}]}`),
		says(200, `{"payment_details":[],"transaction":{"id":"T-1","external_id":"order-1","status":"Completed","project":5},"user":{"id":5,"name":"N"}}`),
	)
	made, err := w.api.Orders.Get(t.Context(), "O-1")
	require.NoError(t, err)
	assert.Equal(t, []string{"O-1", "CREATED", ""}, []string{made.Value.ID, string(made.Value.Status), made.Value.ReferenceID})
	found, err := w.api.Subscriptions.Query(t.Context(), "S-1")
	require.NoError(t, err)
	require.Len(t, found.Value.Subscriptions, 1)
	assert.Equal(t, midaspay.Subscription{
		ID: "S-1", Status: midaspay.SubscriptionActive, Units: []midaspay.SubscribedUnit{{Product: midaspay.Product{ID: "p"}}},
	}, found.Value.Subscriptions[0])
	transaction, err := w.api.MOR.GetTransaction(t.Context(), "order-1")
	require.NoError(t, err)
	assert.Equal(t, []string{"T-1", "N"}, []string{transaction.Value.Transaction.ID, transaction.Value.User.Name})
}

func TestAListOfSubscriptionsIsNeverSilentlyEmpty(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{`{"subscriptions":{}}`, `{"subscriptions":[5]}`, `{"subscriptions":"x"}`} {
		w := open(t)
		w.then(says(200, wrong), says(200, wrong), says(200, wrong), says(200, wrong))
		_, err := w.api.Subscriptions.Query(t.Context(), "S-1")
		require.ErrorIs(t, err, payonce.ErrUnavailable, wrong)
	}
}

// The strict reading of a subscription that was looked up tells whether it is ours.
func TestAnOddPhaseIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`{"period":{"value":"1"}}`, `{"total_cycles":"many"}`, `{"product":7}`} {
		req := &payonce.Request{Kind: "midaspay.subscription.create", Key: "k", Body: payonce.Raw(`{"subscriber":{"id":"u-1"}}`)}
		v := newProvider(t).ClassifyLookup(req, answer(200, `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"},"subscription_units":[`+odd+`]}]}`))
		assert.Equal(t, unknown, v.Class, odd)
	}
}

func TestAStatusInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	two := says(200, `{"id":"O-1","ID":"O-2","status":"CREATED","Status":"FAILED"}`)
	w := open(t)
	w.then(two, two)
	payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
	require.NoError(t, err)
	assert.Equal(t, []string{"O-1", "CREATED"}, []string{payment.ID, payment.ProviderStatus})
	assert.False(t, payment.NoMoneyMoved)
	_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}), payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "nothing says that the first one is over")
}

func TestAnAmountInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	body := `{"id":"O-1","status":"CREATED","purchase_units":[{"amount":{"currency_code":"USD","value":"50.00","Value":"1.00"},"Amount":{}}]}`
	p := newProvider(t)
	payment, err := p.Portable().Payment("payment.get", []byte(body))
	require.NoError(t, err)
	assert.Equal(t, usd(5000), payment.Amount)
}

func TestAnEventInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	e := parse(t, `{"id":"W","resource_type":"PAYMENT_ORDER","resource":{"merchant_id":"`+merchantID+`","id":"O-1","reference_id":"k","status":"CREATED","Status":"FAILED","ID":"O-2"}}`)
	assert.Equal(t, []string{"O-1", "CREATED"}, []string{e.Portable().ResourceID, e.Portable().ProviderStatus})
	assert.False(t, e.Portable().NoMoneyMoved)
	assert.Equal(t, midaspay.OrderCreated, e.Order.Status)
}

func TestAnOddFieldDoesNotHideAnEvent(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"summary":7`, `"create_time":{}`, `"event_type":[]`, `"resource_type":2`} {
		e := parse(t, `{"id":"W","resource":{"merchant_id":"`+merchantID+`","id":"O-1","reference_id":"k","status":"COMPLETED","purchase_units":[5]},`+odd+`}`)
		assert.Equal(t, []string{"O-1", "COMPLETED"}, []string{e.Portable().ResourceID, e.Portable().ProviderStatus}, odd)
		assert.Zero(t, e.Portable().Amount, odd)
	}
}
