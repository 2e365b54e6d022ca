//go:build unix

package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

const (
	// stoppedWindow is how long a key may be sent where its life is crossed: the client sends nothing in the last 5 min of a life.
	stoppedWindow = 2 * time.Second
	stoppedLife   = 5*time.Minute + stoppedWindow
	// stopsAtOnce is how many cycles run side by side. They mostly wait.
	stopsAtOnce = 16
)

// TestAStoppedProcessHarmsNothingWhenItGoesOn stops processes at random moments of their work. Every second one is stopped until its lease
// is over and somebody else has done the work, the others until the provider has forgotten the keys.
func TestAStoppedProcessHarmsNothingWhenItGoesOn(t *testing.T) {
	t.Parallel()
	stops, first := number(t, "PAYONCE_STOPS", 5), seed(t)
	var total suspense
	abreast(t, stopsAtOnce, stops, func(i int) {
		s := &suspense{rnd: rand.New(rand.NewPCG(first, uint64(i)))}
		name, run := "across its lease", s.acrossLease
		if i%2 == 1 {
			name, run = "across the key's life", s.acrossKeyLife
		}
		t.Run(fmt.Sprint(name, ", ", i), run)
		total.add(s)
	})
	t.Logf("%d stops: %s", stops, &total)
	require.LessOrEqual(t, total.excused, 1+stops/10, "requests in the middle of being written")
}

// suspense is one process that is stopped, and what came of it.
type suspense struct {
	rnd *rand.Rand
	// plan is where the process stops by itself; "" is that it is stopped at a random moment.
	plan string

	mu sync.Mutex
	// takenOver counts the operations that somebody waited for until the lease was over, late those whose key's life was over meanwhile,
	// stuck the processes that held the file's write lock while they were stopped, and excused the requests that were being written.
	takenOver, late, stuck, excused int
}

func (s *suspense) String() string {
	return fmt.Sprintf("%d operations taken over, %d keys outlived, %d stopped while they wrote to the file, %d in the middle of writing a request",
		s.takenOver, s.late, s.stuck, s.excused)
}

func (s *suspense) add(other *suspense) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takenOver += other.takenOver
	s.late += other.late
	s.stuck += other.stuck
	s.excused += other.excused
}

// wanted are the operations of the process that is stopped: enough to be busy at any moment at which that may be.
func (s *suspense) wanted() []int {
	wanted := make([]int, 10)
	for n := range wanted {
		wanted[n] = n
	}
	return wanted
}

// stop starts the process and stops it.
func (s *suspense) stop(t *testing.T, b *bank, lease time.Duration) *process {
	t.Helper()
	var environment []string
	if s.plan != "" {
		environment = []string{"PAYONCE_FAILPOINT=" + s.plan + " stop"}
	}
	p := start(t, b.errand(errand{Role: "call", Wants: s.wanted(), Lease: lease, Dial: 10 * time.Millisecond}), environment...)
	p.hear("ready")
	if s.plan != "" {
		p.hear("failpoint")
		return p
	}
	pause(time.Duration(s.rnd.Int64N(int64(80 * time.Millisecond))))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	return p
}

// goOn continues the process and listens to its end. It may be unsure of an operation, but it must have an answer for each.
func (s *suspense) goOn(t *testing.T, p *process) (acknowledged map[int]string, left []exit) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
	acknowledged = map[int]string{}
	answered := 0
	killed := p.end(func(r report) {
		switch r.word {
		case "ok":
			answered++
			acknowledged[r.n], _, _ = strings.Cut(r.rest, " ")
		case "failed", "unknown":
			answered++
			t.Logf("operation %d: %s", r.n, r.rest)
		case "left":
			left = append(left, exitOf(t, r))
		}
	})
	require.False(t, killed, "it goes on to its end")
	require.Equal(t, len(s.wanted()), answered, "operations that it was told of")
	return acknowledged, left
}

