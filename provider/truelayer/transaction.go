package truelayer

import (
	"net/http"
	"net/url"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// TransactionType says what moved money in a merchant account.
type TransactionType string

// The documented transactions.
const (
	TransactionPayment         TransactionType = "merchant_account_payment"
	TransactionExternalPayment TransactionType = "external_payment"
	TransactionPayout          TransactionType = "payout"
	TransactionRefund          TransactionType = "refund"
)

// Transaction is one movement in a merchant account: Type says which of the other fields are set.
// Source: https://docs.truelayer.com/reference/merchant-account-get-transactions.
type Transaction struct {
	Type          TransactionType `json:"type"`
	ID            string          `json:"id"`
	Currency      string          `json:"currency"`
	AmountInMinor int64           `json:"amount_in_minor"`
	// Status is settled or executed.
	Status     string    `json:"status"`
	SettledAt  Timestamp `json:"settled_at,omitzero"`
	CreatedAt  Timestamp `json:"created_at,omitzero"`
	ExecutedAt Timestamp `json:"executed_at,omitzero"`
	// PaymentID is set for TransactionPayment and TransactionRefund, and PayoutID and RefundID for the transactions of their names.
	PaymentID string `json:"payment_id,omitempty"`
	PayoutID  string `json:"payout_id,omitempty"`
	RefundID  string `json:"refund_id,omitempty"`
	// PaymentSource is set for TransactionPayment, Remitter and ReturnFor for TransactionExternalPayment.
	PaymentSource PaymentSource        `json:"payment_source,omitzero"`
	Remitter      TransactionRemitter  `json:"remitter,omitzero"`
	ReturnFor     TransactionReturnFor `json:"return_for,omitzero"`
	// Beneficiary is set for TransactionPayout and TransactionRefund.
	Beneficiary PayoutBeneficiary `json:"beneficiary,omitzero"`
	// ContextCode is withdrawal, service_payment or internal.
	ContextCode string `json:"context_code,omitempty"`
	// ReturnedBy is the transaction that brought the money back.
	ReturnedBy string            `json:"returned_by,omitempty"`
	SchemeID   SchemeID          `json:"scheme_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// Amount returns the transaction's amount, which is never negative: Type tells the direction.
func (t *Transaction) Amount() payonce.Amount {
	return payonce.Amount{Minor: t.AmountInMinor, Currency: t.Currency}
}

// TransactionRemitter is who sent an external payment.
type TransactionRemitter struct {
	AccountHolderName  string              `json:"account_holder_name"`
	Reference          string              `json:"reference,omitempty"`
	AccountIdentifiers []AccountIdentifier `json:"account_identifiers,omitempty"`
	// AccountIdentifier is what older answers have instead.
	AccountIdentifier AccountIdentifier `json:"account_identifier,omitzero"`
}

// TransactionReturnFor says what an external payment brings back.
type TransactionReturnFor struct {
	// Type is identified or unknown.
	Type       string `json:"type"`
	ReturnedID string `json:"returned_id,omitempty"`
}

// TransactionsParams says which transactions of a merchant account.
type TransactionsParams struct {
	// MerchantAccountID is the account. Required.
	MerchantAccountID string
	// From is inclusive and To exclusive. Required, and at most 31 days apart.
	From, To time.Time
	// Type is "payment" or "payout" to see only these.
	Type string
}

type transactionPage struct {
	items []Transaction
	// next is the cursor of the next page, "" on the last one.
	next string
}

// UnmarshalJSON reads a page. A cursor that can't be read is an error, so that no list ends early unnoticed.
func (p *transactionPage) UnmarshalJSON(body []byte) (err error) {
	var wire struct {
		Pagination struct {
			NextCursor string `json:"next_cursor"`
		} `json:"pagination"`
	}
	if odd, err := adapter.Decode(body, &wire); odd || err != nil {
		return errUnreadable
	}
	p.next = wire.Pagination.NextCursor
	p.items, err = itemsOf[Transaction](body)
	return err
}

const maxTransactionSpan = 31 * 24 * time.Hour

func (params *TransactionsParams) check() error {
	var p adapter.Problems
	p.PathID("MerchantAccountID", params.MerchantAccountID)
	switch {
	case params.From.IsZero() || params.To.IsZero():
		p.Add("From", "and To are required")
	case !params.From.Before(params.To):
		p.Add("From", "must be before To")
	case params.To.Sub(params.From) > maxTransactionSpan:
		p.Add("To", "must be at most 31 days after From")
	}
	return p.Err()
}

// query asks for one page. Clients of before December 2023 get pages only if they ask for them.
func (params *TransactionsParams) query(cursor string) payonce.Query {
	values := url.Values{
		"from": {params.From.UTC().Format(time.RFC3339Nano)},
		"to":   {params.To.UTC().Format(time.RFC3339Nano)},
	}
	if params.Type != "" {
		values.Set("type", params.Type)
	}
	if cursor != "" {
		values.Set("cursor", cursor)
	}
	return payonce.Query{
		Kind: kindListTransactions, Path: accountPath(params.MerchantAccountID, "/transactions?") + values.Encode(),
		Header: http.Header{"Tl-Enable-Pagination": {"true"}},
	}
}
