package elebne

import (
	"encoding/json"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// envelope is what Elebne puts around an answer. Source: https://docs.staging.elebne.ai/en/docs/getting-started/common-patterns.
type envelope[T any] struct {
	Data T `json:"data"`
}

// open takes a native result out of its envelope.
func open[T any](r *payonce.Result[envelope[T]], err error) (*payonce.Result[T], error) {
	if r == nil {
		return nil, err
	}
	return &payonce.Result[T]{Value: r.Value.Data, Raw: r.Raw, ResourceID: r.ResourceID, Receipt: r.Receipt}, err
}

// List is one page of something. Which pages there are is not documented; Total is 0 where the answer does not say.
type List[T any] struct {
	Items []T
	Total int
}

// UnmarshalJSON reads the one documented list, {"items": [], "total": 0}, and the same, or the items alone, within the envelope of all
// other answers: which of them intents come in is not documented.
func (l *List[T]) UnmarshalJSON(text []byte) error {
	var page struct {
		Items *[]T `json:"items"`
		Total int  `json:"total"`
	}
	*l = List[T]{}
	listed := listIn(text)
	if listed == nil {
		return errUnreadable
	}
	if json.Unmarshal(listed, &l.Items) == nil {
		return nil
	}
	if json.Unmarshal(listed, &page) != nil || page.Items == nil {
		*l = List[T]{}
		return errUnreadable
	}
	*l = List[T]{*page.Items, page.Total}
	return nil
}

// listIn finds a list in an answer: an array, or an object with items; nil if there is none.
func listIn(text []byte) json.RawMessage {
	var doc object
	if json.Unmarshal(text, &doc) != nil {
		return nil
	}
	if doc.holdsArray("items") {
		return text
	}
	if doc.holdsArray("data") {
		return doc["data"]
	}
	var data object
	if json.Unmarshal(doc["data"], &data) == nil && data.holdsArray("items") {
		return doc["data"]
	}
	return nil
}

// object is a JSON object of which single fields are looked at. A field of another type than expected is as good as none, so that only
// what decides can make an answer unreadable.
type object map[string]json.RawMessage

// text returns a field that is a string.
func (o object) text(name string) string {
	var s string
	_ = json.Unmarshal(o[name], &s) // nothing else is text
	return s
}

// integer returns a field that is a whole number.
func (o object) integer(name string) (n int64, ok bool) {
	var i *int64
	if json.Unmarshal(o[name], &i) != nil || i == nil {
		return 0, false
	}
	return *i, true
}

// is says that a field is spelled so: null, true, false.
func (o object) is(name, literal string) bool { return string(o[name]) == literal }

func (o object) holdsArray(name string) bool {
	var list []json.RawMessage
	return json.Unmarshal(o[name], &list) == nil && list != nil
}

// problem is Elebne's error document, in either of its two forms: the machine's word is code, or error.
// Source: https://docs.staging.elebne.ai/en/docs/reference/errors.
type problem struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Name       string `json:"error"`
	StatusCode int    `json:"statusCode"`
}

func (p *problem) code() string { return adapter.Code(orDefault(p.Code, p.Name)) }

// problemOf reads the error document of an answer; nil if it is none, or one of another status.
func problemOf(res *payonce.Response) *problem {
	var doc struct {
		Success *bool    `json:"success"`
		Error   *problem `json:"error"`
	}
	if !res.Complete || json.Unmarshal(res.Body, &doc) != nil || doc.Success == nil || *doc.Success || doc.Error == nil {
		return nil
	}
	p := doc.Error
	if p.code() == "" || (p.StatusCode != 0 && p.StatusCode != res.Status) {
		return nil
	}
	return p
}
