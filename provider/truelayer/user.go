package truelayer

// User is the person who pays or is paid. A payment needs Name and one of Email and Phone, unless Config.OwnLicence.
// Source: https://docs.truelayer.com/reference/create-payment.
type User struct {
	// ID is TrueLayer's id of a known user; a new one is made without it.
	ID string `json:"id,omitempty"`
	// Name is first and last name, without parentheses.
	Name string `json:"name,omitempty"`
	// Email and Phone (E.164, "+447700900000") are how TrueLayer may reach the payer.
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
	// DateOfBirth is "2006-01-02".
	DateOfBirth string `json:"date_of_birth,omitempty"`
	// Address is optional.
	Address Address `json:"address,omitzero"`
	// PoliticalExposure is optional.
	PoliticalExposure PoliticalExposure `json:"political_exposure,omitempty"`
}

// PoliticalExposure says whether a user holds a public office.
type PoliticalExposure string

// The documented exposures.
const (
	ExposureCurrent PoliticalExposure = "current"
	ExposureNone    PoliticalExposure = "none"
)

// Address is a postal address. All but Line2 and State are required.
type Address struct {
	// Line1, Line2, City and State have at most 50 characters, Zip at most 20.
	Line1 string `json:"address_line1"`
	Line2 string `json:"address_line2,omitempty"`
	City  string `json:"city"`
	State string `json:"state,omitempty"`
	Zip   string `json:"zip"`
	// CountryCode is ISO 3166-1 alpha-2.
	CountryCode string `json:"country_code"`
}

// UserConsent says how the payer's consent to the payment is captured. The zero value sends nothing.
type UserConsent struct {
	Type ConsentType `json:"type"`
	// CapturedAt is required for ConsentPrecaptured. It is part of the content: repeat a call with the same time.
	CapturedAt Timestamp `json:"captured_at,omitzero"`
}

// ConsentType is a way to capture consent.
type ConsentType string

// The documented ways.
const (
	ConsentPrecaptured               ConsentType = "precaptured"
	ConsentAuthorizationFlowCaptured ConsentType = "authorization_flow_captured"
)

// SubMerchants says on whose behalf the merchant acts. The zero value sends nothing.
type SubMerchants struct {
	UltimateCounterparty UltimateCounterparty `json:"ultimate_counterparty"`
}

// CounterpartyType says what an UltimateCounterparty is.
type CounterpartyType string

// The documented counterparties.
const (
	// BusinessDivision has an ID and a Name.
	BusinessDivision CounterpartyType = "business_division"
	// BusinessClient has an ID, a TradingName and optionally all but Name.
	BusinessClient CounterpartyType = "business_client"
)

// UltimateCounterparty is the business that is paid in the end.
type UltimateCounterparty struct {
	Type CounterpartyType `json:"type"`
	ID   string           `json:"id,omitempty"`
	Name string           `json:"name,omitempty"`
	// TradingName has at most 70 characters, CommercialName and URL at most 100, RegistrationNumber at most 35.
	TradingName    string `json:"trading_name,omitempty"`
	CommercialName string `json:"commercial_name,omitempty"`
	URL            string `json:"url,omitempty"`
	// MCC is the merchant category code, 4 digits.
	MCC                string  `json:"mcc,omitempty"`
	RegistrationNumber string  `json:"registration_number,omitempty"`
	Address            Address `json:"address,omitzero"`
}

// utc is how TrueLayer writes times.
func (c UserConsent) utc() UserConsent {
	if !c.CapturedAt.IsZero() {
		c.CapturedAt.Time = c.CapturedAt.UTC()
	}
	return c
}
