package adapter

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// errNoObject says that a text is not what holds fields, without repeating any of it.
var errNoObject = errors.New("it is no JSON object")

// Decode reads a JSON object into the struct that into points to, or a list into a slice of structs, by the rules of Object, so that
// everything reads the same out of one body: names count by their case, and a field of another type than the struct has for it stays
// empty and does not hide the rest. odd says that there was one, for checks that must understand everything. A list keeps an empty
// element for an odd one, a map leaves it out. The error says that the text is no object or list, or is that of the type's own
// UnmarshalJSON.
func Decode(text []byte, into any) (odd bool, err error) {
	var d decoder
	err = d.value(text, reflect.ValueOf(into).Elem())
	return d.odd, err
}

// Items reads the elements of a list, each by Decode. One that is no object is an error: a list that can't be read is not a shorter one.
func Items[T any](elements []json.RawMessage) ([]T, error) {
	items := make([]T, len(elements))
	for i, element := range elements {
		if _, err := Decode(element, &items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

type decoder struct{ odd bool }

func (d *decoder) value(text []byte, v reflect.Value) error {
	switch t := v.Type(); {
	case decodesItself(t):
		return d.leaf(text, v)
	case t.Kind() == reflect.Struct:
		return d.object(text, v)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return d.list(text, v)
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return d.pairs(text, v)
	case t.Kind() == reflect.Pointer:
		return d.pointer(text, v)
	}
	return d.leaf(text, v)
}

func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// leaf reads what has no fields of its own.
func (d *decoder) leaf(text []byte, v reflect.Value) error {
	if holdsText(v.Type()) && asItStands(text) { // nearly all do and are
		v.SetString(string(text[1 : len(text)-1]))
		return nil
	}
	whole := reflect.New(v.Type())
	err := json.Unmarshal(text, whole.Interface())
	if err == nil {
		v.Set(whole.Elem())
	}
	return err
}

func holdsText(t reflect.Type) bool {
	return t.Kind() == reflect.String && t != reflect.TypeFor[json.Number]() && !decodesItself(t)
}

// asItStands says that a text is a JSON string with nothing to unescape.
func asItStands(text []byte) bool {
	n := len(text)
	return n > 1 && text[0] == '"' && text[n-1] == '"' && utf8.Valid(text) &&
		!bytes.ContainsFunc(text[1:n-1], func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })
}

func (d *decoder) object(text []byte, v reflect.Value) error {
	o := ObjectOf(text)
	if o == nil && v.NumField() > 0 {
		return errNoObject
	}
	d.fields(o, v, nil)
	return nil
}

// fields reads the fields of a struct, but for those that a struct around it has as well.
func (d *decoder) fields(o Object, v reflect.Value, hidden []string) {
	names := make([]string, v.NumField())
	var embedded []int
	for i := range names {
		field := v.Type().Field(i)
		if names[i] = nameOf(field); names[i] == "" && field.Anonymous && field.Type.Kind() == reflect.Struct {
			embedded = append(embedded, i)
		}
		if text, told := o[names[i]]; told && names[i] != "" && !slices.Contains(hidden, names[i]) {
			d.field(text, v.Field(i))
		}
	}
	for _, i := range embedded {
		d.fields(o, v.Field(i), slices.Concat(hidden, names))
	}
}

// field reads what is not the whole: what can't be read is odd, and null is nothing.
func (d *decoder) field(text []byte, v reflect.Value) {
	if string(text) == "null" && !decodesItself(v.Type()) {
		return
	}
	if d.value(text, v) != nil {
		d.odd = true
	}
}

func (d *decoder) pointer(text []byte, v reflect.Value) error {
	to := reflect.New(v.Type().Elem())
	err := d.value(text, to.Elem())
	if err == nil {
		v.Set(to)
	}
	return err
}

func (d *decoder) list(text []byte, v reflect.Value) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(text, &elements); err != nil || elements == nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	for i, element := range elements {
		d.field(element, v.Index(i))
	}
	return nil
}

func (d *decoder) pairs(text []byte, v reflect.Value) error {
	o := ObjectOf(text)
	if o == nil {
		return errNoObject
	}
	v.Set(reflect.MakeMap(v.Type()))
	for name, told := range o {
		value := reflect.New(v.Type().Elem()).Elem()
		if d.value(told, value) != nil {
			d.odd = true
			continue
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
	return nil
}

// nameOf is a field's name in JSON; "" if it has none there, or has its struct's fields read in its stead.
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "-" || !field.IsExported() || (field.Anonymous && name == "") {
		return ""
	}
	return cmp.Or(name, field.Name)
}
