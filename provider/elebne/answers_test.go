package elebne_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/provider/elebne"
)

func TestEveryIntentStatusDecodes(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for word, tc := range map[string]struct {
		status  payonce.Status
		noMoney bool
	}{
		"PENDING": {payonce.StatusActionRequired, false}, "PAID": {payonce.StatusSucceeded, false}, "COMPLETED": {payonce.StatusSucceeded, false},
		"REFUNDED": {payonce.StatusReturned, false}, "CANCELLED": {payonce.StatusCanceled, true}, "FAILED": {payonce.StatusFailed, true},
		"BRAND_NEW": {"", false}, "CANCELED": {"", false}, "paid": {"", false},
	} {
		for _, kind := range []string{"payment.create", "payment.get", "payment.cancel"} {
			payment, err := p.Payment(kind, []byte(intent(word)))
			require.NoError(t, err)
			assert.Equal(t, tc.status, payment.Status, word)
			assert.Equal(t, tc.noMoney, payment.NoMoneyMoved, word)
			assert.Equal(t, word, payment.ProviderStatus)
			assert.Equal(t, intentID, payment.ID)
			assert.Equal(t, mru(50000), payment.Amount)
		}
		assert.Equal(t, tc.status, p.PaymentStatus(word), "and once the body is purged")
	}
	assert.Equal(t, payonce.Status(""), p.PaymentStatus(""))
}

func TestWhatAnIntentSays(t *testing.T) {
	t.Parallel()
	body := []byte(`{"success":true,"data":{"referenceNumber":"PI-3","shortCode":"ABC123","code":"123456","codeExpiresAt":"2026-04-04T10:30:00.000Z",
		"payUrl":"https://pay.elebne.ai/p/ABC123","amount":null,"amountType":"OPEN","currency":"MRU","label":"2 shoes","status":"PENDING",
		"metadata":{"order":"1","n":2},"createdAt":"2026-04-04T10:00:00.123Z","paidAt":null}}`)
	payment, err := newProvider(t).Portable().Payment("payment.create", body)
	require.NoError(t, err)
	assert.Equal(t, &payonce.Payment{
		ID: "PI-3", Status: payonce.StatusActionRequired, ProviderStatus: "PENDING", NextURL: "https://pay.elebne.ai/p/ABC123",
		Metadata: map[string]string{"order": "1"}, CreatedAt: time.Date(2026, 4, 4, 10, 0, 0, 123e6, time.UTC), Raw: body,
	}, payment)
}

func TestAnOddFieldDoesNotHideAnIntent(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for _, odd := range []string{`"metadata":null`, `"metadata":[1]`, `"metadata":"x"`, `"createdAt":1`, `"createdAt":"soon"`, `"codeExpiresAt":{}`, `"unheardOf":[]`} {
		payment, err := p.Payment("payment.get", []byte(strings.Replace(intent("PAID"), `"amount"`, odd+`,"amount"`, 1)))
		require.NoError(t, err, odd)
		assert.Equal(t, payonce.StatusSucceeded, payment.Status)
		assert.Empty(t, payment.Metadata)
		assert.True(t, payment.CreatedAt.IsZero())
	}
	for _, odd := range []string{`"5"`, `0.5`, `true`, `{}`} {
		payment, err := p.Payment("payment.get", []byte(strings.Replace(intent("PAID"), "50000", odd, 1)))
		require.NoError(t, err, odd)
		assert.Zero(t, payment.Amount, "Classify takes no such intent; what is told of one is no amount")
	}
	for _, wrong := range []string{`{`, `[]`, `"x"`, `{"data":"x"}`, `{"data":[]}`} {
		_, err := p.Payment("payment.get", []byte(wrong))
		require.Error(t, err, wrong)
		assert.EqualError(t, err, "the answer is not what Elebne documents")
	}
}

