package midaspay

import (
	"context"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// API is what MidasPay offers beyond the portable services, with the same promises: every write is an operation with a reference of the
// merchant's own. Make it with Provider.API.
type API struct {
	Orders         *OrderService
	Authorizations *AuthorizationService
	Refunds        *RefundService
	Subscriptions  *SubscriptionService
	MOR            *MORService
	Cards          *CardService
}

// API returns the native services over a client, which must have been made with this provider.
func (p *Provider) API(c *payonce.Client) *API {
	s := service{p.d, adapter.Service{Client: c, Account: p.d.profile.Account}}
	return &API{&OrderService{s}, &AuthorizationService{s}, &RefundService{s}, &SubscriptionService{s}, &MORService{s}, &CardService{s}}
}

type service struct {
	d *dialect
	adapter.Service
}

// get makes a read by an id that goes into its body or query.
func get[T any](ctx context.Context, s service, q payonce.Query, ids ...string) (*payonce.Result[T], error) {
	var p adapter.Problems
	for _, id := range ids {
		p.Require("id", id)
		if len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			p.Add("id", "must be at most 255 bytes without control characters")
		}
	}
	if err := p.Err(); err != nil {
		return nil, s.Invalid(q.Kind, "", err)
	}
	return adapter.Read[T](ctx, s.Service, q)
}

// OrderService makes orders with the full native answers. It shares its operations with Client.Payments: the same reference is the same
// order, whichever of the two made it.
type OrderService struct{ s service }

// Create makes an order once. Method is an Order. An order that was made and failed at once is both a result and payonce.ErrDeclined.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
func (s *OrderService) Create(ctx context.Context, params payonce.PaymentParams, opts ...payonce.CallOption) (*payonce.Result[PlacedOrder], error) {
	op, err := s.s.d.placeOrder(params)
	return adapter.Do[PlacedOrder](ctx, s.s.Service, op, err, opts)
}

// Get reads an order by MidasPay's id. Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
func (s *OrderService) Get(ctx context.Context, id string) (*payonce.Result[PlacedOrder], error) {
	return get[PlacedOrder](ctx, s.s, queryOrder("id", id), id)
}

// GetByReferenceID reads an order by its reference_id, which is Receipt.Key and not the operation's reference.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
func (s *OrderService) GetByReferenceID(ctx context.Context, referenceID string) (*payonce.Result[PlacedOrder], error) {
	return get[PlacedOrder](ctx, s.s, queryOrder(keyField, referenceID), referenceID)
}

// Void closes an order that is not fully paid. One that says no in a 200 is payonce.ErrDeclined.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-void-payment/.
func (s *OrderService) Void(ctx context.Context, params payonce.CancelParams, opts ...payonce.CallOption) (*payonce.Result[Voided], error) {
	op, err := voidOrder(params)
	return adapter.Do[Voided](ctx, s.s.Service, op, err, opts)
}

// AuthorizationService makes authorizations and payments under them.
type AuthorizationService struct{ s service }

// Create makes an authorization once. Unverified: its request and answer could not be read.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
func (s *AuthorizationService) Create(ctx context.Context, params AuthorizationParams, opts ...payonce.CallOption) (*payonce.Result[Authorization], error) {
	op, err := createAuthorization(params)
	return adapter.Do[Authorization](ctx, s.s.Service, op, err, opts)
}

