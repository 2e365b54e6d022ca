package elebne

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Provider is Elebne for a payonce.Client. Make it with New. It is safe for concurrent use and prints without its credentials.
type Provider struct{ d *dialect }

var _ payonce.Lookuper = (*Provider)(nil)

// dialect is what a Provider knows, behind a pointer so that no encoder walks into it.
type dialect struct {
	account string
	// profile holds credentials: behind a function no fmt verb finds them, also not %s of a Provider, which follows one pointer.
	profile func() payonce.Profile
	key     apiKey
	noRef   bool
}

const (
	currency  = "MRU"
	keyHeader = "X-Idempotency-Key"
)

func newProvider(cfg *Config, key apiKey) *Provider {
	profile := payonce.Profile{
		Name: "elebne", Account: "elebne/" + key.environment + "/" + cfg.MerchantID, BaseURL: cfg.BaseURL,
		Credential: cfg.SecretKey, OldCredentials: slices.Clone(cfg.OldSecretKeys),
		KeyHeader: keyHeader, KeyMaxLen: 255, Keys: payonce.KeysDerived, KeyLife: 24 * time.Hour,
		Timeout:    30 * time.Second, // Elebne's own limit is not documented
		Currencies: map[string]int{currency: 2},
	}
	return &Provider{&dialect{account: profile.Account, profile: func() payonce.Profile { return profile }, key: key, noRef: cfg.NoRef}}
}

// Profile returns the facts: keys have at most 255 characters, live 24 hours and count within one API key
// (https://docs.staging.elebne.ai/en/docs/reference/idempotency). The account is environment and MerchantID. No header is documented
// that identifies an answer.
func (p *Provider) Profile() payonce.Profile { return p.d.profile() }

// String returns the account.
func (p *Provider) String() string { return p.d.account }

// Authorize returns the API key that the operation was begun under as a Bearer token. There is nothing to fetch and to renew. A write
// with a publishable key is refused (payonce.ErrInvalid): Elebne would answer SECRET_KEY_REQUIRED. So is one without its idempotency
// key, for which Elebne documents IDEMPOTENCY_KEY_REQUIRED: should it execute it all the same, nothing would dedupe.
func (p *Provider) Authorize(_ context.Context, _ *http.Client, req *payonce.Request, _ http.Header) (http.Header, error) {
	key := req.Credential
	if key == "" {
		key = p.d.profile().Credential
	}
	if isWrite(req) {
		var problems adapter.Problems
		requireSecret(&problems, kindOfKey(key))
		if req.Key == "" || req.Header.Get(keyHeader) != req.Key {
			problems.Add(keyHeader, "is missing from a write, or is not its key")
		}
		if err := problems.Err(); err != nil {
			return nil, err
		}
	}
	return http.Header{"Authorization": {"Bearer " + key.Reveal()}}, nil
}

func isWrite(req *payonce.Request) bool {
	return req.Key != "" || (req.Method != http.MethodGet && req.Method != http.MethodHead)
}

func requireSecret(p *adapter.Problems, key apiKey) {
	if !key.writes {
		p.Add("SecretKey", "is a publishable key (pk_), which only reads; writes need one that begins with sk_")
	}
}

// write is an operation of this provider's. A publishable key is refused here and not only by Authorize, so that nothing is stored
// which another key could not finish.
func (d *dialect) write(p *adapter.Problems, op payonce.Operation) (payonce.Operation, error) {
	requireSecret(p, d.key)
	return op, p.Err()
}
