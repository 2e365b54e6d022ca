//go:build unix

package fleet_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/postgrestest"
)

// lease is how long a dead process keeps an operation from others, who can't tell that it is dead: it may be on another host.
const lease = 2 * time.Second

// TestManyProcessesOnOneServer: each operation is wanted by two of them, and while they work one after the other is killed and started
// again, and in the middle so is PostgreSQL.
func TestManyProcessesOnOneServer(t *testing.T) {
	t.Parallel()
	host := server.New(t)
	c := &crowd{
		t: t, bank: newBank(t), host: host, running: map[int]*exec.Cmd{}, told: map[int]string{}, trying: map[int]map[int]bool{}, orphans: map[int]time.Time{},
		deaths: map[int]int{},
	}
	all := errand{
		Bank: c.bank.url, Postgres: host.URL(), Schema: host.Schema(t), Lease: lease, Processes: number(t, "PAYONCE_PROCESSES", 4),
		Operations: number(t, "PAYONCE_OPERATIONS", 40), Seed: seed(t),
	}
	c.rnd = rand.New(rand.NewPCG(all.Seed, 0))
	openStore(t, openPool(t, all.Postgres), all.Schema)
	c.wanted = len(all.wants()) * all.Processes
	c.every = c.wanted / min(max(c.wanted/30, 8), 100)
	began := time.Now()
	var group sync.WaitGroup
	for i := range all.Processes {
		mine := all
		mine.Process = i
		group.Go(func() { c.run(mine) })
	}
	group.Wait()
	<-c.revived
	took := time.Since(began)

	operations := max(all.Operations/2, 1) * all.Processes
	require.Len(t, c.told, operations, "operations that somebody was told of")
	assert.Positive(t, c.kills, "nobody was killed")
	m, err := open(t.Context(), c.bank.url, all.Postgres, all.Schema, lease)
	require.NoError(t, err)
	c.bank.settle(m, operations, c.told)
	slices.Sort(c.takeovers)
	t.Logf("%d processes, %d operations, each wanted by two, %d kills and one of PostgreSQL: %s, %.0f answers a second",
		all.Processes, operations, c.kills, took.Round(time.Millisecond), float64(c.wanted)/took.Seconds())
	if n := len(c.takeovers); n > 0 {
		t.Logf("%d operations of killed processes were finished %s after the kill in the middle, %s at most", n,
			c.takeovers[n/2].Round(time.Millisecond), c.takeovers[n-1].Round(time.Millisecond))
		assert.Less(t, c.takeovers[n/2], lease+time.Second)
	}
}

// crowd is many processes on one server.
type crowd struct {
	t             *testing.T
	bank          *bank
	host          *postgrestest.Server
	wanted, every int // every is after how many answers somebody is killed

	mu             sync.Mutex
	rnd            *rand.Rand
	running        map[int]*exec.Cmd
	answers, kills int
	told           map[int]string
	trying         map[int]map[int]bool // by process: what it has begun and not finished
	orphans        map[int]time.Time    // when the process was killed that had begun it
	deaths         map[int]int          // how many processes were killed at an operation
	takeovers      []time.Duration      // how long after that somebody had an answer
	revived        chan struct{}        // the server was killed, and is closed when it is back
}

// run is one process, started again whenever it was killed, until it was answered everything that it wants.
func (c *crowd) run(e errand) {
	wants, answered := e.wants(), map[int]bool{}
	for {
		killed, noise := c.live(e, answered)
		if !killed {
			assert.Len(c.t, answered, len(wants), "process %d: %s", e.Process, noise)
			return
		}
		for e.From < len(wants) && answered[wants[e.From]] {
			e.From++
		}
	}
}

// start starts a child, and returns what it says.
func start(t *testing.T, e *errand) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	text, err := json.Marshal(e)
	assert.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), errandVariable+"="+string(text))
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := child.StdoutPipe()
	assert.NoError(t, err)
	child.Stderr = child.Stdout
	assert.NoError(t, child.Start())
	return child, bufio.NewScanner(out)
}

// live is the life of one child.
func (c *crowd) live(e errand, answered map[int]bool) (killed bool, noise string) {
	child, lines := start(c.t, &e)
	c.join(&e, child)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		number, id, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(number)
		switch {
		case word == "try" && err == nil:
			c.begin(&e, n)
		case word == "ok" && err == nil:
			c.answer(&e, n, id, !answered[n])
			answered[n] = true
		default:
			noise += lines.Text() + "\n"
		}
	}
	err := child.Wait()
	killed = child.ProcessState.ExitCode() < 0
	c.leave(&e, killed)
	if !killed {
		assert.NoError(c.t, err, noise)
	}
	return killed, strings.TrimSpace(noise)
}

func (c *crowd) join(e *errand, child *exec.Cmd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[e.Process], c.trying[e.Process] = child, map[int]bool{}
}

func (c *crowd) begin(e *errand, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying[e.Process][n] = true
}

func (c *crowd) leave(e *errand, killed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, e.Process)
	if killed {
		c.kills++
	}
}

// answer notes an answer, kills somebody now and then, and PostgreSQL in the middle. What a process asks again after its death, and is told at
// once, does not count: whoever has only one operation left would be killed until that is in doubt, and for ever.
func (c *crowd) answer(e *errand, n int, id string, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.told[n]; ok {
		assert.Equal(c.t, before, id, "two were told different things of operation %d", n)
	}
	c.told[n] = id
	delete(c.trying[e.Process], n)
	if killed, ok := c.orphans[n]; ok {
		c.takeovers = append(c.takeovers, time.Since(killed))
		delete(c.orphans, n)
	}
	if !isNew {
		return
	}
	c.answers++
	switch {
	case c.answers == c.wanted/2:
		c.revived = make(chan struct{})
		c.orphans = map[int]time.Time{} // these wait for the server too
		go c.strike()
	case c.answers%c.every == 0 && len(c.running) > 0:
		c.kill(slices.DeleteFunc(slices.Sorted(maps.Keys(c.running)), c.isPrecious))
	}
}

// isPrecious says that a process is at an operation on which three have died: after five in a row it would be in doubt.
func (c *crowd) isPrecious(process int) bool {
	for n := range c.trying[process] {
		if c.deaths[n] >= 3 {
			return true
		}
	}
	return false
}

// kill ends one process, if there is one, and notes what it leaves behind.
func (c *crowd) kill(alive []int) {
	if len(alive) == 0 {
		return
	}
	victim := alive[c.rnd.IntN(len(alive))]
	_ = c.running[victim].Process.Kill() // it may be over
	for n := range c.trying[victim] {
		c.deaths[n]++
		if _, ok := c.told[n]; !ok && (c.revived == nil || c.answers > c.wanted/2+c.every) {
			c.orphans[n] = time.Now()
		}
	}
}

// strike ends the server as kill -9 does, and starts it again.
func (c *crowd) strike() {
	defer close(c.revived)
	c.host.Kill(c.t)
	pause(500 * time.Millisecond)
	c.host.Restart(c.t)
}
