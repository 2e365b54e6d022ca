package elebne

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/internal/webhook"
)

// WebhookConfig says how deliveries are signed: HMAC-SHA256 over the body with the endpoint's secret
// (https://docs.staging.elebne.ai/en/docs/getting-started/webhooks). Which header has the signature, how it is written and which bytes
// of the secret are the key was not readable, so there is no default for them: ask Elebne, or look at a delivery that
// WebhookEndpointService.Test had sent. Whether deliveries carry a time of signing is not known either, so none is checked: an old
// delivery that is sent again is taken, and then recognized as handled.
type WebhookConfig struct {
	// Secrets are the endpoints' secrets, 64 hexadecimal characters each, as the answer to a new endpoint has them. A delivery is
	// genuine if one of them signed it. At least one is required.
	Secrets []payonce.Secret
	// Header is the name of the header with the signature. Required.
	Header string
	// Encoding is how the signature is written. Required.
	Encoding SignatureEncoding
	// KeyForm says which bytes of a secret are the key. Required.
	KeyForm KeyForm
	// Prefix precedes the signature in the header, such as "sha256=". Defaults to none; if set, it must be there.
	Prefix string
}

// SignatureEncoding is how a signature is written. The zero value is none.
type SignatureEncoding int

// The encodings.
const (
	// SignatureHex: 64 hexadecimal characters.
	SignatureHex SignatureEncoding = iota + 1
	// SignatureBase64: 44 characters of standard base64.
	SignatureBase64
)

// KeyForm says which bytes of a secret are the HMAC's key. The zero value is none.
type KeyForm int

// The forms.
const (
	// KeyText: the 64 characters as they are.
	KeyText KeyForm = iota + 1
	// KeyDecoded: the 32 bytes that the characters stand for.
	KeyDecoded
)

// Webhooks takes Elebne's deliveries. Make it with Provider.Webhooks. It is safe for concurrent use and prints without its secrets.
type Webhooks struct{ v *verifier }

// verifier is what Webhooks knows, behind a pointer so that no encoder walks into it, and the keys behind a function, where no fmt verb
// finds them.
type verifier struct {
	account, environment string
	header, prefix       string
	encoding             SignatureEncoding
	keys                 func() [][]byte
}

// Webhooks checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid).
func (p *Provider) Webhooks(cfg WebhookConfig) (*Webhooks, error) {
	var problems adapter.Problems
	if len(cfg.Secrets) == 0 {
		problems.Require("Secrets", "")
	}
	v := &verifier{
		account: p.d.account, environment: p.d.key.environment, header: cfg.Header, prefix: cfg.Prefix, encoding: cfg.Encoding,
	}
	keys := make([][]byte, 0, len(cfg.Secrets))
	for i, secret := range cfg.Secrets {
		field := "Secrets[" + strconv.Itoa(i) + "]"
		key, err := hex.DecodeString(secret.Reveal())
		if err != nil || len(key) != sha256.Size {
			problems.Add(field, "must have 64 hexadecimal characters")
		}
		if slices.Contains(cfg.Secrets[:i], secret) {
			problems.Add(field, "is there twice")
		}
		if cfg.KeyForm == KeyText {
			key = []byte(secret.Reveal())
		}
		keys = append(keys, key)
	}
	v.keys = func() [][]byte { return keys }
	cfg.check(&problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Webhooks{v}, nil
}

// check refuses what was not chosen.
func (cfg *WebhookConfig) check(p *adapter.Problems) {
	switch {
	case cfg.Header == "":
		p.Add("Header", "is required: the name of the header with the signature, which Elebne's documentation does not show")
	case strings.ContainsFunc(cfg.Header, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		p.Add("Header", "is not the name of a header")
	}
	if cfg.Encoding != SignatureHex && cfg.Encoding != SignatureBase64 {
		p.Add("Encoding", "is required: SignatureHex or SignatureBase64")
	}
	if cfg.KeyForm != KeyText && cfg.KeyForm != KeyDecoded {
		p.Add("KeyForm", "is required: KeyText or KeyDecoded")
	}
}

// genuine says whether one of the secrets signed exactly these bytes. A delivery with two signatures is not.
func (v *verifier) genuine(header http.Header, body []byte) bool {
	values := header.Values(v.header)
	if len(values) != 1 {
		return false
	}
	text, ok := strings.CutPrefix(values[0], v.prefix)
	signature := v.decode(text)
	genuine := false
	for _, key := range v.keys() { // all of them, so that time does not tell which one it was
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), signature) {
			genuine = true
		}
	}
	return ok && genuine
}

// decode reads a signature; nil if it is none.
func (v *verifier) decode(text string) []byte {
	var signature []byte
	var err error
	switch v.encoding {
	case SignatureHex:
		signature, err = hex.DecodeString(text)
	case SignatureBase64:
		signature, err = base64.StdEncoding.Strict().DecodeString(text)
	}
	if err != nil {
		return nil
	}
	return signature
}

// Parse returns the event of a delivery, after it has verified the signature over the raw body. An event of the other environment than
// the provider's API key settles nothing: see Event.Sandbox. Body is the whole body; the request's own is not read.
func (w *Webhooks) Parse(r *http.Request, body []byte) ([]Event, error) {
	if r == nil || !w.v.genuine(r.Header, body) {
		return nil, webhook.ErrSignature
	}
	event, err := readEvent(body, w.v.account, w.v.environment)
	if err != nil {
		return nil, err
	}
	return []Event{event}, nil
}

// Handler takes Elebne's deliveries over HTTP: each event settles the operation that it names, is given to handle, also if its type is
// unknown, and is handled once, however often it is delivered. It answers 200 when handle has returned nil, and otherwise so that Elebne
// delivers again. A nil handle only settles. Elebne asks to confirm a payment with Payments.Get after payment.confirmed.
func (w *Webhooks) Handler(c *payonce.Client, handle func(context.Context, Event) error) http.Handler {
	return webhook.Source[Event]{Open: w.Parse, Portable: Event.Portable}.Handler(c, handle)
}
