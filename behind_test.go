package payonce_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// What the newest time in a store says against what a host's clock says.

const year = 365 * 24 * time.Hour

func TestNothingIsResentWhileTheClockIsBehindTheStore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		back    time.Duration
		inDoubt bool // nobody will ever know how old the key is
	}{
		"three minutes": {back: 3 * time.Minute, inDoubt: true},
		"twelve hours":  {back: 12 * time.Hour, inDoubt: true},
		"to 1970":       {back: 56 * year},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				advance(26 * year)
				b, h := newBank(), wrong(memory(), 0)
				id := leaveOpen(t, b, h, "order-1")
				h.set(-test.back) // the host was restarted
				c := newClient(t, b, h)
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				assert.Equal(t, test.inDoubt, errors.Is(err, payonce.ErrInDoubt), "%v", err)
				assert.Len(t, b.writes(), 1)
				assert.NotEmpty(t, load(t, h, id).Reason)
				_, err = c.Payments.Create(t.Context(), order("order-2"))
				require.NoError(t, err, "what was never sent goes")
				h.set(0)
				advance(time.Minute)
				results, errs := recoverAll(t, newClient(t, b, h))
				require.Len(t, results, 1)
				assert.Equal(t, test.inDoubt, errors.Is(errs[0], payonce.ErrInDoubt))
				assert.Equal(t, test.inDoubt, errs[0] != nil, "when the clock is set, it is sent")
				assert.Equal(t, 2, b.moved())
			})
		})
	}
}

func TestSomebodyElsesTimesTellTooThatTheClockIsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, h := newBank(), wrong(memory(), 0)
		leaveOpen(t, b, h, "order-1")
		advance(20 * time.Hour)
		_, err := newClient(t, b, h).Payments.Create(t.Context(), order("order-2"))
		require.NoError(t, err)
		advance(5 * time.Hour) // now the first one's key is dead
		h.set(-12 * time.Hour) // by this it is not
		_, err = newClient(t, b, h).Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Len(t, b.writes(), 2)
	})
}

func TestWhatCanBeLookedUpIsWhileTheClockIsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, h := newBank(), wrong(memory(), 0)
		b.lookup = true
		leaveOpen(t, b, h, "order-1")
		h.set(-12 * time.Hour)
		p, err := newClient(t, b, h).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", p.ID)
		assert.Len(t, b.writes(), 1)
	})
}

func TestNotAfterHoldsWhileTheClockIsBehind(t *testing.T) {
	t.Parallel()
	timed := func(reference string) payonce.PaymentParams {
		p := order(reference)
		p.NotAfter = time.Now().Add(-time.Hour)
		return p
	}
	synctest.Test(t, func(t *testing.T) {
		b, h := newBank(), wrong(memory(), 0)
		h.set(-12 * time.Hour)
		prepared, err := newClient(t, b, h).Payments.Prepare(timed("order-1"))
		require.NoError(t, err)
		_, err = h.Claim(t.Context(), prepared)
		require.NoError(t, err)
		other := wrong(h.KeyStore, 0)
		_, err = newClient(t, b, other).Payments.Create(t.Context(), order("order-2"))
		require.NoError(t, err, "this is from when the time of the others was over")
		c := newClient(t, b, h)
		_, err = c.Run(t.Context(), prepared.ID)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "nobody was told, so it waits for a clock that tells")
		_, err = c.Payments.Create(t.Context(), timed("order-3"))
		require.ErrorIs(t, err, payonce.ErrNotSent)
		assert.Len(t, b.writes(), 1)
		_, err = newClient(t, b, other).Run(t.Context(), prepared.ID)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		assert.Equal(t, 1, b.moved())
	})
}

func TestAProcessKnowsHowLongItHasLivedWhateverTheWallClockSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before, after time.Duration // by how much the wall clock is ahead, when it is sent and when it is looked at again
	}{
		"it was set back":              {after: -12 * time.Hour},
		"it was ahead, and is set":     {before: 12 * time.Hour},
		"it was behind, and is set":    {before: -12 * time.Hour},
		"it was set forward":           {after: 12 * time.Hour},
		"it was ahead, and is set now": {before: year},
		"it was set back a year":       {after: -year},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, h := newBank(reply{lose: true}), wrong(memory(), 0)
				h.set(test.before)
				c := newClient(t, b, h, once)
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				h.set(test.after)
				advance(25 * time.Hour)
				b.forget() // the key's life is over
				_, err = c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				assert.Len(t, b.writes(), 1)
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestNotExecutedIsNotBelievedRightAfterTheClockJumped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, h := newBank(reply{skip: true, err: errDial()}), wrong(memory(), 0)
		c := newClient(t, b, h, once)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		h.set(time.Hour)
		id := detail(t, err).Operation
		require.ErrorIs(t, c.Resolve(t.Context(), id, payonce.NotExecuted, ""), payonce.ErrOutcomeUnknown)
		advance(5*time.Minute - time.Millisecond)
		require.ErrorIs(t, c.Resolve(t.Context(), id, payonce.NotExecuted, ""), payonce.ErrOutcomeUnknown)
		advance(time.Millisecond)
		require.NoError(t, c.Resolve(t.Context(), id, payonce.NotExecuted, ""))
	})
}
