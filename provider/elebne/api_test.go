package elebne_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/store/memstore"
)

func TestWhatGoesOverTheWire(t *testing.T) {
	t.Parallel()
	client, api, v := shop(t, echo)
	created, err := api.Intents.Create(t.Context(), order(elebne.Intent{SuccessURL: "https://shop.example"}))
	require.NoError(t, err)
	got := v.last()
	assert.Equal(t, `POST /api/v1/dev/intents {"amount":50000,"amountType":"FIXED","label":"2 shoes",`+
		`"metadata":{"payonce_ref":"payment.create:1:order-12345"},"success_url":"https://shop.example"}`, got.line())
	assert.Equal(t, "Bearer sk_test_example", got.credential)
	assert.Equal(t, "application/json; charset=UTF-8", got.contentType)
	assert.Equal(t, created.Receipt.Key, got.key)
	assert.Len(t, got.key, 36)
	assert.Equal(t, intentID, created.ResourceID)
	assert.Equal(t, mru(50000), created.Value.Amount())
	assert.Equal(t, "https://pay.elebne.ai/p/ABC123", created.Value.PayURL.Reveal())

	again, err := client.Payments.Create(t.Context(), order(&elebne.Intent{SuccessURL: "https://shop.example"}))
	require.NoError(t, err)
	assert.Equal(t, "local", again.Receipt.Replayed, "the same reference is the same intent, whichever service made it")
	assert.Equal(t, created.Value.PayURL, again.NextURL)

	v.answer = always(http.StatusOK, intent("PAID"))
	_, err = client.Payments.Get(t.Context(), intentID)
	require.NoError(t, err)
	assert.Equal(t, "GET /api/v1/dev/intents/"+intentID+" ", v.last().line())
	assert.Empty(t, v.last().key, "a read has no key")
}

func TestEveryNativeWriteIsSentWithAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	_, api, v := shop(t, always(http.StatusOK, `{"success":true,"data":{"id":"e-1","refunded":true}}`))
	yes, keys := true, map[string]bool{}
	for want, call := range map[string]func() error{
		"DELETE /api/v1/dev/store/products/p-1 ": func() error {
			_, err := api.Products.Delete(t.Context(), elebne.DeleteProductParams{Reference: "r", ProductID: "p-1"})
			return err
		},
		`PUT /api/v1/dev/store/products/p-1 {"price":2}`: func() error {
			_, err := api.Products.Update(t.Context(), elebne.UpdateProductParams{Reference: "r", ProductID: "p-1", Product: elebne.Product{Price: 2}})
			return err
		},
		`POST /api/v1/dev/store/products {"name":"x","price":2}`: func() error {
			_, err := api.Products.Create(t.Context(), elebne.CreateProductParams{Reference: "r", Product: elebne.Product{Name: "x", Price: 2}})
			return err
		},
		`PATCH /api/v1/dev/store/products/SKU%201/stock {"quantity":5}`: func() error {
			_, err := api.Products.SetStock(t.Context(), elebne.StockParams{Reference: "r", ProductID: "SKU 1", Quantity: elebne.Pieces(5)})
			return err
		},
		`PATCH /api/v1/dev/store/products/p-1/variants/v-1/stock {"quantity":null}`: func() error {
			_, err := api.Products.SetVariantStock(t.Context(), elebne.VariantStockParams{Reference: "r", ProductID: "p-1", VariantID: "v-1", Quantity: elebne.Unlimited()})
			return err
		},
		"POST /api/v1/dev/store/products/import-csv name,price\nTea,500.00\n": func() error {
			got, err := api.Products.ImportCSV(t.Context(), elebne.ImportParams{Reference: "r", CSV: []byte("name,price\nTea,500.00\n")})
			assert.JSONEq(t, `{"success":true,"data":{"id":"e-1","refunded":true}}`, string(got.Value), "as received")
			assert.Equal(t, "text/csv", v.last().contentType)
			return err
		},
		`POST /api/v1/dev/webhooks/endpoints {"url":"https://shop.example","events":["order.new"]}`: func() error {
			got, err := api.WebhookEndpoints.Create(t.Context(), elebne.CreateEndpointParams{Reference: "r", URL: "https://shop.example", Events: []elebne.EventType{elebne.EventOrderNew}})
			assert.Equal(t, "e-1", got.ResourceID)
			return err
		},
		`PUT /api/v1/dev/webhooks/endpoints/e-1 {"active":true}`: func() error {
			_, err := api.WebhookEndpoints.Update(t.Context(), elebne.UpdateEndpointParams{Reference: "r", EndpointID: "e-1", Active: &yes})
			return err
		},
		"DELETE /api/v1/dev/webhooks/endpoints/e-1 ": func() error {
			_, err := api.WebhookEndpoints.Delete(t.Context(), elebne.EndpointParams{Reference: "r", EndpointID: "e-1"})
			return err
		},
		"POST /api/v1/dev/webhooks/endpoints/e-1/test ": func() error {
			_, err := api.WebhookEndpoints.Test(t.Context(), elebne.EndpointParams{Reference: "r", EndpointID: "e-1"})
			return err
		},
		"POST /api/v1/dev/intents/PI-1/simulate-payment ": func() error {
			_, err := api.Intents.SimulatePayment(t.Context(), elebne.SimulateParams{PaymentID: "PI-1", Reference: "r"})
			return err
		},
		"POST /api/v1/dev/intents/PI-1/cancel ": func() error {
			_, err := api.Intents.Cancel(t.Context(), payonce.CancelParams{PaymentID: "PI-1", Reference: "r"})
			return err
		},
		`POST /api/v1/dev/intents/PI-1/refund {"reason":"product_defective"}`: func() error {
			_, err := api.Intents.Refund(t.Context(), elebne.RefundParams{PaymentID: "PI-1", Reference: "r", Full: true, Reason: elebne.ReasonProductDefective})
			return err
		},
	} {
		require.NoError(t, call(), want)
		assert.Equal(t, want, v.last().line())
		keys[v.last().key] = true
	}
	assert.Len(t, keys, 13, "the same reference, but never the same key")
	assert.NotContains(t, keys, "")
}

