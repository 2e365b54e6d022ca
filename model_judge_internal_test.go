package payonce

// The judge looks at the provider's ledger, never at what the client believes.

// judge says which promise a state breaks, or "".
func (m *model) judge(n *world) string {
	if effects := n.server[0].effects + n.server[1].effects; effects > 1 && m.contract != stateful {
		return "the money moved twice"
	}
	if m.duplicatesOnly {
		return ""
	}
	for g := range n.records {
		rec, effect := &n.records[g], n.server[g].effects > 0
		switch {
		case rec.facts.is(StateSucceeded) && !effect:
			return "it is recorded as succeeded, and has no effect"
		case rec.facts.is(StateRejected, StateNotSent) && effect && (!rec.restored || rec.facts.final()):
			return "it is recorded as closed, and has an effect"
		}
	}
	return ""
}

func (m *model) fail(promise string) {
	if m.broken == "" {
		m.broken = promise
	}
}

// judgeAnswer is asked when a caller is told.
func (m *model) judgeAnswer(n *world, k *worker) {
	rec, effect := &n.records[k.gen-1], n.server[k.gen-1].effects > 0
	closed := k.facts.is(StateRejected, StateNotSent)
	switch {
	case m.duplicatesOnly:
	case k.facts.is(StateSucceeded) && !effect:
		m.fail("a caller is told of a success that there is not")
	case closed && effect:
		m.fail("a caller is told that it is closed, and it has an effect")
	case closed && rec.exists && !rec.facts.is(StateRejected, StateNotSent) && !m.moneyOnly:
		m.fail("a caller is told that it is closed, and that is not stored")
	}
}

// judgeSend is asked when a request leaves.
func (m *model) judgeSend(n *world, i int) {
	k := &n.workers[i]
	rec, a := &n.records[k.gen-1], &n.server[k.gen-1]
	deaths := 0
	for j := int(k.facts.count) - 1; j >= 0 && !k.facts.lines[j].ended; j-- {
		deaths++
	}
	switch {
	case deaths > maxDeaths:
		m.fail("one more process may die of it")
	case m.moneyOnly:
	case !rec.exists || (rec.facts.sent < k.facts.sent && !n.restored):
		m.fail("a request leaves, and its mark is not stored")
	case k.fresh && !rec.facts.is(StateOpen):
		m.fail("a request leaves for an operation that is not open")
	case a.status != unknown && m.life > 0 && int(n.now)+int(m.delay) >= int(a.at)+m.life:
		m.fail("a request leaves that may arrive when the key is forgotten")
	}
	for _, r := range n.wires {
		if r.gen != 0 && r.gen < k.gen && n.server[r.gen-1].status == unknown && !m.moneyOnly {
			m.fail("a new key is sent while a request with the old one may still be executed")
		}
	}
}

// judgeWrite is asked when a record is stored.
func (m *model) judgeWrite(k *worker, was, is *facts) {
	closed := was.is(StateRejected, StateNotSent)
	switch {
	case m.moneyOnly:
	case was.final() && is.state != was.state && !is.is(StateSucceeded):
		m.fail("what was final changed")
	case closed && is.is(StateOpen) && (!k.caller || k.opened):
		m.fail("what was closed is sent again, and nobody called again")
	case is.possible < 0 || is.reached < is.possible || is.sent < is.reached || is.sent < int8(is.count):
		m.fail("the record counts wrongly")
	}
}

// judgeStep is asked when the protocol has decided: nothing vanishes.
func (m *model) judgeStep(s *state, a action, e event) {
	now := latest(e.now, s.readAt.Add(e.elapsed))
	switch {
	case m.moneyOnly || a.do != doReturn:
	case s.State == StateInDoubt && s.Reason == "":
		m.fail("it is in doubt and nobody knows why")
	case s.State == StateOpen && (s.DueAt.IsZero() || s.DueAt.After(now.Add(max(maxLater, m.maxInFlight)))):
		m.fail("it is open and nobody will look at it again")
	}
}
