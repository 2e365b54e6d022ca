package payonceriver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// leave commits an order whose job is lost.
func (w *town) leave(p payonce.PaymentParams) {
	w.t.Helper()
	rec, err := w.client.Payments.Prepare(p)
	require.NoError(w.t, err)
	require.NoError(w.t, pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error { return w.store.InsertTx(w.t.Context(), tx, rec) }))
}

func TestThePeriodicJobFinishesWhatHasNoJob(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.leave(order("order-1"))
	w.another(habits{recovers: time.Minute}).start(t)
	w.eventually("the payment was made", func() bool { return w.paid() == 1 })
	w.eventually("the job is over", func() bool {
		return w.count("select count(*) from river_job where kind = 'payonce_recovery' and state = 'completed'") == 1
	})
	got, err := w.client.Run(t.Context(), operation(w.client, "order-1"))
	require.NoError(t, err)
	assert.Equal(t, "local", got.Receipt.Replayed)
}

func TestOnePeriodHasOneJobWhoeverLeads(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const period = 100_000 * time.Hour
	for term := range 2 { // each leads when the one before has resigned, and inserts in one transaction what it has to at its start
		beacon := river.NewPeriodicJob(river.PeriodicInterval(period), func() (river.JobArgs, *river.InsertOpts) {
			return payonceriver.Args{OperationID: operation(w.client, fmt.Sprint("beacon-", term))}, nil
		}, &river.PeriodicJobOpts{RunOnStart: true})
		m := w.another(habits{recovers: period, periodic: []*river.PeriodicJob{beacon}})
		m.start(t)
		w.eventually("it led", func() bool {
			return w.count("select count(*) from river_job where kind = 'payonce_operation'") == term+1
		})
		require.NoError(t, m.jobs.Stop(context.WithoutCancel(t.Context())))
	}
	assert.Equal(t, 1, w.count("select count(*) from river_job where kind = 'payonce_recovery'"))
}

// TestARecoveryThatDiedDoesNotKeepTheNextFromRunning: for River its job runs until it is rescued.
func TestARecoveryThatDiedDoesNotKeepTheNextFromRunning(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	m := w.another(habits{recovers: time.Second})
	m.start(t)
	first := 0
	w.eventually("a job ran", func() bool {
		first = w.count("select coalesce(min(id), 0) from river_job where state = 'completed'")
		return first > 0
	})
	_, err := w.pool.Exec(t.Context(), "update river_job set state = 'running', finalized_at = null where id = $1", first)
	require.NoError(t, err)
	w.eventually("another one ran", func() bool {
		return w.count("select count(*) from river_job where state = 'completed' and id > $1", first) > 1
	})
	assert.Equal(t, 1, w.count("select count(*) from river_job where state = 'running' and id = $1", first))
}

func (s *shop) sweep(t *testing.T, log *bytes.Buffer) error {
	t.Helper()
	worker := payonceriver.NewRecoveryWorker(slog.New(slog.NewTextHandler(log, nil)), s.client)
	job := &river.Job[payonceriver.RecoveryArgs]{JobRow: &rivertype.JobRow{}, Args: payonceriver.RecoveryArgs{Account: s.client.Account()}}
	ctx, cancel := context.WithTimeout(t.Context(), worker.Timeout(job))
	defer cancel()
	return worker.Work(ctx, job)
}

func TestRecoveryReportsWhatItFinishedAndWhatItCouldNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, memstore.New())
		s.prepare(t, order("order-1"))
		doubtful := s.prepare(t, order("order-2"))
		require.NoError(t, s.client.Resolve(t.Context(), doubtful, payonce.StopSending, "the shop is closed"))
		var log bytes.Buffer
		require.NoError(t, s.sweep(t, &log))
		assert.Contains(t, log.String(), `level=INFO msg=recovered operation="miracle/test/merchant_test_example payment.create order-1" state=succeeded`)
		assert.Contains(t, log.String(), `level=WARN msg=recovered operation="miracle/test/merchant_test_example payment.create order-2" state="in doubt"`)
		assert.Equal(t, 1, s.bank.Ledger().Count("payment"))
	})
}

// unlisted is a store whose records can't be listed.
type unlisted struct{ payonce.KeyStore }

func (unlisted) List(context.Context, payonce.Filter) ([]*payonce.Record, string, error) {
	return nil, "", fmt.Errorf("no connection")
}

func TestARecoveryThatCouldNotListFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.ErrorIs(t, newShop(t, unlisted{memstore.New()}).sweep(t, &bytes.Buffer{}), payonce.ErrUnavailable)
	})
}

// TestALongRecoveryEndsBeforeItsTime has a provider that never answers, and more to do than fits into one job.
func TestALongRecoveryEndsBeforeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, memstore.New())
		s.bank.Script(simulator.Repeated(simulator.Hang(true), -1))
		var all []payonce.OperationID
		for n := range 50 {
			all = append(all, s.prepare(t, order(fmt.Sprint("order-", n))))
		}
		started := time.Now()
		require.NoError(t, s.sweep(t, &bytes.Buffer{}))
		assert.Less(t, time.Since(started), 10*time.Minute, "River would have taken it for dead")
		begun := 0
		for _, id := range all {
			rec, err := s.store.Load(t.Context(), id, 0)
			require.NoError(t, err)
			if rec.Sent > 0 {
				begun++
			}
			for _, attempt := range rec.Attempts {
				assert.GreaterOrEqual(t, attempt.Took, time.Minute, "it was not cut off before the provider's own limit: %s", attempt.Fault)
			}
		}
		assert.Positive(t, begun)
		assert.Less(t, begun, len(all), "the next job goes on")
	})
}
