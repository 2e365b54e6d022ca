package payonceriver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/payonce/payonce"
)

const (
	// minSnooze keeps a job from coming back at once when the record names no time, because somebody else works on the operation.
	minSnooze = 5 * time.Second
	// maxSnooze is for how long, at most, a client puts an operation off: what is due later was put off by a wrong clock.
	maxSnooze = 24 * time.Hour
	// timeout is when River takes a job for stuck. It is longer than a client works on one operation under its default Retry: two minutes of
	// waiting for somebody else who is at it, two minutes of its own, and the last request.
	timeout = 10 * time.Minute
)

// Worker finishes the operation that a job names, from its stored bytes and with its stored key. How often River runs it, and where,
// changes nothing about money.
type Worker struct {
	river.WorkerDefaults[Args]

	clients clients
}

// NewWorker makes a worker for the accounts of these clients, which stay the caller's: close them after River has stopped. A job of
// another account fails and is tried again, perhaps by a process that has its client. Like river.AddWorker it panics on what can't work: a
// client that is nil.
func NewWorker(all ...*payonce.Client) *Worker { return &Worker{clients: byAccount(all)} }

// Timeout is ten minutes. River's default of one would cut off requests that are slow and succeed, and leave unknown outcomes behind.
func (*Worker) Timeout(*river.Job[Args]) time.Duration { return timeout }

// Work runs the operation and tells River what to do with the job.
func (w *Worker) Work(ctx context.Context, job *river.Job[Args]) error {
	client, err := w.clients.of(job.Args.Account)
	if err != nil {
		return err
	}
	_, err = client.Run(ctx, job.Args.OperationID)
	return verdict(err, time.Now())
}

// verdict says in River's words what became of an operation.
func verdict(err error, now time.Time) error {
	switch {
	case err == nil, errors.Is(err, payonce.ErrUnavailable):
		return err
	case errors.Is(err, payonce.ErrOutcomeUnknown) && !errors.Is(err, payonce.ErrInDoubt):
		return river.JobSnooze(snooze(err, now))
	}
	for _, over := range []error{payonce.ErrRejected, payonce.ErrNotSent, payonce.ErrInvalid, payonce.ErrUnsupported, payonce.ErrInDoubt, payonce.ErrKeyReuse, payonce.ErrNotFound} {
		if errors.Is(err, over) {
			return river.JobCancel(err)
		}
	}
	return err
}

// snooze is how long it is until the operation is due.
func snooze(err error, now time.Time) time.Duration {
	details, ok := errors.AsType[*payonce.Error](err)
	if !ok || details.DueAt.IsZero() {
		return minSnooze
	}
	return min(max(details.DueAt.Sub(now), minSnooze), maxSnooze)
}

// clients are the clients of one process, by their account.
type clients map[string]*payonce.Client

func byAccount(all []*payonce.Client) clients {
	by := clients{}
	for n, client := range all {
		if client == nil {
			panic(fmt.Sprintf("payonceriver: client %d of %d is nil", n+1, len(all)))
		}
		by[client.Account()] = client
	}
	return by
}

func (c clients) of(account string) (*payonce.Client, error) {
	if client, ok := c[account]; ok {
		return client, nil
	}
	return nil, fmt.Errorf("payonceriver: this process has no client of account %q", account)
}
