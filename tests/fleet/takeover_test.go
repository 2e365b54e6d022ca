//go:build unix

package fleet_test

import (
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// TestTheOperationsOfKilledProcessesAreTakenOverWithinASecondOfTheirLease measures up to three times: a busy machine may be slow once. Each
// process is killed while the provider, which has executed its payment, keeps the answer.
func TestTheOperationsOfKilledProcessesAreTakenOverWithinASecondOfTheirLease(t *testing.T) {
	t.Parallel()
	for range 3 {
		took := takeOver(t, 4)
		slices.Sort(took)
		middle, most := took[len(took)/2], took[len(took)-1]
		t.Logf("taken over and finished %s after the kill in the middle, %s at most", middle.Round(time.Millisecond), most.Round(time.Millisecond))
		if most < lease+time.Second {
			return
		}
	}
	t.Error("three times more than the lease and a second")
}

func takeOver(t *testing.T, processes int) (took []time.Duration) {
	t.Helper()
	host := server.Server(t)
	b := script(t, slices.Repeat([]simulator.Fault{simulator.Hang(true)}, processes)...)
	e := errand{Bank: b.url, Postgres: host.URL(), Schema: host.Schema(t), Lease: lease, Processes: processes, Operations: 2}
	openStore(t, openPool(t, e.Postgres), e.Schema)
	var children []*exec.Cmd
	for e.Process = range processes {
		child, _ := start(t, &e)
		children = append(children, child)
	}
	for end := time.Now().Add(patience); len(b.sim.Ledger().Entries()) < processes; pause(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the provider was not asked")
	}
	m, err := open(t.Context(), e.Bank, e.Postgres, e.Schema, lease)
	require.NoError(t, err)
	took = make([]time.Duration, processes)
	var killed time.Time
	var all sync.WaitGroup
	ready := make(chan struct{})
	for n := range processes {
		all.Go(func() {
			_, err := m.await(t.Context(), n)
			assert.NoError(t, err)
			<-ready
			took[n] = time.Since(killed)
		})
	}
	pause(lease / 2) // they wait for those who have the leases
	killed = time.Now()
	close(ready)
	for _, child := range children {
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
	}
	all.Wait()
	b.settle(m, processes, nil)
	assert.Greater(t, slices.Min(took), lease/4, "they were leased")
	return took
}