func TestAnIntentThatSaysWhenItWasPaidMovedMoney(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for when, noMoney := range map[string]bool{
		`"paidAt":"2026-04-04T10:30:00.000Z"`: false, `"paid_at":"2026-04-04T10:30:00.000Z"`: false, `"paidAt":"soon"`: false, `"paidAt":1775298600`: false,
		`"paidAt":null`: true, `"paidAt":""`: true, `"paidAt":null,"paid_at":null`: true, `"unheardOf":1`: true,
	} {
		for _, word := range []string{"CANCELLED", "FAILED"} {
			payment, err := p.Payment("payment.get", []byte(strings.Replace(intent(word), `"amount"`, when+`,"amount"`, 1)))
			require.NoError(t, err)
			assert.Equal(t, noMoney, payment.NoMoneyMoved, "%s and %s", word, when)
		}
	}
}

func TestACurrencyIsInCapitals(t *testing.T) {
	t.Parallel()
	payment, err := newProvider(t).Portable().Payment("payment.get", []byte(strings.Replace(intent("PAID"), "MRU", "mru", 1)))
	require.NoError(t, err)
	assert.Equal(t, mru(50000), payment.Amount)
}

func TestACancellationThatSaysNothingIsPending(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for _, body := range []string{`{"success":true,"data":{}}`, `{"success":true}`, `{"success":true,"data":null}`, `{"success":true,"data":[1]}`} {
		payment, err := p.Payment("payment.cancel", []byte(body))
		require.NoError(t, err)
		assert.Equal(t, payonce.StatusPending, payment.Status)
		assert.False(t, payment.NoMoneyMoved)
	}
	for _, wrong := range []string{`{`, `[]`, `null`, ``} {
		_, err := p.Payment("payment.cancel", []byte(wrong))
		assert.Error(t, err, wrong)
	}
}

func TestWhatARefundSays(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	for body, want := range map[string]payonce.Refund{
		`{"success":true,"data":{"refunded":true}}`:                                     {Status: payonce.StatusSucceeded, ProviderStatus: "refunded"},
		`{"success":true,"data":{"refunded":true,"id":"r-1","referenceNumber":"PI-3"}}`: {ID: "r-1", PaymentID: "PI-3", Status: payonce.StatusSucceeded, ProviderStatus: "refunded"},
		`{"success":true,"data":{"refunded":true,"referenceNumber":"RF-1"}}`:            {ID: "RF-1", Status: payonce.StatusSucceeded, ProviderStatus: "refunded"},
		`{"success":true,"data":{"refunded":true,"id":7,"status":"BRAND_NEW"}}`:         {Status: payonce.StatusSucceeded, ProviderStatus: "refunded"},
		`{"success":true,"data":{"referenceNumber":"PI-3","status":"REFUNDED"}}`:        {PaymentID: "PI-3", Status: payonce.StatusSucceeded, ProviderStatus: "REFUNDED"},
		`{"success":true,"data":{"status":"BRAND_NEW"}}`:                                {ProviderStatus: "BRAND_NEW"},
		`{"success":true,"data":{"status":"FAILED"}}`:                                   {Status: payonce.StatusFailed, ProviderStatus: "FAILED"},
		`{"success":true,"data":{}}`:                                                    {Status: payonce.StatusPending},
	} {
		refund, err := p.Refund("refund.create", []byte(body))
		require.NoError(t, err)
		want.Raw = payonce.Raw(body)
		assert.Equal(t, &want, refund)
		if want.ProviderStatus != "" {
			assert.Equal(t, want.Status, p.RefundStatus(want.ProviderStatus), "and once the body is purged")
		}
	}
	for _, wrong := range []string{`{`, `[]`, `{"data":null}`, `{}`, `{"data":"x"}`} {
		_, err := p.Refund("refund.create", []byte(wrong))
		assert.Error(t, err, wrong)
	}
}

