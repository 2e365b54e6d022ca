package tests_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

const (
	// atPrepared is when the record is committed, beside the merchant's order, and nobody has begun to send it.
	atPrepared moment = "s4 prepared"
	// atTold is when a caller's code goes on: it has heard the outcome, and dies before it does anything with it.
	atTold moment = "s17 told"
)

// crashPoints are the moments at which a process must have died, for every provider. Of the twenty, s0 and s1 leave no trace, s5 is s7 of
// a process that takes over, and s18 is s16: the lease goes back with the outcome.
func crashPoints() []moment {
	return []moment{
		atInserting, atInserted, atPrepared, atGated, atMarking, atMarked, atConnected, atFirstByte, atLastByte, atExecuted, atStatus, atHalf, atRead,
		atStoring, atStored, atTold, atPurging, atPurged,
	}
}

// plan is what happens after the crash.
type plan string

const (
	soon  plan = "soon"  // another process recovers it when the lease is over
	late  plan = "late"  // nobody comes before the key's life is over
	twice plan = "twice" // who comes next dies at the same moment
	later plan = "later" // the faults meet who comes next
)

// crash is when a process dies: the nth time that any process reaches the moment. The zero crash never happens.
type crash struct {
	at   moment
	nth  int
	plan plan
}

func (c crash) String() string {
	if c.at == "" {
		return "nobody dies"
	}
	return fmt.Sprintf("%s #%d, %s", c.at, c.nth, c.plan)
}

// trial is one operation that meets faults while a process dies at one of its moments.
type trial struct {
	*judge

	t      *testing.T
	w      *world
	what   string
	op     *intent
	faults []simulator.Specimen
	crash  crash

	posts int // before the trial

	mu      sync.Mutex
	met     map[moment]int
	deaths  int
	answer  error // of the last call
	paid    bool  // a caller was told that it succeeded, and the process ended in good order
	reports []report
	found   []string // what is wrong
}

// newTrial makes the trial of a payment or, if what says so, of a refund.
func newTrial(t *testing.T, d *dialect, store payonce.KeyStore, what string, faults []simulator.Specimen, c crash) *trial {
	t.Helper()
	http2 := slices.ContainsFunc(faults, func(f simulator.Specimen) bool { return f.Proto == "HTTP/2.0" })
	w := newWorld(t, d, http2, store, setup{})
	x := &trial{judge: &judge{sim: w.sim, store: store}, t: t, w: w, what: what, op: w.payment("ref"), faults: faults, crash: c, met: map[moment]int{}}
	if what == aRefund {
		x.op = w.refund("ref", x.pay())
	}
	return x
}

// pay makes the payment that is refunded, before the faults begin.
func (x *trial) pay() string {
	p := x.w.process(x.t, x.store, nil)
	defer p.stop()
	payment, err := p.Payments.Create(p.life, x.w.params("paid"))
	require.NoError(x.t, err)
	x.before, x.posts = 1, x.w.posts()
	return payment.ID
}

// watch counts the moments of all processes and says who dies.
func (x *trial) watch(m moment) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.met[m]++
	limit := 1
	if x.crash.plan == twice {
		limit = 2
	}
	if m != x.crash.at || x.met[m] < x.crash.nth || x.deaths == limit {
		return false
	}
	x.deaths++
	return true
}

// run is the operation's life. A caller asks for it; when the lease is over, or the key's life, others recover it and ask again; then the
// faults end; and long afterwards somebody asks once more.
func (x *trial) run() {
	wait := 20 * time.Second
	if x.crash.plan != later {
		x.script()
	}
	if x.crash.at == atPrepared {
		x.prepare()
	} else {
		x.visit(false)
	}
	if x.crash.plan == late {
		wait = x.beyond()
	}
	advance(wait)
	x.look()
	if x.crash.plan == later {
		x.script()
	}
	x.visit(true)
	advance(20 * time.Second)
	x.look()
	x.w.sim.ClearScript()
	x.w.sim.DeliverHeld()
	advance(10 * time.Minute)
	x.settle()
	advance(x.beyond())
	x.settle()
	x.verdict()
}

