package tests_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/storetest"
)

// The random schedules throw faults of network, server, store, clock and process at a few operations in virtual time, with callers who
// give up or ask twice, several processes on one store, recovery beside the calls, leases that bind nobody, new keys after refusals,
// people who settle what is in doubt, and time that passes beyond the lives of keys. The judge is the ledger: one effect for what is
// reported as succeeded, none for what is reported as not sent or rejected, at most one for what is unknown; and in the end everything is
// settled or in doubt.
//
// PAYONCE_SCHEDULES sets how many there are for each provider (a twentieth of them again with SQLite), PAYONCE_SEED the first seed. A
// failure prints its seed.

// brokenPromises are the faults in which the provider itself breaks its word, against which no client can help: it executes one key
// twice, or forgets a key before its time.
func brokenPromises() []string { return []string{"execute-twice", "forget-key"} }

func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	count, first := number(t, "PAYONCE_SCHEDULES", defaultSchedules), number(t, "PAYONCE_SEED", 1)
	for _, d := range dialects() {
		for store, open := range stores() {
			count, batch := count, 1
			if store == "sqlite" { // its schedules share a file, each under an account of its own
				count, batch = max(count/50, min(count, 50)), 50
			}
			name := d.name + " with " + store
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				faults := simulator.AllFaults()
				for from := first; from < first+count && !t.Failed(); from += batch {
					synctest.Test(t, func(t *testing.T) {
						inner := open(t)
						for seed := from; seed < min(from+batch, first+count) && !t.Failed(); seed++ {
							newSchedule(t, &d, uint64(seed), inner).run(faults)
							if t.Failed() {
								t.Logf("again: PAYONCE_SEED=%d PAYONCE_SCHEDULES=1 go test -run 'TestRandomSchedules/%s' ./tests", seed, name)
							}
						}
					})
				}
			})
		}
	}
}

// The seeds that have found something, whatever else is run.
func TestSchedulesThatFoundSomething(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		for _, seed := range map[string][]uint64{"midaspay": {259, 15301, 31837, 52678, 100702}}[d.name] {
			synctest.Test(t, func(t *testing.T) { newSchedule(t, &d, seed, memstore.New()).run(simulator.AllFaults()) })
		}
	}
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// schedule is one random run.
type schedule struct {
	*judge

	t    *testing.T
	seed uint64
	rnd  *rand.Rand
	w    *world
	ops  []*intent
	// live are the processes that go on, all those that were ever started.
	live, all []*process
	// clocks is what is wrong with the processes' clocks. limited says that time must not pass beyond the lives of keys any more.
	clocks  clocks
	limited bool

	mu  sync.Mutex
	log []string // what befell the processes
}

// clocks is what can be wrong with them.
type clocks int

const (
	clocksRight clocks = iota
	clocksApart        // by up to a minute each
	clocksJump         // back or forward, by a second to a year
)

func newSchedule(t *testing.T, d *dialect, seed uint64, store payonce.KeyStore) *schedule {
	t.Helper()
	s := &schedule{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0))}
	seen := store
	if s.rnd.IntN(4) == 0 {
		seen = leaseless{store}
	}
	s.w = newWorld(t, d, s.rnd.IntN(200) == 0, seen, setup{merchant: fmt.Sprint("merchant-", seed), other: seed%2 == 0, declines: []int64{declinedPrice}})
	s.judge = &judge{sim: s.w.sim, store: store}
	for i := range 1 + s.rnd.IntN(4)/3 {
		s.ops = append(s.ops, s.w.anyIntent(s.rnd, fmt.Sprint("ref-", i), s.paid))
	}
	if n := s.rnd.IntN(8); n < 2 {
		s.clocks = clocks(n + 1)
	}
	return s
}

// paid makes a payment before the faults begin.
func (s *schedule) paid() string {
	p := s.w.process(s.t, s.w.store, nil)
	defer p.stop()
	payment, err := p.Payments.Create(s.t.Context(), s.w.params("paid"))
	require.NoError(s.t, err)
	s.before = 1
	return payment.ID
}

