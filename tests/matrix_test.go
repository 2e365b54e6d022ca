package tests_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/provider/midaspay"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
)

// dialects are the providers that every matrix runs over. A new one is one line here.
func dialects() []dialect {
	return []dialect{trueLayer(), miraclePay(), midasPay(), elebnePay()}
}

// dialect is what the tests must know of a provider: how to start it, what to ask of it, and where it answers otherwise than most.
type dialect struct {
	name string
	// start returns the simulated provider, and the provider as a merchant configures it.
	start func(t *testing.T, s setup) (simulated, payonce.Provider)
	// price and method are those of an ordinary payment, for which the merchant needs nothing else.
	price  payonce.Amount
	method any
	// captures is a method whose payments wait for their capture; nil where there is none.
	captures any
	// fail has the bank refuse a payment, in whatever state it waits. authorize has the payer agree without money being moved; nil where
	// the provider knows no such state.
	fail, authorize func(sim simulated, id string) error
	// lacks are the portable operations that the provider does not have.
	lacks []string
	// declinesLater says that a payment is made first and declined when the payer pays.
	declinesLater bool
	// refusal is a 400 in the provider's own words.
	refusal string
	// native is a write beside the portable ones.
	native native
	// webhooks is the provider's handler for webhooks.
	webhooks func(p payonce.Provider, c *payonce.Client, hc *http.Client, handle func(context.Context, payonce.Event) error) (http.Handler, error)
	// differs has the lines of the wire matrix in which the provider answers otherwise than most, lines those that only it has.
	differs map[string]want
	lines   []line
}

// setup is a choice of a simulator's.
type setup struct {
	merchant string
	// unpaid leaves payments to be paid by the test; otherwise the payer pays at once.
	unpaid bool
	// signed makes the provider sign its answers, where it does; real signatures cost time.
	signed bool
	// other makes the provider behave the other way where its documentation allows two.
	other bool
	// noDedupe makes the provider ignore keys; declines are the prices that it declines.
	noDedupe bool
	declines []int64
}

// simulated is what every simulated provider does.
type simulated interface {
	http.Handler
	Ledger() *simulator.Ledger
	Requests() []simulator.Request
	Script(faults ...simulator.Fault)
	ClearScript()
	DeliverHeld()
	Transport() *simulator.Transport
	TransportHTTP2() *simulator.Transport
	Webhooks(path string) []simulator.Delivery
	Pay(paymentID string) error
	ExpirePayment(paymentID string) error
}

// native is one write that only this provider has.
type native struct {
	kind string
	call func(ctx context.Context, p payonce.Provider, c *payonce.Client, reference string) error
}

// params ask for an ordinary payment.
func (d *dialect) params(reference string) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: reference, Amount: d.price, Method: d.method}
}

