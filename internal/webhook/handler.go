// Package webhook is what the providers' webhook handlers have in common: the way from a request to events that are handled once.
package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/payonce/payonce"
)

// maxBody is the size of the largest webhook; the documented ones have a few KiB.
const maxBody = 1 << 20

// ErrSignature says that a delivery is not the provider's. It tells the sender nothing more.
var ErrSignature = errors.New("the signature does not verify")

// Source is one provider's way to send webhooks.
type Source[E any] struct {
	// Open verifies a delivery over its raw bytes, and only then parses it. ErrSignature is answered with 401, payonce.ErrUnavailable
	// (what the signature is verified with could not be had) with 503, other errors with 400.
	Open func(r *http.Request, body []byte) ([]E, error)
	// Confirm asks the provider whether an event is the merchant's, for providers whose signature does not say that, and returns it with
	// what was learned. false is acknowledged and neither settled nor handed over: it is another merchant's. After an error the provider
	// delivers again. nil is for signatures that name the account.
	Confirm func(ctx context.Context, c *payonce.Client, e E) (E, bool, error)
	// Portable puts an event into portable words.
	Portable func(E) payonce.Event
	// Ack is the body, in JSON, of the answer that the provider takes for a receipt; "" is none.
	Ack string
}

// Handler takes the provider's deliveries: each event settles the operation that it names and is handled once. It answers 200 when all
// events of the delivery are handled, or another merchant's, and otherwise so that the provider delivers again.
func (s Source[E]) Handler(c *payonce.Client, handle func(context.Context, E) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := s.take(w, r, c, handle)
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
		if s.Ack != "" {
			w.Header().Set("Content-Type", "application/json")
		}
		_, _ = io.WriteString(w, s.Ack) // a sender that has gone away delivers again
	})
}

// take returns the status to answer with.
func (s Source[E]) take(w http.ResponseWriter, r *http.Request, c *payonce.Client, handle func(context.Context, E) error) int {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	}
	events, err := s.Open(r, body)
	switch {
	case errors.Is(err, ErrSignature):
		return http.StatusUnauthorized
	case errors.Is(err, payonce.ErrUnavailable):
		return http.StatusServiceUnavailable
	case err != nil:
		return http.StatusBadRequest
	}
	status := http.StatusOK
	for _, event := range events {
		if s.receive(r.Context(), c, event, handle) != nil {
			status = http.StatusInternalServerError // the others are not made to wait for the next delivery
		}
	}
	return status
}

// receive settles and hands over one event, if it is the merchant's.
func (s Source[E]) receive(ctx context.Context, c *payonce.Client, event E, handle func(context.Context, E) error) error {
	if s.Confirm != nil {
		confirmed, ours, err := s.Confirm(ctx, c, event)
		if err != nil || !ours {
			return err
		}
		event = confirmed
	}
	var call func(context.Context) error
	if handle != nil {
		call = func(ctx context.Context) error { return handle(ctx, event) }
	}
	return c.Receive(ctx, s.Portable(event), call)
}
