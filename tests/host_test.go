package tests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/wall"
	"github.com/payonce/payonce/store/memstore"
)

// host is one machine's view of a store that keeps what it was given: it has a wall clock of its own, and lets a test come in between.
type host struct {
	payonce.KeyStore
	ahead  atomic.Int64       // by how many nanoseconds the wall clock is ahead of the time
	marked func(attempts int) // called when an attempt's mark has been stored
}

func newHost(store payonce.KeyStore) *host { return &host{KeyStore: store, marked: func(int) {}} }

func (h *host) WallClock() wall.Clock { return func() time.Time { return h.now() } }

func (h *host) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *host) set(ahead time.Duration) { h.ahead.Store(int64(ahead)) }

func (*host) Durability() payonce.Durability {
	return payonce.Durability{Process: true, Power: true, Text: "memory, as if it were durable"}
}

func (h *host) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := h.KeyStore.Claim(ctx, rec)
	h.marked(rec.Sent)
	return got, err
}

func (h *host) Save(ctx context.Context, rec *payonce.Record) error {
	err := h.KeyStore.Save(ctx, rec)
	if rec.Lease.For > 0 {
		h.marked(rec.Sent)
	}
	return err
}

// upsetNetwork is a host's network, which tells of each moment of the first write after the mark.
type upsetNetwork struct {
	trip http.RoundTripper
	tell func(step)
}

func (w *upsetNetwork) RoundTrip(req *http.Request) (*http.Response, error) {
	own := *req
	if own.Body != nil {
		own.Body = &toldBody{ReadCloser: own.Body, end: func() { w.tell(onTheWire) }}
	}
	res, err := w.trip.RoundTrip(&own)
	w.tell(beforeStoring)
	time.AfterFunc(time.Microsecond, func() { w.tell(betweenTries) })
	return res, err
}

// toldBody is a request's body that tells when it was read to its end.
type toldBody struct {
	io.ReadCloser
	end func()
}

func (b *toldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.end()
	}
	return n, err
}

// upsetWorld is one case at work.
type upsetWorld struct {
	*world
	t    *testing.T
	u    *upset
	name string
	host *host
	// slept is for how long the host was suspended in all: by that the true time is later than this process can know.
	slept atomic.Int64
	// mu is of done, which says that the clock has jumped, and of marked, which is the true time of the claim.
	mu       sync.Mutex
	done     bool
	marked   time.Time
	first    *payonce.Client
	residual *residues
	// closed is what a caller was told last, if it was that nothing took effect.
	closed error
	// blind names the error of the clock that the last look could not notice, harmed says that it did harm.
	blind  string
	harmed bool
}

func newUpsetWorld(t *testing.T, u *upset, residual *residues) *upsetWorld {
	t.Helper()
	h := newHost(memstore.New())
	return &upsetWorld{world: newWorld(t, u.d, false, h, setup{}), t: t, u: u, name: u.name(), host: h, residual: residual}
}

// process starts a client on the host, whose network tells of its moments.
func (w *upsetWorld) process() *payonce.Client {
	return w.client(w.t, func(cfg *payonce.Config) {
		own := w.sim.Transport()
		w.t.Cleanup(own.Close)
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			w.reached(whileDialing)
			return own.DialContext(ctx, network, address)
		}
		own.HTTP().DialContext, own.HTTP().DialTLSContext = dial, dial
		cfg.HTTPClient = &http.Client{Transport: &upsetNetwork{own, w.reached}}
		cfg.Lease = 2 * year // what holds here holds without leases
	})
}

// reached lets the clock jump if it is the moment for it.
func (w *upsetWorld) reached(at step) {
	w.mu.Lock()
	now := !w.done && w.u.at == at && (at == beforeClaim || !w.marked.IsZero())
	w.done = w.done || now
	w.mu.Unlock()
	if !now {
		return
	}
	switch {
	case w.u.asleep:
		w.sleep(w.u.by)
	case !w.u.reset.IsZero():
		w.host.set(time.Until(w.u.reset))
	default:
		w.host.set(w.u.by)
	}
}

// mark is the true time of the claim.
func (w *upsetWorld) mark() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.marked
}

// sleep suspends the host: time passes for the provider and the wall clock, not for the process.
func (w *upsetWorld) sleep(d time.Duration) {
	slept := time.Duration(w.slept.Add(int64(d)))
	if slept > inFlight {
		w.sim.DeliverHeld()
	}
	w.host.set(slept)
	w.forget()
}

