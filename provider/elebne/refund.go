package elebne

import (
	"encoding/json"
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
		Body: wireRefund{max(params.Amount.Minor, 0), orDefault(params.Reason, ReasonCustomerRequest), params.Note},
	})
}

// portableRefund reads the answer to a refund. ID is what the answer calls id: no id of a refund is documented, so it may be empty.
func portableRefund(_ string, body []byte) (*payonce.Refund, error) {
	var doc envelope[object]
	if json.Unmarshal(body, &doc) != nil || doc.Data == nil {
		return nil, errUnreadable
	}
	word := refundWord(doc.Data)
	status := refundStatus(word)
	if word == "" {
		status = payonce.StatusPending // accepted, and nothing more is said
	}
	return &payonce.Refund{ID: doc.Data.text("id"), PaymentID: doc.Data.text("referenceNumber"), Status: status, ProviderStatus: word, Raw: body}, nil
}

// refundWord is what an answer says of a refund: "refunded" if it says that, or else its status.
func refundWord(data object) string {
	if data.is("refunded", "true") {
		return wordRefunded
	}
	return data.text("status")
}

// notRefunded says that an answer denies the refund.
func notRefunded(data object) bool {
	if _, told := data["refunded"]; told {
		return !data.is("refunded", "true")
	}
	return data.text("status") == string(IntentFailed)
}
