package payonce_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/storetest"
)

func TestAStoreThatCommitsAndThenFailsCostsNothing(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		t.Run(fmt.Sprint("call ", n+1), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(reply{lose: true}), memory()
				faulty := storetest.CommitThenFail(store, storetest.NthCall(n+1))
				c := newClient(t, b, faulty)
				_, _ = c.Payments.Create(t.Context(), order("order-1"))
				p, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
				require.NoError(t, err)
				assert.Equal(t, "pay_1", p.ID)
				assert.Equal(t, 1, b.moved())
				assert.LessOrEqual(t, len(b.writes()), p.Receipt.Attempts, "every request was marked")
			})
		})
	}
}

func TestAStoreThatIsDownSendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		c := newClient(t, b, storetest.Fail(memory(), storetest.From(storetest.Claim, 1)))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrNotSent, "the store can be read: there is no record")
		require.ErrorIs(t, err, storetest.ErrFault)
		c = newClient(t, b, storetest.Fail(memory(), storetest.FromCall(1)))
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "an earlier call may have begun it")
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.ErrorIs(t, c.Resolve(t.Context(), payonce.OperationID{}, payonce.Executed, ""), payonce.ErrUnavailable)
		for _, err := range c.Recover(t.Context()) {
			require.ErrorIs(t, err, payonce.ErrUnavailable)
		}
		assert.Empty(t, b.seen)
	})
}

func TestARetryIsNotSentWhenItsMarkCantBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 503}), memory()
		c := newClient(t, b, storetest.Fail(store, storetest.From(storetest.Save, 1)))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Len(t, b.writes(), 1)
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestASuccessThatCantBeStoredIsHeldAndToldAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var down atomic.Bool
		down.Store(true)
		faulty := storetest.Fail(store, func(call storetest.Call) bool { return down.Load() && call.Method != storetest.Claim })
		c := newClient(t, b, faulty)
		for range 2 {
			p, err := c.Payments.Create(t.Context(), order("order-1"))
			require.NoError(t, err, "the payment was made, and this process knows it")
			assert.Equal(t, "pay_1", p.ID)
		}
		down.Store(false)
		require.NoError(t, c.Close())
		rec, err := store.Load(t.Context(), payonce.OperationID{Account: "bank/test/shop", Kind: "payment.create", Reference: "order-1"}, 0)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, rec.State)
		assert.Len(t, b.writes(), 1)

		broken, err := payonce.New(payonce.Config{
			Provider: b.provider(), Store: storetest.Fail(memory(), storetest.From(storetest.SaveLater, 1)), HTTPClient: &http.Client{Transport: b}, RecoverEvery: -1,
		})
		require.NoError(t, err)
		_, err = broken.Payments.Create(t.Context(), order("order-2"))
		require.NoError(t, err)
		require.NoError(t, broken.Close(), "Save still works")

		broken, err = payonce.New(payonce.Config{
			Provider: b.provider(), Store: storetest.Fail(memory(), func(call storetest.Call) bool { return call.Method != storetest.Claim }), HTTPClient: &http.Client{Transport: b}, RecoverEvery: -1,
		})
		require.NoError(t, err)
		_, err = broken.Payments.Create(t.Context(), order("order-3"))
		require.NoError(t, err)
		require.ErrorContains(t, broken.Close(), "order-3")
	})
}

func TestALateSuccessWinsOverARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var log bytes.Buffer
		var other *payonce.Client
		b.script = []reply{{hook: func() {
			// While the request is on its way somebody resolves the operation the wrong way round.
			rec, err := store.Load(t.Context(), payonce.OperationID{Account: "bank/test/shop", Kind: "payment.create", Reference: "order-1"}, 0)
			require.NoError(t, err)
			rec.State, rec.KeySpent, rec.Lease = payonce.StateRejected, true, payonce.Lease{}
			require.NoError(t, store.Save(t.Context(), rec))
		}}}
		c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		other = newClient(t, b, store)
		p, err := other.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", p.ID)
		assert.Contains(t, log.String(), "a success arrived after the operation was closed")
	})
}

func TestSecretsAppearNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const canary = "canary-7f3a"
		b := newBank(reply{status: 500, body: canary}, reply{lose: true}, reply{status: 400, body: `{"code":"bad","secret":"` + canary + `"}`})
		b.profile = func(p *payonce.Profile) { p.Credential = canary }
		var log bytes.Buffer
		store := memory()
		c := newClient(t, b, store, func(cfg *payonce.Config) {
			cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		p := order("order-1")
		p.Description = canary
		_, err := c.Payments.Create(t.Context(), p)
		require.Error(t, err)
		p.Reference = "order-2"
		payment, payErr := c.Payments.Create(t.Context(), p)
		require.NoError(t, payErr)
		payment.NextURL, payment.ClientToken, payment.Raw = canary, canary, payonce.Raw(canary)
		rec, loadErr := store.Load(t.Context(), detail(t, err).Operation, 0)
		require.NoError(t, loadErr)
		require.Contains(t, string(rec.Body), canary, "the canary is in the body, or this test proves nothing")
		profile := b.provider().Profile()
		values := []any{err, detail(t, err), *detail(t, err), c, rec, *rec, payment, *payment, profile, &profile, payonce.Secret(canary), payonce.Raw(canary), payment.Receipt, c.Payments, requestWith(canary)}
		hidden := []string{canary, fmt.Sprintf("%x", canary), "token-1"}
		check := func(where, text string) {
			for _, word := range hidden {
				assert.False(t, strings.Contains(text, word), "%s shows %q", where, word)
			}
		}
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				check(fmt.Sprintf("%T under %s", v, verb), fmt.Sprintf(verb, v))
			}
			text, jsonErr := json.Marshal(v)
			require.NoError(t, jsonErr)
			check(fmt.Sprintf("%T in JSON", v), string(text))
		}
		check("the log", log.String())
	})
}

func requestWith(body string) any {
	return payonce.Result[payonce.Secret]{Value: payonce.Secret(body), Raw: payonce.Raw(body)}
}

func TestTheRetryBudgetEndsAStormOfRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		for range 1000 {
			b.script = append(b.script, reply{status: 503, skip: true})
		}
		c := newClient(t, b, memory())
		for i := range 200 {
			_, err := c.Payments.Create(t.Context(), order(fmt.Sprint("order-", i)))
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		}
		assert.Len(t, b.writes(), 200+500/5, "a hundred retries for all calls together")
	})
}

func TestAPanickingProviderIsAnUnknownOutcomeNotACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		c, err := payonce.New(payonce.Config{Provider: panicky{dialect{b}}, Store: memory(), HTTPClient: &http.Client{Transport: b}, RecoverEvery: -1})
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		b.authorize = func(bool) error { panic("signer") }
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrNotSent)
		b.authorize = func(bool) error { return payonce.ErrInvalid }
		_, err = c.Payments.Create(t.Context(), order("order-3"))
		require.ErrorIs(t, err, payonce.ErrNotSent)
		assert.Equal(t, 1, detail(t, err).Sent, "wrong credentials are not tried again")
	})
}

type panicky struct{ dialect }

func (panicky) Classify(*payonce.Request, *payonce.Response) payonce.Verdict { panic("decoder") }