// now is the true time.
func (w *upsetWorld) now() time.Time { return time.Now().Add(time.Duration(w.slept.Load())) }

// over says that the key's life is over at the provider.
func (w *upsetWorld) over() bool {
	life := w.provider.Profile().KeyLife
	return life > 0 && !w.mark().IsZero() && w.now().Sub(w.mark()) >= life
}

// forget makes the provider forget the key at its time, where it could not know how late it is.
func (w *upsetWorld) forget() {
	if w.over() {
		w.sim.(interface{ PruneKeys() }).PruneKeys()
	}
}

func (w *upsetWorld) run() {
	w.begin()
	if w.u.late {
		w.until(w.later())
		w.look("after the key's life")
	} else {
		w.until(shortly)
		w.look("shortly")
		w.until(settled)
		w.look("when all has arrived")
	}
	w.settle()
}

// later is an age at which the key does not live any more. Some live for ever.
func (w *upsetWorld) later() time.Duration {
	if life := w.provider.Profile().KeyLife; life > 0 {
		return life + time.Hour
	}
	return 40 * day
}

// begin makes the first call, which does not learn what became of the operation.
func (w *upsetWorld) begin() {
	w.host.marked = func(attempts int) {
		w.mu.Lock()
		first := w.marked.IsZero()
		if first {
			w.marked = w.now()
		}
		w.mu.Unlock()
		if first {
			w.reached(afterMark)
		} else if attempts > 1 {
			w.reached(afterRetryMark)
		}
	}
	w.first = w.process()
	w.reached(beforeClaim)
	w.sim.Script(w.u.trouble.faults()...)
	w.judge("the first call", w.call(w.first))
	w.sim.ClearScript()
}

// until lets time pass until so long after the mark. What was on its way arrives in time.
func (w *upsetWorld) until(age time.Duration) {
	if age >= inFlight {
		w.pass(w.mark().Add(inFlight).Sub(w.now()))
		w.sim.DeliverHeld()
	}
	w.pass(w.mark().Add(age).Sub(w.now()))
}

func (w *upsetWorld) pass(d time.Duration) {
	advance(d)
	w.forget()
}

func (w *upsetWorld) call(c *payonce.Client) error {
	_, err := c.Payments.Create(w.t.Context(), w.params("order-1"))
	return err
}

func (w *upsetWorld) record() *payonce.Record {
	rec, err := w.store.Load(w.t.Context(), w.id("order-1"), 0)
	require.NoError(w.t, err)
	return rec
}

func (w *upsetWorld) effects() int { return len(w.sim.Ledger().ByKey(w.record().Key)) }

// look is what a process does that finds the operation: recovery and the caller, or a person who has looked at the provider.
func (w *upsetWorld) look(when string) {
	w.reached(beforeRecovery)
	w.reached(beforeResolve)
	if w.u.right {
		w.setRight()
	}
	c := w.first
	if w.u.anew {
		c = w.process()
	}
	w.unchanged(when)
	_ = w.find(c, when, w.u.anew)
}

// find lets a process find the operation.
func (w *upsetWorld) find(c *payonce.Client, when string, anew bool) error {
	w.blind = w.unknowable(anew)
	posts := w.posts()
	if w.u.at == beforeResolve {
		w.resolve(c, when)
	}
	for r, err := range c.Recover(w.t.Context()) {
		require.NotZero(w.t, r.Generation, err)
		w.judge(when+", recovered", err)
	}
	err := w.call(c)
	w.judge(when, err)
	sent := w.posts() > posts
	if sent && w.over() {
		w.fail(when, "sent after the key's life")
	}
	if !sent && w.closed == nil {
		w.blind = "" // no harm can come of it
	}
	return err
}

// setRight ends the clock's error.
func (w *upsetWorld) setRight() { w.host.set(time.Duration(w.slept.Load())) }

// resolve is what a person does who sees what the provider has by now.
func (w *upsetWorld) resolve(c *payonce.Client, when string) {
	resolution := payonce.NotExecuted
	if w.effects() > 0 {
		resolution = payonce.Executed
	}
	if err := c.Resolve(w.t.Context(), w.id("order-1"), resolution, "seen at the provider"); err == nil && resolution == payonce.NotExecuted {
		w.closed = payonce.ErrRejected
	}
	w.unchanged(when + ", resolved")
}

