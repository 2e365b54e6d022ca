package payonce

import (
	"slices"
	"time"
)

// The protocol is one pure function, step: given what is known of an operation and what just happened, it says what is known now and
// what to do next. It reads no clock, draws no number and does no I/O; the loop in retry.go obeys it and nothing else decides.
// Whatever step marks is saved before it is done: a mark counts as sent, as arrived and as executed until something proves otherwise.

// state is all that the protocol knows: the record's progress, facts of the intent, and what this call did.
type state struct {
	Progress
	replay              Replay
	prepared            bool
	createdAt, notAfter time.Time
	// readAt is when the record was read, by the wall clock; newest the latest time that anything in the store bears.
	readAt, newest time.Time
	// restored says that the store may have lost marks of the record.
	restored bool
	// pinned says that host, account and dedupe scope are still those of the record, canLookup that the provider can be asked what
	// became of it.
	pinned, canLookup bool

	// read says that it is no write: an attempt that was not answered can have done nothing.
	read bool

	tries, waits int
	reauthorized bool
}

// event is what happened.
type event struct {
	kind eventKind
	// now is the wall clock's time, elapsed how long the call has lasted by the monotonic clock.
	now     time.Time
	elapsed time.Duration
	// first is the earlier of what the two clocks say, and now becomes the later: a key must never look younger than it is.
	first time.Time
	// rnd is a random number in [0,1), deadline the caller's (zero: none), budget whether the client still has retries to spend.
	rnd      float64
	deadline time.Time
	budget   bool
	// unsure is for how much longer the wall clock can't prove that MaxInFlight has passed; 0 is that it can.
	unsure time.Duration
	// verdict and status are the answer's, for answered and lookedUp; asked is when the lookup was asked.
	verdict Verdict
	status  int
	asked   time.Time
}

type eventKind int

const (
	claimed  eventKind = iota // the record is this caller's to work on
	woke                      // the wait is over
	answered                  // the attempt is over
	lookedUp                  // the lookup is over
	gaveUp                    // the caller stopped waiting
)

// action is what to do next.
type action struct {
	do doing
	// wait is how long, for doWait.
	wait time.Duration
	// fresh asks for new credentials, before is the instant after which the body may not leave (zero: none), for doSend.
	fresh  bool
	before time.Time
}

type doing int

const (
	doReturn doing = iota // nothing more by this call
	doSend                // the attempt that was just marked
	doWait
	doLookup
)

// policy holds the bounds of a call and the provider's facts that decide.
type policy struct {
	maxAttempts                      int
	maxElapsed, maxHint, maxInFlight time.Duration
	// ceilings are the upper ends of the waits before the 2nd, 3rd, … attempt; the last one repeats.
	ceilings []time.Duration
	// window is how long after the first mark a key may still be sent; 0 is for ever.
	window time.Duration
	// lossy says that the store may lose a mark.
	lossy bool
}

// lookupPatience is how long what can't be sent any more is looked up in vain before it is put in doubt.
const lookupPatience = 24 * time.Hour

const keyReused = "the provider says that the key was used for another request"

const keyTaken = "the provider says that the key is taken"

const clockBehind = "the clock is behind the key store's newest record, so nobody knows how old the key is; set the clock"

const ageUnknown = "its first mark is in the future: a clock was wrong then or is wrong now, so nobody will ever know how old the key is"

// lostBattery is how far behind a clock is that starts again in 1970 or 2000. No clock is so far ahead: that one will be set.
const lostBattery = 2 * 365 * 24 * time.Hour

const poisoned = "its process died, or lost it, in each of the last attempts; find out why before anything is sent again"

// maxDeaths is after how many of them an operation is set aside, so that it does not take every process down for ever.
const maxDeaths = 5

const forgotten = "the key store was restored and may have forgotten an attempt, or a later key"

// maxLater bounds for how long an operation is put off, whatever the provider says: what is due later was put off by a wrong clock.
const maxLater = 24 * time.Hour

// step decides what happens next. It is pure.
func (p *policy) step(s state, e event) (state, action) {
	e.first = e.now
	if known := s.readAt.Add(e.elapsed); e.now.Before(known) {
		e.now = known // the wall clock was set back during the call
	} else if !s.readAt.IsZero() {
		e.first = known
	}
	switch e.kind {
	case claimed:
		return p.onClaimed(s, e)
	case woke:
		return p.send(s, e, false)
	case answered:
		return p.onAnswered(s, e)
	case lookedUp:
		return p.onLookedUp(s, e)
	case gaveUp:
		return p.conclude(s, e.now, Verdict{Resend: true})
	}
	return s, action{}
}