func TestReads(t *testing.T) {
	t.Parallel()
	client, api, v := shop(t, always(http.StatusOK, `{"items":[{"status":"PAID"}],"total":1}`), publishable)
	from := time.Date(2026, 4, 4, 10, 30, 0, 0, time.FixedZone("", 3600))
	intents, err := api.Intents.List(t.Context(), elebne.ListIntentsParams{From: from, To: from.Add(time.Hour), Page: 2})
	require.NoError(t, err)
	assert.Equal(t, "GET /api/v1/dev/intents?from=2026-04-04T09%3A30%3A00.000Z&page=2&to=2026-04-04T10%3A30%3A00.000Z ", v.last().line())
	assert.Equal(t, elebne.IntentPaid, intents.Value.Items[0].Status)
	orders, err := api.Orders.List(t.Context(), elebne.ListOrdersParams{Status: elebne.OrderReady, Page: 1})
	require.NoError(t, err)
	assert.Equal(t, "GET /api/v1/dev/store/orders?page=1&status=READY ", v.last().line())
	assert.Equal(t, 1, orders.Value.Total)
	_, err = api.Intents.List(t.Context(), elebne.ListIntentsParams{})
	require.NoError(t, err)
	assert.Equal(t, "GET /api/v1/dev/intents ", v.last().line())
	require.NoError(t, client.Check(t.Context()))
	assert.Equal(t, "Bearer pk_test_example", v.last().credential)

	v.answer = always(http.StatusOK, `{"data":{"status":"NEW","items":[{"n":1}],"customerName":"Jane","customerPhone":"+22242123478"}}`)
	one, err := api.Orders.Get(t.Context(), "EL-31")
	require.NoError(t, err)
	assert.Equal(t, elebne.OrderNew, one.Value.Status)
	assert.JSONEq(t, `[{"n":1}]`, string(one.Value.Items.Bytes()))
	assert.Equal(t, "+22242123478", one.Value.CustomerPhone.Reveal())
	v.answer = always(http.StatusOK, `{"items":[{"status":"READY","items":[{"n":2}]}],"total":1}`)
	orders, err = api.Orders.List(t.Context(), elebne.ListOrdersParams{})
	require.NoError(t, err)
	assert.Equal(t, elebne.OrderReady, orders.Value.Items[0].Status)
	assert.JSONEq(t, `[{"n":2}]`, string(orders.Value.Items[0].Items.Bytes()))
	v.answer = always(http.StatusOK, `{"success": true, "data": {"csv": "name,price,description,sku,quantity,image_url\n", "filename": "products-template.csv"}}`)
	template, err := api.Products.CSVTemplate(t.Context())
	require.NoError(t, err)
	assert.Equal(t, elebne.CSVTemplate{CSV: "name,price,description,sku,quantity,image_url\n", Filename: "products-template.csv"}, template.Value)
	v.answer = always(http.StatusNotFound, secondForm("NOT_FOUND"))
	_, err = api.Intents.Get(t.Context(), "PI-404")
	require.ErrorIs(t, err, payonce.ErrNotFound)

	before, _ := v.count()
	_, err = api.Intents.Get(t.Context(), "../store/orders")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	_, err = api.Intents.List(t.Context(), elebne.ListIntentsParams{From: from, To: from.Add(-1), Page: -1})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	require.ErrorContains(t, err, "To: must not be before From")
	require.ErrorContains(t, err, "Page: must be at least 1")
	_, err = client.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrInvalid, "a publishable key writes nothing")
	_, err = payonce.Do[json.RawMessage](t.Context(), client, payonce.Operation{Kind: "acme.thing", Reference: "r", Path: "/dev/acme"})
	require.ErrorIs(t, err, payonce.ErrNotSent, "nor by Do")
	require.ErrorContains(t, err, "SecretKey: is a publishable key")
	after, _ := v.count()
	assert.Equal(t, before, after)
}

