package midaspay

import (
	"encoding/json"
	"time"
)

// Timestamp is a time as MidasPay writes it: RFC 3339 with an offset. What can't be read as such is the zero value and not an error:
// an odd timestamp must not make an answer unreadable. The text is in Result.Raw.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339. A time without an offset is the zero value: nobody says in which zone it would be.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	t.Time = time.Time{}
	var s string
	_ = json.Unmarshal(text, &s) // what is no string is no time
	if parsed, err := time.Parse(time.RFC3339Nano, s); err == nil {
		t.Time = parsed.UTC()
	}
	return nil
}
