//go:build unix

package crash_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// scene is what a process does when it dies.
type scene string

const (
	onFirst    scene = "the first attempt"
	onRetry    scene = "a retry after a lost answer"
	onRecovery scene = "the recovery of what another process left"
)

// story is one crash or several, and the process that then puts everything in order.
type story struct {
	provider string
	scene    scene
	death    death
	// workers is how many processes want the same. If again, all of them die, and so does the next one; otherwise only the first does.
	workers int
	again   bool
}

func (s *story) String() string {
	return fmt.Sprintf("%s, %s, %s, workers %d, again %t", s.death.name, s.provider, s.scene, s.workers, s.again)
}

// tell returns how many processes came to the end of their plan.
func (s *story) tell(t *testing.T) (hits int) {
	t.Helper()
	b := newBank(t, s.provider)
	acknowledged := map[int]string{}
	a := act{role: "call", mortals: 1, others: s.workers - 1, death: s.death, loses: s.scene == onRetry}
	if s.again {
		a.mortals, a.others = s.workers, 0
	}
	if s.scene == onRecovery {
		a.role = "recover"
		b.play(act{role: "call", mortals: s.workers, death: deathsFromOutside()[1]}, acknowledged)
	}
	hits = b.play(a, acknowledged)
	if s.scene != onRecovery || s.workers == 1 { // of two that recover, one may do it all
		require.True(t, hits > 0 || s.death.plan == "", "the point is never reached")
	}
	if s.again {
		next := act{role: s.successor(), mortals: 1, death: s.death}
		if s.death.arrived != nil {
			next.mortals = a.mortals
		}
		hits += b.play(next, acknowledged)
	}
	b.settle(upwards(), acknowledged)
	return hits
}

// successor is the role of whoever comes after the dead: recovery, where it comes by the same point.
func (s *story) successor() string {
	if slices.Contains(onlyCalls(), s.death.plan) {
		return "call"
	}
	return "recover"
}

// onlyCalls are the points by which no recovery comes.
func onlyCalls() []string { return []string{"s0", "s1", "s2", "s3", "s7", "s17"} }

func TestAProcessKilledWhileTheProviderWorks(t *testing.T) {
	t.Parallel()
	var all []*story
	for _, d := range deathsFromOutside() {
		for _, at := range []scene{onFirst, onRetry, onRecovery} {
			all = append(all, stories(d, at)...)
		}
	}
	tellAll(t, all)
}

// storiesAtOnce is how many stories are told side by side.
const storiesAtOnce = 6

// tellAll returns how many processes came to the end of each plan.
func tellAll(t *testing.T, all []*story) map[string]int {
	t.Helper()
	var mu sync.Mutex
	hits := map[string]int{}
	abreast(t, storiesAtOnce, len(all), func(i int) {
		s := all[i]
		t.Run(s.String(), func(t *testing.T) {
			n := s.tell(t)
			mu.Lock()
			defer mu.Unlock()
			hits[s.death.plan] += n
		})
	})
	return hits
}

// stories are what can be told of a death in a scene: all of it where the product has points to die at, else what holds most of the rest.
func stories(d death, at scene) []*story {
	var all []*story
	for _, workers := range []int{1, 2} {
		for _, again := range []bool{false, true} {
			untold := d.arrived != nil && at == onRecovery && workers == 2 && !again // nobody can tell whose request the provider holds
			if !untold && (hasPoints || again == (workers == 1)) {
				all = append(all, &story{provider: "miracle", scene: at, death: d, workers: workers, again: again})
			}
		}
	}
	if hasPoints && at != onRecovery {
		all = append(all, &story{provider: "truelayer", scene: at, death: d, workers: 1})
	}
	return all
}
