package miracle

import (
	"encoding/json"
	"strings"
)

// Word is a value whose type is not documented, as text: a string as it is, anything else as its JSON, and null as "".
type Word string

// UnmarshalJSON reads any JSON.
func (w *Word) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) != nil { // null is no error
		s = string(text)
	}
	*w = Word(s)
	return nil
}

// textsOf returns metadata, documented as strings, whatever its values are.
func textsOf(words map[string]Word) map[string]string {
	if words == nil {
		return nil
	}
	texts := make(map[string]string, len(words))
	for name, word := range words {
		texts[name] = string(word)
	}
	return texts
}

// truth reads a boolean, also one that is spelled as a string; nil if it is none.
func truth(raw json.RawMessage) *bool {
	var value *bool
	_ = json.Unmarshal([]byte(strings.Trim(string(raw), `"`)), &value) // what is no boolean says nothing
	return value
}
