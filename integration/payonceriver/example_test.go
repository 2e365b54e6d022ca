package payonceriver_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/pgstore"
)

// An order, its payment and the job that makes it are committed together; River does the rest.
func Example() {
	ctx := context.Background()
	bank := simulator.NewMiracle(simulator.MiracleConfig{AutoPay: true}) // the provider, for this example
	server := bank.Start()
	defer server.Close()

	// Once, when the program is deployed: the tables of payonce and of River.
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	check(err)
	defer pool.Close()
	check(pgstore.Migrate(ctx, pool))
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	check(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	check(err)
	_, err = pool.Exec(ctx, "create table orders (id text primary key)")
	check(err)

	// In each process: a client, and River with its workers.
	provider, err := miracle.New(miracle.Config{BaseURL: server.URL, MerchantID: "merchant_test_example", SecretKey: "sk_test_example"})
	check(err)
	store, err := pgstore.New(ctx, pool, pgstore.WithoutWake())
	check(err)
	defer store.Close()
	client, err := payonce.New(payonce.Config{Provider: provider, Store: store, RecoverEvery: 5 * time.Minute})
	check(err)
	defer client.Close()
	workers := river.NewWorkers()
	river.AddWorker(workers, payonceriver.NewWorker(client))
	river.AddWorker(workers, payonceriver.NewRecoveryWorker(nil, client))
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}, "payments": {MaxWorkers: 50}},
		Workers:      workers,
		PeriodicJobs: payonceriver.PeriodicRecovery(time.Minute, client),
	})
	check(err)
	done, unsubscribe := jobs.Subscribe(river.EventKindJobCompleted)
	defer unsubscribe()
	check(jobs.Start(ctx))

	// For each order: one transaction.
	rec, err := client.Payments.Prepare(payonce.PaymentParams{
		Reference: "order-12345", Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: miracle.Method{Type: "card", Token: "tok_test_example"},
	})
	check(err)
	check(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into orders values ($1)", "order-12345"); err != nil {
			return err
		}
		_, err := payonceriver.InsertTx(ctx, jobs, tx, store.InsertTx, rec, &river.InsertOpts{Queue: "payments"})
		return err
	}))

	for event := range done {
		if event.Job.Kind == (payonceriver.Args{}).Kind() {
			break
		}
	}
	check(jobs.Stop(ctx))
	fmt.Println("payments in the provider's ledger:", bank.Ledger().Count("payment"))
	// Output: payments in the provider's ledger: 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
