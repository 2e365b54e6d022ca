//go:build unix

package crash_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// killsOnOneFile is how many processes die on one file before it is looked at: whoever opens it after a death reads it all.
const killsOnOneFile = 100

// TestProcessesKilledAtRandomTimes: process after process is killed on the same file, while it starts, with four calls in flight, or while
// it recovers what the others left.
func TestProcessesKilledAtRandomTimes(t *testing.T) {
	t.Parallel()
	kills, first := number(t, "PAYONCE_KILLS", 20), seed(t)
	var operations, open, inDoubt atomic.Int64
	began := time.Now()
	size := min(killsOnOneFile, (kills+3)/4)
	abreast(t, 4, (kills+size-1)/size, func(i int) {
		t.Run(fmt.Sprint("file ", i), func(t *testing.T) {
			k := &killing{rnd: rand.New(rand.NewPCG(first, uint64(i))), acknowledged: map[int]string{}, tries: map[int]int{}}
			found := k.run(t, min(size, kills-i*size))
			operations.Add(int64(len(k.tried)))
			open.Add(int64(len(k.tried) - len(k.acknowledged)))
			inDoubt.Add(int64(found.inDoubt))
		})
	})
	took := time.Since(began)
	t.Logf("%d kills in %s, %.1f a second: %d operations, %d not acknowledged before the last process died, %d in doubt because five in a row died on them",
		kills, took.Round(time.Millisecond), float64(kills)/took.Seconds(), operations.Load(), open.Load(), inDoubt.Load())
}

// killing is one file on which processes die.
type killing struct {
	rnd *rand.Rand
	// tried are the operations that anybody called for, acknowledged what they were told of them.
	tried        []int
	tries        map[int]int
	acknowledged map[int]string
	fresh        int
}

func (k *killing) run(t *testing.T, kills int) tally {
	t.Helper()
	b := newBank(t, "miracle")
	for range kills {
		b.sim.ClearScript()
		b.sim.Script(k.weather()...)
		p := b.child(errand{Role: "wander", Seed: k.rnd.Uint64(), Fresh: k.fresh, Wants: k.again(), Recover: k.rnd.IntN(4) == 0})
		if k.rnd.IntN(4) > 0 { // otherwise it may die before it has begun
			p.hear("ready")
		}
		timer := time.AfterFunc(time.Millisecond+time.Duration(k.rnd.Int64N(int64(49*time.Millisecond))), p.kill)
		require.True(t, p.end(func(r report) { k.note(t, r) }), "it goes on until it is killed")
		timer.Stop()
	}
	return b.settle(k.tried, k.acknowledged)
}

func (k *killing) note(t *testing.T, r report) {
	t.Helper()
	switch r.word {
	case "try":
		if k.tries[r.n]++; k.tries[r.n] == 1 {
			k.tried = append(k.tried, r.n)
		}
		k.fresh = max(k.fresh, r.n+1)
	case "ok":
		id, _, _ := strings.Cut(r.rest, " ")
		if told, ok := k.acknowledged[r.n]; ok {
			require.Equal(t, told, id, "two processes were told different things of operation %d", r.n)
		}
		k.acknowledged[r.n] = id
	case "failed": // the provider refuses nothing here, and can always be reached
		t.Errorf("operation %d: %s", r.n, r.rest)
	}
}

// again are some of the operations that others have called for: those that were not answered, and a few that were. If processes die on
// one too often it is set aside, so what was called for three times is left to recovery.
func (k *killing) again() []int {
	var some []int
	for _, n := range k.tried {
		if _, answered := k.acknowledged[n]; !answered && k.tries[n] < 3 && len(some) < 8 {
			some = append(some, n)
		}
	}
	for range min(2, len(k.tried)) {
		some = append(some, k.tried[k.rnd.IntN(len(k.tried))])
	}
	return some
}

// weather is what goes wrong beside the kills.
func (k *killing) weather() []simulator.Fault {
	all := []simulator.Fault{
		simulator.LoseAnswer(), simulator.ResetBeforeRead(), simulator.ResetMidRequest(), simulator.ErrorAfterExecuting(502),
		simulator.Delay(5 * time.Millisecond), simulator.HoldKey(10 * time.Millisecond), simulator.CloseReused(true), simulator.TruncateBody(-1),
	}
	var some []simulator.Fault
	for range k.rnd.IntN(4) {
		some = append(some, all[k.rnd.IntN(len(all))])
	}
	return some
}
