package truelayer

// PaymentStatus is a payment's state. The set is open. Source: https://docs.truelayer.com/docs/payment-statuses.
type PaymentStatus string

// The documented payment statuses.
const (
	PaymentAuthorizationRequired PaymentStatus = "authorization_required"
	PaymentAuthorizing           PaymentStatus = "authorizing"
	PaymentAuthorized            PaymentStatus = "authorized"
	// PaymentExecuted: the payer's bank has sent the money. It is the end for external accounts; a merchant account still waits for it.
	PaymentExecuted PaymentStatus = "executed"
	// PaymentSettled: the money is in the merchant account.
	PaymentSettled PaymentStatus = "settled"
	PaymentFailed  PaymentStatus = "failed"
	// PaymentAttemptFailed: the payer may try again within the same payment; only where the method has Retry.
	PaymentAttemptFailed PaymentStatus = "attempt_failed"
)

// RefundStatus is a refund's state. The set is open. Source: https://docs.truelayer.com/docs/payout-and-refund-statuses.
type RefundStatus string

// The documented refund statuses.
const (
	RefundPending    RefundStatus = "pending"
	RefundAuthorized RefundStatus = "authorized"
	// RefundExecuted: the money was sent. A bank may still return it; the refund is then failed, with ReasonReturned.
	RefundExecuted RefundStatus = "executed"
	RefundFailed   RefundStatus = "failed"
)

// PayoutStatus is a payout's state. The set is open. Source: https://docs.truelayer.com/docs/payout-and-refund-statuses.
type PayoutStatus string

// The documented payout statuses.
const (
	PayoutPending PayoutStatus = "pending"
	// PayoutAuthorizationRequired and PayoutAuthorizing occur where the recipient chooses the account (ToUserDetermined).
	PayoutAuthorizationRequired PayoutStatus = "authorization_required"
	PayoutAuthorizing           PayoutStatus = "authorizing"
	PayoutAuthorized            PayoutStatus = "authorized"
	// PayoutExecuted: the money was sent. A bank may still return it; the payout is then failed, with ReasonReturned.
	PayoutExecuted PayoutStatus = "executed"
	PayoutFailed   PayoutStatus = "failed"
)

// FailureStage is how far a payment was when it failed: a payment status.
type FailureStage = PaymentStatus

// FundsStage says whether the money of a failed payment had arrived.
type FundsStage string

// The documented funds stages.
const (
	FundsReceived    FundsStage = "received"
	FundsNotReceived FundsStage = "not_received"
)

// FailureReason says why a payment, refund or payout failed. The set is open.
type FailureReason string

// The reasons that were seen. Sources: https://docs.truelayer.com/docs/payment-statuses and /docs/payout-and-refund-statuses.
const (
	ReasonAccountNotValid                 FailureReason = "account_not_valid"
	ReasonAuthorizationFailed             FailureReason = "authorization_failed"
	ReasonBlocked                         FailureReason = "blocked"
	ReasonCanceled                        FailureReason = "canceled"
	ReasonConstraintViolation             FailureReason = "constraint_violation"
	ReasonExpired                         FailureReason = "expired"
	ReasonInsufficientFunds               FailureReason = "insufficient_funds"
	ReasonInternalServerError             FailureReason = "internal_server_error"
	ReasonInvalidAccountDetails           FailureReason = "invalid_account_details"
	ReasonInvalidAccountHolderName        FailureReason = "invalid_account_holder_name"
	ReasonInvalidBeneficiaryAccount       FailureReason = "invalid_beneficiary_account"
	ReasonInvalidCredentials              FailureReason = "invalid_credentials" //nolint:gosec // a reason, not a credential
	ReasonInvalidIBAN                     FailureReason = "invalid_iban"
	ReasonInvalidMandateState             FailureReason = "invalid_mandate_state"
	ReasonInvalidOTP                      FailureReason = "invalid_otp"
	ReasonInvalidRemitterAccount          FailureReason = "invalid_remitter_account"
	ReasonInvalidRequest                  FailureReason = "invalid_request"
	ReasonInvalidSCAN                     FailureReason = "invalid_scan"
	ReasonInvalidSortCode                 FailureReason = "invalid_sort_code"
	ReasonMandateRevoked                  FailureReason = "mandate_revoked"
	ReasonNotAuthorized                   FailureReason = "not_authorized"
	ReasonPaymentLimitExceeded            FailureReason = "payment_limit_exceeded"
	ReasonProviderError                   FailureReason = "provider_error"
	ReasonProviderExpired                 FailureReason = "provider_expired"
	ReasonProviderRejected                FailureReason = "provider_rejected"
	ReasonRejected                        FailureReason = "rejected"
	ReasonReturned                        FailureReason = "returned"
	ReasonReversed                        FailureReason = "reversed"
	ReasonSchemeError                     FailureReason = "scheme_error"
	ReasonSchemeUnavailable               FailureReason = "scheme_unavailable"
	ReasonServerError                     FailureReason = "server_error"
	ReasonUnknown                         FailureReason = "unknown"
	ReasonUnknownError                    FailureReason = "unknown_error"
	ReasonUserCanceledAtProvider          FailureReason = "user_canceled_at_provider"
	ReasonVerificationDeclined            FailureReason = "verification_declined"
	ReasonVerificationNameMismatch        FailureReason = "verification_name_mismatch"
	ReasonVerificationTransactionNotFound FailureReason = "verification_transaction_not_found"
)

// SchemeID names the network that carries the money. The set is open.
type SchemeID string

// The documented schemes.
const (
	FasterPaymentsService           SchemeID = "faster_payments_service"
	SEPATransfer                    SchemeID = "sepa_credit_transfer"
	SEPATransferInstant             SchemeID = "sepa_credit_transfer_instant"
	PolishDomesticStandard          SchemeID = "polish_domestic_standard"
	PolishDomesticExpress           SchemeID = "polish_domestic_express"
	NorwegianDomesticCreditTransfer SchemeID = "norwegian_domestic_credit_transfer"
)
