package midaspay

import (
	"encoding/json"
	"time"

	"github.com/payonce/payonce/internal/adapter"
)

// Timestamp is a time as MidasPay writes it: RFC 3339 with an offset. What can't be read as such is the zero value and not an error:
// an odd timestamp must not make an answer unreadable. The text is in Result.Raw.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339, also with a lower-case t or z and with an offset without its colon. A time without an offset is the
// zero value: nobody says in which zone it would be.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	t.Time = adapter.Time(text, time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700")
	return nil
}

// timestamp reads a member of an answer.
func timestamp(text json.RawMessage) (t Timestamp) {
	_ = t.UnmarshalJSON(text) // never fails
	return t
}
