package payonce

import (
	"sync"
	"time"

	"github.com/payonce/payonce/internal/wall"
)

// clockError is by how much a sane wall clock may be wrong. The margins of key lives cover it.
const clockError = time.Minute

// clock is the wall clock as this process sees it. It notices when the wall clock jumps, or the host was suspended: then the two clocks
// of the process part.
type clock struct {
	wall wall.Clock

	mu     sync.Mutex
	last   instant
	top    instant   // the latest wall time, carried on by the monotonic clock
	parted time.Time // by the monotonic clock; zero is never
}

// instant is one moment by both clocks.
type instant struct{ wall, mono time.Time }

func newClock(w wall.Clock) *clock { return &clock{wall: w} }

// now is the time for records: wall clock only, to the microsecond, as stores keep it.
func (c *clock) now() time.Time { return c.instant().wall }

func (c *clock) instant() instant {
	now := instant{wall: c.wall().Round(0).UTC().Truncate(time.Microsecond), mono: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if parted := now.wall.Sub(c.last.wall) - now.mono.Sub(c.last.mono); !c.last.mono.IsZero() && parted.Abs() > clockError {
		c.parted = now.mono
	}
	c.last = now
	if now.wall.After(c.carried(now.mono)) {
		c.top = now
	}
	return now
}

func (c *clock) carried(mono time.Time) time.Time { return c.top.wall.Add(mono.Sub(c.top.mono)) }

// newest is what the wall clock would show if it had never been set back since the process began.
func (c *clock) newest() time.Time {
	now := c.instant()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.carried(now.mono).Truncate(time.Microsecond)
}

// since is how long ago an instant was, by the clock that says more: the monotonic one stands still while the host is suspended, and the
// wall clock can be set back.
func (c *clock) since(then instant) time.Duration {
	now := c.instant()
	return max(now.mono.Sub(then.mono), now.wall.Sub(then.wall))
}

// unsure is for how much longer the wall clock does not prove that a span has passed, because it jumped less than the span ago.
func (c *clock) unsure(span time.Duration) time.Duration {
	now := c.instant()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parted.IsZero() {
		return 0
	}
	return max(0, span-now.mono.Sub(c.parted))
}