func trueLayer() dialect {
	return dialect{
		name:  "truelayer",
		price: payonce.Amount{Minor: 5000, Currency: "GBP"},
		method: truelayer.BankTransfer{
			Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
			User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
		},
		refusal: `{"type":"https://docs.truelayer.com/docs/error-types#invalid-parameters","title":"Invalid Parameters","status":400,"trace_id":"t","detail":"d"}`,
		start: func(t *testing.T, s setup) (simulated, payonce.Provider) {
			t.Helper()
			failures := map[int64]simulator.Failure{}
			for _, price := range s.declines {
				failures[price] = simulator.Failure{Reason: "insufficient_funds"}
			}
			sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{
				ClientID: s.merchant, VerifySignature: cheapVerify, AutoAuthorize: !s.unpaid, NoDedupe: s.noDedupe, FailAmounts: failures,
			})
			tl, err := truelayer.New(truelayer.Config{
				BaseURL: truelayer.Sandbox, ClientID: s.merchant, ClientSecret: "secret_test_example",
				SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: cheapSigner{},
			})
			require.NoError(t, err)
			return sim, tl
		},
		native: native{"truelayer.payout.create", func(ctx context.Context, p payonce.Provider, c *payonce.Client, reference string) error {
			_, err := p.(*truelayer.Provider).API(c).Payouts.Create(ctx, truelayer.PayoutParams{
				Reference: reference, MerchantAccountID: simulator.MerchantAccountGBP, Amount: payonce.Amount{Minor: 100, Currency: "GBP"},
				Beneficiary: truelayer.PayoutBeneficiary{Type: truelayer.ToBusinessAccount, Reference: "payout"},
			})
			return err
		}},
		webhooks: func(p payonce.Provider, c *payonce.Client, hc *http.Client, handle func(context.Context, payonce.Event) error) (http.Handler, error) {
			hooks, err := p.(*truelayer.Provider).Webhooks(truelayer.WebhookConfig{HTTPClient: hc})
			if err != nil {
				return nil, err
			}
			return hooks.Handler(c, func(ctx context.Context, e truelayer.Event) error { return handle(ctx, e.Portable()) }), nil
		},
		fail: func(sim simulated, id string) error {
			return sim.(*simulator.TrueLayer).FailPayment(id, "", "rejected")
		},
		authorize: func(sim simulated, id string) error { return sim.(*simulator.TrueLayer).Authorize(id) },
		lacks:     []string{"payment.capture"},
		differs:   map[string]want{"executed, answer lost, then 401": {posts: 3, moved: 1, err: payonce.ErrOutcomeUnknown}}, // a new token
		lines:     trueLayerLines(),
	}
}

func miraclePay() dialect {
	const secret, hookSecret = "sk_test_example", "whsec_c2VjcmV0X3Rlc3RfZXhhbXBsZV9rZXlf"
	return dialect{
		name:      "miracle",
		price:     payonce.Amount{Minor: 5000, Currency: "USD"},
		method:    miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
		captures:  miracle.Method{Type: miracle.Card, Token: "tok_test_example", CaptureMethod: miracle.CaptureManual},
		fail:      func(sim simulated, id string) error { return sim.(*simulator.Miracle).FailPayment(id, "DO_NOT_HONOR") },
		authorize: simulated.Pay, // of a payment that waits for its capture
		refusal:   `{"error":{"code":"VALIDATION_ERROR","message":"amount is wrong"}}`,
		start: func(t *testing.T, s setup) (simulated, payonce.Provider) {
			t.Helper()
			sim := simulator.NewMiracle(simulator.MiracleConfig{
				MerchantID: s.merchant, SecretKeys: []string{secret}, WebhookSecret: hookSecret, AutoPay: !s.unpaid, NoDedupe: s.noDedupe,
				DeclineAmounts: codes(s.declines, "INSUFFICIENT_FUNDS"), BareEnvelopes: s.other, KeepRefusals: s.other,
			})
			provider, err := miracle.New(miracle.Config{MerchantID: s.merchant, SecretKey: secret})
			require.NoError(t, err)
			return sim, provider
		},
		native: native{"miracle.checkout_session.create", func(ctx context.Context, p payonce.Provider, c *payonce.Client, reference string) error {
			_, err := p.(*miracle.Provider).API(c).CheckoutSessions.Create(ctx, miracle.SessionParams{
				Reference: reference, Amount: payonce.Amount{Minor: 100, Currency: "USD"},
				LineItems:  []miracle.LineItem{{Label: "tea", UnitAmount: miracle.Money{ValueMinor: 100, Currency: "USD"}, Quantity: 1}},
				SuccessURL: "https://shop.example/paid", CancelURL: "https://shop.example/cart",
			})
			return err
		}},
		webhooks: func(p payonce.Provider, c *payonce.Client, _ *http.Client, handle func(context.Context, payonce.Event) error) (http.Handler, error) {
			hooks, err := p.(*miracle.Provider).Webhooks(miracle.WebhookConfig{Secrets: []payonce.Secret{hookSecret}})
			if err != nil {
				return nil, err
			}
			return hooks.Handler(c, func(ctx context.Context, e miracle.Event) error { return handle(ctx, e.Portable()) }), nil
		},
	}
}

