package payonceriver_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

func TestStopWaitsForTheRequestThatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.bank.Script(simulator.HoldKey(300 * time.Millisecond))
	w.start(t)
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	w.eventually("the request arrived", func() bool { return len(w.bank.Requests()) == 1 })
	require.NoError(t, w.jobs.Stop(context.WithoutCancel(t.Context())))
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(job.Job.ID).State)
	assert.Equal(t, 1, w.paid())
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

// TestACancelledJobDoesNotEndItsPayment: River's users may cancel a job, but a request that has left can't be called back.
func TestACancelledJobDoesNotEndItsPayment(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.bank.Script(simulator.Hang(true))
	w.start(t)
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	w.eventually("the request arrived", func() bool { return w.paid() == 1 })
	_, err = w.jobs.JobCancel(t.Context(), job.Job.ID)
	require.NoError(t, err)
	assert.Equal(t, rivertype.JobStateCancelled, w.ended(job.Job.ID).State)
	rec, err := w.store.Load(t.Context(), operation(w.client, "order-1"), 0)
	require.NoError(t, err)
	assert.Equal(t, payonce.StateOpen, rec.State, "recovery goes on with it")
	_, err = w.client.Run(t.Context(), rec.ID)
	require.NoError(t, err)
	assert.Equal(t, 1, w.paid())
}

func TestAJobThatWaitsDoesNotHoldItsPaymentBack(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	job, err := w.sellAs(t.Context(), order("order-1"), &river.InsertOpts{ScheduledAt: time.Now().Add(time.Hour)}, true)
	require.NoError(t, err)
	w.another(habits{recovers: time.Minute}).start(t)
	w.eventually("recovery made the payment", func() bool { return w.paid() == 1 })
	_, err = w.jobs.JobRetry(t.Context(), job.Job.ID) // as if its time had come
	require.NoError(t, err)
	assert.Equal(t, rivertype.JobStateCompleted, w.ended(job.Job.ID).State)
	assert.Equal(t, 1, w.paid())
}

// TestAJobWhoseProcessDiedIsRescued: the process had its request executed, and for River the job runs since two hours ago.
func TestAJobWhoseProcessDiedIsRescued(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.bank.Script(simulator.Repeated(simulator.LoseAnswer(), 4))
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	_, err = w.client.Run(t.Context(), operation(w.client, "order-1"))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	_, err = w.pool.Exec(t.Context(), `update river_job set state = 'running', attempt = 1, attempted_at = now() - interval '2 hours',
		attempted_by = array['dead'] where id = $1`, job.Job.ID)
	require.NoError(t, err)
	next := w.another(habits{})
	next.start(t)
	w.eventually("the job is completed", func() bool { return w.count("select count(*) from river_job where state = 'completed'") == 1 })
	row, err := w.jobs.JobGet(t.Context(), job.Job.ID)
	require.NoError(t, err)
	assert.Equal(t, 2, row.Attempt)
	assert.Equal(t, 1, w.paid())
	assert.Len(t, w.bank.Requests(), 5)
}

// TestADiscardedJobsPaymentIsLeftToRecovery has a worker that can't do it, for River's last attempt.
func TestADiscardedJobsPaymentIsLeftToRecovery(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	stranger := w.another(habits{stranger: true})
	stranger.start(t)
	job, err := w.sellAs(t.Context(), order("order-1"), &river.InsertOpts{MaxAttempts: 1}, true)
	require.NoError(t, err)
	row := w.ended(job.Job.ID)
	assert.Equal(t, rivertype.JobStateDiscarded, row.State)
	require.Len(t, row.Errors, 1)
	assert.Contains(t, row.Errors[0].Error, w.client.Account())
	assert.Zero(t, w.paid())
	require.NoError(t, stranger.jobs.Stop(context.WithoutCancel(t.Context()))) // who leads recovers
	w.another(habits{recovers: time.Minute}).start(t)
	w.eventually("the payment was made", func() bool { return w.paid() == 1 })
}

// explosive is a transport that panics at its first request.
type explosive struct {
	http.Transport

	gone atomic.Bool
}

func (e *explosive) RoundTrip(req *http.Request) (*http.Response, error) {
	if e.gone.CompareAndSwap(false, true) {
		panic("boom")
	}
	return e.Transport.RoundTrip(req)
}

func TestAPanicIsAFailedAttemptOfTheJob(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	transport := &explosive{}
	m := w.another(habits{transport: transport})
	t.Cleanup(transport.CloseIdleConnections)
	m.start(t)
	job, err := w.sell(t.Context(), order("order-1"), true)
	require.NoError(t, err)
	w.eventually("the job is completed", func() bool { return w.count("select count(*) from river_job where state = 'completed'") == 1 })
	row, err := w.jobs.JobGet(t.Context(), job.Job.ID)
	require.NoError(t, err)
	assert.Equal(t, 2, row.Attempt)
	require.Len(t, row.Errors, 1)
	assert.Contains(t, row.Errors[0].Error, "boom")
	assert.Equal(t, 1, w.paid())
}
