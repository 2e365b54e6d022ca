package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A rule checks one JSON value. It reports each thing that is wrong under the
// path of where it is.
type rule interface {
	check(path string, v any, report reportFunc)
}

type reportFunc func(path, message string)

// A field is one member of an object.
type field struct {
	name     string
	required bool
	rule     rule
}

func need(name string, r rule) field { return field{name, true, r} }
func may(name string, r rule) field  { return field{name, false, r} }

// object checks the members that it knows and leaves the others alone.
type object []field

func (o object) check(path string, v any, report reportFunc) {
	m, ok := v.(map[string]any)
	if !ok {
		report(path, "Value must be an object.")
		return
	}
	for _, f := range o {
		at := strings.TrimPrefix(path+"."+f.name, ".")
		switch value := m[f.name]; {
		case value != nil:
			f.rule.check(at, value, report)
		case f.required:
			report(at, "Value is required.")
		}
	}
}

// variants checks an object by the rule that its type member chooses.
type variants map[string]rule

func (v variants) check(path string, value any, report reportFunc) {
	m, ok := value.(map[string]any)
	if !ok {
		report(path, "Value must be an object.")
		return
	}
	name, _ := m["type"].(string)
	r, ok := v[name]
	if !ok {
		known := slices.Sorted(maps.Keys(v))
		report(path+".type", "Value must be one of: "+strings.Join(known, ", ")+".")
		return
	}
	r.check(path, value, report)
}

// text checks a string.
type text struct {
	min, max int // characters; a max of 0 is no limit
	pattern  func() *regexp.Regexp
	enum     []string
	format   func(string) bool
}

func (t text) check(path string, v any, report reportFunc) {
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	switch {
	case !ok:
		report(path, "Value must be a string.")
	case n < t.min:
		report(path, fmt.Sprintf("Value must have at least %d characters.", t.min))
	case t.max > 0 && n > t.max:
		report(path, fmt.Sprintf("Value must have at most %d characters.", t.max))
	case t.enum != nil && !slices.Contains(t.enum, s):
		report(path, "Value must be one of: "+strings.Join(t.enum, ", ")+".")
	case t.pattern != nil && !t.pattern().MatchString(s), t.format != nil && !t.format(s):
		report(path, "Value has an invalid format.")
	}
}

// integer checks a whole number within [min, max]; a max of 0 is no limit.
type integer struct{ min, max int64 }

func (i integer) check(path string, v any, report reportFunc) {
	number, ok := v.(json.Number)
	if !ok {
		report(path, "Value must be an integer.")
		return
	}
	switch n, err := number.Int64(); {
	case err != nil:
		report(path, "Value must be an integer.")
	case n < i.min:
		report(path, fmt.Sprintf("Value must be > %d.", i.min-1))
	case i.max > 0 && n > i.max:
		report(path, fmt.Sprintf("Value must be < %d.", i.max+1))
	}
}

// boolean checks a truth value.
type boolean struct{}

func (boolean) check(path string, v any, report reportFunc) {
	if _, ok := v.(bool); !ok {
		report(path, "Value must be a boolean.")
	}
}

// list checks an array of different items; at least min.
type list struct {
	min, max int
	items    rule
}

func (l list) check(path string, v any, report reportFunc) {
	items, ok := v.([]any)
	if !ok {
		report(path, "Value must be an array.")
		return
	}
	if len(items) < l.min || l.max > 0 && len(items) > l.max {
		report(path, fmt.Sprintf("Value must have %d or more items.", l.min))
	}
	for i, item := range items {
		l.items.check(fmt.Sprintf("%s[%d]", path, i), item, report)
		if s, ok := item.(string); ok && slices.Contains(items[:i], any(s)) {
			report(path, "Items must be unique.")
		}
	}
}

// pairs checks an object of strings.
type pairs struct{ max, maxKey, maxValue int }

func (p pairs) check(path string, v any, report reportFunc) {
	m, ok := v.(map[string]any)
	if !ok {
		report(path, "Value must be an object.")
		return
	}
	if len(m) > p.max {
		report(path, fmt.Sprintf("Value must have at most %d pairs.", p.max))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if utf8.RuneCountInString(key) > p.maxKey {
			report(path, fmt.Sprintf("Keys must have at most %d characters.", p.maxKey))
		}
		text{max: p.maxValue}.check(path+"."+key, m[key], report)
	}
}

// decode reads one JSON document and checks it. The result is nil, and errs says
// why, when it is not one or breaks the rule.
func decode(body []byte, r rule) (doc map[string]any, errs map[string][]string) {
	errs = map[string][]string{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil {
		return nil, map[string][]string{"body": {"Value must be a JSON object."}}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, map[string][]string{"body": {"Value must be a single JSON object."}}
	}
	r.check("", doc, func(path, message string) { errs[path] = append(errs[path], message) })
	if len(errs) > 0 {
		return nil, errs
	}
	return doc, nil
}

// Typed access to a checked document: the zero value where a member is missing.

func textAt(doc map[string]any, path ...string) string {
	s, _ := valueAt(doc, path...).(string)
	return s
}

func objectAt(doc map[string]any, path ...string) map[string]any {
	m, _ := valueAt(doc, path...).(map[string]any)
	return m
}

func integerAt(doc map[string]any, path ...string) int64 {
	number, _ := valueAt(doc, path...).(json.Number)
	n, _ := number.Int64()
	return n
}

func stringsAt(doc map[string]any, path ...string) map[string]string {
	m := objectAt(doc, path...)
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, v := range m {
		out[key], _ = v.(string)
	}
	return out
}

func valueAt(doc map[string]any, path ...string) any {
	var v any = doc
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// pick copies the members that exist.
func pick(doc map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v, ok := doc[name]; ok && v != nil {
			out[name] = v
		}
	}
	return out
}
