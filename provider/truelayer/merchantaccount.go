package truelayer

import (
	"net/http"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// MerchantAccount is an account of the merchant's at TrueLayer. Source: https://docs.truelayer.com/reference/get-operating-account.
type MerchantAccount struct {
	ID                      string              `json:"id"`
	Currency                string              `json:"currency"`
	AccountIdentifiers      []AccountIdentifier `json:"account_identifiers"`
	AccountHolderName       string              `json:"account_holder_name"`
	AvailableBalanceInMinor int64               `json:"available_balance_in_minor"`
	CurrentBalanceInMinor   int64               `json:"current_balance_in_minor"`
}

// MerchantAccountList is all merchant accounts.
type MerchantAccountList struct {
	Items []MerchantAccount `json:"items"`
}

// UnmarshalJSON reads the list.
func (l *MerchantAccountList) UnmarshalJSON(body []byte) (err error) {
	l.Items, err = itemsOf[MerchantAccount](body)
	return err
}

// PaymentSourceList is the accounts that a user has paid from.
type PaymentSourceList struct {
	Items []PaymentSource `json:"items"`
}

// UnmarshalJSON reads the list.
func (l *PaymentSourceList) UnmarshalJSON(body []byte) (err error) {
	l.Items, err = itemsOf[PaymentSource](body)
	return err
}

// Sweeping is an automatic withdrawal of what exceeds a balance. Source: https://docs.truelayer.com/docs/merchant-account-sweeping.
type Sweeping struct {
	MaxAmountInMinor int64             `json:"max_amount_in_minor"`
	Currency         string            `json:"currency"`
	Frequency        SweepingFrequency `json:"frequency"`
	Destination      AccountIdentifier `json:"destination,omitzero"`
}

// SweepingFrequency is how often the balance is looked at. The set is open.
type SweepingFrequency string

// The documented frequencies.
const (
	SweepDaily       SweepingFrequency = "daily"
	SweepWeekly      SweepingFrequency = "weekly"
	SweepFortnightly SweepingFrequency = "fortnightly"
)

// SweepingParams asks for automatic withdrawals. A repeat has no second effect.
type SweepingParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the account needs another one.
	Reference string
	// MerchantAccountID is the account. Required.
	MerchantAccountID string
	// MaxAmount is the balance that stays, in the account's currency. It may be zero minor units.
	MaxAmount payonce.Amount
	// Frequency is how often. Required.
	Frequency SweepingFrequency
	// NotAfter: not changed for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// DisableSweepingParams asks to end automatic withdrawals. A repeat has no second effect.
type DisableSweepingParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the account needs another one.
	Reference string
	// MerchantAccountID is the account. Required.
	MerchantAccountID string
	// NotAfter: not changed for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

func accountPath(id, rest string) string {
	return "/v3/merchant-accounts/" + adapter.Element(id) + rest
}

func (d *dialect) setSweeping(params SweepingParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("MerchantAccountID", params.MerchantAccountID)
	type wireSweeping struct {
		MaxAmountInMinor int64             `json:"max_amount_in_minor"`
		Currency         string            `json:"currency,omitempty"`
		Frequency        SweepingFrequency `json:"frequency,omitempty"`
	}
	body := wireSweeping{params.MaxAmount.Minor, params.MaxAmount.Currency, params.Frequency}
	d.rules[kindSetSweeping].inspect(&p, body)
	return payonce.Operation{
		Kind: kindSetSweeping, Reference: params.Reference, Replay: payonce.ReplayByState, Method: http.MethodPost,
		Path: accountPath(params.MerchantAccountID, "/sweeping"), Body: body, EmptyOK: true, NotAfter: params.NotAfter,
	}, p.Err()
}

func (*dialect) disableSweeping(params DisableSweepingParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("MerchantAccountID", params.MerchantAccountID)
	return payonce.Operation{
		Kind: kindDisableSweeping, Reference: params.Reference, Replay: payonce.ReplayByState, Method: http.MethodDelete,
		Path: accountPath(params.MerchantAccountID, "/sweeping"), EmptyOK: true, NotAfter: params.NotAfter,
	}, p.Err()
}
