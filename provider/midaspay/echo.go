package midaspay

import (
	"encoding/json"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// What an answer echoes of its request.

// isID says that a text can be an id of MidasPay's, whose form is not documented.
func isID(text string) bool {
	return text != "" && len(text) <= 255 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkID refuses what can't be an id of MidasPay's. Ids travel in bodies, so what an answer has as an id can be given back, but for
// what every provider refuses because it would lead to another path.
func checkID(p *adapter.Problems, field, id string) {
	p.Require(field, id)
	if id != "" && (!isID(id) || strings.ContainsAny(id, "/?#")) {
		p.Add(field, "is not an id of MidasPay's: at most 255 printable ASCII characters, without spaces, /, ? and #")
	}
}

// word reads a word of an open set. One that is no string is kept as it is spelled, so that it is never taken for none.
func word(text json.RawMessage) string {
	var s *string
	if json.Unmarshal(text, &s) != nil {
		return string(text)
	}
	if s == nil {
		return ""
	}
	return *s
}

// made is the verdict on an answer that should have an id, as far as the id and what the answer echoes go.
func made(told adapter.Object, id string, contradicts bool) payonce.Verdict {
	v := payonce.Verdict{Class: payonce.ClassSucceeded, Code: adapter.Code(word(told["status"]))}
	if isID(id) {
		v.ResourceID = id
	}
	switch {
	case contradicts:
		v.Class, v.Code = payonce.ClassMismatch, codeElse
	case v.ResourceID == "":
		return unreadable()
	}
	return v
}

// unitsIn reads the purchase units of a request or an answer; false if they have another form than documented.
func unitsIn(o adapter.Object) (units []PurchaseUnit, ok bool) {
	raw, told := o["purchase_units"]
	if !told {
		return nil, true
	}
	odd, err := adapter.Decode(raw, &units)
	return units, !odd && err == nil
}

// sentUnits are the units of a request; none if they can't be read.
func sentUnits(req *payonce.Request) []PurchaseUnit {
	units, _ := unitsIn(adapter.ObjectOf(req.Body))
	return units
}

// contradict says that the units of an answer can't be those that were sent. An answer without units says nothing. What one side gives
// no id is compared by its place.
func contradict(sent, got []PurchaseUnit) bool {
	if len(sent) == 0 || len(got) == 0 {
		return false
	}
	if len(sent) != len(got) {
		return true
	}
	left := make(map[string]Money, len(sent))
	for _, unit := range sent {
		if unit.ReferenceID != "" {
			left[unit.ReferenceID] = unit.Amount
		}
	}
	for i, unit := range got {
		amount := sent[i].Amount
		switch named, ours := left[unit.ReferenceID]; {
		case ours:
			amount = named
			delete(left, unit.ReferenceID)
		case unit.ReferenceID != "" && sent[i].ReferenceID != "":
			return true
		}
		if unit.Amount != (Money{}) && !unit.Amount.same(amount) {
			return true
		}
	}
	return false
}

// agree says that an answer has all the units that were sent, with their ids, currencies and amounts.
func agree(sent, got []PurchaseUnit) bool {
	for _, unit := range got {
		if unit.ReferenceID == "" || unit.Amount == (Money{}) {
			return false
		}
	}
	return len(sent) > 0 && len(got) == len(sent) && !contradict(sent, got)
}
