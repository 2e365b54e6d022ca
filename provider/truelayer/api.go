package truelayer

import (
	"context"
	"iter"
	"net/url"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// API is what TrueLayer offers beyond the portable services, with the same promises: every write is an operation with a reference of
// the merchant's own. Make it with Provider.API.
type API struct {
	Payments         *PaymentService
	Refunds          *RefundService
	Payouts          *PayoutService
	MerchantAccounts *MerchantAccountService
}

// API returns the native services over a client, which must have been made with this provider.
func (p *Provider) API(c *payonce.Client) *API {
	s := service{p.d, adapter.Service{Client: c, Account: p.d.profile.Account}}
	return &API{&PaymentService{s}, &RefundService{s}, &PayoutService{s}, &MerchantAccountService{s}}
}

type service struct {
	d *dialect
	adapter.Service
}

// PaymentService makes payments with the full native answers. It shares its operations with Client.Payments: the same reference is
// the same payment, whichever of the two made it.
type PaymentService struct{ s service }

// Create makes a payment once. Method is a BankTransfer or a Mandate. A payment that was made and failed at once is both a result and
// payonce.ErrDeclined. Source: https://docs.truelayer.com/reference/create-payment.
func (s *PaymentService) Create(ctx context.Context, params payonce.PaymentParams, opts ...payonce.CallOption) (*payonce.Result[CreatedPayment], error) {
	op, err := s.s.d.createPayment(params)
	return adapter.Do[CreatedPayment](ctx, s.s.Service, op, err, opts)
}

// Get reads a payment. Source: https://docs.truelayer.com/reference/get-payment.
func (s *PaymentService) Get(ctx context.Context, id string) (*payonce.Result[Payment], error) {
	return adapter.Get[Payment](ctx, s.s.Service, getPayment(id), id)
}

// Cancel asks to cancel a payment. The answer says that this was accepted, no more; the result comes by webhook and by Get.
// Source: https://docs.truelayer.com/reference/cancel-payment.
func (s *PaymentService) Cancel(ctx context.Context, params payonce.CancelParams, opts ...payonce.CallOption) (*payonce.Result[struct{}], error) {
	op, err := s.s.d.cancelPayment(params)
	return adapter.Do[struct{}](ctx, s.s.Service, op, err, opts)
}

// StartFlowParams asks to start a payment's authorization flow on a page of the merchant's own.
type StartFlowParams struct {
	// PaymentID is TrueLayer's id. Required.
	PaymentID string
	// Reference names this start; defaults to PaymentID.
	Reference string
	// Options says which steps the page can show.
	Options FlowOptions
	// PayerIP and PayerUserAgent describe the payer's device (X-Forwarded-For, X-Device-User-Agent).
	PayerIP, PayerUserAgent string
	// NotAfter: not started for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// StartAuthorizationFlow starts a payment's flow once. If the payment fails by it, there is both a result and payonce.ErrDeclined.
// Source: https://docs.truelayer.com/reference/start-payment-authorization-flow.
func (s *PaymentService) StartAuthorizationFlow(ctx context.Context, params StartFlowParams, opts ...payonce.CallOption) (*payonce.Result[FlowResult], error) {
	op, err := s.s.d.startFlow(params)
	return adapter.Do[FlowResult](ctx, s.s.Service, op, err, opts)
}

func (d *dialect) startFlow(params StartFlowParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	header := payerHeader(params.PayerIP, params.PayerUserAgent)
	checkHeader(&p, header)
	d.rules[kindStartFlow].inspect(&p, params.Options)
	reference := params.Reference
	if reference == "" {
		reference = params.PaymentID
	}
	return payonce.Operation{
		Kind: kindStartFlow, Reference: reference, Path: "/v3/payments/" + adapter.Element(params.PaymentID) + "/authorization-flow",
		Header: header, Body: params.Options, NotAfter: params.NotAfter,
	}, p.Err()
}

// RefundService makes refunds with the full native answers. It shares its operations with Client.Refunds.
type RefundService struct{ s service }

// Create makes a refund once. Source: https://docs.truelayer.com/reference/create-payment-refund.
func (s *RefundService) Create(ctx context.Context, params payonce.RefundParams, opts ...payonce.CallOption) (*payonce.Result[CreatedRefund], error) {
	op, err := s.s.d.createRefund(params)
	return adapter.Do[CreatedRefund](ctx, s.s.Service, op, err, opts)
}

// Get reads a refund. Source: https://docs.truelayer.com/reference/get-payment-refund.
func (s *RefundService) Get(ctx context.Context, paymentID, id string) (*payonce.Result[Refund], error) {
	return adapter.Get[Refund](ctx, s.s.Service, getRefund(paymentID, id), paymentID, id)
}

// List reads all refunds of a payment; there are no pages. Source: https://docs.truelayer.com/reference/get-payment-refunds.
func (s *RefundService) List(ctx context.Context, paymentID string) (*payonce.Result[RefundList], error) {
	return adapter.Get[RefundList](ctx, s.s.Service, listRefunds(paymentID), paymentID)
}

// PayoutService pays money out of merchant accounts.
type PayoutService struct{ s service }

// Create makes a payout once. The answer says that it was accepted, no more. TrueLayer itself tries again on the scheme: don't make a
// second payout because the first is pending. Source: https://docs.truelayer.com/reference/create-payout.
func (s *PayoutService) Create(ctx context.Context, params PayoutParams, opts ...payonce.CallOption) (*payonce.Result[CreatedPayout], error) {
	op, err := s.s.d.createPayout(params)
	return adapter.Do[CreatedPayout](ctx, s.s.Service, op, err, opts)
}

// Get reads a payout. Source: https://docs.truelayer.com/reference/get-payout.
func (s *PayoutService) Get(ctx context.Context, id string) (*payonce.Result[Payout], error) {
	return adapter.Get[Payout](ctx, s.s.Service, payonce.Query{Kind: kindGetPayout, Path: "/v3/payouts/" + adapter.Element(id)}, id)
}

// MerchantAccountService reads merchant accounts and sets their sweeping.
type MerchantAccountService struct{ s service }

// List reads all merchant accounts. Source: https://docs.truelayer.com/reference/list-operating-accounts.
func (s *MerchantAccountService) List(ctx context.Context) (*payonce.Result[MerchantAccountList], error) {
	return adapter.Get[MerchantAccountList](ctx, s.s.Service, payonce.Query{Kind: kindListAccounts, Path: "/v3/merchant-accounts"})
}

// Get reads a merchant account. Source: https://docs.truelayer.com/reference/get-operating-account.
func (s *MerchantAccountService) Get(ctx context.Context, id string) (*payonce.Result[MerchantAccount], error) {
	return adapter.Get[MerchantAccount](ctx, s.s.Service, payonce.Query{Kind: kindGetAccount, Path: accountPath(id, "")}, id)
}

// PaymentSources reads the accounts that a user has paid from, for ToPaymentSource.
// Source: https://docs.truelayer.com/reference/get-merchant-account-payment-sources.
func (s *MerchantAccountService) PaymentSources(ctx context.Context, id, userID string) (*payonce.Result[PaymentSourceList], error) {
	q := payonce.Query{Kind: kindListSources, Path: accountPath(id, "/payment-sources?") + url.Values{"user_id": {userID}}.Encode()}
	return adapter.Get[PaymentSourceList](ctx, s.s.Service, q, id, userID)
}

// Transactions yields the transactions of a merchant account, page after page. An error is the last it yields.
// Source: https://docs.truelayer.com/reference/merchant-account-get-transactions.
func (s *MerchantAccountService) Transactions(ctx context.Context, params TransactionsParams) iter.Seq2[Transaction, error] {
	return func(yield func(Transaction, error) bool) {
		if err := params.check(); err != nil {
			yield(Transaction{}, s.s.Invalid(kindListTransactions, "", err))
			return
		}
		for cursor := ""; ; {
			page, err := adapter.Read[transactionPage](ctx, s.s.Service, params.query(cursor))
			if err != nil {
				yield(Transaction{}, err)
				return
			}
			for _, transaction := range page.Value.items {
				if !yield(transaction, nil) {
					return
				}
			}
			next := page.Value.next
			if next == "" || next == cursor {
				return
			}
			cursor = next
		}
	}
}

// Sweeping reads the settings of automatic withdrawals; payonce.ErrNotFound when there are none.
// Source: https://docs.truelayer.com/reference/get_merchant-accounts-id-sweeping.
func (s *MerchantAccountService) Sweeping(ctx context.Context, id string) (*payonce.Result[Sweeping], error) {
	return adapter.Get[Sweeping](ctx, s.s.Service, payonce.Query{Kind: kindGetSweeping, Path: accountPath(id, "/sweeping")}, id)
}

// SetSweeping sets up automatic withdrawals, or changes them. The token's merchant must have sweeping enabled by TrueLayer.
// Source: https://docs.truelayer.com/reference/post_merchant-accounts-id-sweeping.
func (s *MerchantAccountService) SetSweeping(ctx context.Context, params SweepingParams, opts ...payonce.CallOption) (*payonce.Result[Sweeping], error) {
	op, err := s.s.d.setSweeping(params)
	return adapter.Do[Sweeping](ctx, s.s.Service, op, err, opts)
}

// DisableSweeping ends automatic withdrawals. Source: https://docs.truelayer.com/reference/delete_merchant-accounts-id-sweeping.
func (s *MerchantAccountService) DisableSweeping(ctx context.Context, params DisableSweepingParams, opts ...payonce.CallOption) (*payonce.Result[struct{}], error) {
	op, err := s.s.d.disableSweeping(params)
	return adapter.Do[struct{}](ctx, s.s.Service, op, err, opts)
}
