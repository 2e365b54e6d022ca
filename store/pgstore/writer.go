package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// writer is the one goroutine that writes. It takes what waits and sends it to the server in one trip, as one transaction that commits
// at its end: a commit for each would cost a flush for each, and a trip for each statement.
type writer struct {
	queue    *storage.Queue[*request]
	pool     *pgxpool.Pool
	st       *statements
	logger   *slog.Logger
	patience patience
	grain    time.Duration
	force    bool // synchronous_commit is made on where it is off
	version  int  // of the schema
	ended    chan struct{}

	incarnation string // the server's, as of when the writer was enlisted

	id    string // of its row; "" if it has none
	left  string // of the row that transactions lock whose end is not known
	noted time.Time

	unsettled atomic.Bool  // there may be a transaction that still commits
	commits   atomic.Int64 // for tests
}

func (w *writer) run(ctx context.Context) {
	defer close(w.ended)
	for batch := w.queue.Take(); len(batch) > 0; batch = w.queue.Take() {
		lost := w.serve(ctx, wanted(batch))
		if lost != nil && w.queue.Over() { // Close does not wait for a server that is gone, once for every batch
			for batch = w.queue.Take(); len(batch) > 0; batch = w.queue.Take() {
				answer(batch, notBegun(lost))
			}
			return
		}
	}
}

// wanted answers requests whose callers are gone and returns the others, in the order in which all writers lock records, so that two of
// them don't wait for each other; what writes to the same record stays in order.
func wanted(batch []*request) []*request {
	kept := make([]*request, 0, len(batch))
	for _, r := range batch {
		if !r.over() {
			kept = append(kept, r)
		}
	}
	slices.SortStableFunc(kept, func(a, b *request) int { return compareIDs(a.id, b.id) })
	return kept
}

func compareIDs(a, b payonce.OperationID) int {
	for _, c := range []int{strings.Compare(a.Account, b.Account), strings.Compare(a.Kind, b.Kind)} {
		if c != 0 {
			return c
		}
	}
	return strings.Compare(a.Reference, b.Reference)
}

// serve runs requests in one transaction. If the server refuses it, each gets one of its own, so that only the culprit fails. It returns the
// error with which the server was lost.
func (w *writer) serve(ctx context.Context, batch []*request) (lost error) {
	if len(batch) == 0 {
		return nil
	}
	refused, err := w.write(ctx, batch, w.patience.lock/lockParts)
	if refused && len(batch) > 1 {
		return w.serveEach(ctx, batch)
	}
	if refused && sqlState(err) == stateLockTimeout {
		refused, err = w.write(ctx, batch, w.patience.lock)
	}
	answer(batch, err)
	if refused {
		return nil
	}
	return err
}

// lockParts is how much less patient the writer is with locks while others wait who may not need them.
const lockParts = 8

// serveEach gives each request a transaction of its own. Whoever needs a record that another transaction holds waits for it after the rest.
func (w *writer) serveEach(ctx context.Context, batch []*request) (lost error) {
	var waiting []*request
	end := time.Now().Add(2 * w.patience.lock) // for all of them
	for _, patience := range []time.Duration{w.patience.lock / lockParts, w.patience.lock} {
		for i, r := range batch {
			switch {
			case r.over():
				continue
			case r.follows(waiting):
				waiting = append(waiting, r)
				continue
			}
			refused, err := w.write(ctx, []*request{r}, max(min(patience, time.Until(end)), time.Millisecond))
			switch {
			case refused && sqlState(err) == stateLockTimeout && patience < w.patience.lock:
				waiting = append(waiting, r)
				continue
			case err != nil && !refused:
				answer(slices.Concat(waiting, batch[i+1:]), notBegun(err))
				answer(batch[i:i+1], err)
				return err
			}
			answer(batch[i:i+1], err)
		}
		batch, waiting = waiting, nil
	}
	return nil
}

// answer tells requests what their transaction failed with, or what they read in it.
func answer(batch []*request, err error) {
	for _, r := range batch {
		if err != nil {
			r.answer = err
		}
		r.done(r.answer)
	}
}

// notBegun is the error of who would have been next when the server was lost.
func notBegun(lost error) error { return fmt.Errorf("%w: %w", errNotBegun, lost) }

