package truelayer

import (
	"encoding/json"

	"github.com/payonce/payonce"
)

// FlowOptions says which steps of the authorization flow the merchant's page can show. Each step that is left out must not be needed.
// Source: https://docs.truelayer.com/reference/start-payment-authorization-flow.
type FlowOptions struct {
	// ProviderSelection, SchemeSelection, BranchSelection and UserAccountSelection: the page can let the payer choose these.
	ProviderSelection, SchemeSelection, BranchSelection, UserAccountSelection bool
	// Redirect: the page can send the payer to the bank.
	Redirect Redirect
	// FormInputTypes are the inputs that the page can show.
	FormInputTypes []InputType
	// Consent: the page can ask for consent.
	Consent *ConsentOptions
}

// Redirect says where the payer comes back to. The zero value means that the page can't redirect.
type Redirect struct {
	// ReturnURI is required. DirectReturnURI is for merchants who receive the bank's answer themselves.
	ReturnURI       string `json:"return_uri"`
	DirectReturnURI string `json:"direct_return_uri,omitempty"`
}

// InputType is a kind of form field.
type InputType string

// The documented inputs.
const (
	InputText          InputType = "text"
	InputTextWithImage InputType = "text_with_image"
	InputSelect        InputType = "select"
)

// ConsentOptions says how the page asks for consent.
type ConsentOptions struct {
	// ActionType is ConsentExplicit or ConsentAdjacent.
	ActionType ConsentAction `json:"action_type,omitempty"`
	// Requirements is a JSON object as in TrueLayer's reference.
	Requirements json.RawMessage `json:"requirements,omitempty"`
}

// ConsentAction says whether consent is a step of its own.
type ConsentAction string

// The documented actions.
const (
	ConsentExplicit ConsentAction = "explicit"
	ConsentAdjacent ConsentAction = "adjacent"
)

// MarshalJSON writes a step that the page can show as an object, and none otherwise.
func (o FlowOptions) MarshalJSON() ([]byte, error) {
	type step struct{}
	able := func(yes bool) *step {
		if !yes {
			return nil
		}
		return &step{}
	}
	type form struct {
		InputTypes []InputType `json:"input_types"`
	}
	var inputs *form
	if len(o.FormInputTypes) > 0 {
		inputs = &form{o.FormInputTypes}
	}
	return json.Marshal(struct {
		ProviderSelection    *step           `json:"provider_selection,omitempty"`
		SchemeSelection      *step           `json:"scheme_selection,omitempty"`
		BranchSelection      *step           `json:"branch_selection,omitempty"`
		UserAccountSelection *step           `json:"user_account_selection,omitempty"`
		Redirect             Redirect        `json:"redirect,omitzero"`
		Form                 *form           `json:"form,omitempty"`
		Consent              *ConsentOptions `json:"consent,omitempty"`
	}{
		able(o.ProviderSelection), able(o.SchemeSelection), able(o.BranchSelection), able(o.UserAccountSelection),
		o.Redirect, inputs, o.Consent,
	})
}

// AuthorizationFlow is where the payer stands. Its zero value is: not started, or over.
type AuthorizationFlow struct {
	Actions FlowActions `json:"actions,omitzero"`
	// Configuration says which steps were declared as supported, as received.
	Configuration json.RawMessage `json:"configuration,omitempty"`
}

// FlowActions holds the next step of a flow.
type FlowActions struct {
	Next NextAction `json:"next,omitzero"`
	// Adjacent is a step to show beside the next, as received.
	Adjacent json.RawMessage `json:"adjacent,omitempty"`
}

// ActionType is a step of the authorization flow. The set is open.
type ActionType string

// The documented steps.
const (
	ActionProviderSelection    ActionType = "provider_selection"
	ActionSchemeSelection      ActionType = "scheme_selection"
	ActionBranchSelection      ActionType = "branch_selection"
	ActionUserAccountSelection ActionType = "user_account_selection"
	ActionConsent              ActionType = "consent"
	ActionForm                 ActionType = "form"
	ActionRedirect             ActionType = "redirect"
	ActionWait                 ActionType = "wait"
	ActionRetry                ActionType = "retry"
)

// NextAction is what the payer does next: Type says which of the other fields are set. Lists whose elements this version doesn't
// type are as received.
type NextAction struct {
	Type ActionType `json:"type"`
	// URI is where to send the payer, for ActionRedirect. Whoever has it can go on with the payment.
	URI payonce.Secret `json:"uri,omitzero"`
	// RetryOptions are for ActionRetry.
	RetryOptions []string `json:"retry_options,omitempty"`
	// SubsequentActionHint and Requirements are for ActionConsent.
	SubsequentActionHint ActionType      `json:"subsequent_action_hint,omitempty"`
	Requirements         json.RawMessage `json:"requirements,omitempty"`
	// Providers, Schemes, Branches, UserAccounts and Inputs are for the steps of their names.
	Providers    []json.RawMessage `json:"providers,omitempty"`
	Schemes      []json.RawMessage `json:"schemes,omitempty"`
	Branches     []json.RawMessage `json:"branches,omitempty"`
	UserAccounts []json.RawMessage `json:"user_accounts,omitempty"`
	Inputs       []json.RawMessage `json:"inputs,omitempty"`
}

// FlowResult is the answer to starting an authorization flow.
type FlowResult struct {
	Status            PaymentStatus     `json:"status"`
	AuthorizationFlow AuthorizationFlow `json:"authorization_flow,omitzero"`
	// FailureStage and FailureReason are set when Status is PaymentFailed; the call's error is then payonce.ErrDeclined.
	FailureStage  FailureStage  `json:"failure_stage,omitempty"`
	FailureReason FailureReason `json:"failure_reason,omitempty"`
}