func TestAListComesInThreeShapes(t *testing.T) {
	t.Parallel()
	for body, total := range map[string]int{
		`{"items":[{"status":"PAID"},{"status":"BRAND_NEW"}],"total":9}`:                         9,
		`{"success":true,"data":{"items":[{"status":"PAID"},{"status":"BRAND_NEW"}],"total":9}}`: 9,
		`{"success":true,"data":[{"status":"PAID"},{"status":"BRAND_NEW"}]}`:                     0,
		`{"items":[{"status":"PAID","code":7},{"status":"BRAND_NEW","label":{}}],"total":"x"}`:   0,
	} {
		var list elebne.IntentList
		require.NoError(t, json.Unmarshal([]byte(body), &list), body)
		require.Len(t, list.Items, 2)
		assert.Equal(t, elebne.IntentPaid, list.Items[0].Status)
		assert.Equal(t, elebne.IntentStatus("BRAND_NEW"), list.Items[1].Status)
		assert.Equal(t, total, list.Total)
	}
	for _, wrong := range []string{`{}`, `[]`, `{"items":null}`, `{"data":{}}`, `{"data":null}`, `{"items":[1]}`, `{"data":[1]}`, `{"items":{}}`} {
		list := elebne.OrderList{Total: 5}
		require.Error(t, json.Unmarshal([]byte(wrong), &list), "never silently empty: %s", wrong)
		assert.Empty(t, list)
	}
}

func TestAQuantityIsANumberOrUnlimitedOrNotTold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]elebne.Quantity{
		`{"quantity":5}`: elebne.Pieces(5), `{"quantity":0}`: elebne.Pieces(0), `{"quantity":null}`: elebne.Unlimited(),
		`{}`: {}, `{"quantity":"5"}`: {}, `{"quantity":0.5}`: {}, `{"quantity":[]}`: {},
	} {
		var product elebne.Product
		require.NoError(t, json.Unmarshal([]byte(text), &product))
		assert.Equal(t, want, product.Quantity, text)
	}
	pieces, limited := elebne.Pieces(5).Count()
	assert.Equal(t, int64(5), pieces)
	assert.True(t, limited)
	_, limited = elebne.Unlimited().Count()
	assert.False(t, limited)
}

func TestCentimesAreOuguiya(t *testing.T) {
	t.Parallel()
	assert.Equal(t, mru(50000), elebne.Centimes(50000).Amount())
}

func FuzzPayment(f *testing.F) {
	provider := newProvider(f)
	p := provider.Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		res := &payonce.Response{Status: http.StatusOK, Header: http.Header{}, Complete: true, Body: body}
		if v := provider.Classify(&payonce.Request{Kind: "payment.create"}, res); v.Class == payonce.ClassSucceeded {
			payment, err := p.Payment("payment.create", body)
			require.NoError(t, err, "what is taken for a success can be read")
			require.Equal(t, []string{v.ResourceID, v.Code}, []string{payment.ID, adapter.Cut(payment.ProviderStatus, 60)})
		}
		for _, kind := range []string{"payment.create", "payment.get", "payment.cancel"} {
			payment, err := p.Payment(kind, body)
			require.Equal(t, err == nil, payment != nil)
			if err == nil && payment.NoMoneyMoved {
				require.Contains(t, []payonce.Status{payonce.StatusCanceled, payonce.StatusFailed}, payment.Status)
			}
		}
	})
}

func FuzzRefund(f *testing.F) {
	p := newProvider(f).Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		refund, err := p.Refund("refund.create", body)
		require.Equal(t, err == nil, refund != nil)
		if err == nil && refund.Status == payonce.StatusSucceeded {
			require.Contains(t, []string{"refunded", "REFUNDED"}, refund.ProviderStatus)
		}
	})
}

func FuzzList(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		var intents elebne.IntentList
		if json.Unmarshal(body, &intents) != nil {
			require.Empty(t, intents)
		}
		var orders elebne.OrderList
		_ = json.Unmarshal(body, &orders)
		var product elebne.Product
		_ = json.Unmarshal(body, &product)
		var endpoint elebne.WebhookEndpoint
		_ = json.Unmarshal(body, &endpoint)
	})
}

func FuzzTemplate(f *testing.F) {
	p := newProvider(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		template, err := elebne.TemplateIn(body)
		data := adapter.ObjectOf(body).Object("data")
		require.Equal(t, elebne.CSVTemplate{CSV: data.Text("csv"), Filename: data.Text("filename")}, template)
		req, res := &payonce.Request{Kind: "elebne.product.template"}, &payonce.Response{Status: http.StatusOK, Complete: true, Body: body}
		if p.Classify(req, res).Class == payonce.ClassSucceeded {
			require.NoError(t, err, "what is taken for a success can be read")
		}
	})
}
