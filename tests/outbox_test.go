package tests_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/sqlitestore"
)

// A merchant writes orders into the store's own file, each with its payment in one transaction, of which some are rolled back. Processes
// that recover what was committed die at random. Every committed order is paid once, and nothing else.
//
// PAYONCE_ORDERS is how many for each provider, PAYONCE_SEED the seed.
func TestCommittedOrdersArePaidOnceAndOthersNever(t *testing.T) {
	t.Parallel()
	total, seed := number(t, "PAYONCE_ORDERS", 40), number(t, "PAYONCE_SEED", 1)
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir() + "/shop.db"
			synctest.Test(t, func(t *testing.T) {
				o := newOutbox(t, &d, path, uint64(seed))
				for i := range total {
					o.order(fmt.Sprint("order-", i))
					if o.rnd.IntN(8) == 0 {
						o.recover(int64(o.rnd.IntN(120)))
					}
				}
				o.recover(0)
				advance(time.Minute) // leases of the dead
				o.recover(0)
				o.verdict()
			})
		})
	}
}

// outbox is a merchant with orders in the store's file.
type outbox struct {
	t         *testing.T
	w         *world
	db        *sql.DB
	rnd       *rand.Rand
	committed map[string]bool
}

func newOutbox(t *testing.T, d *dialect, path string, seed uint64) *outbox {
	t.Helper()
	o := &outbox{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), committed: map[string]bool{}}
	o.w = newWorld(t, d, false, openSQLite(t, path), setup{})
	t.Logf("PAYONCE_SEED=%d", seed)
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), "create table orders (reference text primary key)")
	require.NoError(t, err)
	o.db = db
	return o
}

// order is what the merchant's checkout does: it commits the order and its payment, changes its mind, or dies before the commit.
func (o *outbox) order(reference string) {
	c := o.w.process(o.t, o.w.store, nil)
	defer c.stop()
	rec, err := c.Payments.Prepare(o.w.params(reference))
	require.NoError(o.t, err)
	tx, err := o.db.BeginTx(o.t.Context(), nil)
	require.NoError(o.t, err)
	_, err = tx.ExecContext(o.t.Context(), "insert into orders values (?)", reference)
	require.NoError(o.t, err)
	require.NoError(o.t, sqlitestore.InsertTx(o.t.Context(), tx, rec))
	if o.rnd.IntN(3) == 0 {
		require.NoError(o.t, tx.Rollback())
		_, err := o.w.store.Load(o.t.Context(), rec.ID, 0)
		require.ErrorIs(o.t, err, payonce.ErrNotFound)
		return
	}
	require.NoError(o.t, tx.Commit())
	o.committed[reference] = true
}

// recover is the life of a process that recovers, and dies at one of its moments; 0 is never. The first answers are lost.
func (o *outbox) recover(dies int64) {
	if dies > 0 {
		o.w.sim.Script(simulator.LoseAnswer())
	}
	var moments atomic.Int64
	p := o.w.process(o.t, o.w.store, func(moment) bool { return moments.Add(1) == dies })
	defer p.stop()
	for _, err := range p.Recover(p.life) {
		_ = err // the ledger judges
	}
}

func (o *outbox) verdict() {
	moved := 0
	for _, e := range o.w.sim.Ledger().Entries() {
		if !e.Declined {
			moved++
		}
	}
	assert.Equal(o.t, len(o.committed), moved)
	j := judge{sim: o.w.sim, store: o.w.store}
	for reference := range o.committed {
		assert.Equal(o.t, 1, j.effects(o.w.id(reference)), reference)
		rec, err := o.w.store.Load(context.Background(), o.w.id(reference), 0)
		require.NoError(o.t, err)
		assert.Equal(o.t, payonce.StateSucceeded, rec.State, reference)
	}
}
