package midaspay_test

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestTheLeastOrderIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	params := order(midaspay.Order{PaymentMethod: "CREDIT_CARD"})
	params.NotAfter = at
	op, err := newProvider(t).Portable().CreatePayment(params)
	require.NoError(t, err)
	assert.Equal(t, `{"application_context":{"payment_method":{"name":"CREDIT_CARD"}},`+
		`"purchase_units":[{"amount":{"currency_code":"USD","value":"50.00"},"reference_id":"order-12345_payment_item1"}],`+
		`"reference_id":"order-12345_payment"}`, encode(t, op, "order-12345_payment", 1))
	assert.Equal(t, "payment.create", op.Kind)
	assert.Equal(t, "order-12345", op.Reference)
	assert.Equal(t, "/v1/payment/orders", op.Path)
	assert.Equal(t, payonce.ReplayKeyed, op.Replay)
	assert.Equal(t, at, op.NotAfter)
	assert.False(t, op.EmptyOK)
}

func TestAWholeOrder(t *testing.T) {
	t.Parallel()
	m := midaspay.Order{
		PaymentMethod: "CREDIT_CARD", RegionCode: "US", Context: payonce.Raw(`{"return_url":"https://shop.example/?a=1&b=2"}`),
		Units: []midaspay.Unit{
			{Reference: "shoes", Amount: usd(4999), Extra: payonce.Raw(`{"items":[{"quantity":12345678901234567890}]}`)},
			{Amount: usd(1)},
		},
		Payer: midaspay.Payer{
			PayerID: "u-1", EmailAddress: "ada@example.com", Name: midaspay.Name{FullName: "Ada Lovelace"}, PayerTelephoneNumber: "+441234567",
			BillingAddress: midaspay.Address{RegionCode: "GB", City: "London"},
		},
		Extra: payonce.Raw(`{"expires_in":"1h"}`),
	}
	p := newProvider(t, func(c *midaspay.Config) { c.SubMerchantID = "sub-1" })
	value, err := p.Portable().CreatePayment(order(m))
	require.NoError(t, err)
	pointer, err := p.Portable().CreatePayment(order(&m))
	require.NoError(t, err)
	const want = `{"application_context":{"payment_method":{"name":"CREDIT_CARD"},"region_code":"US","return_url":"https://shop.example/?a=1&b=2"},` +
		`"expires_in":"1h","payer":{"payer_id":"u-1","email_address":"ada@example.com","name":{"full_name":"Ada Lovelace"},` +
		`"payer_telephone_number":"+441234567","billing_address":{"region_code":"GB","city":"London"}},` +
		`"purchase_units":[{"amount":{"currency_code":"USD","value":"49.99"},"items":[{"quantity":12345678901234567890}],"reference_id":"k_shoes"},` +
		`{"amount":{"currency_code":"USD","value":"0.01"},"reference_id":"k_item2"}],"reference_id":"k","sub_merchant_id":"sub-1"}`
	assert.Equal(t, want, encode(t, value, "k", 1))
	assert.Equal(t, want, encode(t, value, "k", 1), "encoding is pure")
	assert.Equal(t, want, encode(t, pointer, "k", 1))
	content := encode(t, value, "", 0)
	assert.NotContains(t, content, `"reference_id":"k`)
	assert.Equal(t, 1, strings.Count(content, `"reference_id":"shoes"`), "what the caller calls a unit is content")
	second := encode(t, value, "k_2", 2)
	assert.Contains(t, second, `"reference_id":"k_2_shoes"`, "the units' ids change with the generation")
}

func TestUnitIDsStayWithinTheirLengthAndTellUnitsApart(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "order-1_payment_item1", midaspay.UnitID("order-1_payment", "item1"))
	assert.Equal(t, strings.Repeat("k", 58)+"_item1", midaspay.UnitID(strings.Repeat("k", 58), "item1"))
	seen := map[string]bool{}
	for _, key := range []string{strings.Repeat("k", 59), strings.Repeat("k", 64), strings.Repeat("k", 63) + "l"} {
		for _, reference := range []string{"item1", "item2", strings.Repeat("r", 40)} {
			id := midaspay.UnitID(key, reference)
			assert.LessOrEqual(t, len(id), 64)
			assert.Regexp(t, "^[A-Za-z0-9_.-]+$", id)
			assert.Equal(t, id, midaspay.UnitID(key, reference))
			seen[id] = true
		}
	}
	assert.Len(t, seen, 9)
}

func TestOrdersThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	units := func(units ...midaspay.Unit) func(*payonce.PaymentParams, *midaspay.Order) {
		return func(_ *payonce.PaymentParams, m *midaspay.Order) { m.Units = units }
	}
	with := func(change func(*midaspay.Order)) func(*payonce.PaymentParams, *midaspay.Order) {
		return func(_ *payonce.PaymentParams, m *midaspay.Order) { change(m) }
	}
	params := func(change func(*payonce.PaymentParams)) func(*payonce.PaymentParams, *midaspay.Order) {
		return func(p *payonce.PaymentParams, _ *midaspay.Order) { change(p) }
	}
	payer := func(change func(*midaspay.Payer)) func(*payonce.PaymentParams, *midaspay.Order) {
		return with(func(m *midaspay.Order) { m.Payer.PayerID = "u"; change(&m.Payer) })
	}
	many := []midaspay.Unit{{Amount: usd(math.MaxInt64)}, {Reference: "b", Amount: usd(math.MaxInt64)}, {Reference: "c", Amount: usd(5002)}}
	for want, change := range map[string]func(*payonce.PaymentParams, *midaspay.Order){
		"Metadata: must be empty":                            params(func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"a": "b"} }),
		"Units[0].Amount: must be at least 1 minor unit":     params(func(p *payonce.PaymentParams) { p.Amount.Minor = 0 }),
		"Amount: currency must be one whose number":          params(func(p *payonce.PaymentParams) { p.Amount.Currency = "usd" }),
		"number of decimals is sure":                         params(func(p *payonce.PaymentParams) { p.Amount.Currency = "UYW" }),
		"they differ from it by 1 minor units":               units(midaspay.Unit{Amount: usd(4999)}),
		"they differ from it by -1 minor units":              units(midaspay.Unit{Amount: usd(2500)}, midaspay.Unit{Amount: usd(2501)}),
		"they differ from it by -9223372036854775808":        units(many...),
		"Units: must have the payment's currency, USD":       units(midaspay.Unit{Amount: payonce.Amount{Minor: 5000, Currency: "EUR"}}),
		"Units[1].Amount: must be at least 1 minor unit":     units(midaspay.Unit{Amount: usd(5001)}, midaspay.Unit{Amount: usd(-1)}),
		"Units[1]: Reference is another unit's":              units(midaspay.Unit{Reference: "a", Amount: usd(2500)}, midaspay.Unit{Reference: "a", Amount: usd(2500)}),
		"Units[0]: Reference must be at most 40":             units(midaspay.Unit{Reference: strings.Repeat("x", 41)}),
		"and not digits alone":                               units(midaspay.Unit{Reference: "2"}),
		"letters, digits, . and -":                           units(midaspay.Unit{Reference: "a_b"}),
		"Units[0].Extra: must be a JSON object":              units(midaspay.Unit{Extra: payonce.Raw(`["canary"]`)}),
		"Units[0].Extra: must not hold reference_id":         units(midaspay.Unit{Extra: payonce.Raw(`{"referenceId":"canary"}`)}),
		"Units[0].Extra: must not hold amount":               units(midaspay.Unit{Extra: payonce.Raw(`{"amount":"canary"}`)}),
		"RegionCode: must be two capitals":                   with(func(m *midaspay.Order) { m.RegionCode = "usa" }),
		"Context: must not hold payment_method":              with(func(m *midaspay.Order) { m.PaymentMethod, m.Context = "X", payonce.Raw(`{"payment_method":{}}`) }),
		"Context: must be a JSON object":                     with(func(m *midaspay.Order) { m.Context = payonce.Raw(`{"canary":`) }),
		"Extra: must not hold reference_id":                  with(func(m *midaspay.Order) { m.Extra = payonce.Raw(`{"reference_id":"canary"}`) }),
		"Extra: must not hold reference_id, which is filled": with(func(m *midaspay.Order) { m.Extra = payonce.Raw(`{"reference\u005fid":"canary"}`) }),
		"Extra: must not hold purchase_units":                with(func(m *midaspay.Order) { m.Extra = payonce.Raw(`{"PurchaseUnits":"canary"}`) }),
		"Extra: must not hold application_context":           with(func(m *midaspay.Order) { m.Extra = payonce.Raw(`{"application_context":{}}`) }),
		"Extra: must not hold payer":                         payer(func(*midaspay.Payer) {}),
		"Extra: must be a JSON object":                       with(func(m *midaspay.Order) { m.Extra = payonce.Raw(`null`) }),
		"Payer.PayerID: is required":                         with(func(m *midaspay.Order) { m.Payer.PayerIP = "192.0.2.1" }),
		"Payer.EmailAddress: must be an email address":       payer(func(p *midaspay.Payer) { p.EmailAddress = "canary" }),
		"Payer.PayerTelephoneNumber: must be 5 to 20 digits": payer(func(p *midaspay.Payer) { p.PayerTelephoneNumber = "+1 canary" }),
		"PayerTelephoneNumber: must be 5 to 20":              payer(func(p *midaspay.Payer) { p.PayerTelephoneNumber = "1234" }),
		"Payer.BillingAddress.PostalCode: must have at most": payer(func(p *midaspay.Payer) { p.BillingAddress.PostalCode = strings.Repeat("é", 101) }),
		"Payer.PayerAddress.StateOrProvince: must have":      payer(func(p *midaspay.Payer) { p.PayerAddress.StateOrProvince = strings.Repeat("é", 101) }),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			m := midaspay.Order{}
			if want == "Extra: must not hold payer" {
				m.Extra = payonce.Raw(`{"payer":{}}`)
			}
			p := order(nil)
			change(&p, &m)
			p.Method = m
			_, err := newProvider(t).Portable().CreatePayment(p)
			require.ErrorIs(t, err, payonce.ErrInvalid)
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
	for _, method := range []any{nil, "canary", (*midaspay.Order)(nil), 7} {
		_, err := newProvider(t).Portable().CreatePayment(order(method))
		require.ErrorIs(t, err, payonce.ErrInvalid)
		require.ErrorContains(t, err, "Method: must be a midaspay.Order, is ")
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newProvider(t).Portable().CreatePayment(payonce.PaymentParams{
		Amount: payonce.Amount{Minor: -1, Currency: "x"}, Metadata: map[string]string{"a": ""}, Method: midaspay.Order{RegionCode: "x", Extra: payonce.Raw("x")},
	})
	for _, text := range []string{"Metadata", "RegionCode", "Extra", "Units[0].Amount: currency", "Units[0].Amount: must be at least"} {
		assert.ErrorContains(t, err, text)
	}
}

