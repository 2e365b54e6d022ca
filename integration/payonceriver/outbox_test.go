package payonceriver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// processes is the size of the fleet.
const processes = 3

// TestOutbox has a fleet take orders and pay them, in transactions of which some are rolled back, while its processes are killed. What is
// in the provider's ledger in the end is what was committed, once each.
func TestOutbox(t *testing.T) {
	t.Parallel()
	orders, seed := number(t, "PAYONCE_ORDERS", 200), number(t, "PAYONCE_SEED", rand.IntN(1_000_000))
	t.Logf("PAYONCE_ORDERS=%d PAYONCE_SEED=%d", orders, seed)
	w := newTown(t)
	dices := rand.New(rand.NewPCG(uint64(seed), 0))
	w.bank.Script(simulator.Repeated(simulator.Only(simulator.LoseAnswer(), oneOf(50, seed)), -1), simulator.Repeated(simulator.HoldKey(10*time.Millisecond), -1))
	f := &fleet{town: w, orders: orders, seed: uint64(seed), ends: make(chan end, processes), deaths: map[string]int{}}
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
	ends    chan end
	// deaths counts them, by what they died of.
	deaths map[string]int
}

type process struct {
	*exec.Cmd

	input io.Closer
}

// end is how a process ended, and what it said before.
type end struct {
	slot int
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
	var said strings.Builder
	cmd.Stdout = &said
	require.NoError(f.t, cmd.Start())
	f.running[slot] = &process{cmd, input}
	go func() {
		err := cmd.Wait()
		f.ends <- end{slot, said.String(), err}
	}()
}

// trouble lets some time pass, and then kills a process. Who dies meanwhile is replaced.
func (f *fleet) trouble(slot int, quiet time.Duration) {
	f.t.Helper()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case e := <-f.ends:
			f.replace(e)
		case <-timer.C:
			require.NoError(f.t, f.running[slot].Process.Kill())
			for e := range f.ends {
				if f.replace(e); e.slot == slot {
					return
				}
			}
		}
	}
}

func (f *fleet) replace(e end) {
	f.t.Helper()
	require.ErrorContains(f.t, e.err, "killed", "a process ended by itself")
	if e.said == "" {
		e.said = "at any time"
	}
	f.deaths[strings.TrimSpace(e.said)]++
	f.launch(e.slot)
}

// calm replaces who died of its last orders.
func (f *fleet) calm() {
	f.t.Helper()
	for quiet := time.NewTimer(time.Second); ; {
		select {
		case e := <-f.ends:
			f.replace(e)
		case <-quiet.C:
			return
		}
	}
}

// dismiss ends the processes in good order.
func (f *fleet) dismiss() {
	f.t.Helper()
	for _, p := range f.running {
		require.NoError(f.t, p.input.Close())
	}
	for range f.running {
		e := <-f.ends
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
		id := operation(w.client, fmt.Sprint("order-", n+1))
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
		assert.Equal(w.t, 1, jobs, id.Reference)
		assert.Equal(w.t, payonce.StateSucceeded, rec.State, "%s: %s", id.Reference, rec.Reason)
		require.Contains(w.t, made, id.Ref(1), "%s was not paid", id.Reference)
		assert.Equal(w.t, made[id.Ref(1)], rec.Outcome.ResourceID, id.Reference)
	}
	assert.Len(w.t, made, committed)
	return committed
}
