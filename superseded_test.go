package payonce_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/storetest"
)

// What happens when an earlier generation's success comes to light while a later one is begun, or after it. Found by a second review.

func TestASuccessThatComesWhileANewKeyIsMadeStopsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 400, body: `{"code":"bad"}`}), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		between := &crossing{KeyStore: store}
		slow := newClient(t, b, between)
		between.beforeClaim = func() {
			r, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
			assert.NoError(t, err)
			assert.Equal(t, payonce.StateSucceeded, r.State)
		}
		_, _ = slow.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		synctest.Wait()
		assert.Equal(t, 1, b.moved(), "the store knew that generation 1 succeeded before generation 2 was claimed")
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		if b.moved() == 2 {
			assert.ErrorIs(t, err, payonce.ErrInDoubt, "two generations succeeded and nobody is told")
		}
	})
}

func TestOnlyWhatWasReadIsRetired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 400, body: `{"code":"bad"}`}, reply{skip: true, status: 400, body: `{"code":"bad"}`}), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		// Generation 2 is being retired; generation 1's success is stored, its process dies before it tells generation 2.
		between := &crossing{KeyStore: store}
		between.beforeSave = func() {
			_, _ = newClient(t, b, storetest.Fail(store, storetest.Nth(storetest.Save, 2))).Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		}
		_, _ = newClient(t, b, between).Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		rec, err := store.Load(t.Context(), paymentID("order-1"), 1)
		require.NoError(t, err)
		require.Equal(t, payonce.StateSucceeded, rec.State)
		assert.False(t, rec.KeySpent, "no fresh read ever showed pay_1 over")
		assert.Equal(t, 1, b.moved())
	})
}

func TestMoneyThatMovedAfterAllIsNotOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		synctest.Wait()
		b.set("pay_1", "expired")
		b.script = []reply{{skip: true, status: 400, body: `{"code":"bad"}`}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		b.set("pay_1", "paid") // it was paid at the last moment
		e := eventOf(paymentID("order-1"), 1, "pay_1")
		e.Status = payonce.StatusSucceeded
		faulty := newClient(t, b, storetest.Fail(store, storetest.From(storetest.Save, 1)))
		_, err = faulty.Settle(t.Context(), e) // the provider will deliver again, later
		require.Error(t, err)
		up := newClient(t, b, storetest.Fail(store, storetest.Nth(storetest.Save, 2)))
		_, err = up.Settle(t.Context(), e) // the earlier record could be told, the later not
		require.Error(t, err)
		rec, err := store.Load(t.Context(), paymentID("order-1"), 1)
		require.NoError(t, err)
		assert.False(t, rec.State == payonce.StateSucceeded && rec.KeySpent, "generation 1 is still 'over without money'")
	})
}

func TestNoNewKeyAfterMoneyMovedAfterAll(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{"later record not told": "fault", "between retire and claim": "race"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				c := newClient(t, b, store)
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.NoError(t, err)
				synctest.Wait()
				b.set("pay_1", "expired")
				e := eventOf(paymentID("order-1"), 1, "pay_1")
				e.Status = payonce.StatusSucceeded
				if in == "fault" {
					b.script = []reply{{skip: true, status: 400, body: `{"code":"bad"}`}}
					_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
					require.ErrorIs(t, err, payonce.ErrRejected)
					b.set("pay_1", "paid")
					// the last Save of Settle fails, whichever record that is
					_, err = newClient(t, b, storetest.Fail(store, storetest.Nth(storetest.Save, 2))).Settle(t.Context(), e)
					require.Error(t, err)
					_, _ = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				} else {
					between := &crossing{KeyStore: store}
					between.beforeClaim = func() {
						b.set("pay_1", "paid")
						_, err := c.Settle(t.Context(), e)
						assert.NoError(t, err)
					}
					_, _ = newClient(t, b, between).Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
				}
				assert.Equal(t, 1, b.moved(), "a verified event said that pay_1 moved money")
			})
		})
	}
}

func TestAnAdoptedSuccessAndAnOwnOneAreInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, ""))
		b.script = []reply{{lose: true}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, "a person is wrong again"))
		e := eventOf(paymentID("order-1"), 2, "pay_2")
		e.Status = payonce.StatusSucceeded
		_, err = c.Settle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, 2, b.moved())
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.ErrorIs(t, err, payonce.ErrInDoubt, "both generations are known to have succeeded")
	})
}

func TestWhatIsOverIsNotAdopted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{status: 400, body: `{"code":"bad"}`}) // lies: pay_1 is made
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		synctest.Wait()
		b.set("pay_2", "expired")
		b.script = []reply{{skip: true, status: 503}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, "true"))
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", p.ID, "pay_2 is known to have expired; pay_1 moved the money")
	})
}

func TestAHeldSuccessOfAnEarlierKeyRefusesANewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var down atomic.Bool
		down.Store(true)
		b.script = []reply{{hook: func() {
			rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
			require.NoError(t, err)
			rec.State, rec.KeySpent, rec.Lease = payonce.StateRejected, true, payonce.Lease{}
			require.NoError(t, store.Save(t.Context(), rec))
		}}}
		c := newClient(t, b, storetest.Fail(store, func(call storetest.Call) bool {
			return down.Load() && (call.Method == storetest.SaveLater || call.Method == storetest.Save)
		}))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		other := newClient(t, b, store)
		b.script = []reply{{skip: true, status: 400, body: `{"code":"final"}`}}
		_, err = other.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		down.Store(false)
		assert.Error(t, err, "this very client told its caller that generation 1 succeeded")
		assert.Equal(t, 1, b.moved())
		advance(time.Minute)
	})
}

func TestAnOwnEventKeepsAPersonsWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.Error(t, err)
		advance(6 * time.Minute)
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, ""))
		b.script = []reply{{lose: true}}
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.Error(t, err)
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil))
		require.NoError(t, c.Resolve(t.Context(), paymentID("order-1"), payonce.Executed, "the first was refunded"))
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 2, "pay_2"), nil))
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_2", p.ID)
		require.NoError(t, c.Receive(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"), nil)) // again
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.NoError(t, err, "a person has settled it")
	})
}
