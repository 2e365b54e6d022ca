package miracle_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

// fullPayment has every documented field, in the shape of the reference.
const fullPayment = `{"id":"497f6eca-6276-4993-bfeb-53cbbbba6f08","tenantId":"ten","livemode":true,"status":"requires_action","merchantId":"mer",
	"amount":{"currency":"USD","valueMinor":5000},"amountBreakdown":{"authorized":{"currency":"USD","valueMinor":5000},
	"captured":{"currency":"USD","valueMinor":4},"refunded":{"currency":"USD","valueMinor":3},"fee":{"currency":"USD","valueMinor":2},"net":{"currency":"USD","valueMinor":1}},
	"captureMethod":"manual","merchantReference":"order-1","checkoutSessionId":"cs_1","paymentMethodType":"card",
	"action":{"type":"redirect","url":"https://acs.example","data":{"threeDSToken":"tds","authenticationMethod":"otp","displayMessage":"Enter the code","expiresIn":600}},
	"errorCode":"DO_NOT_HONOR","errorMessage":"no","approved":true,"providerReference":"prov-1",
	"threeDSResult":{"version":"2.2","status":"authenticated","statusReason":"r","eci":"05","cavv":"cavv","xid":"xid","dsTransId":"ds","enrolled":"Y","liabilityShift":true,
	"challengeFlow":"frictionless","challenged":true,"challengeCancelled":true,"exemptionApplied":"low_value","messageVersion":"2.2.0","serverTransId":"srv","acsTransId":"acs"},
	"metadata":{"a":"b"},"createdAt":"2026-04-09T12:00:00Z","updatedAt":"2026-04-09T12:00:01.5+02:00"}`

func TestAPaymentIsReadWhole(t *testing.T) {
	t.Parallel()
	money := func(minor int64) miracle.Money { return miracle.Money{Currency: "USD", ValueMinor: minor} }
	yes := true
	want := miracle.Payment{
		ID: "497f6eca-6276-4993-bfeb-53cbbbba6f08", TenantID: "ten", MerchantID: "mer", Livemode: true, Status: miracle.PaymentRequiresAction, Amount: money(5000),
		AmountBreakdown: miracle.AmountBreakdown{Authorized: money(5000), Captured: money(4), Refunded: money(3), Fee: money(2), Net: money(1)},
		CaptureMethod:   miracle.CaptureManual, MerchantReference: "order-1", CheckoutSessionID: "cs_1", PaymentMethodType: miracle.Card,
		Action: miracle.Action{Type: "redirect", URL: "https://acs.example", Data: miracle.ActionData{
			ThreeDSToken: "tds", AuthenticationMethod: "otp", DisplayMessage: "Enter the code", ExpiresIn: "600",
		}},
		ErrorCode: miracle.CodeDoNotHonor, ErrorMessage: "no", Approved: &yes, ProviderReference: "prov-1",
		ThreeDSResult: miracle.ThreeDSResult{
			Version: "2.2", Status: "authenticated", StatusReason: "r", ECI: "05", CAVV: "cavv", XID: "xid", DSTransID: "ds", Enrolled: "Y", LiabilityShift: "true",
			ChallengeFlow: "frictionless", Challenged: "true", ChallengeCancelled: "true", ExemptionApplied: "low_value", MessageVersion: "2.2.0", ServerTransID: "srv", ACSTransID: "acs",
		},
		Metadata:  map[string]string{"a": "b"},
		CreatedAt: miracle.Timestamp{Time: time.Date(2026, 4, 9, 12, 0, 0, 0, time.UTC)}, UpdatedAt: miracle.Timestamp{Time: time.Date(2026, 4, 9, 10, 0, 1, 5e8, time.UTC)},
	}
	for name, body := range map[string]string{"bare": fullPayment, "in its envelope": `{"data":` + fullPayment + `}`} {
		var got miracle.Payment
		require.NoError(t, json.Unmarshal([]byte(body), &got), name)
		assert.Equal(t, want, got, name)
		portable, err := newProvider(t).Portable().Payment("payment.create", []byte(body))
		require.NoError(t, err)
		assert.Equal(t, &payonce.Payment{
			ID: want.ID, Status: payonce.StatusActionRequired, ProviderStatus: "requires_action", Amount: payonce.Amount{Minor: 5000, Currency: "USD"},
			FailureCode: "DO_NOT_HONOR", NextURL: "https://acs.example", ClientToken: "tds", Metadata: want.Metadata, CreatedAt: want.CreatedAt.Time, Raw: []byte(body),
		}, portable, name)
	}
	var other miracle.Payment
	require.NoError(t, json.Unmarshal([]byte(`{"data":{"id":"p","paymentAction":{"type":"redirect","url":"u"}}}`), &other))
	assert.Equal(t, miracle.Action{Type: "redirect", URL: "u"}, other.Action, "the test cards' page calls it paymentAction")
}