func (s *schedule) run(faults []simulator.Specimen) {
	defer func() {
		for _, p := range s.all {
			p.stop()
		}
	}()
	for range 1 + s.rnd.IntN(5)/3 + s.rnd.IntN(8)/7 {
		s.script(faults)
		s.round()
		s.between()
	}
	s.settle()
}

// telling are the faults after which it matters most what the client believes. Most others look alike to it.
func telling() []string {
	return []string{
		"lose-answer", "hang-executed", "deliver-later", "deliver-again", "hold-key", "in-flight", "key-reuse", "sticky-error", "forbidden",
		"unavailable", "rate-limited", "error-after-executing", "answer", "answer-after-executing", "not-yet-visible", "repeat-answer",
	}
}

// script chooses faults from the catalogue, half of them telling ones.
func (s *schedule) script(all []simulator.Specimen) {
	for range s.rnd.IntN(6) {
		specimen := all[s.rnd.IntN(len(all))]
		if name := telling()[s.rnd.IntN(len(telling()))]; s.rnd.IntN(2) == 0 {
			specimen = all[slices.IndexFunc(all, func(x simulator.Specimen) bool { return x.Name == name })]
		}
		costly := specimen.Name == "oversized-headers" && s.rnd.IntN(100) > 0 // 11 MiB each
		if specimen.Lasting || costly || slices.Contains(brokenPromises(), specimen.Name) {
			continue
		}
		s.w.sim.Script(simulator.Repeated(specimen.Fault, 1+s.rnd.IntN(3)))
	}
}

// someone is a process that goes on, or a new one to which something may happen.
func (s *schedule) someone() *process {
	if len(s.live) > 0 && s.rnd.IntN(2) == 0 {
		return s.live[s.rnd.IntN(len(s.live))]
	}
	store := s.w.store
	if s.rnd.IntN(8) == 0 { // it fails at one of the first calls, with or without having done it
		when := storetest.NthCall(1 + s.rnd.IntN(10))
		if s.rnd.IntN(2) == 0 {
			store = storetest.Fail(store, when)
		} else {
			store = storetest.CommitThenFail(store, when)
		}
	}
	var change []func(*payonce.Config)
	if s.rnd.IntN(16) == 0 {
		change = append(change, func(cfg *payonce.Config) { cfg.RecoverEvery = 0 })
	}
	f := s.fate()
	p := &process{watch: f.watch, busy: len(change) > 0}
	f.process = p
	if s.clocks == clocksApart {
		p.skew.Store(s.rnd.Int64N(2*int64(time.Minute)) - int64(time.Minute))
	}
	s.w.begin(s.t, p, store, change...)
	s.all, s.live = append(s.all, p), append(s.live, p)
	return p
}

// fate is what happens to a process at one of its moments.
type fate struct {
	process *process
	s       *schedule
	moments atomic.Int64
	at      int64 // 0 is never
	// what: it dies, its clock jumps, or all its callers give up
	dies      bool
	jump      time.Duration
	interrupt bool
}

func (s *schedule) fate() *fate {
	f := &fate{s: s}
	moments := 1 + s.rnd.Int64N(8<<s.rnd.IntN(3))
	switch what := s.rnd.IntN(12); {
	case s.clocks == clocksJump && what < 6:
		f.at, f.jump = moments, s.jump()
	case what < 4:
		f.at, f.dies = moments, true
	case what == 4:
		f.at, f.interrupt = moments, true
	}
	return f
}

// jump is by how much a clock jumps. After a mark of the future a key looks younger than it is, once the mark is past: beyond the life of
// its key nobody can notice that, so time does not pass so far.
func (s *schedule) jump() time.Duration {
	const day = 24 * time.Hour
	spans := []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 12 * time.Hour, 30 * time.Hour, 40 * day, 365 * day}
	jump := spans[s.rnd.IntN(len(spans))]
	if s.rnd.IntN(2) == 0 {
		return -jump
	}
	s.limited = true
	return jump
}

