package payonce

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"strings"
	"time"
)

// model is what is searched: the client's bounds, the provider's contract, and what may go wrong.
type model struct {
	name string
	policy
	contract contract
	moods
	replay   Replay
	prepared bool
	notAfter tick
	// crew is the number of workers; attempts what a generation may have, where the search ends; width how many requests can be under
	// way, and delay for how many ticks each.
	crew     int
	attempts int8
	width    int
	delay    uint8
	// life is how long the provider remembers a key at least, 0 for ever; lookup that it can be asked; lag how long until it then knows.
	life, lag int
	lookup    bool
	// leases bind; new keys and people are asked for; poison is an operation on which all but one of the deaths were died.
	leases, newKeys, people, poison bool
	backup                          backup
	// clocks can be wrong: the host's is set maxJumps times, by jump, which is more than the horizon.
	clocks   bool
	maxJumps uint8
	jump     int
	horizon  tick
	// without names safeguards of the driver that are left out, wrap takes some from the protocol. What is judged then is money alone.
	without                   without
	wrap                      func(p *policy, s state, e event) (state, action)
	moneyOnly, duplicatesOnly bool

	patience, keyAge, flightAge int
	epoch                       time.Time
	reasons                     []string
	answers                     spokenAnswers
	ledger                      [maxSent]Attempt
	seed                        maphash.Seed
	emit                        func(n *world, move move)
	next                        world
	cut                         bool // the move leads beyond the bounds
	cuts                        int
	told                        State // what a caller was told by the move
	broken                      string
}

// untold is no State.
const untold = -1

// backup is what a store can fall back to.
type backup uint8

const (
	durable  backup = iota // nothing
	unsynced               // what power has not reached is lost with it
	backedUp               // an earlier state is restored
)

// without names what is left out of the driver.
type without struct {
	marking, fence, gate, attribution, settling, retiring, lateSuccess, witness, askedUnsure bool
}

// move is what happens, and to whom.
type move struct {
	who   int
	what  string
	reply uint8
}

// try makes a move and looks at what came of it.
func (m *model) try(w *world, who int, what string, do func(n *world)) {
	m.tryAbout(w, who, what, nothing, do)
}

func (m *model) tryAbout(w *world, who int, what string, reply uint8, do func(n *world)) {
	m.next, m.cut, m.broken, m.told = *w, false, "", untold
	do(&m.next)
	if m.cut {
		m.cuts++
		return
	}
	if m.broken == "" {
		m.broken = m.judge(&m.next)
	}
	m.emit(&m.next, move{who, what, reply})
}

// moves makes every move that there is.
func (m *model) moves(w *world) {
	m.pass(w)
	m.provide(w)
	m.disturb(w)
	for i := range m.crew {
		m.act(w, i)
	}
}

func (m *model) step(s state, e event) (state, action) {
	if m.wrap != nil {
		return m.wrap(&m.policy, s, e)
	}
	p := &m.policy // whose step it is
	return p.step(s, e)
}

// begins completes the model and returns its first state.
func (m *model) begins() world {
	m.epoch, m.reasons, m.answers, m.seed = noon(), reasonTexts(), allAnswers(), maphash.MakeSeed()
	m.patience = int(m.maxInFlight / unit)
	m.keyAge = int(m.window/unit) + 2*m.jump
	m.flightAge = max(m.patience, 2) + 2*m.jump
	m.horizon = orDefault(m.horizon, 100)
	var w world
	w.newest = never
	for g := range w.server {
		w.server[g].at, w.server[g].moved = never, never
	}
	first := facts{first: never, last: never}
	if m.poison {
		first = facts{sent: maxDeaths - 1, reached: maxDeaths - 1, possible: maxDeaths - 1, count: maxDeaths - 1}
	}
	if m.prepared || m.poison {
		w.records[0], w.newest = record{exists: true, facts: first}, 0
	}
	if m.prepared && m.backup == unsynced {
		w.backup, w.backedUp = w.records, true
	}
	return w
}

// search goes through a model's states breadth first, so that what it finds is the shortest way there. Of each state it keeps a hash of
// 64 bits and where it came from, and of those that it has still to go on from, all.
type search struct {
	m             *model
	limit         int
	hashes        []uint64 // 0 is free
	from          []uint32
	first         world
	parent        uint32
	layer, after  []node
	states, moves int
	depth         int
	complete      bool
	way           []string // to a broken promise
}

