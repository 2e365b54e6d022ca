// Command fleet commits thousands of orders, each with its payment in one transaction, lets three processes pay them, kills these at
// random, and shows that each order was paid once.
//
// The processes share one PostgreSQL, which holds the orders, payonce's records and River's jobs. It is started from binaries that are
// installed, and thrown away; or name one with -postgres, in which a schema is made and dropped:
//
//	cd examples/fleet && go run .
//	cd examples/fleet && go run . -payments 10000
//	cd examples/fleet && go run . -postgres postgres://user@host/database
//
// The last line is taken from the provider's ledger. The exit status is 1 if it does not show one payment for each order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payonce/payonce/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	payments := flag.Int("payments", 2000, "how many orders are paid")
	postgres := flag.String("postgres", "", "the URL of a PostgreSQL; without it that of PAYONCE_TEST_POSTGRES, or one is started and thrown away")
	flag.Parse()
	run := func(ctx context.Context) error { return watch(ctx, *postgres, *payments) }
	if flag.Arg(0) == "worker" {
		run = work
	}
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// watch is the parent: it starts PostgreSQL and the provider, and shows what becomes of the orders.
func watch(ctx context.Context, postgres string, payments int) (err error) {
	if payments < 1 {
		return errors.New("-payments wants a number of 1 or more")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute+time.Duration(payments)*100*time.Millisecond)
	defer cancel()
	server, err := startServer(postgres)
	if err != nil {
		return err
	}
	defer server.stop()
	db, err := openDatabase(ctx, server.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	bank := simulator.NewMiracle(simulator.MiracleConfig{AutoPay: true})
	bank.Script(simulator.Repeated(simulator.HoldKey(20*time.Millisecond), -1)) // time enough to be killed between request and answer
	provider := bank.Start()
	defer provider.Close()
	return show(ctx, place{db.url, provider.URL}, bank.Ledger(), payments)
}

// show is the parent as the shop, which sells while the workers are killed, and as the judge, who reads the ledger.
func show(ctx context.Context, p place, ledger *simulator.Ledger, payments int) error {
	shop, err := openMerchant(ctx, p)
	if err != nil {
		return err
	}
	defer shop.close()
	workers, err := hire(ctx, p)
	if err != nil {
		return err
	}
	defer workers.stop()
	fmt.Printf("three workers, one PostgreSQL, %d orders:\n", payments)
	busy, during := errgroup.WithContext(ctx)
	busy.Go(func() error { return shop.sell(during, payments) })
	busy.Go(func() error { return workers.suffer(during, ledger, payments-payments/20) })
	if err := busy.Wait(); err != nil {
		return err
	}
	fmt.Println("no more kills; what the dead had begun is finished by the others, as soon as River has a leader again (some 20 s)")
	if err := shop.settled(ctx); err != nil {
		return err
	}
	if err := workers.dismiss(); err != nil {
		return err
	}
	orders, err := shop.orders(ctx)
	if err != nil {
		return err
	}
	return judge(ledger, orders, payments, workers.killed)
}
