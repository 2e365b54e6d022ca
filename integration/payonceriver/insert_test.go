package payonceriver_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/simulator"
)

func TestACommittedOrderIsPaidAndARolledBackOneNeverWas(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.start(t)
	_, err := w.sell(t.Context(), order("rolled-back"), false)
	require.NoError(t, err)
	job, err := w.sell(t.Context(), order("committed"), true)
	require.NoError(t, err)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(job.Job.ID).State)
	_, err = w.client.Run(t.Context(), operation(w.client, "rolled-back"))
	require.ErrorIs(t, err, payonce.ErrNotFound)
	assert.Equal(t, 1, w.paid())
	assert.Equal(t, 1, w.count("select count(*) from river_job"))
}

func TestAnOperationHasOneJobWhileItIsNotOver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	first, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	again, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	assert.True(t, again.UniqueSkippedAsDuplicate)
	assert.Equal(t, first.Job.ID, again.Job.ID)
	_, err = w.sell(t.Context(), declined("order-1"), true)
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "other content")
	other, err := w.sell(t.Context(), order("order-2"), true)
	require.NoError(t, err)
	assert.False(t, other.UniqueSkippedAsDuplicate, "another operation has a job of its own")
	w.start(t)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(first.Job.ID).State)
	later, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	assert.False(t, later.UniqueSkippedAsDuplicate)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(later.Job.ID).State)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(other.Job.ID).State)
	assert.Equal(t, 2, w.paid())
	assert.Len(t, w.bank.Requests(), 2)
}

func TestTheOptionsOfAJobAreRivers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rec, err := w.client.Payments.Prepare(order("order-1"))
	require.NoError(t, err)
	require.NoError(t, pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		job, err := payonceriver.InsertTx(t.Context(), w.jobs, tx, w.store.InsertTx, rec, &river.InsertOpts{Queue: "payments", Priority: 3})
		require.NoError(t, err)
		assert.Equal(t, "payments", job.Job.Queue)
		assert.Equal(t, 3, job.Job.Priority)
		return err
	}))
}

func TestAnUnknownOutcomeIsSnoozedUntilItIsDue(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.bank.Script(simulator.Repeated(simulator.LoseAnswer(), 4))
	w.start(t)
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	row := w.ended(job.Job.ID)
	require.Equal(t, rivertype.JobStateScheduled, row.State)
	assert.Zero(t, row.Attempt, "a snooze is no attempt")
	rec, err := w.store.Load(t.Context(), operation(w.client, "order-1"), 0)
	require.NoError(t, err)
	assert.WithinDuration(t, rec.DueAt, row.ScheduledAt, time.Second)
	_, err = w.jobs.JobRetry(t.Context(), row.ID) // as if it were due
	require.NoError(t, err)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(row.ID).State)
	assert.Equal(t, 1, w.paid())
	assert.Len(t, w.bank.Requests(), 5)
}

func TestWhatIsOverIsCancelledWithItsReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		params payonce.PaymentParams
		fault  simulator.Fault
		reason error
		state  payonce.State
	}{
		"declined": {declined("order-1"), simulator.Delay(0), payonce.ErrDeclined, payonce.StateRejected},
		"in doubt": {order("order-1"), simulator.KeyReuse(), payonce.ErrInDoubt, payonce.StateInDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.bank.Script(c.fault)
			w.start(t)
			job, err := w.sell(t.Context(), c.params, true)
			require.NoError(t, err)
			row := w.ended(job.Job.ID)
			assert.Equal(t, rivertype.JobStateCancelled, row.State)
			require.Len(t, row.Errors, 1)
			assert.Contains(t, row.Errors[0].Error, `payment.create "order-1"`)
			rec, err := w.store.Load(t.Context(), operation(w.client, "order-1"), 0)
			require.NoError(t, err)
			assert.Equal(t, c.state, rec.State)
			_, err = w.client.Run(t.Context(), rec.ID)
			require.ErrorIs(t, err, c.reason)
		})
	}
}

// TestAStoppedWorkerLeavesTheJobToTheNext stops River while the provider keeps a request waiting.
func TestAStoppedWorkerLeavesTheJobToTheNext(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.bank.Script(simulator.Hang(true))
	w.start(t)
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	w.eventually("the request arrived", func() bool { return w.paid() == 1 })
	require.NoError(t, w.jobs.StopAndCancel(context.WithoutCancel(t.Context())))
	row, err := w.jobs.JobGet(t.Context(), job.Job.ID)
	require.NoError(t, err)
	require.Equal(t, rivertype.JobStateScheduled, row.State)
	assert.Zero(t, row.Attempt)
	next := w.another(habits{})
	next.start(t)
	_, err = next.jobs.JobRetry(t.Context(), row.ID)
	require.NoError(t, err)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(row.ID).State)
	assert.Equal(t, 1, w.paid())
}
