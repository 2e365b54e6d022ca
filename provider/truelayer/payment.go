package truelayer

import (
	"encoding/json"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// CreatedPayment is the answer to a new payment. Source: https://docs.truelayer.com/reference/create-payment.
type CreatedPayment struct {
	ID     string        `json:"id"`
	Status PaymentStatus `json:"status"`
	User   User          `json:"user"`
	// ResourceToken reads, authorizes and cancels this one payment; it is for the payer's browser or app.
	ResourceToken payonce.Secret `json:"resource_token"`
	// HostedPage is set when one was asked for.
	HostedPage HostedPageLink `json:"hosted_page,omitzero"`
	// AuthorizationFlow is set when the flow was started.
	AuthorizationFlow AuthorizationFlow `json:"authorization_flow,omitzero"`
	// FailureStage and FailureReason are set when Status is PaymentFailed; the call's error is then payonce.ErrDeclined.
	FailureStage  FailureStage  `json:"failure_stage,omitempty"`
	FailureReason FailureReason `json:"failure_reason,omitempty"`
}

// HostedPageLink is TrueLayer's page for one payment. Whoever has the URI can go on with the payment.
type HostedPageLink struct {
	URI payonce.Secret `json:"uri"`
}

// Payment is a payment as TrueLayer tells it. Which fields are set depends on the status; TrueLayer leaves some out when asked with a
// resource token. Source: https://docs.truelayer.com/reference/get-payment.
type Payment struct {
	ID              string            `json:"id"`
	Status          PaymentStatus     `json:"status"`
	AmountInMinor   int64             `json:"amount_in_minor"`
	Currency        string            `json:"currency"`
	User            User              `json:"user,omitzero"`
	PaymentMethod   PaymentMethod     `json:"payment_method"`
	CreatedAt       Timestamp         `json:"created_at,omitzero"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	RelatedProducts json.RawMessage   `json:"related_products,omitempty"`
	SubMerchants    SubMerchants      `json:"sub_merchants,omitzero"`
	UserConsent     UserConsent       `json:"user_consent,omitzero"`
	// FailedAttempts are earlier tries at the bank, where the method has Retry.
	FailedAttempts    []FailedAttempt   `json:"failed_attempts,omitempty"`
	AuthorizationFlow AuthorizationFlow `json:"authorization_flow,omitzero"`
	PaymentSource     PaymentSource     `json:"payment_source,omitzero"`
	CreditableAt      Timestamp         `json:"creditable_at,omitzero"`
	ExecutedAt        Timestamp         `json:"executed_at,omitzero"`
	// SucceededAt is what older answers have instead of ExecutedAt.
	SucceededAt         Timestamp `json:"succeeded_at,omitzero"`
	SettledAt           Timestamp `json:"settled_at,omitzero"`
	SettlementStalledAt Timestamp `json:"settlement_stalled_at,omitzero"`
	FailedAt            Timestamp `json:"failed_at,omitzero"`
	// FailureStage is how far the payment was, FailureFundsStage whether money had arrived.
	FailureStage      FailureStage  `json:"failure_stage,omitempty"`
	FailureReason     FailureReason `json:"failure_reason,omitempty"`
	FailureFundsStage FundsStage    `json:"failure_funds_stage,omitempty"`
	DisputedAt        Timestamp     `json:"disputed_at,omitzero"`
	DisputedReason    string        `json:"disputed_reason,omitempty"`
	ReversedAt        Timestamp     `json:"reversed_at,omitzero"`
	// ReversalReason is corrected, failed or disputed.
	ReversalReason string `json:"reversal_reason,omitempty"`
}

// Amount returns the payment's amount.
func (p *Payment) Amount() payonce.Amount {
	return payonce.Amount{Minor: p.AmountInMinor, Currency: p.Currency}
}

// PaymentMethod is how a payment is made, as TrueLayer tells it.
type PaymentMethod struct {
	Type PaymentMethodType `json:"type"`
	// ProviderSelection and Beneficiary are set for MethodBankTransfer.
	ProviderSelection ProviderSelection `json:"provider_selection,omitzero"`
	Beneficiary       Beneficiary       `json:"beneficiary,omitzero"`
	// MandateID, Reference and UserInteraction are set for MethodMandate.
	MandateID       string          `json:"mandate_id,omitempty"`
	Reference       string          `json:"reference,omitempty"`
	UserInteraction UserInteraction `json:"user_interaction,omitempty"`
	// Retry is set where the bank may be asked again; for MethodBankTransfer it is empty.
	Retry *MandateRetry `json:"retry,omitempty"`
}

// PaymentMethodType is a way to pay.
type PaymentMethodType string

// The documented ways.
const (
	MethodBankTransfer PaymentMethodType = "bank_transfer"
	MethodMandate      PaymentMethodType = "mandate"
)

// FailedAttempt is one try at the bank that failed.
type FailedAttempt struct {
	AttemptNumber int           `json:"attempt_number"`
	FailedAt      Timestamp     `json:"failed_at"`
	FailureReason FailureReason `json:"failure_reason"`
}

// status maps TrueLayer's status to the portable one. Executed is the end for an external account; for a merchant account, and
// where the answer does not say which, the money is still on its way: authorized.
func (p *Payment) status() payonce.Status {
	if !p.ReversedAt.IsZero() {
		return payonce.StatusReturned
	}
	switch p.Status {
	case PaymentAuthorizationRequired, PaymentAuthorizing, PaymentAttemptFailed:
		return payonce.StatusActionRequired
	case PaymentAuthorized:
		return payonce.StatusAuthorized
	case PaymentExecuted:
		if p.PaymentMethod.Beneficiary.Type == ToExternalAccount {
			return payonce.StatusSucceeded
		}
		return payonce.StatusAuthorized
	case PaymentSettled:
		return payonce.StatusSucceeded
	case PaymentFailed:
		if p.FailureReason == ReasonCanceled {
			return payonce.StatusCanceled
		}
		return payonce.StatusFailed
	case "reversed":
		return payonce.StatusReturned
	}
	return ""
}

// noMoneyMoved says that the payment is over and failed before the bank executed it. An answer that doesn't say how far it was
// proves nothing.
func (p *Payment) noMoneyMoved() bool {
	if p.Status != PaymentFailed || p.FailureFundsStage == FundsReceived || !p.ExecutedAt.IsZero() || !p.ReversedAt.IsZero() {
		return false
	}
	switch p.FailureStage {
	case PaymentAuthorizationRequired, PaymentAuthorizing, PaymentAuthorized:
		return true
	case PaymentExecuted, PaymentSettled, PaymentFailed, PaymentAttemptFailed:
	}
	return false
}

// hidesMoney says that something which would tell of moved money is there and can't be read, in a payment, refund, payout or event.
func hidesMoney(body []byte) bool {
	told := adapter.ObjectOf(body)
	for _, name := range []string{"executed_at", "settled_at", "funds_received_at", "reversed_at"} {
		var at Timestamp
		_ = at.UnmarshalJSON(told[name]) // never fails
		if at.IsZero() && !isNothing(told, name) {
			return true
		}
	}
	const stage = "failure_funds_stage"
	return told.Text(stage) == "" && !isNothing(told, stage)
}

// isNothing says that a field is missing, null or empty.
func isNothing(told adapter.Object, name string) bool {
	_, there := told[name]
	return !there || told.Is(name, "null") || told.Is(name, `""`)
}

// portablePayment reads a created payment or one that was asked for; the shapes differ only in what is left out.
func portablePayment(kind string, body []byte) (*payonce.Payment, error) {
	if kind == kindCancelPayment { // 202 without a body: accepted, the result comes by webhook
		return &payonce.Payment{Status: payonce.StatusPending, Raw: body}, nil
	}
	var p struct {
		Payment
		ResourceToken payonce.Secret `json:"resource_token"`
		HostedPage    HostedPageLink `json:"hosted_page"`
	}
	if _, err := adapter.Decode(body, &p); err != nil {
		return nil, errUnreadable
	}
	next := p.HostedPage.URI
	if action := p.AuthorizationFlow.Actions.Next; next == "" && action.Type == ActionRedirect {
		next = action.URI
	}
	return &payonce.Payment{
		ID: p.ID, Status: p.status(), ProviderStatus: string(p.Status), Amount: p.Amount(), FailureCode: string(p.FailureReason),
		NoMoneyMoved: p.noMoneyMoved() && !hidesMoney(body), NextURL: next, ClientToken: p.ResourceToken, Metadata: p.Metadata, CreatedAt: p.CreatedAt.Time,
		Raw: body,
	}, nil
}
