package tests_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// TestOneMerchantsCodeRunsAgainstEveryProvider is one backend: what it calls, and what it is told, does not depend on the provider.
func TestOneMerchantsCodeRunsAgainstEveryProvider(t *testing.T) {
	t.Parallel()
	steps := map[string]func(*testing.T, *dialect){
		"pays and reads": paysAndReads, "captures": captures, "cancels": cancels, "refunds in parts": refundsInParts,
		"refunds in full": refundsInFull, "does not give up a refund in flight": keepsRefundInFlight, "is declined": isDeclined, "lacks what is unsupported": lacksWhatIsUnsupported,
		"pays again after an abandoned checkout": paysAgainAfterExpiry, "pays again after a failed one": paysAgainAfterFailure,
		"pays once while the first is authorized": keepsWhatIsAuthorized, "checks its credentials": checks,
	}
	for _, d := range dialects() {
		for name, step := range steps {
			for _, other := range []bool{false, true} {
				if other {
					name += ", the other way"
				}
				t.Run(d.name+" "+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						start := d.start
						d := d
						d.start = func(t *testing.T, s setup) (simulated, payonce.Provider) {
							t.Helper()
							s.other = other
							return start(t, s)
						}
						step(t, &d)
					})
				})
			}
		}
	}
}

// has says whether the provider has the operation.
func (d *dialect) has(kind string) bool { return !slices.Contains(d.lacks, kind) }

// part is an amount that is less than half of the price.
func (d *dialect) part() payonce.Amount {
	return payonce.Amount{Minor: d.price.Minor * 2 / 5, Currency: d.price.Currency}
}

// paid makes a payment that the payer has paid.
func paid(t *testing.T, w *world, c *payonce.Client, reference string) string {
	t.Helper()
	p, err := c.Payments.Create(t.Context(), w.params(reference))
	require.NoError(t, err)
	got, err := c.Payments.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, payonce.StatusSucceeded, got.Status)
	return p.ID
}

func paysAndReads(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, signed: true})
	c := w.client(t)
	p, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.NoError(t, err)
	require.NotEmpty(t, p.ID)
	assert.NotEmpty(t, p.ProviderStatus, "the provider's own word stays")
	assert.Contains(t, []payonce.Status{payonce.StatusPending, payonce.StatusActionRequired}, p.Status)
	assert.False(t, p.NoMoneyMoved)
	require.NoError(t, w.sim.Pay(p.ID))
	got, err := c.Payments.Get(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusSucceeded, got.Status)
	assert.Equal(t, d.price, got.Amount)
	_, err = c.Payments.Get(t.Context(), "00000000-0000-4000-8000-000000000000")
	require.ErrorIs(t, err, payonce.ErrNotFound)
	again, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.NoError(t, err)
	assert.Equal(t, p.ID, again.ID)
	assert.Equal(t, p.Status, again.Status, "as of then")
	assert.Equal(t, "local", again.Receipt.Replayed)
	assert.Equal(t, 1, w.sim.Ledger().Count("payment"))
}

func captures(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, signed: true})
	c := w.client(t)
	if d.captures == nil {
		assert.False(t, d.has("payment.capture"))
		return
	}
	params := w.params("order-1")
	params.Method = d.captures
	p, err := c.Payments.Create(t.Context(), params)
	require.NoError(t, err)
	require.NoError(t, w.sim.Pay(p.ID))
	authorized, err := c.Payments.Get(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusAuthorized, authorized.Status)
	for range 2 {
		captured, err := c.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: p.ID})
		require.NoError(t, err)
		assert.Equal(t, p.ID, captured.ID)
		assert.Equal(t, payonce.StatusSucceeded, captured.Status)
	}
	assert.Equal(t, 1, w.sim.Ledger().Count("capture"))
}

func cancels(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, signed: true})
	c := w.client(t)
	p, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.NoError(t, err)
	for range 2 {
		canceled, err := c.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: p.ID})
		require.NoError(t, err)
		assert.Equal(t, p.ID, canceled.ID)
	}
	got, err := c.Payments.Get(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusCanceled, got.Status)
	assert.True(t, got.NoMoneyMoved)
	assert.Equal(t, 1, w.sim.Ledger().Count("cancel"))
}

