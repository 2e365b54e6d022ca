package truelayer

import (
	"net/http"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// BankTransfer is a payment that the payer authorizes at their bank, for payonce.PaymentParams.Method: the method and everything else
// that TrueLayer takes with a payment. Source: https://docs.truelayer.com/reference/create-payment.
type BankTransfer struct {
	// Beneficiary is who is paid. Required.
	Beneficiary Beneficiary
	// User is who pays. Name and one of Email and Phone are required, unless Config.OwnLicence.
	User User
	// ProviderSelection is the bank to pay from. Defaults to the payer's choice among all.
	ProviderSelection ProviderSelection
	// Retry lets the payer try again at the bank within the same payment. GBP only; unrelated to the retries of requests.
	Retry bool
	// HostedPage asks for a page of TrueLayer's to send the payer to, which is then Payment.NextURL. It excludes AuthorizationFlow.
	HostedPage HostedPage
	// AuthorizationFlow starts the flow at once, for a page of the merchant's own. It excludes HostedPage.
	AuthorizationFlow *FlowOptions
	// SignupPlus relates the payment to TrueLayer's Signup+.
	SignupPlus bool
	// RiskSegment is a segment agreed with TrueLayer, without parentheses.
	RiskSegment string
	// SubMerchants says on whose behalf the merchant is paid.
	SubMerchants SubMerchants
	// UserConsent says how the payer's consent is captured.
	UserConsent UserConsent
	// PayerIP and PayerUserAgent describe the payer's device (X-Forwarded-For, X-Device-User-Agent). TrueLayer reads them only
	// together with AuthorizationFlow.
	PayerIP, PayerUserAgent string
}

// Mandate is a payment under a mandate that the payer gave before, for payonce.PaymentParams.Method. The token's scope must include
// recurring_payments. The fields from User on are as in BankTransfer. Source: https://docs.truelayer.com/reference/create-payment.
type Mandate struct {
	// MandateID is TrueLayer's id of the mandate. Required.
	MandateID string
	// Reference is text for the statement. Defaults to PaymentParams.Description.
	Reference string
	// UserInteraction says whether the payer is there.
	UserInteraction UserInteraction
	// Retry makes the bank try again when there are no funds. Unrelated to the retries of requests.
	Retry MandateRetry

	User                    User
	HostedPage              HostedPage
	AuthorizationFlow       *FlowOptions
	SignupPlus              bool
	RiskSegment             string
	SubMerchants            SubMerchants
	UserConsent             UserConsent
	PayerIP, PayerUserAgent string
}

// UserInteraction says whether the payer is there when a mandate is used.
type UserInteraction string

// The documented interactions.
const (
	UserPresent    UserInteraction = "present"
	UserNotPresent UserInteraction = "not_present"
)

// MandateRetry says how a mandate payment is tried again at the bank. The zero value doesn't.
type MandateRetry struct {
	// Type is RetryStandard or RetrySmart.
	Type RetryType `json:"type"`
	// For is how long, such as "30m" or "24h": up to 6 hours for RetryStandard, up to 90 days for RetrySmart.
	For string `json:"for,omitempty"`
	// EnsureMinimumBalanceInMinor is what must be left in the payer's account, for RetrySmart.
	EnsureMinimumBalanceInMinor int64 `json:"ensure_minimum_balance_in_minor,omitempty"`
}

// RetryType is a way to try again at the bank.
type RetryType string

// The documented ways.
const (
	RetryStandard RetryType = "standard"
	RetrySmart    RetryType = "smart"
)

// HostedPage asks for a page of TrueLayer's. The zero value doesn't. Source: https://docs.truelayer.com/docs/hosted-payment-page.
type HostedPage struct {
	// ReturnURI is where the payer comes back to. It must be allow-listed in Console.
	ReturnURI string `json:"return_uri"`
	// CountryCode ("GB") and LanguageCode ("en") preset the page.
	CountryCode  string `json:"country_code,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
	// MaxWaitForResult is how many seconds the page waits for the bank, 0 to 60. nil leaves it to TrueLayer.
	MaxWaitForResult *int `json:"max_wait_for_result,omitempty"`
}

// wirePayment is the body of POST /v3/payments.
type wirePayment struct {
	AmountInMinor     int64             `json:"amount_in_minor"`
	Currency          string            `json:"currency"`
	PaymentMethod     wireMethod        `json:"payment_method"`
	User              User              `json:"user"`
	HostedPage        HostedPage        `json:"hosted_page,omitzero"`
	AuthorizationFlow *FlowOptions      `json:"authorization_flow,omitempty"`
	RelatedProducts   *wireProducts     `json:"related_products,omitempty"`
	RiskAssessment    wireRisk          `json:"risk_assessment,omitzero"`
	SubMerchants      SubMerchants      `json:"sub_merchants,omitzero"`
	UserConsent       UserConsent       `json:"user_consent,omitzero"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

type wireProducts struct {
	SignupPlus struct{} `json:"signup_plus"`
}

type wireRisk struct {
	Segment string `json:"segment"`
}

type wireMethod struct {
	Type              string         `json:"type"`
	ProviderSelection *wireSelection `json:"provider_selection,omitempty"`
	Beneficiary       *Beneficiary   `json:"beneficiary,omitempty"`
	MandateID         string         `json:"mandate_id,omitempty"`
	Reference         string         `json:"reference,omitempty"`
	UserInteraction   string         `json:"user_interaction,omitempty"`
	Retry             any            `json:"retry,omitempty"`
}

// wire returns the body without amount and metadata, and the headers about the payer.
func (m *BankTransfer) wire(description string) (wirePayment, http.Header) {
	beneficiary := m.Beneficiary
	if beneficiary.Reference == "" {
		beneficiary.Reference = description
	}
	method := wireMethod{Type: "bank_transfer", ProviderSelection: m.ProviderSelection.wire(), Beneficiary: &beneficiary}
	if m.Retry {
		method.Retry = struct{}{}
	}
	return wirePayment{
		PaymentMethod: method, User: m.User, HostedPage: m.HostedPage, AuthorizationFlow: m.AuthorizationFlow,
		RelatedProducts: products(m.SignupPlus), RiskAssessment: wireRisk{m.RiskSegment}, SubMerchants: m.SubMerchants,
		UserConsent: m.UserConsent.utc(),
	}, payerHeader(m.PayerIP, m.PayerUserAgent)
}

func (m *Mandate) wire(description string) (wirePayment, http.Header) {
	method := wireMethod{Type: "mandate", MandateID: m.MandateID, Reference: m.Reference, UserInteraction: string(m.UserInteraction)}
	if method.Reference == "" {
		method.Reference = description
	}
	if m.Retry != (MandateRetry{}) {
		method.Retry = m.Retry
	}
	return wirePayment{
		PaymentMethod: method, User: m.User, HostedPage: m.HostedPage, AuthorizationFlow: m.AuthorizationFlow,
		RelatedProducts: products(m.SignupPlus), RiskAssessment: wireRisk{m.RiskSegment}, SubMerchants: m.SubMerchants,
		UserConsent: m.UserConsent.utc(),
	}, payerHeader(m.PayerIP, m.PayerUserAgent)
}

func products(signupPlus bool) *wireProducts {
	if !signupPlus {
		return nil
	}
	return &wireProducts{}
}

func payerHeader(ip, userAgent string) http.Header {
	header := http.Header{}
	if ip != "" {
		header.Set("X-Forwarded-For", ip)
	}
	if userAgent != "" {
		header.Set("X-Device-User-Agent", userAgent)
	}
	return header
}

// wireOf reads PaymentParams.Method.
func wireOf(p *adapter.Problems, params *payonce.PaymentParams) (wirePayment, http.Header) {
	switch m := params.Method.(type) {
	case BankTransfer:
		return m.wire(params.Description)
	case Mandate:
		return m.wire(params.Description)
	case *BankTransfer:
		if m != nil {
			return m.wire(params.Description)
		}
	case *Mandate:
		if m != nil {
			return m.wire(params.Description)
		}
	}
	p.Add("Method", "must be a truelayer.BankTransfer or truelayer.Mandate, is %T", params.Method)
	return wirePayment{}, nil
}
