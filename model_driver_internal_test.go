package payonce

import "time"

// The driver is call.go, retry.go, recover.go, generation.go and outcome.go again, as thin as can be: who asks the protocol when, with
// what, and what is stored, sent and told because of its answer. Between any two of its moves everything else can happen. It leaves
// out what only happens after a promise was broken: that two generations succeed.

// act makes each move that worker i can make.
func (m *model) act(w *world, i int) {
	switch w.workers[i].phase {
	case idle:
		m.start(w, i)
	case queued:
		m.queue(w, i)
	case marking:
		m.try(w, i, storesMark, func(n *world) { m.storeMark(n, i) })
	case ready:
		m.leave(w, i)
	case awaiting:
		m.hear(w, i)
	case waiting:
		m.try(w, i, hasWaited, func(n *world) { m.settle(n, i, event{kind: woke}) })
		m.try(w, i, givesUp, func(n *world) {
			n.workers[i].gone = true
			m.settle(n, i, event{kind: gaveUp})
		})
	case asking:
		m.ask(w, i)
	case asked:
		m.try(w, i, takesIn, func(n *world) {
			k := &n.workers[i]
			m.settle(n, i, event{kind: lookedUp, verdict: m.answers[k.reply].verdict, asked: m.time(k.asked)})
		})
	case finishing:
		m.try(w, i, storesEnd, func(n *world) { m.finish(n, i) })
	case holding:
		m.try(w, i, storesSuccess, func(n *world) { m.storeSuccess(n, i) })
	case overtaken:
		m.reload(w, i)
	}
	if !w.workers[i].down && (m.clocks || w.workers[i].phase != idle) {
		m.try(w, i, crashes, func(n *world) { m.crash(n, i) })
	}
}

// start is a call, a call with a new key, Recover, or a person.
func (m *model) start(w *world, i int) {
	if k := &w.workers[i]; k.down {
		if w.wrong == 0 && k.unsure == 0 {
			m.try(w, i, "is started again", func(n *world) { n.workers[i].down, n.workers[i].top = false, m.wall(n) })
		}
		return
	}
	switch last := m.latest(w); {
	case last == 0:
		m.try(w, i, isCalled, func(n *world) { m.lead(n, i, 1) })
	case !w.records[last-1].facts.is(StateSucceeded):
		m.try(w, i, isCalled, func(n *world) { m.resume(n, i, last, true) })
		m.renew(w, i, last)
		m.resolve(w, i, last)
	}
	for g := range w.records {
		rec := &w.records[g]
		if rec.exists && rec.facts.is(StateOpen, StateInDoubt) && !rec.leasedTo(i) {
			m.try(w, i, recovers, func(n *world) { m.resume(n, i, uint8(g)+1, false) })
		}
	}
}

// latest is the latest generation, 0 if there is none.
func (m *model) latest(w *world) uint8 {
	for g := len(w.records); g > 0; g-- {
		if w.records[g-1].exists {
			return uint8(g)
		}
	}
	return 0
}

// leasedTo says that somebody other than worker i has the lease.
func (r *record) leasedTo(i int) bool { return r.live && int(r.holder) != i+1 }

// renew is nextGeneration, up to the draft.
func (m *model) renew(w *world, i int, last uint8) {
	rec := &w.records[last-1]
	settled := rec.facts.is(StateRejected, StateNotSent) && (!rec.restored || rec.facts.final())
	if m.without.settling {
		settled = settled || rec.facts.is(StateOpen)
	}
	if !m.newKeys || last != 1 || !settled {
		return
	}
	m.try(w, i, isCalledAnew, func(n *world) {
		if retired := rec.facts; !retired.spent && !m.without.retiring {
			retired.spent = true
			m.write(n, i, 1, retired, 0)
		}
		m.lead(n, i, 2)
	})
}

// resolve is a person who looked, and says what is true then: that it was not executed, or to stop.
func (m *model) resolve(w *world, i int, last uint8) {
	rec := &w.records[last-1]
	if !m.people || !rec.facts.is(StateOpen, StateInDoubt) || rec.live {
		return
	}
	say := func(what string, resolution Resolution) {
		m.try(w, i, what, func(n *world) {
			facts := rec.facts
			progress := m.progress(&facts)
			resolve(&progress, resolution, "")
			m.take(&facts, &progress)
			m.write(n, i, last, facts, 0)
		})
	}
	late := rec.facts.sent == 0 || int(m.wall(w)) >= int(rec.facts.last)+m.patience
	if late && w.server[last-1].effects == 0 {
		say(isTold, NotExecuted)
	}
	if rec.facts.is(StateOpen) {
		say(isStopped, StopSending)
	}
}