// The errors of clocks that a process can't notice which did not live through them: it sees what it would see under a right clock.
const (
	wasAhead = "a clock that was ahead at the first attempt, by more than the margin of the key's life, and that was set right before a new process looked"
	isBack   = "a clock that was set back since the newest record was written, to after that, before a new process looked"
	isAhead  = "a clock that was ahead when a new process looked for a request that was still on its way"
)

// unknowable names the error of the clock that the looking process can't notice, or "".
func (w *upsetWorld) unknowable(anew bool) string {
	rec, shown, life := w.record(), w.host.now(), w.provider.Profile().KeyLife
	window := min(life/10*9, life-5*time.Minute)
	switch {
	case !anew, shown.Before(rec.Newest.Add(-time.Minute)):
		return ""
	case w.over() && shown.Before(rec.FirstAt.Add(window)) && rec.FirstAt.After(w.mark().Add(time.Minute)):
		return wasAhead
	case w.over() && shown.Before(rec.FirstAt.Add(window)):
		return isBack
	case w.u.trouble == delayed && w.now().Before(w.mark().Add(inFlight)) && !shown.Before(rec.LastAt.Add(5*time.Minute)):
		return isAhead
	}
	return ""
}

// judge compares a report with the ledger.
func (w *upsetWorld) judge(when string, err error) {
	effects, ok := w.effects(), false
	w.closed = nil
	switch {
	case err == nil:
		ok = effects == 1
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		ok = effects <= 1
	case errors.Is(err, payonce.ErrNotSent), errors.Is(err, payonce.ErrRejected):
		ok, w.closed = effects == 0, err
	}
	if !ok {
		w.fail(when, "%d effects in the ledger, but the caller was told: %v", effects, err)
	}
}

// fail is for what must not happen. Where nobody could have known, the case is over.
func (w *upsetWorld) fail(when, format string, args ...any) {
	switch {
	case w.harmed:
	case w.blind == "":
		w.t.Errorf("%s: %s: %s\n%s", w.name, when, fmt.Sprintf(format, args...), w.story())
	default:
		w.harmed = true
		w.residual.add(w.blind)
	}
}

// unchanged judges what a caller was told before: no effect means none ever.
func (w *upsetWorld) unchanged(when string) {
	if n := w.effects(); n > 1 || (w.closed != nil && n > 0) {
		w.fail(when, "%d effects in the ledger, but the caller was told: %v", n, w.closed)
	}
}

// settle sets the clock right; then everything must come to an end, at once or when the times of the future that a wrong clock left in the
// store have passed.
func (w *upsetWorld) settle() {
	w.setRight()
	w.sim.DeliverHeld()
	w.unchanged("at the end")
	w.pass(settled)
	err := w.find(w.process(), "when the clock is right", true)
	if rec := w.record(); open(err) && rec.Newest.After(w.host.now().Add(time.Minute)) && strings.HasPrefix(rec.Reason, "the clock is behind") && !rec.DueAt.IsZero() {
		w.pass(rec.Newest.Sub(w.host.now()))
		err = w.find(w.process(), "when the times of the future have passed", true)
	}
	if open(err) {
		w.fail("at the very end", "not settled: %v", err)
	}
	w.unchanged("at the very end")
}

// open says that nobody has an answer, nor has to find one.
func open(err error) bool {
	return errors.Is(err, payonce.ErrOutcomeUnknown) && !errors.Is(err, payonce.ErrInDoubt)
}

func (w *upsetWorld) story() string {
	var text string
	for _, r := range w.sim.Requests() {
		if r.Key != "" {
			text += fmt.Sprintf("  %s after the mark: %s %s complete %t executed %t replayed %t fault %q status %d\n",
				r.Time.Sub(w.mark()), r.Method, r.Path, r.Complete, r.Executed, r.Replayed, r.Fault, r.Status)
		}
	}
	if rec := w.record(); rec != nil {
		text += fmt.Sprintf("  record: %s, %q, created %s, first %s, last %s, newest %s, due %s after the mark; the wall clock is %s ahead\n", rec.State, rec.Reason,
			rec.CreatedAt.Sub(w.mark()), rec.FirstAt.Sub(w.mark()), rec.LastAt.Sub(w.mark()), rec.Newest.Sub(w.mark()), rec.DueAt.Sub(w.mark()), time.Duration(w.host.ahead.Load()))
	}
	return text
}