func TestEveryPaymentStatus(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for word, want := range map[miracle.PaymentStatus]payonce.Status{
		miracle.PaymentCreated: payonce.StatusPending, miracle.PaymentProcessing: payonce.StatusPending, miracle.PaymentRequiresAction: payonce.StatusActionRequired,
		miracle.PaymentRequiresCapture: payonce.StatusAuthorized, miracle.PaymentSucceeded: payonce.StatusSucceeded, miracle.PaymentCaptured: payonce.StatusSucceeded,
		miracle.PaymentFailed: payonce.StatusFailed, miracle.PaymentCanceled: payonce.StatusCanceled, miracle.PaymentPartiallyRefunded: payonce.StatusReturned,
		miracle.PaymentRefunded: payonce.StatusReturned, "in_review": "", "": "", "cancelled": "",
	} {
		over := word == miracle.PaymentFailed || word == miracle.PaymentCanceled
		body, err := portable.Payment("payment.get", []byte(payment("pay_1", string(word), "")))
		require.NoError(t, err)
		assert.Equal(t, []any{want, string(word), over}, []any{body.Status, body.ProviderStatus, body.NoMoneyMoved}, word)
		assert.Equal(t, want, portable.PaymentStatus(string(word)))
		for _, moved := range []string{"captured", "refunded"} {
			body, err = portable.Payment("payment.get", []byte(payment("pay_1", string(word), `,"amountBreakdown":{"`+moved+`":{"currency":"USD","valueMinor":1}}`)))
			require.NoError(t, err)
			assert.False(t, body.NoMoneyMoved, "%s with money %s", word, moved)
		}
		for breakdown, nothing := range map[string]bool{
			`null`: true, `{}`: true, `{"captured":null,"refunded":{"currency":"USD"}}`: true, `{"captured":{"currency":"USD","valueMinor":0.0},"refunded":0}`: true,
			`{"authorized":{"currency":"USD","valueMinor":5}}`: true, `{"captured":{"valueMinor":"0"}}`: false, `{"captured":{"valueMinor":0.5}}`: false,
			`{"captured":5}`: false, `{"refunded":[]}`: false, `[]`: false, `"none"`: false,
		} {
			body, err = portable.Payment("payment.get", []byte(payment("pay_1", string(word), `,"amountBreakdown":`+breakdown)))
			require.NoError(t, err)
			assert.Equal(t, over && nothing, body.NoMoneyMoved, "%s with %s: what can't be read may be money", word, breakdown)
		}
	}
}

func TestEveryRefundStatus(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for word, want := range map[miracle.RefundStatus]payonce.Status{
		miracle.RefundPending: payonce.StatusPending, miracle.RefundProcessing: payonce.StatusPending, miracle.RefundSucceeded: payonce.StatusSucceeded,
		miracle.RefundFailed: payonce.StatusFailed, "on_hold": "", "": "",
	} {
		refund, err := portable.Refund("refund.get", []byte(`{"id":"ref_1","status":"`+string(word)+`"}`))
		require.NoError(t, err)
		assert.Equal(t, []any{want, string(word)}, []any{refund.Status, refund.ProviderStatus})
		assert.Equal(t, want, portable.RefundStatus(string(word)))
	}
}

