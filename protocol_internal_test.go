package payonce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// noon is when every table starts.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func testPolicy() policy {
	p := policy{window: 27 * 24 * time.Hour}
	new(Retry).apply(&p)
	return p
}

func testState(change func(*state)) state {
	s := state{pinned: true, createdAt: noon()}
	if change != nil {
		change(&s)
	}
	return s
}

// open is an operation whose first attempt may have been executed.
func open(s *state) { s.Sent, s.Reached, s.Possible, s.FirstAt, s.LastAt = 1, 1, 1, noon(), noon() }

func TestClaimedRecords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		state  func(*state)
		policy func(*policy)
		look   bool
		after  time.Duration
		do     doing
		want   State
	}{
		"a new operation is sent":                              {do: doSend},
		"an open one is sent again":                            {state: open, do: doSend},
		"a succeeded one answers":                              {state: func(s *state) { s.State = StateSucceeded }, do: doReturn, want: StateSucceeded},
		"one that was not sent is sent":                        {state: func(s *state) { s.State = StateNotSent }, do: doSend},
		"a refused one whose key is not spent is sent":         {state: func(s *state) { s.State, s.Sent, s.Reached = StateRejected, 1, 1 }, do: doSend},
		"one that was not sent and has a successor answers":    {state: func(s *state) { s.State, s.KeySpent = StateNotSent, true }, do: doReturn, want: StateNotSent},
		"a refused one whose key is spent answers":             {state: func(s *state) { s.State, s.KeySpent = StateRejected, true }, do: doReturn, want: StateRejected},
		"one in doubt stays in doubt":                          {state: func(s *state) { s.State, s.Possible = StateInDoubt, 1 }, do: doReturn, want: StateInDoubt},
		"one in doubt is looked up where that is possible":     {state: func(s *state) { s.State, s.Possible = StateInDoubt, 1 }, look: true, do: doLookup, want: StateInDoubt},
		"inside the key's life it is sent":                     {state: open, after: 27*24*time.Hour - 1, do: doSend},
		"at the end of the key's life it is in doubt":          {state: open, after: 27 * 24 * time.Hour, do: doReturn, want: StateInDoubt},
		"at the end of the key's life it is looked up":         {state: open, look: true, after: 27 * 24 * time.Hour, do: doLookup},
		"a key for ever has no end":                            {state: open, policy: func(p *policy) { p.window = 0 }, after: 1e6 * time.Hour, do: doSend},
		"one that was never attempted is sent at any age":      {after: 400 * 24 * time.Hour, do: doSend},
		"but not from a store that may have lost the mark":     {policy: func(p *policy) { p.lossy = true }, after: 27 * 24 * time.Hour, do: doReturn, want: StateNotSent},
		"after NotAfter a new one is not sent":                 {state: func(s *state) { s.notAfter = noon() }, after: 1, do: doReturn, want: StateNotSent},
		"nor a prepared one":                                   {state: func(s *state) { s.notAfter, s.prepared = noon(), true }, after: 1, do: doReturn, want: StateNotSent},
		"after NotAfter an open one is in doubt":               {state: func(s *state) { open(s); s.notAfter = noon() }, after: 1, do: doReturn, want: StateInDoubt},
		"under another host or credential an open one is held": {state: func(s *state) { open(s); s.pinned = false }, do: doReturn, want: StateInDoubt},
		"one without dedupe is never sent twice":               {state: func(s *state) { open(s); s.replay = ReplayOnce }, do: doReturn, want: StateInDoubt},
		"one without dedupe is looked up":                      {state: func(s *state) { open(s); s.replay = ReplayOnce }, look: true, do: doLookup},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			if test.policy != nil {
				test.policy(&p)
			}
			before := testState(test.state)
			before.canLookup = test.look
			s, a := p.step(before, event{kind: claimed, now: noon().Add(test.after), budget: true})
			assert.Equal(t, test.do, a.do)
			assert.Equal(t, test.want.String(), s.State.String())
			if a.do == doSend {
				assert.Equal(t, testState(test.state).Sent+1, s.Sent, "the attempt is marked")
				assert.Positive(t, s.Possible, "the mark counts as possibly executed")
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	retried := func(s *state) { open(s); s.Sent, s.Reached, s.Possible, s.tries = 2, 2, 2, 2 }
	byState := func(possible int) func(*state) {
		return func(s *state) {
			open(s)
			s.Sent, s.Reached, s.Possible, s.tries, s.replay, s.canLookup = possible, possible, possible, possible, ReplayByState, true
		}
	}
	findable := func(s *state) { retried(s); s.canLookup = true }
	findableOnce := func(s *state) { open(s); s.tries, s.canLookup = 1, true }
	accepted := func(s *state) { retried(s); s.Accepted = true }
	tests := map[string]struct {
		before func(*state) // default: the first attempt was just made
		status int
		v      Verdict
		do     doing
		want   State
		spent  bool
	}{
		"success":                                       {status: 201, v: Verdict{Class: ClassSucceeded}, want: StateSucceeded},
		"success after a lost answer":                   {before: retried, status: 201, v: Verdict{Class: ClassSucceeded}, want: StateSucceeded},
		"a lost answer is retried":                      {v: Verdict{Resend: true}, do: doWait},
		"not sent is retried":                           {v: Verdict{Class: ClassNotSent, Resend: true}, do: doWait},
		"not sent for good closes":                      {v: Verdict{Class: ClassNotSent}, want: StateNotSent},
		"not sent after a lost answer stays open":       {before: retried, v: Verdict{Class: ClassNotSent}, want: StateOpen},
		"a refusal of the only attempt closes":          {status: 400, v: Verdict{Class: ClassRefused}, want: StateRejected},
		"and spends the key if the provider says so":    {status: 400, v: Verdict{Class: ClassRefused, KeySpent: true}, want: StateRejected, spent: true},
		"though not after a lost answer":                {before: retried, status: 400, v: Verdict{Class: ClassRefused, KeySpent: true}, want: StateInDoubt},
		"a refusal after a lost answer proves nothing":  {before: retried, status: 401, v: Verdict{Class: ClassRefused}, want: StateOpen},
		"unless it comes from behind the key check":     {before: retried, status: 400, v: Verdict{Class: ClassRefused, Proven: true, KeySpent: true}, want: StateRejected},
		"but never once a 2xx was seen":                 {before: accepted, status: 400, v: Verdict{Class: ClassRefused, Proven: true, KeySpent: true}, want: StateOpen},
		"a decline in a 2xx document closes":            {before: accepted, status: 201, v: Verdict{Class: ClassDeclined, Proven: true}, want: StateRejected},
		"a no in a 2xx closes":                          {before: byState(1), status: 200, v: Verdict{Class: ClassDeclined, KeySpent: true}, want: StateRejected},
		"unless a repeat says no to what was done":      {before: byState(2), status: 200, v: Verdict{Class: ClassDeclined, KeySpent: true}, do: doLookup},
		"an unproven decline after a lost answer stays": {before: retried, status: 409, v: Verdict{Class: ClassDeclined}, want: StateOpen},
		"a proven decline after a 2xx proves nothing":   {before: accepted, status: 409, v: Verdict{Class: ClassDeclined, Proven: true}, want: StateOpen},
		"a decline of the only attempt closes":          {status: 409, v: Verdict{Class: ClassDeclined}, want: StateRejected},
		"a truncated success is asked for again":        {status: 201, v: Verdict{Resend: true}, do: doWait},
		"in flight is waited for":                       {status: 409, v: Verdict{Class: ClassInFlight, Resend: true}, do: doWait},
		"reuse is in doubt":                             {status: 422, v: Verdict{Class: ClassReuse}, want: StateInDoubt},
		"an answer about something else is in doubt":    {status: 201, v: Verdict{Class: ClassMismatch}, want: StateInDoubt},
		"a taken key without lookup is in doubt":        {status: 409, v: Verdict{Class: ClassDuplicate}, want: StateInDoubt},
		"an odd status is not resent and stays open":    {status: 302, v: Verdict{}, want: StateOpen},
		"a dead token is renewed and resent at once":    {status: 401, v: Verdict{Class: ClassRefused, Reauthorize: true}, do: doSend},
		"throttled is retried":                          {status: 429, v: Verdict{Class: ClassRefused, Resend: true}, do: doWait},
		"reuse is looked up where it can be":            {before: findable, status: 422, v: Verdict{Class: ClassReuse}, do: doLookup, spent: true},
		"a spent key after a lost answer is in doubt":   {before: retried, status: 409, v: Verdict{Class: ClassDeclined, KeySpent: true}, want: StateInDoubt},
		"a refusal after a lost answer is looked up":    {before: findable, status: 400, v: Verdict{Class: ClassRefused}, do: doLookup},
		"and so is a decline":                           {before: findable, status: 409, v: Verdict{Class: ClassDeclined, KeySpent: true}, do: doLookup},
		"but not what may be sent again":                {before: findable, status: 429, v: Verdict{Class: ClassRefused, Resend: true}, do: doWait},
		"nor what is closed by its only attempt":        {before: findableOnce, status: 400, v: Verdict{Class: ClassRefused}, want: StateRejected},
		"a long hint ends the call":                     {status: 503, v: Verdict{Resend: true, Wait: time.Hour}, want: StateOpen},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			before := test.before
			if before == nil {
				before = func(s *state) { open(s); s.tries = 1 }
			}
			s, a := p.step(testState(before), event{kind: answered, now: noon(), budget: true, rnd: .5, verdict: test.v, status: test.status})
			assert.Equal(t, test.do, a.do)
			assert.Equal(t, test.want.String(), s.State.String())
			assert.False(t, test.spent && !s.KeySpent, "the key is spent")
			if test.v.Wait > 0 {
				assert.Equal(t, noon().Add(test.v.Wait), s.DueAt)
			}
		})
	}
}

