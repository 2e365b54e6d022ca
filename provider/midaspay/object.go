package midaspay

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// object is a JSON object in the making.
type object map[string]any

const keyField = "reference_id"

// merchantField is left to its default, the signing merchant: under another one keys are not this account's, and what was made would
// be looked up in the wrong place.
const merchantField = "merchant_id"

// add takes in the members of the caller's own JSON object, but for those that are set already and those that are reserved. Names are
// compared without case and underscores, because servers in the protobuf way read referenceId as reference_id.
func (o object) add(p *adapter.Problems, field string, own payonce.Raw, reserved ...string) {
	if len(own) == 0 {
		return
	}
	members := ownObject(p, field, own)
	taken := make(map[string]string, len(o)+len(reserved))
	for name := range o {
		taken[plainName(name)] = name
	}
	for _, name := range reserved {
		taken[plainName(name)] = name
	}
	for name, value := range members {
		ours, twice := taken[plainName(name)]
		switch {
		case plainName(name) == plainName(merchantField):
			p.Add(field, "must not hold %s: the merchant is the one that signs", merchantField)
		case twice:
			p.Add(field, "must not hold %s, which is filled in", ours)
		default:
			o[name] = value
		}
	}
}

// ownObject reads the caller's JSON object.
func ownObject(p *adapter.Problems, field string, own payonce.Raw) adapter.Object {
	members := adapter.ObjectOf(own)
	if members == nil {
		p.Add(field, "must be a JSON object")
	}
	return members
}

func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// keyed returns the body with the key in its place; without one for key "".
func (o object) keyed(key string) object {
	body := maps.Clone(o)
	if key != "" {
		body[keyField] = key
	}
	return body
}

// keyedBody makes the body of a write whose key travels as reference_id.
func (o object) keyedBody(key string, _ int) any { return o.keyed(key) }

// query makes the body of a read.
func (o object) query() payonce.Raw {
	body, _ := json.Marshal(o) // strings can always be encoded
	return body
}