// lead drafts a generation; its first mark is made before anybody looks whether there is a record.
func (m *model) lead(n *world, i int, gen uint8) {
	k := &n.workers[i]
	k.gen, k.caller, k.inserting, k.created, k.fresh = gen, true, true, m.wall(n), true
	k.facts = facts{first: never, last: never}
	m.read(n, k)
	m.settle(n, i, event{kind: claimed})
	switch last := m.latest(n); {
	case k.phase == marking:
	case last > 0:
		m.resume(n, i, last, true)
	default: // nobody began it, and it is too late to
		m.tell(n, i)
	}
}

// read notes when the record was read, as newRun does.
func (m *model) read(n *world, k *worker) {
	k.tries, k.reauthorized = 0, false
	if !m.clocks {
		return
	}
	if k.readAt, k.lasted, k.newest = m.wall(n), 0, k.top; !k.inserting {
		k.newest = max(k.top, n.newest)
	}
}

// resume goes by a record that is there.
func (m *model) resume(n *world, i int, gen uint8, caller bool) {
	k := &n.workers[i]
	k.gen, k.caller, k.inserting, k.opened, k.turns = gen, caller, false, n.records[gen-1].facts.is(StateOpen), 0
	m.await(n, i)
}

// await goes on unless somebody else works on the record.
func (m *model) await(n *world, i int) {
	k := &n.workers[i]
	rec := &n.records[k.gen-1]
	switch open := rec.facts.is(StateOpen); {
	case open && rec.leasedTo(i):
		k.phase = queued
	case (k.opened && !open) || rec.facts.is(StateSucceeded):
		k.facts = rec.facts
		m.tell(n, i)
	default:
		m.takeOver(n, i)
	}
}

func (m *model) queue(w *world, i int) {
	if rec := &w.records[w.workers[i].gen-1]; !rec.facts.is(StateOpen) || !rec.leasedTo(i) {
		m.try(w, i, goesOn, func(n *world) { m.await(n, i) })
	}
}

func (m *model) takeOver(n *world, i int) {
	k := &n.workers[i]
	rec := &n.records[k.gen-1]
	lost, learns := k.facts, k.phase == overtaken
	k.facts, k.fresh, k.restored, k.created = rec.facts, true, rec.restored, rec.created
	if learns {
		k.facts.learn(&lost)
	}
	if last := int(k.facts.count) - 1; last >= 0 && int(rec.holder) == i+1 {
		k.facts.lines[last].ended = true // lost, but nobody died
	}
	m.read(n, k)
	before := k.facts.state
	if do, due := m.settle(n, i, event{kind: claimed}); do == doReturn && k.facts.state == before && !due {
		m.tell(n, i)
	}
}

// learn is Record.learn.
func (f *facts) learn(lost *facts) {
	f.accepted = f.accepted || lost.accepted
	for i := range min(f.count, lost.count) {
		if lost.lines[i].ended && !f.lines[i].ended {
			f.lines[i] = lost.lines[i]
		}
	}
}

// settle lets the protocol decide, as run.step does, and goes on as far as nobody can come between. It reports whether the record was
// put off.
func (m *model) settle(n *world, i int, e event) (do doing, due bool) {
	k := &n.workers[i]
	e.now, e.elapsed, e.unsure, e.budget = m.time(m.wall(n)), unit*time.Duration(k.lasted), unit*time.Duration(max(k.unsure, k.askedUnsure)), true
	s := m.state(k)
	sent := s.Sent
	s, a := m.step(s, e)
	m.judgeStep(&s, a, e)
	m.take(&k.facts, &s.Progress)
	k.tries, k.reauthorized = uint8(s.tries), s.reauthorized
	k.reply, k.asked, k.askedUnsure = nothing, 0, 0
	marked := s.Sent > sent
	if marked && m.clocks {
		k.marked = m.tick(latest(e.now, s.readAt.Add(e.elapsed)))
	}
	switch {
	case s.Sent > int(m.attempts):
		m.cut = true
	case marked && !m.without.marking:
		m.begin(k, &s)
		k.phase, k.then = marking, uint8(a.do)
	case marked:
		m.begin(k, &s)
		m.obey(n, i, a.do)
	default:
		m.obey(n, i, a.do)
	}
	return a.do, !s.DueAt.IsZero()
}

// begin opens a line in the ledger.
func (m *model) begin(k *worker, s *state) {
	k.facts.lines[k.facts.count] = line{at: m.tick(s.LastAt)}
	k.facts.count++
}