func TestTheLimitsOfACall(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	lost := event{kind: answered, now: noon(), budget: true, rnd: .999, verdict: Verdict{Resend: true}}
	t.Run("attempts", func(t *testing.T) {
		t.Parallel()
		s, a := p.step(testState(nil), event{kind: claimed, now: noon(), budget: true})
		assert.Equal(t, doSend, a.do)
		for s.tries < 4 {
			s, a = p.step(s, lost)
			assert.Equal(t, doWait, a.do)
			s, a = p.step(s, event{kind: woke, now: noon(), budget: true})
			assert.Equal(t, doSend, a.do)
		}
		s, a = p.step(s, lost)
		assert.Equal(t, doReturn, a.do)
		assert.Equal(t, StateOpen, s.State)
		assert.True(t, s.DueAt.After(noon()))
	})
	t.Run("elapsed time", func(t *testing.T) {
		t.Parallel()
		late := lost
		late.elapsed = 2 * time.Minute
		_, a := p.step(testState(open), late)
		assert.Equal(t, doReturn, a.do)
	})
	t.Run("retry budget", func(t *testing.T) {
		t.Parallel()
		poor := lost
		poor.budget = false
		_, a := p.step(testState(open), poor)
		assert.Equal(t, doReturn, a.do)
	})
	t.Run("a hint beyond the deadline", func(t *testing.T) {
		t.Parallel()
		hinted := lost
		hinted.verdict.Wait, hinted.deadline = 2*time.Second, noon().Add(time.Second)
		s, a := p.step(testState(open), hinted)
		assert.Equal(t, doReturn, a.do)
		assert.False(t, s.DueAt.Before(noon().Add(2*time.Second)))
	})
	t.Run("a hint is a floor", func(t *testing.T) {
		t.Parallel()
		hinted := lost
		hinted.verdict.Wait = 20 * time.Second
		_, a := p.step(testState(open), hinted)
		assert.Equal(t, 20*time.Second, a.wait)
	})
	t.Run("in flight counts against time, not attempts", func(t *testing.T) {
		t.Parallel()
		s := testState(func(s *state) { open(s); s.tries = 1 })
		inFlight := event{kind: answered, now: noon(), budget: true, status: 409, verdict: Verdict{Class: ClassInFlight, Resend: true}}
		for range 20 {
			var a action
			s, a = p.step(s, inFlight)
			assert.Equal(t, doWait, a.do)
			s, _ = p.step(s, event{kind: woke, now: noon(), budget: true})
		}
		inFlight.elapsed = 2 * time.Minute
		s, a := p.step(s, inFlight)
		assert.Equal(t, doReturn, a.do)
		assert.Equal(t, StateOpen, s.State)
	})
	t.Run("the token is renewed once", func(t *testing.T) {
		t.Parallel()
		refused := event{kind: answered, now: noon(), budget: true, status: 401, verdict: Verdict{Class: ClassRefused, Reauthorize: true}}
		s, a := p.step(testState(func(s *state) { open(s); s.tries = 1 }), refused)
		assert.True(t, a.fresh)
		s, a = p.step(s, refused)
		assert.Equal(t, doReturn, a.do)
		assert.Equal(t, StateRejected, s.State)
		assert.False(t, s.KeySpent)
	})
}

