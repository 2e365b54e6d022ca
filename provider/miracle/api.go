package miracle

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// API is what Miracle offers beyond the portable services, with the same promises: every write is an operation with a reference of the
// merchant's own. Make it with Provider.API.
type API struct {
	Payments         *PaymentService
	Refunds          *RefundService
	CheckoutSessions *CheckoutSessionService
	HPPSessions      *HPPSessionService
	WebhookEndpoints *WebhookEndpointService
}

// API returns the native services over a client, which must have been made with this provider.
func (p *Provider) API(c *payonce.Client) *API {
	s := service{p.d, adapter.Service{Client: c, Account: p.d.profile.Account}}
	return &API{&PaymentService{s}, &RefundService{s}, &CheckoutSessionService{s}, &HPPSessionService{s}, &WebhookEndpointService{s}}
}

type service struct {
	d *dialect
	adapter.Service
}

// list yields what is on the pages of a list, page after page. An error is the last it yields.
func list[T any](ctx context.Context, s service, query func(cursor string) payonce.Query, ids ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			result, err := adapter.Get[page[T]](ctx, s.Service, query(cursor), ids...)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range result.Value.items {
				if !yield(item, nil) {
					return
				}
			}
			next := result.Value.next
			if next == "" || next == cursor {
				return
			}
			cursor = next
		}
	}
}

// PaymentService makes payments with the full native answers. It shares its operations with Client.Payments: the same reference is
// the same payment, whichever of the two made it.
type PaymentService struct{ s service }

// Create makes a payment once. Method is a Method or nil. A payment that was made and failed at once is both a result and
// payonce.ErrDeclined. Source: https://docs.gate.miracleapi.ai/merchant/payments/idempotency; the reference's page could not be read.
func (s *PaymentService) Create(ctx context.Context, params payonce.PaymentParams, opts ...payonce.CallOption) (*payonce.Result[Payment], error) {
	op, err := s.s.d.createPayment(params)
	return adapter.Do[Payment](ctx, s.s.Service, op, err, opts)
}

// Get reads a payment. Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_list.
func (s *PaymentService) Get(ctx context.Context, id string) (*payonce.Result[Payment], error) {
	return adapter.Get[Payment](ctx, s.s.Service, getPayment(id), id)
}

// PaymentFilter says which payments are listed. The zero value is all that the key may see.
type PaymentFilter struct {
	// MerchantID is one merchant's, for keys of a tenant's. A merchant's key sees its own only.
	MerchantID string
	// Status is one status.
	Status PaymentStatus
	// Livemode is nil for both environments.
	Livemode *bool
}

func (f *PaymentFilter) query(cursor string) payonce.Query {
	values := url.Values{"merchantId": {f.MerchantID}, "status": {string(f.Status)}, "cursor": {cursor}}
	if f.Livemode != nil {
		values.Set("livemode", strconv.FormatBool(*f.Livemode))
	}
	return payonce.Query{Kind: kindListPayments, Path: strings.TrimSuffix(payments, "/") + queryOf(values)}
}

// List yields payments, page after page of Miracle's default size. An error is the last it yields.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_list.
func (s *PaymentService) List(ctx context.Context, filter PaymentFilter) iter.Seq2[Payment, error] {
	return list[Payment](ctx, s.s, filter.query)
}

// Capture takes the money of an authorized payment, all of it, once. If the provider behind Miracle rejects it, the payment has
// failed: both a result and payonce.ErrDeclined.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_capture.
func (s *PaymentService) Capture(ctx context.Context, params payonce.CaptureParams, opts ...payonce.CallOption) (*payonce.Result[Payment], error) {
	op, err := capturePayment(params)
	return adapter.Do[Payment](ctx, s.s.Service, op, err, opts)
}