// Only the names of many fields are documented: a wrong guess at a type must not hide a payment.
func TestAnOddFieldDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for name, field := range map[string]string{
		"liability shift": `"threeDSResult":{"liabilityShift":"possible"}`, "challenged": `"threeDSResult":{"challenged":"Y"}`, "eci": `"threeDSResult":{"eci":5,"cavv":{}}`,
		"no 3-D Secure": `"threeDSResult":"none"`, "expires as text": `"action":{"type":"redirect","url":"https://x","data":{"expiresIn":"600"}}`,
		"expires as float": `"action":{"type":"redirect","data":{"expiresIn":600.5}}`, "an action's url": `"action":{"url":{"href":"x"}}`, "metadata": `"metadata":["a"]`,
		"metadata of numbers": `"metadata":{"n":3}`, "an error code": `"errorCode":51`, "a message": `"errorMessage":["a"]`, "an amount": `"amount":"50.00"`,
		"approved": `"approved":"yes"`, "livemode": `"livemode":"false"`, "times": `"createdAt":5`, "a reason": `"statusReason":{"code":"x"}`, "items": `"items":[7]`,
		"a tax": `"items":[{"label":"tea","taxRate":"7%","quantity":"2","metadata":{"n":3}}]`, "a breakdown": `"amountBreakdown":{"fee":"1"}`,
	} {
		body := []byte(`{"data":{` + field + `,"id":"x_1","status":"succeeded","merchantReference":"order-1"}}`)
		payment, err := portable.Payment("payment.get", body)
		require.NoError(t, err, name)
		assert.Equal(t, []any{"x_1", payonce.StatusSucceeded}, []any{payment.ID, payment.Status}, name)
		refund, err := portable.Refund("refund.get", body)
		require.NoError(t, err, name)
		assert.Equal(t, []any{"x_1", payonce.StatusSucceeded}, []any{refund.ID, refund.Status}, name)
		var native miracle.Payment
		require.NoError(t, json.Unmarshal(body, &native), name)
		assert.Equal(t, "order-1", native.MerchantReference, name)
	}
	var p miracle.Payment
	require.NoError(t, json.Unmarshal([]byte(`{"amount":{"currency":"USD","valueMinor":5e3},"approved":"yes","threeDSResult":{"challenged":"Y","eci":5},"metadata":{"n":3,"o":{"a":1},"z":null}}`), &p))
	assert.Equal(t, miracle.Money{Currency: "USD", ValueMinor: 5000}, p.Amount)
	assert.Nil(t, p.Approved, "it does not say")
	assert.Equal(t, miracle.ThreeDSResult{Challenged: "Y", ECI: "5"}, p.ThreeDSResult)
	assert.Equal(t, map[string]string{"n": "3", "o": `{"a":1}`, "z": ""}, p.Metadata)
	var s miracle.Session
	require.NoError(t, json.Unmarshal([]byte(`{"id":"cs_1","customerInfo":{"phone":222424242},"lineItems":[{"label":"tea","taxRate":"7.50"}],"totals":7,"selectedFulfillment":"none"}`), &s))
	assert.Equal(t, miracle.Session{ID: "cs_1", LineItems: []miracle.LineItem{{Label: "tea", TaxRate: "7.50"}}, SelectedFulfillment: payonce.Raw(`"none"`)}, s)
}

const fullRefund = `{"id":"ref_1","tenantId":"ten","livemode":true,"paymentId":"pay_1","status":"failed","amount":{"currency":"USD","valueMinor":7},"reason":"too small",
	"merchantReference":"rma-77","statusReason":"expired","items":[{"id":"l","productId":"p","label":"T-Shirt","description":"d","imageUrl":"i","unitAmount":{"currency":"USD","valueMinor":7},
	"quantity":1,"taxRate":7.5,"taxAmount":{"currency":"USD","valueMinor":1},"metadata":{"c":"d"}}],"metadata":{"a":"b"},"createdAt":"2026-04-09T12:00:00Z","updatedAt":"soon"}`

