package payonceriver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
)

const (
	merchantID = "merchant_test_example"
	secret     = "sk_test_example"
	// declinedAmount is one that the simulated bank refuses.
	declinedAmount = 6666
)

func newBank() *simulator.Miracle {
	return simulator.NewMiracle(simulator.MiracleConfig{
		MerchantID: merchantID, SecretKeys: []string{secret}, AutoPay: true, DeclineAmounts: map[int64]string{declinedAmount: "insufficient_funds"},
	})
}

func miracleAt(t *testing.T, url string) payonce.Provider {
	t.Helper()
	provider, err := miracle.New(miracle.Config{BaseURL: url, MerchantID: merchantID, SecretKey: secret})
	require.NoError(t, err)
	return provider
}

func order(reference string) payonce.PaymentParams {
	return payonce.PaymentParams{
		Reference: reference, Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: miracle.Method{Type: "card", Token: "tok_test_example"},
	}
}

func declined(reference string) payonce.PaymentParams {
	p := order(reference)
	p.Amount.Minor = declinedAmount
	return p
}

func pause(d time.Duration) { <-time.NewTimer(d).C }

func operation(c *payonce.Client, reference string) payonce.OperationID {
	return payonce.OperationID{Account: c.Account(), Kind: "payment.create", Reference: reference}
}
