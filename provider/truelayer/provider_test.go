package truelayer_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/providertest"
	"github.com/payonce/payonce/provider/truelayer"
)

// tokens is an authorization server that gives everybody a token.
type tokens struct{}

func (tokens) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"access_token":"token_test_example","expires_in":3600,"token_type":"Bearer"}`)),
	}, nil
}

type constantSigner struct{}

func (constantSigner) Sign(context.Context, []byte) ([]byte, error) { return make([]byte, 132), nil }

func TestTheProviderKeepsTheContract(t *testing.T) {
	t.Parallel()
	configured := func(secret payonce.Secret, keyID string) func() payonce.Provider {
		return func() payonce.Provider {
			p, err := truelayer.New(truelayer.Config{
				BaseURL: truelayer.Sandbox, ClientID: "client_test_example", ClientSecret: secret, SigningKeyID: keyID, Signer: constantSigner{},
			})
			if err != nil {
				panic(err)
			}
			return p
		}
	}
	providertest.Run(t, providertest.Subject{
		New:        configured("secret_test_example", "45fc75cf-5649-4134-84b3-192c2c78e990"),
		Rotated:    configured("secret_test_another", "00000000-5649-4134-84b3-192c2c78e990"),
		HTTPClient: &http.Client{Transport: tokens{}},
		Secrets:    []string{"secret_test_example"},
		Payment: payonce.PaymentParams{
			Amount: payonce.Amount{Minor: 5000, Currency: "GBP"},
			Method: truelayer.BankTransfer{
				Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: "200552da-13da-43c5-a9ba-04ee1502ac57"},
				User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
			},
		},
		Created: providertest.Answer{Status: http.StatusCreated, Body: `{"id":"6c5e2cd4-5649-4134-84b3-192c2c78e990","user":{"id":"u"},"resource_token":"rt","status":"authorization_required"}`},
		Refused: providertest.Answer{Status: http.StatusBadRequest, Body: `{"type":"https://docs.truelayer.com/docs/error-types#invalid-parameters","title":"Invalid Parameters","status":400,"trace_id":"t","detail":"The request was invalid."}`},
	})
}

// panicking is a caller's transport with a mistake.
type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("a mistake") }

func TestAPanicOfTheTransportIsNoToken(t *testing.T) {
	t.Parallel()
	p, err := truelayer.New(truelayer.Config{
		BaseURL: truelayer.Sandbox, ClientID: "client_test_example", ClientSecret: "secret_test_example", SigningKeyID: "k", Signer: constantSigner{},
	})
	require.NoError(t, err)
	_, err = p.Authorize(t.Context(), &http.Client{Transport: panicking{}}, &payonce.Request{Method: http.MethodGet, Path: "/v3/payments/x"}, nil)
	require.ErrorContains(t, err, "panicked")
}