func TestARefundIsReadWhole(t *testing.T) {
	t.Parallel()
	var got miracle.Refund
	require.NoError(t, json.Unmarshal([]byte(`{"data":`+fullRefund+`}`), &got))
	money := func(minor int64) miracle.Money { return miracle.Money{Currency: "USD", ValueMinor: minor} }
	assert.Equal(t, miracle.Refund{
		ID: "ref_1", TenantID: "ten", Livemode: true, PaymentID: "pay_1", Status: miracle.RefundFailed, Amount: money(7), Reason: "too small",
		MerchantReference: "rma-77", StatusReason: "expired", Metadata: map[string]string{"a": "b"}, CreatedAt: miracle.Timestamp{Time: time.Date(2026, 4, 9, 12, 0, 0, 0, time.UTC)},
		Items: []miracle.LineItem{{
			ID: "l", ProductID: "p", Label: "T-Shirt", Description: "d", ImageURL: "i", UnitAmount: money(7), Quantity: 1, TaxRate: "7.5", TaxAmount: money(1), Metadata: map[string]string{"c": "d"},
		}},
	}, got, "an odd timestamp does not make a refund unreadable")
	refund, err := newProvider(t).Portable().Refund("refund.create", []byte(fullRefund))
	require.NoError(t, err)
	assert.Equal(t, &payonce.Refund{
		ID: "ref_1", PaymentID: "pay_1", Status: payonce.StatusFailed, ProviderStatus: "failed", Amount: payonce.Amount{Minor: 7, Currency: "USD"}, FailureCode: "expired",
		Metadata: map[string]string{"a": "b"}, CreatedAt: got.CreatedAt.Time, Raw: []byte(fullRefund),
	}, refund)
}

