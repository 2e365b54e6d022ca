//go:build unix

package crash_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
)

// dialect is what the tests must know of a provider.
type dialect struct {
	name     string
	currency string
	method   any
	// start makes the simulated provider, provider what a merchant configures for it.
	start    func() simulated
	provider func(url string) (payonce.Provider, error)
}

// simulated is what every simulated provider does.
type simulated interface {
	http.Handler
	Ledger() *simulator.Ledger
	Requests() []simulator.Request
	Script(faults ...simulator.Fault)
	ClearScript()
	PruneKeys()
	Start() *simulator.Server
}

const (
	merchantID = "merchant_test_example"
	secretKey  = "sk_test_example"
)

// dialectOf returns Miracle, whose requests cost least, or TrueLayer, which needs a token: a request beside ours.
func dialectOf(name string) dialect {
	if name == "truelayer" {
		return dialect{
			name: name, currency: "GBP",
			method: truelayer.BankTransfer{
				Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
				User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
			},
			start: func() simulated {
				return simulator.NewTrueLayer(simulator.TrueLayerConfig{ClientID: merchantID, VerifySignature: cheapVerify, AutoAuthorize: true})
			},
			provider: func(url string) (payonce.Provider, error) {
				return truelayer.New(truelayer.Config{
					BaseURL: url, AuthURL: url, ClientID: merchantID, ClientSecret: "secret_test_example",
					SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: cheapSigner{},
				})
			},
		}
	}
	return dialect{
		name: "miracle", currency: "USD", method: miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
		start: func() simulated {
			return simulator.NewMiracle(simulator.MiracleConfig{MerchantID: merchantID, SecretKeys: []string{secretKey}, AutoPay: true})
		},
		provider: func(url string) (payonce.Provider, error) {
			return miracle.New(miracle.Config{BaseURL: url, MerchantID: merchantID, SecretKey: secretKey})
		},
	}
}

// params ask for a payment.
func (d *dialect) params(reference string, minor int64) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: reference, Amount: payonce.Amount{Minor: minor, Currency: d.currency}, Method: d.method}
}

// cheapSigner stands in for P-521, which costs milliseconds.
type cheapSigner struct{}

const cheapSignature = "not a signature"

func (cheapSigner) Sign(context.Context, []byte) ([]byte, error) { return []byte(cheapSignature), nil }

func cheapVerify(_ string, _, signature []byte) error {
	if string(signature) != cheapSignature {
		return errors.New("bad signature")
	}
	return nil
}
