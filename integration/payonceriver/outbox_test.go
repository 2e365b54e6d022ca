package payonceriver_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// processes is the size of the fleet.
const processes = 3

// TestOutbox has a fleet take orders and pay them, in transactions of pgx and of database/sql, of which some are rolled back, while its
// processes are killed. What is in the provider's ledger in the end is what was committed, once each.
func TestOutbox(t *testing.T) {
	t.Parallel()
	orders, seed := number(t, "PAYONCE_ORDERS", 60), number(t, "PAYONCE_SEED", rand.IntN(1_000_000))
	t.Logf("PAYONCE_ORDERS=%d PAYONCE_SEED=%d", orders, seed)
	w := newTown(t)
	dices := rand.New(rand.NewPCG(uint64(seed), 0))
	w.bank.Script(simulator.Repeated(simulator.Only(simulator.LoseAnswer(), oneOf(50, seed)), -1), simulator.Repeated(simulator.HoldKey(10*time.Millisecond), -1))
	f := &fleet{town: w, orders: orders, seed: uint64(seed), news: make(chan event, processes), deaths: map[string]int{}}
	for slot := range f.running {
		f.launch(slot)
	}
	for w.count("select case when is_called then last_value else 0 end from order_number") <= orders {
		f.trouble(dices.IntN(processes), time.Duration(100+dices.IntN(500))*time.Millisecond)
	}
	f.calm()
	_, err := w.pool.Exec(t.Context(), "update river_leader set expires_at = now()") // nobody waits for the end of a dead leader's term
	require.NoError(t, err)
	w.eventually("all that was committed is paid", func() bool { return w.settled(orders) })
	f.dismiss()
	committed := w.judge(orders)
	t.Logf("%d orders were begun, %d committed and paid once; %d requests; processes died %v", orders, committed, len(w.bank.Requests()), f.deaths)
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// oneOf matches one payment in so many.
func oneOf(n, seed int) func(*http.Request) bool {
	lots := make(chan *rand.Rand, 1)
	lots <- rand.New(rand.NewPCG(uint64(seed), 1))
	return func(r *http.Request) bool {
		lot := <-lots
		defer func() { lots <- lot }()
		return r.Method == http.MethodPost && lot.IntN(n) == 0
	}
}

// fleet is the merchant's processes.
type fleet struct {
	*town

	orders  int
	seed    uint64
	started uint64
	running [processes]*process
	news    chan event
	// deaths counts them, by what they died of.
	deaths map[string]int
}

type process struct {
	*exec.Cmd

	input io.Closer
	// done says that it takes no more orders.
	done bool
}

// event is that a process takes no more orders, or its end with what it said last.
type event struct {
	slot int
	done bool
	said string
	err  error
}

func (f *fleet) launch(slot int) {
	f.t.Helper()
	f.started++
	text, err := json.Marshal(place{f.database, f.address, f.orders, f.seed<<16 + f.started})
	require.NoError(f.t, err)
	cmd := exec.CommandContext(f.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), placeVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	require.NoError(f.t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, cmd.Start())
	f.running[slot] = &process{Cmd: cmd, input: input}
	go func() {
		said := "at any time"
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if lines.Text() == noMore {
				f.news <- event{slot: slot, done: true}
				continue
			}
			said = lines.Text()
		}
		f.news <- event{slot: slot, said: said, err: cmd.Wait()}
	}()
}

// trouble lets some time pass, and then kills a process.
func (f *fleet) trouble(slot int, quiet time.Duration) {
	f.t.Helper()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case e := <-f.news:
			f.hear(e)
		case <-timer.C:
			if err := f.running[slot].Process.Kill(); !errors.Is(err, os.ErrProcessDone) { // it may have died by itself
				require.NoError(f.t, err)
			}
			for e := range f.news {
				if f.hear(e); e.slot == slot && !e.done {
					return
				}
			}
		}
	}
}

// hear replaces who died.
func (f *fleet) hear(e event) {
	f.t.Helper()
	if e.done {
		f.running[e.slot].done = true
		return
	}
	require.ErrorContains(f.t, e.err, "killed", "a process ended by itself")
	f.deaths[e.said]++
	f.launch(e.slot)
}

// calm waits until nobody takes orders any more.
func (f *fleet) calm() {
	f.t.Helper()
	for slices.ContainsFunc(f.running[:], func(p *process) bool { return !p.done }) {
		f.hear(<-f.news)
	}
}

// dismiss ends the processes in good order.
func (f *fleet) dismiss() {
	f.t.Helper()
	for _, p := range f.running {
		require.NoError(f.t, p.input.Close())
	}
	for range f.running {
		e := <-f.news
		require.NoError(f.t, e.err)
	}
}

// settled says that nothing is left to do.
func (w *town) settled(orders int) bool {
	w.t.Helper()
	open, _, err := w.store.List(w.t.Context(), payonce.Filter{Account: w.client.Account(), State: payonce.StateOpen, Limit: 1})
	require.NoError(w.t, err)
	return len(open) == 0 && w.paid() >= w.count("select count(*) from orders") && orders > 0
}

// judge compares the orders with the provider's ledger, the records and the jobs, and returns how many orders there are.
func (w *town) judge(orders int) (committed int) {
	w.t.Helper()
	made := map[string]string{}
	for _, e := range w.bank.Ledger().Entries() {
		reference := e.Metadata["payonce_ref"]
		assert.Equal(w.t, "payment", e.Kind)
		assert.Empty(w.t, made[reference], "%s was paid twice", reference)
		made[reference] = e.ID
	}
	for n := range orders {
		id, wanted := operation(w.client, reference(n+1)), 0
		if hasJob(n + 1) {
			wanted = 1
		}
		rec, err := w.store.Load(w.t.Context(), id, 0)
		jobs := w.count("select count(*) from river_job where args->>'Reference' = $1", id.Reference)
		if w.count("select count(*) from orders where reference = $1", id.Reference) == 0 {
			require.ErrorIs(w.t, err, payonce.ErrNotFound, "%s was never committed", id.Reference)
			assert.Zero(w.t, jobs, "%s was never committed", id.Reference)
			assert.NotContains(w.t, made, id.Ref(1), "%s was never committed", id.Reference)
			continue
		}
		committed++
		require.NoError(w.t, err, id.Reference)
		assert.Equal(w.t, wanted, jobs, id.Reference)
		assert.Equal(w.t, payonce.StateSucceeded, rec.State, "%s: %s", id.Reference, rec.Reason)
		require.Contains(w.t, made, id.Ref(1), "%s was not paid", id.Reference)
		assert.Equal(w.t, made[id.Ref(1)], rec.Outcome.ResourceID, id.Reference)
	}
	assert.Len(w.t, made, committed)
	return committed
}