func refundsInParts(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{signed: true})
	c := w.client(t)
	id := paid(t, w, c, "order-1")
	for _, reference := range []string{"rma-1", "rma-2", "rma-1"} {
		r, err := c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: reference, PaymentID: id, Amount: d.part()})
		require.NoError(t, err)
		assert.Equal(t, id, r.PaymentID)
		if d.has("refund.get") {
			got, err := c.Refunds.Get(t.Context(), id, r.ID)
			require.NoError(t, err)
			assert.Equal(t, d.part(), got.Amount)
			assert.Equal(t, payonce.StatusPending, got.Status)
		}
	}
	assert.Equal(t, 2, w.sim.Ledger().Count("refund"))
	if !d.has("refund.list") {
		return
	}
	count := 0
	for r, err := range c.Refunds.List(t.Context(), id) {
		require.NoError(t, err)
		assert.Equal(t, id, r.PaymentID)
		count++
	}
	assert.Equal(t, 2, count)
}

func refundsInFull(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{signed: true})
	c := w.client(t)
	id := paid(t, w, c, "order-1")
	_, err := c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-1", PaymentID: id, Full: true})
	require.NoError(t, err)
	for _, e := range w.sim.Ledger().Entries() {
		if e.Kind == "refund" {
			assert.Equal(t, d.price.Minor, e.AmountMinor)
		}
	}
	_, err = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-2", PaymentID: id, Amount: d.part()})
	require.ErrorIs(t, err, payonce.ErrRejected, "nothing is left")
	assert.Equal(t, 1, w.sim.Ledger().Count("refund"))
}

func keepsRefundInFlight(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{signed: true})
	c := w.client(t)
	id := paid(t, w, c, "order-1")
	refund := payonce.RefundParams{Reference: "rma-1", PaymentID: id, Amount: d.part()}
	w.sim.Script(simulator.LoseAnswer(), simulator.InFlight())
	_, err := c.Refunds.Create(t.Context(), refund)
	if err != nil {
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		_, err = c.Refunds.Create(t.Context(), refund, payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	}
	assert.Equal(t, 1, w.sim.Ledger().Count("refund"))
	other := newWorld(t, d, false, memstore.New(), setup{signed: true})
	c = other.client(t)
	refund.PaymentID = paid(t, other, c, "order-1")
	other.sim.Script(simulator.InFlight())
	_, err = c.Refunds.Create(t.Context(), refund)
	require.NotErrorIs(t, err, payonce.ErrRejected, "another request with the key is being executed")
}

func isDeclined(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{unpaid: true, declines: []int64{d.price.Minor}})
	c := w.client(t)
	for range 2 {
		p, err := c.Payments.Create(t.Context(), w.params("order-1"))
		if d.declinesLater {
			require.NoError(t, err)
			_ = w.sim.Pay(p.ID)
			p, err = c.Payments.Get(t.Context(), p.ID)
			require.NoError(t, err)
			assert.Equal(t, payonce.StatusFailed, p.Status)
			assert.True(t, p.NoMoneyMoved)
			continue
		}
		require.ErrorIs(t, err, payonce.ErrDeclined)
		require.ErrorIs(t, err, payonce.ErrRejected)
		var e *payonce.Error
		require.ErrorAs(t, err, &e)
		assert.NotEmpty(t, e.Code, "the provider's reason")
		if p != nil {
			assert.Equal(t, payonce.StatusFailed, p.Status)
		}
	}
	assert.Equal(t, 1, w.posts())
}

func lacksWhatIsUnsupported(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{signed: true})
	c := w.client(t)
	ctx := t.Context()
	calls := map[string]func() error{
		"payment.capture": func() error { _, err := c.Payments.Capture(ctx, payonce.CaptureParams{PaymentID: "x"}); return err },
		"refund.get":      func() error { _, err := c.Refunds.Get(ctx, "x", "y"); return err },
		"refund.list": func() error {
			for _, err := range c.Refunds.List(ctx, "x") {
				return err
			}
			return nil
		},
	}
	for _, kind := range d.lacks {
		require.Contains(t, calls, kind)
		require.ErrorIs(t, calls[kind](), payonce.ErrUnsupported, kind)
	}
	assert.Empty(t, w.sim.Requests(), "before the network")
}

