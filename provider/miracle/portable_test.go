package miracle_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

func TestAPaymentIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	m := card()
	m.CaptureMethod = miracle.CaptureManual
	params := order(m)
	params.Metadata, params.Description = map[string]string{"cart": "7 < 8"}, "2 shoes"
	params.NotAfter = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	op, err := newProvider(t).Portable().CreatePayment(params)
	require.NoError(t, err)
	const head = `{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-12345","captureMethod":"manual",` +
		`"paymentMethod":{"token":"tok_xxx","type":"card"},"metadata":{"cart":"7 < 8"`
	assert.Equal(t, head+`}}`, encode(t, op, 0), "what tells an operation from another has no reference")
	assert.Equal(t, head+`,"payonce_ref":"payment.create:1:order-12345"}}`, encode(t, op, 1))
	assert.Equal(t, head+`,"payonce_ref":"payment.create:2:order-12345"}}`, encode(t, op, 2))
	first := encode(t, op, 1)
	assert.Equal(t, first, encode(t, op, 1), "encoding is pure")
	assert.Equal(t, map[string]string{"cart": "7 < 8"}, params.Metadata, "the caller's map is not touched")
	assert.Equal(t, payonce.Operation{
		Kind: "payment.create", Reference: "order-12345", Path: "/v1/payments", NotAfter: params.NotAfter,
	}, without(op))

	op, err = newProvider(t, func(c *miracle.Config) { c.NoRef = true }).Portable().CreatePayment(order(nil))
	require.NoError(t, err)
	assert.Equal(t, `{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-12345"}`, encode(t, op, 1))
}

// without leaves out the body, which is a function.
func without(op payonce.Operation) payonce.Operation {
	op.Body, op.KeyedBody = nil, nil
	return op
}

func TestEveryMethodIsEncoded(t *testing.T) {
	t.Parallel()
	for want, method := range map[string]any{
		``: nil,
		`"paymentMethod":{"token":"tok_xxx","type":"card"},`:                   card(),
		`"paymentMethod":{"type":"bank_transfer"},`:                            &miracle.Method{Type: miracle.BankTransfer},
		`"paymentMethod":{"token":"t","type":"wallet"},`:                       miracle.Method{Type: miracle.Wallet, Token: "t"},
		`"paymentMethod":{"token":"t","type":"google_pay"},`:                   miracle.Method{Type: miracle.GooglePay, Token: "t"},
		`"paymentMethod":{"type":"bnpl"},`:                                     miracle.Method{Type: miracle.BNPL},
		`"paymentMethod":{"bank":{"id":12345678901234567890},"type":"local"},`: miracle.Method{Type: miracle.Local, Fields: payonce.Raw(`{"bank": {"id": 12345678901234567890}}`)},
		`"paymentMethod":{"type":"cash"},`:                                     miracle.Method{Type: miracle.Cash, Fields: payonce.Raw(`{}`)},
		`"paymentMethod":{"type":"qr"},`:                                       miracle.Method{Type: miracle.QR},
		`"paymentMethod":{"token":"t","type":"agent_token"},`:                  miracle.Method{Type: miracle.AgentToken, Token: "t"},
		`"captureMethod":"automatic",`:                                         miracle.Method{CaptureMethod: miracle.CaptureAutomatic},
	} {
		op, err := newProvider(t).Portable().CreatePayment(order(method))
		require.NoError(t, err, want)
		body := strings.NewReplacer(
			`{"amount":{"currency":"USD","valueMinor":5000},"merchantReference":"order-12345",`, "", `"metadata":{"payonce_ref":"payment.create:1:order-12345"}}`, "",
		).Replace(encode(t, op, 1))
		assert.Equal(t, want, body)
	}
}

func TestPaymentsThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	with := func(m miracle.Method) func(*payonce.PaymentParams) {
		return func(p *payonce.PaymentParams) { p.Method = m }
	}
	for want, change := range map[string]func(*payonce.PaymentParams){
		"Reference: is required":                               func(p *payonce.PaymentParams) { p.Reference = "" },
		"Amount: must be at least 1 minor unit, is 0":          func(p *payonce.PaymentParams) { p.Amount.Minor = 0 },
		"Amount: must be at least 1 minor unit, is -5":         func(p *payonce.PaymentParams) { p.Amount.Minor = -5 },
		"Amount: currency must be a three-letter ISO 4217":     func(p *payonce.PaymentParams) { p.Amount.Currency = "usd" },
		"Method: must be a miracle.Method or nil, is string":   func(p *payonce.PaymentParams) { p.Method = "canary" },
		"or nil, is *miracle.Method":                           func(p *payonce.PaymentParams) { p.Method = (*miracle.Method)(nil) },
		"Method.Type: is required with a token or fields":      with(miracle.Method{Token: "canary"}),
		"Method.Type: is required with a token":                with(miracle.Method{Fields: payonce.Raw(`{"canary":1}`)}),
		"Method.Type: must be one of agent_token, bank_transf": with(miracle.Method{Type: "canary"}),
		"Method.CaptureMethod: must be one of automatic, manu": with(miracle.Method{CaptureMethod: "canary"}),
		"Method.Fields: must be a JSON object":                 with(miracle.Method{Type: miracle.QR, Fields: payonce.Raw(`["canary"]`)}),
		"Method.Fields: must be a JSON obj":                    with(miracle.Method{Type: miracle.QR, Fields: payonce.Raw(`null`)}),
		"Method.Fields: must be a JSON o":                      with(miracle.Method{Type: miracle.QR, Fields: payonce.Raw(`{"canary"`)}),
		"Method.Fields: must not have type":                    with(miracle.Method{Type: miracle.QR, Fields: payonce.Raw(`{"type":"canary"}`)}),
		"Method.Fields: must not have token":                   with(miracle.Method{Type: miracle.QR, Fields: payonce.Raw(`{"token":"canary"}`)}),
		"metadata: payonce_ref is set by the client":           func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"payonce_ref": "canary"} },
	} {
		params := order(card())
		change(&params)
		_, err := newProvider(t).Portable().CreatePayment(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := newProvider(t).Portable().CreatePayment(payonce.PaymentParams{Method: 1})
	for _, field := range []string{"Reference", "Amount", "Method"} {
		assert.ErrorContains(t, err, field+": ", "all mistakes are reported at once")
	}
}

func TestARefundIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	create := newProvider(t).Portable().CreateRefund
	params := payonce.RefundParams{
		Reference: "rma-77", PaymentID: "pay_abc123", Amount: payonce.Amount{Minor: 5, Currency: "JPY"}, Reason: "too small",
		Metadata: map[string]string{"desk": "4"},
	}
	op, err := create(params)
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{Kind: "refund.create", Reference: "rma-77", Path: "/v1/payments/pay_abc123/refund"}, without(op), "singular")
	assert.Equal(t, `{"amount":{"currency":"JPY","valueMinor":5},"reason":"too small","merchantReference":"rma-77","metadata":{"desk":"4","payonce_ref":"refund.create:1:rma-77"}}`, encode(t, op, 1))
	op, err = create(payonce.RefundParams{Reference: "rma-77", PaymentID: "p-1", Full: true})
	require.NoError(t, err)
	assert.Equal(t, `{"merchantReference":"rma-77"}`, encode(t, op, 0), "everything that is left, because it was said")

	for want, change := range map[string]func(*payonce.RefundParams){
		"Amount: must be at least 1 minor unit, is 0": func(p *payonce.RefundParams) { p.Amount = payonce.Amount{} },
		"Full: and Amount exclude each other":         func(p *payonce.RefundParams) { p.Full = true },
		"Amount: must be at least 1 minor unit, is -": func(p *payonce.RefundParams) { p.Amount.Minor = -1 },
		"Amount: currency must be":                    func(p *payonce.RefundParams) { p.Amount.Currency = "" },
		"Reference: is required":                      func(p *payonce.RefundParams) { p.Reference = "" },
		"PaymentID: is required":                      func(p *payonce.RefundParams) { p.PaymentID = "" },
		"PaymentID: is not an id":                     func(p *payonce.RefundParams) { p.PaymentID = "../refunds" },
		"metadata: payonce_ref is set":                func(p *payonce.RefundParams) { p.Metadata = map[string]string{"payonce_ref": "x"} },
	} {
		params := params
		params.Metadata = maps.Clone(params.Metadata)
		change(&params)
		_, err := create(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
}

func TestCaptureAndCancelHaveNoBody(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	op, err := portable.CapturePayment(payonce.CaptureParams{PaymentID: "pay_1"})
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{Kind: "payment.capture", Reference: "pay_1", Path: "/v1/payments/pay_1/capture"}, op)
	op, err = portable.CancelPayment(payonce.CancelParams{PaymentID: "pay_1", Reference: "void-1"})
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{Kind: "payment.cancel", Reference: "void-1", Path: "/v1/payments/pay_1/cancel"}, op)
}

func TestReadsAreEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	assert.Equal(t, payonce.Query{Kind: "payment.get", Path: "/v1/payments/pay_1"}, portable.GetPayment("pay_1"))
	assert.Equal(t, payonce.Query{Kind: "refund.get", Path: "/v1/refunds/ref_1"}, portable.GetRefund("pay_1", "ref_1"))
	assert.Equal(t, payonce.Query{Kind: "refund.list", Path: "/v1/payments/pay_1/refunds"}, portable.ListRefunds("pay_1", ""))
	assert.Equal(t, payonce.Query{Kind: "refund.list", Path: "/v1/payments/pay_1/refunds?cursor=a%26b"}, portable.ListRefunds("pay_1", "a&b"))
	assert.Equal(t, payonce.Query{Kind: "check", Path: "/v1/payments"}, portable.Check())
	no := false
	assert.Equal(t, "/v1/payments", miracle.ListPayments(miracle.PaymentFilter{}, "").Path)
	assert.Equal(t, "/v1/payments?cursor=c&livemode=false&merchantId=m&status=failed", miracle.ListPayments(miracle.PaymentFilter{MerchantID: "m", Status: miracle.PaymentFailed, Livemode: &no}, "c").Path)
}

func TestNoIDLeadsToAnotherPath(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	for _, id := range []string{"", ".", "..", "a/b", "../payouts/x", "a?b", "a#b", "a b", "a\r\nb", "ü", "%2e%2e", strings.Repeat("a", 101)} {
		for path, elements := range map[string]int{
			portable.GetPayment(id).Path: 4, portable.GetRefund("p", id).Path: 4, portable.ListRefunds(id, "").Path: 5,
		} {
			segments := strings.Split(path, "/")
			assert.Len(t, segments, elements, path)
			assert.NotContains(t, segments[1:], "", path)
			assert.NotContains(t, segments, ".", path)
			assert.NotContains(t, segments, "..", path)
			assert.NotContains(t, path, "?")
			assert.NotContains(t, path, "#")
		}
		for name, encode := range map[string]func() (payonce.Operation, error){
			"capture": func() (payonce.Operation, error) {
				return portable.CapturePayment(payonce.CaptureParams{PaymentID: id})
			},
			"cancel": func() (payonce.Operation, error) { return portable.CancelPayment(payonce.CancelParams{PaymentID: id}) },
			"complete": func() (payonce.Operation, error) {
				return miracle.CompleteAction(miracle.CompleteActionParams{PaymentID: id, CRes: "c"})
			},
			"delete": func() (payonce.Operation, error) {
				return miracle.DeleteEndpoint(miracle.WebhookEndpointChange{EndpointID: id})
			},
			"rotate": func() (payonce.Operation, error) {
				return miracle.RotateSecret(miracle.WebhookEndpointChange{EndpointID: id})
			},
		} {
			_, err := encode()
			require.ErrorIs(t, err, payonce.ErrInvalid, "%s of %q", name, id)
		}
	}
}

func TestACompletedActionIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	for want, params := range map[string]miracle.CompleteActionParams{
		`{"redirectResult":"r"}`:            {RedirectResult: "r"},
		`{"cres":"c"}`:                      {CRes: "c"},
		`{"redirectResult":"r","cres":"c"}`: {RedirectResult: "r", CRes: "c"},
		`{"md":"m","paRes":"p"}`:            {MD: "m", PaRes: "p"},
	} {
		params.PaymentID = "pay_1"
		op, err := miracle.CompleteAction(params)
		require.NoError(t, err)
		assert.Equal(t, want, encode(t, op, 1))
		assert.Equal(t, payonce.Operation{Kind: "miracle.payment.complete_action", Reference: "pay_1", Path: "/v1/payments/pay_1/complete-action"}, without(op))
	}
	for want, params := range map[string]miracle.CompleteActionParams{
		"RedirectResult: is required, or CRes, or MD": {},
		"MD: and PaRes belong together":               {MD: "m"},
		"MD: and PaRes belong":                        {PaRes: "p"},
		"RedirectResult: and CRes exclude MD and Pa":  {CRes: "c", MD: "m", PaRes: "p"},
	} {
		params.PaymentID = "pay_1"
		_, err := miracle.CompleteAction(params)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		assert.ErrorContains(t, err, want)
	}
}

// basket is the sample of the guide.
func basket() miracle.SessionParams {
	return miracle.SessionParams{
		Reference: "order-1234", Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, SuccessURL: "https://shop.example/success", CancelURL: "https://shop.example/cancel",
		LineItems: []miracle.LineItem{{Label: "Blue T-Shirt", UnitAmount: miracle.Money{Currency: "USD", ValueMinor: 2500}, Quantity: 2}},
	}
}

func TestASessionIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	op, err := miracle.CreateHPPSession(basket())
	require.NoError(t, err)
	assert.Equal(t, `{"amount":{"currency":"USD","valueMinor":5000},"lineItems":[{"label":"Blue T-Shirt","unitAmount":{"currency":"USD","valueMinor":2500},"quantity":2}],`+
		`"merchantReference":"order-1234","successUrl":"https://shop.example/success","cancelUrl":"https://shop.example/cancel"}`, encode(t, op, 1))
	assert.Equal(t, payonce.Operation{Kind: "miracle.hpp_session.create", Reference: "order-1234", Path: "/v1/hpp/sessions"}, without(op))

	params := basket()
	params.ReturnURL, params.CaptureMethod = "https://shop.example/return", miracle.CaptureManual
	params.LineItems[0].TaxRate, params.LineItems[0].TaxAmount, params.LineItems[0].ID = "7.5", miracle.Money{Currency: "USD", ValueMinor: 1}, "l-1"
	op, err = miracle.CreateCheckoutSession(params)
	require.NoError(t, err)
	assert.Equal(t, "/v1/checkout-sessions", op.Path)
	assert.Contains(t, encode(t, op, 1), `"returnUrl":"https://shop.example/return","captureMethod":"manual"}`)
	assert.Contains(t, encode(t, op, 1), `[{"id":"l-1","label":"Blue T-Shirt","unitAmount":{"currency":"USD","valueMinor":2500},"quantity":2,"taxRate":7.5,"taxAmount":{"currency":"USD","valueMinor":1}}]`)

	for want, change := range map[string]func(*miracle.SessionParams){
		"Reference: is required":                    func(p *miracle.SessionParams) { p.Reference = "" },
		"Amount: must be at least 1":                func(p *miracle.SessionParams) { p.Amount.Minor = 0 },
		"SuccessURL: is required":                   func(p *miracle.SessionParams) { p.SuccessURL = "" },
		"CancelURL: is required":                    func(p *miracle.SessionParams) { p.CancelURL = "" },
		"CaptureMethod: must be one of":             func(p *miracle.SessionParams) { p.CaptureMethod = "later" },
		"LineItems: is required":                    func(p *miracle.SessionParams) { p.LineItems = nil },
		"LineItems[0].Label: is required":           func(p *miracle.SessionParams) { p.LineItems[0].Label = "" },
		"LineItems[0].Quantity: must be at least 1": func(p *miracle.SessionParams) { p.LineItems[0].Quantity = 0 },
		"LineItems[0].UnitAmount: currency must be": func(p *miracle.SessionParams) { p.LineItems[0].UnitAmount.Currency = "" },
		"LineItems[0].TaxRate: is not a number":     func(p *miracle.SessionParams) { p.LineItems[0].TaxRate = "7%" },
	} {
		params := basket()
		change(&params)
		_, err := miracle.CreateCheckoutSession(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
}

func TestEndpointsAreEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	params := miracle.WebhookEndpointParams{Reference: "hook-1", URL: "https://shop.example/hook", Events: []string{"payment.*"}, Description: "shop"}
	op, err := miracle.CreateEndpoint(params)
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{Kind: "miracle.webhook_endpoint.create", Reference: "hook-1", Path: "/v1/webhooks/endpoints"}, without(op))
	assert.Equal(t, `{"url":"https://shop.example/hook","events":["payment.*"],"description":"shop"}`, encode(t, op, 1))
	for _, url := range []string{"", "http://shop.example", "shop.example", "https://"} {
		params := params
		params.URL = url
		_, err = miracle.CreateEndpoint(params)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		assert.ErrorContains(t, err, "URL: must be an https URL")
	}
	_, err = miracle.CreateEndpoint(miracle.WebhookEndpointParams{})
	for _, field := range []string{"Reference", "URL", "Events"} {
		assert.ErrorContains(t, err, field+": ")
	}

	op, err = miracle.DeleteEndpoint(miracle.WebhookEndpointChange{EndpointID: "we_1"})
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{
		Kind: "miracle.webhook_endpoint.delete", Reference: "we_1", Replay: payonce.ReplayByState, Method: http.MethodDelete, Path: "/v1/webhooks/endpoints/we_1", EmptyOK: true,
	}, op)
	_, err = miracle.RotateSecret(miracle.WebhookEndpointChange{})
	require.ErrorContains(t, err, "Reference: is required")
	require.ErrorContains(t, err, "EndpointID: is required")
	op, err = miracle.RotateSecret(miracle.WebhookEndpointChange{EndpointID: "we_1", Reference: "2026-09"})
	require.NoError(t, err)
	assert.Equal(t, payonce.Operation{
		Kind: "miracle.webhook_endpoint.rotate_secret", Reference: "2026-09", Path: "/v1/webhooks/endpoints/we_1/rotate-secret",
	}, op)
}
