package elebne

import (
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// envelope is what Elebne puts around an answer. Source: https://docs.staging.elebne.ai/en/docs/getting-started/common-patterns.
type envelope[T any] struct{ data T }

// UnmarshalJSON reads the data. Where the answer is not documented it may be something else than an object, which then holds nothing.
func (e *envelope[T]) UnmarshalJSON(text []byte) error {
	data := adapter.ObjectOf(text)["data"]
	if adapter.ObjectOf(data) == nil {
		return nil
	}
	_, err := adapter.Decode(data, &e.data)
	return err
}

// open takes a native result out of its envelope.
func open[T any](r *payonce.Result[envelope[T]], err error) (*payonce.Result[T], error) {
	if r == nil {
		return nil, err
	}
	return &payonce.Result[T]{Value: r.Value.data, Raw: r.Raw, ResourceID: r.ResourceID, Receipt: r.Receipt}, err
}

// List is one page of something. Which pages there are is not documented; Total is 0 where the answer does not say.
type List[T any] struct {
	Items []T
	Total int
}

// UnmarshalJSON reads the one documented list, {"items": [], "total": 0}, and the same, or the items alone, within the envelope of all
// other answers: which of them intents come in is not documented.
func (l *List[T]) UnmarshalJSON(text []byte) error {
	*l = List[T]{}
	listed, total, ok := listIn(text)
	if !ok {
		return errUnreadable
	}
	items, err := adapter.Items[T](listed)
	if err != nil {
		return errUnreadable
	}
	*l = List[T]{items, total}
	return nil
}

// listIn finds a list in an answer: an array, or an object with items; false if there is none.
func listIn(text []byte) (items []json.RawMessage, total int, ok bool) {
	doc := adapter.ObjectOf(text)
	for _, page := range []adapter.Object{doc, doc.Object("data")} {
		if items, ok = page.List("items"); ok {
			count, _ := page.Integer("total")
			return items, int(count), true
		}
	}
	items, ok = doc.List("data")
	return items, 0, ok
}

// problem is Elebne's error document, in either of its two forms: the machine's word is code, or error.
// Source: https://docs.staging.elebne.ai/en/docs/reference/errors.
type problem struct{ code, message string }

// problemOf reads the error document of an answer; nil if it is none, or one of another status. The detail of a validation error is not
// documented: a message may be a list or an object, and a status text.
func problemOf(res *payonce.Response) *problem {
	doc := adapter.ObjectOf(res.Body)
	detail := doc.Object("error")
	p := problem{adapter.Code(cmp.Or(detail.Text("code"), detail.Text("error"))), adapter.Message(detail.Words("message"))}
	if !res.Complete || !doc.Is("success", "false") || p == (problem{}) || adapter.Differ(statusIn(detail), int64(res.Status)) {
		return nil
	}
	return &p
}

// statusIn returns the status that an error document tells; 0 if none.
func statusIn(detail adapter.Object) int64 {
	if status, ok := detail.Integer("statusCode"); ok {
		return status
	}
	status, err := strconv.ParseInt(detail.Text("statusCode"), 10, 64)
	if err != nil {
		return 0
	}
	return status
}
