package elebne

import (
	"slices"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// defaultBaseURL serves sandbox and live alike. Source: https://docs.staging.elebne.ai/docs/getting-started/environments.
const defaultBaseURL = "https://api.elebne.ai/api/v1"

// Config holds the credentials and the few choices there are.
// Source: https://docs.staging.elebne.ai/docs/getting-started/authentication.
type Config struct {
	// BaseURL is for stand-ins: scheme, host and path up to /v1, without a trailing slash and without /dev, which every path of the
	// API begins with. Plain http is for loopback hosts only. Defaults to https://api.elebne.ai/api/v1, for sandbox and live.
	BaseURL string
	// MerchantID names the business: Elebne's id of it, or a name of your own. Required. It is part of the account and of every key, so
	// it must stay what it is when API keys are rotated, and no other business may have it.
	MerchantID string
	// SecretKey is the API key. Its prefix says which environment it is for: sk_test_ moves no money, sk_live_ does. A publishable key
	// (pk_test_, pk_live_) reads; every write is then refused before the network. Required.
	SecretKey payonce.Secret
	// OldSecretKeys are other keys of the same environment, sk_ only, that work: earlier ones, or the next. Elebne knows an idempotency
	// key only under the API key it came with, so an operation that was begun under one of these is finished with it. Nothing new begins
	// under them. Where processes are replaced one by one, first give the new key to all of them here, so that each can finish what
	// another began, and then swap the two. Drop a key that was revoked: an operation that was refused under it needs
	// payonce.WithNewKey.
	OldSecretKeys []payonce.Secret
	// NoRef leaves payonce_ref out of the metadata. Touch it if the metadata is full; webhooks can then settle no operation.
	// Defaults to adding it.
	NoRef bool
}

// New checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid). It makes no request;
// payonce.Client's Check proves the credentials.
func New(cfg Config) (*Provider, error) {
	var p adapter.Problems
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBaseURL
	}
	checkBaseURL(&p, cfg.BaseURL)
	p.AccountPart("MerchantID", cfg.MerchantID, "the name of the business, which becomes part of the account")
	key := readKey(&p, "SecretKey", cfg.SecretKey)
	checkOldKeys(&p, &cfg, key.environment)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return newProvider(&cfg, key), nil
}

func checkBaseURL(p *adapter.Problems, base string) {
	if strings.HasSuffix(strings.TrimRight(base, "/"), "/dev") {
		p.Add("BaseURL", "must not end in /dev: every path begins with it; use %s", defaultBaseURL)
		return
	}
	p.BaseURL("BaseURL", base, defaultBaseURL)
}

// apiKey is what the prefix says of a key. The zero value is an unknown one.
type apiKey struct {
	environment string
	writes      bool
}

// kindOfKey reads the prefix.
func kindOfKey(key payonce.Secret) apiKey {
	for _, environment := range []string{"test", "live"} {
		for _, kind := range []string{"sk", "pk"} {
			if rest, ok := strings.CutPrefix(key.Reveal(), kind+"_"+environment+"_"); ok && rest != "" {
				return apiKey{environment, kind == "sk"}
			}
		}
	}
	return apiKey{}
}

// readKey says what is wrong with a key, without repeating any of it.
func readKey(p *adapter.Problems, field string, key payonce.Secret) apiKey {
	kind := kindOfKey(key)
	switch {
	case key == "":
		p.Require(field, "")
	case strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		p.Add(field, "has a character that no key has; copy it without spaces and line breaks")
	case kind == apiKey{}:
		p.Add(field, "must begin with sk_test_ or sk_live_, or with pk_test_ or pk_live_ for reading")
	}
	return kind
}

func checkOldKeys(p *adapter.Problems, cfg *Config, environment string) {
	for i, old := range cfg.OldSecretKeys {
		field := "OldSecretKeys[" + strconv.Itoa(i) + "]"
		switch kind := readKey(p, field, old); {
		case kind == apiKey{}:
		case !kind.writes:
			p.Add(field, "is a publishable key, under which no operation can have begun")
		case environment != "" && kind.environment != environment:
			p.Add(field, "is for %s, SecretKey is for %s", kind.environment, environment)
		case old == cfg.SecretKey:
			p.Add(field, "is SecretKey again")
		case slices.Contains(cfg.OldSecretKeys[:i], old):
			p.Add(field, "is there twice")
		}
	}
}