func (f *fate) watch(m moment) bool {
	if f.at == 0 || f.moments.Add(1) != f.at {
		return false
	}
	f.s.note("%q: dies %t, clock jumps %v, callers give up %t", m, f.dies, f.jump, f.interrupt)
	f.process.skew.Add(int64(f.jump))
	if f.interrupt {
		f.process.interrupt()
	}
	return f.dies
}

func (s *schedule) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, time.Now().Format(stamp)+" "+fmt.Sprintf(format, args...))
}

// report is what somebody was told of an operation.
type report struct {
	op  payonce.OperationID
	err error
}

// round lets callers ask for the operations, some twice at once and some through another process, while others recover, and judges what
// they are told.
func (s *schedule) round() {
	var working sync.WaitGroup
	var mu sync.Mutex
	var reports []report
	tell := func(p *process, id payonce.OperationID, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !p.dead.Load() { // or nobody hears it
			reports = append(reports, report{id, err})
		}
	}
	p, other := s.someone(), (*process)(nil)
	for _, op := range s.ops {
		for range 1 + s.rnd.IntN(3)/2 {
			caller := p
			if s.rnd.IntN(4) == 0 {
				if other == nil {
					other = s.someone()
				}
				caller = other
			}
			patience := 10 * time.Minute
			if s.rnd.IntN(4) == 0 {
				patience = time.Duration(s.rnd.Int64N(int64(time.Minute)))
			}
			var opts []payonce.CallOption
			if op.renewable && s.rnd.IntN(8) == 0 {
				opts = append(opts, payonce.WithNewKey())
			}
			working.Go(func() {
				ctx, cancel := caller.call(patience)
				defer cancel()
				tell(caller, op.id, op.call(ctx, caller.Client, opts...))
			})
		}
	}
	for _, p := range []*process{p, other} {
		if p != nil && s.rnd.IntN(4) == 0 {
			working.Go(func() { s.recover(p, tell) })
		}
	}
	working.Wait()
	s.w.sim.DeliverHeld() // what was still on its way has arrived
	for _, r := range reports {
		s.check(s.told(r.op, r.err), r.op)
	}
	s.live = slices.DeleteFunc(s.live, func(p *process) bool { return p.dead.Load() })
}

// recover finishes what is due, and tells what came of it.
func (s *schedule) recover(p *process, tell func(*process, payonce.OperationID, error)) {
	for recovered, err := range p.Recover(p.life) {
		if recovered.Generation > 0 && slices.ContainsFunc(s.ops, func(op *intent) bool { return op.id == recovered.Operation }) {
			tell(p, recovered.Operation, err)
		}
	}
}

// between rounds a person may look, bodies may be purged, and time passes.
func (s *schedule) between() {
	switch s.rnd.IntN(8) {
	case 0:
		_, err := s.store.Purge(s.t.Context(), time.Now(), 10)
		require.NoError(s.t, err)
	case 1:
		advance(6 * time.Minute)
		s.resolve(s.ops[s.rnd.IntN(len(s.ops))])
	}
	d := time.Duration(s.rnd.Int64N(int64(20 * time.Minute)))
	if !s.limited && s.rnd.IntN(3) == 0 {
		s.live = slices.DeleteFunc(s.live, (*process).rest)
		d = time.Duration(s.rnd.Int64N(int64(s.keyLife() * 5 / 4)))
	}
	advance(d)
}

func (s *schedule) keyLife() time.Duration {
	if life := s.w.provider.Profile().KeyLife; life > 0 {
		return life
	}
	return 30 * 24 * time.Hour
}

// resolve is what a person does who has looked at the provider.
func (s *schedule) resolve(op *intent) {
	p := s.w.process(s.t, s.w.store, nil)
	defer p.stop()
	truth := payonce.NotExecuted
	if s.effects(op.id) > 0 {
		truth = payonce.Executed
	}
	if s.rnd.IntN(4) == 0 {
		truth = payonce.StopSending
	}
	err := p.Resolve(s.t.Context(), op.id, truth, "looked at the dashboard")
	s.note("a person says %d of %v: %v", truth, op, err)
}