// acrossLease: somebody else takes over what the stopped process was at, and both are told the same.
func (s *suspense) acrossLease(t *testing.T) {
	t.Helper()
	b := newBank(t, "miracle")
	b.sim.Script(simulator.Repeated(simulator.Delay(10*time.Millisecond), 3))
	p := s.stop(t, b, time.Second)
	second := b.merchant(errand{Lease: time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond) // a process that is stopped in the middle of a commit keeps the file
	defer cancel()
	var others sync.WaitGroup
	var mu sync.Mutex
	told := map[int]string{}
	for _, n := range s.wanted() {
		others.Go(func() {
			began := time.Now()
			id, err := second.call(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				told[n] = id
				if time.Since(began) > 500*time.Millisecond {
					s.takenOver++
				}
			case ctx.Err() == nil:
				t.Errorf("operation %d, called for by a second process: %v", n, err)
			}
		})
	}
	others.Wait()
	if ctx.Err() != nil {
		s.stuck++
	}
	acknowledged, _ := s.goOn(t, p)
	assert.Len(t, acknowledged, len(s.wanted()), "answers to the stopped process")
	for n, id := range told {
		assert.Equal(t, id, acknowledged[n], "operation %d, as the stopped process was told", n)
	}
	require.NoError(t, second.close())
	b.settle(s.wanted(), acknowledged)
}

// acrossKeyLife: each answer is lost at first, so that there is a retry to be late with. When the process goes on the provider has
// forgotten the keys, and whoever sends one again pays twice.
func (s *suspense) acrossKeyLife(t *testing.T) {
	t.Helper()
	b := newBank(t, "miracle")
	b.keyLife = stoppedLife
	for range s.wanted() {
		b.sim.Script(simulator.LoseAnswer(), simulator.Fault{Execute: true})
	}
	p := s.stop(t, b, time.Hour)
	pause(20 * time.Millisecond) // the signal has arrived
	stopped := time.Now()
	pause(stoppedWindow)
	arrived := map[int]bool{}
	for _, r := range b.writes() {
		arrived[r.Seq] = true
	}
	b.sim.ClearScript()
	b.sim.PruneKeys()
	forgotten := time.Now()
	acknowledged, left := s.goOn(t, p)
	begun := s.begunBefore(t, b, stopped)
	for _, r := range b.writes() {
		switch {
		case arrived[r.Seq] || !begun[r.Key]:
		case excuses(left, r.Key, stopped, forgotten):
			s.excused++
		default:
			t.Errorf("a request with the key %s arrived %s after the last time to send it", r.Key, time.Since(stopped.Add(stoppedWindow)))
		}
	}
	if s.excused == 0 {
		b.settle(s.wanted(), acknowledged)
	}
}

// begunBefore are the keys of operations that were begun before a time.
func (s *suspense) begunBefore(t *testing.T, b *bank, then time.Time) map[string]bool {
	t.Helper()
	begun := map[string]bool{}
	m := b.merchant(errand{})
	for _, n := range s.wanted() {
		rec, err := m.store.Load(t.Context(), m.id(n), 0)
		require.NoError(t, err)
		begun[rec.Key] = rec.FirstAt.Before(then)
		if rec.State == payonce.StateInDoubt {
			s.late++
		}
	}
	require.NoError(t, m.close())
	return begun
}

// exit is when a process read the body of a request for the first time, and when it had the answer.
type exit struct {
	key            string
	read, answered time.Time
}

func exitOf(t *testing.T, r report) exit {
	t.Helper()
	answered, key, _ := strings.Cut(r.rest, " ")
	microseconds, err := strconv.ParseInt(answered, 10, 64)
	require.NoError(t, err)
	return exit{key, time.UnixMicro(int64(r.n)), time.UnixMicro(microseconds)}
}

// excuses says that a request with the key had been read when its process was stopped, and was written when it went on. That lies between
// two instructions, behind every check, and a provider's key lives 5 min longer than it is sent for such a case: these keys don't.
func excuses(left []exit, key string, stopped, forgotten time.Time) bool {
	for _, e := range left {
		if e.key == key && e.read.Before(stopped) && e.answered.After(forgotten) {
			return true
		}
	}
	return false
}