// codes declines prices.
func codes(prices []int64, code string) map[int64]string {
	by := map[int64]string{}
	for _, price := range prices {
		by[price] = code
	}
	return by
}

func midasPay() dialect {
	refused := func(status int, name string) []simulator.Fault {
		return faults(simulator.Answer(status, nil, `{"name":"`+name+`","message":"m","debug_id":"req_1"}`))
	}
	return dialect{
		name:    "midaspay",
		price:   payonce.Amount{Minor: 5000, Currency: "USD"},
		method:  midaspay.Order{PaymentMethod: "CREDIT_CARD"},
		refusal: `{"name":"INVALID_ARGUMENT","message":"amount is wrong","debug_id":"req_1"}`,
		start: func(t *testing.T, s setup) (simulated, payonce.Provider) {
			t.Helper()
			world := simulator.MidasPayConfig{
				MerchantID: s.merchant, VerifySignature: cheapVerify, AutoPay: !s.unpaid, NoDedupe: s.noDedupe,
				DeclineAmounts: codes(s.declines, "BALANCE_NOT_ENOUGH"), ReplayConflicts: s.other, QueryMissEmpty: s.other, WrapResources: s.other,
			}
			cfg := midaspay.Config{BaseURL: midaspay.Sandbox, MerchantID: s.merchant, SubMerchantID: "app-1", SerialNo: "1", Signer: cheapSigner{}}
			if s.signed {
				world.PlatformKey, world.PlatformSerial = platformKey(), "01"
				cfg.PlatformCertificates = platformCertificates()
			}
			provider, err := midaspay.New(cfg)
			require.NoError(t, err)
			return simulator.NewMidasPay(world), provider
		},
		native: native{"midaspay.subscription.create", func(ctx context.Context, p payonce.Provider, c *payonce.Client, reference string) error {
			_, err := p.(*midaspay.Provider).API(c).Subscriptions.Create(ctx, midaspay.SubscriptionParams{
				Reference: reference, Subscriber: midaspay.Subscriber{ID: "user-1"},
				Units: []midaspay.SubscriptionUnit{{Product: midaspay.Product{ID: "tea"}, Period: midaspay.Period{PeriodUnit: "MONTH", Value: 1}}},
			})
			return err
		}},
		webhooks: func(p payonce.Provider, c *payonce.Client, _ *http.Client, handle func(context.Context, payonce.Event) error) (http.Handler, error) {
			hooks, err := p.(*midaspay.Provider).Webhooks(midaspay.WebhookConfig{Certificates: platformCertificates()})
			if err != nil {
				return nil, err
			}
			return hooks.Handler(c, func(ctx context.Context, e midaspay.Event) error { return handle(ctx, e.Portable()) }), nil
		},
		fail: func(sim simulated, id string) error {
			return sim.(*simulator.MidasPay).FailPayment(id, "BANK_STATUS_ERROR")
		},
		authorize: func(sim simulated, id string) error { return sim.(*simulator.MidasPay).MovePayment(id, "APPROVED") },
		lacks:     []string{"payment.capture", "refund.get", "refund.list"},
		differs: map[string]want{ // an order can be looked up by its reference_id
			"409 in flight":                   {posts: 1, err: payonce.ErrOutcomeUnknown},
			"reuse":                           {posts: 1, err: payonce.ErrOutcomeUnknown},
			"executed, answer lost, then 401": {posts: 2, moved: 1},
			"executed, answer lost, then 403": {posts: 2, moved: 1},
		},
		lines: []line{
			{name: "408 CANCELLED", faults: refused(408, "CANCELLED"), want: want{posts: 1, err: payonce.ErrDeclined}},
			{name: "408 of a proxy", faults: faults(simulator.Answer(408, nil, "<html>slow</html>")), want: want{posts: 2, moved: 1}},
			{name: "409 BALANCE_NOT_ENOUGH", faults: refused(409, "BALANCE_NOT_ENOUGH"), want: want{posts: 1, err: payonce.ErrDeclined}},
			{name: "executed, answer lost, then DUPLICATE_REFERENCE_ID", faults: faults(simulator.LoseAnswer(), simulator.KeyReuse()), want: want{posts: 2, moved: 1}},
			{name: "executed, answer lost, then DUPLICATE_ORDER_ID", faults: append(faults(simulator.LoseAnswer()), refused(409, "DUPLICATE_ORDER_ID")...), want: want{posts: 2, moved: 1}},
			{name: "DUPLICATE_ORDER_ID", faults: refused(409, "DUPLICATE_ORDER_ID"), want: want{posts: 1, err: payonce.ErrOutcomeUnknown}},
			{name: "executed, answer lost, then declined", faults: append(faults(simulator.LoseAnswer()), refused(409, "BALANCE_NOT_ENOUGH")...), want: want{posts: 2, moved: 1}},
			{name: "executed, answer lost, then 400", faults: append(faults(simulator.LoseAnswer()), refused(400, "INVALID_ARGUMENT")...), want: want{posts: 2, moved: 1}},
		},
	}
}

