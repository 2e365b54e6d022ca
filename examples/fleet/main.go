// Command fleet commits thousands of orders, each with its payment in one transaction, lets three processes pay them, kills these at random,
// and shows that each order was paid once.
//
// The processes share one PostgreSQL, which holds the orders, payonce's records and River's jobs. A server of its own is started from binaries
// that are installed, and thrown away; or name one, in which a schema is made and dropped:
//
//	go run -C examples/fleet .
//	go run -C examples/fleet . -payments 10000
//	PAYONCE_POSTGRES=postgres://user@host/database go run -C examples/fleet .
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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	payments := flag.Int("payments", 2000, "how many orders are paid")
	flag.Parse()
	run := func(ctx context.Context) error { return watch(ctx, *payments) }
	if flag.Arg(0) == "worker" {
		run = work
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// watch is the parent: it is the provider and the shop, starts the workers, kills them, and reads the ledger.
func watch(ctx context.Context, payments int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute+time.Duration(payments)*100*time.Millisecond)
	defer cancel()
	db, err := openDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.close()
	bank := simulator.NewMiracle(simulator.MiracleConfig{AutoPay: true})
	bank.Script(simulator.Repeated(simulator.HoldKey(20*time.Millisecond), -1)) // time enough to be killed between request and answer
	server := bank.Start()
	defer server.Close()
	shop, err := openMerchant(ctx, place{db.url, server.URL})
	if err != nil {
		return err
	}
	defer shop.close()

	fmt.Printf("three workers, one PostgreSQL, %d orders:\n", payments)
	workers, err := hire(ctx, place{db.url, server.URL})
	if err != nil {
		return err
	}
	defer workers.stop()
	busy, during := errgroup.WithContext(ctx)
	busy.Go(func() error { return shop.sell(during, payments) })
	busy.Go(func() error {
		for paid := 0; paid < payments-payments/20; {
			if err := workers.strike(during); err != nil {
				return err
			}
			paid = bank.Ledger().Count("payment")
			fmt.Printf("  kill -9 of a worker after %d payments; another one takes its place\n", paid)
		}
		return nil
	})
	if err := busy.Wait(); err != nil {
		return err
	}
	fmt.Println("no more kills; what the dead had begun is finished by the others")
	if err := shop.settled(ctx); err != nil {
		return err
	}
	if err := workers.dismiss(); err != nil {
		return err
	}
	return verdict(ctx, shop, bank.Ledger(), workers.killed)
}

// verdict compares the ledger with the orders. It prints what it found, and is an error unless that is one payment for each order.
func verdict(ctx context.Context, shop *merchant, ledger *simulator.Ledger, killed int) error {
	orders, err := shop.orders(ctx)
	if err != nil {
		return err
	}
	paid := map[string]int{}
	for _, entry := range ledger.Entries() {
		paid[entry.Metadata["payonce_ref"]]++
	}
	wrong := len(paid) != len(orders)
	for _, reference := range orders {
		wrong = wrong || paid[(payonce.OperationID{Kind: "payment.create", Reference: reference}).Ref(1)] != 1
	}
	word := "once"
	if wrong {
		word = "not once"
	}
	fmt.Printf("%s: %d payments for %d orders in the provider's ledger, %d workers killed\n", word, ledger.Count("payment"), len(orders), killed)
	if wrong {
		return errors.New("the ledger is not what was ordered")
	}
	return nil
}
