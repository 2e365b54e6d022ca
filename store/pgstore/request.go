package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/payonce/payonce"
)

const (
	// maxBatch is how many writes share a commit.
	maxBatch = 256
	// maxBatchBytes is what their bodies may take together; one alone may take more.
	maxBatchBytes = 4 << 20
)

// request is one write on its way to the writer.
type request struct {
	// ctx ends the wish for it; what is being committed is committed all the same. Nil never ends.
	ctx context.Context
	// queue adds its statements to a batch, read takes their results: the answer is the caller's own, the failure the transaction's.
	// Both may be called again after a rollback. Both are nil if it only asks whether all is settled.
	queue func(*pgx.Batch)
	read  func(pgx.BatchResults) (answer, failure error)
	// alone keeps others out of its transaction, who would wait for its many rows.
	alone bool
	// done is called once, after the commit.
	done func(error)
	// id and generation say which record it writes, if it writes one; newest is the latest time in it, size the bytes of its bodies.
	id         payonce.OperationID
	generation int
	newest     time.Time
	size       int

	answer error
}

// weight is what a request counts for in a batch.
func (r *request) weight() (bytes int, alone bool) { return r.size, r.alone }

// request is a write of one record, without an answer yet.
func (w *written) request(rec *payonce.Record, queue func(*pgx.Batch), read func(pgx.BatchResults) (answer, failure error)) *request {
	return &request{queue: queue, read: read, id: rec.ID, generation: rec.Generation, newest: w.newest, size: w.size}
}

// over answers a request whose caller is gone.
func (r *request) over() bool {
	if r.ctx == nil || r.ctx.Err() == nil {
		return false
	}
	r.done(r.ctx.Err())
	return true
}

// follows says that what waits writes to the same record, and must be done before. Both are in the order of wanted.
func (r *request) follows(waiting []*request) bool {
	return len(waiting) > 0 && r.id.Reference != "" && waiting[len(waiting)-1].id == r.id
}
