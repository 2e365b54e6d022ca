package truelayer

import (
	"context"
	"net/http"
	"sync"
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
	sent              sentTokens
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

// Authorize returns a Bearer token and, for all that is not a GET, a signature over the request.
func (p *Provider) Authorize(ctx context.Context, hc *http.Client, req *payonce.Request, fresh bool) (http.Header, error) {
	if fresh {
		p.d.tokens.discard(p.d.sent.of(req))
	}
	token, err := p.d.tokens.get(ctx, hc)
	if err != nil {
		return nil, err
	}
	p.d.sent.note(req, token)
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

// sentTokens remembers which token a request last went out with, so that a hundred requests refused with the same token fetch one
// new token between them. It keeps the last few thousand requests.
type sentTokens struct {
	mu          sync.Mutex
	recent, old map[string]payonce.Secret
}

const sentTokensLimit = 4096

func sentName(req *payonce.Request) string {
	if req.Key != "" {
		return req.Key
	}
	return req.Method + " " + req.Path
}

func (s *sentTokens) note(req *payonce.Request, token payonce.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recent == nil || len(s.recent) >= sentTokensLimit {
		s.old, s.recent = s.recent, make(map[string]payonce.Secret)
	}
	s.recent[sentName(req)] = token
}

func (s *sentTokens) of(req *payonce.Request) payonce.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, ok := s.recent[sentName(req)]; ok {
		return token
	}
	return s.old[sentName(req)]
}
