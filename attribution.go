package payonce

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/payonce/payonce/internal/httpx"
)

// attribution notices an answer that belongs to another request. A server, or a proxy, that writes one response too many makes
// net/http hand it to the next request on the connection, without an error; and most answers to a create echo nothing of what was
// sent. But a provider's request id is unique: one that was seen on the same connection with another operation betrays the stray. Whose
// it was is decided in the order in which the requests had the connection.
type attribution struct {
	mu     sync.Mutex
	owner  map[sighting]OperationID
	recent [1024]sighting
	next   int
	last   map[string]chan struct{} // of a connection: closed when the last request that got it has looked at its answer
}

type sighting struct{ connection, requestID string }

func newAttribution() *attribution {
	return &attribution{owner: map[sighting]OperationID{}, last: map[string]chan struct{}{}}
}

// turn is a request's place on its connection. Over HTTP/1 a request gets a connection when the answer before was handed over; but who
// waited for that one may not have looked at it yet, while a stray copy of it is here already.
type turn struct {
	answers *attribution

	mu           sync.Mutex
	over         bool
	connection   string
	before, ends chan struct{}
}

// take queues for the connection that the request got. It may get another one when the first was dead.
func (t *turn) take(connection string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.leave()
	t.answers.mu.Lock()
	defer t.answers.mu.Unlock()
	t.connection, t.before, t.ends = connection, t.answers.last[connection], make(chan struct{})
	t.answers.last[connection] = t.ends
}

// wait returns when the request before has looked at its answer.
func (t *turn) wait(ctx context.Context) error {
	t.mu.Lock()
	before := t.before
	t.mu.Unlock()
	if before == nil {
		return nil
	}
	select {
	case <-before:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.leave()
}

func (t *turn) leave() {
	if t.ends == nil {
		return
	}
	t.answers.mu.Lock()
	defer t.answers.mu.Unlock()
	close(t.ends)
	if t.answers.last[t.connection] == t.ends {
		delete(t.answers.last, t.connection)
	}
	t.ends = nil
}

// mark stands in for a request id where the answer has none: the very same final answer to two writes on one connection is suspicious. If
// it was nobody else's after all, asking again costs one request, if it can be asked again.
func (r *run) mark(req *Request, answer *httpx.Answer, class Class) string {
	if r.rec.Replay != ReplayKeyed || req.Key == "" || len(answer.Body) == 0 || class == ClassNotSent || class == ClassInFlight ||
		(class == ClassUnknown && answer.Status > 299) {
		return ""
	}
	sum := sha256.Sum256(answer.Body)
	return "body " + string(sum[:])
}

// stray notes whose answer a request id came with, and says whether it was another's before. An operation's own id may come again,
// with a replay.
func (a *attribution) stray(connection, requestID string, id OperationID) bool {
	if connection == "" || requestID == "" {
		return false
	}
	s := sighting{connection, requestID}
	a.mu.Lock()
	defer a.mu.Unlock()
	if owner, seen := a.owner[s]; seen {
		return owner != id
	}
	delete(a.owner, a.recent[a.next])
	a.recent[a.next], a.owner[s] = s, id
	a.next = (a.next + 1) % len(a.recent)
	return false
}
