package payonce

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The mirror is honest if the client does what the driver of the model does: random walks through a model are played with real clients,
// which stop wherever the model has a move, on a store and a wire that do what the walk says. After each move the store must hold
// what the model's store holds, and a caller must have been told what the model's caller was told.
//
// PAYONCE_WALKS sets how many walks there are through each model, PAYONCE_SEED the first seed.

const defaultWalks = 20

func walkable() []*model {
	all := []*model{
		keyed("keyed", func(m *model) { m.newKeys, m.moods = true, everything() }),
		keyed("keyed, looked up, people", func(m *model) { m.contract, m.lookup, m.people, m.moods = storesMade, true, true, everything() }),
		keyed("keyed, leases bind", func(m *model) { m.leases, m.newKeys, m.moods = true, true, everything() }),
		keyed("keyed, restored", func(m *model) { m.backup, m.lookup, m.contract = backedUp, true, storesMade }),
		keyed("begun by Prepare", func(m *model) {
			m.prepared, m.notAfter, m.throttles, m.unreachable, m.newKeys = true, 3, true, true, true
		}),
		lasting("a reference for ever", reference, ReplayKeyed, func(m *model) { m.lookup = true }),
		lasting("by state", stateful, ReplayByState, func(m *model) { m.lookup = true }),
		lasting("once", forgetful, ReplayOnce, func(*model) {}),
		lasting("three workers", storesMade, ReplayKeyed, func(m *model) { m.crew = 3 }),
	}
	for _, m := range all {
		m.attempts = maxSent
	}
	return all
}

func TestTheClientDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	walks, first := number(t, "PAYONCE_WALKS", defaultWalks), number(t, "PAYONCE_SEED", 1)
	for _, m := range walkable() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			played := 0
			for seed := first; seed < first+walks && !t.Failed(); seed++ {
				synctest.Test(t, func(t *testing.T) { played += newWalk(t, m, uint64(seed)).play(60) })
				if t.Failed() {
					t.Logf("again: PAYONCE_SEED=%d PAYONCE_WALKS=1 go test -run '%s' .", seed, t.Name())
				}
			}
			t.Logf("%d walks, %d moves", walks, played)
			require.Greater(t, played, 10*walks, "the walks end too soon")
		})
	}
}

// walk is one way through a model, and the clients that go along.
type walk struct {
	t     *testing.T
	m     *model
	seed  uint64
	rnd   *rand.Rand
	at    world
	stage *stage
	gives [maxCrew]bool // up, next
	polls [maxCrew]bool // has gone on with the others who waited for a lease
	said  []string
}

// step is a move that the walk may make next.
type step struct {
	move
	to   world
	told State // what a caller is told, or untold
}

func newWalk(t *testing.T, m *model, seed uint64) *walk {
	t.Helper()
	w := &walk{t: t, m: m, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0))}
	w.at = m.begins()
	m.epoch = time.Now()
	w.stage = newStage(t, m)
	return w
}

func (w *walk) play(moves int) (played int) {
	defer w.leave()
	for ; played < moves; played++ {
		next := w.next()
		if len(next) == 0 {
			break
		}
		step := next[w.rnd.IntN(len(next))]
		w.said = append(w.said, fmt.Sprintf("%d %d %s %s", step.to.now, step.who, step.what, w.m.answers[step.reply].words))
		w.enact(&step)
		w.at = step.to
		w.compare(&step)
	}
	return played
}

// leave ends the walk, and says what it was if it went wrong.
func (w *walk) leave() {
	w.stage.close()
	if w.t.Failed() {
		for _, move := range w.said {
			w.t.Log(move)
		}
	}
}

// next lists the moves that the walk may make: those of a worker that the clients can't keep from going on, before anything else.
func (w *walk) next() []step {
	var all, urgent []step
	w.m.emit = func(n *world, move move) {
		s := step{move, *n, w.m.told}
		if move.what != provenLate { // which takes a connection
			all = append(all, s)
		}
		if move.who < 0 || move.what == crashes {
			return
		}
		switch w.at.workers[move.who].phase {
		case waiting:
			if w.gives[move.who] == (move.what == givesUp) {
				urgent = append(urgent, s)
			}
		case queued:
			if w.polls[move.who] {
				urgent = append(urgent, s)
			}
		case asking, overtaken:
			urgent = append(urgent, s)
		case idle, marking, ready, awaiting, asked, finishing, holding:
		}
	}
	cuts := w.m.cuts
	w.m.moves(&w.at)
	if len(urgent) > 0 {
		return urgent
	}
	polls := slices.ContainsFunc(w.at.workers[:], func(k worker) bool { return slices.Contains([]phase{queued, overtaken, waiting}, k.phase) })
	if polls && w.m.cuts > cuts { // the clients go beyond the model's bounds
		return nil
	}
	return slices.DeleteFunc(all, func(s step) bool { return polls && s.what == timePasses }) // it would poll all day
}

