//go:build failpoint && unix

package failpoint

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// Variable is the environment variable that holds the plan of a process: the points that it must come by, in their order, and what
// happens at the last of them. "s7,s10" kills it, as kill -9 does, at the first s10 after the first s7; "s10 stop" stops it at the first
// s10, as kill -STOP does, and it goes on there when it is continued.
const Variable = "PAYONCE_FAILPOINT"

// Hit is where the process comes by a point.
func Hit(p Point) {
	if !current().reached(p) {
		return
	}
	// The parent reads which point it was: a test whose point is never reached proves nothing.
	_, _ = fmt.Fprintf(os.Stderr, "failpoint %s\n", p)
	if current().stops {
		stop()
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it is on its way
}

// stop returns when somebody has continued the process: the signal may take a moment to stop this thread too.
func stop() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-continued
}

// plan is what a process is to do at its points.
type plan struct {
	stops bool

	mu   sync.Mutex
	left []string
}

// reached says that this was the last point of the plan.
func (pl *plan) reached(p Point) bool {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if len(pl.left) == 0 || pl.left[0] != string(p) {
		return false
	}
	pl.left = pl.left[1:]
	return len(pl.left) == 0
}

// current reads the plan once.
var current = sync.OnceValue(func() *plan {
	points, what, _ := strings.Cut(os.Getenv(Variable), " ")
	return &plan{left: strings.Split(points, ","), stops: what == "stop"}
})
