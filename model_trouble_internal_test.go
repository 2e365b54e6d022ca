package payonce

// pass lets time pass: requests that lived long enough are lost.
func (m *model) pass(w *world) {
	if w.now >= m.horizon || m.latest(w) == 0 {
		return
	}
	for g := range w.server {
		if w.server[g].status == executing && w.server[g].left == 0 {
			return // by now it is over
		}
	}
	m.try(w, nobody, timePasses, func(n *world) { m.elapse(n, nobody) })
	if !m.clocks || w.jumps >= m.maxJumps {
		return
	}
	m.try(w, nobody, "time passes, and the host slept", func(n *world) {
		n.jumps++
		m.elapse(n, everybody)
	})
}

const (
	nobody    = -1
	everybody = -2
)

func (m *model) elapse(n *world, asleep int) {
	n.now++
	for j := range n.wires {
		switch r := &n.wires[j]; {
		case r.gen != 0 && r.left == 0:
			*r = wire{}
		case r.gen != 0:
			r.left--
		}
	}
	sortWires(n)
	for g := range n.server {
		if n.server[g].status == executing {
			n.server[g].left--
		}
	}
	for i := range m.crew {
		switch k := &n.workers[i]; {
		case !m.clocks:
		case asleep == everybody:
			m.part(n, k)
		default:
			if k.unsure, k.top = max(0, k.unsure-1), k.top+1; k.phase != idle {
				k.lasted++
			}
		}
	}
}

// part is when a process notices that its two clocks went apart: it reads them whenever it decides, and recovery does all the time.
func (m *model) part(n *world, k *worker) {
	k.unsure, k.top = int8(m.patience), max(k.top, m.wall(n))
}

// wall is the time by the host's wall clock.
func (m *model) wall(n *world) tick { return n.now + n.wrong }

// disturb sets clocks, ends leases, and puts the store back.
func (m *model) disturb(w *world) {
	for g := range w.records {
		if w.records[g].live {
			m.try(w, nobody, leaseRunsOut, func(n *world) { n.records[g].live = false })
		}
	}
	if m.clocks {
		m.setClock(w)
	}
	switch m.backup {
	case durable:
	case unsynced:
		if w.backedUp && w.backup != w.records {
			m.try(w, nobody, "what was stored becomes durable", func(n *world) { n.backup = n.records })
			m.try(w, nobody, "power fails", func(n *world) { m.putBack(n, false) })
		}
	case backedUp:
		m.backUp(w)
	}
}

// setClock sets the host's wall clock wrong by more than anything took, and right again.
func (m *model) setClock(w *world) {
	set := func(what string, by int, counts uint8) {
		m.try(w, nobody, what, func(n *world) {
			n.jumps += counts
			n.wrong += int8(by)
			for i := range m.crew {
				m.part(n, &n.workers[i])
			}
		})
	}
	switch {
	case w.wrong != 0:
		set("the clock is put right", -int(w.wrong), 0)
	case w.jumps < m.maxJumps:
		set("the clock is set back", -m.jump, 1)
		set("the clock is set forward", m.jump, 1)
	}
}

func (m *model) backUp(w *world) {
	switch {
	case w.restored:
	case !w.backedUp && w.records[0].exists:
		m.try(w, nobody, makesBackup, func(n *world) { n.backup, n.backedUp = n.records, true })
	case w.backedUp && w.backup != w.records:
		m.try(w, nobody, restoresIt, func(n *world) {
			m.putBack(n, !m.without.witness)
			n.restored, n.backup = true, [2]record{}
		})
	}
}

// putBack makes an earlier state of the store the present one, which says so if it may have forgotten a mark.
func (m *model) putBack(n *world, says bool) {
	forgot := false
	for g := range n.records {
		forgot = forgot || n.backup[g].facts.sent < n.records[g].facts.sent
	}
	n.records = n.backup
	for g := range n.records {
		rec := &n.records[g]
		rec.restored = rec.restored || (rec.exists && forgot && says)
	}
	for i := range m.crew {
		m.crash(n, i)
	}
}