// enact makes the clients do it.
func (w *walk) enact(s *step) {
	if s.who < 0 {
		w.disturb(s)
		return
	}
	a := w.stage.actors[s.who]
	w.gives[s.who] = false
	switch s.what {
	case isCalled:
		a.call()
		if w.at.records[0].exists && (w.m.notAfter == never || w.at.now < w.m.notAfter) {
			a.release(w.t, atSave, nothing) // Claim, which finds it
		}
	case isCalledAnew:
		a.call(WithNewKey())
		if !w.at.records[0].facts.spent {
			a.release(w.t, atSave, nothing) // that retires the last one
		}
	case recovers:
		gen := 1
		for !w.at.records[gen-1].facts.is(StateOpen, StateInDoubt) {
			gen++
		}
		a.recover(gen)
	case isTold, isStopped:
		a.resolve(map[string]Resolution{isTold: NotExecuted, isStopped: StopSending}[s.what])
		a.release(w.t, atSave, nothing)
	case storesMark:
		a.release(w.t, atSave, nothing)
	case storesEnd:
		a.release(w.t, atSave, nothing)
	case storesSuccess:
		for a.release(w.t, atSave, nothing); a.stopped() != ""; { // what was stale is tried again
			a.release(w.t, atSave, nothing)
		}
	case sends, comesTooLate:
		a.release(w.t, atAuthorize, nothing)
		a.release(w.t, atSend, nothing)
	case isCutOff:
		a.release(w.t, atAuthorize, nothing)
		a.release(w.t, atSend, saysNotSent)
	case cannotSign:
		a.release(w.t, atAuthorize, saysUnsigned)
	case hears:
		if w.gives[s.who] = s.to.workers[s.who].phase == waiting && w.rnd.IntN(3) == 0; w.gives[s.who] {
			a.cancel()
		}
		a.release(w.t, atAnswer, s.reply)
	case hasWaited, givesUp, looksUp, reloads: // the client has gone on by itself
	case takesIn:
		a.release(w.t, atLook, w.at.workers[s.who].reply)
	case goesOn:
		w.poll(s.who)
	case crashes:
		w.stage.crash(s.who)
		w.polls[s.who] = false
	default:
		w.t.Fatalf("nobody knows how to play %q", s.what)
	}
}

// poll gives a client time to see that a lease is free, and with it all who wait for one.
func (w *walk) poll(who int) {
	if w.m.leases && !w.polls[who] {
		w.stage.pass(maxPoll + time.Millisecond)
		for i := range w.m.crew {
			k := &w.at.workers[i]
			w.polls[i] = k.phase == queued && !w.at.records[k.gen-1].leasedTo(i)
		}
	}
	w.polls[who] = false
}

// disturb is what happens to all.
func (w *walk) disturb(s *step) {
	switch s.what {
	case timePasses:
		w.stage.pass(unit)
	case leaseRunsOut:
		for g := range s.to.records {
			w.stage.shelf.lease(g+1, s.to.records[g].live)
		}
	case makesBackup:
		w.stage.shelf.backUp()
	case restoresIt:
		w.stage.shelf.restore(&s.to)
		for i := range w.m.crew {
			w.stage.crash(i)
		}
	default: // the provider knows
	}
}

// compare holds the stage against the model.
func (w *walk) compare(s *step) {
	for g := range w.at.records {
		want, got := w.at.records[g], w.stage.shelf.record(w.m, g+1)
		got.holder, got.live = want.holder, want.live
		require.Equal(w.t, want, got, "generation %d", g+1)
	}
	for i, a := range w.stage.actors {
		k := &w.at.workers[i]
		stops := map[phase]string{
			idle: "", queued: "", marking: atSave, ready: atAuthorize, awaiting: atAnswer, asking: atLook, asked: atLook,
			finishing: atSave, holding: atSave,
		}
		if at, stopped := stops[k.phase]; stopped && !w.polls[i] {
			require.Equal(w.t, at, a.stopped(), "where worker %d is", i)
		}
		if i == s.who && s.told != untold {
			require.Equal(w.t, s.told.String(), a.told.String(), "what worker %d tells", i)
		}
	}
}