// onClaimed looks at a record that is new, or open, or closed.
func (p *policy) onClaimed(s state, e event) (state, action) {
	s.remember(e.now)
	switch s.State {
	case StateSucceeded:
		return s, action{}
	case StateInDoubt:
		if s.canLookup && !s.doubled() && s.Reason != poisoned {
			return s, action{do: doLookup}
		}
		return s, action{}
	case StateRejected, StateNotSent:
		if s.KeySpent || !s.harmless() {
			return s, action{}
		}
	case StateOpen:
		if s.deaths() >= maxDeaths {
			s.State, s.Reason = StateInDoubt, poisoned
			return s, action{}
		}
		if s.KeySpent {
			return p.stuck(s, e.now, keyTaken)
		}
	}
	s.State, s.Reason = StateOpen, ""
	return p.send(s, e, false)
}

// send marks the next attempt, unless nothing may be sent any more.
func (p *policy) send(s state, e event, fresh bool) (state, action) {
	if reason := p.barred(s, e.now); reason != "" {
		return p.stuck(s, e.now, reason)
	}
	if s.read {
		s.Reached, s.Possible, s.Accepted = 0, 0, false
	}
	if s.Reached == 0 {
		s.FirstAt = e.first
	}
	s.Sent++
	s.Reached++
	s.Possible++
	s.tries++
	s.LastAt = latest(e.now, s.newest) // by a clock that is behind it would look as if it were long over
	s.DueAt = e.now
	return s, action{do: doSend, fresh: fresh, before: p.leaveBefore(s, e.now)}
}

// leaveBefore returns the instant after which the attempt that is marked now may not leave any more. Whoever waits out MaxInFlight after a
// mark counts on it: a process that was paused between its mark and the wire must not send into what others have settled meanwhile.
func (p *policy) leaveBefore(s state, now time.Time) time.Time {
	patience := now.Add(p.maxInFlight / 2)
	if before := p.sendBefore(s); !before.IsZero() && before.Before(patience) {
		return before
	}
	return patience
}

// barred says why nothing may be sent, or "".
func (p *policy) barred(s state, now time.Time) string {
	before, ahead := p.sendBefore(s), s.FirstAt.Sub(now)
	if p.lossy {
		ahead = s.createdAt.Sub(now)
	}
	switch {
	case !s.pinned:
		return "host, account or credential is no longer the one it was begun under"
	case s.replay == ReplayOnce && !s.harmless():
		return "the provider does not dedupe this operation"
	case !before.IsZero() && !now.Before(before):
		if before.Equal(s.notAfter) {
			return "not-after time has passed"
		}
		return "key life is over"
	case p.window > 0 && !s.harmless() && ahead > 2*clockError && ahead < lostBattery:
		return ageUnknown
	case s.newest.Sub(now) > 2*clockError && ((p.window > 0 && !s.harmless()) || !s.notAfter.IsZero()):
		return clockBehind
	}
	return ""
}

// sendBefore returns the instant after which nothing may be sent; zero if there is none. A key's life counts from the first mark
// that may have arrived, and from the creation where that mark may have been lost.
func (p *policy) sendBefore(s state) time.Time {
	var before time.Time
	switch {
	case p.window == 0:
	case p.lossy:
		before = s.createdAt.Add(p.window)
	case !s.harmless():
		before = s.FirstAt.Add(p.window)
	}
	if !s.notAfter.IsZero() && (before.IsZero() || s.notAfter.Before(before)) {
		before = s.notAfter
	}
	return before
}

// stuck settles what can't be sent: not sent if nothing can have been executed, else looked up, else in doubt.
func (p *policy) stuck(s state, now time.Time, reason string) (state, action) {
	s.Reason = reason
	switch {
	case s.harmless() && s.prepared && reason == clockBehind:
		s.DueAt = now.Add(laterBy(s.Sent))
	case s.harmless():
		s.State = StateNotSent
		if s.Reached > 0 {
			s.State = StateRejected
		}
		s.KeySpent = s.KeySpent || !s.pinned // only under a new key can it be sent from here
	case s.canLookup:
		return s, action{do: doLookup}
	case reason == clockBehind: // once it is set, it tells
		s.DueAt = now.Add(laterBy(s.Sent))
	default:
		s.State = StateInDoubt
	}
	return s, action{}
}