func TestLookups(t *testing.T) {
	t.Parallel()
	taken := func(s *state) {
		open(s)
		s.Attempts = []Attempt{{N: 1, StartedAt: noon(), Class: ClassReuse}}
	}
	lostThenRefused := func(s *state) {
		open(s)
		s.LastAt = noon().Add(5 * time.Minute)
		s.Attempts = []Attempt{{N: 1, StartedAt: noon()}, {N: 2, StartedAt: s.LastAt, Class: ClassRefused}}
	}
	p := testPolicy()
	tests := map[string]struct {
		before func(*state)
		class  Class
		after  time.Duration
		want   State
	}{
		"found":                                      {before: open, class: ClassSucceeded, want: StateSucceeded},
		"found failed":                               {before: open, class: ClassDeclined, want: StateRejected},
		"absent too early proves nothing":            {before: open, class: ClassRefused, after: 5*time.Minute - 1, want: StateOpen},
		"absent later is a refusal":                  {before: open, class: ClassRefused, after: 5 * time.Minute, want: StateRejected},
		"absent after a 2xx is in doubt":             {before: func(s *state) { open(s); s.Accepted = true }, class: ClassRefused, after: time.Hour, want: StateInDoubt},
		"something else is in doubt":                 {before: open, class: ClassMismatch, want: StateInDoubt},
		"absent elsewhere is in doubt":               {before: func(s *state) { open(s); s.pinned = false }, class: ClassRefused, after: time.Hour, want: StateInDoubt},
		"absent though the key is taken is in doubt": {before: taken, class: ClassRefused, after: 5 * time.Minute, want: StateInDoubt},
		"though not too early":                       {before: taken, class: ClassRefused, after: 5*time.Minute - 1, want: StateOpen},
		"a refused attempt is not waited for":        {before: lostThenRefused, class: ClassRefused, after: 5 * time.Minute, want: StateRejected},
		"no answer leaves it open":                   {before: open, class: ClassUnknown, want: StateOpen},
		"no answer for a day is in doubt":            {before: func(s *state) { open(s); s.KeySpent = true }, class: ClassUnknown, after: 25 * time.Hour, want: StateInDoubt},
		"unless it may be sent again":                {before: open, class: ClassUnknown, after: 25 * time.Hour, want: StateOpen},
		"no answer leaves it in doubt":               {before: func(s *state) { open(s); s.State = StateInDoubt }, class: ClassUnknown, want: StateInDoubt},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := p.step(testState(test.before), event{kind: lookedUp, now: noon().Add(test.after), asked: noon().Add(test.after), verdict: Verdict{Class: test.class}})
			assert.Equal(t, doReturn, a.do)
			assert.Equal(t, test.want.String(), s.State.String())
			if test.want == StateRejected {
				assert.True(t, s.KeySpent, "the key is spent and the caller decides")
			}
		})
	}
}

