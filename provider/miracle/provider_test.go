package miracle_test

import (
	"net/http"
	"testing"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/provider/providertest"
)

func TestTheProviderKeepsTheContract(t *testing.T) {
	t.Parallel()
	configured := func(secret payonce.Secret) func() payonce.Provider {
		return func() payonce.Provider {
			p, err := miracle.New(miracle.Config{MerchantID: "merchant-1", SecretKey: secret})
			if err != nil {
				panic(err)
			}
			return p
		}
	}
	providertest.Run(t, providertest.Subject{
		New: configured("sk_test_example"), Rotated: configured("sk_test_another"), Secrets: []string{"sk_test_example"},
		Payment: payonce.PaymentParams{
			Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
		},
		Created: providertest.Answer{Status: http.StatusCreated, Body: `{"data":{"id":"pay_1","livemode":false,"status":"processing",` +
			`"amount":{"currency":"USD","valueMinor":5000},"captureMethod":"automatic","merchantReference":"{reference}","metadata":{"payonce_ref":"{ref}"}}}`},
		Refused: providertest.Answer{Status: http.StatusBadRequest, Body: `{"error":{"code":"VALIDATION_ERROR","message":"amount is wrong"}}`},
	})
}
