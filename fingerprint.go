package payonce

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// digest is a keyed hash over length-prefixed fields. Keyed, because a body of an amount and a card token could be guessed from a
// bare hash.
type digest struct {
	fields []byte
	vague  bool // a string could not be told from others: what is not UTF-8 is decoded to one and the same rune
}

func newDigest(purpose string) *digest {
	d := &digest{fields: make([]byte, 0, 1024)}
	d.text(purpose)
	return d
}

func (d *digest) field(b []byte) {
	d.fields = binary.BigEndian.AppendUint64(d.fields, uint64(len(b)))
	d.fields = append(d.fields, b...)
}

func (d *digest) text(fields ...string) {
	for _, s := range fields {
		d.fields = binary.BigEndian.AppendUint64(d.fields, uint64(len(s)))
		d.fields = append(d.fields, s...)
	}
}

// sum returns the hash, keyed with the store's salt.
func (d *digest) sum(salt []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write(d.fields)
	return mac.Sum(nil)
}

// fingerprint tells whether two requests ask for the same: kind, method, path and the canonical content, so that another order of
// the same fields is no difference. A body that is not JSON counts by its bytes.
func fingerprint(salt []byte, kind, method, path string, content []byte) []byte {
	d := newDigest("fingerprint v1")
	d.text(kind, method, path)
	before := len(d.fields)
	if value, ok := decodeWhole(content); ok {
		d.text("json")
		d.value(value)
		if !d.vague {
			return d.sum(salt)
		}
	}
	d.fields = d.fields[:before]
	d.text("bytes")
	d.field(content)
	return d.sum(salt)
}

// decodeWhole decodes content that is one JSON value and nothing else.
func decodeWhole(content []byte) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return value, errors.Is(err, io.EOF)
}

// value hashes decoded JSON with a tag for each type and object keys in order. It never goes back to JSON text, whose spelling
// differs between versions of the encoder.
func (d *digest) value(v any) {
	switch v := v.(type) {
	case map[string]any:
		d.text("object", strconv.Itoa(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			d.string(key)
			d.value(v[key])
		}
	case []any:
		d.text("array", strconv.Itoa(len(v)))
		for _, element := range v {
			d.value(element)
		}
	case string:
		d.text("string")
		d.string(v)
	case json.Number:
		d.text("number", v.String())
	case bool:
		d.text("bool", strconv.FormatBool(v))
	case nil:
		d.text("null")
	}
}

func (d *digest) string(s string) {
	d.text(s)
	d.vague = d.vague || strings.ContainsRune(s, utf8.RuneError)
}

// scopeOf is the keyed hash of what the provider dedupes within: account and, where it counts, credential.
func scopeOf(salt []byte, account string, credential Secret) []byte {
	d := newDigest("scope v1")
	d.text(account, credential.Reveal())
	return d.sum(salt)
}

// sealOf is the keyed hash of the exact request, so that a record that was damaged or edited is never sent.
func sealOf(salt []byte, r *Record) []byte {
	d := newDigest("seal v1")
	d.text(r.ID.Account, r.ID.Kind, r.ID.Reference, strconv.Itoa(r.Generation), r.Key, r.Origin, r.Method, r.Path)
	d.text(strconv.Itoa(int(r.Replay)), strconv.FormatBool(r.EmptyOK), strconv.FormatInt(r.NotAfter.UnixMicro(), 10))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		d.text(name, strconv.Itoa(len(r.Header[name])))
		d.text(r.Header[name]...)
	}
	d.field(r.Body)
	return d.sum(salt)
}
