package payonce

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce/internal/wall"
)

// wrongBy is a clock whose wall clock is wrong by *by.
func wrongBy(by *time.Duration) *clock {
	return newClock(func() time.Time { return time.Now().Add(*by) })
}

// pass lets virtual time pass, and the clock be read every now and then, as a client does.
func pass(c *clock, d time.Duration) {
	for step := d / 10; d > 0; d -= step {
		<-time.NewTimer(min(step, d)).C
		c.now()
	}
}

func TestTheTimeOfRecordsIsTheWallsToTheMicrosecond(t *testing.T) {
	t.Parallel()
	odd := time.Date(2026, 11, 22, 14, 0, 0, 1234, time.FixedZone("CET", 3600))
	assert.Equal(t, time.Date(2026, 11, 22, 13, 0, 0, 1000, time.UTC), newClock(func() time.Time { return odd }).now())
	now := newClock(wall.Now).now()
	assert.Equal(t, now.Round(0), now, "no monotonic part: it is stored and compared")
}

func TestTheClockNoticesThatTheWallClockJumped(t *testing.T) {
	t.Parallel()
	const span = 5 * time.Minute
	tests := map[string]struct {
		jumps []time.Duration // one every two minutes
		want  time.Duration   // for how much longer nothing is proved, right after the last one
	}{
		"it goes right":                         {jumps: []time.Duration{0}},
		"it is corrected by what is sane":       {jumps: []time.Duration{clockError}},
		"or back":                               {jumps: []time.Duration{-clockError}},
		"it is set forward":                     {jumps: []time.Duration{clockError + time.Microsecond}, want: span},
		"it is set back":                        {jumps: []time.Duration{-clockError - time.Microsecond}, want: span},
		"by a year":                             {jumps: []time.Duration{365 * 24 * time.Hour}, want: span},
		"forward and back again":                {jumps: []time.Duration{time.Hour, -time.Hour}, want: span},
		"it jumped two minutes ago":             {jumps: []time.Duration{time.Hour, 0}, want: span - 2*time.Minute},
		"it jumped longer ago than the span":    {jumps: []time.Duration{time.Hour, 0, 0, 0}},
		"it jumped again, less than is noticed": {jumps: []time.Duration{time.Hour, time.Second}, want: span - 2*time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var by time.Duration
				c := wrongBy(&by)
				assert.Zero(t, c.unsure(span), "the first look proves nothing against it")
				for _, jump := range test.jumps {
					pass(c, 2*time.Minute)
					by += jump
					c.now()
				}
				assert.Equal(t, test.want, c.unsure(span))
				pass(c, span)
				assert.Zero(t, c.unsure(span))
			})
		})
	}
}

func TestASpanIsAsLongAsTheClockThatSaysMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var by time.Duration
		c := wrongBy(&by)
		then := c.instant()
		pass(c, time.Minute)
		assert.Equal(t, time.Minute, c.since(then))
		by = time.Hour // the host was suspended: its monotonic clock stood still
		assert.Equal(t, time.Hour+time.Minute, c.since(then))
		by = -time.Hour
		assert.Equal(t, time.Minute, c.since(then))
	})
}

func TestSomebodyWhoseClockIsBehindTheStoreSendsNothingAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		state  func(*state)
		behind time.Duration
		do     doing
		want   State
		reason string
		due    time.Duration // from now; 0 is not looked at
	}{
		"sane clocks":                          {state: open, behind: 2 * clockError, do: doSend},
		"the clock is behind":                  {state: open, behind: 2*clockError + 1, do: doReturn, reason: clockBehind, due: 30 * time.Second},
		"and it can be looked up":              {state: func(s *state) { open(s); s.canLookup = true }, behind: time.Hour, do: doLookup, reason: clockBehind},
		"a first attempt goes":                 {behind: 56 * 365 * 24 * time.Hour, do: doSend},
		"and one after what was not sent":      {state: func(s *state) { s.Sent = 1 }, behind: time.Hour, do: doSend},
		"but none that has a time to be over":  {state: func(s *state) { s.notAfter = noon().Add(time.Hour) }, behind: time.Hour, do: doReturn, want: StateNotSent, reason: clockBehind},
		"a prepared one of these waits":        {state: func(s *state) { s.notAfter, s.prepared = noon().Add(time.Hour), true }, behind: time.Hour, do: doReturn, reason: clockBehind, due: 30 * time.Second},
		"a key for ever is as unsafe to judge": {state: func(s *state) { open(s); s.replay = ReplayByState }, behind: time.Hour, do: doReturn, reason: clockBehind, due: 30 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := testPolicy(), testState(test.state)
			s.newest = noon().Add(test.behind)
			s, a := p.step(s, event{kind: claimed, now: noon(), budget: true})
			assert.Equal(t, test.do, a.do)
			assert.Equal(t, test.want.String(), s.State.String())
			assert.Equal(t, test.reason, s.Reason)
			if test.due > 0 {
				assert.Equal(t, noon().Add(test.due), s.DueAt)
			}
		})
	}
}