// Pay makes a payment under an authorization. Nothing says that MidasPay dedupes it: it is never sent again once a byte may have
// arrived, and a lost answer is in doubt. Unverified: its answer could not be read.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-authorization-payment/.
func (s *AuthorizationService) Pay(ctx context.Context, params AuthorizationPaymentParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := payAuthorization(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// Get reads an authorization by MidasPay's id. Unverified: its answer could not be read.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-authorization/.
func (s *AuthorizationService) Get(ctx context.Context, id string) (*payonce.Result[Authorization], error) {
	return get[Authorization](ctx, s.s, queryAuthorization("authorization_id", id), id)
}

// GetByReferenceID reads an authorization by its reference_id, which is Receipt.Key and not the operation's reference.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-authorization/.
func (s *AuthorizationService) GetByReferenceID(ctx context.Context, referenceID string) (*payonce.Result[Authorization], error) {
	return get[Authorization](ctx, s.s, queryAuthorization("reference_authorization_id", referenceID), referenceID)
}

// Cancel cancels an authorization. Unverified: its answer could not be read; Get tells what became of it.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-cancel-authorization/.
func (s *AuthorizationService) Cancel(ctx context.Context, params CancelAuthorizationParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := cancelAuthorization(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// RefundService makes refunds in MidasPay's own words. It shares its operations with Client.Refunds, which guesses those words.
type RefundService struct{ s service }

// Create makes a refund once. Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
func (s *RefundService) Create(ctx context.Context, params RefundParams, opts ...payonce.CallOption) (*payonce.Result[CreatedRefund], error) {
	op, err := createOwnRefund(params)
	return adapter.Do[CreatedRefund](ctx, s.s.Service, op, err, opts)
}

// SubscriptionService makes and ends subscriptions.
type SubscriptionService struct{ s service }

// Create makes a subscription once. Unverified: its answer could not be read.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-subscribe/.
func (s *SubscriptionService) Create(ctx context.Context, params SubscriptionParams, opts ...payonce.CallOption) (*payonce.Result[Subscription], error) {
	op, err := s.s.d.subscribe(params)
	return adapter.Do[Subscription](ctx, s.s.Service, op, err, opts)
}

// Query reads up to 10 subscriptions by MidasPay's ids; those that don't exist are left out.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-query-subscription/.
func (s *SubscriptionService) Query(ctx context.Context, ids ...string) (*payonce.Result[SubscriptionList], error) {
	q := querySubscription("subscription_ids", object{"ids": ids})
	if len(ids) < 1 || len(ids) > 10 {
		var p adapter.Problems
		p.Add("ids", "must be 1 to 10, are %d", len(ids))
		return nil, s.s.Invalid(q.Kind, "", p.Err())
	}
	return get[SubscriptionList](ctx, s.s, q, ids...)
}

// QueryByReferenceID reads the subscription with that reference_id, which is Receipt.Key and not the operation's reference. It finds
// the id that Cancel needs. Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-query-subscription/.
func (s *SubscriptionService) QueryByReferenceID(ctx context.Context, referenceID string) (*payonce.Result[SubscriptionList], error) {
	return get[SubscriptionList](ctx, s.s, querySubscription(keyField, referenceID), referenceID)
}

// Cancel ends a subscription, by MidasPay's id only.
// Source: https://developer.midaspayment.com/docs/apis/v1/subscription/subscription-unsubscribe/.
func (s *SubscriptionService) Cancel(ctx context.Context, params CancelSubscriptionParams, opts ...payonce.CallOption) (*payonce.Result[CanceledSubscription], error) {
	op, err := unsubscribe(params)
	return adapter.Do[CanceledSubscription](ctx, s.s.Service, op, err, opts)
}

// MORService makes checkouts with MidasPay as the merchant of record.
type MORService struct{ s service }

// CreateSession makes a checkout session once. Unverified: its request and answer could not be read, so the answer is given as it is.
// Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
func (s *MORService) CreateSession(ctx context.Context, params MORSessionParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := createMORSession(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// CreateToken makes a checkout token. Nothing says that MidasPay dedupes it: it is never sent again once a byte may have arrived. A lost
// answer is looked up by its transaction; without one it stays in doubt, because a token may be paid later.
// Source: https://developer.midaspayment.com/docs/apis/payment/mor-create-token/.
func (s *MORService) CreateToken(ctx context.Context, params MORTokenParams, opts ...payonce.CallOption) (*payonce.Result[MORToken], error) {
	op, err := s.s.d.createMORToken(params)
	return adapter.Do[MORToken](ctx, s.s.Service, op, err, opts)
}

// GetTransaction reads the transaction of a token by the token's Reference.
// Source: https://developer.midaspayment.com/docs/apis/payment/mor-query-transaction/.
func (s *MORService) GetTransaction(ctx context.Context, externalID string) (*payonce.Result[MORTransaction], error) {
	return get[MORTransaction](ctx, s.s, queryTransaction(externalID), externalID)
}

// CardService binds cards.
type CardService struct{ s service }

// Create binds a card or makes a token of one, once. Unverified: its request and answer could not be read, so the answer is given as it
// is. Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/.
func (s *CardService) Create(ctx context.Context, params CardParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := createCard(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}
