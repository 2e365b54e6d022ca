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

// add takes in the members of the caller's own JSON object, but for those that are set already and those that are reserved. Names are
// compared without case and underscores, because servers in the protobuf way read referenceId as reference_id.
func (o object) add(p *adapter.Problems, field string, own payonce.Raw, reserved ...string) {
	if len(own) == 0 {
		return
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(own, &members) != nil || members == nil {
		p.Add(field, "must be a JSON object")
		return
	}
	taken := make(map[string]string, len(o)+len(reserved))
	for name := range o {
		taken[plainName(name)] = name
	}
	for _, name := range reserved {
		taken[plainName(name)] = name
	}
	for name, value := range members {
		if ours, twice := taken[plainName(name)]; twice {
			p.Add(field, "must not hold %s, which is filled in", ours)
			continue
		}
		o[name] = value
	}
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
