package payonceriver_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/pgstore"
)

// merchant is one process of a merchant's fleet.
type merchant struct {
	pool   *pgxpool.Pool
	store  *pgstore.Store
	client *payonce.Client
	jobs   *river.Client[pgx.Tx]
}

// habits are how a process differs from others.
type habits struct {
	lease time.Duration
	// recovers is how often the fleet recovers; 0 is never.
	recovers time.Duration
	// periodic are more jobs of River's.
	periodic []*river.PeriodicJob
	// stranger says that its worker has no client.
	stranger bool
	// transport makes the requests; nil is the client's own.
	transport http.RoundTripper
}

// openMerchant connects one. River is not started yet.
func openMerchant(ctx context.Context, database, bank string, h habits) (*merchant, error) {
	settings, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	settings.MaxConns = 15
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}
	m := &merchant{pool: pool}
	provider, err := miracle.New(miracle.Config{BaseURL: bank, MerchantID: merchantID, SecretKey: secret})
	if err != nil {
		return nil, err
	}
	if m.store, err = pgstore.New(ctx, pool, pgstore.WithoutWake()); err != nil {
		return nil, err
	}
	config := payonce.Config{
		Provider: provider, Store: m.store, RecoverEvery: -1, Lease: h.lease, Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond},
	}
	if h.transport != nil {
		config.HTTPClient = &http.Client{Transport: h.transport}
	}
	if m.client, err = payonce.New(config); err != nil {
		return nil, err
	}
	engine := river.Config{
		Workers: river.NewWorkers(), PeriodicJobs: h.periodic,
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}},
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
	}
	if h.recovers > 0 {
		engine.PeriodicJobs = append(engine.PeriodicJobs, payonceriver.PeriodicRecovery(h.recovers, m.client)...)
	}
	worker := payonceriver.NewWorker(m.client)
	if h.stranger {
		worker = payonceriver.NewWorker()
	}
	river.AddWorker(engine.Workers, worker)
	river.AddWorker(engine.Workers, payonceriver.NewRecoveryWorker(nil, m.client))
	m.jobs, err = river.NewClient(riverpgxv5.New(pool), &engine)
	return m, err
}

func (m *merchant) close(ctx context.Context) error {
	defer m.pool.Close()
	return errors.Join(m.jobs.Stop(ctx), m.client.Close(), m.store.Close())
}

// migrate makes all tables.
func migrate(ctx context.Context, database string) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, riverErr := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	_, ordersErr := pool.Exec(ctx, "create table orders (reference text primary key); create sequence order_number")
	return errors.Join(riverErr, ordersErr, pgstore.Migrate(ctx, pool))
}

// sell commits an order with its payment, or rolls both back.
func (m *merchant) sell(ctx context.Context, p payonce.PaymentParams, commit bool) (*rivertype.JobInsertResult, error) {
	return m.sellAs(ctx, p, nil, commit)
}

// sellAs is sell with options for the job.
func (m *merchant) sellAs(ctx context.Context, p payonce.PaymentParams, opts *river.InsertOpts, commit bool) (*rivertype.JobInsertResult, error) {
	rec, err := m.client.Payments.Prepare(p)
	if err != nil {
		return nil, err
	}
	tx, err := m.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing to do after a commit
	if _, err := tx.Exec(ctx, "insert into orders values ($1) on conflict do nothing", p.Reference); err != nil {
		return nil, err
	}
	job, err := payonceriver.InsertTx(ctx, m.jobs, tx, m.store.InsertTx, rec, opts)
	if err != nil || !commit {
		return nil, err
	}
	return job, tx.Commit(ctx)
}

// town is a bank, a database, and a merchant's process in this one.
type town struct {
	*merchant

	t        *testing.T
	bank     *simulator.Miracle
	address  string
	database string
}

func newTown(t *testing.T) *town {
	t.Helper()
	database := postgres.Server(t).Database(t)
	require.NoError(t, migrate(t.Context(), database))
	bank := newBank()
	server := bank.Start()
	t.Cleanup(server.Close)
	w := &town{t: t, bank: bank, address: server.URL, database: database}
	w.merchant = w.another(habits{})
	return w
}

// another is one more process of the merchant's.
func (w *town) another(h habits) *merchant {
	w.t.Helper()
	m, err := openMerchant(w.t.Context(), w.database, w.address, h)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, m.close(context.WithoutCancel(w.t.Context()))) })
	return m
}

func (m *merchant) start(t *testing.T) {
	t.Helper()
	require.NoError(t, m.jobs.Start(context.WithoutCancel(t.Context())))
}

func (w *town) eventually(what string, so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); pause(5 * time.Millisecond) {
		require.True(w.t, time.Now().Before(end), "waited in vain until %s", what)
	}
}

// ended waits until River has done with a job for now.
func (w *town) ended(id int64) *rivertype.JobRow {
	w.t.Helper()
	var row *rivertype.JobRow
	w.eventually("the job was worked on", func() bool {
		var err error
		row, err = w.jobs.JobGet(w.t.Context(), id)
		require.NoError(w.t, err)
		return row.State != rivertype.JobStateAvailable && row.State != rivertype.JobStateRunning
	})
	return row
}

// count asks the database for a number.
func (w *town) count(query string, args ...any) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), query, args...).Scan(&n))
	return n
}

func (w *town) paid() int { return w.bank.Ledger().Count("payment") }
