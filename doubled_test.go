package payonce_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/storetest"
)

// What happens when an earlier generation succeeded after all: a refusal that lied, a person who was wrong, an event that came late. Each
// was found by review with a test that failed.

func TestALateSuccessOfTheFirstKeyStopsTheSecond(t *testing.T) {
	t.Parallel()
	down := reply{dial: true}
	for name, again := range map[string][]payonce.CallOption{"plain": nil, "new key": {payonce.WithNewKey()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBank(reply{status: 400, body: `{"code":"bad"}`}, down, down, down, down)
				c := newClient(t, b, memory())
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrRejected)
				_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.ErrorIs(t, err, payonce.ErrNotSent)
				r, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
				require.NoError(t, err)
				require.Equal(t, payonce.StateSucceeded, r.State)
				_, _ = c.Payments.Create(t.Context(), order("order-1"), again...) // whatever it is told
				assert.Equal(t, 1, b.moved(), "the client knew that generation 1 succeeded")
			})
		})
	}
}

func TestNoNewKeyAfterAnEarlierOneSucceeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, "nothing seen"))
		b.script = []reply{{skip: true, status: 400, body: `{"code":"final"}`}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.NotErrorIs(t, err, payonce.ErrRejected, "it succeeded, under its first key")
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		assert.Error(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestResolvingTheSecondDoesNotForgetTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, ""))
		b.script = []reply{{skip: true, status: 503}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, "the second made nothing, which is true"))
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", payment.ID)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
		assert.Equal(t, 1, b.moved())
	})
}

func TestALateEventOfAPaymentThatIsOverChangesNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"answered, then expired by a fresh read", "declined by an event"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBank()
				c := newClient(t, b, memory())
				pending := eventOf(paymentID("order-1"), 1, "pay_1")
				pending.ProviderStatus, pending.Status = "pending", payonce.StatusPending
				if how == "declined by an event" {
					b.script = lostAnswers().script
					_, err := c.Payments.Create(t.Context(), order("order-1"))
					require.Error(t, err)
					e := pending
					e.ID, e.NoMoneyMoved, e.ProviderStatus = "evt-2", true, "expired"
					require.NoError(t, c.Receive(t.Context(), e, nil))
				} else {
					_, err := c.Payments.Create(t.Context(), order("order-1"))
					require.NoError(t, err)
					synctest.Wait()
					require.NoError(t, c.Receive(t.Context(), pending, nil)) // handled here, once
					b.set("pay_1", "expired")
				}
				p, err := c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				require.NoError(t, err)
				require.Equal(t, 2, p.Receipt.Generation)
				synctest.Wait()
				require.NoError(t, c.Receive(t.Context(), pending, nil))
				_, err = c.Payments.Create(t.Context(), order("order-1"))
				assert.NoError(t, err, "the second payment succeeded, the first moved no money")
			})
		})
	}
}

func TestAnAnswerThatComesAfterItsPaymentIsOverChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		slow, other := newBank(), newClient(t, b, store)
		slow.script = []reply{{hook: func() {
			e := eventOf(paymentID("order-1"), 1, "pay_1")
			e.NoMoneyMoved = true
			_, err := other.Settle(t.Context(), e)
			assert.NoError(t, err)
			_, err = other.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
			assert.NoError(t, err)
			synctest.Wait()
		}}}
		c := newClient(t, slow, store)
		_, _ = c.Payments.Create(t.Context(), order("order-1"))
		synctest.Wait()
		_, err := other.Payments.Create(t.Context(), order("order-1"))
		assert.NoError(t, err, "only the second moved money")
	})
}

func TestAnEventDoesNotUndoAPersonsWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.Error(t, err)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, ""))
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil))
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.Executed, "the first was refunded"))
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_2", p.ID, "the id of the second was known")
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil)) // the very same event, delivered again
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.NoError(t, err, "a person has settled it")
	})
}

func TestALookupDoesNotSettleTwoSuccesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		b.lookup = true
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.Error(t, err)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, ""))
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil))
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.ErrorIs(t, err, payonce.ErrInDoubt, "both moved money: only a person settles that")
		require.Equal(t, 2, b.moved())
	})
}

// The later generation asked for something else: a person must look.
func TestALateSuccessOfOtherContentIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{status: 400, body: `{"code":"bad"}`}, reply{skip: true, status: 400, body: `{"code":"bad"}`})
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		dear := order("order-1")
		dear.Amount.Minor = 700000
		_, err = c.Payments.Create(t.Context(), dear, payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), dear)
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		_, err = c.Payments.Create(t.Context(), dear, payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.Equal(t, 1, b.moved())
	})
}

// The earlier success is stored and the later record could not be told: the earlier one still counts.
func TestNoNewKeyAfterAnEarlierOneSucceededThoughTheLaterWasNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 400, body: `{"code":"bad"}`}, reply{skip: true, status: 400, body: `{"code":"bad"}`}), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		faulty := newClient(t, b, storetest.Fail(store, storetest.Nth(storetest.Save, 2)))
		_, err = faulty.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.Error(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.Error(t, err)
		assert.Equal(t, 1, b.moved())
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", payment.ID)
	})
}
