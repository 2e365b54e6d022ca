package tests_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// The clock matrix sets wall clocks wrong (F80 to F84) at each step of an operation's life, with each provider, and looks at the operation
// again shortly and after the key's life, by the same process and by a new one, while the clock is still wrong and after it was set right.
// The provider's clock is the truth and its ledger the judge.
//
// PAYONCE_CLOCKS=all runs all of it, plain tests some that PAYONCE_SEED chooses. A failure prints the case's name; PAYONCE_CLOCK runs the
// cases whose names contain it.

const (
	day  = 24 * time.Hour
	year = 365 * day
	// inFlight is when a request arrives that the network held up: within Retry.MaxInFlight, less what sane clocks may differ by.
	inFlight = 3*time.Minute + 50*time.Second
	// shortly and settled are when an operation is looked at again: with that request still on its way, and after it.
	shortly, settled = 2 * time.Minute, 10 * time.Minute
)

// step is a step of an operation's life.
type step string

const (
	beforeClaim    step = "before the claim"
	afterMark      step = "after the mark"
	whileDialing   step = "while dialing"
	onTheWire      step = "on the wire"
	beforeStoring  step = "before the outcome is stored"
	betweenTries   step = "between two attempts"
	afterRetryMark step = "after a retry's mark"
	beforeRecovery step = "before recovery" // by the same process, or while none runs
	beforeResolve  step = "before Resolve"
)

func steps() []step {
	return []step{beforeClaim, afterMark, whileDialing, onTheWire, beforeStoring, betweenTries, afterRetryMark, beforeRecovery, beforeResolve}
}

// trouble is why the first call does not learn what became of the operation.
type trouble string

const (
	answerLost trouble = "answer lost"
	delayed    trouble = "request delayed in flight"
	serverDown trouble = "server down"
)

func (tr trouble) faults() []simulator.Fault {
	down := simulator.Repeated(simulator.Unavailable(), -1)
	switch tr {
	case answerLost:
		return []simulator.Fault{simulator.Repeated(simulator.LoseAnswer(), -1)}
	case delayed:
		return []simulator.Fault{simulator.DeliverLater(0), down}
	case serverDown:
	}
	return []simulator.Fault{down}
}

// upset is one case.
type upset struct {
	d       *dialect
	trouble trouble
	at      step
	// by is how far the wall clock jumps. asleep says that it was right to: the host was suspended, and its monotonic clock stood still.
	by     time.Duration
	asleep bool
	// reset is the wall clock's time at a restart, if set: of a machine without a battery.
	reset time.Time
	// late looks again only after the key's life; anew does it from a new process, and right with the clock set right just before.
	late, anew, right bool
}

func (u *upset) name() string {
	words := []string{u.d.name, string(u.trouble)}
	switch {
	case !u.reset.IsZero():
		words = append(words, "clock reset to "+u.reset.Format("2006"))
	case u.asleep:
		words = append(words, "host suspended for "+u.by.String())
	case u.by < 0:
		words = append(words, "clock back by "+(-u.by).String())
	default:
		words = append(words, "clock forward by "+u.by.String())
	}
	words[len(words)-1] += " " + string(u.at)
	looked := "looked at shortly"
	if u.late {
		looked = "looked at after the key's life"
	}
	if looked += " by the same process"; u.anew {
		looked = strings.Replace(looked, "the same", "a new", 1)
	}
	if u.right {
		looked += ", clock set right before"
	}
	return strings.Join(append(words, looked), ", ")
}

// upsets are all cases.
func upsets() []*upset {
	sizes := []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 12 * time.Hour, 30 * time.Hour, 40 * day, year}
	resets := []time.Time{time.Unix(0, 0).UTC(), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	var all []*upset
	for _, d := range dialects() {
		for _, tr := range []trouble{answerLost, delayed, serverDown} {
			for n := range 8 {
				late, anew, right := n&1 > 0, n&2 > 0, n&4 > 0
				base := upset{d: &d, trouble: tr, late: late, anew: anew, right: right}
				for _, at := range steps() {
					for _, size := range sizes {
						for _, by := range []time.Duration{size, -size} {
							u := base
							u.at, u.by = at, by
							all = append(all, &u)
						}
						if u := base; !right && !anew {
							u.at, u.by, u.asleep = at, size, true
							all = append(all, &u)
						}
					}
				}
				for _, reset := range resets {
					if u := base; anew {
						u.at, u.reset = beforeRecovery, reset
						all = append(all, &u)
					}
				}
			}
		}
	}
	return all
}

