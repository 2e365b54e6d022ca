package midaspay

import (
	"context"
	"net/http"
	"time"

	"github.com/payonce/payonce"
)

// keyAlphabet and keyMaxLen are what the documentation recommends for a reference_id; the server does not enforce them.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
const (
	keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
	keyMaxLen   = 64
)

// Provider is MidasPay for a payonce.Client. Make it with New. It is safe for concurrent use and prints without its credentials.
type Provider struct{ d *dialect }

var (
	_ payonce.Provider = (*Provider)(nil)
	_ payonce.Lookuper = (*Provider)(nil)
)

// dialect is what a Provider knows, behind a pointer so that no fmt verb and no encoder walks into it.
type dialect struct {
	profile       payonce.Profile
	merchantID    string
	subMerchantID string
	signing       signing
	platform      platformKeys
	names         names
	answers       map[string]judge
	lookups       map[string]lookup
	refundBody    func(payonce.RefundParams, Money) map[string]any
}

func newProvider(cfg *Config, environment string, signer Signer, keys platformKeys) *Provider {
	return &Provider{&dialect{
		profile: payonce.Profile{
			Name: "midaspay", Account: "midaspay/" + environment + "/" + cfg.MerchantID, BaseURL: cfg.BaseURL,
			RequestIDHeader: headerNonce, // random in each message; answers to voids are all alike
			Keys:            payonce.KeysReadable, KeyMaxLen: keyMaxLen, KeyAlphabet: keyAlphabet,
			Timeout:    30 * time.Second, // MidasPay's own limit is not documented
			Currencies: currencies(tabled),
		},
		merchantID: cfg.MerchantID, subMerchantID: cfg.SubMerchantID,
		signing:  signing{merchantID: cfg.MerchantID, serialNo: cfg.SerialNo, signer: signer},
		platform: keys, names: newNames(), answers: newAnswers(), lookups: newLookups(),
		refundBody: cfg.RefundBody,
	}}
}

// Profile returns the facts: the key travels in the body and lives as long as what it made
// (https://developer.midaspayment.com/docs/api-concepts/idempotency/), and the account is environment and merchant id.
func (p *Provider) Profile() payonce.Profile { return p.d.profile }

// String returns the account.
func (p *Provider) String() string { return p.d.profile.Account }

// Authorize signs the exact request with a timestamp and a nonce of its own, so that an attempt after a long wait is not refused for
// its age. There is no token to renew.
func (p *Provider) Authorize(ctx context.Context, _ *http.Client, req *payonce.Request, _ http.Header) (http.Header, error) {
	authorization, err := p.d.signing.header(ctx, req, time.Now().Unix(), newNonce())
	if err != nil {
		return nil, err
	}
	return http.Header{"Authorization": {authorization}}, nil
}
