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
	"github.com/payonce/payonce/store/storetest"
)

// These are the sequences in which two parties cross each other's way. Each was found by review with a test that failed.

func paymentID(reference string) payonce.OperationID {
	return payonce.OperationID{Account: "bank/test/shop", Kind: "payment.create", Reference: reference}
}

// crossing is a store where somebody else comes in between, once.
type crossing struct {
	payonce.KeyStore
	beforeClaim, beforeSave func()
}

func (s *crossing) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	if f := s.beforeClaim; f != nil {
		s.beforeClaim = nil
		f()
	}
	return s.KeyStore.Claim(ctx, rec)
}

func (s *crossing) Save(ctx context.Context, rec *payonce.Record) error {
	if f := s.beforeSave; f != nil {
		s.beforeSave = nil
		f()
	}
	return s.KeyStore.Save(ctx, rec)
}

func TestNotAfterHidesNothingThatHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		c := newClient(t, b, memory())
		p := order("order-1")
		p.NotAfter = time.Now().Add(time.Hour)
		_, err := c.Payments.Create(t.Context(), p)
		require.NoError(t, err)
		b.script = []reply{{lose: true}, {lose: true}, {lose: true}, {lose: true}}
		lost := p
		lost.Reference = "order-2"
		_, err = c.Payments.Create(t.Context(), lost)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(2 * time.Hour)
		_, err = c.Payments.Create(t.Context(), p)
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), lost)
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		require.NotErrorIs(t, err, payonce.ErrNotSent)
	})
}

func TestWhatIsDecidedAtAClaimIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		b.profile = func(p *payonce.Profile) { p.BaseURL = "https://other.example" }
		moved := newClient(t, b, store)
		b.profile = nil
		_, err = moved.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrNotSent)
		_, _ = recoverAll(t, c)
		assert.Zero(t, b.moved(), "nothing is executed after ErrNotSent was returned")

		b.script = []reply{{lose: true}, {lose: true}, {lose: true}, {lose: true}}
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.Error(t, err)
		advance(30 * time.Hour)
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		rec, err = store.Load(t.Context(), paymentID("order-2"), 0)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateInDoubt, rec.State)
	})
}

func TestANewKeyRetiresTheOldOne(t *testing.T) {
	t.Parallel()
	refused := reply{status: 400, skip: true, body: `{"code":"bad"}`}
	for name, newKeyFirst := range map[string]bool{"a plain call comes in between": false, "a new key comes in between": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(refused), memory()
				c, between := newClient(t, b, store), &crossing{KeyStore: store}
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrRejected)
				slow := newClient(t, b, between)
				if newKeyFirst { // the slow one has read generation 1 and is about to mark it
					between.beforeSave = func() {
						_, err := c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
						assert.NoError(t, err)
					}
					_, err = slow.Payments.Create(t.Context(), order("order-1"))
					require.Error(t, err)
				} else { // the slow one has found generation 1 rejected and is about to begin generation 2
					between.beforeClaim = func() {
						_, err := c.Payments.Create(t.Context(), order("order-1"))
						assert.ErrorIs(t, err, payonce.ErrRejected, "the old key is retired")
					}
					_, err = slow.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
					require.NoError(t, err)
				}
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestAnOlderClaimIsNotTakenForOnesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{status: 503}), memory()
		down := true
		c := newClient(t, b, storetest.Fail(store, func(call storetest.Call) bool {
			return down && (call.Method == storetest.Save || call.Method == storetest.SaveLater || (call.Method == storetest.Claim && call.N == 2))
		}))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.Equal(t, 1, b.moved())
		advance(time.Minute)
		b.script = []reply{{status: 400, body: `{"code":"bad"}`}}
		down = false
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "the money moved: this is no refusal")
		assert.Equal(t, 1, b.moved())
	})
}

// sleeper is a transport whose host sleeps before the first request: no timeout fires, because the monotonic clock stands still.
func sleeper(b *bank, d time.Duration) func(*payonce.Config) {
	slept := false
	return func(cfg *payonce.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if !slept {
				slept = true
				advance(d)
			}
			return b.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
		})}
	}
}

// unrenewed is the store of a process that sleeps: its leases are not renewed.
type unrenewed struct{ durable }

func (unrenewed) Renew(context.Context, string, time.Duration, []payonce.OperationID) error {
	return nil
}

