package midaspay_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestUnitsThatWereSentWithoutAnIDAreComparedByTheirPlace(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	req := ask("midaspay.authorization.create")
	req.Body = payonce.Raw(`{"reference_id":"k","purchase_units":[{"amount":{"currency_code":"USD","value":"1.00"}},{"reference_id":"b","amount":{"currency_code":"USD","value":"2.00"}}]}`)
	for units, want := range map[string]payonce.Class{
		`[{"reference_id":"default","amount":{"currency_code":"USD","value":"1.00"}},{"reference_id":"b","amount":{"currency_code":"USD","value":"2.00"}}]`: succeeded,
		`[{"amount":{"currency_code":"USD","value":"1"}},{"amount":{"currency_code":"USD","value":"2"}}]`:                                                   succeeded,
		`[{"reference_id":"default"},{"reference_id":"b"}]`:                                                                                                 succeeded,
		`[{"reference_id":"default","amount":{"currency_code":"USD","value":"2.00"}},{"reference_id":"b"}]`:                                                 mismatch,
		`[{"reference_id":"default"},{"reference_id":"c"}]`:                                                                                                 mismatch,
		`[{"reference_id":"default"}]`: mismatch,
	} {
		assert.Equal(t, want, p.Classify(req, answer(200, `{"id":"A-1","reference_id":"k","purchase_units":`+units+`}`)).Class, units)
	}
}

func TestASubscriptionToSomethingElseIsNotOurs(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	req := ask("midaspay.subscription.create")
	op, err := midaspay.Subscribe(p)(subscription())
	require.NoError(t, err)
	req.Body = payonce.Raw(encode(t, op, "k", 1))
	const units = `[{"product":{"id":"gold"},"period":{"period_unit":"MONTH","value":1},"total_cycles":1},{"product":{"id":"gold"},"period":{"period_unit":"DAY","value":30},"total_cycles":0}]`
	change := func(old, now string) string { return strings.Replace(units, old, now, 1) }
	for name, tc := range map[string]struct {
		units string
		want  payonce.Class
	}{
		"the same":                 {units, succeeded},
		"no cycles told":           {change(`,"total_cycles":1`, ""), succeeded},
		"no product told":          {change(`"product":{"id":"gold"},`, ""), succeeded},
		"no units told":            {`[]`, succeeded},
		"another product":          {change("gold", "platinum"), payonce.ClassReuse},
		"another period":           {change("MONTH", "YEAR"), payonce.ClassReuse},
		"a longer period":          {change(`"value":1`, `"value":2`), payonce.ClassReuse},
		"more cycles":              {change(`"total_cycles":1`, `"total_cycles":3`), payonce.ClassReuse},
		"cycles that end":          {change(`"total_cycles":0`, `"total_cycles":12`), payonce.ClassReuse},
		"one unit less":            {`[{"product":{"id":"gold"}}]`, payonce.ClassReuse},
		"units in another form":    {`"gold"`, unknown},
		"another second product":   {strings.Replace(units, `{"id":"gold"},"period":{"period_unit":"DAY"`, `{"id":"x"},"period":{"period_unit":"DAY"`, 1), payonce.ClassReuse},
		"the same, spelled longer": {change(`"product":{"id":"gold"}`, `"product":{"id":"gold","name":"Gold"}`), succeeded},
	} {
		v := p.ClassifyLookup(req, answer(200, `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"},"status":"ACTIVE","subscription_units":`+tc.units+`}]}`))
		assert.Equal(t, tc.want, v.Class, name)
	}
}

func TestATransactionOfAnotherCheckoutIsNotOurs(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	req := ask("midaspay.mor_token.create")
	op, err := midaspay.CreateMORToken(p)(checkoutToken())
	require.NoError(t, err)
	req.Body = payonce.Raw(encode(t, op, "k", 1))
	const whole = `{"payment_details":{"payment":{"amount":"12.34","currency":"USD","net_amount":"10.00"}},` +
		`"transaction":{"external_id":"ext 1","id":"T-1","payment_date":"2026-09-21T12:00:00Z","project":{"id":"p-1"},"status":"Completed"}}`
	change := func(old, now string) string { return strings.Replace(whole, old, now, 1) }
	for name, tc := range map[string]struct {
		body string
		want payonce.Class
	}{
		"the same":                  {whole, succeeded},
		"with tax on top":           {strings.Replace(change("12.34", "14.81"), "10.00", "12.34", 1), succeeded},
		"not paid yet":              {change("12.34", "0.00"), succeeded},
		"no amount told":            {change(`"amount":"12.34",`, ""), succeeded},
		"an amount in digits":       {change(`"12.34"`, "12.340"), succeeded},
		"no currency told":          {change(`"currency":"USD",`, ""), succeeded},
		"a currency in small ones":  {change("USD", "usd"), succeeded},
		"no payment told":           {change("payment_details", "details"), succeeded},
		"no project told":           {change(`"p-1"`, `""`), succeeded},
		"no date told":              {change("2026-09-21T12:00:00Z", ""), succeeded},
		"5 minutes before":          {change("12:00:00", "11:55:00"), succeeded},
		"another amount":            {change("12.34", "12.35"), payonce.ClassReuse},
		"another currency":          {change("USD", "JPY"), payonce.ClassReuse},
		"another project":           {change("p-1", "p-2"), payonce.ClassReuse},
		"paid long before":          {change("2026-09-21", "2020-09-21"), payonce.ClassReuse},
		"paid just before":          {change("12:00:00", "11:54:59"), payonce.ClassReuse},
		"another external_id":       {change("ext 1", "ext 2"), mismatch},
		"another project, not paid": {change(`"p-1"},"status":"Completed"`, `"p-2"},"status":"Pending"`), payonce.ClassReuse},
	} {
		v := p.ClassifyLookup(req, answer(200, tc.body))
		assert.Equal(t, tc.want, v.Class, name)
		assert.Equal(t, "T-1", v.ResourceID, name)
	}
}

