package simulator

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Delivery is one webhook, signed as the provider signs it.
type Delivery struct {
	// ID is the event's, the same in every delivery of it.
	ID string
	// Path is what it was signed for, where the signature covers the path.
	Path   string
	Header http.Header
	Body   []byte
}

// Request returns the delivery as a request to a server, or to its handler.
func (d Delivery) Request(ctx context.Context, base string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+d.Path, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	r.Header = d.Header.Clone()
	return r, nil
}

// An event is something that the provider tells the merchant about.
type event struct {
	id   string
	name string
	at   time.Time
	data any // in the provider's own words, as of then
}

// outbox holds the events that were not asked for yet.
type outbox struct {
	mu     sync.Mutex
	events []event
}

func (o *outbox) add(e event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
}

func (o *outbox) take() []event {
	o.mu.Lock()
	defer o.mu.Unlock()
	events := o.events
	o.events = nil
	return events
}

// Webhooks returns a delivery of each event since the last call, in order, for
// the path at which the merchant takes webhooks. The signatures are made now; so
// to deliver late, ask late.
func (c *core) Webhooks(path string) []Delivery {
	deliveries := []Delivery{}
	for e := range slices.Values(c.outbox.take()) {
		deliveries = append(deliveries, c.api.deliver(path, e))
	}
	return deliveries
}
