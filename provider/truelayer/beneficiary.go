package truelayer

// BeneficiaryType says what kind of account is paid.
type BeneficiaryType string

// The documented kinds. Payments take the first two, payouts all but the first.
const (
	ToMerchantAccount BeneficiaryType = "merchant_account"
	ToExternalAccount BeneficiaryType = "external_account"
	// ToPaymentSource pays back to an account that paid before.
	ToPaymentSource BeneficiaryType = "payment_source"
	// ToBusinessAccount pays to the merchant's own bank account.
	ToBusinessAccount BeneficiaryType = "business_account"
	// ToVerifiedExternalAccount pays to an account whose holder was verified before.
	ToVerifiedExternalAccount BeneficiaryType = "verified_external_account"
	// ToUserDetermined lets the recipient name the account on TrueLayer's page.
	ToUserDetermined BeneficiaryType = "user_determined"
)

// Beneficiary is the account that a payment goes to. Source: https://docs.truelayer.com/reference/create-payment.
type Beneficiary struct {
	// Type is ToMerchantAccount or ToExternalAccount.
	Type BeneficiaryType `json:"type"`
	// MerchantAccountID is required for ToMerchantAccount.
	MerchantAccountID string `json:"merchant_account_id,omitempty"`
	// AccountHolderName has at most 40 characters and no parentheses. Required for ToExternalAccount.
	AccountHolderName string `json:"account_holder_name,omitempty"`
	// AccountIdentifier is required for ToExternalAccount.
	AccountIdentifier AccountIdentifier `json:"account_identifier,omitzero"`
	// Reference is text for the payer's statement: letters, digits, spaces and -:().,'+?/, at most 100 for ToMerchantAccount and 18,
	// and required, for ToExternalAccount. Defaults to PaymentParams.Description.
	Reference string `json:"reference,omitempty"`
	// StatementReference has at most 18 of the same characters, for ToMerchantAccount.
	StatementReference string `json:"statement_reference,omitempty"`
	// Verification checks the payer before the money is settled, for ToMerchantAccount.
	Verification Verification `json:"verification,omitzero"`
}

// Verification says what is checked of the payer. The zero value checks nothing.
type Verification struct {
	// Type is VerifyAutomated.
	Type VerificationType `json:"type"`
	// RemitterName and RemitterDateOfBirth compare with the User's.
	RemitterName        bool `json:"remitter_name,omitempty"`
	RemitterDateOfBirth bool `json:"remitter_date_of_birth,omitempty"`
}

// VerificationType is a way to verify.
type VerificationType string

// VerifyAutomated is the only documented way.
const VerifyAutomated VerificationType = "automated"
