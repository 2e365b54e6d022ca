package midaspay

import (
	"encoding/json"
	"strings"
)

// What an answer echoes of its request.

// isID says that a text can be an id of MidasPay's, whose form is not documented.
func isID(text string) bool {
	return text != "" && len(text) <= 255 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// differ says that both are there and not the same.
func differ(sent, echoed string) bool { return sent != "" && echoed != "" && sent != echoed }

// contradict says that the units of an answer can't be those that were sent. An answer without units says nothing.
func contradict(sent, got []PurchaseUnit) bool {
	if len(sent) == 0 || len(got) == 0 {
		return false
	}
	if len(sent) != len(got) {
		return true
	}
	left := make(map[string]Money, len(sent))
	for _, unit := range sent {
		left[unit.ReferenceID] = unit.Amount
	}
	for i, unit := range got {
		amount := sent[i].Amount
		if unit.ReferenceID != "" {
			named, ours := left[unit.ReferenceID]
			if !ours {
				return true
			}
			delete(left, unit.ReferenceID)
			amount = named
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

// isNothing says that a body is a JSON object in which nothing is set, however deep: how a service in the protobuf way answers when
// there is nothing to answer. An object with any content is something else.
func isNothing(body []byte) bool {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return false
	}
	_, object := value.(map[string]any)
	return object && unset(value)
}

func unset(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == "" || strings.EqualFold(v, "unknown")
	case float64:
		return v == 0
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if !unset(member) {
				return false
			}
		}
	}
	return true
}
