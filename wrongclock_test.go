package payonce_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/wall"
)

// clocked is a durable store whose clients see a wall clock that is wrong by off.
type clocked struct {
	payonce.KeyStore
	off *atomic.Int64
}

func (clocked) Durability() payonce.Durability {
	return payonce.Durability{Process: true, Power: true, Text: "test"}
}

func (s clocked) WallClock() wall.Clock {
	return func() time.Time { return wall.Now().Add(time.Duration(s.off.Load())) }
}

func wrong(store payonce.KeyStore, by time.Duration) clocked {
	s := clocked{store, new(atomic.Int64)}
	s.off.Store(int64(by))
	return s
}

func (s clocked) set(by time.Duration) { s.off.Store(int64(by)) }

// restoredStore says that every record was there before the store was put back.
type restoredStore struct {
	payonce.KeyStore
	salt []byte
}

// A clock that is ahead at the first mark and is corrected later. The process sees it (clockBehind), and sends all the same when the
// wrong time has passed: the key's age is then counted from a time 10 h after the first mark.
func TestAMarkOfAClockThatWasAheadIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		leaveOpen(t, b, wrong(store, 10*time.Hour), "order-1") // at 0 h, by a clock that says 10 h
		c := newClient(t, b, wrong(store, 0))                  // it was set right
		advance(time.Hour)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "the clock is behind the record")
		require.Len(t, b.writes(), 1)
		advance(24 * time.Hour) // 25 h after the only mark
		b.forget()
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.Equal(t, 1, b.moved(), "money moved twice: a key of 24 h was sent after 25 h: %v", err)
	})
}

// The process lives, and its own clock has shown 23 h; the wall clock is set back 20 h. Nothing but the row's age is looked at.
func TestAClockThatIsSetBackUnderALivingProcessMakesNoKeyYounger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), wrong(memory(), 0)
		b.script = []reply{{lose: true}}
		c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(23 * time.Hour)
		_, err = c.Payments.Get(t.Context(), "pay_1") // the clock is read
		require.NoError(t, err)
		store.set(-20 * time.Hour)
		advance(2 * time.Hour) // 25 h after the mark, the wall says 5 h
		b.forget()
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		assert.Equal(t, 1, b.moved(), "money moved twice: %v", err)
	})
}

// A client without the credential, whose clock is two minutes behind, puts in doubt what the one with the credential would finish.
func TestAClockThatIsBehindTakesNothingFromWhoHasTheCredential(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{0, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b, store := newBank(), memory()
			b.profile = func(p *payonce.Profile) { p.Credential = "old" }
			id := leaveOpen(t, b, wrong(store, 0), "order-1")
			owner := newClient(t, b, wrong(store, 0))
			advance(time.Minute)
			b.profile = func(p *payonce.Profile) { p.Credential = "new" }
			other := newClient(t, b, wrong(store, -behind))
			leaveOpen(t, b, wrong(store, 0), "order-2") // business goes on
			advance(0)
			// The listing is by due time: let it be due by the slow clock too.
			rec, err := store.Load(t.Context(), id, 0)
			require.NoError(t, err)
			rec.DueAt = rec.CreatedAt.Add(-time.Hour)
			require.NoError(t, store.Save(t.Context(), rec))
			recoverAll(t, other)
			_, err = owner.Run(t.Context(), id)
			assert.NoError(t, err, "behind by %v", behind)
		})
	}
}

// A mark from a clock that was a year ahead: a person who has stopped the sending still can't say "not executed" for a year.
func TestAPersonMaySettleAMarkInTheFuture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		id := leaveOpen(t, b, wrong(store, 365*24*time.Hour), "order-1")
		c := newClient(t, b, wrong(store, 0))
		for range 100 {
			advance(time.Hour)
			recoverAll(t, c)
		}
		require.NoError(t, c.Resolve(t.Context(), id, payonce.StopSending, "asked support"))
		advance(24 * time.Hour)
		assert.NoError(t, c.Resolve(t.Context(), id, payonce.NotExecuted, "the bank says so, days after the last attempt"))
	})
}

// R15 (run with -race): a transport may read the body after it has returned; late reads what the run writes.
func TestATransportMayAskLate(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory(), func(cfg *payonce.Config) {
		cfg.Retry.AttemptTimeout, cfg.Retry.MinWait, cfg.Retry.MaxWait = 10*time.Millisecond, time.Millisecond, time.Millisecond
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			go func() { // as HTTP/2's does, which "may close the body in a separate goroutine even after RoundTrip returns"
				<-req.Context().Done()
				_, _ = req.Body.Read(make([]byte, 1))
				_ = req.Body.Close()
			}()
			<-req.Context().Done()
			return nil, req.Context().Err()
		})}
	})
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	require.Error(t, err)
}

// The wall clock is set back during a call. The second mark's line in the ledger bears that time, LastAt does not; absence is judged
// by the line.
func TestTheLedgerBearsTheMarksOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		b.lookup = true
		clock := wrong(store, 0)
		b.script = []reply{{skip: true, status: 503, hook: func() { clock.set(-10 * time.Minute) }}, {skip: true, err: context.DeadlineExceeded}}
		a := newClient(t, b, clock, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 2 })
		_, err := a.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.Len(t, b.writes(), 2)
		// The second request is still on its way. Another process, whose clock was always right, looks ten seconds later.
		advance(10 * time.Second)
		rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
		require.NoError(t, err)
		rec.KeySpent = true // so that it is looked up; a dead credential or key does the same
		require.NoError(t, store.Save(t.Context(), rec))
		_, err = newClient(t, b, wrong(store, 0)).Payments.Create(t.Context(), order("order-1"))
		assert.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "ten seconds after the last attempt nothing is absent")
		assert.NotErrorIs(t, err, payonce.ErrRejected)
	})
}
