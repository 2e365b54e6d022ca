//go:build unix

package crash_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// share is one process' part of what all processes want: two neighbouring blocks of a ring, so that two want each operation.
type share struct {
	Process, Processes, Operations int
	Seed                           uint64
}

// wants are the operations in the order in which the process calls for them, which is its own.
func (s share) wants() []int {
	block := max(s.Operations/2, 1)
	wants := make([]int, 0, 2*block)
	for _, p := range []int{s.Process, (s.Process + 1) % s.Processes} {
		for n := range block {
			wants = append(wants, p*block+n)
		}
	}
	rnd := rand.New(rand.NewPCG(s.Seed, uint64(s.Process)))
	rnd.Shuffle(len(wants), func(i, j int) { wants[i], wants[j] = wants[j], wants[i] })
	return wants
}

// TestManyProcessesOnOneFile: each operation is wanted by two of them, at about the same time or one after the other, and while they work
// one after the other is killed and started again.
func TestManyProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	all := share{Processes: number(t, "PAYONCE_PROCESSES", 8), Operations: number(t, "PAYONCE_OPERATIONS", 40), Seed: seed(t)}
	require.Greater(t, all.Processes, 1, "PAYONCE_PROCESSES")
	wanted := all.Processes * all.Operations
	c := &crowd{
		bank: newBank(t, "miracle"), rnd: rand.New(rand.NewPCG(all.Seed, 0)), running: map[int]*process{}, acknowledged: map[int]string{},
		every: wanted / min(max(wanted/100, 4), 100),
	}
	began := time.Now()
	abreast(t, all.Processes, all.Processes, func(i int) {
		mine := all
		mine.Process = i
		t.Run(fmt.Sprint("process ", i), func(t *testing.T) { c.run(t, mine) })
	})
	took := time.Since(began)
	assert.Positive(t, c.kills, "nobody was killed")
	tried := make([]int, max(all.Operations/2, 1)*all.Processes)
	for n := range tried {
		tried[n] = n
	}
	require.Len(t, c.acknowledged, len(tried), "operations that somebody was told of")
	c.bank.settle(tried, c.acknowledged)
	slices.Sort(c.claims)
	require.NotEmpty(t, c.claims)
	t.Logf("%d processes, %d operations, each wanted by two, %d kills: %s, %.0f answers a second; a claim took %s in the middle, %s at the 99th percentile, %s at most",
		all.Processes, len(tried), c.kills, took.Round(time.Millisecond), float64(wanted)/took.Seconds(),
		c.claims[len(c.claims)/2], c.claims[len(c.claims)*99/100], c.claims[len(c.claims)-1])
}

// crowd is many processes on one file.
type crowd struct {
	bank *bank
	// every is after how many answers somebody is killed.
	every int

	mu             sync.Mutex
	rnd            *rand.Rand
	running        map[int]*process
	answers, kills int
	acknowledged   map[int]string
	claims         []time.Duration
}

// run is one process, started again whenever it was killed, until it was answered everything that it wants.
func (c *crowd) run(t *testing.T, s share) {
	t.Helper()
	wants, answered := s.wants(), map[int]bool{}
	for from := 0; ; {
		p := start(t, c.bank.errand(errand{Role: "share", Share: s, From: from}))
		c.join(s, p)
		killed := p.end(func(r report) {
			switch r.word {
			case "ok":
				answered[r.n] = true
				c.answer(t, r)
			case "failed", "unknown":
				t.Errorf("operation %d: %s", r.n, r.rest)
			}
		})
		c.leave(s, killed)
		if !killed {
			require.Len(t, answered, len(wants), "answers")
			return
		}
		for from < len(wants) && answered[wants[from]] {
			from++
		}
	}
}

func (c *crowd) join(s share, p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[s.Process] = p
}

func (c *crowd) leave(s share, killed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, s.Process)
	if killed {
		c.kills++
	}
}

// answer notes an answer, and kills somebody now and then.
func (c *crowd) answer(t *testing.T, r report) {
	t.Helper()
	id, microseconds, _ := strings.Cut(r.rest, " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	if told, ok := c.acknowledged[r.n]; ok {
		assert.Equal(t, told, id, "two processes were told different things of operation %d", r.n)
	}
	c.acknowledged[r.n] = id
	if n, err := strconv.Atoi(microseconds); err == nil && n > 0 {
		c.claims = append(c.claims, time.Duration(n)*time.Microsecond)
	}
	if c.answers++; c.answers%c.every == 0 {
		alive := slices.Sorted(maps.Keys(c.running))
		c.running[alive[c.rnd.IntN(len(alive))]].kill()
	}
}