// settle takes the faults away; then everything must come to an end, and the ledger must hold nothing else.
func (s *schedule) settle() {
	s.live = slices.DeleteFunc(s.live, (*process).rest)
	s.w.sim.ClearScript()
	s.w.sim.DeliverHeld()
	advance(10 * time.Minute)
	s.finish(s.limited)
	if s.limited { // what was marked in the future must be past
		advance(500 * 24 * time.Hour)
		s.finish(false)
	}
	ids := make([]payonce.OperationID, 0, len(s.ops))
	requests := s.w.sim.Requests()
	for _, op := range s.ops {
		ids = append(ids, op.id)
		if len(s.records(op.id)) > 0 || op.notAfter.IsZero() { // what came too late was never begun
			s.check(s.standing(op.id), op.id)
		}
		s.check(s.wire(requests, op.id), op.id)
		s.check(s.inTime(op), op.id)
	}
	s.check(s.strangers(ids), payonce.OperationID{})
}

// finish recovers in a new process what is due, and asks for every operation.
func (s *schedule) finish(perhaps bool) {
	p := s.w.process(s.t, s.w.store, nil)
	defer p.stop()
	s.recover(p, func(_ *process, id payonce.OperationID, err error) { s.check(s.told(id, err), id) })
	for _, op := range s.ops {
		err := op.call(s.t.Context(), p.Client)
		s.check(s.told(op.id, err), op.id)
		switch {
		case perhaps:
		case errors.Is(err, payonce.ErrInDoubt):
			s.check(s.decided(op, p), op.id)
		case errors.Is(err, payonce.ErrOutcomeUnknown) && !s.sticky(op.id):
			s.check(fmt.Sprintf("not settled at the end: %v", err), op.id)
		case errors.Is(err, payonce.ErrRejected), errors.Is(err, payonce.ErrNotSent):
			s.check(s.renewed(op, p), op.id)
		}
	}
}

// decided has a person decide what is in doubt.
func (s *schedule) decided(op *intent, p *process) string {
	advance(6 * time.Minute) // nothing can be on its way any more
	truth := payonce.NotExecuted
	if s.effects(op.id) > 0 {
		truth = payonce.Executed
	}
	if err := p.Resolve(s.t.Context(), op.id, truth, "looked at the dashboard"); err != nil {
		return fmt.Sprintf("nobody can settle it: %v", err)
	}
	err := op.call(s.t.Context(), p.Client)
	if (err == nil) != (truth == payonce.Executed) || errors.Is(err, payonce.ErrOutcomeUnknown) {
		return fmt.Sprintf("a person said %d, and the caller is told: %v", truth, err)
	}
	return s.told(op.id, err)
}

// renewed asks with a new key for what was refused: then it is paid, unless it is declined or too late.
func (s *schedule) renewed(op *intent, p *process) string {
	if !op.renewable || s.rnd.IntN(4) > 0 {
		return ""
	}
	err := op.call(s.t.Context(), p.Client, payonce.WithNewKey())
	if late := !op.notAfter.IsZero() && time.Now().After(op.notAfter); err != nil && !op.declines && !late {
		return fmt.Sprintf("refused, and not paid with a new key either: %v", err)
	}
	return s.told(op.id, err)
}

// inTime says when something happened for the first time after it must not, by the provider's clock, which only the right clocks know.
func (s *schedule) inTime(op *intent) string {
	if op.notAfter.IsZero() || s.clocks != clocksRight {
		return ""
	}
	for _, rec := range s.records(op.id) {
		for _, e := range s.sim.Ledger().ByKey(rec.Key) {
			if e.Time.After(op.notAfter.Add(2 * time.Minute)) { // as long may a request be on its way
				return fmt.Sprintf("it must not happen after %s, and happened at %s", op.notAfter.Format(stamp), e.Time.Format(stamp))
			}
		}
	}
	return ""
}

// check reports what is wrong.
func (s *schedule) check(why string, id payonce.OperationID) {
	if why != "" {
		s.t.Errorf("seed %d, %v: %s\n%s\n%s", s.seed, id, why, strings.Join(s.log, "\n"), s.story(id))
	}
}
