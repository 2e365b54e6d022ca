package payonce

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The model check is an explicit-state search over the product's own step function: workers that call, crash and pause anywhere, a
// store, a network that loses, delays and reorders, and a provider that remembers, refuses and forgets. What calls step is mirrored in
// model_driver_internal_test.go, and model_mirror_internal_test.go keeps that mirror honest. Time is in ticks, states are small values
// without pointers, and each is judged by the provider's ledger.

// tick is the model's time. One is longer than every constant of the protocol that policy does not hold, so that each of them is over
// after one tick, or two.
type tick = int8

const (
	unit         = 24 * time.Hour
	never   tick = math.MinInt8
	maxCrew      = 3 // workers
	maxSent      = 6 // attempts of a generation
	maxWire      = 4 // requests under way
)

// world is one state of everything. Times are true, but for those in records and copies of them: these are what a wall clock said.
type world struct {
	now     tick
	newest  tick // of what was ever written
	records [2]record
	// backup is an earlier state of the store: what would outlast a loss of power, or what may be restored, once.
	backup             [2]record
	backedUp, restored bool
	workers            [maxCrew]worker
	wires              [maxWire]wire
	server             [2]account
	// wrong is by how much the host's wall clock is, jumps how often it was set.
	wrong int8
	jumps uint8
}

// record is what the store has of one generation. Version is not here: a worker's copy is fresh until somebody else saves.
type record struct {
	exists, restored bool
	created          tick
	holder           uint8 // who asked for the lease, from 1
	live             bool  // the lease
	facts            facts
}

// dead is the holder that crashed. Whoever is started in its place has another name.
const dead = 9

// facts is a Progress.
type facts struct {
	state, reason           uint8
	sent, reached, possible int8
	accepted, spent         bool
	first, last             tick
	count                   uint8
	lines                   [maxSent]line
}

// line is an attempt in the ledger.
type line struct {
	class uint8
	ended bool
	at    tick
}

// worker is a process: one goroutine of it at a time works on the operation, as flights sees to.
type worker struct {
	phase phase
	gen   uint8
	// facts is its copy of the record; fresh until somebody else saves.
	facts    facts
	fresh    bool
	restored bool
	created  tick
	// caller waits for the answer; otherwise it is Recover. opened: the record was open when the call came by it. inserting: there was
	// none; inserted: it is this call's.
	caller, opened, inserting, inserted bool
	then                                uint8 // what to do once the mark is stored
	tries, turns                        uint8
	reauthorized, gone                  bool
	reply                               uint8 // the answer that waits to be heard
	asked                               tick
	// The rest is about clocks. A process that is down died, and is not started while nobody could notice that the clock is wrong. unsure is
	// for how much longer it knows that the wall clock proves nothing, askedUnsure what that was at a lookup; top what the clock would
	// show if it had never been set back; readAt and newest are of the record that was read, lasted is how long ago by the monotonic clock; marked is when, by this
	// process, what is about to leave was marked.
	down                                bool
	unsure, askedUnsure                 int8
	top, readAt, newest, lasted, marked tick
}

type phase uint8

const (
	idle      phase = iota
	queued          // waits for somebody else's lease
	marking         // an attempt is marked, and not stored yet
	ready           // the mark is durable, nothing was sent
	awaiting        // the request left
	waiting         // before a retry
	asking          // about to look it up
	asked           // the lookup was answered
	finishing       // before the last save
	holding         // the caller knows of a success that the store does not
	overtaken       // somebody else saved first
)

// wire is a request on its way: of which generation (from 1; 0 is no request), who waits for its answer (from 1; 0 is nobody any more),
// and for how many ticks more it can live.
type wire struct{ gen, who, left uint8 }

// account is what the provider knows of a generation's key, and what it did.
type account struct {
	status    status
	at        tick // since when it knows the key
	who, left uint8
	effects   uint8
	moved     tick // when the effect came
}

type status uint8

const (
	unknown   status = iota
	executing        // for who, and at most left ticks more
	executed
	failed  // and stored, in a document of a 2xx
	refused // and stored
)

// reasonTexts are all that the protocol gives. A new one must be added here.
func reasonTexts() []string {
	return []string{
		"", keyReused, keyTaken, clockBehind, ageUnknown, poisoned, forgotten,
		"host, account or credential is no longer the one it was begun under", "the provider does not dedupe this operation",
		"not-after time has passed", "key life is over", "refused, after an attempt that may have been executed",
		"the provider answered about another request", "resolved by a person: not executed", "resolved by a person: stop sending",
	}
}

func (m *model) time(t tick) time.Time {
	if t == never {
		return time.Time{}
	}
	return m.epoch.Add(time.Duration(t) * unit)
}

func (m *model) tick(t time.Time) tick {
	if t.IsZero() {
		return never
	}
	return tick(t.Sub(m.epoch) / unit)
}

// progress unpacks facts. What it returns is good until the next call.
func (m *model) progress(f *facts) Progress {
	for i := range f.count {
		l := f.lines[i]
		m.ledger[i] = Attempt{N: int(i) + 1, StartedAt: m.time(l.at), Class: Class(l.class)}
		if l.ended {
			m.ledger[i].Took = 1
		}
	}
	return Progress{
		State: State(f.state), Sent: int(f.sent), Reached: int(f.reached), Possible: int(f.possible), Accepted: f.accepted, KeySpent: f.spent,
		FirstAt: m.time(f.first), LastAt: m.time(f.last), Attempts: m.ledger[:f.count:f.count], Reason: m.reasons[f.reason],
	}
}

// take packs what the protocol changed. It leaves the ledger alone, as the protocol does.
func (m *model) take(f *facts, p *Progress) {
	reason := slices.Index(m.reasons, p.Reason)
	if reason < 0 {
		panic(fmt.Sprintf("the model does not know the reason %q", p.Reason))
	}
	f.state, f.reason = uint8(p.State), uint8(reason)
	f.sent, f.reached, f.possible = int8(p.Sent), int8(p.Reached), int8(p.Possible)
	f.accepted, f.spent = p.Accepted, p.KeySpent
	f.first, f.last = m.tick(p.FirstAt), m.tick(p.LastAt)
}

func (f *facts) is(states ...State) bool { return slices.Contains(states, State(f.state)) }

// final is Progress.Final.
func (f *facts) final() bool {
	return f.is(StateSucceeded) || (f.spent && f.is(StateRejected, StateNotSent))
}

// state is what the protocol is given.
func (m *model) state(k *worker) state {
	s := state{
		Progress: m.progress(&k.facts), replay: m.replay, prepared: m.prepared, createdAt: m.time(k.created), notAfter: m.time(m.notAfter),
		restored: k.restored, pinned: true, canLookup: m.lookup, tries: int(k.tries), reauthorized: k.reauthorized,
	}
	if m.clocks {
		s.readAt, s.newest = m.time(k.readAt), latest(m.time(k.newest), s.createdAt, s.FirstAt, s.LastAt)
	}
	return s
}
