package midaspay_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func subscription() midaspay.SubscriptionParams {
	return midaspay.SubscriptionParams{
		Reference: "sub-1", SubMerchantID: "app-1", Subscriber: midaspay.Subscriber{ID: "u-1"},
		Units: []midaspay.SubscriptionUnit{
			{
				Product: midaspay.Product{ID: "gold"}, Period: midaspay.Period{PeriodUnit: "MONTH", Value: 1}, TotalCycles: 1,
				Extra: payonce.Raw(`{"kind":"PROMOTIONAL"}`),
			},
			{Product: midaspay.Product{ID: "gold", Name: "Gold"}, Period: midaspay.Period{PeriodUnit: "DAY", Value: 30}},
		},
	}
}

func checkoutToken() midaspay.MORTokenParams {
	return midaspay.MORTokenParams{
		Reference: "ext 1", User: midaspay.MORUser{ID: "u-1"}, Settings: midaspay.MORSettings{ProjectID: "p-1", Language: "fr-FR", WebhookURL: "https://shop.example"},
		Amount: usd(1234), Description: "2 shoes",
		Items:            []midaspay.MORItem{{SKU: "shoe", Name: "Shoe", Quantity: 2, Price: usd(617), VATIncluded: true, LogoURL: "https://shop.example/l"}, {SKU: "x", Quantity: 1}},
		CustomParameters: payonce.Raw(`{"a":1}`),
	}
}

// TestNativeWritesAreEncodedAsDocumented has the golden bytes of each.
func TestNativeWritesAreEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	own := payonce.Raw(`{"b": 2, "a": {"x": 1.10}}`)
	for want, make := range map[string]func() (payonce.Operation, error){
		`refund.create refund-1 POST /v1/payment/orders/refund keyed {"a":{"x":1.10},"b":2,"reference_id":"k"}`: func() (payonce.Operation, error) {
			return midaspay.CreateRefund(midaspay.RefundParams{Reference: "refund-1", Body: own, NotAfter: at})
		},
		`midaspay.authorization.create auth-1 POST /v1/payment/orders/authorization keyed {"a":{"x":1.10},"b":2,"reference_id":"k"}`: func() (payonce.Operation, error) {
			return midaspay.CreateAuthorization(midaspay.AuthorizationParams{Reference: "auth-1", Body: own, NotAfter: at})
		},
		`midaspay.authorization.pay pay-1 POST /v1/authorization/payment once {"a":{"x":1.10},"authorization_id":"A-1","b":2,"payer":{"payer_id":"u-1"},"reference_id":"k"}`: func() (payonce.Operation, error) {
			return midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "pay-1", AuthorizationID: "A-1", Payer: midaspay.Payer{PayerID: "u-1"}, Extra: own, NotAfter: at})
		},
		`midaspay.authorization.cancel A-1 POST /v1/authorization/cancel by state {"a":{"x":1.10},"authorization_id":"A-1","b":2}`: func() (payonce.Operation, error) {
			return midaspay.CancelAuthorization(midaspay.CancelAuthorizationParams{AuthorizationID: "A-1", Extra: own, NotAfter: at})
		},
		`midaspay.subscription.create sub-1 POST /v1/subscription/create keyed {"reference_id":"k","sub_merchant_id":"app-1","subscriber":{"id":"u-1"},"subscription_units":[` +
			`{"kind":"PROMOTIONAL","period":{"period_unit":"MONTH","value":1},"product":{"id":"gold"},"total_cycles":1},` +
			`{"period":{"period_unit":"DAY","value":30},"product":{"id":"gold","name":"Gold"},"total_cycles":0}]}`: func() (payonce.Operation, error) {
			params := subscription()
			params.NotAfter = at
			return midaspay.Subscribe(p)(params)
		},
		`midaspay.subscription.cancel again POST /v1/subscription/cancel by state {"id":"S-1"}`: func() (payonce.Operation, error) {
			return midaspay.Unsubscribe(midaspay.CancelSubscriptionParams{SubscriptionID: "S-1", Reference: "again", NotAfter: at})
		},
		`midaspay.mor_session.create s-1 POST /v1/mor/session/create keyed {"a":{"x":1.10},"b":2,"reference_id":"k"}`: func() (payonce.Operation, error) {
			return midaspay.CreateMORSession(midaspay.MORSessionParams{Reference: "s-1", Body: own, NotAfter: at})
		},
		`midaspay.mor_token.create ext 1 POST /v1/mor/token/create once {"custom_parameters":{"a":1},"purchase":{"checkout":{"amount":"12.34","currency":"USD"},"description":"2 shoes","items":[` +
			`{"logo_url":"https://shop.example/l","name":"Shoe","price":{"amount":"6.17","vat_included":true},"quantity":2,"sku":"shoe"},{"quantity":1,"sku":"x"}]},` +
			`"settings":{"project_id":"p-1","language":"fr-FR","webhook_url":"https://shop.example","external_id":"ext 1"},"user":{"id":"u-1","authenticated":false}}`: func() (payonce.Operation, error) {
			params := checkoutToken()
			params.NotAfter = at
			return midaspay.CreateMORToken(p)(params)
		},
		`midaspay.card.create c-1 POST /v1/card/token/create keyed {"a":{"x":1.10},"b":2,"reference_id":"k"}`: func() (payonce.Operation, error) {
			return midaspay.CreateCard(midaspay.CardParams{Reference: "c-1", Path: "token/create", Body: own, NotAfter: at})
		},
	} {
		op, err := make()
		require.NoError(t, err)
		replay := map[payonce.Replay]string{payonce.ReplayKeyed: "keyed", payonce.ReplayByState: "by state", payonce.ReplayOnce: "once"}[op.Replay]
		assert.Equal(t, want, op.String()+" "+replay+" "+encode(t, op, "k", 1))
		assert.Equal(t, at, op.NotAfter)
		assert.NotContains(t, encode(t, op, "", 0), `"k"`, "the key is no content")
	}
}

func TestNativeWritesThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	sub := func(change func(*midaspay.SubscriptionParams)) error {
		params := subscription()
		change(&params)
		_, err := midaspay.Subscribe(p)(params)
		return err
	}
	token := func(change func(*midaspay.MORTokenParams)) error {
		params := checkoutToken()
		change(&params)
		_, err := midaspay.CreateMORToken(p)(params)
		return err
	}
	card := func(path, body string) error {
		_, err := midaspay.CreateCard(midaspay.CardParams{Reference: "c", Path: path, Body: payonce.Raw(body)})
		return err
	}
	_, noRefund := midaspay.CreateRefund(midaspay.RefundParams{Reference: "r"})
	_, ownKey := midaspay.CreateAuthorization(midaspay.AuthorizationParams{Reference: "r", Body: payonce.Raw(`{"reference_id":"canary"}`)})
	_, array := midaspay.CreateMORSession(midaspay.MORSessionParams{Reference: "r", Body: payonce.Raw(`["canary"]`)})
	_, noID := midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "r"})
	_, otherID := midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "r", AuthorizationID: "A", Extra: payonce.Raw(`{"authorizationId":"canary"}`)})
	_, noPayer := midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "r", AuthorizationID: "A", Payer: midaspay.Payer{PayerIP: "1"}})
	_, oddID := midaspay.CancelAuthorization(midaspay.CancelAuthorizationParams{AuthorizationID: "é"})
	_, noSubscription := midaspay.Unsubscribe(midaspay.CancelSubscriptionParams{})
	for _, tc := range []struct {
		err  error
		want string
	}{
		{noRefund, "Body: is required"},
		{ownKey, "Body: must not hold reference_id"},
		{array, "Body: must be a JSON object"},
		{noID, "AuthorizationID: is required"},
		{otherID, "Extra: must not hold authorization_id"},
		{noPayer, "Payer.PayerID: is required"},
		{oddID, "AuthorizationID: is not an id"},
		{noSubscription, "SubscriptionID: is required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.SubMerchantID = "" }), "SubMerchantID: is required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Subscriber.ID = "" }), "Subscriber.ID: is required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Subscriber.ID = strings.Repeat("x", 65) }), "Subscriber.ID: must have at most 64"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Subscriber.Email = "canary" }), "Subscriber.Email: must be an email"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units = nil }), "Units: are required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[0].Product.ID = "" }), "Units[0].Product.ID: is required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[1].Period = midaspay.Period{} }), "Units[1].Period.PeriodUnit: is required"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[1].Period.Value = 0 }), "Units[1].Period.Value: must be at least 1"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[0].TotalCycles = 0 }), "Units[0].TotalCycles: must be 1 to 999, is 0"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[0].TotalCycles = 1000 }), "Units[0].TotalCycles: must be 1 to 999"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[1].TotalCycles = -1 }), "Units[1].TotalCycles: is negative"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Extra = payonce.Raw(`{"reference_id":"canary"}`) }), "Extra: must not hold reference_id"},
		{sub(func(p *midaspay.SubscriptionParams) { p.Units[0].Extra = payonce.Raw(`{"totalCycles":1}`) }), "Units[0].Extra: must not hold total_cycles"},
		{token(func(p *midaspay.MORTokenParams) { p.Reference = "" }), "Reference: is required"},
		{token(func(p *midaspay.MORTokenParams) { p.User.ID = "" }), "User.ID: is required"},
		{token(func(p *midaspay.MORTokenParams) { p.User.Email = "canary" }), "User.Email: must be"},
		{token(func(p *midaspay.MORTokenParams) { p.Settings.ProjectID = "" }), "Settings.ProjectID: is required"},
		{token(func(p *midaspay.MORTokenParams) { p.Settings.WebhookURL = "http://x" }), "Settings.WebhookURL: must start with https://"},
		{token(func(p *midaspay.MORTokenParams) { p.Amount.Minor = 0 }), "Amount: must be at least"},
		{token(func(p *midaspay.MORTokenParams) { p.Items[0].SKU = "" }), "Items[0].SKU: is required"},
		{token(func(p *midaspay.MORTokenParams) { p.Items[0].Quantity = 0 }), "Items[0].Quantity: must be 1 to"},
		{token(func(p *midaspay.MORTokenParams) { p.Items[0].Quantity = 1 << 31 }), "Items[0].Quantity: must be 1 to"},
		{token(func(p *midaspay.MORTokenParams) { p.Items[0].Price.Currency = "EUR" }), "Items[0].Price: must be in the checkout's"},
		{token(func(p *midaspay.MORTokenParams) { p.CustomParameters = payonce.Raw(`"canary"`) }), "CustomParameters: must be a JSON object"},
		{card("", `{}`), "Path: is required"},
		{card("../payment/orders", `{}`), "Path: is not an id"},
		{card("a//b", `{}`), "Path: is required"},
		{card("a?b", `{}`), "Path: is not an id"},
		{card("bind", ``), "Body: is required"},
		{card("bind", `{"Reference_Id":"canary"}`), "Body: must not hold reference_id"},
	} {
		require.ErrorIs(t, tc.err, payonce.ErrInvalid, tc.want)
		require.ErrorContains(t, tc.err, tc.want)
		assert.NotContains(t, tc.err.Error(), "canary")
	}
	require.NoError(t, sub(func(p *midaspay.SubscriptionParams) { p.Extra = payonce.Raw(`{"return_url":"https://shop.example"}`) }))
	_, err := midaspay.Subscribe(newProvider(t, func(c *midaspay.Config) { c.SubMerchantID = "app-2" }))(func() midaspay.SubscriptionParams {
		params := subscription()
		params.SubMerchantID = ""
		return params
	}())
	require.NoError(t, err, "the provider's own sub-merchant")
}