func TestWhateverIDAnOrderHasItCanBeVoidedAndRefunded(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, id := range []string{"2026.0001", "MP:123", "a+b=", strings.Repeat("a", 255)} {
		require.Equal(t, succeeded, p.Classify(ask("payment.create"), answer(200, `{"id":"`+id+`"}`)).Class)
		op, err := p.Portable().CancelPayment(payonce.CancelParams{PaymentID: id})
		require.NoError(t, err, id)
		assert.JSONEq(t, `{"id":"`+id+`"}`, encode(t, op, "k", 1))
		_, err = p.Portable().CreateRefund(payonce.RefundParams{Reference: "r", PaymentID: id, Amount: usd(1)})
		require.NoError(t, err, id)
		_, err = midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "r", AuthorizationID: id})
		require.NoError(t, err, id)
		_, err = midaspay.CancelAuthorization(midaspay.CancelAuthorizationParams{AuthorizationID: id})
		require.NoError(t, err, id)
		_, err = midaspay.Unsubscribe(midaspay.CancelSubscriptionParams{SubscriptionID: id})
		require.NoError(t, err, id)
	}
	for _, id := range []string{"", "a b", "a\n", "é", "../x", strings.Repeat("a", 256)} {
		_, err := p.Portable().CancelPayment(payonce.CancelParams{PaymentID: id})
		require.ErrorIs(t, err, payonce.ErrInvalid, id)
	}
}

func TestNoCallersJSONNamesAMerchant(t *testing.T) {
	t.Parallel()
	p := newProvider(t, func(c *midaspay.Config) { c.SubMerchantID = "app-1" })
	for _, own := range []payonce.Raw{payonce.Raw(`{"merchant_id":"canary"}`), payonce.Raw(`{"merchantId":"canary"}`), payonce.Raw(`{"MERCHANT_ID":""}`)} {
		refunds := newProvider(t, func(c *midaspay.Config) {
			c.RefundBody = func(payonce.RefundParams, midaspay.Money) map[string]any {
				return map[string]any{"merchant_id": "canary"}
			}
		})
		sub := subscription()
		sub.Extra = own
		phase := subscription()
		phase.Units[0].Extra = own
		var errs []error
		for _, m := range []midaspay.Order{{Extra: own}, {Context: own}, {Units: []midaspay.Unit{{Extra: own}}}} {
			_, err := p.Portable().CreatePayment(order(m))
			errs = append(errs, err)
		}
		for _, try := range []func() (payonce.Operation, error){
			func() (payonce.Operation, error) {
				return midaspay.CreateRefund(midaspay.RefundParams{Reference: "r", Body: own})
			},
			func() (payonce.Operation, error) {
				return refunds.Portable().CreateRefund(payonce.RefundParams{Reference: "r", PaymentID: "O-1", Full: true})
			},
			func() (payonce.Operation, error) {
				return midaspay.CreateAuthorization(midaspay.AuthorizationParams{Reference: "r", Body: own})
			},
			func() (payonce.Operation, error) {
				return midaspay.PayAuthorization(midaspay.AuthorizationPaymentParams{Reference: "r", AuthorizationID: "A", Extra: own})
			},
			func() (payonce.Operation, error) {
				return midaspay.CancelAuthorization(midaspay.CancelAuthorizationParams{AuthorizationID: "A", Extra: own})
			},
			func() (payonce.Operation, error) {
				return midaspay.CreateMORSession(midaspay.MORSessionParams{Reference: "r", Body: own})
			},
			func() (payonce.Operation, error) {
				return midaspay.CreateCard(midaspay.CardParams{Reference: "r", Path: "bind", Body: own})
			},
			func() (payonce.Operation, error) { return midaspay.Subscribe(p)(sub) },
			func() (payonce.Operation, error) { return midaspay.Subscribe(p)(phase) },
		} {
			_, err := try()
			errs = append(errs, err)
		}
		for i, err := range errs {
			require.ErrorIs(t, err, payonce.ErrInvalid, "%d", i)
			require.ErrorContains(t, err, "must not hold merchant_id: the merchant is the one that signs", "%d", i)
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	_, err := p.Portable().CreatePayment(order(midaspay.Order{Extra: payonce.Raw(`{"subMerchantId":"canary"}`)}))
	require.ErrorContains(t, err, "Extra: must not hold sub_merchant_id, which is filled in")
	params := subscription()
	params.Extra = payonce.Raw(`{"sub_merchant_id":"canary"}`)
	_, err = midaspay.Subscribe(p)(params)
	require.ErrorContains(t, err, "Extra: must not hold sub_merchant_id, which is filled in")
	token := checkoutToken()
	token.CustomParameters = payonce.Raw(`{"merchant_id":"is only passed through"}`)
	_, err = midaspay.CreateMORToken(p)(token)
	require.NoError(t, err)
}

// The key of the order with the reference order-1_payment is order-1_payment_payment.
func TestAUnitIsNoOtherOperationsKey(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, reference := range []string{"payment", "refund", "capture", "cancel", "2", "a_payment", "payment_2"} {
		_, err := p.Portable().CreatePayment(order(midaspay.Order{Units: []midaspay.Unit{{Reference: reference}}}))
		require.ErrorIs(t, err, payonce.ErrInvalid, reference)
	}
	for _, reference := range []string{"payments", "re-payment", "item1", "2.payment"} {
		_, err := p.Portable().CreatePayment(order(midaspay.Order{Units: []midaspay.Unit{{Reference: reference}}}))
		require.NoError(t, err, reference)
	}
}
