package power_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inOrder says whether all that was acknowledged was flushed before, by the order of writes and flushes alone (P1): an acknowledged
// write has written to the -wal file since it began, nothing that was written is unflushed, and the names of the files will last.
// It returns how many acknowledgements it looked at: those of the sections in which one process writes, which waits for each answer.
func inOrder(events []event) (looked int, err error) {
	d := newDisk()
	alone, wrote := false, map[string]bool{} // wrote: whether the -wal file was written to since that was begun
	for n := range events {
		e := &events[n]
		d.step(e)
		switch {
		case e.Op == opWrite && e.Name == database+"-wal":
			for begun := range wrote {
				wrote[begun] = true
			}
		case e.Op != opSay:
		case e.Said[0] == saidSection:
			alone = !strings.Contains(e.Said[1], "+")
		case e.Said[0] == saidTries:
			wrote[fmt.Sprint(e.Said[1:])] = false
		case e.Said[0] == saidDone && alone:
			looked++
			if !wrote[fmt.Sprint(e.Said[1:])] {
				return looked, fmt.Errorf("event %d: %v was acknowledged and never written", n, e.Said)
			}
			if err := d.flushed(); err != nil {
				return looked, fmt.Errorf("event %d: %v was acknowledged: %w", n, e.Said, err)
			}
		}
	}
	return looked, nil
}

// flushed says what of the database would not last.
func (d *disk) flushed() error {
	for _, name := range []string{database, database + "-wal"} {
		if !d.lasts(name) {
			return fmt.Errorf("the name %s would not last", name)
		}
		for _, c := range d.pending {
			if c.in == d.current[name] && c.Op == opWrite {
				return fmt.Errorf("not flushed: %v", c.event)
			}
		}
	}
	return nil
}

func TestEveryAcknowledgementFollowsAFlush(t *testing.T) {
	events := recorded(t)
	looked, err := inOrder(events)
	require.NoError(t, err)
	assert.Greater(t, looked, 300)
	t.Logf("%d acknowledgements", looked)

	for what, drop := range map[string]func(n int, e *event) bool{
		"one flush of the -wal file": func(n int, e *event) bool {
			next := events[min(n+1, len(events)-1)]
			return e.Op == opSync && next.Op == opSay && slices.Contains(next.Said, "order-150/1")
		},
		"the flushes of directories": func(_ int, e *event) bool { return e.Op == opSync && !strings.HasPrefix(e.Name, database) },
		"the writes":                 func(_ int, e *event) bool { return e.Op == opWrite },
	} {
		_, err := inOrder(without(events, drop))
		require.Error(t, err, "without %s", what)
		t.Logf("without %s: %v", what, err)
	}
}

// without returns a trace in which some events did not happen.
func without(events []event, drop func(n int, e *event) bool) (left []event) {
	gone := make([]int, len(events)+1) // how many of the first n are
	for n := range events {
		gone[n+1] = gone[n]
		if drop(n, &events[n]) {
			gone[n+1]++
			continue
		}
		e := events[n]
		e.Began -= gone[e.Began]
		left = append(left, e)
	}
	return left
}
