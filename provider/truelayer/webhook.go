package truelayer

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/internal/webhook"
)

// Where TrueLayer publishes the keys that sign its webhooks, for WebhookConfig.JWKSURL.
// Source: https://github.com/TrueLayer/truelayer-signing.
const (
	SandboxJWKS = "https://webhooks.truelayer-sandbox.com/.well-known/jwks"
	LiveJWKS    = "https://webhooks.truelayer.com/.well-known/jwks"
)

const (
	signatureHeader = "Tl-Signature"
	timestampHeader = "X-TL-Webhook-Timestamp"
)

// ErrSignature says that a delivery is not TrueLayer's, or was changed on the way. It repeats nothing of it. That a signature verifies does
// not say which merchant's the event is: see Webhooks.Confirm.
var ErrSignature = webhook.ErrSignature

// WebhookConfig says how webhooks reach the merchant. Its zero value does for Sandbox and Live.
type WebhookConfig struct {
	// JWKSURL is the one place whose keys are believed, and a signature must name it to the letter as its jku: https, or a loopback
	// host. Touch it for stand-ins. Defaults to SandboxJWKS or LiveJWKS, whichever belongs to Config.BaseURL; required for a BaseURL
	// that is neither Sandbox nor Live.
	JWKSURL string
	// HTTPClient fetches the keys. Its redirects are not followed. Defaults to a client of its own; a fetch takes at most 10 s in any
	// case.
	HTTPClient *http.Client
	// Path is the path that TrueLayer was told in Console, as it is written there, for merchants whose proxy or http.StripPrefix
	// changes it: the signature covers it. Defaults to the request's own.
	Path string
	// MaxAge refuses deliveries that TrueLayer says it sent longer ago, or as far in the future. Defaults to no limit, because
	// TrueLayer prescribes none and does not say whether a repeat, which may come days later, has a new time; an event that was
	// handled is not handled again anyway.
	MaxAge time.Duration
}

// Webhooks takes TrueLayer's webhooks. Make it with Provider.Webhooks. It is safe for concurrent use.
//
// The same keys sign the webhooks of all merchants, so each delivery costs a read with the merchant's own credentials (Webhooks.Confirm).
// Besides, give the handler a path that nobody can guess: the path is signed, so who does not know it has nothing to deliver, and
// causes no reads.
//
//	webhooks, err := tl.Webhooks(truelayer.WebhookConfig{})
//	mux.Handle("POST /truelayer", webhooks.Handler(client, func(ctx context.Context, e truelayer.Event) error {
//		if e.Type == truelayer.EventPaymentSettled { … }
//		return nil
//	}))
type Webhooks struct {
	account  string
	path     string
	maxAge   time.Duration
	verifier verifier
}

// Webhooks checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid). It makes no request:
// the keys are fetched for the first delivery, and again every 30 minutes, or once a minute when a delivery names an unknown one.
func (p *Provider) Webhooks(cfg WebhookConfig) (*Webhooks, error) {
	var problems adapter.Problems
	keys := &keySource{url: cfg.jwks(&problems, p.d.profile.BaseURL), client: cfg.HTTPClient}
	if keys.client == nil {
		keys.client = &http.Client{}
	}
	if cfg.Path != "" && (!strings.HasPrefix(cfg.Path, "/") || strings.ContainsAny(cfg.Path, "?# ")) {
		problems.Add("Path", "must start with a slash and have no query")
	}
	if cfg.MaxAge < 0 {
		problems.Add("MaxAge", "must not be negative; 0 is no limit")
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Webhooks{
		account: p.d.profile.Account, path: cfg.Path, maxAge: cfg.MaxAge,
		verifier: verifier{key: keys.key, required: []string{timestampHeader}, jku: keys.url},
	}, nil
}

// jwks returns the pinned URL of the keys.
func (cfg *WebhookConfig) jwks(p *adapter.Problems, baseURL string) string {
	var own, other string
	switch base, _ := url.Parse(baseURL); strings.ToLower(base.Host) { // New has seen it
	case hostOf(Sandbox):
		own, other = SandboxJWKS, LiveJWKS
	case hostOf(Live):
		own, other = LiveJWKS, SandboxJWKS
	}
	switch {
	case cfg.JWKSURL == "" && own == "":
		p.Add("JWKSURL", "is required, because BaseURL is neither truelayer.Sandbox nor truelayer.Live")
	case cfg.JWKSURL == "":
	case cfg.JWKSURL == other:
		p.Add("JWKSURL", "belongs to the other environment than BaseURL; its own is %s", own)
	default:
		p.BaseURL("JWKSURL", cfg.JWKSURL, SandboxJWKS)
	}
	return cmp.Or(cfg.JWKSURL, own)
}

// Handler asks TrueLayer whose an event is (Confirm), settles the operation that it names and calls handle once for each event, whatever
// its type and however often it is delivered. It answers 200 when handle has returned nil, and to another merchant's event, which is
// neither settled nor handed over; 401 to what is not genuine; and else, as when the read fails, so that TrueLayer delivers again.
// handle must bear being called again after an error of its own. A nil handle only settles. An event about a mandate, or a payment
// link that was disabled, is handed over although nothing says whose it is: see Confirm. Events come late and in any order: never move
// an order backwards, and ask Payments.Get when in doubt.
// Source: https://docs.truelayer.com/docs/payments-api-webhook-reference.
func (w *Webhooks) Handler(c *payonce.Client, handle func(context.Context, Event) error) http.Handler {
	return webhook.Source[Event]{Open: w.Parse, Confirm: w.Confirm, Portable: Event.Portable}.Handler(c, handle)
}

// Parse verifies a delivery over its raw body and then reads its one event. r must have the method, path, query and headers that
// TrueLayer sent. The event is TrueLayer's, but may be another merchant's until Confirm says whose it is: settle nothing and ship nothing
// before that. The error is ErrSignature for what is not genuine; others are for keys that can't be fetched now, and for genuine bodies
// that hold no event.
func (w *Webhooks) Parse(r *http.Request, body []byte) ([]Event, error) {
	if r == nil || r.URL == nil || len(r.Header.Values(signatureHeader)) != 1 {
		return nil, ErrSignature
	}
	path := cmp.Or(w.path, r.URL.EscapedPath())
	err := w.verifier.verify(r.Context(), r.Header.Get(signatureHeader), r.Method, path, r.URL.RawQuery, r.Header, body)
	if err != nil {
		return nil, err
	}
	if w.maxAge > 0 && !w.isFresh(r.Header.Get(timestampHeader)) {
		return nil, ErrSignature
	}
	event, err := parseEvent(body)
	if err != nil {
		return nil, err
	}
	return []Event{event}, nil
}

func (w *Webhooks) isFresh(sent string) bool {
	at, err := time.Parse(time.RFC3339, sent)
	return err == nil && time.Since(at).Abs() <= w.maxAge
}
