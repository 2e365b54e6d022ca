package miracle

import (
	"cmp"
	"slices"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// document is an error document of Miracle's. Its schema is not documented; assumed a JSON object with a code or a message that can be
// read, at the top or under "error". Anything else, such as a gateway's page or nothing at all, proves nothing: numbers are no words,
// so a gateway's {"code": 404} says nothing. The one code that is documented, CodeDuplicateTransaction, is found at more places.
type document struct{ code, message string }

// documentOf reads the error document of an answer; nil if it is none, whatever its Content-Type says.
func documentOf(res *payonce.Response) *document {
	if !res.Complete {
		return nil
	}
	top := adapter.ObjectOf(res.Body)
	inner := top.Object("error")
	d := document{
		code:    cmp.Or(strings.TrimSpace(top.Text("code")), strings.TrimSpace(inner.Text("code"))),
		message: cmp.Or(top.Words("message"), inner.Words("message")),
	}
	if slices.ContainsFunc(codesOf(top), isReuse) {
		d.code = CodeDuplicateTransaction
	}
	if d == (document{}) {
		return nil
	}
	return &d
}

// codesOf returns the words of an error document that may be its code. In what is not documented, "error" may be a phrase, such as
// "Conflict", and a type may be a class: they are no codes, except the one that is documented.
func codesOf(top adapter.Object) []string {
	inner := top.Object("error")
	codes := []string{top.Text("code"), top.Text("errorCode"), top.Text("error"), inner.Text("code"), inner.Text("type")}
	list, _ := top.List("errors")
	for _, element := range list {
		codes = append(codes, adapter.ObjectOf(element).Text("code"))
	}
	return codes
}

// isReuse says that the key was used with another body.
func isReuse(code string) bool {
	return strings.EqualFold(strings.TrimSpace(code), CodeDuplicateTransaction)
}

func (d *document) isReuse() bool { return isReuse(d.code) }
