package midaspay

import (
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// The two environments, for Config.BaseURL. They share nothing, and their hosts have different registered domains.
// Source: https://developer.midaspayment.com/docs/getting-started/environments/.
const (
	// Sandbox moves no money. Its keys and certificates are not those of Live.
	Sandbox = "https://sandbox-pay.centauriglobal.com"
	// Live moves money.
	Live = "https://pay.midaspayment.com"
)

// Config holds the credentials and the few choices there are. MerchantID, SerialNo and the key come from the Merchant Portal
// (https://developer.midaspayment.com/docs/getting-started/quickstart/); sandbox and live have different ones.
type Config struct {
	// BaseURL is Sandbox or Live, or a stand-in for them: scheme, host and an optional path, without a trailing slash. Required, so
	// that nobody is live by accident. Plain http is for loopback hosts only.
	BaseURL string
	// MerchantID is the merchant's account id, at most 64 letters, digits and _.-: . It is part of the account, and keys are scoped by
	// it.
	MerchantID string
	// SubMerchantID goes into the orders and subscriptions of platforms. It is not part of the account: sub-merchants share the
	// merchant's keys. Defaults to none.
	SubMerchantID string
	// SerialNo is the serial number that MidasPay gave the uploaded public key.
	SerialNo string
	// PrivateKeyPEM is the merchant's private key: RSA of at least 2048 bits, PKCS#8 ("PRIVATE KEY") or PKCS#1 ("RSA PRIVATE KEY"),
	// unencrypted.
	PrivateKeyPEM payonce.Secret
	// Signer signs instead of PrivateKeyPEM, for keys that live in a KMS or HSM. Defaults to the PEM key.
	Signer Signer
	// PlatformCertificates are MidasPay's own, by the serial that Txgw-Serial names: each a certificate or public key in PEM. Keep the
	// old one beside the new one while MidasPay changes them. Dates in certificates are not looked at. Defaults to none: answers are
	// then trusted because of TLS alone, and webhooks need WebhookConfig.Certificates.
	PlatformCertificates map[string]string
	// RefundBody makes the body of a portable refund instead of this package's guess, for as long as nobody could read how it is
	// documented: everything but reference_id, which is added. It must be pure. Money is the refund's amount as MidasPay spells it,
	// zero for a full refund. Defaults to {"id": PaymentID, "amount": {…}}, without amount for a full refund.
	RefundBody func(params payonce.RefundParams, amount Money) map[string]any
}

// New checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid). It makes no request;
// payonce.Client's Check proves the credentials.
func New(cfg Config) (*Provider, error) {
	var p adapter.Problems
	environment := cfg.environment(&p)
	p.AccountPart("MerchantID", cfg.MerchantID, "copied from the Merchant Portal")
	checkCredential(&p, "MerchantID", cfg.MerchantID, 64)
	p.Require("SerialNo", cfg.SerialNo)
	checkCredential(&p, "SerialNo", cfg.SerialNo, 255)
	signer := cfg.signer(&p)
	keys := parsePlatformKeys(&p, "PlatformCertificates", cfg.PlatformCertificates)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return newProvider(&cfg, environment, signer, keys), nil
}

// environment names where requests go.
func (cfg *Config) environment(p *adapter.Problems) string {
	if cfg.BaseURL == "" {
		p.Add("BaseURL", "is required: midaspay.Sandbox (%s) or midaspay.Live (%s)", Sandbox, Live)
		return ""
	}
	host, _ := p.BaseURL("BaseURL", cfg.BaseURL, Sandbox)
	switch host {
	case strings.TrimPrefix(Sandbox, "https://"):
		return "sandbox"
	case strings.TrimPrefix(Live, "https://"):
		return "live"
	}
	return host
}

// checkCredential refuses what would break out of its quotes in the Authorization header.
func checkCredential(p *adapter.Problems, field, value string, most int) {
	if len(value) > most {
		p.Add(field, "must have at most %d characters, has %d", most, len(value))
	}
	if strings.ContainsFunc(value, func(r rune) bool { return !strings.ContainsRune(keyAlphabet+":", r) }) {
		p.Add(field, "has a character other than letters, digits and _.-:")
	}
}

// signer returns the caller's Signer or one with the key in the PEM.
func (cfg *Config) signer(p *adapter.Problems) Signer {
	switch {
	case cfg.Signer != nil && cfg.PrivateKeyPEM != "":
		p.Add("Signer", "and PrivateKeyPEM exclude each other")
		return nil
	case cfg.Signer != nil:
		return cfg.Signer
	case cfg.PrivateKeyPEM == "":
		p.Add("PrivateKeyPEM", "is required, or a Signer")
		return nil
	}
	key, err := parsePrivateKey([]byte(cfg.PrivateKeyPEM.Reveal()))
	if err != nil {
		p.Add("PrivateKeyPEM", "%v", err)
		return nil
	}
	return pemSigner{key}
}
