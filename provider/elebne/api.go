package elebne

import (
	"context"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// API is what Elebne offers beyond the portable services, with the same promises: every write is an operation with a reference of the
// merchant's own. Make it with Provider.API. Endpoints that were not readable, such as bulk inventory, go through payonce.Do.
type API struct {
	Intents          *IntentService
	Products         *ProductService
	Orders           *OrderService
	WebhookEndpoints *WebhookEndpointService
}

// API returns the native services over a client, which must have been made with this provider.
func (p *Provider) API(c *payonce.Client) *API {
	s := service{p.d, adapter.Service{Client: c, Account: p.d.account}}
	return &API{&IntentService{s}, &ProductService{s}, &OrderService{s}, &WebhookEndpointService{s}}
}

type service struct {
	d *dialect
	adapter.Service
}

// do makes a write and takes its answer out of the envelope.
func do[T any](ctx context.Context, s service, op payonce.Operation, err error, opts []payonce.CallOption) (*payonce.Result[T], error) {
	return open(adapter.Do[envelope[T]](ctx, s.Service, op, err, opts))
}

// get makes a read and takes its answer out of the envelope.
func get[T any](ctx context.Context, s service, q payonce.Query, ids ...string) (*payonce.Result[T], error) {
	return open(adapter.Get[envelope[T]](ctx, s.Service, q, ids...))
}

// list makes a read whose parameters may be wrong.
func list[T any](ctx context.Context, s service, q payonce.Query, err error) (*payonce.Result[List[T]], error) {
	if err != nil {
		return nil, s.Invalid(q.Kind, "", err)
	}
	return adapter.Get[List[T]](ctx, s.Service, q)
}

// IntentService makes intents with the full native answers. It shares its operations with Client.Payments and Client.Refunds: the same
// reference is the same intent or refund, whichever of the two made it.
type IntentService struct{ s service }

// Create makes an intent once. Method is an Intent or nil. Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
func (s *IntentService) Create(ctx context.Context, params payonce.PaymentParams, opts ...payonce.CallOption) (*payonce.Result[PaymentIntent], error) {
	op, err := s.s.d.createPayment(params)
	return do[PaymentIntent](ctx, s.s, op, err, opts)
}

// Get reads an intent. Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
func (s *IntentService) Get(ctx context.Context, id string) (*payonce.Result[PaymentIntent], error) {
	return get[PaymentIntent](ctx, s.s, getPayment(id), id)
}

// List reads a page of intents. Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
func (s *IntentService) List(ctx context.Context, params ListIntentsParams) (*payonce.Result[IntentList], error) {
	q, err := params.query()
	return list[PaymentIntent](ctx, s.s, q, err)
}

// Cancel cancels an intent that is not paid yet, once. The answer is not documented: fields that it lacks are zero.
// Source: https://docs.staging.elebne.ai/en/docs/pay-api/payment-intents.
func (s *IntentService) Cancel(ctx context.Context, params payonce.CancelParams, opts ...payonce.CallOption) (*payonce.Result[PaymentIntent], error) {
	op, err := s.s.d.cancelPayment(params)
	return do[PaymentIntent](ctx, s.s, op, err, opts)
}

// Refund makes a refund once. Source: https://docs.staging.elebne.ai/en/docs/pay-api/refunds.
func (s *IntentService) Refund(ctx context.Context, params RefundParams, opts ...payonce.CallOption) (*payonce.Result[Refund], error) {
	op, err := s.s.d.refund(params)
	return do[Refund](ctx, s.s, op, err, opts)
}

// SimulatePayment completes or fails an intent of the sandbox, once. The answer is not documented: fields that it lacks are zero.
// Source: https://docs.staging.elebne.ai/docs/getting-started/sandbox.
func (s *IntentService) SimulatePayment(ctx context.Context, params SimulateParams, opts ...payonce.CallOption) (*payonce.Result[PaymentIntent], error) {
	op, err := s.s.d.simulatePayment(params)
	return do[PaymentIntent](ctx, s.s, op, err, opts)
}

// ProductService keeps the merchant's store.
type ProductService struct{ s service }

// Create makes a product once. Source: https://docs.staging.elebne.ai/en/docs/store-api/products.
func (s *ProductService) Create(ctx context.Context, params CreateProductParams, opts ...payonce.CallOption) (*payonce.Result[Product], error) {
	op, err := s.s.d.createProduct(params)
	return do[Product](ctx, s.s, op, err, opts)
}

// Update changes a product once. Source: https://docs.staging.elebne.ai/en/docs/store-api/products.
func (s *ProductService) Update(ctx context.Context, params UpdateProductParams, opts ...payonce.CallOption) (*payonce.Result[Product], error) {
	op, err := s.s.d.updateProduct(params)
	return do[Product](ctx, s.s, op, err, opts)
}

// Delete deletes a product once. The answer is not documented and is as received.
// Source: https://docs.staging.elebne.ai/en/docs/reference/idempotency.
func (s *ProductService) Delete(ctx context.Context, params DeleteProductParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := s.s.d.deleteProduct(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// SetStock sets the stock of a product and of its variants, once. Source: https://docs.staging.elebne.ai/docs/store-api/inventory.
func (s *ProductService) SetStock(ctx context.Context, params StockParams, opts ...payonce.CallOption) (*payonce.Result[Product], error) {
	op, err := s.s.d.setStock(params)
	return do[Product](ctx, s.s, op, err, opts)
}

// SetVariantStock sets the stock of one variant, once, by the other of the two documented paths. The answer is not documented and is
// as received. Source: https://docs.staging.elebne.ai/en/docs/reference/idempotency.
func (s *ProductService) SetVariantStock(ctx context.Context, params VariantStockParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := s.s.d.setVariantStock(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// ImportCSV imports products from a file, once. The answer is not documented and is as received.
// Sources: https://docs.staging.elebne.ai/en/docs/store-api/csv-import and /en/docs/reference/idempotency.
func (s *ProductService) ImportCSV(ctx context.Context, params ImportParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := s.s.d.importCSV(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// CSVTemplate reads the file to fill in for ImportCSV. Source: https://docs.staging.elebne.ai/en/docs/store-api/csv-import.
func (s *ProductService) CSVTemplate(ctx context.Context) (*payonce.Result[CSVTemplate], error) {
	return get[CSVTemplate](ctx, s.s, payonce.Query{Kind: kindGetTemplate, Path: products + "/import/template"})
}

// OrderService reads the orders of the merchant's store.
type OrderService struct{ s service }

// List reads a page of orders. Source: https://docs.staging.elebne.ai/en/docs/store-api/orders.
func (s *OrderService) List(ctx context.Context, params ListOrdersParams) (*payonce.Result[OrderList], error) {
	q, err := params.query()
	return list[Order](ctx, s.s, q, err)
}

// Get reads an order by its reference number or Elebne's internal id. Source: https://docs.staging.elebne.ai/en/docs/store-api/orders.
func (s *OrderService) Get(ctx context.Context, id string) (*payonce.Result[Order], error) {
	return get[Order](ctx, s.s, payonce.Query{Kind: kindGetOrder, Path: under(orders, id, "")}, id)
}

// WebhookEndpointService keeps the endpoints that webhooks are sent to.
type WebhookEndpointService struct{ s service }

// Create makes an endpoint once; of the five that a business may have, a repeat takes none.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/webhooks.
func (s *WebhookEndpointService) Create(ctx context.Context, params CreateEndpointParams, opts ...payonce.CallOption) (*payonce.Result[WebhookEndpoint], error) {
	op, err := s.s.d.createEndpoint(params)
	return do[WebhookEndpoint](ctx, s.s, op, err, opts)
}

// Update changes an endpoint once. The answer is not documented: fields that it lacks are zero.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/webhooks.
func (s *WebhookEndpointService) Update(ctx context.Context, params UpdateEndpointParams, opts ...payonce.CallOption) (*payonce.Result[WebhookEndpoint], error) {
	op, err := s.s.d.updateEndpoint(params)
	return do[WebhookEndpoint](ctx, s.s, op, err, opts)
}

// Delete deletes an endpoint once. The answer is not documented and is as received.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/webhooks.
func (s *WebhookEndpointService) Delete(ctx context.Context, params EndpointParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := s.s.d.deleteEndpoint(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}

// Test has a test delivery sent to an endpoint, once; at most 5 a minute. The answer is not documented and is as received.
// Source: https://docs.staging.elebne.ai/en/docs/getting-started/webhooks.
func (s *WebhookEndpointService) Test(ctx context.Context, params EndpointParams, opts ...payonce.CallOption) (*payonce.Result[payonce.Raw], error) {
	op, err := s.s.d.testEndpoint(params)
	return adapter.Do[payonce.Raw](ctx, s.s.Service, op, err, opts)
}
