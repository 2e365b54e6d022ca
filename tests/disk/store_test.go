package disk_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/storetest"
)

// story is a payment that goes wrong, which is recovered and asked for again.
type story struct {
	name   string
	faults []simulator.Fault
	dear   bool
}

func stories() []story {
	return []story{
		{"the answer is lost", []simulator.Fault{simulator.LoseAnswer()}, false},
		{"every answer is lost", []simulator.Fault{simulator.LoseAnswer(), simulator.LoseAnswer()}, false},
		{"it is not sent", []simulator.Fault{simulator.Repeated(simulator.ConnectionRefused(), 2)}, false},
		{"the answer is lost, and it is declined", []simulator.Fault{simulator.LoseAnswer()}, true},
	}
}

// TestEveryStoreCallFails lets each call of the store fail, once or it and all later ones, after it was done or without.
func TestEveryStoreCallFails(t *testing.T) {
	t.Parallel()
	type wrap func(payonce.KeyStore, storetest.When) *storetest.Faulty
	for _, d := range dialects() {
		for _, tale := range stories() {
			for name, fail := range map[string]wrap{"fails": storetest.Fail, "is done and fails": storetest.CommitThenFail} {
				for often, when := range map[string]func(int) storetest.When{"once": storetest.NthCall, "from then on": storetest.FromCall} {
					for _, disk := range []bool{false, true} {
						if disk && sampled(2) > 1 {
							continue // the calls are the same
						}
						t.Run(d.name+", "+tale.name+", a call "+name+" "+often, func(t *testing.T) {
							t.Parallel()
							calls := 0
							for n := 1; n == 1 || calls >= n; n++ {
								calls = failing(t, &d, tale, disk, func(store payonce.KeyStore) *storetest.Faulty { return fail(store, when(n)) })
								require.False(t, t.Failed(), "call %d of the store", n)
							}
							require.Greater(t, calls, 4, "hardly a call of the store was made")
							t.Logf("%d calls", calls)
						})
					}
				}
			}
		}
	}
}

// failing tells a story with a store that fails, and returns how often it was called.
func failing(t *testing.T, d *dialect, tale story, disk bool, wrap func(payonce.KeyStore) *storetest.Faulty) (calls int) {
	t.Helper()
	path := t.TempDir() + "/payments.db"
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, d)
		var inner payonce.KeyStore = memstore.New()
		if disk {
			store, err := s.open(path)
			require.NoError(t, err)
			defer func() { assert.NoError(t, store.Close()) }()
			inner = store
		}
		price := d.price
		if tale.dear {
			price = d.dear
		}
		faulty := wrap(inner)
		s.sim.Script(tale.faults...)
		var told error
		s.work(faulty, func(c *payonce.Client) { told = s.pay(c, "order-1", price) })
		s.sim.ClearScript()
		elapse(time.Minute)
		s.work(faulty, func(c *payonce.Client) {
			s.recover(c)
			if errors.Is(told, payonce.ErrNotSent) || errors.Is(told, payonce.ErrRejected) {
				assert.Zero(t, s.moved(s.keysOf("order-1")...), "it was sent without a call after the caller was told: %v", told)
			}
			_ = s.pay(c, "order-1", price)
		})
		elapse(time.Minute)

		s.work(inner, func(c *payonce.Client) {
			s.recover(c)
			err := s.pay(c, "order-1", price)
			if tale.dear {
				require.ErrorIs(t, err, payonce.ErrDeclined)
			} else {
				require.NoError(t, err)
			}
		})
		assert.Len(t, s.sim.Ledger().Entries(), 1)
		s.account(inner, "order-1")
		calls = faulty.Calls()
	})
	return calls
}
