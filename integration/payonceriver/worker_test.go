package payonceriver_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/integration/payonceriver"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// shop is a merchant on virtual time, without River.
type shop struct {
	bank   *simulator.Miracle
	store  payonce.KeyStore
	client *payonce.Client
	worker *payonceriver.Worker
}

// newShop must be called inside the bubble that uses it.
func newShop(t *testing.T, store payonce.KeyStore) *shop {
	t.Helper()
	return branch(t, newBank(), store)
}

// branch is one process of a merchant's.
func branch(t *testing.T, bank *simulator.Miracle, store payonce.KeyStore) *shop {
	t.Helper()
	transport := bank.Transport()
	t.Cleanup(transport.Close)
	client, err := payonce.New(payonce.Config{Provider: miracleAt(t, "https://miracle.example"), Store: store, HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return &shop{bank, store, client, payonceriver.NewWorker(client)}
}

// prepare puts an order's payment into the store, as a transaction does.
func (s *shop) prepare(t *testing.T, p payonce.PaymentParams) payonce.OperationID {
	t.Helper()
	rec, err := s.client.Payments.Prepare(p)
	require.NoError(t, err)
	_, err = s.store.Claim(t.Context(), rec)
	require.NoError(t, err)
	return rec.ID
}

func (s *shop) work(t *testing.T, id payonce.OperationID) error {
	t.Helper()
	return s.worker.Work(t.Context(), &river.Job[payonceriver.Args]{Args: payonceriver.Args{OperationID: id}})
}

func TestEachEndOfAnOperationIsSaidInRiversWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults  []simulator.Fault
		params  payonce.PaymentParams
		after   time.Duration // how long nobody has time for it; it must be sent within an hour
		cancels error         // the job is cancelled, for this reason
		snoozes time.Duration // the job is snoozed, for at least so long
		effects int
	}{
		"paid":                   {params: order("order-1"), effects: 1},
		"paid at the second try": {params: order("order-1"), faults: []simulator.Fault{simulator.LoseAnswer()}, effects: 1},
		"unknown":                {params: order("order-1"), faults: []simulator.Fault{simulator.Repeated(simulator.LoseAnswer(), 4)}, snoozes: 29 * time.Second, effects: 1},
		"not sent":               {params: order("order-1"), faults: []simulator.Fault{simulator.Repeated(simulator.ConnectionRefused(), 4)}, snoozes: 29 * time.Second},
		"rate limited":           {params: order("order-1"), faults: []simulator.Fault{simulator.RateLimited("1800")}, snoozes: 30 * time.Minute},
		"refused":                {params: order("order-1"), faults: []simulator.Fault{simulator.Forbidden()}, cancels: payonce.ErrRejected},
		"declined":               {params: declined("order-1"), cancels: payonce.ErrDeclined, effects: 1},
		"in doubt":               {params: order("order-1"), faults: []simulator.Fault{simulator.KeyReuse()}, cancels: payonce.ErrInDoubt},
		"too late":               {params: order("order-1"), after: 2 * time.Hour, cancels: payonce.ErrNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t, memstore.New())
				s.bank.Script(c.faults...)
				c.params.NotAfter = time.Now().Add(time.Hour)
				id := s.prepare(t, c.params)
				pause(c.after)
				err := s.work(t, id)
				var cancel *river.JobCancelError
				var snooze *river.JobSnoozeError
				switch {
				case c.cancels != nil:
					require.ErrorAs(t, err, &cancel)
					require.ErrorIs(t, err, c.cancels)
				case c.snoozes > 0:
					require.ErrorAs(t, err, &snooze)
					assert.GreaterOrEqual(t, snooze.Duration, c.snoozes)
					pause(snooze.Duration)
					require.NoError(t, s.work(t, id), "what was unknown is finished when it is due")
					c.effects = 1
				default:
					require.NoError(t, err)
				}
				assert.Equal(t, c.effects, s.bank.Ledger().Count("payment"))
			})
		})
	}
}

func TestAJobAgainSendsNothingThatIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, memstore.New())
		paid, lost := s.prepare(t, order("order-1")), s.prepare(t, declined("order-2"))
		for range 3 {
			require.NoError(t, s.work(t, paid))
			require.ErrorIs(t, s.work(t, lost), payonce.ErrDeclined)
		}
		assert.Len(t, s.bank.Requests(), 2)
	})
}

func TestACancelledJobThatIsTriedAgainSendsWhatWasOnlyRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, memstore.New())
		s.bank.Script(simulator.Forbidden())
		id := s.prepare(t, order("order-1"))
		require.ErrorIs(t, s.work(t, id), payonce.ErrRejected)
		require.NoError(t, s.work(t, id), "the merchant's rights were mended")
		assert.Equal(t, 1, s.bank.Ledger().Count("payment"))
	})
}

func TestAJobWithoutItsRecordIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, memstore.New())
		err := s.work(t, payonce.OperationID{Account: s.client.Account(), Kind: "payment.create", Reference: "order-1"})
		var cancel *river.JobCancelError
		require.ErrorAs(t, err, &cancel)
		require.ErrorIs(t, err, payonce.ErrNotFound)
		assert.Empty(t, s.bank.Requests())
	})
}

