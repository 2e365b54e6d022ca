package simulator

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A Ledger is the provider's own record of what it executed, and so the judge
// of any test: a client that claims to have paid once is right if one entry is
// here. It is append-only and safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
}

// An Entry is one effect: something the provider executed, once.
type Entry struct {
	// Seq counts from 1, in the order of execution.
	Seq int `json:"seq"`
	// Time is the provider's clock at the execution.
	Time time.Time `json:"time"`
	// Kind says what was done: payment, refund, capture or cancel, and what only one
	// provider has, such as payout, checkout_session, subscription or product.
	Kind string `json:"kind"`
	// ID is the provider's id of what was made or changed.
	ID string `json:"id"`
	// Key is the idempotency key of the request; empty if it carried none.
	Key string `json:"key,omitempty"`
	// AmountMinor is the amount in minor units; 0 where the kind has none.
	AmountMinor int64  `json:"amount_minor,omitempty"`
	Currency    string `json:"currency,omitempty"`
	// Reference is the request's own reference, where it has one.
	Reference string `json:"reference,omitempty"`
	// PaymentID is the payment that a refund, a cancellation or an
	// authorization flow belongs to.
	PaymentID string `json:"payment_id,omitempty"`
	// Declined says that the payment was made and failed at once: it exists, but
	// moves no money.
	Declined bool              `json:"declined,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Entries returns a copy of all entries, in the order of execution.
func (l *Ledger) Entries() []Entry {
	return l.filter(func(Entry) bool { return true })
}

// Count returns the number of entries of a kind, for example "payment".
func (l *Ledger) Count(kind string) int {
	return len(l.filter(func(e Entry) bool { return e.Kind == kind }))
}

// ByKey returns the entries that a key's requests made. More than one of the
// same kind means that money moved twice.
func (l *Ledger) ByKey(key string) []Entry {
	return l.filter(func(e Entry) bool { return e.Key == key })
}

func (l *Ledger) filter(keep func(Entry) bool) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Entry{}
	for _, e := range l.entries {
		if keep(e) {
			e.Metadata = maps.Clone(e.Metadata)
			out = append(out, e)
		}
	}
	return out
}

func (l *Ledger) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = len(l.entries) + 1
	e.Metadata = maps.Clone(e.Metadata)
	l.entries = append(l.entries, e)
}

func (l *Ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.Delete(l.entries, 0, len(l.entries))
}
