package tests_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// TestEveryFaultOfTheCatalogue meets each fault of the simulator once with every provider: over HTTP/1 and HTTP/2, on a warm and on a
// cold connection, with every store. The ledger agrees with what the caller was told, and at the end there is one payment, unless it is
// in doubt, or was looked up and is not there.
func TestEveryFaultOfTheCatalogue(t *testing.T) {
	t.Parallel()
	specimens := simulator.AllFaults()
	require.NotEmpty(t, specimens)
	for _, d := range dialects() {
		for _, specimen := range specimens {
			if slices.Contains(brokenPromises(), specimen.Name) {
				continue
			}
			for _, meeting := range meetings() {
				t.Run(d.name+": "+specimen.Number+" "+specimen.Name+" "+meeting.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						meet(t, specimen, newWorld(t, &d, meeting.http2, stores()[meeting.store](t), setup{}), meeting.warm)
					})
				})
			}
		}
	}
}

// meeting is how a fault is met.
type meeting struct {
	name, store string
	http2, warm bool
}

func meetings() []meeting {
	return []meeting{
		{name: "over HTTP/1", store: "memory"},
		{name: "over HTTP/1, warm", store: "memory", warm: true},
		{name: "over HTTP/2", store: "memory", http2: true},
		{name: "over HTTP/2, warm", store: "memory", http2: true, warm: true},
		{name: "with SQLite", store: "sqlite"},
	}
}

func meet(t *testing.T, specimen simulator.Specimen, w *world, warm bool) {
	t.Helper()
	c := w.client(t)
	if warm {
		warmUp(t, w, c)
	}
	before := w.sim.Ledger().Count("payment")
	w.sim.Script(specimen.Fault)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	_, err := c.Payments.Create(ctx, w.params("order-1"))
	w.sim.DeliverHeld()
	moved := w.sim.Ledger().Count("payment") - before
	switch {
	case err == nil:
		assert.Equal(t, 1, moved)
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		assert.LessOrEqual(t, moved, 1)
	default:
		assert.Zero(t, moved, "%v", err)
	}
	w.sim.ClearScript()
	advance(10 * time.Minute)
	_, err = w.client(t).Payments.Create(t.Context(), w.params("order-1"))
	moved = w.sim.Ledger().Count("payment") - before
	if err == nil {
		assert.Equal(t, 1, moved)
		return
	}
	if errors.Is(err, payonce.ErrOutcomeUnknown) {
		assert.LessOrEqual(t, moved, 1)
		return
	}
	require.ErrorIs(t, err, payonce.ErrRejected)
	assert.Zero(t, moved)
}

// TestTheLedgerWouldShowADoublePayment keeps the judges honest: against a provider that does not dedupe, the same client pays twice.
func TestTheLedgerWouldShowADoublePayment(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &d, false, memstore.New(), setup{noDedupe: true})
				w.sim.Script(simulator.LoseAnswer())
				_, err := w.client(t).Payments.Create(t.Context(), w.params("order-1"))
				require.NoError(t, err)
				assert.Equal(t, 2, w.sim.Ledger().Count("payment"))
			})
		})
	}
}
