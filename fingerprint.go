package payonce

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strconv"
)

// digest is a keyed hash over length-prefixed fields. Keyed, because a body of an amount and a card token could be guessed from a
// bare hash.
type digest struct{ hash.Hash }

func newDigest(salt []byte, purpose string) digest {
	d := digest{hmac.New(sha256.New, salt)}
	d.field([]byte(purpose))
	return d
}

func (d digest) field(b []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(b)))
	d.Write(size[:])
	d.Write(b)
}

func (d digest) text(fields ...string) {
	for _, s := range fields {
		d.field([]byte(s))
	}
}

// fingerprint tells whether two requests ask for the same: kind, method, path and the canonical content, so that another order of
// the same fields is no difference. A body that is not JSON counts by its bytes.
func fingerprint(salt []byte, kind, method, path string, content []byte) []byte {
	d := newDigest(salt, "fingerprint v1")
	d.text(kind, method, path)
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		d.text("bytes")
		d.field(content)
		return d.Sum(nil)
	}
	d.text("json")
	d.value(value)
	return d.Sum(nil)
}

// value hashes decoded JSON with a tag for each type and object keys in order. It never goes back to JSON text, whose spelling
// differs between versions of the encoder.
func (d digest) value(v any) {
	switch v := v.(type) {
	case map[string]any:
		d.text("object", strconv.Itoa(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			d.text(key)
			d.value(v[key])
		}
	case []any:
		d.text("array", strconv.Itoa(len(v)))
		for _, element := range v {
			d.value(element)
		}
	case string:
		d.text("string", v)
	case json.Number:
		d.text("number", v.String())
	case bool:
		d.text("bool", strconv.FormatBool(v))
	case nil:
		d.text("null")
	}
}

// scopeOf is the keyed hash of what the provider dedupes within: account and, where it counts, credential.
func scopeOf(salt []byte, p *Profile) []byte {
	d := newDigest(salt, "scope v1")
	d.text(p.Account, p.Credential.Reveal())
	return d.Sum(nil)
}

// sealOf is the keyed hash of the exact request, so that a record that was damaged or edited is never sent.
func sealOf(salt []byte, r *Record) []byte {
	d := newDigest(salt, "seal v1")
	d.text(r.ID.Account, r.ID.Kind, r.ID.Reference, strconv.Itoa(r.Generation), r.Key, r.Origin, r.Method, r.Path)
	d.text(strconv.Itoa(int(r.Replay)), strconv.FormatBool(r.EmptyOK), strconv.FormatInt(r.NotAfter.UnixMicro(), 10))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		d.text(name, strconv.Itoa(len(r.Header[name])))
		d.text(r.Header[name]...)
	}
	d.field(r.Body)
	return d.Sum(nil)
}
