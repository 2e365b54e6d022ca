package miracle

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/payonce/payonce/internal/adapter"
)

// errUnreadable says that a body is not what Miracle documents, without repeating any of it.
var errUnreadable = errors.New("the answer is not what Miracle documents")

// unwrap returns the resource of an answer: {"data": {…}} as the reference has it, or the bare object, as the guide to the hosted page
// reads it.
func unwrap(body []byte) []byte {
	if data := adapter.ObjectOf(body)["data"]; bytes.HasPrefix(data, []byte("{")) {
		return data
	}
	return body
}

// decode reads the resource of an answer. A field of another type than documented stays empty: it must not hide the rest.
func decode(body []byte, resource any) error {
	if _, err := adapter.Decode(unwrap(body), resource); err != nil {
		return errUnreadable
	}
	return nil
}

// page is one page of a list. Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_list.
type page[T any] struct {
	items []T
	// next is the cursor of the next page, "" on the last one.
	next string
}

// UnmarshalJSON reads {"data": […], "pagination": {…}}; without a pagination it is the only page. A page that promises more and does
// not say where is an error, so that no list ends early unnoticed.
func (p *page[T]) UnmarshalJSON(body []byte) error {
	var wire struct {
		Data       *[]json.RawMessage `json:"data"`
		Pagination struct {
			NextCursor string `json:"nextCursor"`
			HasMore    *bool  `json:"hasMore"`
		} `json:"pagination"`
	}
	if odd, err := adapter.Decode(body, &wire); odd || err != nil || wire.Data == nil {
		return errUnreadable
	}
	items, err := adapter.Items[T](*wire.Data)
	if err != nil {
		return errUnreadable
	}
	more := wire.Pagination.HasMore
	p.items, p.next = items, wire.Pagination.NextCursor
	switch {
	case more != nil && !*more:
		p.next = ""
	case more != nil && p.next == "":
		return errUnreadable
	}
	return nil
}
