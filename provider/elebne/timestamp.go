package elebne

import (
	"encoding/json"
	"time"
)

// Timestamp is a time as Elebne writes it, in UTC and milliseconds. What can't be read as a time is the zero value and not an error:
// an odd timestamp must not make an intent unreadable. The text is in Result.Raw.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/common-patterns.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads ISO 8601 with a zone.
func (t *Timestamp) UnmarshalJSON(text []byte) error {
	var s string
	_ = json.Unmarshal(text, &s) // what is no string is no time
	*t = readTime(s)
	return nil
}

func readTime(s string) Timestamp {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Timestamp{}
	}
	return Timestamp{at.UTC()}
}

// timeParam writes a time as a query parameter.
func timeParam(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
