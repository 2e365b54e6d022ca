package payonce_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// TestWaitsHaveFullJitter looks at the waits before the second attempts of many calls: they are spread over the whole of what is allowed,
// so that an outage does not end in a wave.
func TestWaitsHaveFullJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const calls, parts = 400, 4
		b, store := newBank(), memory()
		var spread [parts]int
		for n := range calls {
			b.script = []reply{{lose: true}, {lose: true}}
			c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 2 })
			_, err := c.Payments.Create(t.Context(), order(fmt.Sprint("order-", n)))
			waited := detail(t, err).Attempts[1].Waited
			require.Less(t, waited, 500*time.Millisecond)
			spread[waited*parts/(500*time.Millisecond)]++
		}
		for part, n := range spread {
			assert.Greater(t, n, calls/parts/2, "of the waits in part %d of %d", part+1, parts) // by chance once in 10^7 runs
		}
	})
}
