package truelayer

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// PayoutParams asks for one payout from a merchant account. Source: https://docs.truelayer.com/reference/create-payout.
type PayoutParams struct {
	// Reference is the merchant's own id of the payout. Required; it is the operation's identity.
	Reference string
	// MerchantAccountID is the account that pays. Required.
	MerchantAccountID string
	// Amount is what to pay, in the account's currency: GBP, EUR or PLN. Required.
	Amount payonce.Amount
	// Beneficiary is who is paid. Required.
	Beneficiary PayoutBeneficiary
	// SchemeSelection is InstantPreferred, InstantOnly or Preselected. Defaults to InstantPreferred, TrueLayer's default.
	SchemeSelection SchemeSelection
	// SubMerchants says on whose behalf the merchant pays.
	SubMerchants SubMerchants
	// Metadata is stored with the payout. payonce_ref is added unless Config.NoRef.
	Metadata map[string]string
	// NotAfter: the payout is not made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// PayoutBeneficiary is the account that a payout goes to: Type says which of the other fields are set. In an answer the account is in
// AccountIdentifiers, in older ones in AccountIdentifier. Source: https://docs.truelayer.com/docs/make-a-payout-to-an-external-account.
type PayoutBeneficiary struct {
	// Type is any BeneficiaryType but ToMerchantAccount. Required.
	Type BeneficiaryType `json:"type"`
	// Reference is text for the statement, for all but ToVerifiedExternalAccount: at most 18 characters in GBP, 140 in EUR, 20 in PLN.
	Reference string `json:"reference,omitempty"`
	// AccountHolderName (at most 70 characters, 140 in GBP) and AccountIdentifier are for ToExternalAccount, and so, optionally, are
	// DateOfBirth ("2006-01-02") and Address.
	AccountHolderName string            `json:"account_holder_name,omitempty"`
	AccountIdentifier AccountIdentifier `json:"account_identifier,omitzero"`
	DateOfBirth       string            `json:"date_of_birth,omitempty"`
	Address           Address           `json:"address,omitzero"`
	// UserID and PaymentSourceID are for ToPaymentSource.
	UserID          string `json:"user_id,omitempty"`
	PaymentSourceID string `json:"payment_source_id,omitempty"`
	// AccountHolderVerificationID is for ToVerifiedExternalAccount, and so is, optionally, OverrideBankMatchedName.
	AccountHolderVerificationID string `json:"account_holder_verification_id,omitempty"`
	OverrideBankMatchedName     bool   `json:"override_bank_matched_name,omitempty"`
	// User, Verification and ProviderSelection are for ToUserDetermined.
	User              User                `json:"user,omitzero"`
	Verification      *PayoutVerification `json:"verification,omitempty"`
	ProviderSelection ProviderSelection   `json:"provider_selection,omitzero"`
	// AccountIdentifiers and AccountHolderVerification are in answers only.
	AccountIdentifiers        []AccountIdentifier       `json:"account_identifiers,omitempty"`
	AccountHolderVerification AccountHolderVerification `json:"account_holder_verification,omitzero"`
}

// PayoutVerification says what is checked of a recipient who names the account.
type PayoutVerification struct {
	// VerifyName compares the name with the User's.
	VerifyName bool `json:"verify_name"`
	// TransactionSearchCriteria looks for a transaction in the recipient's account. Optional.
	TransactionSearchCriteria *TransactionSearchCriteria `json:"transaction_search_criteria,omitempty"`
}

// TransactionSearchCriteria describes a transaction that the recipient's account must have.
type TransactionSearchCriteria struct {
	// Tokens are 1 to 5 words of 3 to 50 characters.
	Tokens        []string `json:"tokens"`
	AmountInMinor int64    `json:"amount_in_minor"`
	// Currency is GBP.
	Currency string `json:"currency"`
	// CreatedAt is "2006-01-02".
	CreatedAt string `json:"created_at"`
}

// AccountHolderVerification is what TrueLayer found out about an account's holder.
type AccountHolderVerification struct {
	ID string `json:"id"`
	// Status is completed or failed.
	Status        string        `json:"status"`
	MatchResult   MatchResult   `json:"match_result,omitzero"`
	FailureReason FailureReason `json:"failure_reason,omitempty"`
}

// MatchResult compares an account holder's name with the bank's.
type MatchResult struct {
	// Type is match, partial_match, no_match or match_not_possible.
	Type              string `json:"type"`
	AccountHolderName string `json:"account_holder_name,omitempty"`
	Reason            string `json:"reason,omitempty"`
}

// CreatedPayout is the answer to a new payout: accepted, nothing more. Source: https://docs.truelayer.com/reference/create-payout.
type CreatedPayout struct {
	ID string `json:"id"`
	// Status, ResourceToken and User are set for ToUserDetermined; the token is for the recipient's browser or app.
	Status        PayoutStatus   `json:"status,omitempty"`
	ResourceToken payonce.Secret `json:"resource_token,omitzero"`
	User          User           `json:"user,omitzero"`
}

// Payout is a payout as TrueLayer tells it. Source: https://docs.truelayer.com/reference/get-payout.
type Payout struct {
	ID                string            `json:"id"`
	MerchantAccountID string            `json:"merchant_account_id"`
	Status            PayoutStatus      `json:"status"`
	AmountInMinor     int64             `json:"amount_in_minor"`
	Currency          string            `json:"currency"`
	Beneficiary       PayoutBeneficiary `json:"beneficiary"`
	SchemeID          SchemeID          `json:"scheme_id,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	CreatedAt         Timestamp         `json:"created_at,omitzero"`
	ExecutedAt        Timestamp         `json:"executed_at,omitzero"`
	FailedAt          Timestamp         `json:"failed_at,omitzero"`
	FailureReason     FailureReason     `json:"failure_reason,omitempty"`
}

// Amount returns the payout's amount.
func (p *Payout) Amount() payonce.Amount {
	return payonce.Amount{Minor: p.AmountInMinor, Currency: p.Currency}
}

// wirePayout is the body of POST /v3/payouts.
type wirePayout struct {
	MerchantAccountID string            `json:"merchant_account_id"`
	AmountInMinor     int64             `json:"amount_in_minor"`
	Currency          string            `json:"currency"`
	Beneficiary       PayoutBeneficiary `json:"beneficiary"`
	SchemeSelection   SchemeSelection   `json:"scheme_selection,omitzero"`
	SubMerchants      SubMerchants      `json:"sub_merchants,omitzero"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

// createPayout encodes POST /v3/payouts.
func (d *dialect) createPayout(params PayoutParams) (payonce.Operation, error) {
	var p adapter.Problems
	beneficiary := params.Beneficiary
	if beneficiary.Type == ToUserDetermined && beneficiary.ProviderSelection.Type == "" {
		beneficiary.ProviderSelection.Type = UserSelected
	}
	checkPayoutTexts(&p, params.Amount.Currency, &beneficiary)
	wire := wirePayout{
		MerchantAccountID: params.MerchantAccountID, AmountInMinor: params.Amount.Minor, Currency: params.Amount.Currency,
		Beneficiary: beneficiary, SchemeSelection: params.SchemeSelection, SubMerchants: params.SubMerchants,
	}
	return d.write(&p, payonce.Operation{
		Kind: kindCreatePayout, Reference: params.Reference, Method: http.MethodPost, Path: "/v3/payouts", NotAfter: params.NotAfter,
	}, params.Metadata, func(metadata map[string]string) any {
		wire := wire
		wire.Metadata = metadata
		return wire
	})
}

// checkPayoutTexts holds the texts to what the currency's schemes carry.
func checkPayoutTexts(p *adapter.Problems, currency string, b *PayoutBeneficiary) {
	reference, holder := 140, 140
	switch currency {
	case "GBP":
		reference = 18
	case "EUR":
		holder = 70
	case "PLN":
		reference, holder = 20, 70
	}
	if n := utf8.RuneCountInString(b.Reference); n > reference {
		p.Add("beneficiary.reference", "must have at most %d characters in %s, has %d", reference, currency, n)
	}
	if n := utf8.RuneCountInString(b.AccountHolderName); n > holder {
		p.Add("beneficiary.account_holder_name", "must have at most %d characters in %s, has %d", holder, currency, n)
	}
}