func TestTheWallClockIsNotBelievedAgainstTheCallsOwnTime(t *testing.T) {
	t.Parallel()
	p, s := testPolicy(), testState(open)
	p.maxElapsed = 100 * 24 * time.Hour
	s.readAt = noon().Add(26 * 24 * time.Hour)
	_, a := p.step(s, event{kind: woke, now: noon(), elapsed: 24*time.Hour - 1, budget: true})
	assert.Equal(t, doSend, a.do)
	s, a = p.step(s, event{kind: woke, now: noon(), elapsed: 24 * time.Hour, budget: true})
	assert.Equal(t, doReturn, a.do, "27 days have passed, whatever the wall clock says")
	assert.Equal(t, StateInDoubt, s.State)
}

func TestAbsenceProvesNothingWhileTheClockIsUnsure(t *testing.T) {
	t.Parallel()
	p, s := testPolicy(), testState(open)
	absent := event{kind: lookedUp, now: noon().Add(time.Hour), asked: noon().Add(time.Hour), verdict: Verdict{Class: ClassRefused}, unsure: time.Minute}
	unsure, _ := p.step(s, absent)
	assert.Equal(t, StateOpen, unsure.State)
	assert.Equal(t, absent.now.Add(time.Minute), unsure.DueAt, "it is looked at when it can tell")
	absent.unsure = 0
	sure, _ := p.step(s, absent)
	assert.Equal(t, StateRejected, sure.State)
}

func TestWhatIsPutOffIsPutOffForADayAtMost(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	for name, e := range map[string]event{
		"a hint of an answer": {kind: answered, verdict: Verdict{Resend: true, Wait: 400 * 24 * time.Hour}},
		"a hint of a lookup":  {kind: lookedUp, verdict: Verdict{Wait: 400 * 24 * time.Hour}},
	} {
		e.now = noon()
		s, _ := p.step(testState(open), e)
		assert.Equal(t, noon().Add(maxLater), s.DueAt, name)
	}
}

func TestDeathsAreTheLastAttemptsWhoseEndNobodyStored(t *testing.T) {
	t.Parallel()
	died, ended, proved := Attempt{}, Attempt{Took: 1}, Attempt{Class: ClassNotSent}
	for want, attempts := range [][]Attempt{
		{died, ended},
		{ended, died},
		{died, proved, died, died},
		{died, died, died},
	} {
		assert.Equal(t, want, (&Progress{Attempts: attempts}).deaths())
	}
	p := testPolicy()
	s := testState(func(s *state) {
		open(s)
		s.Attempts = []Attempt{died, died, died, died}
	})
	_, a := p.step(s, event{kind: claimed, now: noon(), budget: true})
	assert.Equal(t, doSend, a.do, "one more")
	s.Attempts, s.canLookup = append(s.Attempts, died), true
	s, a = p.step(s, event{kind: claimed, now: noon(), budget: true})
	assert.Equal(t, doReturn, a.do)
	assert.Equal(t, poisoned, s.Reason)
	_, a = p.step(s, event{kind: claimed, now: noon(), budget: true})
	assert.Equal(t, doReturn, a.do, "not even looked up: the answer may be what kills")
}
