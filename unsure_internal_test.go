package payonce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The first mark is stamped with the later of the two clocks: a key looks younger than it is.
func TestTheFirstMarkIsStampedWithTheEarlierClock(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	p.window = sendWindow(24 * time.Hour)
	s := testState(func(s *state) { s.readAt = noon().Add(10 * time.Hour) }) // the clock was ahead when the call began
	s, a := p.step(s, event{kind: woke, now: noon(), elapsed: time.Second})  // and was set right before the first mark
	assert.Equal(t, doSend, a.do)
	s.readAt = noon().Add(25 * time.Hour)
	s.newest = s.LastAt
	_, a = p.step(s, event{kind: claimed, now: s.readAt}) // another call, 25 h later
	assert.NotEqual(t, doSend, a.do, "a key of 24 h is sent after 25 h")
}

// Where keys live for ever, their age does not matter.
func TestAKeyForEverNeedsNoClock(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	p.window = 0
	s := testState(func(s *state) { open(s); s.newest = noon().Add(365 * 24 * time.Hour) })
	_, a := p.step(s, event{kind: claimed, now: noon().Add(time.Hour)})
	assert.Equal(t, doSend, a.do)
}

// Error.DueAt "of a closed one is when the server said that trying again makes sense".
func TestAClosedOperationsHintIsTheServers(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	month := 30 * 24 * time.Hour
	s, _ := p.step(testState(nil), event{kind: claimed, now: noon()})
	s, _ = p.step(s, event{kind: answered, now: noon(), status: 429, verdict: Verdict{Class: ClassRefused, Resend: true, Wait: month}})
	assert.Equal(t, StateRejected, s.State)
	assert.Equal(t, noon().Add(month), s.DueAt)
}

// A store that is put back a second time. What was counted after the first time is taken for counted.
func TestAStoreThatIsRestoredTwice(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	p.window = sendWindow(24 * time.Hour)
	s := testState(func(s *state) { s.restored, s.readAt = true, noon() })
	s, a := p.step(s, event{kind: claimed, now: noon()}) // after the first time: remembered, sent
	assert.Equal(t, doSend, a.do)
	s.Attempts = []Attempt{{N: s.Sent, StartedAt: noon(), Took: 1, Class: ClassRefused}}
	s, _ = p.step(s, event{kind: answered, now: noon(), status: 400, verdict: Verdict{Class: ClassRefused, Proven: true}})
	assert.Equal(t, StateRejected, s.State)
	assert.False(t, s.KeySpent)
	// A backup is made; the call is made again and pays; the backup is put back.
	s.readAt, s.tries = noon().Add(25*time.Hour), 0
	s, a = p.step(s, event{kind: claimed, now: s.readAt})
	assert.NotEqual(t, doSend, a.do, "money moves twice: the key that paid is dead")
	assert.True(t, s.Possible > 0 || a.do == doSend, "the second forgotten attempt is not counted")
}

// Whoever has the right time would take a mark of a clock that is behind for long over, and absence for proven.
func TestAMarkIsNeverOlderThanWhatTheStoreHolds(t *testing.T) {
	t.Parallel()
	p, now := testPolicy(), noon()
	s := testState(func(s *state) { s.readAt, s.newest = now, now.Add(960*time.Hour) })
	s, a := p.step(s, event{kind: claimed, now: now})
	assert.Equal(t, s.newest, s.LastAt)
	assert.Equal(t, now.Add(p.maxInFlight/2), a.before, "it leaves at once or never, by its own clock")
}
