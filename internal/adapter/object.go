package adapter

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Object is a JSON object of which single fields are looked at. A field of another type than expected is as good as none, so that only
// what decides can make an answer unreadable. Names count by their case. A nil Object has no fields.
type Object map[string]json.RawMessage

// ObjectOf reads a JSON object; nil if the text is none. An empty object is not nil.
func ObjectOf(text []byte) Object {
	var o Object
	if json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

// Text returns a field that is a string; "" otherwise.
func (o Object) Text(name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s) // nothing else is text
	return s
}

// Words returns what a field says in words: a string, or the strings within a list or an object, in the order of its names. Numbers are
// no words. It is for messages, not for what decides.
func (o Object) Words(name string) string {
	var value any
	_ = json.Unmarshal(o[name], &value) // what is not there says nothing
	return strings.Join(wordsIn(value), "; ")
}

func wordsIn(value any) (words []string) {
	switch value := value.(type) {
	case string:
		if s := strings.TrimSpace(value); s != "" {
			words = []string{s}
		}
	case []any:
		for _, element := range value {
			words = append(words, wordsIn(element)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			words = append(words, wordsIn(value[name])...)
		}
	}
	return words
}

// Integer returns a field that is a whole number; false otherwise, also for null and for what does not fit.
func (o Object) Integer(name string) (n int64, ok bool) {
	var i *int64
	if json.Unmarshal(o[name], &i) != nil || i == nil {
		return 0, false
	}
	return *i, true
}

// Is says that a field is there and spelled so: null, true, false.
func (o Object) Is(name, literal string) bool { return literal != "" && string(o[name]) == literal }

// Object returns a field that is an object; nil otherwise.
func (o Object) Object(name string) Object { return ObjectOf(o[name]) }

// List returns a field that is a list; false otherwise. An empty list is one.
func (o Object) List(name string) ([]json.RawMessage, bool) {
	var elements []json.RawMessage
	if json.Unmarshal(o[name], &elements) != nil || elements == nil {
		return nil, false
	}
	return elements, true
}

// Differ says that both are there and not the same: what one of two sides leaves out can't be compared. The zero value is not there.
func Differ[T comparable](sent, told T) bool {
	var none T
	return sent != none && told != none && sent != told
}
