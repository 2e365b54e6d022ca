package simulator

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// contract is what a provider promises about repeated requests.
type contract struct {
	life         time.Duration // of a key, from its first arrival; 0 is for ever
	none         bool          // nothing is deduped
	anyBody      bool          // another request under a key gets the stored answer, silently
	keepRefusals bool          // answers of 400 and above are stored under the key
	latest       bool          // a replay shows the resource as it is now
}

// keyStore is a provider's memory of idempotency keys: for each scope (whatever
// the provider dedupes on) the request that came first and its answer.
type keyStore struct {
	life time.Duration

	mu   sync.Mutex
	keys map[string]*keyRecord
}

// A keyRecord is what the provider knows of one key. Its answer is written once,
// by whoever claimed it.
type keyRecord struct {
	shape    [sha256.Size]byte
	at       time.Time
	finished bool
	answer   answer
	latest   func() answer // renders the answer from the resource as it is now; nil if there is nothing to render
}

// keyState is what the store says to a request.
type keyState int

const (
	keyNew      keyState = iota // claimed for this request
	keyInFlight                 // an equal request is being executed
	keyReplay                   // an equal request was answered
	keyReused                   // the key came with another request
)

func newKeyStore(life time.Duration) *keyStore {
	return &keyStore{life: life, keys: map[string]*keyRecord{}}
}

// claim returns the record of a key and what it means for a request with this
// fingerprint. The life of a key counts from its first arrival.
func (s *keyStore) claim(scope string, shape [sha256.Size]byte, now time.Time) (*keyRecord, keyState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.keys[scope]
	switch {
	case rec == nil || (s.life > 0 && now.Sub(rec.at) >= s.life):
		rec = &keyRecord{shape: shape, at: now}
		s.keys[scope] = rec
		return rec, keyNew
	case rec.shape != shape:
		return rec, keyReused
	case !rec.finished:
		return rec, keyInFlight
	}
	return rec, keyReplay
}

// finish stores the answer that every later equal request gets.
func (s *keyStore) finish(rec *keyRecord, a answer, latest func() answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.answer, rec.latest, rec.finished = a, latest, true
}

// stored returns the answer of a finished record.
func (s *keyStore) stored(rec *keyRecord) (a answer, latest func() answer, finished bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return rec.answer, rec.latest, rec.finished
}

func (s *keyStore) forget(scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, scope)
}

func (s *keyStore) prune() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.keys)
}

// fingerprint is what "the same request" means to a provider that compares
// method, path and body bytes.
func fingerprint(method, path string, body []byte) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range []string{method, path, string(body)} {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// once runs execute for the first request of a key and gives later ones what the
// key's contract gives them. The provider's lies about that contract, asked for
// by a fault, are told here.
func (c *core) once(cl *call, scope string, execute func() (answer, func() answer)) answer {
	if c.contract.none {
		cl.hold()
		a, _ := execute()
		return a
	}
	if cl.quirk.forget {
		c.keys.forget(scope)
	}
	rec, state := c.keys.claim(scope, fingerprint(cl.Method, cl.URL.RequestURI(), cl.body), cl.at)
	if state == keyReused && (cl.quirk.anyBody || c.contract.anyBody) {
		state = keyReplay
	}
	switch state {
	case keyNew:
		return c.first(cl, scope, rec, execute)
	case keyInFlight:
		return c.api.problem(problemInFlight, cl.Request)
	case keyReused:
		return c.api.problem(problemKeyReuse, cl.Request)
	case keyReplay:
	}
	a, latest, finished := c.keys.stored(rec)
	if !finished {
		return c.api.problem(problemInFlight, cl.Request)
	}
	cl.replayed = true
	if (cl.quirk.latest || c.contract.latest) && latest != nil {
		return latest()
	}
	return a
}

func (c *core) first(cl *call, scope string, rec *keyRecord, execute func() (answer, func() answer)) answer {
	cl.hold()
	var (
		a      answer
		latest func() answer
	)
	if !cl.quirk.sticky || cl.quirk.stickyExecutes {
		a, latest = execute()
	}
	if cl.quirk.twice {
		execute()
	}
	if cl.quirk.sticky {
		a, latest = c.api.problem(problemStored, cl.Request), nil
	}
	if a.status >= http.StatusBadRequest && !c.contract.keepRefusals && !cl.quirk.sticky {
		c.keys.forget(scope)
		return a
	}
	c.keys.finish(rec, a, latest)
	return a
}
