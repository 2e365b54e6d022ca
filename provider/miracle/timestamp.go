package miracle

import (
	"time"

	"github.com/payonce/payonce/internal/adapter"
)

// Timestamp is a time as Miracle writes it: the webhook guide shows RFC 3339, the reference only "string". What can't be read as a
// time is the zero value and not an error: an odd timestamp must not make a payment unreadable. The text is in Result.Raw.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339, also without a zone, which then is UTC.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	t.Time = adapter.Time(text, time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly)
	return nil
}
