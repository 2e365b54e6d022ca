package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/payonce/payonce/internal/storage"
)

// writer is the one goroutine that writes. It takes what waits, runs it in one transaction and answers after the commit: at 64
// callers that is ten times as fast as a commit for each.
type writer struct {
	queue    *storage.Queue[*request]
	db       *sql.DB
	watch    *watch
	patience time.Duration // for the write lock
	ended    chan struct{} // closed when the queue is closed and drained

	conn     *sql.Conn
	st       *statements
	truncate bool  // purged content may still be in the -wal file
	broken   error // set for good when the files are not ours any more
	newest   int64 // the newest time that is known to be stored
	witness  *witness

	commits atomic.Int64 // for tests
}

func newWriter(db *sql.DB, w *watch, cfg *config) *writer {
	return &writer{
		queue: storage.NewQueue(storage.Limit{Requests: cfg.batch}, func(*request) (bytes int, alone bool) { return 0, false }),
		db:    db, watch: w, patience: cfg.patience, ended: make(chan struct{}),
	}
}

func (w *writer) run(ctx context.Context) {
	defer close(w.ended)
	for batch := w.queue.Take(); len(batch) > 0; batch = w.queue.Take() {
		w.serve(ctx, wanted(batch))
	}
	w.finish(ctx)
}

// wanted answers requests whose callers are gone and returns the others.
func wanted(batch []*request) []*request {
	kept := batch[:0]
	for _, r := range batch {
		if r.ctx != nil && r.ctx.Err() != nil {
			r.done(r.ctx.Err())
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// statementError is a request's failure inside a transaction, which was rolled back.
type statementError struct{ err error }

func (e *statementError) Error() string { return e.err.Error() }
func (e *statementError) Unwrap() error { return e.err }

// serve runs requests in one transaction. If one of them breaks it, each gets one of its own, so that it fails alone.
func (w *writer) serve(ctx context.Context, batch []*request) {
	if len(batch) == 0 {
		return
	}
	err := w.transact(ctx, batch)
	var failed *statementError
	if len(batch) > 1 && errors.As(err, &failed) {
		for i := range batch {
			w.serve(ctx, batch[i:i+1])
		}
		return
	}
	if err == nil && w.truncate {
		w.truncateWAL(ctx)
	}
	for _, r := range batch {
		if err != nil {
			r.answer = err
		}
		r.done(r.answer)
	}
}

// transact runs requests in one transaction. Its error is that of all of them, and after a commit that failed nobody knows whether it
// happened. A transaction that wrote nothing costs no flush.
func (w *writer) transact(ctx context.Context, batch []*request) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	err := patiently(w.patience, func() error { _, err := w.st.begin.ExecContext(ctx); return err })
	if err != nil {
		return err
	}
	w.st.newest = 0
	for _, r := range batch {
		if r.answer, err = r.run(w.st); err != nil {
			w.undo(ctx)
			return &statementError{err: err}
		}
	}
	if err := w.raise(ctx); err != nil {
		w.undo(ctx)
		return &statementError{err: err}
	}
	if w.broken = w.watch.check(); w.broken != nil {
		w.undo(ctx)
		return w.broken
	}
	w.commits.Add(1)
	raised := w.st.newest
	if _, err := w.st.commit.ExecContext(ctx); err != nil {
		w.undo(ctx)
		_ = w.disconnect() // what this connection thinks of the file may be wrong now
		return fmt.Errorf("commit, which may have happened: %w", err)
	}
	if raised > w.newest {
		w.newest = raised
		w.witness.tell(raised)
	}
	return nil
}

// raise stores the newest time that the transaction wrote. Other processes may have stored a newer one.
func (w *writer) raise(ctx context.Context) error {
	if w.st.newest <= w.newest {
		return nil
	}
	_, err := w.st.raise.ExecContext(ctx, w.st.newest)
	return err
}

// undo rolls back. SQLite has done so itself after some errors; a connection that can't is given up, which does it too.
func (w *writer) undo(ctx context.Context) {
	if _, err := w.st.rollback.ExecContext(ctx); err != nil {
		_ = w.disconnect()
	}
}

// connect sees to it that there is a connection with its statements.
func (w *writer) connect(ctx context.Context) error {
	if w.broken != nil || w.conn != nil {
		return w.broken
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	if w.st, err = prepare(ctx, conn); err != nil {
		_ = w.disconnect()
		return err
	}
	if err := w.watch.connected(); err != nil {
		_ = w.disconnect()
		return err
	}
	return nil
}

// disconnect closes the connection for good; it does not go back to the pool.
func (w *writer) disconnect() error {
	if w.conn == nil {
		return nil
	}
	conn, st := w.conn, w.st
	w.conn, w.st = nil, nil
	var err error
	if st != nil {
		err = st.close()
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // which is what it returns
	_ = conn.Close()                                           // it is closed already
	return err
}

// truncateWAL moves the -wal file into the database and empties it, so that purged content is gone from the disk. While somebody
// reads it can't; it is tried again after the next purge and at the end.
func (w *writer) truncateWAL(ctx context.Context) {
	var busy, pages, moved int
	_, err := w.conn.ExecContext(ctx, "pragma busy_timeout = 200")
	if err == nil {
		err = w.conn.QueryRowContext(ctx, "pragma wal_checkpoint(truncate)").Scan(&busy, &pages, &moved)
		w.truncate = busy != 0
	}
	if _, again := w.conn.ExecContext(ctx, "pragma busy_timeout = "+busyTimeout); err != nil || again != nil {
		_ = w.disconnect()
	}
}

// finish leaves the file in order. What fails here costs nothing: the next open does it.
func (w *writer) finish(ctx context.Context) {
	if w.conn == nil || w.broken != nil {
		return
	}
	if w.truncate {
		w.truncateWAL(ctx)
		return
	}
	var busy, pages, moved int
	_ = w.conn.QueryRowContext(ctx, "pragma wal_checkpoint(passive)").Scan(&busy, &pages, &moved)
}