func TestACallerWhoGaveUp(t *testing.T) {
	t.Parallel()
	p := testPolicy()
	s, _ := p.step(testState(open), event{kind: gaveUp, now: noon()})
	assert.Equal(t, StateOpen, s.State, "unknown stays open")
	s, _ = p.step(testState(func(s *state) { s.Sent = 1 }), event{kind: gaveUp, now: noon()})
	assert.Equal(t, StateNotSent, s.State)
	s, _ = p.step(testState(func(s *state) { s.Sent, s.prepared = 1, true }), event{kind: gaveUp, now: noon()})
	assert.Equal(t, StateOpen, s.State, "a prepared operation stays open: nobody was told")
}

func TestTheSendWindowKeepsAMargin(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 27*24*time.Hour, sendWindow(30*24*time.Hour))
	assert.Equal(t, 24*time.Hour/10*9, sendWindow(24*time.Hour))
	assert.Equal(t, 25*time.Minute, sendWindow(30*time.Minute))
	assert.Equal(t, time.Duration(1), sendWindow(time.Minute), "a life shorter than the margin leaves no time to resend")
	assert.Zero(t, sendWindow(0))
}

func TestCeilingsDouble(t *testing.T) {
	t.Parallel()
	s := time.Second
	assert.Equal(t, []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s}, ceilings(s/2, 8*s))
	p := testPolicy()
	assert.Equal(t, 4*s, p.backoff(99, .5))
	assert.Zero(t, p.backoff(0, 0))
}