func checks(t *testing.T, d *dialect) {
	t.Helper()
	w := newWorld(t, d, false, memstore.New(), setup{signed: true})
	require.NoError(t, w.client(t).Check(t.Context()))
	assert.Empty(t, w.sim.Ledger().Entries())
}

// TestAWebhookSettlesWhatNoAnswerDid loses every answer to a create. The provider's webhook, as it signs it, brings the outcome; the
// merchant hears of each event once, however often it is delivered.
func TestAWebhookSettlesWhatNoAnswerDid(t *testing.T) {
	t.Parallel()
	ends := map[string]func(simulated, string) error{"paid": simulated.Pay, "abandoned": simulated.ExpirePayment}
	for _, d := range dialects() {
		for name, end := range ends {
			t.Run(d.name+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, &d, false, memstore.New(), setup{unpaid: true, signed: true})
					c := w.client(t)
					id := loseEveryAnswer(t, w, c)
					require.NoError(t, end(w.sim, id))
					heard := deliver(t, w, c)
					require.NotEmpty(t, heard)
					for event, count := range heard {
						assert.Equal(t, 1, count, event)
					}
					posts := w.posts()
					p, err := c.Payments.Create(t.Context(), w.params("order-1"))
					if err != nil { // the first that was heard of it is its end
						require.ErrorIs(t, err, payonce.ErrDeclined)
						require.Equal(t, "abandoned", name)
					}
					require.NotNil(t, p)
					assert.Equal(t, id, p.ID)
					assert.NotEmpty(t, p.Status)
					assert.Equal(t, posts, w.posts(), "nothing was sent")
					assert.Equal(t, 1, w.sim.Ledger().Count("payment"))
					_, err = c.Payments.Create(t.Context(), w.params("order-1"), payonce.WithNewKey())
					assert.Equal(t, name == "abandoned", err == nil, "a new key: %v", err)
				})
			})
		}
	}
}

// loseEveryAnswer makes a payment of which the merchant knows nothing, and returns its id.
func loseEveryAnswer(t *testing.T, w *world, c *payonce.Client) string {
	t.Helper()
	w.sim.Script(lostForGood()...)
	_, err := c.Payments.Create(t.Context(), w.params("order-1"))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	w.sim.ClearScript()
	entries := w.sim.Ledger().Entries()
	require.Len(t, entries, 1)
	return entries[0].ID
}

// deliver takes every webhook to the merchant's handler: once spoiled, and then twice. It returns how often the merchant heard of each.
func deliver(t *testing.T, w *world, c *payonce.Client) map[string]int {
	t.Helper()
	heard := map[string]int{}
	handler, err := w.webhooks(w.provider, c, w.connect(t), func(_ context.Context, e payonce.Event) error { heard[e.ID]++; return nil })
	require.NoError(t, err)
	for _, d := range w.sim.Webhooks("/hooks/payments") {
		spoiled := d
		spoiled.Body = slices.Clone(d.Body)
		spoiled.Body[len(spoiled.Body)/2] ^= 1
		before := len(heard)
		assert.Equal(t, http.StatusUnauthorized, post(t, handler, spoiled))
		assert.Len(t, heard, before, "the merchant hears nothing of a forgery")
		for range 2 {
			assert.Equal(t, http.StatusOK, post(t, handler, d))
		}
	}
	return heard
}

// lostForGood loses the answers to all attempts of a call.
func lostForGood() []simulator.Fault {
	return []simulator.Fault{simulator.Repeated(simulator.LoseAnswer(), 4)}
}

func post(t *testing.T, h http.Handler, d simulator.Delivery) int {
	t.Helper()
	r, err := d.Request(t.Context(), "https://shop.example")
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}
