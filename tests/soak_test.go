package tests_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// TestSoak lets one client live for long, beside one that is started anew every day and often dies, on one SQLite file: a few operations
// a day, each amid faults, with recovery and purging going on by themselves. Every thirty days all is settled and judged by the ledger,
// and the provider forgets what it knew. Goroutines, heap and -wal file must not grow with the years.
//
// PAYONCE_SOAK is the number of days, PAYONCE_SEED the seed.
func TestSoak(t *testing.T) {
	days, seed := number(t, "PAYONCE_SOAK", 2), number(t, "PAYONCE_SEED", 1)
	if days < 30 {
		t.Parallel()
	}
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) {
			if days < 30 { // otherwise the heap is this test's alone
				t.Parallel()
			}
			path := t.TempDir() + "/payments.db"
			synctest.Test(t, func(t *testing.T) {
				s := newSoak(t, &d, uint64(seed), path)
				defer s.long.stop()
				for day := range days {
					s.day()
					s.measure()
					if day%30 == 29 || day == days-1 {
						s.reckon()
					}
					if t.Failed() {
						t.Fatalf("on day %d, seed %d", day+1, seed)
					}
				}
				s.flat()
			})
		})
	}
}

// soak is one provider's years.
type soak struct {
	*judge

	t      *testing.T
	w      *world
	rnd    *rand.Rand
	path   string
	faults []simulator.Specimen
	// long is the client that lives on.
	long *process
	// ops are this month's operations, payment one of them that can be refunded; total counts all.
	ops      []*intent
	payment  string
	total    int
	readings []reading
}

// reading is what must not grow.
type reading struct {
	goroutines int
	heap       uint64
	wal        int64
}

func newSoak(t *testing.T, d *dialect, seed uint64, path string) *soak {
	t.Helper()
	s := &soak{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), path: path, faults: simulator.AllFaults()}
	store := openSQLite(t, path)
	s.w = newWorld(t, d, false, store, setup{merchant: "soak", declines: []int64{declinedPrice}})
	s.judge = &judge{sim: s.w.sim, store: store}
	s.long = s.w.process(t, store, nil, inTheBackground)
	s.pay()
	return s
}

// inTheBackground recovers every ten minutes, and purges after ten days.
func inTheBackground(cfg *payonce.Config) {
	cfg.RecoverEvery, cfg.Retention = 10*time.Minute, 10*24*time.Hour
}

// pay makes a payment that this month's refunds are made of.
func (s *soak) pay() {
	op := fmt.Sprint("paid-", s.total)
	payment, err := s.long.Payments.Create(s.t.Context(), s.w.params(op))
	require.NoError(s.t, err)
	s.payment, s.before = payment.ID, 1
}

// day asks for a few operations, amid faults.
func (s *soak) day() {
	daily := s.w.process(s.t, s.store, s.death(), inTheBackground)
	defer daily.stop()
	for range 4 {
		for range s.rnd.IntN(3) {
			specimen := s.faults[s.rnd.IntN(len(s.faults))]
			if !specimen.Lasting && specimen.Name != "oversized-headers" && !slices.Contains(brokenPromises(), specimen.Name) {
				s.w.sim.Script(specimen.Fault)
			}
		}
		s.total++
		op := s.w.anyIntent(s.rnd, fmt.Sprint("ref-", s.total), func() string { return s.payment })
		s.ops = append(s.ops, op)
		caller := s.long
		if s.rnd.IntN(2) == 0 {
			caller = daily
		}
		s.ask(caller, op)
		advance(time.Duration(s.rnd.Int64N(int64(10 * time.Hour))))
	}
	s.w.sim.DeliverHeld()
}

// death is at one of the first moments of a process, on every other day.
func (s *soak) death() func(moment) bool {
	at, n := s.rnd.Int64N(200), new(atomic.Int64)
	return func(m moment) bool {
		if m != atOther {
			n.Add(1)
		}
		return n.Load() == at
	}
}

func (s *soak) ask(caller *process, op *intent) {
	ctx, cancel := context.WithTimeout(caller.life, 10*time.Minute)
	defer cancel()
	err := op.call(ctx, caller.Client)
	s.w.sim.DeliverHeld()
	if !caller.dead.Load() {
		s.check(s.told(op.id, err), op)
	}
}

// reckon settles everything, judges it, and lets the provider forget.
func (s *soak) reckon() {
	s.w.sim.ClearScript()
	s.w.sim.DeliverHeld()
	advance(2 * time.Hour)
	ids := make([]payonce.OperationID, 0, len(s.ops))
	for _, op := range s.ops {
		ids = append(ids, op.id)
		s.settle(op)
	}
	s.check(s.strangers(ids), nil)
	s.w.sim.(interface{ Reset() }).Reset()
	s.ops = nil
	s.pay()
}

// settle asks until the operation is closed. If it is in doubt, or after some patience, a person looks at the provider.
func (s *soak) settle(op *intent) {
	var err error
	for range 3 {
		err = op.call(s.t.Context(), s.long.Client)
		s.check(s.told(op.id, err), op)
		if len(s.records(op.id)) > 0 || op.notAfter.IsZero() { // what came too late was never begun
			s.check(s.standing(op.id), op)
		}
		if !errors.Is(err, payonce.ErrOutcomeUnknown) {
			return
		}
		advance(10 * time.Minute)
	}
	truth := payonce.NotExecuted
	if s.effects(op.id) > 0 {
		truth = payonce.Executed
	}
	if !errors.Is(err, payonce.ErrInDoubt) {
		require.NoError(s.t, s.long.Resolve(s.t.Context(), op.id, payonce.StopSending, "it takes too long"))
		advance(10 * time.Minute)
	}
	require.NoError(s.t, s.long.Resolve(s.t.Context(), op.id, truth, "looked at the dashboard"), "%v", op)
}

// measure looks at what must not grow.
func (s *soak) measure() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	wal, err := os.Stat(s.path + "-wal")
	require.NoError(s.t, err)
	s.readings = append(s.readings, reading{runtime.NumGoroutine(), m.HeapAlloc, wal.Size()})
}

// flat compares the last tenth with the first.
func (s *soak) flat() {
	tenth := len(s.readings) / 10
	first, last := most(s.readings[:max(tenth, 1)]), most(s.readings[len(s.readings)-max(tenth, 1):])
	s.t.Logf("%d days, %d operations: goroutines %d and %d, heap %d and %d KiB, -wal %d and %d KiB", len(s.readings), s.total,
		first.goroutines, last.goroutines, first.heap>>10, last.heap>>10, first.wal>>10, last.wal>>10)
	assert.LessOrEqual(s.t, last.wal, int64(16<<20))
	if tenth < 3 {
		return // a day or two say nothing
	}
	assert.LessOrEqual(s.t, last.goroutines, first.goroutines+8)
	assert.LessOrEqual(s.t, last.heap, first.heap+first.heap/4+4<<20)
}

// most is the largest of each.
func most(readings []reading) (m reading) {
	for _, s := range readings {
		m = reading{max(m.goroutines, s.goroutines), max(m.heap, s.heap), max(m.wal, s.wal)}
	}
	return m
}

func (s *soak) check(why string, op *intent) {
	if why == "" {
		return
	}
	var id payonce.OperationID
	if op != nil {
		id = op.id
	}
	s.t.Errorf("%v: %s\n%s", op, why, s.story(id))
}
