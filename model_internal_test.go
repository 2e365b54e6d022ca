package payonce

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// PAYONCE_STATES bounds the states of all models together. What one does not need goes to those after it, which are in about the order
// of their size.
const defaultStates = 100_000

// bounds is a policy in the model's units: two attempts for a call, MaxInFlight and the time to send in ticks.
func bounds(inFlight, window int) policy {
	return policy{maxAttempts: 2, maxElapsed: 1000 * unit, maxHint: unit, maxInFlight: time.Duration(inFlight) * unit, window: time.Duration(window) * unit}
}

// keyed is a provider that remembers a key for 5 ticks, where each request lives for up to one more, and a client that stops in time.
func keyed(name string, change func(m *model)) *model {
	m := &model{
		name: name, crew: 2, attempts: 2, width: 3, delay: 1, life: 5, policy: bounds(2, 4), notAfter: never,
		moods: moods{refuses: true, rejects: true, declines: true},
	}
	change(m)
	return m
}

// lasting is a provider without a time to send.
func lasting(name string, contract contract, replay Replay, change func(m *model)) *model {
	return keyed(name, func(m *model) {
		m.contract, m.replay, m.life, m.policy, m.newKeys = contract, replay, 0, bounds(2, 0), true
		change(m)
	})
}

// everything is every mood that does not take time.
func everything() moods {
	return moods{
		refuses: true, throttles: true, unauthorized: true, redirects: true, declines: true, rejects: true, taken: true,
		unreachable: true, unsigned: true,
	}
}

func models() []*model {
	nothingMore := func(*model) {}
	wrongClock := func(m *model) { m.clocks, m.maxJumps, m.jump, m.horizon = true, 1, 12, 7 }
	return []*model{
		keyed("poison", func(m *model) {
			m.poison, m.attempts, m.life, m.policy, m.leases, m.lookup = true, maxSent, 0, bounds(2, 0), true, true
		}),
		lasting("once", forgetful, ReplayOnce, nothingMore),
		lasting("once, looked up", forgetful, ReplayOnce, func(m *model) { m.lookup = true }),
		lasting("by state", stateful, ReplayByState, nothingMore),
		lasting("by state, looked up", stateful, ReplayByState, func(m *model) { m.lookup = true }),
		keyed("failures stored, everything may be said", func(m *model) { m.moods = everything() }),
		keyed("what is lost with power", func(m *model) { m.prepared, m.backup, m.lossy, m.duplicatesOnly = true, unsynced, true, true }),
		keyed("a restored store", func(m *model) { m.backup, m.attempts = backedUp, 3 }),
		keyed("a restored store, looked up", func(m *model) { m.backup, m.attempts, m.lookup = backedUp, 3, true }),
		keyed("a wrong clock", wrongClock),
		keyed("a wrong clock, looked up", func(m *model) { wrongClock(m); m.lookup, m.contract = true, storesMade }),
		lasting("a wrong clock, a reference for ever", reference, ReplayKeyed, func(m *model) { wrongClock(m); m.lookup, m.newKeys = true, false }),
		keyed("begun by Prepare, with an end", func(m *model) {
			m.prepared, m.notAfter, m.throttles, m.unreachable, m.newKeys = true, 3, true, true, true
		}),
		keyed("a slow provider", func(m *model) { m.slow, m.newKeys = true, true }),
		keyed("a slow provider, looked up", func(m *model) { m.slow, m.lookup, m.contract = true, true, storesMade }),
		keyed("people", func(m *model) { m.people, m.newKeys, m.contract = true, true, storesMade }),
		keyed("failures not stored, everything may be said, looked up", func(m *model) { m.moods, m.contract, m.lookup = everything(), storesMade, true }),
		keyed("a pause before the wire, looked up", func(m *model) { m.policy, m.lookup, m.contract = bounds(3, 4), true, storesMade }),
		keyed("looked up with a lag", func(m *model) { m.policy, m.lookup, m.lag = bounds(4, 4), true, 1 }),
		keyed("three workers", func(m *model) { m.crew, m.attempts, m.declines = 3, 3, false }),
		lasting("a reference for ever", reference, ReplayKeyed, func(m *model) { m.lookup = true }),
		keyed("failures not stored, looked up", func(m *model) { m.contract, m.newKeys, m.lookup = storesMade, true, true }),
		keyed("failures not stored", func(m *model) { m.contract, m.newKeys = storesMade, true }),
		keyed("failures stored, leases bind", func(m *model) { m.leases, m.newKeys = true, true }),
		keyed("failures stored", func(m *model) { m.newKeys = true }),
	}
}

func TestNoPromiseIsBrokenInAnyStateOfTheModels(t *testing.T) {
	t.Parallel()
	left := number(t, "PAYONCE_STATES", defaultStates)
	all := models()
	states, moves, began := 0, 0, time.Now()
	for i, m := range all {
		s := newSearch(m, left/(len(all)-i))
		start := time.Now()
		s.run()
		left -= s.states
		states, moves = states+s.states, moves+s.moves
		how := "to depth " + strconv.Itoa(s.depth)
		if s.complete {
			how = "all of them"
		}
		t.Logf("%-58s %9d states, %10d moves, %s, %v", m.name, s.states, s.moves, how, time.Since(start).Round(time.Millisecond))
		for _, step := range s.way {
			t.Log(step)
		}
		assert.Empty(t, s.way, m.name)
	}
	t.Logf("%d states, %d moves, %v", states, moves, time.Since(began).Round(time.Millisecond))
	assert.Greater(t, states, number(t, "PAYONCE_STATES", defaultStates)/2, "the models have fewer states than were asked for")
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}
