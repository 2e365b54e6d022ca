package payonce

import (
	"crypto/sha256"
	"sync"

	"github.com/payonce/payonce/internal/httpx"
)

// attribution notices an answer that belongs to another request. A server, or a proxy, that writes one response too many makes
// net/http hand it to the next request on the connection, without an error; and most answers to a create echo nothing of what was
// sent. But a provider's request id is unique: one that was seen on the same connection with another operation betrays the stray.
type attribution struct {
	mu     sync.Mutex
	owner  map[sighting]OperationID
	recent [1024]sighting
	next   int
}

type sighting struct{ connection, requestID string }

func newAttribution() *attribution { return &attribution{owner: map[sighting]OperationID{}} }

// mark stands in for a request id where the provider has none: the very same 2xx to two writes on one connection is suspicious. If it
// was nobody else's after all, asking again costs one request, if it can be asked again.
func (r *run) mark(req *Request, answer *httpx.Answer) string {
	if r.rec.Replay != ReplayKeyed || req.Key == "" || answer.Status < 200 || answer.Status > 299 || len(answer.Body) == 0 {
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
