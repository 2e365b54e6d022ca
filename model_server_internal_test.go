package payonce

// contract is what a provider does with a key that it has seen.
type contract uint8

const (
	storesAll  contract = iota // it keeps failures too: a refusal from behind the key check holds as long as the key
	storesMade                 // it keeps what it made; a refusal is forgotten, and the next request may be executed
	reference                  // for ever; a reference that exists is an error, and a failure may free it
	stateful                   // no key: a repeat finds nothing left to do
	forgetful                  // no key: a repeat is executed
)

// moods are what a provider may say instead of doing its work, and what may keep a request from reaching it.
type moods struct {
	refuses, throttles, unauthorized, redirects bool // before the key is looked at
	declines, rejects                           bool // after it
	taken                                       bool // the key is somebody else's
	unreachable, unsigned                       bool
	slow                                        bool // executing takes time, and others are told so meanwhile
}

// What a request comes to, as a provider's Classify puts it, and what a lookup finds.
const (
	nothing uint8 = iota
	says201       // done, or done before
	saysCut       // the same, but nobody knows what
	saysFailed
	saysRejected
	saysBad
	saysThrottled
	saysDenied
	saysDeclined
	saysNo
	saysInFlight
	saysReuse
	saysTaken
	saysRedirect
	saysLost
	saysNotSent
	saysUnsigned
	foundDone
	foundFailed
	foundNothing
	foundNoAnswer
)

// spoken is an answer: how a trace names it, and what the client makes of it.
type spoken struct {
	words   string
	verdict Verdict
	status  int
}

type spokenAnswers [foundNoAnswer + 1]spoken

func allAnswers() spokenAnswers {
	return spokenAnswers{
		says201:       {"success", Verdict{Class: ClassSucceeded}, 201},
		saysCut:       {"a truncated success", Verdict{Resend: true}, 201},
		saysFailed:    {"a document of what failed", Verdict{Class: ClassDeclined, Proven: true, KeySpent: true}, 201},
		saysRejected:  {"a stored refusal", Verdict{Class: ClassRefused, Proven: true, KeySpent: true}, 400},
		saysBad:       {"a refusal", Verdict{Class: ClassRefused}, 400},
		saysThrottled: {"429", Verdict{Class: ClassRefused, Resend: true}, 429},
		saysDenied:    {"401", Verdict{Class: ClassRefused, Reauthorize: true}, 401},
		saysDeclined:  {"a decline", Verdict{Class: ClassDeclined, KeySpent: true}, 409},
		saysNo:        {"a 2xx that says no", Verdict{Class: ClassDeclined, KeySpent: true}, 200},
		saysInFlight:  {"in flight", Verdict{Class: ClassInFlight, Resend: true}, 409},
		saysReuse:     {"that the reference exists", Verdict{Class: ClassReuse}, 409},
		saysTaken:     {"that the key is taken", Verdict{Class: ClassDuplicate}, 409},
		saysRedirect:  {"a redirect", Verdict{}, 302},
		saysLost:      {"nothing", Verdict{Resend: true}, 0},
		saysNotSent:   {"that nothing was sent", Verdict{Class: ClassNotSent, Resend: true}, 0},
		saysUnsigned:  {"that there are no credentials", Verdict{Class: ClassNotSent}, 0},
		foundDone:     {"found", Verdict{Class: ClassSucceeded}, 200},
		foundFailed:   {"found failed", Verdict{Class: ClassDeclined}, 200},
		foundNothing:  {"absent", Verdict{Class: ClassRefused}, 404},
		foundNoAnswer: {"no answer", Verdict{}, 302},
	}
}

// provide makes each move of the network and of the provider.
func (m *model) provide(w *world) {
	for j, r := range w.wires {
		if r.gen != 0 && (j == 0 || r != w.wires[j-1]) {
			m.arrive(&arrival{m, w, j, r})
		}
	}
	for g := range w.server {
		a := &w.server[g]
		switch {
		case a.status == executing:
			m.complete(w, g, "is executed at last", says201)
			if m.declines {
				m.complete(w, g, "fails at last", saysFailed)
			}
		case a.status != unknown && m.life > 0 && int(w.now)-int(a.at) >= m.life:
			m.try(w, nobody, "the provider forgets the key", func(n *world) { n.server[g].status, n.server[g].at = unknown, never })
		}
	}
}

// arrival is a request that reaches the provider.
type arrival struct {
	m *model
	w *world
	j int
	r wire
}

// gets is one way in which the provider may treat it.
func (a *arrival) gets(what string, reply uint8, change func(*account)) {
	a.m.try(a.w, nobody, what, func(n *world) {
		n.wires[a.j] = wire{}
		sortWires(n)
		if change != nil {
			change(&n.server[a.r.gen-1])
		}
		a.m.reply(n, a.r.who, reply)
	})
}

func (a *arrival) becomes(s status) func(*account) {
	return func(to *account) { to.status, to.at = s, a.w.now }
}

func (a *arrival) execute(to *account) {
	to.effects++
	to.status, to.at, to.moved = executed, a.w.now, a.w.now
}

// arrive makes each move that the provider has.
func (m *model) arrive(a *arrival) {
	m.turnAway(a)
	switch known := a.w.server[a.r.gen-1].status; {
	case known == executing:
		a.gets("the provider is at it", saysInFlight, nil)
	case (known == unknown || m.contract == forgetful) && m.slow:
		a.gets("the provider begins", nothing, func(to *account) {
			to.status, to.at, to.who, to.left = executing, a.w.now, a.r.who, a.r.left
		})
	case known == unknown || m.contract == forgetful:
		a.gets("the provider executes", says201, a.execute)
		m.decline(a)
	case m.contract == reference:
		a.gets("the provider finds that the reference exists", saysReuse, nil)
	case m.contract == stateful:
		a.gets("the provider finds nothing left to do", saysBad, nil)
		a.gets("the provider finds nothing left to do, and says so in a 2xx", saysNo, nil)
	case known == failed:
		a.gets("the provider repeats that it failed", saysFailed, nil)
	case known == refused:
		a.gets("the provider repeats its refusal", saysRejected, nil)
	default:
		a.gets("the provider repeats its answer", says201, nil)
	}
}

