package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sync/errgroup"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/store/pgstore"
)

// place is where a process of the merchant's works.
type place struct{ database, bank string }

// merchant is one process of the merchant's: the shop, which takes orders, or a worker, which pays them.
type merchant struct {
	pool   *pgxpool.Pool
	store  *pgstore.Store
	client *payonce.Client
	jobs   *river.Client[pgx.Tx]
}

func openMerchant(ctx context.Context, p place) (*merchant, error) {
	settings, err := pgxpool.ParseConfig(p.database)
	if err != nil {
		return nil, err
	}
	settings.MaxConns = 16
	m := &merchant{}
	if m.pool, err = pgxpool.NewWithConfig(ctx, settings); err != nil {
		return nil, err
	}
	if m.store, err = pgstore.New(ctx, m.pool, pgstore.WithoutWake()); err != nil {
		return nil, err
	}
	provider, err := miracle.New(miracle.Config{BaseURL: p.bank, MerchantID: "merchant_test_example", SecretKey: "sk_test_example"})
	if err != nil {
		return nil, err
	}
	// A short lease, so that nobody watches the fleet wait. Real ones keep the default.
	m.client, err = payonce.New(payonce.Config{Provider: provider, Store: m.store, Lease: 2 * time.Second, RecoverEvery: 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, payonceriver.NewWorker(m.client))
	river.AddWorker(workers, payonceriver.NewRecoveryWorker(nil, m.client))
	m.jobs, err = river.NewClient(riverpgxv5.New(m.pool), &river.Config{
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}, paymentsQueue: {MaxWorkers: 20}},
		Workers:      workers,
		PeriodicJobs: payonceriver.PeriodicRecovery(2*time.Second, m.client),
		Logger:       slog.New(slog.DiscardHandler),
	})
	return m, err
}

func (m *merchant) close() error {
	defer m.pool.Close()
	return errors.Join(m.client.Close(), m.store.Close())
}

// paymentsQueue keeps a backlog of payments from delaying recovery.
const paymentsQueue = "payments"

// sell takes so many orders, at several counters. Every tenth customer changes his mind at the last moment.
func (m *merchant) sell(ctx context.Context, orders int) error {
	counters, ctx := errgroup.WithContext(ctx)
	counters.SetLimit(8)
	for n := range orders {
		counters.Go(func() error {
			if n%10 == 0 {
				if err := m.take(ctx, fmt.Sprint("abandoned-", n), errChangedMind); !errors.Is(err, errChangedMind) {
					return err
				}
			}
			return m.take(ctx, fmt.Sprint("order-", n), nil)
		})
	}
	return counters.Wait()
}

var errChangedMind = errors.New("the customer changed his mind")

// take commits an order, its payment and the job that makes it, or none of the three.
func (m *merchant) take(ctx context.Context, reference string, customer error) error {
	rec, err := m.client.Payments.Prepare(payonce.PaymentParams{
		Reference: reference,
		Amount:    payonce.Amount{Minor: 5000, Currency: "USD"},
		Method:    miracle.Method{Type: "card", Token: "tok_test_example"},
	})
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into orders values ($1)", reference); err != nil {
			return err
		}
		if _, err := payonceriver.InsertTx(ctx, m.jobs, tx, m.store.InsertTx, rec, &river.InsertOpts{Queue: paymentsQueue}); err != nil {
			return err
		}
		return customer
	})
}

// orders are those that were committed.
func (m *merchant) orders(ctx context.Context) ([]string, error) {
	rows, err := m.pool.Query(ctx, "select reference from orders")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// settled waits until no operation is open.
func (m *merchant) settled(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		open, _, err := m.store.List(ctx, payonce.Filter{Account: m.client.Account(), State: payonce.StateOpen, Limit: 1})
		if err != nil || len(open) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is still open: %w", open[0].ID, ctx.Err())
		case <-tick.C:
		}
	}
}
