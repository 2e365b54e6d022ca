package payonceriver_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/errgroup"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
)

// placeVariable holds a place: this is a process of the fleet.
const placeVariable = "PAYONCE_RIVER_PLACE"

// place is where a process of the fleet works.
type place struct {
	Database, Bank string
	// Orders is the number of the last order that is taken.
	Orders int
	// Seed decides which transactions are rolled back, and where the process dies by itself.
	Seed uint64
}

// noMore is what a process says when it takes no more orders.
const noMore = "no more orders"

const (
	// clerks take orders in each process, at the same time.
	clerks = 4
	// rollbacks and deaths are the odds that a transaction is rolled back, and that the process dies at one of its steps.
	rollbacks = 0.25
	deaths    = 0.005
)

// serve is a process of the fleet: it takes orders until there are enough, and pays them until its input ends.
func serve(text string) error {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx := context.Background()
	m, err := openMerchant(ctx, p.Database, p.Bank, habits{lease: time.Second, recovers: time.Second})
	if err != nil {
		return err
	}
	if err := m.jobs.Start(ctx); err != nil {
		return err
	}
	var all errgroup.Group
	for n := range uint64(clerks) {
		all.Go(func() error { return (&clerk{m, p.Orders, rand.New(rand.NewPCG(p.Seed, n))}).work(ctx) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, noMore)
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, m.close(ctx))
}

// clerk takes orders, one after the other.
type clerk struct {
	*merchant

	last  int
	dices *rand.Rand
}

func (c *clerk) work(ctx context.Context) error {
	shelf := stdlib.OpenDBFromPool(c.pool)
	defer func() { _ = shelf.Close() }() // the pool stays
	for {
		var n int
		if err := c.pool.QueryRow(ctx, "select nextval('order_number')").Scan(&n); err != nil {
			return err
		}
		if n > c.last {
			return nil
		}
		rec, err := c.client.Payments.Prepare(order(reference(n)))
		if err != nil {
			return err
		}
		if hasJob(n) {
			err = c.take(ctx, rec)
		} else {
			err = c.takeSQL(ctx, shelf, rec)
		}
		if err != nil {
			return err
		}
	}
}

func reference(n int) string { return fmt.Sprint("order-", n) }

// hasJob says that an order's payment gets a job. The others are taken with database/sql, without River, and paid by recovery.
func hasJob(n int) bool { return n%2 == 1 }

// take commits an order with its payment and its job, or rolls all of them back, or dies.
func (c *clerk) take(ctx context.Context, rec *payonce.Record) error {
	tx, err := c.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing to do after a commit
	if _, err := tx.Exec(ctx, "insert into orders values ($1)", rec.ID.Reference); err != nil {
		return err
	}
	c.perhapsDie("after the order")
	insert := func(ctx context.Context, tx pgx.Tx, rec *payonce.Record) error {
		err := c.store.InsertTx(ctx, tx, rec)
		c.perhapsDie("after the record")
		return err
	}
	if _, err := payonceriver.InsertTx(ctx, c.jobs, tx, insert, rec, nil); err != nil {
		return err
	}
	c.perhapsDie("after the job")
	if c.changesItsMind() {
		return tx.Rollback(ctx)
	}
	err = tx.Commit(ctx)
	c.perhapsDie("after the commit")
	return err
}

// takeSQL is take with database/sql, without a job.
func (c *clerk) takeSQL(ctx context.Context, shelf *sql.DB, rec *payonce.Record) error {
	tx, err := shelf.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit
	if _, err := tx.ExecContext(ctx, "insert into orders values ($1)", rec.ID.Reference); err != nil {
		return err
	}
	c.perhapsDie("after the order")
	if err := c.store.InsertSQLTx(ctx, tx, rec); err != nil {
		return err
	}
	c.perhapsDie("after the record")
	if c.changesItsMind() {
		return tx.Rollback()
	}
	err = tx.Commit()
	c.perhapsDie("after the commit")
	return err
}

func (c *clerk) changesItsMind() bool { return c.dices.Float64() < rollbacks }

// perhapsDie is a kill -9 at a step of the transaction. It tells which.
func (c *clerk) perhapsDie(step string) {
	if c.dices.Float64() >= deaths {
		return
	}
	_, _ = fmt.Fprintln(os.Stdout, step)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until it is dead
}
