package payonceriver_test

import (
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
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

// TestAJobThatIsOverMakesRoomForAnother: what the first ended as, the next finds in the record.
func TestAJobThatIsOverMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for state, end := range map[rivertype.JobState]string{rivertype.JobStateCancelled: "cancelled", rivertype.JobStateDiscarded: "discarded"} {
		first, err := w.sell(t.Context(), order(end), true)
		require.NoError(t, err)
		_, err = w.pool.Exec(t.Context(), "update river_job set state = $2, finalized_at = now() where id = $1", first.Job.ID, state)
		require.NoError(t, err)
		next, err := w.sell(t.Context(), order(end), true)
		require.NoError(t, err)
		assert.False(t, next.UniqueSkippedAsDuplicate, end)
	}
	w.start(t)
	w.eventually("both are paid", func() bool { return w.count("select count(*) from river_job where state = 'completed'") == 2 })
	assert.Equal(t, 2, w.paid())
}

func TestTheOptionsOfAJobAreRivers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	job, err := w.sellAs(t.Context(), order("order-1"), &river.InsertOpts{Queue: "payments", Priority: 3}, true)
	require.NoError(t, err)
	assert.Equal(t, "payments", job.Job.Queue)
	assert.Equal(t, 3, job.Job.Priority)
}

// TestWhatRiverRefusesIsRolledBackWhole: the record was inserted already.
func TestWhatRiverRefusesIsRolledBackWhole(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, err := w.sellAs(t.Context(), order("order-1"), &river.InsertOpts{Queue: "no queue's name!"}, true)
	require.ErrorContains(t, err, `payment.create order-1`)
	assert.Zero(t, w.count("select count(*) from orders"))
	_, err = w.client.Run(t.Context(), operation(w.client, "order-1"))
	require.ErrorIs(t, err, payonce.ErrNotFound)
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
