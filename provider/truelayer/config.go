package truelayer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// The two environments, for Config.BaseURL.
const (
	// Sandbox moves no money. Its credentials and keys are not those of Live.
	Sandbox = "https://api.truelayer-sandbox.com"
	// Live moves money.
	Live = "https://api.truelayer.com"
)

const (
	sandboxAuth = "https://auth.truelayer-sandbox.com"
	liveAuth    = "https://auth.truelayer.com"
)

// Config holds the credentials and the few choices there are. ClientID, ClientSecret, SigningKeyID and the signing key come from
// TrueLayer's Console (https://docs.truelayer.com/docs/quickstart-create-a-payment); sandbox and live have different ones.
type Config struct {
	// BaseURL is Sandbox or Live, or a stand-in for them: scheme, host and an optional path, without a trailing slash. Required, so
	// that nobody is live by accident. Plain http is for loopback hosts only.
	BaseURL string
	// AuthURL is the authorization server's. Touch it for stand-ins. Defaults to the one that belongs to BaseURL; required for a
	// BaseURL that is neither Sandbox nor Live.
	AuthURL string
	// ClientID is the application's client id. It is part of the account, and keys are scoped by it.
	ClientID string
	// ClientSecret is the application's secret.
	ClientSecret payonce.Secret
	// SigningKeyID is the kid that Console shows beside the uploaded public key.
	SigningKeyID string
	// SigningKeyPEM is the private key: P-521, SEC1 ("EC PRIVATE KEY") or PKCS#8 ("PRIVATE KEY"), unencrypted.
	SigningKeyPEM payonce.Secret
	// Signer signs instead of SigningKeyPEM, for keys that live in a KMS or HSM. Defaults to the PEM key.
	Signer Signer
	// Scope is what tokens are asked for, separated by spaces. Touch it for mandates ("payments recurring_payments:sweeping") or to
	// ask for less. Defaults to "payments".
	Scope string
	// NoRef leaves payonce_ref out of the metadata. Touch it if the metadata is full; webhooks can then settle an operation only by
	// the provider's id. Defaults to adding it.
	NoRef bool
	// OwnLicence says that payments are made under the merchant's own licence, for which TrueLayer needs no name, email or phone of
	// the payer. Defaults to false: they are required, and checked before the network.
	OwnLicence bool
}

// New checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid). It makes no request;
// payonce.Client's Check proves the credentials.
func New(cfg Config) (*Provider, error) {
	var p adapter.Problems
	env := cfg.environment(&p)
	p.AccountPart("ClientID", cfg.ClientID, "copied from Console")
	p.Require("ClientSecret", cfg.ClientSecret.Reveal())
	p.Require("SigningKeyID", cfg.SigningKeyID)
	key := cfg.signingKey(&p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return newProvider(&cfg, env, key), nil
}

// environment is where requests go.
type environment struct{ name, base, auth string }

// environment reads BaseURL and AuthURL.
func (cfg *Config) environment(p *adapter.Problems) environment {
	env := environment{base: cfg.BaseURL, auth: cfg.AuthURL}
	if cfg.BaseURL == "" {
		p.Add("BaseURL", "is required: truelayer.Sandbox (%s) or truelayer.Live (%s)", Sandbox, Live)
		return env
	}
	host, ok := p.BaseURL("BaseURL", cfg.BaseURL, Sandbox)
	env.name = host
	var own, other string
	switch host {
	case hostOf(Sandbox):
		env.name, own, other = "sandbox", sandboxAuth, liveAuth
	case hostOf(Live):
		env.name, own, other = "live", liveAuth, sandboxAuth
	}
	if cfg.AuthURL == "" {
		env.auth = own
		if own == "" && ok {
			p.Add("AuthURL", "is required, because BaseURL is neither truelayer.Sandbox nor truelayer.Live")
		}
		return env
	}
	if authHost, _ := p.BaseURL("AuthURL", cfg.AuthURL, Sandbox); other != "" && authHost == hostOf(other) {
		p.Add("AuthURL", "belongs to the other environment than BaseURL, which is %s; its own is %s", env.name, own)
	}
	return env
}

func hostOf(known string) string { return strings.TrimPrefix(known, "https://") }

// signingKey returns the caller's Signer or the key in the PEM.
func (cfg *Config) signingKey(p *adapter.Problems) any {
	switch {
	case cfg.Signer != nil && cfg.SigningKeyPEM != "":
		p.Add("Signer", "and SigningKeyPEM exclude each other")
		return nil
	case cfg.Signer != nil:
		return cfg.Signer
	case cfg.SigningKeyPEM == "":
		p.Add("SigningKeyPEM", "is required, or a Signer")
		return nil
	}
	key, err := parseKey([]byte(cfg.SigningKeyPEM.Reveal()))
	if err != nil {
		p.Add("SigningKeyPEM", "%v", err)
		return nil
	}
	return key
}

// parseKey reads a P-521 private key. Its errors repeat nothing of the input.
func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("holds no private key in PEM (-----BEGIN EC PRIVATE KEY-----)")
		}
		var key any
		var err error
		switch block.Type {
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		default: // openssl puts an EC PARAMETERS block before the key
			text = rest
			continue
		}
		if err != nil {
			return nil, errors.New("can't be parsed: it is damaged, or encrypted")
		}
		if private, ok := key.(*ecdsa.PrivateKey); ok && private.Curve == elliptic.P521() {
			return private, nil
		}
		return nil, errors.New("is not a P-521 key; make one with: openssl ecparam -genkey -name secp521r1 -noout")
	}
}
