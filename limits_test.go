package payonce_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func TestACausesWordsAreNotTheOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, forbid := newBank(), false
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if forbid && req.Method == http.MethodGet {
					return response(req, 403, `{"code":"no"}`, nil), nil
				}
				return b.RoundTrip(req)
			})}
		})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		forbid = true
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
		require.NotErrorIs(t, err, payonce.ErrRejected, "that was the read")

		b.script = []reply{{lose: true}}
		b.authorize = func(bool) error {
			if b.moved() > 1 {
				return payonce.ErrInvalid
			}
			return nil
		}
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, payonce.ErrInvalid, "that was the signer")
	})
}

func TestReadsAreNotWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, n, flaky := newBank(), 0, true
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if n++; flaky && n%2 == 1 {
					return response(req, 503, ``, nil), nil
				}
				return b.RoundTrip(req)
			})}
		})
		_, err := c.Payments.Get(t.Context(), "pay_9")
		require.ErrorIs(t, err, payonce.ErrNotFound, "also after a 503")
		b.set("pay_1", "x")
		for range 200 { // drains the retry budget
			_, _ = c.Payments.Get(t.Context(), "pay_1")
		}
		flaky = false
		for range 600 { // fills it again
			_, err := c.Payments.Get(t.Context(), "pay_1")
			require.NoError(t, err)
		}
		flaky, n = true, 0
		_, err = c.Payments.Get(t.Context(), "pay_1")
		require.NoError(t, err)
	})
}

// stuckSave is a store on a disk that no longer answers.
type stuckSave struct{ payonce.KeyStore }

func (stuckSave) Save(ctx context.Context, _ *payonce.Record) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestACancelledCallDoesNotWaitForASlowStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{status: 503, skip: true})
		c := newClient(t, b, stuckSave{memory()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Payments.Create(ctx, order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Equal(t, time.Millisecond, time.Since(start))
	})
}

func TestALookupIsAsOldAsItsQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		b.lookup = true
		c := newClient(t, b, durable{memory()}, func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPost {
					return response(req, 409, `{"code":"duplicate"}`, nil), nil
				}
				res, err := b.RoundTrip(req)
				advance(9 * time.Second)
				return res, err
			})}
		})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(5*time.Minute - 10*time.Second)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "asked before the last attempt could no longer be on its way")
		advance(time.Minute)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
	})
}

func TestAbsenceElsewhereProvesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		b.lookup = true
		leaveOpen(t, b, durable{store}, "order-1")
		elsewhere := newBank()
		elsewhere.lookup, elsewhere.profile = true, func(p *payonce.Profile) { p.BaseURL = "https://elsewhere.example" }
		advance(time.Hour)
		c := newClient(t, elsewhere, durable{store})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.Zero(t, elsewhere.moved())
	})
}

func TestAPreparedOperationSurvivesThrottling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		throttled := reply{status: 429, skip: true, body: `{}`}
		b, store := newBank(throttled, throttled, throttled, throttled), memory()
		c := newClient(t, b, store)
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		_, _ = recoverAll(t, c)
		advance(10 * time.Hour)
		_, _ = recoverAll(t, c)
		assert.Equal(t, 1, b.moved(), "nobody was told, so nobody would ask again")
	})
}

func TestA2xxIsRememberedWhenSomebodyElseTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 201, body: `{`}, reply{status: 400, body: `{"code":"final"}`}), memory()
		c := newClient(t, b, &crossing{KeyStore: store, beforeSave: func() {
			rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
			require.NoError(t, err)
			rec.Lease = payonce.Lease{}
			require.NoError(t, store.Save(t.Context(), rec))
		}})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, payonce.ErrRejected)
	})
}

func TestAResolvedPaymentDoesNotWearItsFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := reply{status: 500, body: `{"code":"internal_error"}`}
		b := newBank(failed, failed, failed, failed)
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.Error(t, err)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.Executed, "seen on the statement"))
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Empty(t, p.ProviderStatus)
	})
}

func TestADeadTokenIsRenewedEvenWithoutRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{status: 401, skip: true, body: `{}`})
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestTheMethodsDefaultIsNoOtherContent(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	op := payonce.Operation{Kind: "bank.thing", Reference: "r", Path: "/things", Body: map[string]int{"a": 1}}
	_, err := payonce.Do[payonce.Raw](t.Context(), c, op)
	require.NoError(t, err)
	op.Method = http.MethodPost
	_, err = payonce.Do[payonce.Raw](t.Context(), c, op)
	require.NoError(t, err)
	assert.Len(t, b.writes(), 1)
}

func TestAKeyOfOnesOwnForTheNextGeneration(t *testing.T) {
	t.Parallel()
	b := newBank(reply{status: 400, skip: true, body: `{"code":"final"}`})
	c := newClient(t, b, memory())
	_, err := c.Payments.Create(t.Context(), order("order-1"), payonce.WithKey("mine-1"))
	require.ErrorIs(t, err, payonce.ErrRejected)
	_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey(), payonce.WithKey("mine-1"))
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "a key is used up")
	p, err := c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey(), payonce.WithKey("mine-2"))
	require.NoError(t, err)
	assert.Equal(t, "mine-2", p.Receipt.Key)
	b.script = []reply{{status: 400, skip: true, body: `{"code":"final"}`}}
	_, err = c.Payments.Create(t.Context(), order("order-2"))
	require.ErrorIs(t, err, payonce.ErrRejected)
	_, err = c.Payments.Create(t.Context(), order("order-2"), payonce.WithNewKey(), payonce.WithKey(detail(t, err).Key))
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "a derived one too")
}

func TestCloseWhileCallsRun(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 500 {
			_, err := c.Payments.Create(context.WithoutCancel(t.Context()), order(string(rune('a'+i%26))+string(rune('a'+i/26))))
			assert.NoError(t, err)
		}
	}()
	for range 50 {
		assert.NoError(t, c.Close())
	}
	<-done
}
