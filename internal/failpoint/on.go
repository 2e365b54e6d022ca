//go:build failpoint

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Hit kills the process, as kill -9 does, at the n-th time that it comes by the point that PAYONCE_FAILPOINT names: "s7" or "s7:3".
func Hit(p Point) {
	name, nth, _ := strings.Cut(os.Getenv("PAYONCE_FAILPOINT"), ":")
	if name != string(p) {
		return
	}
	n, err := strconv.ParseInt(nth, 10, 64)
	if err != nil {
		n = 1
	}
	if hits.Add(1) == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it is on its way
	}
}

var hits atomic.Int64
