package truelayer

import "github.com/payonce/payonce"

// SelectionType says who chooses a bank, scheme or branch, and how.
type SelectionType string

// The documented selections.
const (
	// UserSelected lets the payer choose, Preselected names the choice.
	UserSelected SelectionType = "user_selected"
	Preselected  SelectionType = "preselected"
	// InstantOnly and InstantPreferred choose a scheme by its speed.
	InstantOnly      SelectionType = "instant_only"
	InstantPreferred SelectionType = "instant_preferred"
)

// ProviderSelection says which bank the payer pays from. The zero value lets the payer choose among all.
// Source: https://docs.truelayer.com/docs/provider-selection.
type ProviderSelection struct {
	// Type is UserSelected or Preselected. Defaults to UserSelected.
	Type SelectionType `json:"type"`
	// Filter narrows the choice, for UserSelected.
	Filter ProviderFilter `json:"filter,omitzero"`
	// ProviderID is the bank, for Preselected.
	ProviderID string `json:"provider_id,omitempty"`
	// SchemeSelection is required for Preselected. Payouts have none here.
	SchemeSelection SchemeSelection `json:"scheme_selection,omitzero"`
	// BranchSelection is for Preselected banks with branches.
	BranchSelection BranchSelection `json:"branch_selection,omitzero"`
	// Remitter is the account that must pay.
	Remitter Remitter `json:"remitter,omitzero"`
	// DataAccessToken is a Data API token of the payer, for Preselected. It is sent, but never printed or stored in clear by encoding
	// this struct.
	DataAccessToken payonce.Secret `json:"data_access_token,omitzero"`
	// SchemeID is what was chosen. It is in answers only.
	SchemeID SchemeID `json:"scheme_id,omitempty"`
}

// wireSelection is a ProviderSelection as it is sent: its own token hides the masked one.
type wireSelection struct {
	ProviderSelection

	DataAccessToken string `json:"data_access_token,omitempty"`
}

func (s ProviderSelection) wire() *wireSelection {
	if s.Type == "" {
		s.Type = UserSelected
	}
	return &wireSelection{ProviderSelection: s, DataAccessToken: s.DataAccessToken.Reveal()}
}

// ProviderFilter narrows the banks that are offered. Empty fields don't.
type ProviderFilter struct {
	// Countries are ISO 3166-1 alpha-2 codes.
	Countries []string `json:"countries,omitempty"`
	// ReleaseChannel defaults to GeneralAvailability.
	ReleaseChannel ReleaseChannel `json:"release_channel,omitempty"`
	// CustomerSegments defaults to Retail.
	CustomerSegments []CustomerSegment `json:"customer_segments,omitempty"`
	// ProviderIDs are the banks to offer, Excludes those not to.
	ProviderIDs []string         `json:"provider_ids,omitempty"`
	Excludes    ProviderExcludes `json:"excludes,omitzero"`
}

// ProviderExcludes names banks not to offer.
type ProviderExcludes struct {
	ProviderIDs []string `json:"provider_ids,omitempty"`
}

// ReleaseChannel is how mature a bank's connection is.
type ReleaseChannel string

// The documented channels.
const (
	GeneralAvailability ReleaseChannel = "general_availability"
	PublicBeta          ReleaseChannel = "public_beta"
	PrivateBeta         ReleaseChannel = "private_beta"
)

// CustomerSegment is whom a bank serves.
type CustomerSegment string

// The documented segments.
const (
	Retail    CustomerSegment = "retail"
	Business  CustomerSegment = "business"
	Corporate CustomerSegment = "corporate"
)

// SchemeSelection says which network carries the money. The zero value leaves it to TrueLayer.
type SchemeSelection struct {
	// Type is InstantOnly or InstantPreferred, UserSelected in payments, or Preselected.
	Type SelectionType `json:"type"`
	// AllowRemitterFee also offers schemes that cost the payer money; in payments, for InstantOnly and InstantPreferred.
	AllowRemitterFee bool `json:"allow_remitter_fee,omitempty"`
	// SchemeID is the scheme, for Preselected.
	SchemeID SchemeID `json:"scheme_id,omitempty"`
}

// BranchSelection says which branch of the bank. The zero value sends nothing.
type BranchSelection struct {
	// Type is UserSelected or Preselected.
	Type SelectionType `json:"type"`
	// BranchID is the branch, for Preselected.
	BranchID string `json:"branch_id,omitempty"`
}
