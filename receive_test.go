package payonce_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/storetest"
)

func TestAnEventIsHandledOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory()
		first, second := newClient(t, newBank(), store), newClient(t, newBank(), store)
		e := payonce.Event{Account: "bank/test/shop", ID: "evt-1", Type: "paid"}
		var calls atomic.Int32
		fail := errors.New("the merchant's database is down")
		require.ErrorIs(t, first.Receive(t.Context(), e, func(context.Context) error { calls.Add(1); return fail }), fail)
		handle := func(context.Context) error { calls.Add(1); advance(time.Second); return nil }
		done := make(chan error)
		for range 4 {
			go func() { done <- first.Receive(t.Context(), e, handle) }()
		}
		for range 4 {
			require.NoError(t, <-done)
		}
		require.NoError(t, second.Receive(t.Context(), e, handle))
		assert.EqualValues(t, 2, calls.Load(), "once in vain and once")
		e.ID = strings.Repeat("long ", 100)
		require.NoError(t, second.Receive(t.Context(), e, nil))
		e.ID = ""
		require.ErrorIs(t, second.Receive(t.Context(), e, handle), payonce.ErrInvalid)
		for r, err := range first.Recover(t.Context()) {
			t.Errorf("an event is no operation to recover: %v %v", r, err)
		}
	})
}

func TestAnEventThatSomebodyElseHandlesIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory()
		first, second := newClient(t, newBank(), store), newClient(t, newBank(), store)
		e := payonce.Event{Account: "bank/test/shop", ID: "evt-1"}
		begun, end := make(chan bool), make(chan bool)
		done := make(chan error)
		go func() {
			done <- first.Receive(t.Context(), e, func(context.Context) error { close(begun); <-end; return nil })
		}()
		<-begun
		for range 3 { // longer than a lease, which is renewed meanwhile
			advance(20 * time.Second)
			err := second.Receive(t.Context(), e, func(context.Context) error { t.Error("handled twice"); return nil })
			require.Error(t, err)
		}
		close(end)
		require.NoError(t, <-done)
	})
}

func TestAnEventIsNotHandledBeforeItCanBeRemembered(t *testing.T) {
	t.Parallel()
	store := storetest.Fail(memory(), storetest.Nth(storetest.Claim, 1))
	c := newClient(t, newBank(), store)
	e := payonce.Event{Account: "bank/test/shop", ID: "evt-1"}
	require.Error(t, c.Receive(t.Context(), e, func(context.Context) error { t.Error("called"); return nil }))
	called := false
	require.NoError(t, c.Receive(t.Context(), e, func(context.Context) error { called = true; return nil }))
	assert.True(t, called)
}

func TestANilHandleRemembersNothing(t *testing.T) {
	t.Parallel()
	store := memory()
	settler, shop := newClient(t, newBank(), store), newClient(t, newBank(), store)
	e := payonce.Event{Account: "bank/test/shop", ID: "evt-1"}
	require.NoError(t, settler.Receive(t.Context(), e, nil))
	called := false
	require.NoError(t, shop.Receive(t.Context(), e, func(context.Context) error { called = true; return nil }))
	assert.True(t, called)
}

func TestNoFaultOfTheStoreLosesAnEvent(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		for name, make := range map[string]func(payonce.KeyStore, storetest.When) *storetest.Faulty{"commit": storetest.CommitThenFail, "fail": storetest.Fail} {
			synctest.Test(t, func(t *testing.T) {
				store := memory()
				b := lostAnswers()
				_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
				require.Error(t, err)
				c := newClient(t, b, make(store, storetest.NthCall(n+1)))
				calls, acked := 0, false
				for range 3 {
					func() {
						defer func() {
							if p := recover(); p != nil {
								t.Errorf("%s %d panics: %v", name, n, p)
								err = errors.New("panic")
							}
						}()
						err = c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), func(context.Context) error { calls++; return nil })
					}()
					if err == nil {
						acked = true
						break
					}
				}
				assert.True(t, acked, "%s %d: %v", name, n, err)
				assert.LessOrEqual(t, calls, 2)
				assert.GreaterOrEqual(t, calls, 1)
				_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
				assert.NoError(t, err, "%s %d", name, n)
				assert.Equal(t, 1, b.moved())
			})
		}
	}
}

func TestAnEventIsNotMistakenForAnotherGenerations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var down atomic.Bool
		var other *payonce.Client
		b.script = []reply{{hook: func() { // a person is wrong while the answer is on its way
			rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
			require.NoError(t, err)
			rec.State, rec.KeySpent, rec.Lease = payonce.StateRejected, true, payonce.Lease{}
			require.NoError(t, store.Save(t.Context(), rec))
		}}}
		down.Store(true)
		c := newClient(t, b, storetest.Fail(store, func(call storetest.Call) bool {
			return down.Load() && (call.Method == storetest.SaveLater || call.Method == storetest.Save)
		}))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		other = newClient(t, b, store, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		b.script = []reply{{lose: true}}
		_, err = other.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		e := eventOf(paymentID("order-1"), 2, "pay_2")
		e.NoMoneyMoved = true
		advance(30 * time.Second)
		down.Store(false) // up again; the next try to store the success comes within 10 s
		err = c.Receive(t.Context(), e, nil)
		rec, loadErr := store.Load(t.Context(), paymentID("order-1"), 2)
		require.NoError(t, loadErr)
		assert.False(t, err == nil && rec.State == payonce.StateOpen, "acknowledged, and nothing was settled")
		advance(time.Minute)
	})
}

func TestAnEventThatCantBeSettledIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := newClient(t, newBank(), storetest.Fail(memory(), storetest.From(storetest.Load, 1)), func(cfg *payonce.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	log.Reset()
	require.Error(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil))
	assert.NotEmpty(t, log.String(), "internal/webhook drops the error: 500 for ever without a word")
}

func TestAHandlerThatPanicsFreesTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory()
		c, other := newClient(t, newBank(), store), newClient(t, newBank(), store)
		e := payonce.Event{Account: "bank/test/shop", ID: "evt-1"}
		called := false
		handle := func(context.Context) error { called = true; return nil }
		assert.Panics(t, func() { _ = c.Receive(t.Context(), e, func(context.Context) error { panic("boom") }) })
		require.Error(t, other.Receive(t.Context(), e, handle), "its lease still lives")
		advance(16 * time.Second)
		require.NoError(t, other.Receive(t.Context(), e, handle))
		assert.True(t, called)
	})
}