func (x *trial) script() {
	for _, f := range x.faults {
		x.w.sim.Script(f.Fault)
	}
}

// beyond is longer than the life of a key.
func (x *trial) beyond() time.Duration {
	if life := x.w.provider.Profile().KeyLife; life > 0 {
		return life * 5 / 4
	}
	return 40 * 24 * time.Hour
}

// prepare is the life of a process that commits its order and dies.
func (x *trial) prepare() {
	p := x.w.process(x.t, x.store, x.watch)
	defer p.stop()
	rec, err := x.op.prepare(p.Client)
	require.NoError(x.t, err)
	_, err = x.store.Claim(p.life, rec)
	require.NoError(x.t, err)
	p.reaches(atPrepared)
}

// visit is the life of one process, and says whether it lived to its end.
func (x *trial) visit(recovering bool) bool {
	p := x.w.process(x.t, x.store, x.watch)
	defer p.stop()
	if recovering {
		for recovered, err := range p.Recover(p.life) {
			if recovered.Generation > 0 {
				x.hear(p, err)
			}
		}
	}
	if !p.dead.Load() {
		x.answer = x.op.call(p.life, p.Client)
		x.hear(p, x.answer)
	}
	if recovering && !p.dead.Load() {
		_, _ = mortalStore{x.store, p}.Purge(p.life, time.Now().Add(time.Second), 10) // its error is that the process died
	}
	lives := !p.dead.Load()
	x.paid = lives && x.answer == nil
	return lives
}

// hear judges what a caller was told, if it was alive to hear it.
func (x *trial) hear(p *process, err error) {
	if p.dead.Load() {
		return
	}
	p.reaches(atTold)
	x.reports = append(x.reports, report{x.op.id, err})
	x.check(x.told(x.op.id, err))
}

// look judges what a process left behind, which may be dead.
func (x *trial) look() {
	switch {
	case len(x.records(x.op.id)) > 0:
		x.check(x.standing(x.op.id))
		x.check(x.wire(x.sim.Requests(), x.op.id))
		if last := x.records(x.op.id); x.paid && last[len(last)-1].State != payonce.StateSucceeded {
			x.check("it succeeded, and that is not stored")
		}
	case x.w.posts() > x.posts:
		x.check("it was sent, and nobody knows of it")
	}
}

// settle asks again, without faults: now there must be an answer, or a doubt.
func (x *trial) settle() {
	for !x.visit(true) {
		advance(20 * time.Second)
		x.look()
	}
	if errors.Is(x.answer, payonce.ErrOutcomeUnknown) && !errors.Is(x.answer, payonce.ErrInDoubt) && !x.sticky(x.op.id) {
		x.check(fmt.Sprintf("not settled without faults: %v", x.answer))
	}
	x.look()
}

// verdict holds all that anybody was told against what is in the ledger at the end.
func (x *trial) verdict() {
	for _, r := range x.reports {
		x.check(x.told(r.op, r.err))
	}
	x.check(x.standing(x.op.id))
	x.check(x.strangers([]payonce.OperationID{x.op.id}))
}

func (x *trial) check(why string) {
	if why != "" && !slices.Contains(x.found, why) {
		x.found = append(x.found, why)
	}
}

// name is what PAYONCE_POINT selects by.
func (x *trial) name() string { return nameOf(x.w.name, x.what, x.faults, x.crash) }

func nameOf(provider, what string, faults []simulator.Specimen, c crash) string {
	if len(faults) == 0 {
		return fmt.Sprintf("%s/%s/no fault/%v", provider, what, c)
	}
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	return fmt.Sprintf("%s/%s/%s/%v", provider, what, strings.Join(names, "+"), c)
}
