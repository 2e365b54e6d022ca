package tests_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// The exhaustive test leaves nothing to chance: every fault of the catalogue, and none, with a process that dies at every moment that a
// payment or a refund under this fault comes to. What these moments are is seen in a first run in which nobody dies.
//
// PAYONCE_EXHAUSTIVE=single runs all of it, PAYONCE_EXHAUSTIVE=pairs every two faults one after the other, for the payments of two
// providers; otherwise one in every so many of the first is run. PAYONCE_SHARD=2/8 runs the second of eight parts, PAYONCE_POINT only the crash of this
// name, as a failure prints it.

// thinned is of how many crashes a plain run tries one.
const thinned = 61

// What a trial is about.
const (
	aPayment = "payment"
	aRefund  = "refund"
)

// costly is a fault of 11 MiB.
const costly = "oversized-headers"

// extent is how much is run.
type extent struct {
	pairs     bool
	every     int // one in so many
	shard, of int
	point     string
}

func extentOf(t *testing.T) extent {
	t.Helper()
	e := extent{every: thinned, shard: 1, of: 1, point: os.Getenv("PAYONCE_POINT")}
	switch how := os.Getenv("PAYONCE_EXHAUSTIVE"); how {
	case "":
	case "single":
		e.every = 1
	case "pairs":
		e.every, e.pairs = 1, true
	default:
		require.Failf(t, "PAYONCE_EXHAUSTIVE", "%q is neither single nor pairs", how)
	}
	if e.point != "" {
		e.every = 1
	}
	if shard := os.Getenv("PAYONCE_SHARD"); shard != "" {
		_, err := fmt.Sscanf(shard, "%d/%d", &e.shard, &e.of)
		require.NoError(t, err, "PAYONCE_SHARD")
		require.True(t, 1 <= e.shard && e.shard <= e.of, "PAYONCE_SHARD")
	}
	return e
}

func TestEveryFaultAtEveryCrashPoint(t *testing.T) {
	t.Parallel()
	e := extentOf(t)
	for _, d := range dialects() {
		if e.pairs && d.name != "truelayer" && d.name != "midaspay" {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := &survey{extent: e, t: t, d: &d, reached: map[moment]int{}, died: map[moment]int{}}
			for i, faults := range e.faults() {
				for _, what := range e.subjects() {
					if i%e.of != e.shard-1 || !e.named(d.name, what, faults) || t.Failed() {
						continue
					}
					synctest.Test(t, func(t *testing.T) { s.fault(t, what, faults) })
				}
			}
			s.sum()
		})
	}
}

func (e *extent) subjects() []string {
	if e.pairs {
		return []string{aPayment}
	}
	return []string{aPayment, aRefund}
}

// named says that the name of the crash to run has these faults in it.
func (e *extent) named(provider, what string, faults []simulator.Specimen) bool {
	return e.point == "" || strings.HasPrefix(e.point, strings.TrimSuffix(nameOf(provider, what, faults, crash{}), crash{}.String()))
}

// faults are what is scripted together, in order. Pairs leave out what leaves nothing to the second fault, and what is costly.
func (e *extent) faults() [][]simulator.Specimen {
	var catalogue []simulator.Specimen
	for _, f := range simulator.AllFaults() {
		if !slices.Contains(brokenPromises(), f.Name) {
			catalogue = append(catalogue, f)
		}
	}
	all := [][]simulator.Specimen{nil}
	for _, f := range catalogue {
		if !e.pairs {
			all = append(all, []simulator.Specimen{f})
			continue
		}
		for _, g := range catalogue {
			if !f.Lasting && f.Name != costly && g.Name != costly {
				all = append(all, []simulator.Specimen{f, g})
			}
		}
	}
	return all
}

// survey is what was run for one provider.
type survey struct {
	extent

	t             *testing.T
	d             *dialect
	faults        int
	cases, ran    int
	reached, died map[moment]int
}

// fault runs the faults with all their crashes.
func (s *survey) fault(t *testing.T, what string, faults []simulator.Specimen) {
	t.Helper()
	s.faults++
	for _, c := range s.crashes(s.run(t, what, faults, crash{})) {
		s.cases++
		if s.cases%s.every == 0 && (s.point == "" || s.point == nameOf(s.d.name, what, faults, c)) && !t.Failed() {
			s.run(t, what, faults, c)
		}
	}
}

// crashes are those that a run without one leads to.
func (s *survey) crashes(x *trial) []crash {
	simple := s.pairs || slices.ContainsFunc(x.faults, func(f simulator.Specimen) bool { return f.Name == costly })
	var all []crash
	for _, at := range crashPoints() {
		n := x.met[at]
		if n == 0 {
			continue
		}
		all = append(all, crash{at, 1, soon})
		if n > 1 && !after(at) {
			all = append(all, crash{at, 2, soon})
		}
		if simple {
			continue
		}
		all = append(all, crash{at, 1, twice})
		if x.w.provider.Profile().KeyLife > 0 {
			all = append(all, crash{at, 1, late})
		}
	}
	all = append(all, crash{atPrepared, 1, soon})
	if simple || x.faults == nil {
		return all
	}
	for _, at := range []moment{atFirstByte, atLastByte, atExecuted, atStatus, atHalf, atRead, atStoring} {
		all = append(all, crash{at, 1, later})
	}
	return all
}

// after says that the moment comes when the outcome is known and stored.
func after(at moment) bool {
	return slices.Contains([]moment{atStored, atTold, atPurging, atPurged}, at)
}

func (s *survey) run(t *testing.T, what string, faults []simulator.Specimen, c crash) *trial {
	t.Helper()
	x := newTrial(t, s.d, steady{memstore.New()}, what, faults, c)
	x.run()
	s.ran++
	for m, n := range x.met {
		s.reached[m] += n
	}
	if x.deaths > 0 {
		s.died[c.at] += x.deaths
	}
	if len(x.found) > 0 {
		t.Errorf("%s\n  %s\n%s", x.name(), strings.Join(x.found, "\n  "), x.story(x.op.id))
	}
	return x
}

// sum says what was run, and that no crash point was left out.
func (s *survey) sum() {
	if s.t.Failed() {
		s.t.Logf("again: PAYONCE_EXHAUSTIVE=%s PAYONCE_POINT='the name above' go test -run 'TestEveryFaultAtEveryCrashPoint/%s' ./tests", os.Getenv("PAYONCE_EXHAUSTIVE"), s.d.name)
		return
	}
	deaths := 0
	for _, n := range s.died {
		deaths += n
	}
	s.t.Logf("%d sets of faults, %d crashes of which %d were run, %d deaths: %v", s.faults, s.cases, s.ran-s.faults, deaths, s.died)
	for _, at := range crashPoints() {
		if s.point == "" && s.of == 1 && (s.reached[at] == 0 || (s.every == 1 && s.died[at] == 0)) {
			s.t.Errorf("%s was never reached", at)
		}
	}
}

// steady is a store in memory that says that it outlasts everything, as it does the processes of a test. Otherwise a key's age would be
// counted from the record's creation, and a mark that is missing would not be missed.
type steady struct{ payonce.KeyStore }

func (steady) Durability() payonce.Durability {
	return payonce.Durability{Process: true, Power: true, Text: "outlasts the processes of a test"}
}
