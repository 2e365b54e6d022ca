package adapter

import (
	"encoding/json"
	"strings"
	"time"
)

// Time reads a JSON string by the first layout that fits, in UTC. What fits none is the zero time and no error: an odd time must not make
// an answer unreadable.
func Time(text []byte, layouts ...string) time.Time {
	var s string
	_ = json.Unmarshal(text, &s) // what is no string is no time
	for _, layout := range layouts {
		if at, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