func TestASenderWhoSleptBetweenMarkAndWireSendsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sleeps  time.Duration
		between func(*testing.T, *bank, *payonce.Client)
	}{
		"past the key's life": {25 * time.Hour, func(t *testing.T, b *bank, other *payonce.Client) {
			t.Helper()
			_, err := other.Payments.Create(t.Context(), order("order-1"))
			require.NoError(t, err)
			advance(24*time.Hour + 30*time.Minute)
			b.forget()
		}},
		"past a resolution": {10 * time.Minute, func(t *testing.T, _ *bank, other *payonce.Client) {
			t.Helper()
			advance(5 * time.Minute)
			require.NoError(t, other.Resolve(t.Context(), paymentID("order-1"), payonce.NotExecuted, "the provider shows nothing"))
			_, err := other.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
			require.NoError(t, err)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				other := newClient(t, b, durable{store})
				asleep := newClient(t, b, unrenewed{durable{store}}, sleeper(b, test.sleeps))
				go func() { _, _ = asleep.Payments.Create(t.Context(), order("order-1")) }()
				advance(20 * time.Second)
				test.between(t, b, other)
				advance(26 * time.Hour)
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestTwoGenerationsThatSucceededAreInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var other *payonce.Client
		b.script = []reply{{hook: func() { // a person is wrong while the answer is on its way
			rec, err := store.Load(t.Context(), paymentID("order-1"), 0)
			require.NoError(t, err)
			rec.State, rec.KeySpent, rec.Lease = payonce.StateRejected, true, payonce.Lease{}
			require.NoError(t, store.Save(t.Context(), rec))
		}}}
		newer := func() {
			_, err := other.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
			assert.NoError(t, err)
			assert.NoError(t, other.Close())
		}
		other = newClient(t, b, store)
		c := newClient(t, b, &laterFirst{KeyStore: store, first: newer})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.Equal(t, 2, b.moved())
	})
}

// laterFirst lets somebody else do something before the first SaveLater.
type laterFirst struct {
	payonce.KeyStore
	first  func()
	failed bool
}

// Save fails once for the second generation: putting it in doubt must be tried again.
func (s *laterFirst) Save(ctx context.Context, rec *payonce.Record) error {
	if rec.Generation == 2 && !s.failed {
		s.failed = true
		return storetest.ErrFault
	}
	return s.KeyStore.Save(ctx, rec)
}

func (s *laterFirst) SaveLater(rec *payonce.Record, done func(error)) {
	if f := s.first; f != nil {
		s.first = nil
		f()
	}
	s.KeyStore.SaveLater(rec, done)
}

func TestNoNewKeyBeforeASuccessIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		var down atomic.Bool
		down.Store(true)
		c := newClient(t, b, storetest.Fail(store, func(call storetest.Call) bool {
			return down.Load() && (call.Method == storetest.SaveLater || call.Method == storetest.Save)
		}))
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		b.set(p.ID, "expired")
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrKeyReuse, "after a crash the store would still send the first generation")
		down.Store(false)
		advance(time.Minute)
		p, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		assert.Equal(t, 2, p.Receipt.Generation)
	})
}

func TestAnAnswerAboutTheCallerIsNotShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		slow := &crossing{KeyStore: store, beforeClaim: func() { advance(time.Second) }}
		c := newClient(t, b, slow)
		wrong := order("order-1")
		wrong.Amount.Minor = 1
		go func() { _, _ = c.Payments.Create(t.Context(), wrong) }()
		synctest.Wait()
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err, "another caller's mistake")
		slow.beforeClaim = func() { advance(time.Second) }
		go func() { _, _ = c.Payments.Create(t.Context(), order("order-1")) }()
		synctest.Wait()
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithKey("another"))
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
	})
}

func TestAPanicOfACallersTransportFreesTheOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, boom := newBank(), true
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				if boom {
					boom = false
					panic("boom")
				}
				return b.RoundTrip(req)
			})}
		})
		assert.Panics(t, func() { _, _ = c.Payments.Create(t.Context(), order("order-1")) })
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 1, b.moved())
	})
}

func TestThoseWhoWaitedGetWhatTheOtherWasTold(t *testing.T) {
	t.Parallel()
	down := reply{dial: true}
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(down, down, down, down), memory()
		first, other := newClient(t, b, store), newClient(t, b, store)
		told := make(chan error, 1)
		go func() {
			_, err := first.Payments.Create(t.Context(), order("order-1"))
			told <- err
		}()
		synctest.Wait()
		_, err := other.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, <-told, payonce.ErrNotSent)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		assert.Zero(t, b.moved())
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBank(down)
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.Retry = payonce.Retry{MinWait: time.Hour, MaxWait: time.Hour, MaxElapsed: 9 * time.Hour}
		})
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan error, 1)
		go func() {
			_, err := c.Payments.Create(ctx, order("order-1"))
			told <- err
		}()
		synctest.Wait()
		time.AfterFunc(time.Millisecond, cancel)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, <-told, payonce.ErrNotSent)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		require.NotErrorIs(t, err, context.Canceled, "that was the other's context")
		assert.Zero(t, b.moved())
	})
}