func TestAVoidIsRepeatableByState(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	op, err := portable.CancelPayment(payonce.CancelParams{PaymentID: "O-1"})
	require.NoError(t, err)
	assert.Equal(t, `{"id":"O-1"}`, encode(t, op, "k", 1))
	assert.Equal(t, payonce.ReplayByState, op.Replay)
	assert.Equal(t, "/v1/payment/void", op.Path)
	assert.Equal(t, "O-1", op.Reference)
	op, err = portable.CancelPayment(payonce.CancelParams{PaymentID: "O-1", Reference: "again"})
	require.NoError(t, err)
	assert.Equal(t, "again", op.Reference)
	assert.Nil(t, portable.CapturePayment, "no endpoint is known")
	assert.Nil(t, portable.GetRefund)
	assert.Nil(t, portable.ListRefunds)
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	params := payonce.RefundParams{Reference: "rma-77", PaymentID: "O-1", Amount: usd(700), Reason: "too small"}
	op, err := p.Portable().CreateRefund(params)
	require.NoError(t, err)
	assert.Equal(t, `{"amount":{"currency_code":"USD","value":"7.00"},"id":"O-1","reference_id":"rma-77_refund"}`, encode(t, op, "rma-77_refund", 1))
	assert.Equal(t, `{"amount":{"currency_code":"USD","value":"7.00"},"id":"O-1"}`, encode(t, op, "", 0))
	assert.Equal(t, "/v1/payment/orders/refund", op.Path)
	assert.Equal(t, payonce.ReplayKeyed, op.Replay)
	full := payonce.RefundParams{Reference: "rma-77", PaymentID: "O-1", Full: true}
	op, err = p.Portable().CreateRefund(full)
	require.NoError(t, err)
	assert.Equal(t, `{"id":"O-1","reference_id":"k"}`, encode(t, op, "k", 1))

	own := newProvider(t, func(c *midaspay.Config) {
		c.RefundBody = func(params payonce.RefundParams, amount midaspay.Money) map[string]any {
			return map[string]any{"order_id": params.PaymentID, "refund_amount": amount, "note": params.Reason}
		}
	})
	op, err = own.Portable().CreateRefund(params)
	require.NoError(t, err)
	assert.Equal(t, `{"note":"too small","order_id":"O-1","reference_id":"k","refund_amount":{"currency_code":"USD","value":"7.00"}}`, encode(t, op, "k", 1))
	op, err = own.Portable().CreateRefund(full)
	require.NoError(t, err)
	assert.Contains(t, encode(t, op, "k", 1), `"refund_amount":{"currency_code":"","value":""}`)

	for want, change := range map[string]func(*payonce.RefundParams){
		"PaymentID: is required":           func(p *payonce.RefundParams) { p.PaymentID = "" },
		"PaymentID: is not an id":          func(p *payonce.RefundParams) { p.PaymentID = "a b" },
		"Metadata: must be empty":          func(p *payonce.RefundParams) { p.Metadata = map[string]string{"a": ""} },
		"Full: and Amount exclude":         func(p *payonce.RefundParams) { p.Full = true },
		"Amount: must be at least 1 minor": func(p *payonce.RefundParams) { p.Amount = payonce.Amount{} },
		"Amount: currency must be one":     func(p *payonce.RefundParams) { p.Amount.Currency = "XXX" },
	} {
		bad := params
		change(&bad)
		_, err := p.Portable().CreateRefund(bad)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	for want, body := range map[string]map[string]any{
		"Config.RefundBody: must not hold reference_id":                 {"reference_id": "x"},
		"Config.RefundBody: made what can't be encoded":                 {"x": math.NaN()},
		"Config.RefundBody: must not hold reference_id, which is fille": {"ReferenceID": "x"},
		"Config.RefundBody: must be a JSON object":                      nil,
	} {
		bad := newProvider(t, func(c *midaspay.Config) {
			c.RefundBody = func(payonce.RefundParams, midaspay.Money) map[string]any { return body }
		})
		_, err := bad.Portable().CreateRefund(params)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	q := portable.GetPayment("O-1")
	assert.Equal(t, payonce.Query{Kind: "payment.get", Method: http.MethodPost, Path: "/v1/payment/query", Body: payonce.Raw(`{"id":"O-1"}`)}, q)
	q = portable.Check()
	assert.Equal(t, payonce.Query{Kind: "check", Method: http.MethodPost, Path: "/v1/payment/query", Body: payonce.Raw(`{"reference_id":"payonce-check"}`)}, q)
}

func TestEveryDocumentedOrderStatusHasAPortableOne(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	over := map[midaspay.OrderStatus]bool{midaspay.OrderVoided: true, midaspay.OrderFailed: true}
	for status, want := range map[midaspay.OrderStatus]payonce.Status{
		midaspay.OrderUnknown: "", midaspay.OrderCreated: payonce.StatusPending, midaspay.OrderSaved: payonce.StatusPending,
		midaspay.OrderApproved: payonce.StatusAuthorized, midaspay.OrderVoided: payonce.StatusCanceled, midaspay.OrderCompleted: payonce.StatusSucceeded,
		midaspay.OrderPayerActionRequired: payonce.StatusActionRequired, midaspay.OrderRefunding: payonce.StatusSucceeded,
		midaspay.OrderRefunded: payonce.StatusReturned, midaspay.OrderCaptureRequired: payonce.StatusAuthorized,
		midaspay.OrderCaptureFailed: payonce.StatusFailed, midaspay.OrderRefundReversed: payonce.StatusSucceeded,
		midaspay.OrderChargeback: payonce.StatusReturned, midaspay.OrderChargebackReversed: payonce.StatusSucceeded,
		midaspay.OrderSecondChargeback: payonce.StatusReturned, midaspay.OrderFailed: payonce.StatusFailed,
		"": "", "A_WORD_OF_TOMORROW": "", "completed": "",
	} {
		assert.Equal(t, want, portable.PaymentStatus(string(status)), status)
		body := `{"id":"O-1","status":"` + string(status) + `","create_time":"2026-09-21T14:00:00+08:00","purchase_units":[` +
			`{"amount":{"currency_code":"USD","value":"49.99"}},{"amount":{"currency_code":"USD","value":"0.01"}}]}`
		payment, err := portable.Payment("payment.get", []byte(body))
		require.NoError(t, err)
		assert.Equal(t, &payonce.Payment{
			ID: "O-1", Status: want, ProviderStatus: string(status), Amount: usd(5000), NoMoneyMoved: over[status],
			CreatedAt: time.Date(2026, 9, 21, 6, 0, 0, 0, time.UTC), Raw: payonce.Raw(body),
		}, payment, "an unknown status survives")
	}
	for word, want := range map[string]payonce.Status{
		"REFUNDING": payonce.StatusPending, "REFUNDED": payonce.StatusSucceeded, "REFUND_REVERSED": payonce.StatusFailed, "FAILED": payonce.StatusFailed,
		"UNKNOWN": "", "": "", "COMPLETED": "",
	} {
		assert.Equal(t, want, portable.RefundStatus(word), word)
	}
}

func TestAmountsThatCantBeAddedExactlyAreNone(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for _, units := range []string{
		``, `{}`, `{"amount":{"currency_code":"USD","value":"x"}}`, `{"amount":{"currency_code":"USD","value":"1"}},{}`,
		`{"amount":{"currency_code":"USD","value":"1"}},{"amount":{"currency_code":"EUR","value":"1"}}`,
		`{"amount":{"currency_code":"USD","value":"92233720368547758.07"}},{"amount":{"currency_code":"USD","value":"0.01"}}`,
	} {
		payment, err := portable.Payment("payment.get", []byte(`{"id":"O-1","purchase_units":[`+units+`]}`))
		require.NoError(t, err)
		assert.Zero(t, payment.Amount, units)
	}
}

func TestVoidsAndRefundsInPortableWords(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	payment, err := portable.Payment("payment.cancel", []byte(`{"succeed":true,"message":"ok"}`))
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusCanceled, payment.Status)
	assert.True(t, payment.NoMoneyMoved)
	payment, err = portable.Payment("payment.cancel", []byte(`{"succeed":false}`))
	require.NoError(t, err)
	assert.Empty(t, payment.Status)
	assert.False(t, payment.NoMoneyMoved)
	payment, err = portable.Payment("payment.cancel", []byte(`{"id":"O-1","status":"COMPLETED","succeed":true}`))
	require.NoError(t, err)
	assert.False(t, payment.NoMoneyMoved, "the order's own word counts")
	payment, err = portable.Payment("payment.create", []byte(`{"id":"O-1","succeed":true}`))
	require.NoError(t, err)
	assert.False(t, payment.NoMoneyMoved)

	refund, err := portable.Refund("refund.create", []byte(`{"id":"R-1","amount":{"currency_code":"JPY","value":"100"}}`))
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusPending, refund.Status)
	assert.Equal(t, payonce.Amount{Minor: 100, Currency: "JPY"}, refund.Amount)
	refund, err = portable.Refund("refund.create", []byte(`{"id":"R-1","status":"REFUNDED"}`))
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusSucceeded, refund.Status)

	for _, body := range []string{"", "[]", "null", `"canary"`, `{"id":"canary`} {
		_, err := portable.Payment("payment.get", []byte(body))
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "canary")
		_, err = portable.Refund("refund.create", []byte(body))
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestAVoidedOrderReadsAsVoidedFromEitherAnswer(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]midaspay.Voided{
		`{"succeed":true,"message":"done"}`:                  {Succeed: true, Message: "done"},
		`{"succeed":false,"message":"paid"}`:                 {Message: "paid"},
		`{"id":"O-1","status":"VOIDED"}`:                     {Succeed: true},
		`{"id":"O-1","status":"COMPLETED","message":"paid"}`: {Message: "paid"},
	} {
		var got midaspay.Voided
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		assert.Equal(t, want, got, body)
	}
}

