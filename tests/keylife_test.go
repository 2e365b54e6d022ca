package tests_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// resolution is the stores' resolution of time.
const resolution = time.Microsecond

// TestAKeyIsSentToTheEndOfItsLifeLessTheMarginAndNotLater goes to the last instant at which an operation may be sent again, and past it:
// 90 % of the key's life, and at least 5 minutes less than it. A key that lives for ever is sent after ten years.
func TestAKeyIsSentToTheEndOfItsLifeLessTheMarginAndNotLater(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		for name, late := range map[string]bool{"in time": false, "too late": true} {
			t.Run(d.name+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, &d, false, openSQLite(t, t.TempDir()+"/payments.db"), setup{})
					w.sim.Script(lostForGood()...)
					once := func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 }
					_, err := w.client(t, once).Payments.Create(t.Context(), w.params("order-1"))
					require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
					w.sim.ClearScript()
					life := w.provider.Profile().KeyLife
					rec, err := w.store.Load(t.Context(), w.id("order-1"), 0)
					require.NoError(t, err)
					window := 10 * 365 * 24 * time.Hour
					if life > 0 {
						window = min(life/10*9, life-5*time.Minute)
					}
					end := rec.FirstAt.Add(window)
					if !late {
						end = end.Add(-resolution)
					}
					advance(time.Until(end))
					_, err = w.client(t, once).Payments.Create(t.Context(), w.params("order-1"))
					if late && life > 0 {
						require.ErrorIs(t, err, payonce.ErrInDoubt)
						assert.Equal(t, 1, w.posts(), "nothing was sent")
					} else {
						require.NoError(t, err)
						assert.Equal(t, 2, w.posts())
					}
					assert.Equal(t, 1, w.sim.Ledger().Count("payment"))
				})
			})
		}
	}
}
