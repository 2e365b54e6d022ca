package payonceriver

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/payonce/payonce"
)

const (
	// sweepTime is after how long a sweep begins nothing new, so that what it began comes to its end before its timeout: a request that is
	// cut off is an unknown outcome.
	sweepTime = 4 * time.Minute
	// minEvery is the shortest period that River takes.
	minEvery = time.Second
)

// RecoveryArgs are the arguments of a job that finishes what is open, due or in doubt under one account.
type RecoveryArgs struct{ Account string }

// Kind is the job's name in River.
func (RecoveryArgs) Kind() string { return "payonce_recovery" }

// PeriodicRecovery makes one periodic job for each account of these clients, for river.Config.PeriodicJobs: every so often, at least a second
// apart, and when a process becomes River's leader, one process of the fleet recovers what was begun under the account. There is one job a
// period whatever became of the last: one that died with its process does not keep the next from running, and two at once share the work.
// River inserts the jobs of its leader only: give them to every program that is started on the same tables. They go to River's default
// queue, so some process must work on that. It panics if a client is nil.
func PeriodicRecovery(every time.Duration, all ...*payonce.Client) []*river.PeriodicJob {
	every = max(every, minEvery)
	var periodic []*river.PeriodicJob
	for _, account := range slices.Sorted(maps.Keys(byAccount(all))) {
		args := RecoveryArgs{Account: account}
		opts := &river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: every}}
		periodic = append(periodic, river.NewPeriodicJob(
			river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) { return args, opts }, &river.PeriodicJobOpts{RunOnStart: true},
		))
	}
	return periodic
}

// RecoveryWorker does the jobs of PeriodicRecovery.
type RecoveryWorker struct {
	river.WorkerDefaults[RecoveryArgs]

	clients clients
	log     *slog.Logger
}

// NewRecoveryWorker makes a worker for the accounts of these clients. The logger gets a line for each operation: what was finished as
// information, what is still open or in doubt, and why, as a warning. Without a logger nothing is logged. It panics if a client is nil.
func NewRecoveryWorker(logger *slog.Logger, all ...*payonce.Client) *RecoveryWorker {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &RecoveryWorker{clients: byAccount(all), log: logger}
}

// Timeout is ten minutes, in which whatever Work begins comes to its end.
func (*RecoveryWorker) Timeout(*river.Job[RecoveryArgs]) time.Duration { return timeout }

// Work begins to recover for four minutes; the next job goes on. It fails if the store could not be read.
func (w *RecoveryWorker) Work(ctx context.Context, job *river.Job[RecoveryArgs]) error {
	client, err := w.clients.of(job.Args.Account)
	if err != nil {
		return err
	}
	started := time.Now()
	for recovered, err := range client.Recover(ctx) {
		if recovered.Generation == 0 { // about no operation: not all were listed
			return err
		}
		w.report(ctx, &recovered, err)
		if time.Since(started) > sweepTime {
			break
		}
	}
	return nil
}

func (w *RecoveryWorker) report(ctx context.Context, r *payonce.Recovered, err error) {
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	w.log.LogAttrs(ctx, level, "recovered", slog.Any("operation", r.Operation), slog.String("state", r.State.String()), slog.Any("error", err))
}
