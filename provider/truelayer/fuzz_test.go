package truelayer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/provider/truelayer"
)

// fits reads a native answer as the services do. What Classify takes for a success of that kind fits, with the id that it saw.
func fits(t *testing.T, p *truelayer.Provider, kind string, body []byte, into any, id func() string) {
	t.Helper()
	_, err := adapter.Decode(body, into)
	v := p.Classify(&payonce.Request{Kind: kind}, &payonce.Response{Status: http.StatusOK, Header: http.Header{}, Complete: true, Body: body})
	if v.Class == payonce.ClassSucceeded || v.Class == payonce.ClassDeclined {
		require.NoError(t, err, kind)
		require.Equal(t, v.ResourceID, id(), kind)
	}
	if err == nil {
		_, err = json.Marshal(into)
		require.NoError(t, err, "what was read can be written, for logs")
	}
}

func FuzzPayment(f *testing.F) {
	p := newProvider(f)
	portable := p.Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		payment, err := portable.Payment("payment.create", body)
		require.Equal(t, err == nil, payment != nil)
		if payment != nil {
			told := adapter.ObjectOf(body)
			require.Equal(t, []string{told.Text("id"), told.Text("status")}, []string{payment.ID, payment.ProviderStatus})
			require.False(t, payment.NoMoneyMoved && payment.ProviderStatus != "failed")
		}
		var created truelayer.CreatedPayment
		fits(t, p, "payment.create", body, &created, func() string { return created.ID })
		var flow truelayer.FlowResult
		fits(t, p, "truelayer.authorization_flow.start", body, &flow, func() string { return adapter.ObjectOf(body).Text("id") })
	})
}

func FuzzRefund(f *testing.F) {
	p := newProvider(f)
	portable := p.Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		refund, err := portable.Refund("refund.get", body)
		require.Equal(t, err == nil, refund != nil)
		var created truelayer.CreatedRefund
		fits(t, p, "refund.create", body, &created, func() string { return created.ID })
		page, next, err := portable.Refunds(body)
		items, isList := adapter.ObjectOf(body).List("items")
		require.True(t, isList || err != nil, "never silently empty")
		require.True(t, err != nil || len(page) == len(items), "nor shorter")
		require.Empty(t, next)
	})
}

func FuzzPayout(f *testing.F) {
	p := newProvider(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var created truelayer.CreatedPayout
		fits(t, p, "truelayer.payout.create", body, &created, func() string { return created.ID })
		var payout truelayer.Payout
		_, err := adapter.Decode(body, &payout)
		told := adapter.ObjectOf(body)
		require.Equal(t, told == nil, err != nil)
		require.Equal(t, []string{told.Text("id"), told.Text("status")}, []string{payout.ID, string(payout.Status)})
	})
}

func FuzzAccount(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		items, _ := adapter.ObjectOf(body).List("items")
		var accounts truelayer.MerchantAccountList
		if _, err := adapter.Decode(body, &accounts); err == nil {
			require.Len(t, accounts.Items, len(items))
		}
		var sources truelayer.PaymentSourceList
		if _, err := adapter.Decode(body, &sources); err == nil {
			require.Len(t, sources.Items, len(items))
		}
		for _, into := range []any{new(truelayer.MerchantAccount), new(truelayer.Sweeping)} {
			_, err := adapter.Decode(body, into)
			require.Equal(t, adapter.ObjectOf(body) == nil, err != nil)
		}
	})
}

func FuzzTransaction(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		page, next, err := truelayer.PageOfTransactions(body)
		told := adapter.ObjectOf(body)
		items, isList := told.List("items")
		if err != nil {
			return
		}
		require.True(t, isList, "never silently empty")
		require.Len(t, page, len(items))
		require.Equal(t, told.Object("pagination").Text("next_cursor"), next)
		for i := range page {
			require.Equal(t, adapter.ObjectOf(items[i]).Text("id"), page[i].ID)
		}
	})
}

func FuzzToken(f *testing.F) {
	p := newProvider(f)
	tokens := p.Tokens()
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		p.DiscardToken("")
		hc := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			res := httpmock.NewBytesResponse(100+int(uint(status)%500), body)
			res.Header.Set("Content-Type", contentType)
			return res, nil
		})}
		token, err := tokens(t.Context(), hc)
		if err != nil {
			require.Empty(t, token)
			require.NotContains(t, err.Error(), clientSecret)
			return
		}
		require.NotEmpty(t, token)
		require.False(t, strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }), "a header can hold it")
	})
}
