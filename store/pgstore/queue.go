package pgstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/payonce/payonce"
)

const (
	// maxBatch is how many writes share a commit.
	maxBatch = 256
	// maxBatchBytes is what their bodies may take together; one alone may take more.
	maxBatchBytes = 4 << 20
	// maxQueued is how many writes wait before more are refused: the server has been out of reach for long then.
	maxQueued = 1 << 16
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

// queue holds requests in the order in which they were asked for.
type queue struct {
	mu      sync.Mutex
	filled  *sync.Cond
	batch   int // how many are taken at once
	waiting []*request
	closed  bool
}

func newQueue(batch int) *queue {
	q := &queue{batch: batch}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// push adds a request, or says why not. It never waits.
func (q *queue) push(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed()
	}
	if len(q.waiting) >= maxQueued {
		return errors.New("too many writes wait for the server")
	}
	q.waiting = append(q.waiting, r)
	q.filled.Signal()
	return nil
}

// take waits for requests and returns the oldest, at most a batch; none when the queue is closed and empty.
func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.filled.Wait()
	}
	n, bytes := 0, 0
	for ; n < min(len(q.waiting), q.batch); n++ {
		r := q.waiting[n]
		if bytes += r.size; n > 0 && (bytes > maxBatchBytes || r.alone || q.waiting[0].alone) {
			break
		}
	}
	batch := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // lets go of the array
	}
	return batch
}

// over says whether the queue was closed.
func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close refuses what comes later. What waits is still taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Signal()
}