func TestWrongClocks(t *testing.T) {
	t.Parallel()
	const batch = 64
	chosen, residual := chosenUpsets(t), &residues{names: map[string]int{}}
	t.Run("cases", func(t *testing.T) {
		for cases := range slices.Chunk(chosen, batch) {
			t.Run(cases[0].name(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					advance(time.Until(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)))
					for _, u := range cases {
						newUpsetWorld(t, u, residual).run()
						if t.Failed() {
							t.Fatalf("again: PAYONCE_CLOCK='%s' go test -run TestWrongClocks ./tests", u.name())
						}
					}
				})
			})
		}
	})
	names := slices.Sorted(maps.Keys(residual.names))
	t.Logf("%d cases; in %d the clock's error could not be noticed and did harm:", len(chosen), residual.total())
	for _, name := range names {
		t.Logf("  %d: %s", residual.names[name], name)
	}
	if os.Getenv("PAYONCE_CLOCKS") == "all" {
		assert.Equal(t, []string{wasAhead, isAhead, isBack}, names, "what is not noticed is documented; no more, and no less")
	}
}

// TestHostsWhoseClocksDiffer lets one host begin and another one, with another clock, go on, and the first one again (F83).
func TestHostsWhoseClocksDiffer(t *testing.T) {
	t.Parallel()
	apart := []time.Duration{-10 * time.Minute, -2 * time.Minute, -time.Minute, -time.Second, time.Second, time.Minute, 2 * time.Minute, 10 * time.Minute}
	residual := &residues{names: map[string]int{}}
	t.Run("cases", func(t *testing.T) {
		for _, d := range dialects() {
			for _, by := range apart {
				t.Run(d.name+" "+by.String(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						for _, tr := range []trouble{answerLost, delayed, serverDown} {
							for _, age := range []time.Duration{time.Second, shortly, inFlight - time.Second, settled, 21 * time.Hour, 0} {
								for _, at := range []step{beforeRecovery, beforeResolve} {
									hostsApart(t, &upset{d: &d, trouble: tr, at: at}, by, age, residual)
								}
							}
						}
					})
				})
			}
		}
	})
	for name, n := range residual.names {
		t.Logf("%d: %s", n, name)
		assert.Equal(t, isAhead, name)
	}
}

// hostsApart is one case; an age of 0 is after the key's life.
func hostsApart(t *testing.T, u *upset, by, age time.Duration, residual *residues) {
	t.Helper()
	w := newUpsetWorld(t, u, residual)
	w.name = fmt.Sprintf("%s, %s, the other host's clock is ahead by %s, it looks after %s %s", u.d.name, u.trouble, by, age, u.at)
	w.begin()
	first, second := w.host, newHost(w.host.KeyStore)
	second.set(by)
	if age == 0 {
		age = w.later()
	}
	w.until(age)
	for range 2 {
		w.host = second
		_ = w.find(w.process(), "on the other host", true)
		w.pass(time.Minute)
		if w.harmed {
			return
		}
		w.unchanged("on the first host")
		w.host = first
		_ = w.find(w.first, "on the first host", true)
		w.pass(3 * time.Minute)
		w.sim.DeliverHeld()
		w.unchanged("on the other host")
	}
	w.settle()
}

func chosenUpsets(t *testing.T) []*upset {
	t.Helper()
	all := upsets()
	if part := os.Getenv("PAYONCE_CLOCK"); part != "" {
		all = slices.DeleteFunc(all, func(u *upset) bool { return !strings.Contains(u.name(), part) })
		require.NotEmpty(t, all, "no case has this name")
		return all
	}
	if os.Getenv("PAYONCE_CLOCKS") == "all" {
		return all
	}
	seed := number(t, "PAYONCE_SEED", 1)
	t.Log("PAYONCE_SEED is", seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:len(all)/16]
}

// residues are the errors of clocks that no client can notice, by name.
type residues struct {
	mu    sync.Mutex
	names map[string]int
}

func (r *residues) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[name]++
}

func (r *residues) total() (n int) {
	for _, times := range r.names {
		n += times
	}
	return n
}
