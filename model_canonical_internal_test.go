package payonce

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// canonical is the same for states that can't behave differently: times become ages, which count only for as long as they matter, so
// that time has no end; what nothing reads again is dropped; and the workers lose their names.
func (m *model) canonical(w *world) world {
	c := *w
	c.newest = age(w.now, w.newest, m.keyAge)
	if c.now = 0; m.clocks {
		c.now = w.now // where time has an end
	} else if m.notAfter != never {
		c.now = min(w.now, m.notAfter)
	}
	for g := range c.records {
		m.ageRecord(&c.records[g], w.now)
		m.ageRecord(&c.backup[g], w.now)
		a := &c.server[g]
		a.at, a.moved = age(w.now, a.at, m.life), age(w.now, a.moved, m.lag)
	}
	for i := range m.crew {
		m.ageWorker(&c.workers[i], w.now)
	}
	sortWires(&c)
	m.rename(&c)
	return c
}

// age is how long ago t was, but not more than matters.
func age(now, t tick, matters int) tick {
	if t == never {
		return never
	}
	return tick(min(int(now)-int(t), matters))
}

func (m *model) ageRecord(r *record, now tick) {
	if r.exists {
		r.created = m.ageCreation(r.created, now)
		m.ageFacts(&r.facts, now, false)
	}
}

// ageCreation: a key's life counts from the creation where a mark may have been lost.
func (m *model) ageCreation(t, now tick) tick {
	if m.backup == durable && !m.clocks {
		return 0
	}
	return age(now, t, m.keyAge)
}

// ageFacts ages a copy of a record, of which an attempt may be about to leave.
func (m *model) ageFacts(f *facts, now tick, leaving bool) {
	if f.final() {
		*f = facts{state: f.state, spent: f.spent, sent: f.sent}
		return
	}
	if f.first = age(now, f.first, m.keyAge); m.window == 0 && !m.clocks {
		f.first = 0
	}
	looked := m.lookup || m.people || m.clocks
	if f.last = age(now, f.last, m.flightAge); !looked && !leaving {
		f.last = 0
	}
	for i := range f.count {
		if l := &f.lines[i]; !looked || (l.ended && slices.Contains([]Class{ClassRefused, ClassDeclined, ClassNotSent}, Class(l.class))) {
			l.at = 0
		} else {
			l.at = age(now, l.at, m.flightAge)
		}
	}
}

func (m *model) ageWorker(k *worker, now tick) {
	if m.clocks {
		k.top = age(now, k.top, m.keyAge)
	}
	if k.phase == idle {
		return
	}
	if k.phase == asked { // how long after the last mark it was asked is all that counts
		s := state{Progress: m.progress(&k.facts)}
		k.asked = tick(min(int(k.asked)-int(m.tick(s.lastPossible())), m.flightAge))
	} else {
		k.asked = 0
	}
	switch k.phase {
	case holding:
		k.tries, k.reauthorized = 0, false
		if !k.fresh {
			k.facts = facts{state: k.facts.state}
		}
	case finishing, overtaken, queued:
		k.tries, k.reauthorized = 0, false
	case idle, marking, ready, awaiting, waiting, asking, asked:
	}
	m.ageFacts(&k.facts, now, k.phase == marking || k.phase == ready)
	k.created = m.ageCreation(k.created, now)
	if m.clocks {
		k.readAt, k.newest, k.lasted = now-k.readAt-k.lasted, age(now, k.newest, m.keyAge), 0
	}
}

func sortWires(w *world) {
	slices.SortFunc(w.wires[:], func(a, b wire) int { return b.order() - a.order() })
}

func (r wire) order() int { return int(r.gen)<<8 | int(r.who)<<4 | int(r.left) }

// rename puts the workers in an order that does not depend on their names.
func (m *model) rename(c *world) {
	var by [maxCrew]uint64
	order := [maxCrew]uint8{0, 1, 2}
	for i := range m.crew {
		by[i] = maphash.Comparable(m.seed, c.workers[i])
	}
	slices.SortStableFunc(order[:m.crew], func(a, b uint8) int { return cmp.Compare(by[a], by[b]) })
	if order == [maxCrew]uint8{0, 1, 2} {
		return
	}
	was, name := c.workers, [dead + 1]uint8{dead: dead}
	for i, old := range order {
		c.workers[i], name[old+1] = was[old], uint8(i)+1
	}
	for g := range c.records {
		c.records[g].holder, c.backup[g].holder, c.server[g].who = name[c.records[g].holder], name[c.backup[g].holder], name[c.server[g].who]
	}
	for i := range c.wires {
		c.wires[i].who = name[c.wires[i].who]
	}
	sortWires(c)
}
