// Package storage is what the stores on a disk and on a server have in common.
package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// maxQueued is how many writes wait before more are refused: the disk or the server has been stuck for long then.
const maxQueued = 1 << 16

// Queue holds writes for the one goroutine that does them, in the order in which they were asked for. R is a request.
type Queue[R any] struct {
	mu      sync.Mutex
	filled  *sync.Cond
	limit   Limit
	weigh   func(R) (bytes int, alone bool)
	waiting []R
	closed  bool
}

// Limit is how many requests are taken at once, and how many bytes they may have together; a single one may have more.
type Limit struct{ Requests, Bytes int }

// NewQueue makes a queue. Weigh tells a request's bytes, and whether nothing else may be taken with it.
func NewQueue[R any](limit Limit, weigh func(R) (bytes int, alone bool)) *Queue[R] {
	q := &Queue[R]{limit: limit, weigh: weigh}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// Push adds a request, or says why not. It never waits.
func (q *Queue[R]) Push(r R) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed()
	}
	if len(q.waiting) >= maxQueued {
		return errors.New("too many writes wait")
	}
	q.waiting = append(q.waiting, r)
	q.filled.Signal()
	return nil
}

// Take waits for requests and returns the oldest, at most the limit; none when the queue is closed and empty.
func (q *Queue[R]) Take() []R {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.filled.Wait()
	}
	n, bytes := 0, 0
	for ; n < min(len(q.waiting), q.limit.Requests); n++ {
		more, alone := q.weigh(q.waiting[n])
		if bytes += more; n > 0 && (alone || bytes > q.limit.Bytes) {
			break
		}
		if alone {
			n++
			break
		}
	}
	batch := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil // lets go of the array
	}
	return batch
}

// Len is how many requests wait.
func (q *Queue[R]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Over says whether the queue was closed.
func (q *Queue[R]) Over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// Close refuses what comes later. What waits is still taken.
func (q *Queue[R]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Signal()
}

// ErrClosed is the cause of what is refused after Close.
func ErrClosed() error { return fmt.Errorf("the store is closed: %w", fs.ErrClosed) }