func elebnePay() dialect {
	const secret, header = "sk_test_example", "X-Elebne-Signature"
	hookSecret := strings.Repeat("0123456789abcdef", 4)
	return dialect{
		name:    "elebne",
		price:   payonce.Amount{Minor: 5000, Currency: "MRU"},
		refusal: `{"success":false,"error":{"message":"amount is wrong","error":"VALIDATION_ERROR"}}`,
		start: func(t *testing.T, s setup) (simulated, payonce.Provider) {
			t.Helper()
			sim := simulator.NewElebne(simulator.ElebneConfig{
				SecretKeys: []string{secret}, WebhookHeader: header, WebhookSecret: hookSecret, AutoPay: !s.unpaid, NoDedupe: s.noDedupe,
				DeclineAmounts: codes(s.declines, ""), CompletedWord: s.other, KeepRefusals: s.other, ConflictStatus: http.StatusBadRequest, // with 409 nobody knows: see docs/guarantees.md
			})
			provider, err := elebne.New(elebne.Config{MerchantID: s.merchant, SecretKey: secret})
			require.NoError(t, err)
			return sim, provider
		},
		native: native{"elebne.product.create", func(ctx context.Context, p payonce.Provider, c *payonce.Client, reference string) error {
			_, err := p.(*elebne.Provider).API(c).Products.Create(ctx, elebne.CreateProductParams{
				Reference: reference, Product: elebne.Product{Name: "tea", Price: 100},
			})
			return err
		}},
		webhooks: func(p payonce.Provider, c *payonce.Client, _ *http.Client, handle func(context.Context, payonce.Event) error) (http.Handler, error) {
			hooks, err := p.(*elebne.Provider).Webhooks(elebne.WebhookConfig{
				Secrets: []payonce.Secret{payonce.Secret(hookSecret)}, Header: header, Encoding: elebne.SignatureHex, KeyForm: elebne.KeyText,
			})
			if err != nil {
				return nil, err
			}
			return hooks.Handler(c, func(ctx context.Context, e elebne.Event) error { return handle(ctx, e.Portable()) }), nil
		},
		fail:          func(sim simulated, id string) error { return sim.(*simulator.Elebne).FailPayment(id, "") },
		lacks:         []string{"payment.capture", "refund.get", "refund.list"},
		declinesLater: true,
		differs: map[string]want{
			"reuse": {posts: 2, moved: 1}, // it has no such answer: a 409 is another request in flight
			"the key was used for another amount by somebody else": {posts: 1, err: payonce.ErrInDoubt}, // answered silently, and seen by the amount
		},
	}
}
