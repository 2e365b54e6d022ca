package miracle

import (
	"encoding/json"

	"github.com/payonce/payonce"
)

// Refund is a refund as Miracle tells it. A new one is pending or processing; its end comes by webhook and by Get. A field of another
// type than documented stays empty.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/refunds/RefundController_getById.
type Refund struct {
	ID       string `json:"id"`
	TenantID string `json:"tenantId,omitempty"`
	// Livemode is false for a test refund, which moves no money.
	Livemode          bool         `json:"livemode"`
	PaymentID         string       `json:"paymentId"`
	Status            RefundStatus `json:"status"`
	Amount            Money        `json:"amount"`
	Reason            string       `json:"reason,omitempty"`
	MerchantReference string       `json:"merchantReference,omitempty"`
	// StatusReason says why a refund failed; the call's error is then payonce.ErrDeclined.
	StatusReason Word              `json:"statusReason,omitempty"`
	Items        []LineItem        `json:"items,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	CreatedAt    Timestamp         `json:"createdAt,omitzero"`
	UpdatedAt    Timestamp         `json:"updatedAt,omitzero"`
}

// UnmarshalJSON reads a refund, also in its envelope.
func (r *Refund) UnmarshalJSON(body []byte) error {
	type plain Refund
	var wire struct {
		plain
		Metadata map[string]Word `json:"metadata"`
	}
	if err := decode(body, &wire); err != nil {
		return err
	}
	*r = Refund(wire.plain)
	r.Metadata = textsOf(wire.Metadata)
	return nil
}

// portableRefund reads a refund that was just made or asked for.
func portableRefund(body []byte) (*payonce.Refund, error) {
	var r Refund
	if err := r.UnmarshalJSON(body); err != nil {
		return nil, err
	}
	if r.ID == "" {
		return nil, errUnreadable
	}
	return &payonce.Refund{
		ID: r.ID, PaymentID: r.PaymentID, Status: r.Status.portable(), ProviderStatus: string(r.Status), Amount: r.Amount.Amount(),
		FailureCode: string(r.StatusReason), Metadata: r.Metadata, CreatedAt: r.CreatedAt.Time, Raw: body,
	}, nil
}

// portableRefunds reads a page of a payment's refunds.
func portableRefunds(body []byte) (refunds []*payonce.Refund, next string, err error) {
	var p page[json.RawMessage]
	if err := p.UnmarshalJSON(body); err != nil {
		return nil, "", err
	}
	for _, item := range p.items {
		refund, err := portableRefund(item)
		if err != nil {
			return nil, "", err
		}
		refunds = append(refunds, refund)
	}
	return refunds, p.next, nil
}
