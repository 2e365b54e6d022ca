package miracle

import (
	"context"
	"net/http"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

const keyHeader = "Idempotency-Key"

// Provider is Miracle for a payonce.Client. Make it with New. It is safe for concurrent use and prints without its credentials.
type Provider struct{ d *dialect }

var _ payonce.Lookuper = (*Provider)(nil)

// dialect is what a Provider knows, behind a pointer so that no fmt verb and no encoder walks into it.
type dialect struct {
	profile payonce.Profile
	// secretKey is a function, because fmt walks through one pointer if the verb is wrong, and in there Secret can't hide itself.
	secretKey   func() payonce.Secret
	merchantID  string
	live, noRef bool
}

func newProvider(cfg *Config, environment string) *Provider {
	secretKey := cfg.SecretKey
	return &Provider{&dialect{
		profile: payonce.Profile{
			Name: "miracle", Account: "miracle/" + environment + "/" + cfg.MerchantID, BaseURL: cfg.BaseURL,
			KeyHeader: keyHeader, Keys: payonce.KeysReadable, KeyLife: 24 * time.Hour,
			Timeout: 60 * time.Second, // Miracle may try a declined payment at further terminals before it answers
		},
		secretKey: func() payonce.Secret { return secretKey }, merchantID: cfg.MerchantID, live: environment == live, noRef: cfg.NoRef,
	}}
}

// Profile returns the facts: keys live 24 hours and may be readable (https://docs.gate.miracleapi.ai/merchant/payments/idempotency),
// and the account is environment and merchant. No limit of a key's length is documented; assumed 255. No header that identifies a
// request is documented. The timeout is not documented either; assumed 60 s, because Miracle may route a declined payment to further
// terminals within one request (https://docs.gate.miracleapi.ai/tenant/configuration/payment-routing).
func (p *Provider) Profile() payonce.Profile { return p.d.profile }

// String returns the account.
func (p *Provider) String() string { return p.d.profile.Account }

// Authorize returns the secret key as a Bearer token. A write without its key is not sent (payonce.ErrInvalid): Miracle requires one
// on every POST, PUT, PATCH and DELETE, and without it nothing would dedupe.
func (p *Provider) Authorize(_ context.Context, _ *http.Client, req *payonce.Request, _ http.Header) (http.Header, error) {
	if isWrite(req.Method) && (req.Key == "" || req.Header.Get(keyHeader) != req.Key) {
		return nil, &adapter.FieldError{Field: keyHeader, Text: "is missing from a write, or is not its key"}
	}
	return http.Header{"Authorization": {"Bearer " + p.d.secretKey().Reveal()}}, nil
}

// isWrite takes every method for a write that is not known to be none.
func isWrite(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
