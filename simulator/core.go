package simulator

import (
	"net/http"
	"sync"
	"time"
)

// core is the part of a simulated provider that is the same for every provider:
// the front door, the ledger, the request log, the script of faults and the key
// store. What a provider says and checks is behind api.
type core struct {
	api      api
	now      func() time.Time
	contract contract

	ledger *Ledger
	log    *requestLog
	script *script
	keys   *keyStore
	outbox *outbox

	mu       sync.Mutex
	held     []*exchange // requests that the network has swallowed and will deliver
	backends map[*backend]struct{}
}

// api is one provider's dialect.
type api interface {
	// handle executes one request that was read to its end.
	handle(cl *call) answer
	// keyOf returns the idempotency key of a request, for the log.
	keyOf(r *http.Request, body []byte) string
	// faultable says which requests a fault without its own Match applies to.
	faultable(r *http.Request) bool
	// problem renders an error in the provider's own words.
	problem(kind problemKind, r *http.Request) answer
	// elsewhere is a whole success about something else.
	elsewhere() string
	// deliver renders and signs a webhook.
	deliver(path string, e event) Delivery
	// control adds the provider's own control endpoints.
	control(mux *http.ServeMux)
	// forgetAll brings the provider back to its first state.
	forgetAll()
}

// problemKind names an error that every provider has some words for.
type problemKind int

const (
	problemInFlight problemKind = iota
	problemKeyReuse
	problemRateLimited
	problemUnauthenticated
	problemForbidden
	problemNotFound
	problemInternal // answered, not stored under the key
	problemStored   // an internal error that the provider keeps under the key
)

// A call is one request on its way through the provider.
type call struct {
	*http.Request

	body  []byte
	at    time.Time
	quirk quirk
	hold  func() // waits as long as a fault holds up the execution

	executed bool
	replayed bool
}

// quirk is a lie about the idempotency contract, told for one request.
type quirk struct {
	forget         bool // the key is pruned just before
	anyBody        bool // another request under the key is answered by the stored answer
	latest         bool // a replay shows the resource as it is now
	twice          bool // one first request is executed twice
	sticky         bool // an internal error is stored as the key's answer
	stickyExecutes bool // … after executing
}

// An answer is a whole response, before any fault has touched it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) clone() answer {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	return a
}

func newCore(now func() time.Time, keys contract) *core {
	if now == nil {
		now = time.Now
	}
	return &core{
		now:      now,
		contract: keys,
		ledger:   &Ledger{},
		log:      &requestLog{},
		script:   &script{},
		keys:     newKeyStore(keys.life),
		outbox:   &outbox{},
		backends: map[*backend]struct{}{},
	}
}

// Ledger returns what the provider executed.
func (c *core) Ledger() *Ledger { return c.ledger }

// Requests returns a copy of every request that arrived so far, in order.
func (c *core) Requests() []Request { return c.log.copy() }

// Script appends faults. Each request (or dial) takes the first fault that
// applies to it and is not used up; those that don't apply stay for later ones.
func (c *core) Script(faults ...Fault) { c.script.add(faults...) }

// ClearScript removes every fault that is not used up: the weather is fine again.
func (c *core) ClearScript() { c.script.reset() }

// PruneKeys makes the provider forget every idempotency key, as if their life
// were over (F44, and F45 as a client sees it).
func (c *core) PruneKeys() { c.keys.prune() }

// Reset brings the simulator back to its first state: no ledger, no requests, no
// keys, no faults, no resources, no tokens.
func (c *core) Reset() {
	c.script.reset()
	c.keys.prune()
	c.ledger.reset()
	c.log.reset()
	c.outbox.take()
	c.mu.Lock()
	c.held = nil
	c.mu.Unlock()
	c.api.forgetAll()
}

// DeliverHeld delivers, in order, the requests that DeliverLater(0) holds in the
// network, and returns when the provider has dealt with them. Their answers
// reach nobody.
func (c *core) DeliverHeld() {
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	for _, x := range held {
		x.run()
	}
}

// DropConnections closes, from the provider's side, every connection that is
// idle now (F12). A client finds out when it uses one.
func (c *core) DropConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for b := range c.backends {
		b.dropIdle()
	}
}
