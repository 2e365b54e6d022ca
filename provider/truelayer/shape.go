package truelayer

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/payonce/payonce/internal/adapter"
)

// shape says what a JSON value of a request must look like: what counts of TrueLayer's OpenAPI, as data. The zero value is anything.
type shape struct {
	// check returns what is wrong with a value, "" for nothing.
	check func(value any) string
	// fields are an object's fields, and no other belongs there; required names those that must be there.
	fields   map[string]shape
	required []string
	// forms are the fields of an object by its type.
	forms map[string]shape
	// each is the shape of an array's elements.
	each *shape
}

// inspect adds everything that is wrong with a request body. Values are not repeated: they may be account numbers.
func (s shape) inspect(p *adapter.Problems, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		p.Add("body", "can't be encoded as JSON")
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		p.Add("body", "can't be encoded as JSON")
		return
	}
	s.walk(p, "", value)
}

func (s shape) walk(p *adapter.Problems, path string, value any) {
	if s.check != nil {
		if text := s.check(value); text != "" {
			p.Add(path, "%s", text)
		}
	}
	switch value := value.(type) {
	case map[string]any:
		s.walkObject(p, path, value)
	case []any:
		for i, element := range value {
			if s.each != nil {
				s.each.walk(p, path+"["+strconv.Itoa(i)+"]", element)
			}
		}
	}
}

func (s shape) walkObject(p *adapter.Problems, path string, object map[string]any) {
	form, kind := s, "this object"
	if s.forms != nil {
		name, _ := object["type"].(string)
		chosen, ok := s.forms[name]
		if !ok {
			p.Add(join(path, "type"), "must be one of %s", strings.Join(slices.Sorted(maps.Keys(s.forms)), ", "))
			return
		}
		form, kind = chosen, name
	}
	for _, name := range form.required {
		if _, ok := object[name]; !ok {
			p.Add(join(path, name), "is required")
		}
	}
	if form.fields == nil && s.forms == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		field, ok := form.fields[name]
		if !ok && (s.forms == nil || name != "type") {
			p.Add(join(path, name), "does not belong to %s", kind)
			continue
		}
		field.walk(p, join(path, name), object[name])
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