type node struct {
	w    world
	slot uint32
}

func newSearch(m *model, limit int) *search {
	size := 1 << bits.Len(uint(limit+limit/2))
	return &search{m: m, limit: limit, hashes: make([]uint64, size), from: make([]uint32, size)}
}

// run searches until a promise is broken, there is nothing new, or there are too many states.
func (s *search) run() {
	s.first = s.m.begins()
	slot, _ := s.see(&s.first, 0)
	s.m.emit = s.take
	for s.after = []node{{s.first, slot}}; len(s.after) > 0; s.depth++ {
		s.layer, s.after = s.after, s.layer[:0]
		for i := range s.layer {
			s.parent = s.layer[i].slot
			s.m.moves(&s.layer[i].w)
			if s.way != nil || s.states >= s.limit {
				return
			}
		}
	}
	s.complete = true
}

// take notes what a move leads to.
func (s *search) take(n *world, move move) {
	s.moves++
	switch {
	case s.way != nil:
	case s.m.broken != "":
		broken, last := s.m.broken, s.say(n, move)
		s.way = append(s.retrace(), last, "BROKEN: "+broken)
	default:
		if slot, fresh := s.see(n, s.parent); fresh {
			s.after = append(s.after, node{*n, slot})
		}
	}
}

// see says where a state is noted, and whether it is new.
func (s *search) see(w *world, from uint32) (slot uint32, fresh bool) {
	h := s.hash(w)
	for slot = uint32(h) & uint32(len(s.hashes)-1); s.hashes[slot] != 0; slot = (slot + 1) & uint32(len(s.hashes)-1) {
		if s.hashes[slot] == h {
			return slot, false
		}
	}
	s.hashes[slot], s.from[slot] = h, from
	s.states++
	return slot, true
}

func (s *search) hash(w *world) uint64 {
	return max(1, maphash.Comparable(s.m.seed, s.m.canonical(w)))
}

// retrace walks the way to the present parent again, and says what happens on it.
func (s *search) retrace() []string {
	var hashes []uint64
	slot, at := s.parent, s.first
	for root, _ := s.see(&s.first, 0); slot != root; slot = s.from[slot] {
		hashes = append(hashes, s.hashes[slot])
	}
	var way []string
	for ; len(hashes) > 0; hashes = hashes[:len(hashes)-1] {
		to := at
		s.m.emit = func(n *world, move move) {
			if to == at && s.hash(n) == hashes[len(hashes)-1] {
				way, to = append(way, s.say(n, move)), *n
			}
		}
		s.m.moves(&at)
		at = to
	}
	s.m.emit = s.take
	return way
}

// say puts a move, and the records and the ledger after it, into words.
func (s *search) say(n *world, move move) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%2d ", n.now)
	if move.who >= 0 {
		fmt.Fprintf(&text, "%c ", 'A'+move.who)
	}
	fmt.Fprintf(&text, "%s %s", move.what, s.m.answers[move.reply].words)
	for g := range n.records {
		if rec := &n.records[g]; rec.exists {
			f := &rec.facts
			fmt.Fprintf(&text, " | key %d: %s, sent %d, possible %d", g+1, State(f.state), f.sent, f.possible)
			if f.spent {
				text.WriteString(", spent")
			}
		}
		if n.server[g].effects > 0 {
			fmt.Fprintf(&text, " | EFFECTS %d", n.server[g].effects)
		}
	}
	return text.String()
}

// The moves that the mirror's test plays too.
const (
	isCalled      = "is called"
	isCalledAnew  = "is called for a new key"
	recovers      = "recovers"
	isTold        = "is told by a person that nothing was executed"
	isStopped     = "is told by a person to stop"
	storesMark    = "stores the mark"
	sends         = "sends"
	comesTooLate  = "comes too late"
	provenLate    = "comes too late, and can prove it"
	isCutOff      = "finds no connection"
	cannotSign    = "gets no credentials"
	hears         = "hears"
	hasWaited     = "has waited"
	givesUp       = "gives up"
	looksUp       = "looks it up:"
	takesIn       = "takes in what was found"
	storesEnd     = "stores how it ended"
	storesSuccess = "stores the success"
	goesOn        = "need not wait any more"
	reloads       = "reads what somebody else stored"
	crashes       = "crashes"
	timePasses    = "time passes"
	leaseRunsOut  = "a lease runs out"
	makesBackup   = "a backup is made"
	restoresIt    = "the backup is restored"
)
