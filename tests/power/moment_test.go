package power_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// workload is a trace and its parts.
type workload struct {
	events   []event
	sections []section
}

// section is a part of the workload: from its first event to its last, and moments of interest among them.
type section struct {
	name       string
	begin, end int
	told       []int // right after a process was told something
	tender     []int // right before a flush or after a name or a size has changed
}

func newWorkload(t *testing.T, events []event) *workload {
	t.Helper()
	w := &workload{events: events}
	for n, e := range events {
		if e.Op == opSay && e.Said[0] == saidSection {
			w.sections = append(w.sections, section{name: e.Said[1], begin: n})
		}
		require.NotEmpty(t, w.sections, "the trace begins with a section")
		s := &w.sections[len(w.sections)-1]
		s.end = n + 1
		switch e.Op {
		case opSay:
			if e.Said[0] == saidDone || e.Said[0] == saidOpened {
				s.told = append(s.told, n+1)
			}
		case opSync:
			s.tender = append(s.tender, n)
		case opCreate, opMkdir, opRemove, opTruncate:
			s.tender = append(s.tender, n+1)
		case opWrite:
		}
	}
	return w
}

// choose returns a moment: each section and each kind of moment has the same share.
func (w *workload) choose(rnd *rand.Rand) int {
	s := w.sections[rnd.IntN(len(w.sections))]
	switch rnd.IntN(3) {
	case 0:
		return s.told[rnd.IntN(len(s.told))]
	case 1:
		return s.tender[rnd.IntN(len(s.tender))]
	}
	return s.begin + rnd.IntN(s.end-s.begin) + 1
}
