package midaspay

import (
	"errors"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// CardParams asks to bind a card or to make a token of one, in MidasPay's own words, which could not be read.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/ (POST /v1/card/* and reference_id only).
type CardParams struct {
	// Reference is the merchant's own id of this binding or token. Required; it is the operation's identity.
	Reference string
	// Path is what follows /v1/card/, such as "bind": letters, digits, -, _ and single slashes. Required.
	Path string
	// Body is the request, a JSON object without reference_id, which is the key and is filled in. It prints as its size: it may hold
	// card data, which then is in the key store as well. Required.
	Body payonce.Raw
	// NotAfter: not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

func createCard(params CardParams) (payonce.Operation, error) {
	var p adapter.Problems
	for element := range strings.SplitSeq(params.Path, "/") {
		p.PathID("Path", element)
	}
	op, err := ownWrite(kindCreateCard, params.Reference, "/v1/card/"+params.Path, params.Body, params.NotAfter)
	return op, errors.Join(p.Err(), err)
}