func TestALostAnswerIsResentAndExecutedOnce(t *testing.T) {
	t.Parallel()
	client, _, v := shop(t, echo)
	v.lose = 2
	payment, err := client.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	assert.Equal(t, 3, payment.Receipt.Attempts)
	requests, executed := v.count()
	assert.Equal(t, 3, requests)
	assert.Equal(t, 1, executed)
	assert.Equal(t, payonce.StatusActionRequired, payment.Status)
}

// Elebne answers a key that was used for something else with what that made. Only the echo tells.
func TestTheSilentReplayOfAnotherBodyIsInDoubt(t *testing.T) {
	t.Parallel()
	v := newVendor(echo)
	p := newProvider(t)
	first := open(t, p, v, memstore.New())
	_, err := first.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	second := open(t, p, v, memstore.New()) // another store knows nothing of the first
	other := order(nil)
	other.Amount = mru(99)
	_, err = second.Payments.Create(t.Context(), other)
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	_, executed := v.count()
	assert.Equal(t, 1, executed)
	_, err = second.Payments.Create(t.Context(), other, payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrInDoubt, "no new key while nobody knows")
	other.Amount = mru(50000)
	same, err := open(t, p, v, memstore.New()).Payments.Create(t.Context(), other)
	require.NoError(t, err, "the same content leads back to the same intent")
	assert.Equal(t, intentID, same.ID)
}

func TestARotatedKeyFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	store, v := memstore.New(), newVendor(echo)
	old := open(t, newProvider(t, func(c *elebne.Config) { c.SecretKey = "sk_test_old" }), v, store)
	v.lose = 99
	_, err := old.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	v.lose = 0

	forgot := open(t, newProvider(t, func(c *elebne.Config) { c.SecretKey = "sk_test_new" }), v, store)
	before, _ := v.count()
	_, err = forgot.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrInDoubt, "under another API key it would be another intent")
	after, _ := v.count()
	assert.Equal(t, before, after)

	store, v = memstore.New(), newVendor(echo)
	old = open(t, newProvider(t, func(c *elebne.Config) { c.SecretKey = "sk_test_old" }), v, store)
	v.lose = 99
	_, err = old.Payments.Create(t.Context(), order(nil))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	v.lose = 0
	rotated := open(t, newProvider(t, func(c *elebne.Config) {
		c.SecretKey, c.OldSecretKeys = "sk_test_new", []payonce.Secret{"sk_test_old"}
	}), v, store)
	_, err = rotated.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	assert.Equal(t, "Bearer sk_test_old", v.last().credential)
	_, executed := v.count()
	assert.Equal(t, 1, executed)
	next := order(nil)
	next.Reference = "order-2"
	_, err = rotated.Payments.Create(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, "Bearer sk_test_new", v.last().credential)
}

func TestARefusedCancellationAfterALostOneIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, conflict := range []int{http.StatusBadRequest, http.StatusConflict} {
		for status, want := range map[string]error{"CANCELLED": nil, "PAID": payonce.ErrOutcomeUnknown} {
			client, _, v := shop(t, func(s sent) (int, string) {
				if s.method == http.MethodGet {
					return http.StatusOK, intent(status)
				}
				return conflict, refusal("INVALID_STATE")
			})
			v.lose = 1
			payment, err := client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: intentID})
			requests, _ := v.count()
			assert.Equal(t, 3, requests, "the lost one, its repeat, the lookup")
			if want != nil {
				require.ErrorIs(t, err, want, "the lost one may still be on its way")
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, payonce.StatusCanceled, payment.Status)
			assert.Equal(t, intentID, payment.ID)
		}
	}
}

func TestACancellationThatThePayerForestalledEndsAtOnce(t *testing.T) {
	t.Parallel()
	client, _, v := shop(t, always(http.StatusConflict, secondForm("INVALID_STATE")))
	_, err := client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: intentID})
	require.ErrorIs(t, err, payonce.ErrRejected)
	requests, _ := v.count()
	assert.Equal(t, 1, requests, "20 writes a minute are all there are")

	client, api, v := shop(t, always(http.StatusOK, intent("PAID")))
	payment, err := client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: intentID})
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Equal(t, payonce.StatusSucceeded, payment.Status, "what it is instead")
	again, err := api.Intents.Cancel(t.Context(), payonce.CancelParams{PaymentID: intentID})
	require.ErrorIs(t, err, payonce.ErrDeclined)
	assert.Equal(t, elebne.IntentPaid, again.Value.Status)
	requests, _ = v.count()
	assert.Equal(t, 1, requests)
}

