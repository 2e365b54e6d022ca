package miracle

import (
	"cmp"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// DefaultBaseURL is Miracle's host, the same for test and live: the key's prefix selects the environment.
// Source: https://docs.gate.miracleapi.ai/merchant/getting-started/credentials.
const DefaultBaseURL = "https://api.miracle.com"

// Config holds the credentials and the few choices there are. MerchantID and SecretKey are required.
type Config struct {
	// BaseURL is scheme, host and an optional path, without a trailing slash and without the /v1 that every request's path begins
	// with. Touch it for stand-ins. Defaults to DefaultBaseURL. Plain http is for loopback hosts only.
	BaseURL string
	// MerchantID is Miracle's id of the merchant. It is part of the account: keys are scoped by merchant, not by credential, so a
	// secret key may be replaced while operations are open. What answers and events tell of another merchant is not believed, so it must
	// be the id that they have as merchantId.
	MerchantID string
	// SecretKey is sk_test_… or sk_live_…, and says which environment this is. Publishable keys (pk_…) are refused. Test and live may
	// share one space of idempotency keys at Miracle: use references in test that no live payment will have within 24 hours.
	SecretKey payonce.Secret
	// NoRef leaves payonce_ref out of the metadata of payments and refunds. Touch it if Miracle refuses metadata; webhooks can then
	// settle an operation only by the provider's id. Defaults to adding it.
	NoRef bool
}

// New checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid). It makes no request;
// payonce.Client's Check proves the credentials.
func New(cfg Config) (*Provider, error) {
	var p adapter.Problems
	cfg.BaseURL = cmp.Or(cfg.BaseURL, DefaultBaseURL)
	p.BaseURL("BaseURL", cfg.BaseURL, DefaultBaseURL)
	if strings.HasSuffix(cfg.BaseURL, "/v1") {
		p.Add("BaseURL", "must not end in /v1: every request's path begins with it")
	}
	p.AccountPart("MerchantID", cfg.MerchantID, "copied from Miracle's portal")
	environment := environmentOf(&p, cfg.SecretKey)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return newProvider(&cfg, environment), nil
}

// The environments, as they stand in the account.
const (
	test = "test"
	live = "live"
)

// environmentOf reads the environment off the key. Its problems repeat nothing of the key.
func environmentOf(p *adapter.Problems, key payonce.Secret) string {
	secret := key.Reveal()
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Add("SecretKey", "has a character that no key has")
	}
	for _, environment := range []string{test, live} {
		if rest, ok := strings.CutPrefix(secret, "sk_"+environment+"_"); ok && rest != "" {
			return environment
		}
	}
	switch {
	case secret == "":
		p.Add("SecretKey", "is required")
	case strings.HasPrefix(secret, "pk_"):
		p.Add("SecretKey", "is a publishable key, which is for browsers; the secret one begins with sk_test_ or sk_live_")
	default:
		p.Add("SecretKey", "is not a secret key of Miracle's, which begin with sk_test_ or sk_live_")
	}
	return ""
}
