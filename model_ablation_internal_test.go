package payonce

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// An ablation takes one safeguard away. What the models prove is worth something only if each then breaks a promise. They are small, so
// that little time is spent on it.
func ablations() []*model {
	quiet := func(name string, crew int, change func(m *model)) *model {
		return keyed(name, func(m *model) { m.crew, m.moods = crew, moods{}; change(m) })
	}
	refusing := func(name string, crew int, change func(m *model)) *model {
		return quiet(name, crew, func(m *model) { m.contract, m.refuses = storesMade, true; change(m) })
	}
	short := func(m *model) { m.life, m.policy = 3, bounds(2, 2) }
	wrongClock := func(m *model) { m.clocks, m.maxJumps, m.jump, m.horizon = true, 1, 12, 7 }
	return []*model{
		quiet("no time to send", 1, func(m *model) { m.window = 0 }),
		quiet("no margin", 1, func(m *model) { m.policy = bounds(2, 5) }),
		quiet("the time to send counts from the last attempt", 1, func(m *model) { m.wrap, m.attempts = anchoredLast, 3 }),
		quiet("the pause before the wire has no end", 1, func(m *model) { m.without.gate = true }),
		quiet("an attempt is marked after it was sent", 1, func(m *model) { m.prepared, m.without.marking = true, true }),
		quiet("the mark is not synced", 1, func(m *model) { short(m); m.prepared, m.backup = true, unsynced }),
		quiet("a restored store is not noticed", 1, func(m *model) { short(m); m.prepared, m.backup, m.without.witness = true, backedUp, true }),
		quiet("a timeout means not sent", 1, func(m *model) { m.wrap = heardAs(saysLost, saysNotSent) }),
		quiet("a new key after a timeout", 1, func(m *model) { m.newKeys, m.without.settling = true, true }),
		refusing("a new key leaves the old one alive", 2, func(m *model) { m.newKeys, m.without.retiring = true, true }),
		refusing("a refusal is final at once", 1, func(m *model) { m.wrap = heardAs(saysBad, saysRejected) }),
		quiet("in flight means refused", 2, func(m *model) { m.slow, m.wrap = true, heardAs(saysInFlight, saysRejected) }),
		quiet("a spent key is sent again", 1, func(m *model) { short(m); m.attempts, m.wrap, m.rejects = 4, rearmed, true }),
		refusing("scheduling is not fenced", 2, func(m *model) { m.without.fence = true }),
		quiet("an answer may be another operation's", 1, func(m *model) { m.without.attribution = true }),
		quiet("a late success is dropped", 2, func(m *model) { m.without.lateSuccess = true }),
		refusing("absence is believed at once", 1, func(m *model) { m.lookup, m.wrap = true, believed }),
		refusing("requests outlive MaxInFlight", 1, func(m *model) { m.lookup, m.delay = true, 2 }),
		refusing("lookups lag more than MaxInFlight", 1, func(m *model) { m.lookup, m.lag = true, 2 }),
		lasting("leases are the only safety", forgetful, ReplayKeyed, func(m *model) { m.leases, m.moods = true, moods{} }),
		lasting("what is not deduped is sent again", forgetful, ReplayKeyed, func(m *model) { m.crew, m.moods = 1, moods{} }),
		lasting("a repeat's no is final", stateful, ReplayByState, func(m *model) { m.wrap, m.moods = firstOnly, moods{} }),
		lasting("an existing reference is a refusal", reference, ReplayKeyed, func(m *model) {
			m.lookup, m.wrap, m.moods = true, heardAs(saysReuse, saysRejected), moods{}
		}),
		lasting("poison is sent for ever", storesAll, ReplayKeyed, func(m *model) { m.poison, m.attempts, m.wrap = true, maxSent, immune }),
		quiet("a clock set back is not noticed", 1, func(m *model) { short(m); wrongClock(m); m.wrap = trusting }),
		quiet("a jump forward proves quiet", 1, func(m *model) { wrongClock(m); m.lookup, m.wrap = true, sure }),
		quiet("a jump is forgotten while a lookup lasts", 1, func(m *model) { wrongClock(m); m.lookup, m.without.askedUnsure = true, true }),
	}
}

// What follows wraps the protocol and spoils what it is told, or what it says.

func heardAs(said, instead uint8) func(*policy, state, event) (state, action) {
	answers := allAnswers()
	return func(p *policy, s state, e event) (state, action) {
		if e.kind == answered && e.verdict == answers[said].verdict && e.status == answers[said].status {
			e.verdict = answers[instead].verdict
		}
		return p.step(s, e)
	}
}

func anchoredLast(p *policy, s state, e event) (state, action) {
	s, a := p.step(s, e)
	if a.do == doSend {
		s.FirstAt = s.LastAt
	}
	return s, a
}

func rearmed(p *policy, s state, e event) (state, action) {
	if e.kind == claimed && s.State == StateRejected {
		s.KeySpent, s.Reached = false, 0
	}
	return p.step(s, e)
}

func believed(p *policy, s state, e event) (state, action) {
	e.asked = e.asked.Add(p.maxInFlight)
	return p.step(s, e)
}

func firstOnly(p *policy, s state, e event) (state, action) {
	s.Possible = min(s.Possible, 1)
	return p.step(s, e)
}

func immune(p *policy, s state, e event) (state, action) {
	s.Attempts = nil
	return p.step(s, e)
}

func trusting(p *policy, s state, e event) (state, action) {
	s.newest, s.readAt = time.Time{}, e.now.Add(-e.elapsed)
	if s.FirstAt.After(e.now) {
		s.FirstAt = e.now
	}
	return p.step(s, e)
}

func sure(p *policy, s state, e event) (state, action) {
	e.unsure = 0
	return p.step(s, e)
}

func TestEachSafeguardIsNeeded(t *testing.T) {
	t.Parallel()
	for _, m := range ablations() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.moneyOnly = true
			s := newSearch(m, 500_000)
			s.run()
			if !assert.NotEmpty(t, s.way, "nothing breaks in %d states, to depth %d (all of them: %v)", s.states, s.depth, s.complete) {
				return
			}
			t.Logf("%s: %s, after %d steps and %d states", m.name, s.way[len(s.way)-1], len(s.way)-1, s.states)
			if os.Getenv("PAYONCE_TRACES") != "" {
				for _, step := range s.way {
					t.Log(step)
				}
			}
		})
	}
}
