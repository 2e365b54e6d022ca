//go:build unix

package crash_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// death is how a process dies: by itself, at the end of a plan of the product's points, or by its parent's hand, when the provider holds a
// request of its own.
type death struct {
	name string
	plan string
	// held is the fault that holds a request, arrived says when it has come as far as it should.
	held    simulator.Fault
	arrived func(*simulator.Request) bool
}

// deaths by the parent's hand, at what are moments of the provider's.
func deathsFromOutside() []death {
	return []death{
		{
			name: "s10: the request has arrived", held: simulator.Hang(false),
			arrived: func(r *simulator.Request) bool { return r.Complete },
		},
		{
			name: "s11: it was executed", held: simulator.Hang(true),
			arrived: func(r *simulator.Request) bool { return r.Executed || r.Replayed },
		},
		{
			name: "s13: some of the answer's body was sent", held: simulator.Slow(5 * time.Millisecond),
			arrived: func(r *simulator.Request) bool { return r.Status != 0 },
		},
	}
}

// act is some processes that call for the same operations, from both ends, or recover them at once.
type act struct {
	role string
	// mortals is how many of them die, others how many do not.
	mortals, others int
	death           death
	// loses makes the provider lose the first answer about each operation on which somebody is to die.
	loses bool
}

// The operations of an act, as its processes call for them.
func upwards() []int   { return []int{0, 1, 2, 3} }
func downwards() []int { return []int{3, 2, 1, 0} }

// play plays an act to its end, and returns how many processes have come to the end of their plan.
func (b *bank) play(a act, acknowledged map[int]string) (hits int) {
	b.t.Helper()
	before := len(b.sim.Requests())
	b.sim.ClearScript()
	for _, n := range []int{0, 3}[:a.mortals] {
		if a.loses {
			b.sim.Script(b.about(n, simulator.LoseAnswer()))
		}
		if a.death.arrived != nil {
			b.sim.Script(b.about(n, a.death.held))
		}
	}
	all := b.cast(a)
	if a.death.arrived != nil {
		b.eventually("the provider holds a request for everybody who is to die", func() bool { return b.holds(&a.death, before) >= a.mortals })
		pause(10 * time.Millisecond) // what was sent of an answer has arrived
		for _, p := range all[:a.mortals] {
			p.kill()
		}
	}
	for i, p := range all {
		killed := p.end(func(r report) {
			switch r.word {
			case "ok":
				acknowledged[r.n], _, _ = strings.Cut(r.rest, " ")
			case "failed", "unknown":
				b.t.Errorf("operation %d: %s", r.n, r.rest)
			}
		})
		require.False(b.t, killed && i >= a.mortals, "a process died that was not to die")
		require.Equal(b.t, killed && a.death.plan != "", p.hit != "", "it died of its plan, and of nothing else")
		if p.hit != "" {
			hits++
		}
	}
	return hits
}

// cast starts the processes: each when the last one has begun.
func (b *bank) cast(a act) []*process {
	b.t.Helper()
	var all []*process
	for i := range a.mortals + a.others {
		e := errand{Role: a.role, Wants: upwards()}
		if i > 0 {
			e.Wants = downwards()
		}
		var environment []string
		if i < a.mortals && a.death.plan != "" {
			environment = []string{"PAYONCE_FAILPOINT=" + a.death.plan}
		}
		p := b.child(e, environment...)
		p.hear("ready")
		all = append(all, p)
	}
	return all
}

// about limits a fault to the requests about an operation. Miracle's keys name it; with others one process has to be enough.
func (b *bank) about(n int, f simulator.Fault) simulator.Fault {
	if b.name != "miracle" {
		return f
	}
	return simulator.Only(f, func(r *http.Request) bool {
		return strings.HasPrefix(r.Header.Get("Idempotency-Key"), fmt.Sprintf("order-%d_", n))
	})
}

// holds counts the requests that have come as far as they are to come.
func (b *bank) holds(d *death, before int) (n int) {
	for _, r := range b.sim.Requests()[before:] {
		if r.Fault == d.held.Name && d.arrived(&r) {
			n++
		}
	}
	return n
}