// remember counts an attempt that a store which was put back to an earlier state may have forgotten: made at any time since the record
// was created, perhaps just now. What was closed may have been asked for again, under this key or another.
func (s *state) remember(now time.Time) {
	if !s.restored || s.Final() {
		return
	}
	if s.State == StateRejected || s.State == StateNotSent {
		s.State, s.Reason = StateInDoubt, forgotten // with its successor, perhaps
	}
	s.FirstAt, s.LastAt = s.createdAt, latest(now, s.newest)
	s.Sent++
	s.Reached++
	s.Possible++
}

// deaths counts the last attempts whose end nobody stored.
func (p *Progress) deaths() (n int) {
	for _, attempt := range slices.Backward(p.Attempts) {
		if attempt.Took > 0 || attempt.Class != ClassUnknown {
			break
		}
		n++
	}
	return n
}

// harmless says that no attempt can have been executed.
func (s *state) harmless() bool { return s.Possible == 0 && !s.Accepted }

// lastPossible returns the mark of the last attempt that may have been executed, or be on its way to that.
func (s *state) lastPossible() time.Time {
	if s.Sent > len(s.Attempts) {
		return s.LastAt
	}
	for _, attempt := range slices.Backward(s.Attempts) {
		switch attempt.Class {
		case ClassRefused, ClassDeclined, ClassNotSent:
		case ClassUnknown, ClassInFlight, ClassReuse, ClassMismatch, ClassDuplicate, ClassSucceeded:
			return attempt.StartedAt
		}
	}
	return time.Time{} // each said no for itself
}

// reused says that the provider refused an attempt because the key exists.
func (s *state) reused() bool {
	return slices.ContainsFunc(s.Attempts, func(a Attempt) bool { return a.Class == ClassReuse })
}

// contested says that the provider spoke of another request under the key: what an event says may be about that one.
func (s *state) contested() bool {
	return slices.ContainsFunc(s.Attempts, func(a Attempt) bool {
		return a.Class == ClassReuse || a.Class == ClassMismatch || (a.Class == ClassDuplicate && !s.perhapsExecuted())
	})
}

// perhapsExecuted says that an attempt may have been executed, other than by the request that was told that the key is taken.
func (s *state) perhapsExecuted() bool {
	return s.Sent > len(s.Attempts) || slices.ContainsFunc(s.Attempts, func(a Attempt) bool {
		switch a.Class {
		case ClassNotSent, ClassRefused, ClassDeclined, ClassDuplicate, ClassReuse:
			return false
		case ClassUnknown, ClassInFlight, ClassMismatch, ClassSucceeded:
		}
		return true
	})
}

// onAnswered takes in what an attempt proved.
func (p *policy) onAnswered(s state, e event) (state, action) {
	v := e.verdict
	success2xx := e.status >= 200 && e.status <= 299
	s.Accepted = s.Accepted || success2xx
	switch v.Class {
	case ClassSucceeded:
		s.State, s.Reason, s.KeySpent = StateSucceeded, "", false
		return s, action{}
	case ClassDeclined:
		// A repeat that has no effect may say no because the first had it.
		final := success2xx && (s.replay != ReplayByState || s.Possible == 1)
		if final || (!s.Accepted && (v.Proven || s.Possible == 1)) {
			s.State, s.KeySpent, s.Possible = StateRejected, true, 0
			return s, action{}
		}
	case ClassRefused:
		s.Possible--
		if !s.Accepted && (v.Proven || (v.KeySpent && s.Possible == 0)) {
			s.State, s.KeySpent, s.Possible = StateRejected, v.KeySpent, 0
			return s, action{}
		}
	case ClassNotSent:
		s.Reached--
		s.Possible--
	case ClassInFlight:
		s.tries--
	case ClassReuse:
		if s.Reason = keyReused; s.canLookup {
			s.KeySpent = true
			return s, action{do: doLookup}
		}
		s.State = StateInDoubt
		return s, action{}
	case ClassMismatch:
		s.State, s.Reason = StateInDoubt, "the provider answered about another request"
		return s, action{}
	case ClassDuplicate:
		s.KeySpent = true // from now on only a lookup tells more
		return p.stuck(s, e.now, keyTaken)
	case ClassUnknown:
	}
	return p.next(s, e)
}