func TestAnAnswerThatIsNotDocumentedMaySayNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"success":true}`, `{"success":true,"data":[1]}`, `{"success":true,"data":{"amount":"5"}}`, `{"success":true,"data":"ok"}`} {
		client, _, _ := shop(t, always(http.StatusOK, body))
		payment, err := client.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: intentID})
		require.NoError(t, err, body)
		assert.Equal(t, payonce.StatusPending, payment.Status, "accepted")
		assert.Equal(t, intentID, payment.ID)
	}
	_, api, _ := shop(t, always(http.StatusOK, `{"success":true,"data":[{"id":"p-1"}]}`))
	intent, err := api.Intents.SimulatePayment(t.Context(), elebne.SimulateParams{PaymentID: intentID})
	require.NoError(t, err)
	assert.Zero(t, intent.Value)
	product, err := api.Products.Update(t.Context(), elebne.UpdateProductParams{Reference: "r", ProductID: "p-1"})
	require.NoError(t, err)
	assert.Zero(t, product.Value)
	endpoint, err := api.WebhookEndpoints.Update(t.Context(), elebne.UpdateEndpointParams{Reference: "r", EndpointID: "e-1", URL: "https://shop.example"})
	require.NoError(t, err)
	assert.Zero(t, endpoint.Value)
}

func TestAnUndocumentedAnswerDoesNotPrint(t *testing.T) {
	t.Parallel()
	_, api, _ := shop(t, always(http.StatusOK, `{"success":true,"data":{"id":"e-1","note":"canary"}}`))
	tested, err := api.WebhookEndpoints.Test(t.Context(), elebne.EndpointParams{Reference: "r", EndpointID: "e-1"})
	require.NoError(t, err)
	deleted, err := api.Products.Delete(t.Context(), elebne.DeleteProductParams{Reference: "r", ProductID: "e-1"})
	require.NoError(t, err)
	for _, value := range []any{tested, *tested, deleted, *deleted} {
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q %x %s", value, value, value, value, value, value, jsonOf(value)), "canary")
	}
	assert.Contains(t, string(tested.Value.Bytes()), "canary")
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	client, api, v := shop(t, always(http.StatusOK, `{"success":true,"data":{"refunded":true}}`))
	part := payonce.RefundParams{Reference: "rma-77", PaymentID: intentID, Amount: mru(700), Reason: "too small"}
	refund, err := client.Refunds.Create(t.Context(), part)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusSucceeded, refund.Status)
	assert.Equal(t, "refunded", refund.ProviderStatus)
	assert.Empty(t, refund.ID)
	assert.Equal(t, intentID, refund.PaymentID)
	same, err := api.Intents.Refund(t.Context(), elebne.RefundParams{Reference: "rma-77", PaymentID: intentID, Amount: mru(700), Note: "too small"})
	require.NoError(t, err)
	assert.True(t, same.Value.Refunded)
	assert.Equal(t, "local", same.Receipt.Replayed)
	part.Reference = "rma-78"
	_, err = client.Refunds.Create(t.Context(), part)
	require.NoError(t, err)
	_, executed := v.count()
	assert.Equal(t, 2, executed, "two references are two refunds")
	_, err = client.Refunds.Get(t.Context(), intentID, "r-1")
	require.ErrorIs(t, err, payonce.ErrUnsupported)
	for _, err := range client.Refunds.List(t.Context(), intentID) {
		require.ErrorIs(t, err, payonce.ErrUnsupported)
	}
	_, err = client.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: intentID})
	require.ErrorIs(t, err, payonce.ErrUnsupported)

	v.answer = always(http.StatusOK, `{"success":true,"data":{"refunded":false}}`)
	part.Reference = "rma-79"
	_, err = client.Refunds.Create(t.Context(), part)
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	_, err = client.Refunds.Create(t.Context(), part, payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "and never under a new key")
}

func TestAnIntentThatLapsedMayBePaidAgain(t *testing.T) {
	t.Parallel()
	client, _, v := shop(t, echo)
	_, err := client.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	v.answer = always(http.StatusOK, intent("PAID"))
	_, err = client.Payments.Create(t.Context(), order(nil), payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	v.answer = func(s sent) (int, string) {
		if s.method == http.MethodGet {
			return http.StatusOK, intent("CANCELLED")
		}
		return echo(s)
	}
	again, err := client.Payments.Create(t.Context(), order(nil), payonce.WithNewKey())
	require.NoError(t, err)
	assert.Equal(t, 2, again.Receipt.Generation)
	assert.Contains(t, v.last().body, `"payonce_ref":"payment.create:2:order-12345"`)
}

func TestADailyCapEndsTheCallAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVendor(always(http.StatusTooManyRequests, firstForm(429, "RATE_LIMIT_EXCEEDED")))
		client, err := payonce.New(payonce.Config{
			Provider: newProvider(t), Store: memstore.New(), RecoverEvery: -1, HTTPClient: &http.Client{Transport: capped{v, time.Now().Add(20 * time.Hour)}},
		})
		require.NoError(t, err)
		began := time.Now()
		_, err = client.Payments.Create(t.Context(), order(nil))
		require.ErrorIs(t, err, payonce.ErrRejected)
		problem := new(payonce.Error)
		require.ErrorAs(t, err, &problem)
		assert.Equal(t, "RATE_LIMIT_EXCEEDED", problem.Code)
		assert.WithinDuration(t, began.Add(20*time.Hour), problem.DueAt, 2*time.Second)
		assert.Less(t, time.Since(began), time.Second)
		requests, _ := v.count()
		assert.Equal(t, 1, requests)
		require.NoError(t, client.Close())
	})
}

// capped adds the header of a limit that ends then.
type capped struct {
	v    *vendor
	ends time.Time
}

// RoundTrip adds X-RateLimit-Reset.
func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.v.RoundTrip(r)
	if err == nil {
		res.Header.Set("X-RateLimit-Reset", strings.TrimSpace(jsonOf(c.ends.Unix())))
	}
	return res, err
}

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
