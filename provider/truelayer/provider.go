package truelayer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

// Provider is TrueLayer for a payonce.Client. Make it with New. It is safe for concurrent use and prints without its credentials.
type Provider struct{ d *dialect }

var _ payonce.Provider = (*Provider)(nil)

// dialect is what a Provider knows, behind a pointer so that no fmt verb and no encoder walks into it.
type dialect struct {
	profile           payonce.Profile
	tokens            *tokenSource
	signing           signing
	rules             rules
	noRef, ownLicence bool
}

func newProvider(cfg *Config, env environment, key any) *Provider {
	return &Provider{&dialect{
		profile: payonce.Profile{
			Name: "truelayer", Account: "truelayer/" + env.name + "/" + cfg.ClientID, BaseURL: env.base,
			KeyHeader: keyHeader, RequestIDHeader: "Tl-Trace-Id", Keys: payonce.KeysDerived, KeyLife: 30 * 24 * time.Hour,
			Timeout:    35 * time.Second, // TrueLayer's ingress gives up after 29 s
			Currencies: map[string]int{"GBP": 2, "EUR": 2},
		},
		tokens:  newTokenSource(cfg, env.auth),
		signing: signing{keyID: cfg.SigningKeyID, key: key},
		rules:   newRules(),
		noRef:   cfg.NoRef, ownLicence: cfg.OwnLicence,
	}}
}

// Profile returns the facts: keys live 30 days (https://docs.truelayer.com/docs/idempotency-for-payment-requests), and the account is
// environment and client id.
func (p *Provider) Profile() payonce.Profile { return p.d.profile }

// String returns the account.
func (p *Provider) String() string { return p.d.profile.Account }

// Authorize returns a Bearer token and, for all that is not a GET, a signature over the request. A token is given up if it is the one
// that was refused, so that a hundred requests refused with one token fetch one new token between them.
func (p *Provider) Authorize(ctx context.Context, hc *http.Client, req *payonce.Request, refused http.Header) (http.Header, error) {
	if token, ok := strings.CutPrefix(refused.Get("Authorization"), "Bearer "); ok {
		p.d.tokens.discard(payonce.Secret(token))
	}
	token, err := p.d.tokens.get(ctx, hc)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Authorization": {"Bearer " + token.Reveal()}}
	switch req.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		signature, err := p.d.signing.sign(ctx, signedPath(req.Path), req)
		if err != nil {
			return nil, err
		}
		header.Set("Tl-Signature", signature)
	}
	return header, nil
}
