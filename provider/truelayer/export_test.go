package truelayer

import (
	"context"
	"crypto/ecdsa"
	"net/http"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// What the tests see of the inside.

// Verify checks a Tl-Signature as the webhook handler does, of whatever jku.
func Verify(key func(keyID string) *ecdsa.PublicKey, required []string, signature, method, path string, header http.Header, body []byte) error {
	find := func(_ context.Context, keyID string) (*ecdsa.PublicKey, error) { return key(keyID), nil }
	return verifier{key: find, required: required}.verify(context.Background(), signature, method, path, "", header, body)
}

// ParseKeySet reads a JWKS.
func ParseKeySet(text []byte) (map[string]*ecdsa.PublicKey, error) { return parseKeySet(text) }

// ParseEvent reads a body that was verified.
func ParseEvent(body []byte) (Event, error) { return parseEvent(body) }

// AsRead is the event as Confirm returns it for an account, after a read that says the same as the event.
func AsRead(e Event, account string) Event {
	e.account = account
	e.seen = sight{id: "as read", ref: e.Metadata[adapter.RefKey], noMoneyMoved: true}
	return e
}

// PageOfTransactions reads one page.
func PageOfTransactions(body []byte) (items []Transaction, next string, err error) {
	var page transactionPage
	err = page.UnmarshalJSON(body)
	return page.items, page.next, err
}

// WebhookKey looks a key up as a delivery does.
func (w *Webhooks) WebhookKey(ctx context.Context, keyID string) (*ecdsa.PublicKey, error) {
	return w.verifier.key(ctx, keyID)
}

// Tokens returns the provider's token source as a function.
func (p *Provider) Tokens() func(ctx context.Context, hc *http.Client) (payonce.Secret, error) {
	return p.d.tokens.get
}

// DiscardToken drops the token if it is the current one.
func (p *Provider) DiscardToken(refused payonce.Secret) { p.d.tokens.discard(refused) }

// RefreshTime is when a token is renewed.
func RefreshTime(asked, expiry time.Time) time.Time { return refreshTime(asked, expiry) }

// Operations of the native services, without a client.
var (
	CreatePayout    = func(p *Provider) func(PayoutParams) (payonce.Operation, error) { return p.d.createPayout }
	StartFlow       = func(p *Provider) func(StartFlowParams) (payonce.Operation, error) { return p.d.startFlow }
	SetSweeping     = func(p *Provider) func(SweepingParams) (payonce.Operation, error) { return p.d.setSweeping }
	DisableSweeping = func(p *Provider) func(DisableSweepingParams) (payonce.Operation, error) { return p.d.disableSweeping }
)