// next decides whether this call sends again, and when.
func (p *policy) next(s state, e event) (state, action) {
	v := e.verdict
	switch {
	case e.elapsed >= p.maxElapsed:
		return p.conclude(s, e.now, v)
	case v.Reauthorize && !s.reauthorized:
		s.reauthorized = true
		return p.send(s, e, true)
	case s.tries >= p.maxAttempts || !e.budget:
		return p.conclude(s, e.now, v)
	case s.replay == ReplayOnce && !s.harmless():
		return p.stuck(s, e.now, "the provider does not dedupe this operation")
	case !v.Resend && (s.canLookup || (v.KeySpent && !v.Proven)) && (v.Class == ClassRefused || v.Class == ClassDeclined) && !s.harmless():
		return p.stuck(s, e.now, "refused, after an attempt that may have been executed")
	case !v.Resend:
		return p.conclude(s, e.now, v)
	}
	wait := max(v.Wait, p.backoff(s.waits, e.rnd))
	s.waits++
	tooLong := v.Wait > p.maxHint || (!e.deadline.IsZero() && e.now.Add(v.Wait).After(e.deadline))
	if tooLong || e.elapsed+wait > p.maxElapsed {
		return p.conclude(s, e.now, v)
	}
	return s, action{do: doWait, wait: wait}
}

// backoff returns the wait before another attempt: full jitter below the n-th ceiling.
func (p *policy) backoff(n int, rnd float64) time.Duration {
	if len(p.ceilings) == 0 {
		return 0
	}
	return time.Duration(rnd * float64(p.ceilings[min(n, len(p.ceilings)-1)]))
}

// conclude ends the call: closed where nothing can have been executed, else open and due later. An operation begun by Prepare stays
// open when it was not sent, or was put off, because nobody was told.
func (p *policy) conclude(s state, now time.Time, v Verdict) (state, action) {
	s.DueAt = now.Add(v.Wait)
	putOff := v.Resend || v.Reauthorize
	switch {
	case s.harmless() && s.prepared && (s.Reached == 0 || putOff):
	case s.harmless() && s.Reached > 0:
		s.State = StateRejected
		return s, action{}
	case s.harmless():
		s.State = StateNotSent
		return s, action{}
	}
	s.DueAt = now.Add(min(max(v.Wait, laterBy(s.Sent)), maxLater))
	return s, action{}
}

// laterBy spaces the calls of Recover: 30 s, 1 min, 2 min, … up to an hour.
func laterBy(sent int) time.Duration {
	return min(30*time.Second<<min(max(sent/4, 0), 7), time.Hour)
}

// onLookedUp takes in what a lookup found. Absence proves something only when no request can still be on its way.
func (p *policy) onLookedUp(s state, e event) (state, action) {
	s.DueAt = e.now.Add(min(max(e.verdict.Wait, laterBy(s.Sent)), maxLater))
	switch e.verdict.Class {
	case ClassSucceeded:
		s.State, s.Reason, s.KeySpent = StateSucceeded, "", false
	case ClassDeclined:
		s.State, s.KeySpent, s.Possible = StateRejected, true, 0
	case ClassRefused:
		early := max(s.lastPossible().Add(p.maxInFlight).Sub(e.asked), e.unsure)
		switch {
		case s.Accepted || !s.pinned: // it was there, or was looked for elsewhere
			s.State = StateInDoubt
		case early > 0:
			s.DueAt = e.now.Add(min(early, p.maxInFlight))
		case s.reused(): // there is something, but it can't be found
			s.State = StateInDoubt
		default:
			s.State, s.KeySpent, s.Possible = StateRejected, true, 0
		}
	case ClassMismatch, ClassReuse:
		s.State = StateInDoubt
	case ClassUnknown, ClassNotSent, ClassInFlight, ClassDuplicate:
		if s.State == StateOpen && e.now.Sub(s.LastAt) > lookupPatience && (s.KeySpent || p.barred(s, e.now) != "") {
			s.State = StateInDoubt // a person may know more
		}
	}
	return s, action{}
}