// turnAway is what comes before the key is looked at.
func (m *model) turnAway(a *arrival) {
	if m.refuses {
		a.gets("the provider refuses before it looks at the key", saysBad, nil)
	}
	if m.throttles {
		a.gets("the provider throttles", saysThrottled, nil)
	}
	if m.unauthorized {
		a.gets("the provider refuses the credentials", saysDenied, nil)
	}
	if m.redirects {
		a.gets("the provider redirects", saysRedirect, nil)
	}
	if m.taken {
		a.gets("the provider says that the key is taken", saysTaken, nil)
	}
}

// decline is what comes after it, instead of an effect.
func (m *model) decline(a *arrival) {
	if m.declines && m.contract <= reference {
		a.gets("the provider fails", saysFailed, a.becomes(failed))
	}
	switch {
	case !m.rejects:
	case m.contract == storesAll:
		a.gets("the provider refuses for ever", saysRejected, a.becomes(refused))
	case m.contract == reference:
		a.gets("the provider declines, and keeps the reference", saysDeclined, a.becomes(failed))
		a.gets("the provider declines, and frees the reference", saysDeclined, nil)
	default:
		a.gets("the provider refuses this time", saysBad, nil)
	}
}

// complete ends what takes time.
func (m *model) complete(w *world, g int, what string, reply uint8) {
	m.try(w, nobody, what, func(n *world) {
		a := &n.server[g]
		m.reply(n, a.who, reply)
		if a.status, a.who, a.left = failed, 0, 0; reply == says201 {
			a.status, a.moved = executed, n.now
			a.effects++
		}
	})
}

// reply goes to whoever waits.
func (m *model) reply(n *world, who, reply uint8) {
	if who == 0 {
		return
	}
	if k := &n.workers[who-1]; k.phase == awaiting {
		k.reply = reply
	}
}

// leave is the last moment before the wire.
func (m *model) leave(w *world, i int) {
	k := w.workers[i]
	s := m.state(&k)
	now, marked := m.time(m.wall(w)), s.LastAt
	if m.clocks {
		marked = m.time(k.marked)
		now = latest(now, m.time(k.readAt+k.lasted))
	}
	if !now.Before(m.leaveBefore(s, marked)) && !m.without.gate {
		m.try(w, i, comesTooLate, func(n *world) { m.answered(n, i, saysLost) })
		m.try(w, i, provenLate, func(n *world) { m.answered(n, i, saysNotSent) })
		return
	}
	m.try(w, i, sends, func(n *world) { m.put(n, i) })
	if m.unreachable {
		m.try(w, i, isCutOff, func(n *world) { m.answered(n, i, saysNotSent) })
	}
	if m.unsigned {
		m.try(w, i, cannotSign, func(n *world) { m.answered(n, i, saysUnsigned) })
	}
}

// put is a request on the wire.
func (m *model) put(n *world, i int) {
	k := &n.workers[i]
	k.marked = 0
	m.judgeSend(n, i)
	for free := range m.width {
		if n.wires[free].gen == 0 {
			n.wires[free] = wire{gen: k.gen, who: uint8(i) + 1, left: m.delay}
			k.phase = awaiting
			sortWires(n)
			return
		}
	}
	m.cut = true
}

// hear is the end of an attempt.
func (m *model) hear(w *world, i int) {
	if reply := w.workers[i].reply; reply != nothing {
		m.tryAbout(w, i, hears, reply, func(n *world) { m.answered(n, i, reply) })
		if m.answers[reply].status/100 == 2 {
			m.tryAbout(w, i, hears, saysCut, func(n *world) { m.answered(n, i, saysCut) })
		}
	}
	m.tryAbout(w, i, hears, saysLost, func(n *world) { m.answered(n, i, saysLost) })
	if m.without.attribution {
		m.tryAbout(w, i, hears, saysBad, func(n *world) { m.answered(n, i, saysBad) })
	}
}

// answered closes the line in the ledger, as run.send does.
func (m *model) answered(n *world, i int, reply uint8) {
	m.orphan(n, i)
	n.workers[i].marked = 0
	said, f := &m.answers[reply], &n.workers[i].facts
	f.lines[f.count-1].class, f.lines[f.count-1].ended = uint8(said.verdict.Class), true
	m.settle(n, i, event{kind: answered, verdict: said.verdict, status: said.status})
}

// ask looks it up. What was made shows after a lag.
func (m *model) ask(w *world, i int) {
	a := &w.server[w.workers[i].gen-1]
	find := func(reply uint8) {
		m.tryAbout(w, i, looksUp, reply, func(n *world) {
			k := &n.workers[i]
			k.phase, k.reply, k.asked, k.askedUnsure = asked, reply, m.wall(n), k.unsure
			if m.without.askedUnsure {
				k.askedUnsure = 0
			}
		})
	}
	switch {
	case a.effects > 0:
		find(foundDone)
		if int(w.now)-int(a.moved) < m.lag {
			find(foundNothing)
		}
	case a.status == failed:
		find(foundFailed)
	default:
		find(foundNothing)
	}
	find(foundNoAnswer)
}