// obey goes to what is done next.
func (m *model) obey(n *world, i int, do doing) {
	k := &n.workers[i]
	switch do {
	case doReturn:
		if k.phase = finishing; k.facts.is(StateSucceeded) { // the caller hears of it before the store does
			held := *k
			m.tell(n, i)
			*k, k.phase, k.caller = held, holding, false
		}
	case doSend:
		k.phase = ready
	case doWait:
		k.phase = waiting
	case doLookup:
		k.phase = asking
	}
}

// storeMark is Claim, or the Save of a mark.
func (m *model) storeMark(n *world, i int) {
	k := &n.workers[i]
	switch last := m.latest(n); {
	case k.inserting && last >= k.gen:
		m.resume(n, i, last, true)
		return
	case k.inserting:
		n.records[k.gen-1] = record{exists: true, created: k.created}
		k.inserting, k.inserted = false, true
	case !k.fresh && !m.without.fence:
		k.phase = overtaken
		return
	}
	m.write(n, i, k.gen, k.facts, uint8(i)+1)
	do := doing(k.then)
	k.then = 0
	m.obey(n, i, do)
}

// write stores a record, which makes the others' copies stale and the lease the holder's.
func (m *model) write(n *world, i int, gen uint8, facts facts, holder uint8) {
	rec := &n.records[gen-1]
	m.judgeWrite(&n.workers[i], &rec.facts, &facts)
	rec.facts, rec.restored = facts, false
	for j := range n.workers {
		if k := &n.workers[j]; j != i && k.gen == gen {
			k.fresh = false
		}
	}
	if rec.holder, rec.live = 0, m.leases && holder != 0; m.leases || m.poison {
		rec.holder = holder
	}
	if m.clocks {
		n.newest = max(n.newest, rec.created, facts.first, facts.last)
	}
	if m.backup == unsynced && !n.backedUp {
		n.backup, n.backedUp = n.records, true // what was never durable was never begun
	}
}

// finish stores how the call ended. That of an open record whose caller is gone is not waited for.
func (m *model) finish(n *world, i int) {
	k := &n.workers[i]
	switch {
	case k.fresh || m.without.fence:
		m.write(n, i, k.gen, k.facts, 0)
	case !k.gone || !k.facts.is(StateOpen):
		k.phase = overtaken
		return
	}
	m.tell(n, i)
}

// storeSuccess is SaveLater and, if somebody else saved meanwhile, recordSuccess.
func (m *model) storeSuccess(n *world, i int) {
	k := &n.workers[i]
	facts := n.records[k.gen-1].facts
	switch {
	case k.fresh:
		m.write(n, i, k.gen, k.facts, 0)
	case facts.is(StateSucceeded):
	case m.without.lateSuccess:
		m.fail("a success that a caller was told of is forgotten")
	default:
		facts.accepted, facts.state, facts.spent, facts.reason = true, uint8(StateSucceeded), false, 0
		m.write(n, i, k.gen, facts, 0)
	}
	m.rest(k)
}

// reload goes on after somebody else saved first.
func (m *model) reload(w *world, i int) {
	k := w.workers[i]
	rec := &w.records[k.gen-1]
	if k.turns++; k.inserted { // complete begins anew
		k.inserted, k.opened, k.turns = false, rec.facts.is(StateOpen), 0
	}
	m.try(w, i, reloads, func(n *world) {
		if n.workers[i] = k; int(k.turns) >= m.maxAttempts {
			n.workers[i].facts = rec.facts
			m.tell(n, i)
			return
		}
		m.await(n, i)
	})
}

// tell ends the call.
func (m *model) tell(n *world, i int) {
	k := &n.workers[i]
	if m.told = State(k.facts.state); k.caller {
		m.judgeAnswer(n, k)
	}
	m.rest(k)
}

// rest leaves nothing of a call but the process and its clocks.
func (m *model) rest(k *worker) {
	*k = worker{unsure: k.unsure, top: k.top}
}

// crash leaves the process's lease to run out, and its request on the way.
func (m *model) crash(n *world, i int) {
	m.orphan(n, i)
	for g := range n.records {
		if rec := &n.records[g]; int(rec.holder) == i+1 {
			if rec.holder = 0; rec.live {
				rec.holder = dead
			}
		}
	}
	n.workers[i] = worker{down: m.clocks, unsure: n.workers[i].unsure}
}

// orphan: nobody waits any more for what the worker waited for.
func (m *model) orphan(n *world, i int) {
	for j := range n.wires {
		if int(n.wires[j].who) == i+1 {
			n.wires[j].who = 0
		}
	}
	for g := range n.server {
		if int(n.server[g].who) == i+1 {
			n.server[g].who = 0
		}
	}
	sortWires(n)
}