func TestSessionsAndEndpointsAreReadWhole(t *testing.T) {
	t.Parallel()
	var session miracle.Session
	require.NoError(t, json.Unmarshal([]byte(`{"data":{"id":"cs_1","tenantId":"ten","merchantId":"mer","merchantName":"Shop","tenantName":"T","termsUrl":"t","privacyUrl":"p","livemode":true,
		"status":"open","paymentStatus":"processing","amount":{"currency":"USD","valueMinor":5},"lineItems":[{"label":"x","unitAmount":{"currency":"USD","valueMinor":5},"quantity":1}],
		"totals":[{"type":"total","displayText":"Total","amount":{"currency":"USD","valueMinor":5},"description":"d"}],"fulfillmentOptions":[{"id":"f"}],"selectedFulfillment":{"type":"shipping"},
		"url":"https://pay.example","clientSecret":"cs_secret_x","merchantReference":"order-1","paymentId":"pay_1","providerCheckoutId":"pc",
		"customerInfo":{"email":"e","phone":"p","name":"n","firstName":"f","lastName":"l"}}}`), &session))
	money := miracle.Money{Currency: "USD", ValueMinor: 5}
	assert.Equal(t, miracle.Session{
		ID: "cs_1", TenantID: "ten", MerchantID: "mer", MerchantName: "Shop", TenantName: "T", TermsURL: "t", PrivacyURL: "p", Livemode: true, Status: miracle.SessionOpen,
		PaymentStatus: miracle.PaymentProcessing, Amount: money, LineItems: []miracle.LineItem{{Label: "x", UnitAmount: money, Quantity: 1}},
		Totals:             []miracle.Total{{Type: "total", DisplayText: "Total", Amount: money, Description: "d"}},
		FulfillmentOptions: payonce.Raw(`[{"id":"f"}]`), SelectedFulfillment: payonce.Raw(`{"type":"shipping"}`), URL: "https://pay.example", ClientSecret: "cs_secret_x",
		MerchantReference: "order-1", PaymentID: "pay_1", ProviderCheckoutID: "pc", CustomerInfo: miracle.CustomerInfo{Email: "e", Phone: "p", Name: "n", FirstName: "f", LastName: "l"},
	}, session)
	assert.Equal(t, payonce.Amount{Minor: 5, Currency: "USD"}, session.Amount.Amount())

	var endpoint miracle.WebhookEndpoint
	require.NoError(t, json.Unmarshal([]byte(`{"data":{"id":"we_1","ownerType":"merchant","ownerId":"own","tenantId":"ten","url":"https://shop.example","description":"d","events":["*"],
		"secret":"whsec_x","status":"active","createdAt":"2026-04-09","updatedAt":"2026-04-09T12:00:00","deletedAt":null}}`), &endpoint))
	assert.Equal(t, miracle.WebhookEndpoint{
		ID: "we_1", OwnerType: "merchant", OwnerID: "own", TenantID: "ten", URL: "https://shop.example", Description: "d", Events: []string{"*"}, Secret: "whsec_x", Status: "active",
		CreatedAt: miracle.Timestamp{Time: time.Date(2026, 4, 9, 0, 0, 0, 0, time.UTC)}, UpdatedAt: miracle.Timestamp{Time: time.Date(2026, 4, 9, 12, 0, 0, 0, time.UTC)},
	}, endpoint)
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body, next string
		items      int
		broken     bool
	}{
		"the first":            {`{"data":[{"id":"a"},{"id":"b"}],"pagination":{"nextCursor":"c","prevCursor":null,"hasMore":true,"totalCount":3}}`, "c", 2, false},
		"the last":             {`{"data":[{"id":"a"}],"pagination":{"nextCursor":"c","hasMore":false}}`, "", 1, false},
		"one with null":        {`{"data":[],"pagination":{"nextCursor":null,"hasMore":false}}`, "", 0, false},
		"one without hasMore":  {`{"data":[],"pagination":{"nextCursor":"c"}}`, "c", 0, false},
		"one alone":            {`{"data":[]}`, "", 0, false},
		"one that ends early":  {`{"data":[{"id":"a"}],"pagination":{"hasMore":true}}`, "", 0, true},
		"no data":              {`{"pagination":{}}`, "", 0, true},
		"null data":            {`{"data":null}`, "", 0, true},
		"a payment":            {`{"data":{"id":"a"}}`, "", 0, true},
		"null":                 {`null`, "", 0, true},
		"items of another ilk": {`{"data":[7]}`, "", 0, true},
	} {
		refunds, next, err := newProvider(t).Portable().Refunds([]byte(tc.body))
		payments, also, nativeErr := miracle.PageOfPayments([]byte(tc.body))
		assert.Equal(t, tc.broken, err != nil, name)
		assert.Equal(t, tc.broken, nativeErr != nil, name)
		if tc.broken {
			continue
		}
		assert.Equal(t, []string{tc.next, tc.next}, []string{next, also}, name)
		assert.Len(t, refunds, tc.items, name)
		assert.Len(t, payments, tc.items, name)
	}
}

func TestUnreadableAnswersAreErrorsThatRepeatNothing(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for _, body := range []string{``, `<html>canary`, `"canary"`, `{"id":4111111111111111}`, `{"data":{"status":["canary"]}}`} {
		_, err := portable.Payment("payment.get", []byte(body))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
		assert.NotContains(t, err.Error(), "4111")
		_, err = portable.Refund("refund.get", []byte(body))
		require.Error(t, err)
		_, _, err = portable.Refunds([]byte(body))
		require.Error(t, err)
		for _, into := range []any{&miracle.Payment{}, &miracle.Refund{}, &miracle.Session{}, &miracle.WebhookEndpoint{}, &miracle.RotatedSecret{}} {
			if err := json.Unmarshal([]byte(body), into); err != nil {
				assert.NotContains(t, err.Error(), "4111")
			}
		}
	}
}
