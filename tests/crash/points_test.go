//go:build failpoint && unix

package crash_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce/internal/failpoint"
)

const hasPoints = true

// passed are the points that a process comes by in a scene, as plans: what follows the mark of a retry is told apart from the first
// attempt by that mark.
func passed(at scene) []string {
	switch at {
	case onFirst:
		return []string{"s0", "s1", "s2", "s3", "s6", "s8", "s9", "s10", "s12", "s14", "s15", "s16", "s17", "s18"}
	case onRetry:
		return []string{"s7", "s7,s6", "s7,s8", "s7,s9", "s7,s10", "s7,s12", "s7,s14", "s7,s15", "s7,s16", "s7,s17", "s7,s18"}
	case onRecovery:
		return []string{"s5", "s6", "s8", "s9", "s10", "s12", "s14", "s15", "s16", "s18"}
	}
	return nil
}

// TestAProcessKilledAtEachPoint fails also when a point is never reached: then it was moved to where nobody comes by.
func TestAProcessKilledAtEachPoint(t *testing.T) {
	var all []*story
	for _, at := range []scene{onFirst, onRetry, onRecovery} {
		for _, plan := range passed(at) {
			all = append(all, stories(death{name: plan, plan: plan}, at)...)
		}
	}
	deaths := map[string]int{"s19": killedWhilePurging(t)}
	for plan, n := range tellAll(t, all) {
		deaths[lastOf(plan)] += n
	}
	for _, p := range failpoint.Points() {
		assert.Positive(t, deaths[string(p)], "deaths at %s", p)
	}
	t.Logf("%d stories, deaths at each point: %v", len(all), deaths)
}

func lastOf(plan string) string { return plan[1+slices.Index([]byte(plan), ','):] }

// killedWhilePurging kills whoever purges, twice; the answers stay.
func killedWhilePurging(t *testing.T) (hits int) {
	t.Helper()
	b := newBank(t, "miracle")
	acknowledged := map[int]string{}
	b.play(act{role: "call", others: 1}, acknowledged)
	for range 2 {
		hits += b.play(act{role: "purge", mortals: 1, death: death{plan: "s19"}}, acknowledged)
	}
	b.settle(upwards(), acknowledged)
	return hits
}
