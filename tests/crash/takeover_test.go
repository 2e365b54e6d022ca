//go:build unix

package crash_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// promised is how long after a kill -9 somebody else has finished the operation, however long the dead one's lease.
const promised = time.Second

// TestTheOperationOfAKilledProcessIsTakenOverWithinASecond measures up to three times: a busy machine may be slow once.
func TestTheOperationOfAKilledProcessIsTakenOverWithinASecond(t *testing.T) {
	t.Parallel()
	for name, takeOver := range map[string]func(*testing.T, *merchant, func()) time.Duration{
		"by a call that was waiting for it": takenOverByCall, "by Recover right after": takenOverByRecover,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var took time.Duration
			for range 3 {
				b := newBank(t, "miracle")
				b.sim.Script(simulator.Hang(true))
				holder := b.child(errand{Role: "call", Wants: []int{0}})
				b.eventually("the provider has executed it", func() bool { return b.executed() == 1 })
				took = takeOver(t, b.merchant(errand{}), func() {
					holder.kill()
					require.True(t, holder.end(func(report) {}))
				})
				t.Logf("taken over and finished %s after the kill", took.Round(time.Millisecond))
				b.settle([]int{0}, nil)
				if took < promised {
					return
				}
			}
			t.Errorf("%s, three times more than %s", took, promised)
		})
	}
}

// takenOverByCall waits long enough that the call looks as seldom as it ever does.
func takenOverByCall(t *testing.T, m *merchant, kill func()) time.Duration {
	t.Helper()
	ended := make(chan time.Time, 1)
	go func() {
		_, err := m.call(t.Context(), 0)
		if err != nil {
			t.Errorf("the call that waited: %v", err)
		}
		ended <- time.Now()
	}()
	pause(1300 * time.Millisecond)
	require.Empty(t, ended, "it did not wait")
	began := time.Now()
	kill()
	return (<-ended).Sub(began)
}

func takenOverByRecover(t *testing.T, m *merchant, kill func()) time.Duration {
	t.Helper()
	for r, err := range m.client.Recover(t.Context()) {
		require.Fail(t, "recovered what somebody works on", "%v %v", r, err)
	}
	began := time.Now()
	kill()
	for r, err := range m.client.Recover(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, payonce.StateSucceeded, r.State)
		return time.Since(began)
	}
	require.Fail(t, "the operation of a dead process is left")
	return 0
}