func TestASubscriptionReadsTheSameFromEveryAnswer(t *testing.T) {
	t.Parallel()
	const units = `"subscription_units":[{"product":{"id":"gold"},"period":{"period_unit":"DAY","value":30},"total_cycles":0}]`
	want := midaspay.Subscription{
		ID: "S-1", ReferenceID: "k", MerchantID: "m", Status: midaspay.SubscriptionActive, Subscriber: midaspay.Subscriber{ID: "u"},
		Units: []midaspay.SubscribedUnit{{Product: midaspay.Product{ID: "gold"}, Period: midaspay.Period{PeriodUnit: "DAY", Value: 30}, TotalCycles: "0"}},
	}
	for _, body := range []string{
		`{"id":"S-1","reference_id":"k","merchant_id":"m","subscriber":{"id":"u"},"status":"ACTIVE",` + units + `}`,
		`{"id":"S-1","reference_id":"k","merchant_id":"m","subscriber":{"id":"u"},"subscription_status":"ACTIVE",` + units + `}`,
		`{"subscriptions":[{"id":"S-1","reference_id":"k","merchant_id":"m","subscriber":{"id":"u"},"subscription_status":"ACTIVE",` + units + `}]}`,
	} {
		var got midaspay.Subscription
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		assert.Equal(t, want, got, body)
	}
	var two midaspay.Subscription
	require.NoError(t, json.Unmarshal([]byte(`{"subscriptions":[{"id":"S-1"},{"id":"S-2"}]}`), &two))
	assert.Zero(t, two)
	for _, status := range []midaspay.SubscriptionStatus{
		midaspay.SubscriptionUnknown, midaspay.SubscriptionPending, midaspay.SubscriptionApproved, midaspay.SubscriptionActive, midaspay.SubscriptionSuspended,
		midaspay.SubscriptionCancelled, midaspay.SubscriptionVoided, midaspay.SubscriptionCompleted, "A_WORD_OF_TOMORROW",
	} {
		var got midaspay.CanceledSubscription
		require.NoError(t, json.Unmarshal([]byte(`{"status":"`+string(status)+`"}`), &got))
		assert.Equal(t, status, got.Status)
	}
	for _, status := range []midaspay.TransactionStatus{
		midaspay.TransactionUnknown, midaspay.TransactionPending, midaspay.TransactionCompleted, midaspay.TransactionCancelled, "Tomorrow",
	} {
		var got midaspay.MORTransaction
		require.NoError(t, json.Unmarshal([]byte(`{"transaction":{"status":"`+string(status)+`","payment_date":"soon"}}`), &got))
		assert.Equal(t, status, got.Transaction.Status)
		assert.True(t, got.Transaction.PaymentDate.IsZero())
	}
}
