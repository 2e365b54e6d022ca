package elebne

import (
	"cmp"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// RefundReason says why money is given back. Whether the set is closed is not documented.
type RefundReason string

// The reasons that were seen. Source: https://docs.staging.elebne.ai/en/docs/pay-api/refunds.
const (
	ReasonCustomerRequest  RefundReason = "customer_request"
	ReasonProductDefective RefundReason = "product_defective"
)

// RefundParams asks for one refund in Elebne's words. It is the same operation as payonce.RefundParams with the same Reference, whose
// Reason is Note here. An Amount and Full exclude each other; neither is an error, so that a forgotten amount never refunds everything.
type RefundParams struct {
	// Reference is the merchant's own id of the refund. Required; two partial refunds have two references.
	Reference string
	// PaymentID is the intent's reference number. Required.
	PaymentID string
	// Amount is what to give back, in MRU.
	Amount payonce.Amount
	// Full gives back all that is left: no amount is sent.
	Full bool
	// Reason defaults to ReasonCustomerRequest: whether Elebne requires one is not documented, so one is always sent.
	Reason RefundReason
	// Note is text beside the reason.
	Note string
	// NotAfter: not refunded for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// Refund is the answer to a refund. Of it only Refunded is documented; the rest is in Result.Raw.
// Source: https://docs.staging.elebne.ai/en/docs/pay-api/refunds.
type Refund struct {
	Refunded bool `json:"refunded"`
}

type wireRefund struct {
	Amount int64        `json:"amount,omitempty"`
	Reason RefundReason `json:"reason"`
	Note   string       `json:"note,omitempty"`
}

// createRefund encodes the portable refund. Elebne has no metadata for refunds.
func (d *dialect) createRefund(params payonce.RefundParams) (payonce.Operation, error) {
	return d.refund(RefundParams{
		Reference: params.Reference, PaymentID: params.PaymentID, Amount: params.Amount, Full: params.Full, Note: params.Reason,
		NotAfter: params.NotAfter,
	})
}

// refund encodes POST /dev/intents/{ref}/refund. Without an amount Elebne gives everything back, so that is sent only if it was said.
func (d *dialect) refund(params RefundParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	switch {
	case params.Full && params.Amount != payonce.Amount{}:
		p.Add("Full", "and Amount exclude each other")
	case !params.Full:
		checkAmount(&p, "Amount", params.Amount)
	}
	return d.write(&p, payonce.Operation{
		Kind: kindCreateRefund, Reference: params.Reference, Path: under(intents, params.PaymentID, "/refund"), NotAfter: params.NotAfter,
		Body: wireRefund{max(params.Amount.Minor, 0), cmp.Or(params.Reason, ReasonCustomerRequest), params.Note},
	})
}

// portableRefund reads the answer to a refund. No id of a refund is documented, so ID may be empty.
func portableRefund(_ string, body []byte) (*payonce.Refund, error) {
	data := adapter.ObjectOf(body).Object("data")
	if data == nil {
		return nil, errUnreadable
	}
	word := refundWord(data)
	status := refundStatus(word)
	if word == "" {
		status = payonce.StatusPending // accepted, and nothing more is said
	}
	refund := &payonce.Refund{ID: refundID(data), Status: status, ProviderStatus: word, Raw: body}
	if number := data.Text("referenceNumber"); isIntent(number) {
		refund.PaymentID = number
	}
	return refund, nil
}

// refundID is what an answer calls id, or else a number that is the refund's own because no intent has such a one.
func refundID(data adapter.Object) string {
	number := data.Text("referenceNumber")
	if isIntent(number) {
		number = ""
	}
	return cmp.Or(data.Text("id"), number)
}

func isIntent(number string) bool { return strings.HasPrefix(number, intentMark) }

// refundWord is what an answer says of a refund: "refunded" if it says that, or else its status.
func refundWord(data adapter.Object) string {
	if data.Is("refunded", "true") {
		return wordRefunded
	}
	return data.Text("status")
}

// notRefunded says that an answer denies the refund.
func notRefunded(data adapter.Object) bool {
	if _, told := data["refunded"]; told {
		return !data.Is("refunded", "true")
	}
	return data.Text("status") == string(IntentFailed)
}
