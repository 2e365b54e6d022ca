package truelayer

// AccountIdentifierType says how a bank account is named.
type AccountIdentifierType string

// The documented ways.
const (
	SortCodeAccountNumber AccountIdentifierType = "sort_code_account_number"
	IBAN                  AccountIdentifierType = "iban"
	// BBAN is taken in payments only.
	BBAN AccountIdentifierType = "bban"
	NRB  AccountIdentifierType = "nrb"
)

// AccountIdentifier names a bank account: Type says which of the other fields do. The zero value is none.
type AccountIdentifier struct {
	// Type is required.
	Type AccountIdentifierType `json:"type"`
	// SortCode has 6 digits and AccountNumber 8, for SortCodeAccountNumber.
	SortCode      string `json:"sort_code,omitempty"`
	AccountNumber string `json:"account_number,omitempty"`
	// IBAN has no spaces, for IBAN; BBAN and NRB likewise.
	IBAN string `json:"iban,omitempty"`
	BBAN string `json:"bban,omitempty"`
	NRB  string `json:"nrb,omitempty"`
}

// PaymentSource is the account that a payment came from, as far as it is known.
type PaymentSource struct {
	// ID is known once the payment is settled. A payout to it is closed loop: ToPaymentSource.
	ID                 string              `json:"id,omitempty"`
	UserID             string              `json:"user_id,omitempty"`
	AccountHolderName  string              `json:"account_holder_name,omitempty"`
	AccountIdentifiers []AccountIdentifier `json:"account_identifiers,omitempty"`
}

// Remitter is the account that money comes from. Which fields may be sent depends on the provider selection: UserSelected takes the
// name only.
type Remitter struct {
	// AccountHolderName has at most 80 characters and no parentheses.
	AccountHolderName string            `json:"account_holder_name,omitempty"`
	AccountIdentifier AccountIdentifier `json:"account_identifier,omitzero"`
}
