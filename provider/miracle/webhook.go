package miracle

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/internal/webhook"
)

// ErrSignature says that a delivery is not Miracle's, or not a fresh one. It repeats nothing of it.
var ErrSignature = webhook.ErrSignature

// WebhookConfig says what deliveries are verified with.
type WebhookConfig struct {
	// Secrets are the endpoint's secrets, "whsec_…". Any of them verifies: a rotation ends the old secret at once, but what was signed
	// with it may still be on its way. At least one is required.
	Secrets []payonce.Secret
	// Tolerance is how far the timestamp of a delivery may lie from now, both ways. Miracle's own is not documented. Defaults to 5
	// minutes, as in the Standard Webhooks libraries.
	Tolerance time.Duration
}

// Webhooks takes Miracle's deliveries. Make it with Provider.Webhooks. It is safe for concurrent use and prints without its secrets.
//
//	webhooks, err := mir.Webhooks(miracle.WebhookConfig{Secrets: []payonce.Secret{"whsec_…"}})
//	mux.Handle("POST /miracle", webhooks.Handler(client, func(ctx context.Context, e miracle.Event) error {
//		if e.Type == miracle.EventPaymentSucceeded { … }
//		return nil
//	}))
type Webhooks struct{ v *verifier }

// verifier is behind a pointer so that no fmt verb and no encoder walks into it.
type verifier struct {
	d         *dialect
	keys      []*standardwebhooks.Webhook
	tolerance time.Duration
}

// Webhooks checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid).
func (p *Provider) Webhooks(cfg WebhookConfig) (*Webhooks, error) {
	var problems adapter.Problems
	v := &verifier{d: p.d, tolerance: cfg.Tolerance}
	switch {
	case cfg.Tolerance < 0:
		problems.Add("Tolerance", "must not be negative")
	case cfg.Tolerance == 0:
		v.tolerance = 5 * time.Minute
	}
	if len(cfg.Secrets) == 0 {
		problems.Add("Secrets", "is required: the endpoint's secret, whsec_…")
	}
	for i, secret := range cfg.Secrets {
		key, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil || strings.Trim(strings.TrimPrefix(secret.Reveal(), "whsec_"), "\r\n") == "" { // the decoder skips line breaks
			problems.Add("Secrets["+strconv.Itoa(i)+"]", "is not the secret of a webhook endpoint: whsec_ and base64")
		}
		v.keys = append(v.keys, key)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Webhooks{v}, nil
}

// String returns whose deliveries it reads.
func (w *Webhooks) String() string { return "webhooks of " + w.v.d.profile.Account }

// Parse verifies a delivery over its raw bytes, by the Standard Webhooks scheme (https://www.standardwebhooks.com), and reads its
// events. ErrSignature if it is not Miracle's or not fresh. That Miracle's secrets and signatures are those of the scheme's libraries
// is assumed: its guide names the scheme (https://docs.gate.miracleapi.ai/tenant/webhooks).
func (w *Webhooks) Parse(r *http.Request, body []byte) ([]Event, error) {
	if r == nil || !w.v.genuine(r.Header, body) || !w.v.fresh(r.Header) {
		return nil, ErrSignature
	}
	return w.v.d.events(r.Header.Get(standardwebhooks.HeaderWebhookID), body)
}

// Handler takes deliveries: each event settles the operation that it names, calls handle, and is handled once. It answers 200 when all
// events of a delivery are handled, and otherwise so that Miracle delivers again, for about 31 hours. handle is called for events of
// unknown types too; it must bear being called twice, and must be done in 10 s. A nil handle only settles.
// Source: https://docs.gate.miracleapi.ai/merchant/webhooks.
func (w *Webhooks) Handler(c *payonce.Client, handle func(context.Context, Event) error) http.Handler {
	return webhook.Source[Event]{Open: w.Parse, Portable: Event.Portable}.Handler(c, handle)
}

// genuine says that one of the signatures was made with one of the secrets.
func (v *verifier) genuine(header http.Header, body []byte) bool {
	for _, key := range v.keys {
		if key.VerifyIgnoringTimestamp(body, header) == nil {
			return true
		}
	}
	return false
}

// fresh says that the signed timestamp lies within the tolerance; the library's own tolerance is fixed.
func (v *verifier) fresh(header http.Header) bool {
	seconds, err := strconv.ParseInt(header.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	return err == nil && time.Since(time.Unix(seconds, 0)).Abs() <= v.tolerance
}