// Cancel cancels a payment that was not captured, once. BEWARE: a payment that is processing is canceled at Miracle only; its acquirer is
// not told (https://docs.gate.miracleapi.ai/merchant/payments/cancel) and may still take the money. Don't cancel such payments: wait for
// their end.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_cancel.
func (s *PaymentService) Cancel(ctx context.Context, params payonce.CancelParams, opts ...payonce.CallOption) (*payonce.Result[Payment], error) {
	op, err := cancelPayment(params)
	return adapter.Do[Payment](ctx, s.s.Service, op, err, opts)
}

// CompleteActionParams hands over what the payer brought back from 3-D Secure: RedirectResult or CRes (3DS2), or MD and PaRes (3DS1).
type CompleteActionParams struct {
	// PaymentID is Miracle's id. Required.
	PaymentID string
	// Reference names this step; defaults to PaymentID. A second step of the same payment needs another one.
	Reference string
	// RedirectResult and CRes are of 3DS2.
	RedirectResult, CRes payonce.Secret
	// MD and PaRes are of 3DS1, and belong together.
	MD, PaRes payonce.Secret
	// NotAfter: not done for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CompleteAction finishes a payment's 3-D Secure step once. If the payment fails by it, there is both a result and
// payonce.ErrDeclined. Source: https://docs.gate.miracleapi.ai/reference/merchant/payments/PaymentController_completeAction.
func (s *PaymentService) CompleteAction(ctx context.Context, params CompleteActionParams, opts ...payonce.CallOption) (*payonce.Result[Payment], error) {
	op, err := completeAction(&params)
	return adapter.Do[Payment](ctx, s.s.Service, op, err, opts)
}

func completeAction(params *CompleteActionParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("PaymentID", params.PaymentID)
	second, first := params.RedirectResult != "" || params.CRes != "", params.MD != "" || params.PaRes != ""
	switch {
	case second && first:
		p.Add("RedirectResult", "and CRes exclude MD and PaRes")
	case first && (params.MD == "" || params.PaRes == ""):
		p.Add("MD", "and PaRes belong together")
	case !second && !first:
		p.Add("RedirectResult", "is required, or CRes, or MD and PaRes")
	}
	type wireResult struct {
		RedirectResult string `json:"redirectResult,omitempty"`
		CRes           string `json:"cres,omitempty"`
		MD             string `json:"md,omitempty"`
		PaRes          string `json:"paRes,omitempty"`
	}
	return payonce.Operation{
		Kind: kindCompleteAction, Reference: cmp.Or(params.Reference, params.PaymentID), Path: paymentPath(params.PaymentID, "/complete-action"),
		Body:     wireResult{params.RedirectResult.Reveal(), params.CRes.Reveal(), params.MD.Reveal(), params.PaRes.Reveal()},
		NotAfter: params.NotAfter,
	}, p.Err()
}

// RefundService makes refunds with the full native answers. It shares its operations with Client.Refunds.
type RefundService struct{ s service }

// Create makes a refund once. A refund that failed at once is both a result and payonce.ErrDeclined.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/refunds/RefundController_create.
func (s *RefundService) Create(ctx context.Context, params payonce.RefundParams, opts ...payonce.CallOption) (*payonce.Result[Refund], error) {
	op, err := s.s.d.createRefund(params)
	return adapter.Do[Refund](ctx, s.s.Service, op, err, opts)
}

// Get reads a refund. Source: https://docs.gate.miracleapi.ai/reference/merchant/refunds/RefundController_getById.
func (s *RefundService) Get(ctx context.Context, id string) (*payonce.Result[Refund], error) {
	return adapter.Get[Refund](ctx, s.s.Service, getRefund(id), id)
}

// List yields the refunds of a payment, the newest first, page after page. An error is the last it yields.
// Source: https://docs.gate.miracleapi.ai/reference/merchant/refunds/RefundController_listByPayment.
func (s *RefundService) List(ctx context.Context, paymentID string) iter.Seq2[Refund, error] {
	return list[Refund](ctx, s.s, func(cursor string) payonce.Query { return listRefunds(paymentID, cursor) }, paymentID)
}