// maxConflicts is how often a transaction is begun again that was in the way of others.
const maxConflicts = 5

// write runs requests in one transaction, again if the server has rolled it back because of others. Refused says that it has rolled it back
// for good. When it returns, the transaction is over, or the writer is unsettled until it is.
func (w *writer) write(ctx context.Context, batch []*request, lock time.Duration) (refused bool, err error) {
	for tries := 1; ; tries++ {
		if err := w.enlist(ctx); err != nil {
			return false, err
		}
		err := w.transact(ctx, batch, lock)
		switch state := sqlState(err); {
		case err == nil || errors.Is(err, errNotBegun):
			return false, err
		case !rolledBack(err):
			w.leave()
			return false, errors.Join(fmt.Errorf("commit, which may have happened: %w", err), w.enlist(ctx))
		case tries == maxConflicts:
			return true, err
		case state == stateDivisionByZero: // the guard
			w.leave()
		case len(batch) > 1 || (state != stateSerializationFailed && state != stateDeadlock):
			return true, err
		}
	}
}

// rolledBack says that the server has said no, so that nothing was committed. Everything else proves nothing: what was sent to a
// connection that broke may still be executed, and a pooler may say so in the server's name (classes 08 and 58).
func rolledBack(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && said.SeverityUnlocalized == "ERROR" && !strings.HasPrefix(said.Code, "08") && !strings.HasPrefix(said.Code, "58")
}

// errNotBegun marks errors that came before anything was sent.
var errNotBegun = errors.New("nothing was begun")

// transact sends the requests in one trip. The commit is the end of the trip: statements that are sent together, outside of a transaction,
// are one.
func (w *writer) transact(ctx context.Context, batch []*request, lock time.Duration) error {
	b, note := w.statements(batch, lock)
	if !slices.ContainsFunc(batch, func(r *request) bool { return r.queue != nil }) {
		return nil // they only ask whether all is settled
	}
	conn, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, w.patience.batch)
	defer cancel()
	w.commits.Add(1)
	results := conn.SendBatch(ctx, b)
	noted, err := collect(results, batch, note)
	if closed := results.Close(); err == nil { // which sees the commit
		err = closed
	}
	if err == nil && noted.After(w.noted) {
		w.noted = noted
	}
	return inWords(ctx, err, w.patience.batch)
}

// statements are the guard, what the requests ask for and, now and then, a note of the newest time.
func (w *writer) statements(batch []*request, lock time.Duration) (b *pgx.Batch, note bool) {
	b = &pgx.Batch{}
	b.Queue(w.st.guard, w.id, w.incarnation, milliseconds(lock), w.force)
	newest := batch[0]
	for _, r := range batch {
		if r.queue != nil {
			r.queue(b)
		}
		if r.newest.After(newest.newest) {
			newest = r
		}
	}
	if note = newest.newest.After(w.noted.Add(w.grain)); note {
		b.Queue(w.st.note, w.id, storable(newest.id.Account), storable(newest.id.Kind), storable(newest.id.Reference), int64(newest.generation))
	}
	return b, note
}

// collect reads the results in the order of the requests.
func collect(results pgx.BatchResults, batch []*request, note bool) (noted time.Time, err error) {
	if _, err := results.Exec(); err != nil { // the guard
		return noted, err
	}
	for _, r := range batch {
		if r.read == nil {
			continue
		}
		if r.answer, err = r.read(results); err != nil {
			return noted, err
		}
	}
	if note {
		var newest pgtype.Timestamptz
		err = results.QueryRow().Scan(&newest)
		noted = newest.Time
	}
	return noted, err
}

// inWords says that the writer's own patience was over; it is no caller's context.
func inWords(ctx context.Context, err error, patience time.Duration) error {
	if err != nil && !rolledBack(err) && ctx.Err() != nil {
		return fmt.Errorf("the server did not answer in %v", patience)
	}
	return err
}

// connect takes a connection from the pool.
func (w *writer) connect(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, w.patience.pool)
	defer cancel()
	conn, err := w.pool.Acquire(ctx)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: the pool had no connection for %v", errNotBegun, w.patience.pool)
	}
	return nil, fmt.Errorf("%w: %w", errNotBegun, err)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
