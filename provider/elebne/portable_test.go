package elebne_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
)

func TestPaymentIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	params := order(elebne.Intent{AmountType: elebne.AmountOpen, SuccessURL: "https://shop.example/?a=1&b=2", CancelURL: "shop://cancel"})
	params.Metadata = map[string]string{"order": "12345"}
	params.NotAfter = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	op, err := newProvider(t).Portable().CreatePayment(params)
	require.NoError(t, err)
	const body = `{"amount":50000,"amountType":"OPEN","label":"2 shoes","metadata":{"order":"12345"%s},"success_url":"https://shop.example/?a=1&b=2","cancel_url":"shop://cancel"}`
	assert.Equal(t, fmt.Sprintf(body, ""), encode(t, op, 0), "what tells an operation from another has no reference")
	assert.Equal(t, fmt.Sprintf(body, `,"payonce_ref":"payment.create:1:order-12345"`), encode(t, op, 1))
	assert.Equal(t, fmt.Sprintf(body, `,"payonce_ref":"payment.create:2:order-12345"`), encode(t, op, 2))
	again, err := newProvider(t).Portable().CreatePayment(params)
	require.NoError(t, err)
	assert.Equal(t, encode(t, op, 1), encode(t, again, 1), "encoding is pure")
	op.Body, op.KeyedBody = nil, nil
	assert.Equal(t, payonce.Operation{Kind: "payment.create", Reference: "order-12345", Path: "/dev/intents", NotAfter: params.NotAfter}, op)
	assert.Equal(t, map[string]string{"order": "12345"}, params.Metadata, "the caller's map is not touched")

	op, err = newProvider(t, func(c *elebne.Config) { c.NoRef = true }).Portable().CreatePayment(params)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf(body, ""), encode(t, op, 1))
}

func TestTheMethodMayBeAPointerOrMissing(t *testing.T) {
	t.Parallel()
	var none *elebne.Intent
	for _, method := range []any{nil, elebne.Intent{}, &elebne.Intent{}, none, elebne.Intent{AmountType: elebne.AmountFixed}} {
		params := order(method)
		params.Description = ""
		op, err := newProvider(t).Portable().CreatePayment(params)
		require.NoError(t, err)
		assert.Equal(t, `{"amount":50000,"amountType":"FIXED"}`, encode(t, op, 0), "%T", method)
	}
}

func TestPaymentsThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 50 {
		many[strconv.Itoa(i)] = "x"
	}
	for want, change := range map[string]func(*payonce.PaymentParams){
		"Amount: must be at least 1 centime, is 0":                      func(p *payonce.PaymentParams) { p.Amount = mru(0) },
		"Amount: must be at least 1 centime, is -1":                     func(p *payonce.PaymentParams) { p.Amount = mru(-1) },
		`Amount: must be in MRU, is in "EUR"`:                           func(p *payonce.PaymentParams) { p.Amount.Currency = "EUR" },
		"Method: must be an elebne.Intent or nil, is a string":          func(p *payonce.PaymentParams) { p.Method = "card" },
		"AmountType: must be FIXED or OPEN":                             func(p *payonce.PaymentParams) { p.Method = elebne.Intent{AmountType: "ANY"} },
		"SuccessURL: is not a URL with a scheme":                        func(p *payonce.PaymentParams) { p.Method = elebne.Intent{SuccessURL: "shop.example"} },
		"CancelURL: is not a URL with a scheme":                         func(p *payonce.PaymentParams) { p.Method = elebne.Intent{CancelURL: "https://a b\x7f"} },
		"Description: must have at most 200 characters, has 201":        func(p *payonce.PaymentParams) { p.Description = strings.Repeat("é", 201) },
		"Metadata: must have at most 50 pairs, has 51 with payonce_ref": func(p *payonce.PaymentParams) { p.Metadata = many },
		"Metadata: has a key of 0 characters; 1 to 500 are taken":       func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"": "x"} },
		"Metadata: has a key of 501 characters":                         func(p *payonce.PaymentParams) { p.Metadata = map[string]string{strings.Repeat("k", 501): "x"} },
		"Metadata: has a value of 501 characters":                       func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"k": strings.Repeat("v", 501)} },
		"metadata: payonce_ref is set by the client":                    func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"payonce_ref": "x"} },
	} {
		params := order(nil)
		change(&params)
		_, err := newProvider(t).Portable().CreatePayment(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
	params := order(nil)
	params.Metadata, params.Description = many, strings.Repeat("é", 200)
	_, err := newProvider(t, func(c *elebne.Config) { c.NoRef = true }).Portable().CreatePayment(params)
	require.NoError(t, err, "at the bounds")
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newProvider(t, publishable).Portable().CreatePayment(payonce.PaymentParams{Method: elebne.Intent{AmountType: "ANY", CancelURL: "x"}})
	for _, want := range []string{"Amount: must be at least", "Amount: must be in MRU", "AmountType:", "CancelURL:", "SecretKey: is a publishable key"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestRefundIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	part := payonce.RefundParams{Reference: "rma-77", PaymentID: intentID, Amount: mru(20000), Reason: "1 of 3 items damaged", Metadata: map[string]string{"a": "b"}}
	op, err := p.Portable().CreateRefund(part)
	require.NoError(t, err)
	assert.Equal(t, `{"amount":20000,"reason":"customer_request","note":"1 of 3 items damaged"}`, encode(t, op, 1))
	assert.Equal(t, "/dev/intents/"+intentID+"/refund", op.Path)
	native, err := elebne.RefundOperation(p)(elebne.RefundParams{Reference: "rma-77", PaymentID: intentID, Amount: mru(20000), Note: "1 of 3 items damaged"})
	require.NoError(t, err)
	assert.Equal(t, op, native, "both are one operation")
	full, err := p.Portable().CreateRefund(payonce.RefundParams{Reference: "rma-78", PaymentID: intentID, Full: true})
	require.NoError(t, err)
	assert.Equal(t, `{"reason":"customer_request"}`, encode(t, full, 1), "no amount is everything")
	native, err = elebne.RefundOperation(p)(elebne.RefundParams{Reference: "rma-79", PaymentID: intentID, Full: true, Reason: elebne.ReasonProductDefective})
	require.NoError(t, err)
	assert.Equal(t, `{"reason":"product_defective"}`, encode(t, native, 1))
}

func TestAForgottenAmountNeverRefundsEverything(t *testing.T) {
	t.Parallel()
	for want, params := range map[string]payonce.RefundParams{
		"Amount: must be at least 1 centime, is 0":    {PaymentID: intentID},
		"Amount: must be at least 1 centime, is -5":   {PaymentID: intentID, Amount: mru(-5)},
		`Amount: must be in MRU, is in "USD"`:         {PaymentID: intentID, Amount: payonce.Amount{Minor: 5, Currency: "USD"}},
		"Full: and Amount exclude each other":         {PaymentID: intentID, Amount: mru(5), Full: true},
		"PaymentID: is required":                      {Full: true},
		"PaymentID: is not an id of the provider's":   {PaymentID: "../intents", Full: true},
		"PaymentID: is not an id of the provider's: ": {PaymentID: "PI-1/cancel", Full: true},
	} {
		_, err := newProvider(t).Portable().CreateRefund(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
}

func TestCancelHasNoBody(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	op, err := p.CancelPayment(payonce.CancelParams{PaymentID: intentID})
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{Kind: "payment.cancel", Reference: intentID, Path: "/dev/intents/" + intentID + "/cancel"}, op)
	op, err = p.CancelPayment(payonce.CancelParams{PaymentID: intentID, Reference: "c-1"})
	require.NoError(t, err)
	assert.Equal(t, "c-1", op.Reference)
	_, err = p.CancelPayment(payonce.CancelParams{PaymentID: "a/b"})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestReadsAndWhatThereIsNot(t *testing.T) {
	t.Parallel()
	p := newProvider(t).Portable()
	assert.Equal(t, payonce.Query{Kind: "payment.get", Path: "/dev/intents/PI-1"}, p.GetPayment("PI-1"))
	assert.Equal(t, "/dev/intents/..%2Fx", p.GetPayment("../x").Path)
	check := p.Check()
	assert.Equal(t, payonce.Query{Kind: "check", Path: "/dev/intents"}, check)
	assert.Empty(t, check.Method, "a GET has no effect")
	assert.Nil(t, p.CapturePayment)
	assert.Nil(t, p.GetRefund)
	assert.Nil(t, p.ListRefunds)
	assert.Nil(t, p.Refunds)
}

// write is one native write, made of an operation's parameters.
type write func(*elebne.Provider) (payonce.Operation, error)

func nativeWrites() map[string]struct {
	write      write
	kind, line string
} {
	yes := true
	return map[string]struct {
		write      write
		kind, line string
	}{
		"simulate": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.Simulate(p)(elebne.SimulateParams{PaymentID: intentID, Reference: "r"})
		}, "elebne.intent.simulate", "POST /dev/intents/" + intentID + "/simulate-payment "},
		"create a product": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.CreateProduct(p)(elebne.CreateProductParams{Reference: "r", Product: elebne.Product{
				Name: "Thieb", Price: 25000, Description: "rice & fish", CategoryID: "c", ExternalID: "THIEB-001", Quantity: elebne.Unlimited(),
				Status: elebne.ProductActive, FlexiblePrice: &yes, CostBasis: 9000, Images: []elebne.Image{{URL: "https://i.example/1"}},
				Variants: []elebne.Variant{{Type: elebne.VariantSize, Label: "L", Value: "l", PriceAdjustment: -500, Quantity: elebne.Pieces(0)}},
				Options:  []elebne.ProductOption{{Name: "spicy"}}, PreparationTime: elebne.PreparationTime{Value: 20, Unit: elebne.Minutes},
			}})
		}, "elebne.product.create", `POST /dev/store/products {"name":"Thieb","price":25000,"description":"rice & fish","categoryId":"c","externalId":"THIEB-001","quantity":null,` +
			`"status":"ACTIVE","isFlexiblePrice":true,"costBasis":9000,"images":[{"url":"https://i.example/1"}],` +
			`"variants":[{"type":"SIZE","label":"L","value":"l","priceAdjustment":-500,"quantity":0}],"options":[{"name":"spicy","priceAdjustment":0}],` +
			`"preparationTime":{"value":20,"unit":"minutes"}}`},
		"create a plain product": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.CreateProduct(p)(elebne.CreateProductParams{Reference: "r", Product: elebne.Product{Name: "Tea", Price: 1}})
		}, "elebne.product.create", `POST /dev/store/products {"name":"Tea","price":1}`},
		"update a product": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.UpdateProduct(p)(elebne.UpdateProductParams{Reference: "r", ProductID: "p-1", Product: elebne.Product{Price: 2, Quantity: elebne.Pieces(5)}})
		}, "elebne.product.update", `PUT /dev/store/products/p-1 {"price":2,"quantity":5}`},
		"delete a product": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.DeleteProduct(p)(elebne.DeleteProductParams{Reference: "r", ProductID: "p-1"})
		}, "elebne.product.delete", "DELETE /dev/store/products/p-1 "},
		"set a stock": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.SetStock(p)(elebne.StockParams{Reference: "r", ProductID: "SKU 1", Quantity: elebne.Pieces(0), Variants: []elebne.VariantStock{{Label: "L", Quantity: elebne.Unlimited()}}})
		}, "elebne.stock.set", `PATCH /dev/store/products/SKU%201/stock {"quantity":0,"variants":[{"label":"L","quantity":null}]}`},
		"set a stock of variants": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.SetStock(p)(elebne.StockParams{Reference: "r", ProductID: "p-1", Variants: []elebne.VariantStock{{Label: "L", Quantity: elebne.Pieces(3)}}})
		}, "elebne.stock.set", `PATCH /dev/store/products/p-1/stock {"variants":[{"label":"L","quantity":3}]}`},
		"set the stock of a variant": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.SetVariantStock(p)(elebne.VariantStockParams{Reference: "r", ProductID: "p-1", VariantID: "v-1", Quantity: elebne.Pieces(7)})
		}, "elebne.variant_stock.set", `PATCH /dev/store/products/p-1/variants/v-1/stock {"quantity":7}`},
		"import": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.ImportCSV(p)(elebne.ImportParams{Reference: "r", CSV: []byte("name,price\r\nTea,500.00\n")})
		}, "elebne.product.import", "POST /dev/store/products/import-csv name,price\r\nTea,500.00\n"},
		"create an endpoint": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.CreateEndpoint(p)(elebne.CreateEndpointParams{Reference: "r", URL: "https://shop.example/hooks?a=1&b=2", Events: []elebne.EventType{elebne.EventPaymentConfirmed, "order.new"}})
		}, "elebne.webhook_endpoint.create", `POST /dev/webhooks/endpoints {"url":"https://shop.example/hooks?a=1&b=2","events":["payment.confirmed","order.new"]}`},
		"update an endpoint": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.UpdateEndpoint(p)(elebne.UpdateEndpointParams{Reference: "r", EndpointID: "e-1", Active: &yes})
		}, "elebne.webhook_endpoint.update", `PUT /dev/webhooks/endpoints/e-1 {"active":true}`},
		"delete an endpoint": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.DeleteEndpoint(p)(elebne.EndpointParams{Reference: "r", EndpointID: "e-1"})
		}, "elebne.webhook_endpoint.delete", "DELETE /dev/webhooks/endpoints/e-1 "},
		"test an endpoint": {func(p *elebne.Provider) (payonce.Operation, error) {
			return elebne.TestEndpoint(p)(elebne.EndpointParams{Reference: "r", EndpointID: "e-1"})
		}, "elebne.webhook_endpoint.test", "POST /dev/webhooks/endpoints/e-1/test "},
	}
}

func TestNativeWritesAreEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	for name, tc := range nativeWrites() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, err := tc.write(newProvider(t))
			require.NoError(t, err)
			method := op.Method
			if method == "" {
				method = http.MethodPost
			}
			assert.Equal(t, tc.line, method+" "+op.Path+" "+encode(t, op, 1))
			assert.Equal(t, tc.kind, op.Kind)
			assert.Equal(t, "r", op.Reference)
			assert.Equal(t, payonce.ReplayKeyed, op.Replay)
			assert.Equal(t, requestOf(op.Kind, "").EmptyOK, op.EmptyOK)
			if name == "import" {
				assert.Equal(t, http.Header{"Content-Type": {"text/csv"}}, op.Header)
			} else {
				assert.Empty(t, op.Header)
			}
			_, err = tc.write(newProvider(t, publishable))
			require.ErrorIs(t, err, payonce.ErrInvalid)
			assert.ErrorContains(t, err, "SecretKey: is a publishable key")
		})
	}
}

func TestSimulationIsForTheSandbox(t *testing.T) {
	t.Parallel()
	_, err := elebne.Simulate(newProvider(t, live))(elebne.SimulateParams{PaymentID: intentID})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	require.ErrorContains(t, err, "SecretKey: is for live; payments are simulated in the sandbox only")
	op, err := elebne.Simulate(newProvider(t))(elebne.SimulateParams{PaymentID: intentID})
	require.NoError(t, err)
	assert.Equal(t, intentID, op.Reference)
}

func TestNativeWritesThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	product := func(pr elebne.Product) error {
		_, err := elebne.UpdateProduct(p)(elebne.UpdateProductParams{ProductID: "p", Product: pr})
		return err
	}
	stock := func(s elebne.StockParams) error { _, err := elebne.SetStock(p)(s); return err }
	variant := func(v ...elebne.VariantStock) error { return stock(elebne.StockParams{ProductID: "p", Variants: v}) }
	create := func(pr elebne.Product) error {
		_, err := elebne.CreateProduct(p)(elebne.CreateProductParams{Product: pr})
		return err
	}
	endpoint := func(e elebne.CreateEndpointParams) error { _, err := elebne.CreateEndpoint(p)(e); return err }
	update := func(e elebne.UpdateEndpointParams) error { _, err := elebne.UpdateEndpoint(p)(e); return err }
	erase := func(id string) error {
		_, err := elebne.DeleteEndpoint(p)(elebne.EndpointParams{EndpointID: id})
		return err
	}
	remove := func(id string) error {
		_, err := elebne.DeleteProduct(p)(elebne.DeleteProductParams{ProductID: id})
		return err
	}
	one := elebne.Pieces(1)
	for want, err := range map[string]error{
		"Product.Name: is required":                                  create(elebne.Product{Price: 1}),
		"Product.Price: is required":                                 create(elebne.Product{Name: "x"}),
		"Product.Price: must be at least 1 centime":                  product(elebne.Product{Price: -1}),
		"Product.ID: is Elebne's to give":                            product(elebne.Product{ID: "p"}),
		"Product.CostBasis: must not be negative":                    product(elebne.Product{CostBasis: -1}),
		"Product.ExternalID: must have at most 256":                  product(elebne.Product{ExternalID: strings.Repeat("x", 257)}),
		"Product.Status: must be ACTIVE or DISABLED":                 product(elebne.Product{Status: "ON"}),
		"Product.Quantity: must not be negative":                     product(elebne.Product{Quantity: elebne.Pieces(-1)}),
		"Product.Images.URL: is required":                            product(elebne.Product{Images: []elebne.Image{{}}}),
		"Product.Variants.Type: is required":                         product(elebne.Product{Variants: []elebne.Variant{{Label: "L"}}}),
		"Product.Variants.Label: is required":                        product(elebne.Product{Variants: []elebne.Variant{{Type: "SIZE"}}}),
		"Product.Variants.Quantity: must not":                        product(elebne.Product{Variants: []elebne.Variant{{Quantity: elebne.Pieces(-1)}}}),
		"Product.Options.Name: is required":                          product(elebne.Product{Options: []elebne.ProductOption{{}}}),
		"Product.PreparationTime.Unit: must be minutes":              product(elebne.Product{PreparationTime: elebne.PreparationTime{Value: 1}}),
		"Product.PreparationTime.Value: must not be":                 product(elebne.Product{PreparationTime: elebne.PreparationTime{Value: -1, Unit: elebne.Days}}),
		"ProductID: is required":                                     stock(elebne.StockParams{Quantity: one}),
		"ProductID: can't be a part of a path: it has":               stock(elebne.StockParams{ProductID: "a/b", Quantity: one}),
		"ProductID: can't be a part of a path: ":                     stock(elebne.StockParams{ProductID: "..", Quantity: one}),
		`ProductID: can't be a part of a path: it has a`:             stock(elebne.StockParams{ProductID: "a%2fb", Quantity: one}),
		`ProductID: can't be a part of a path: it has a control cha`: stock(elebne.StockParams{ProductID: "a\n", Quantity: one}),
		"ProductID: must have at most 256 characters":                stock(elebne.StockParams{ProductID: strings.Repeat("x", 257), Quantity: one}),
		"Quantity: is required, or Variants":                         stock(elebne.StockParams{ProductID: "p"}),
		"Quantity: must not be negative, is -1":                      stock(elebne.StockParams{ProductID: "p", Quantity: elebne.Pieces(-1)}),
		"Variants.Label: is required":                                variant(elebne.VariantStock{Quantity: one}),
		"Variants.Quantity: is required":                             variant(elebne.VariantStock{Label: "L"}),
		"Variants: has a label twice":                                variant(elebne.VariantStock{Label: "L", Quantity: one}, elebne.VariantStock{Label: "l", Quantity: one}),
		"CSV: is required":                                           func() error { _, err := elebne.ImportCSV(p)(elebne.ImportParams{CSV: []byte(" \n")}); return err }(),
		"VariantID: is required": func() error {
			_, err := elebne.SetVariantStock(p)(elebne.VariantStockParams{ProductID: "p", Quantity: one})
			return err
		}(),
		"URL: is required":                                 endpoint(elebne.CreateEndpointParams{Events: []elebne.EventType{"a"}}),
		"URL: is not a URL such as":                        endpoint(elebne.CreateEndpointParams{URL: "shop.example", Events: []elebne.EventType{"a"}}),
		"URL: is not a URL such as https":                  endpoint(elebne.CreateEndpointParams{URL: "ftp://shop.example", Events: []elebne.EventType{"a"}}),
		"Events: is required":                              endpoint(elebne.CreateEndpointParams{URL: "https://shop.example"}),
		"Events: has an empty name":                        endpoint(elebne.CreateEndpointParams{URL: "https://shop.example", Events: []elebne.EventType{""}}),
		"URL: is required, or Events, or Active":           update(elebne.UpdateEndpointParams{EndpointID: "e"}),
		"EndpointID: is required":                          update(elebne.UpdateEndpointParams{URL: "https://shop.example"}),
		"EndpointID: is not an id of the provider's":       erase("e/1"),
		"ProductID: is not an id of the provider's: lette": remove("p/1"),
	} {
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
}
