package midaspay_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
	"github.com/payonce/payonce/provider/providertest"
)

type secretSigner struct{ key payonce.Secret }

func (secretSigner) Sign(context.Context, []byte) ([]byte, error) { return make([]byte, 256), nil }

func TestTheProviderKeepsTheContract(t *testing.T) {
	t.Parallel()
	configured := func(serial string, key payonce.Secret) func() payonce.Provider {
		return func() payonce.Provider {
			p, err := midaspay.New(midaspay.Config{
				BaseURL: midaspay.Sandbox, MerchantID: "merchant123456", SerialNo: serial, Signer: &secretSigner{key},
			})
			if err != nil {
				panic(err)
			}
			return p
		}
	}
	providertest.Run(t, providertest.Subject{
		New: configured("1", "private_test_example"), Rotated: configured("2", "private_test_another"), Secrets: []string{"private_test_example"},
		Payment: payonce.PaymentParams{
			Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: midaspay.Order{PaymentMethod: "CREDIT_CARD"},
		},
		Created: providertest.Answer{Status: http.StatusOK, Body: `{"id":"order-1","status":"CREATED","reference_id":"{key}","create_time":"2026-11-22T12:00:00Z"}`},
		Refused: providertest.Answer{Status: http.StatusBadRequest, Body: `{"name":"INVALID_ARGUMENT","message":"amount is wrong","debug_id":"req_1"}`},
	})
}
