package miracle

import (
	"encoding/json"
	"time"
)

// Timestamp is a time as Miracle writes it: the webhook guide shows RFC 3339, the reference only "string". What can't be read as a
// time is the zero value and not an error: an odd timestamp must not make a payment unreadable. The text is in Result.Raw.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339, also without a zone, which then is UTC.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	t.Time = time.Time{}
	var s string
	_ = json.Unmarshal(text, &s) // what is no string is no time
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if parsed, err := time.Parse(layout, s); err == nil {
			t.Time = parsed.UTC()
			return nil
		}
	}
	return nil
}
