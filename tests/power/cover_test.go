package power_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A trace that has lost a part of the workload would leave all tests green.
func TestTheTraceHoldsAllThatAStoreDoes(t *testing.T) {
	events := recorded(t)
	w := newWorkload(t, events)
	var names []string
	for _, s := range w.sections {
		names = append(names, s.name)
		assert.NotEmpty(t, s.told, s.name)
		assert.NotEmpty(t, s.tender, s.name)
	}
	assert.Equal(t, []string{"first", "left+right", "later", "long", "recover"}, names)

	const wal, page = database + "-wal", 4096
	seen, size := map[string]int{}, int64(0)
	at := func(n int) string {
		return names[slices.IndexFunc(w.sections, func(s section) bool { return n < s.end })]
	}
	for n, e := range events {
		switch {
		case e.Name == wal && e.Op == opWrite:
			if e.Offset == 0 && size > 1000*page {
				seen["a long -wal file is begun anew"]++
			}
			size = max(size, e.Offset+int64(len(e.Data)))
		case e.Name == wal && e.Op == opTruncate && e.Size == 0 && size > 0:
			seen["the -wal file is emptied"]++
			size = 0
		case e.Name == wal && e.Op == opRemove:
			seen["the -wal file is removed"]++
			size = 0
		case e.Name == wal && e.Op == opCreate:
			seen["the -wal file is made"]++
		case e.Name == database && e.Op == opWrite:
			seen["checkpoint in "+at(n)]++
		case e.Op == opSay && e.Said[0] == saidSection:
			assert.Equal(t, e.Said[1] == "recover", size > 0, "only one section begins with a -wal file: %s", e.Said[1])
		case e.Op == opSay && e.Said[0] == saidOpened:
			seen["open in "+at(n)]++
		}
	}
	for what, least := range map[string]int{
		"a long -wal file is begun anew": 2, "the -wal file is emptied": 1, "the -wal file is removed": 4, "the -wal file is made": 4,
		"checkpoint in first": 1, "checkpoint in long": 300, "checkpoint in recover": 100, "checkpoint in left+right": 1, "checkpoint in later": 1,
		"open in first": 1, "open in long": 1, "open in recover": 1, "open in left+right": 2, "open in later": 1,
	} {
		assert.GreaterOrEqual(t, seen[what], least, what)
	}
}

func TestTheTraceIsOfTheStoreAsItIs(t *testing.T) {
	events := recorded(t)
	last := events[len(events)-1]
	require.Equal(t, saidMade, last.Said[0])
	assert.Equal(t, current(t), last.Said[1],
		"the engine, its settings or the schema have changed: record anew on Linux with PAYONCE_STRACE=1 go test -count=1 ./tests/power")
}
