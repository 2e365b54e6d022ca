package midaspay

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/internal/webhook"
)

// acknowledged is the body without which a delivery counts as failed.
// Source: https://developer.midaspayment.com/docs/webhooks/introduction/.
const acknowledged = `{"processed": true}`

// ErrSignature says that a delivery is not MidasPay's, or not a fresh one. It repeats nothing of it.
var ErrSignature = webhook.ErrSignature

var (
	errNoEvent        = errors.New("the delivery is not an event as MidasPay documents it")
	errAnotherAccount = errors.New("the event is another merchant's")
)

// WebhookConfig says how deliveries are verified.
type WebhookConfig struct {
	// Certificates are MidasPay's own, as in Config.PlatformCertificates. Defaults to those.
	Certificates map[string]string
	// Tolerance is how far a delivery's timestamp may be from this machine's time. Defaults to no limit: a delivery that is made again
	// days later may carry the timestamp of the first, and is not lost then. One that is replayed is told by its event's id, and is
	// not handled twice.
	Tolerance time.Duration
}

// Webhooks takes MidasPay's deliveries. Make it with Provider.Webhooks. It is safe for concurrent use.
type Webhooks struct{ r *receiver }

type receiver struct {
	d         *dialect
	keys      platformKeys
	tolerance time.Duration
}

// Webhooks checks the configuration and reports everything that is wrong with it at once (payonce.ErrInvalid).
func (p *Provider) Webhooks(cfg WebhookConfig) (*Webhooks, error) {
	var problems adapter.Problems
	keys := parsePlatformKeys(&problems, "Certificates", cfg.Certificates)
	if len(cfg.Certificates) == 0 {
		keys = p.d.platform
		if len(keys) == 0 {
			problems.Add("Certificates", "are required, or Config.PlatformCertificates")
		}
	}
	if cfg.Tolerance < 0 {
		problems.Add("Tolerance", "is negative")
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &Webhooks{&receiver{p.d, keys, cfg.Tolerance}}, nil
}

// Parse verifies a delivery over its raw bytes and only then reads it. ErrSignature if it is not MidasPay's, is signed with a
// certificate that is not configured, or is out of Tolerance; another error if it is no event, or names another merchant: MidasPay signs
// for all merchants with the same key. A delivery holds one event.
func (w *Webhooks) Parse(r *http.Request, body []byte) ([]Event, error) {
	if r == nil || !w.r.keys.verify(r.Header, body) || !w.r.timely(r.Header.Get(headerTimestamp)) {
		return nil, ErrSignature
	}
	event, err := w.r.d.parseEvent(body)
	if err != nil {
		return nil, err
	}
	return []Event{event}, nil
}

// String returns whose deliveries it takes.
func (w *Webhooks) String() string { return "webhooks of " + w.r.d.profile.Account }

// timely says that a delivery was signed about now, where that is asked for.
func (r *receiver) timely(timestamp string) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && (r.tolerance == 0 || time.Since(time.Unix(seconds, 0)).Abs() <= r.tolerance)
}

// Handler takes deliveries: each event settles the operation that it names by its key and is given to handle once. Events of a type that
// this version does not know, and those that name no merchant, settle nothing and are given to handle all the same. handle may be called
// again after an error or a crash. It may be nil.
func (w *Webhooks) Handler(c *payonce.Client, handle func(context.Context, Event) error) http.Handler {
	return webhook.Source[Event]{Open: w.Parse, Portable: Event.Portable, Ack: acknowledged}.Handler(c, handle)
}