func FuzzPayment(f *testing.F) {
	p := newProvider(f)
	portable := p.Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		res := &payonce.Response{Status: http.StatusOK, Header: http.Header{}, Complete: true, Body: body}
		if v := p.Classify(&payonce.Request{Kind: "payment.create", Key: "k"}, res); v.Class == payonce.ClassSucceeded {
			payment, err := portable.Payment("payment.create", body)
			require.NoError(t, err, "what is taken for a success can be read")
			require.Equal(t, []string{v.ResourceID, v.Code}, []string{payment.ID, adapter.Code(payment.ProviderStatus)})
		}
		for _, kind := range []string{"payment.create", "payment.get", "payment.cancel"} {
			payment, err := portable.Payment(kind, body)
			if err != nil {
				require.Nil(t, payment)
				continue
			}
			require.GreaterOrEqual(t, payment.Amount.Minor, int64(0))
			if payment.NoMoneyMoved {
				require.Contains(t, []payonce.Status{payonce.StatusCanceled, payonce.StatusFailed}, payment.Status)
			}
		}
		_, _ = portable.Refund("refund.create", body)
		for _, value := range []any{
			new(midaspay.PlacedOrder), new(midaspay.Voided), new(midaspay.Subscription), new(midaspay.SubscriptionList),
			new(midaspay.CanceledSubscription), new(midaspay.MORTransaction), new(midaspay.MORToken), new(midaspay.Authorization), new(midaspay.CreatedRefund),
		} {
			_ = json.Unmarshal(body, value)
		}
		midaspay.IsNothing(body)
	})
}
