package truelayer

import (
	"encoding/json"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// CreatedRefund is the answer to a new refund: accepted, nothing more. Source: https://docs.truelayer.com/reference/create-payment-refund.
type CreatedRefund struct {
	ID string `json:"id"`
}

// Refund is a refund as TrueLayer tells it, which does not say of which payment.
// Source: https://docs.truelayer.com/reference/get-payment-refund.
type Refund struct {
	ID            string            `json:"id"`
	Status        RefundStatus      `json:"status"`
	AmountInMinor int64             `json:"amount_in_minor"`
	Currency      string            `json:"currency"`
	Reference     string            `json:"reference"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	CreatedAt     Timestamp         `json:"created_at,omitzero"`
	ExecutedAt    Timestamp         `json:"executed_at,omitzero"`
	FailedAt      Timestamp         `json:"failed_at,omitzero"`
	FailureReason FailureReason     `json:"failure_reason,omitempty"`
}

// RefundList is all refunds of a payment.
type RefundList struct {
	Items []Refund `json:"items"`
}

// UnmarshalJSON reads the list. One that can't be read is an error, so that it is never silently empty; so with all lists here.
func (l *RefundList) UnmarshalJSON(body []byte) (err error) {
	l.Items, err = itemsOf[Refund](body)
	return err
}

// itemsOf reads the items of a list.
func itemsOf[T any](body []byte) ([]T, error) {
	listed, ok := adapter.ObjectOf(body).List("items")
	if !ok {
		return nil, errUnreadable
	}
	items, err := adapter.Items[T](listed)
	if err != nil {
		return nil, errUnreadable
	}
	return items, nil
}

// Amount returns the refund's amount.
func (r *Refund) Amount() payonce.Amount {
	return payonce.Amount{Minor: r.AmountInMinor, Currency: r.Currency}
}

func (r *Refund) portable(raw []byte) *payonce.Refund {
	return &payonce.Refund{
		ID: r.ID, Status: r.status(), ProviderStatus: string(r.Status), Amount: r.Amount(), FailureCode: string(r.FailureReason),
		Metadata: r.Metadata, CreatedAt: r.CreatedAt.Time, Raw: raw,
	}
}

func (r *Refund) status() payonce.Status {
	switch r.Status {
	case RefundPending, RefundAuthorized:
		return payonce.StatusPending
	case RefundExecuted:
		return payonce.StatusSucceeded
	case RefundFailed:
		return payonce.StatusFailed
	}
	return ""
}

// portableRefund reads a refund that was just made, of which only the id is known, or one that was asked for.
func portableRefund(kind string, body []byte) (*payonce.Refund, error) {
	var r Refund
	if _, err := adapter.Decode(body, &r); err != nil {
		return nil, errUnreadable
	}
	refund := r.portable(body)
	if kind == kindCreateRefund && r.Status == "" {
		refund.Status = payonce.StatusPending
	}
	return refund, nil
}

// portableRefunds reads all refunds of a payment; there are no pages.
func portableRefunds(body []byte) (page []*payonce.Refund, next string, err error) {
	items, err := itemsOf[json.RawMessage](body)
	if err != nil {
		return nil, "", err
	}
	for _, item := range items {
		refund, err := portableRefund(kindGetRefund, item)
		if err != nil {
			return nil, "", err
		}
		page = append(page, refund)
	}
	return page, "", nil
}
