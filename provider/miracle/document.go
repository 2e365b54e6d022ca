package miracle

import (
	"encoding/json"
	"strings"

	"github.com/payonce/payonce"
)

// document is an error document of Miracle's. Its schema is not documented; assumed a JSON object with a code or a message that can be
// read, at the top or under "error". Anything else, such as a gateway's page or nothing at all, proves nothing.
type document struct{ code, message string }

// documentOf reads the error document of an answer; nil if it is none, whatever its Content-Type says.
func documentOf(res *payonce.Response) *document {
	if !res.Complete {
		return nil
	}
	type words struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	var top struct {
		words
		Error json.RawMessage `json:"error"`
	}
	var inner words
	if json.Unmarshal(res.Body, &top) != nil {
		return nil
	}
	_ = json.Unmarshal(top.Error, &inner) // "error" may also be a word, which is neither code nor message
	d := document{text(top.Code), text(top.Message)}
	if d.code == "" {
		d.code = text(inner.Code)
	}
	if d.message == "" {
		d.message = text(inner.Message)
	}
	if d == (document{}) {
		return nil
	}
	return &d
}

// text reads a string, or a list of strings such as a validation gives. Numbers are no words: a gateway's {"code": 404} says nothing.
func text(raw json.RawMessage) string {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return strings.TrimSpace(word)
	}
	var list []string
	_ = json.Unmarshal(raw, &list)
	return strings.TrimSpace(strings.Join(list, "; "))
}

// isReuse says that the key was used with another body.
func (d *document) isReuse() bool { return strings.EqualFold(d.code, CodeDuplicateTransaction) }
