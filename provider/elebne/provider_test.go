package elebne_test

import (
	"net/http"
	"testing"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/provider/providertest"
)

func TestTheProviderKeepsTheContract(t *testing.T) {
	t.Parallel()
	configured := func(secret payonce.Secret, old ...payonce.Secret) func() payonce.Provider {
		return func() payonce.Provider {
			p, err := elebne.New(elebne.Config{MerchantID: "merchant-1", SecretKey: secret, OldSecretKeys: old})
			if err != nil {
				panic(err)
			}
			return p
		}
	}
	providertest.Run(t, providertest.Subject{
		New: configured("sk_test_example", "sk_test_older"), Rotated: configured("sk_test_another", "sk_test_example"),
		Secrets: []string{"sk_test_example", "sk_test_older"},
		Payment: payonce.PaymentParams{Amount: payonce.Amount{Minor: 5000, Currency: "MRU"}, Description: "tea"},
		Created: providertest.Answer{Status: http.StatusCreated, Body: `{"success":true,"data":{"referenceNumber":"PI-3ABC","status":"PENDING","amount":5000,` +
			`"amountType":"FIXED","currency":"MRU","label":"tea","payUrl":"https://pay.elebne.ai/p/ABC","metadata":{"payonce_ref":"{ref}"}}}`},
		Refused: providertest.Answer{Status: http.StatusBadRequest, Body: `{"success":false,"error":{"message":"amount is wrong","error":"VALIDATION_ERROR"}}`},
	})
}
