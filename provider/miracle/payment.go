package miracle

import (
	"encoding/json"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Payment is a payment as Miracle tells it. Which fields are set depends on the status and on who asks; one of another type than
// documented stays empty.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_list.
type Payment struct {
	ID         string `json:"id"`
	TenantID   string `json:"tenantId,omitempty"`
	MerchantID string `json:"merchantId,omitempty"`
	// Livemode is false for a test payment, which moves no money.
	Livemode          bool            `json:"livemode"`
	Status            PaymentStatus   `json:"status"`
	Amount            Money           `json:"amount"`
	AmountBreakdown   AmountBreakdown `json:"amountBreakdown,omitzero"`
	CaptureMethod     CaptureMethod   `json:"captureMethod,omitempty"`
	MerchantReference string          `json:"merchantReference,omitempty"`
	CheckoutSessionID string          `json:"checkoutSessionId,omitempty"`
	PaymentMethodType MethodType      `json:"paymentMethodType,omitempty"`
	// Action is the payer's next step while Status is PaymentRequiresAction.
	Action Action `json:"action,omitzero"`
	// ErrorCode and ErrorMessage are set when Status is PaymentFailed; a create's or capture's error is then payonce.ErrDeclined, unless
	// AmountBreakdown shows captured or refunded money.
	ErrorCode    string `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	// Approved is nil where the answer doesn't say.
	Approved          *bool             `json:"approved,omitempty"`
	ProviderReference string            `json:"providerReference,omitempty"`
	ThreeDSResult     ThreeDSResult     `json:"threeDSResult,omitzero"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	CreatedAt         Timestamp         `json:"createdAt,omitzero"`
	UpdatedAt         Timestamp         `json:"updatedAt,omitzero"`
	// RefundedAmount and RemainingAmount are set in the event payment.partially_refunded only.
	RefundedAmount  Money `json:"refundedAmount,omitzero"`
	RemainingAmount Money `json:"remainingAmount,omitzero"`
}

// AmountBreakdown says what became of a payment's amount.
type AmountBreakdown struct {
	Authorized Money `json:"authorized,omitzero"`
	Captured   Money `json:"captured,omitzero"`
	Refunded   Money `json:"refunded,omitzero"`
	Fee        Money `json:"fee,omitzero"`
	Net        Money `json:"net,omitzero"`
}

// Action is what the payer has to do next.
type Action struct {
	// Type is "redirect", among others.
	Type string `json:"type"`
	// URL is where the payer goes. Whoever has it can go on with the payment.
	URL  payonce.Secret `json:"url,omitempty"`
	Data ActionData     `json:"data,omitzero"`
}

// ActionData is what a page of the merchant's own needs for the step.
type ActionData struct {
	ThreeDSToken         payonce.Secret `json:"threeDSToken,omitempty"`
	AuthenticationMethod string         `json:"authenticationMethod,omitempty"`
	DisplayMessage       string         `json:"displayMessage,omitempty"`
	// ExpiresIn has no documented type or unit.
	ExpiresIn Word `json:"expiresIn,omitempty"`
}

// ThreeDSResult is the outcome of 3-D Secure. Only the names of its fields are documented.
type ThreeDSResult struct {
	Version      Word `json:"version,omitempty"`
	Status       Word `json:"status,omitempty"`
	StatusReason Word `json:"statusReason,omitempty"`
	ECI          Word `json:"eci,omitempty"`
	// CAVV and XID are the cryptograms of the authentication.
	CAVV               payonce.Secret `json:"cavv,omitempty"`
	XID                payonce.Secret `json:"xid,omitempty"`
	DSTransID          Word           `json:"dsTransId,omitempty"`
	Enrolled           Word           `json:"enrolled,omitempty"`
	LiabilityShift     Word           `json:"liabilityShift,omitempty"`
	ChallengeFlow      Word           `json:"challengeFlow,omitempty"`
	Challenged         Word           `json:"challenged,omitempty"`
	ChallengeCancelled Word           `json:"challengeCancelled,omitempty"`
	ExemptionApplied   Word           `json:"exemptionApplied,omitempty"`
	MessageVersion     Word           `json:"messageVersion,omitempty"`
	ServerTransID      Word           `json:"serverTransId,omitempty"`
	ACSTransID         Word           `json:"acsTransId,omitempty"`
}

// UnmarshalJSON reads a payment, also in its envelope, and calls the next step action where the test cards' page says paymentAction.
func (p *Payment) UnmarshalJSON(body []byte) error {
	type plain Payment
	var wire struct {
		plain
		Approved      json.RawMessage `json:"approved"`
		Metadata      map[string]Word `json:"metadata"`
		PaymentAction Action          `json:"paymentAction"`
	}
	if err := decode(body, &wire); err != nil {
		return err
	}
	*p = Payment(wire.plain)
	p.Approved, p.Metadata = truth(wire.Approved), textsOf(wire.Metadata)
	if p.Action == (Action{}) {
		p.Action = wire.PaymentAction
	}
	return nil
}

// noMoneyMoved says that a payment is over and nothing was captured, as far as Miracle tells: see PaymentCanceled and
// CodeGatewayTimeout for when the acquirer may know otherwise.
func noMoneyMoved(payment adapter.Object, status PaymentStatus) bool {
	return status.overWithoutMoney() && !movedMoney(payment)
}

// portablePayment reads the answer of every portable write and read: it is always the payment.
func portablePayment(body []byte) (*payonce.Payment, error) {
	var p Payment
	if err := p.UnmarshalJSON(body); err != nil {
		return nil, err
	}
	if p.ID == "" {
		return nil, errUnreadable
	}
	return &payonce.Payment{
		ID: p.ID, Status: p.Status.portable(), ProviderStatus: string(p.Status), Amount: p.Amount.Amount(), FailureCode: p.ErrorCode,
		NoMoneyMoved: noMoneyMoved(adapter.ObjectOf(unwrap(body)), p.Status), NextURL: p.Action.URL,
		ClientToken: p.Action.Data.ThreeDSToken, Metadata: p.Metadata, CreatedAt: p.CreatedAt.Time, Raw: body,
	}, nil
}