// broken is a store that can't be read.
type broken struct{ payonce.KeyStore }

func (broken) Load(context.Context, payonce.OperationID, int) (*payonce.Record, error) {
	return nil, errors.New("no connection")
}

func TestAJobIsTriedAgainWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, broken{memstore.New()})
		err := s.work(t, s.prepare(t, order("order-1")))
		require.ErrorIs(t, err, payonce.ErrUnavailable)
		assertPlain(t, err)
		assert.Empty(t, s.bank.Requests())
	})
}

func TestAJobOfAnotherAccountIsLeftToWhoHasItsClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		s := newShop(t, store)
		id := s.prepare(t, order("order-1"))
		foreign := id
		foreign.Account = "miracle/sandbox/somebody-else"
		err := s.work(t, foreign)
		require.ErrorContains(t, err, foreign.Account)
		assertPlain(t, err)
		require.NoError(t, s.work(t, id))
	})
}

// assertPlain says that River tries again by its own schedule.
func assertPlain(t *testing.T, err error) {
	t.Helper()
	var cancel *river.JobCancelError
	var snooze *river.JobSnoozeError
	assert.False(t, errors.As(err, &cancel) || errors.As(err, &snooze), "%v", err)
}

// TestAJobLastsAsLongAsItsOperation has a provider that never answers, and another process that is at it first: River must not cut off what
// the client itself would wait for.
func TestAJobLastsAsLongAsItsOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := newShop(t, memstore.New())
		s := branch(t, first.bank, first.store)
		s.bank.Script(simulator.Repeated(simulator.Hang(true), -1))
		id := s.prepare(t, order("order-1"))
		job := &river.Job[payonceriver.Args]{Args: payonceriver.Args{OperationID: id}}
		ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(s.worker.Timeout(job), river.JobTimeoutDefault))
		defer cancel()
		var both errgroup.Group
		for _, process := range []*shop{first, s} {
			both.Go(func() error {
				var snooze *river.JobSnoozeError
				if err := process.worker.Work(ctx, job); !errors.As(err, &snooze) {
					return fmt.Errorf("no snooze, but %w", err)
				}
				return nil
			})
			pause(10 * time.Second)
		}
		require.NoError(t, both.Wait())
		require.NoError(t, ctx.Err())
		rec, err := s.store.Load(t.Context(), id, 0)
		require.NoError(t, err)
		assert.Greater(t, rec.Sent, 2, "both sent")
		for _, attempt := range rec.Attempts {
			assert.GreaterOrEqual(t, attempt.Took, time.Minute, "it was not cut off: %s", attempt.Fault)
		}
	})
}

func TestAJobThatRunsTwiceAtTheSameTimeIsPaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one := newShop(t, memstore.New())
		two := branch(t, one.bank, one.store)
		one.bank.Script(simulator.Repeated(simulator.HoldKey(10*time.Second), -1))
		id := one.prepare(t, order("order-1"))
		var both errgroup.Group
		for _, process := range []*shop{one, two} {
			both.Go(func() error { return process.work(t, id) })
		}
		require.NoError(t, both.Wait(), "both get the answer")
		assert.Len(t, one.bank.Requests(), 1)
	})
}

func TestANilClientIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	client := newShop(t, memstore.New()).client
	for says, use := range map[string]func(){
		"payonceriver: client 2 of 2 is nil": func() { payonceriver.NewWorker(client, nil) },
		"payonceriver: client 1 of 2 is nil": func() { payonceriver.NewRecoveryWorker(nil, nil, client) },
		"payonceriver: client 1 of 1 is nil": func() { payonceriver.PeriodicRecovery(time.Minute, nil) },
	} {
		assert.PanicsWithValue(t, says, use)
	}
	assert.Len(t, payonceriver.PeriodicRecovery(0, client, client), 1, "one job for an account")
}

func TestASnoozeIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		due  time.Time
		want time.Duration
	}{
		{time.Time{}, 5 * time.Second},
		{now.Add(-time.Hour), 5 * time.Second},
		{now.Add(time.Minute), time.Minute},
		{now.Add(1000 * time.Hour), 24 * time.Hour},
	} {
		var snooze *river.JobSnoozeError
		require.ErrorAs(t, payonceriver.Verdict(&payonce.Error{Kind: payonce.ErrOutcomeUnknown, DueAt: c.due}, now), &snooze)
		assert.Equal(t, c.want, snooze.Duration, "due %s", c.due)
	}
}

// TestTheArgumentsOfAJobStayReadable pins what lies in River's table while programs are updated.
func TestTheArgumentsOfAJobStayReadable(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(payonceriver.Args{OperationID: payonce.OperationID{Account: "a", Kind: "k", Reference: "r"}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Account":"a","Kind":"k","Reference":"r"}`, string(text))
	text, err = json.Marshal(payonceriver.RecoveryArgs{Account: "a"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Account":"a"}`, string(text))
	assert.Equal(t, "payonce_operation", payonceriver.Args{}.Kind())
	assert.Equal(t, "payonce_recovery", payonceriver.RecoveryArgs{}.Kind())
}
