package tests_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/storetest"
)

// The random schedules throw faults of network, server and store at a few operations in virtual time, with callers who give up,
// duplicates in two clients, leases that bind nobody, and new clients as after a restart. The ledger is the judge: exactly one effect for what is reported as
// succeeded, none for what is reported as not sent or rejected, at most one for what is unknown, and in the end none or one for all.
//
// PAYONCE_SCHEDULES sets how many there are for each provider (a twentieth of them again with SQLite), PAYONCE_SEED the first seed. A failure prints its seed.

// brokenPromises are the faults in which the provider itself breaks its word, against which no client can help: it executes one key
// twice, or forgets a key before its time.
func brokenPromises() []string { return []string{"execute-twice", "forget-key", "prune-keys"} }

func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	count, first := number(t, "PAYONCE_SCHEDULES", defaultSchedules), number(t, "PAYONCE_SEED", 1)
	const batch = 50 // schedules that share a store, each under an account of its own
	for _, d := range dialects() {
		for store, open := range stores() {
			count := count
			if store == "sqlite" {
				count = max(count/20, 1)
			}
			for from := 0; from < count; from += batch {
				name := d.name + " with " + store
				t.Run(fmt.Sprintf("%s, seeds from %d", name, first+from), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						inner := open(t)
						faults := simulator.AllFaults()
						for seed := first + from; seed < first+min(from+batch, count) && !t.Failed(); seed++ {
							newSchedule(t, &d, uint64(seed), inner).run(faults)
							if t.Failed() {
								t.Logf("again: PAYONCE_SEED=%d PAYONCE_SCHEDULES=1 go test -run 'TestRandomSchedules/%s' ./tests", seed, name)
							}
						}
					})
				})
			}
		}
	}
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// schedule is one random run.
type schedule struct {
	t     *testing.T
	seed  uint64
	rnd   *rand.Rand
	w     *world
	inner payonce.KeyStore
	// payment is a settled payment that refunds are made of; setup is the ledger before the faults.
	payment string
	setup   int
	ops     []*intent
}

// intent is one operation and the calls that ask for it.
type intent struct {
	name string
	id   payonce.OperationID
	call func(context.Context, *payonce.Client) error
}

func newSchedule(t *testing.T, d *dialect, seed uint64, store payonce.KeyStore) *schedule {
	t.Helper()
	s := &schedule{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), inner: store}
	if s.rnd.IntN(4) == 0 {
		store = leaseless{store}
	}
	s.w = newWorld(t, d, s.rnd.IntN(32) == 0, store, setup{merchant: fmt.Sprint("merchant-", seed), other: seed%2 == 0})
	p, err := s.w.client(t).Payments.Create(t.Context(), d.params("paid"))
	require.NoError(t, err)
	s.payment, s.setup = p.ID, len(s.w.sim.Ledger().Entries())
	for i := range 1 + s.rnd.IntN(2) {
		s.ops = append(s.ops, s.intent(i))
	}
	return s
}

// intent makes a random operation.
func (s *schedule) intent(i int) *intent {
	reference := fmt.Sprint("ref-", i)
	op := &intent{id: payonce.OperationID{Account: s.w.provider.Profile().Account, Reference: reference}}
	switch s.rnd.IntN(3) {
	case 0:
		op.id.Kind = "refund.create"
		op.call = func(ctx context.Context, c *payonce.Client) error {
			_, err := c.Refunds.Create(ctx, payonce.RefundParams{Reference: reference, PaymentID: s.payment, Amount: payonce.Amount{Minor: 100, Currency: s.w.price.Currency}})
			return err
		}
	case 1:
		op.id.Kind = s.w.native.kind
		op.call = func(ctx context.Context, c *payonce.Client) error {
			return s.w.native.call(ctx, s.w.provider, c, reference)
		}
	default:
		op.id.Kind = "payment.create"
		op.call = func(ctx context.Context, c *payonce.Client) error {
			_, err := c.Payments.Create(ctx, s.w.params(reference))
			return err
		}
	}
	op.name = op.id.Kind + " " + reference
	return op
}

func (s *schedule) run(faults []simulator.Specimen) {
	s.script(faults)
	for round := range 1 + s.rnd.IntN(2) {
		c := s.w.client(s.t)
		if s.rnd.IntN(4) == 0 {
			c = s.faulty()
		}
		s.asEveryone(c, round)
		advance(time.Duration(s.rnd.Int64N(int64(20 * time.Minute))))
	}
	s.settle()
}

// script chooses faults from the catalogue.
func (s *schedule) script(all []simulator.Specimen) {
	for range s.rnd.IntN(7) {
		specimen := all[s.rnd.IntN(len(all))]
		costly := specimen.Name == "oversized-headers" && s.rnd.IntN(10) > 0 // 11 MiB each
		if specimen.Lasting || costly || slices.Contains(brokenPromises(), specimen.Name) {
			continue
		}
		s.w.sim.Script(simulator.Repeated(specimen.Fault, 1+s.rnd.IntN(3)))
	}
}

// faulty is a client whose store fails at one of its first calls, with or without having done it.
func (s *schedule) faulty() *payonce.Client {
	when := storetest.NthCall(1 + s.rnd.IntN(10))
	store := storetest.CommitThenFail(s.w.store, when)
	if s.rnd.IntN(2) == 0 {
		store = storetest.Fail(s.w.store, when)
	}
	return s.w.client(s.t, func(cfg *payonce.Config) { cfg.Store = store })
}

// asEveryone lets callers ask for the operations, some twice at once and some through another client, and judges each report.
func (s *schedule) asEveryone(c *payonce.Client, round int) {
	type report struct {
		op  *intent
		err error
	}
	reports := make(chan report)
	calls := 0
	for _, op := range s.ops {
		for range 1 + s.rnd.IntN(2) {
			caller := c
			if s.rnd.IntN(4) == 0 {
				caller = s.w.client(s.t)
			}
			patience := 10 * time.Minute
			if s.rnd.IntN(3) == 0 {
				patience = time.Duration(s.rnd.Int64N(int64(time.Minute)))
			}
			calls++
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				reports <- report{op, op.call(ctx, caller)}
			}()
		}
	}
	all := make([]report, 0, calls)
	for range calls {
		all = append(all, <-reports)
	}
	s.w.sim.DeliverHeld() // what was still on its way has arrived
	for _, r := range all {
		s.judge(r.op, r.err, fmt.Sprintf("round %d", round))
	}
}

// judge compares a report with the ledger.
func (s *schedule) judge(op *intent, err error, when string) {
	effects := s.effects(op)
	ok := false
	switch {
	case err == nil:
		ok = effects == 1
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		ok = effects <= 1
	case errors.Is(err, payonce.ErrNotSent), errors.Is(err, payonce.ErrRejected):
		// Another caller, who came later, may have gone on with it; then its record says so.
		ok = effects == 0 || (effects == 1 && s.reopened(op))
	}
	if !ok {
		s.t.Errorf("seed %d, %s, %s: %d effects in the ledger, but the caller was told: %v\n%s", s.seed, when, op.name, effects, err, s.story())
	}
}

// reopened says that a later call went on with the operation.
func (s *schedule) reopened(op *intent) bool {
	rec, err := s.inner.Load(context.Background(), op.id, 0)
	return err == nil && rec.State != payonce.StateNotSent && rec.State != payonce.StateRejected
}

// effects counts how often the operation moved money, under any key that its record knows.
func (s *schedule) effects(op *intent) int {
	rec, err := s.inner.Load(context.Background(), op.id, 0)
	if err != nil {
		return 0
	}
	return len(s.w.sim.Ledger().ByKey(rec.Key))
}

// settle takes the faults away; then everything must come to an end, and the ledger must hold nothing else.
func (s *schedule) settle() {
	s.w.sim.ClearScript()
	s.w.sim.DeliverHeld()
	advance(10 * time.Minute)
	c := s.w.client(s.t)
	for _, err := range c.Recover(s.t.Context()) {
		_ = err // judged below
	}
	total := 0
	for _, op := range s.ops {
		err := op.call(s.t.Context(), c)
		s.judge(op, err, "at the end")
		if errors.Is(err, payonce.ErrOutcomeUnknown) && !errors.Is(err, payonce.ErrInDoubt) && !s.sticky(op) {
			s.t.Errorf("seed %d, %s: not settled at the end: %v\n%s", s.seed, op.name, err, s.story())
		}
		total += s.effects(op)
	}
	if n := len(s.w.sim.Ledger().Entries()) - s.setup; n != total {
		s.t.Errorf("seed %d: %d effects in the ledger, %d belong to operations\n%s", s.seed, n, total, s.story())
	}
}

// sticky says that the provider stored a 5xx answer under the operation's key and repeats it for ever: then nobody can know more.
func (s *schedule) sticky(op *intent) bool {
	rec, err := s.inner.Load(context.Background(), op.id, 0)
	require.NoError(s.t, err)
	requests := s.w.sim.Requests()
	slices.Reverse(requests)
	last := slices.IndexFunc(requests, func(r simulator.Request) bool { return r.Key == rec.Key })
	return last >= 0 && requests[last].Replayed && requests[last].Status >= 500 && rec.DueAt.After(time.Now())
}

// leaseless is a store whose leases bind nobody: they save work, and nothing else may rest on them.
type leaseless struct{ payonce.KeyStore }

func (l leaseless) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	return unleased(l.KeyStore.Claim(ctx, rec))
}

func (l leaseless) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	return unleased(l.KeyStore.Load(ctx, id, generation))
}

func (l leaseless) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	page, next, err := l.KeyStore.List(ctx, f)
	for _, rec := range page {
		rec.Lease.Live = false
	}
	return page, next, err
}

func unleased(rec *payonce.Record, err error) (*payonce.Record, error) {
	if rec != nil {
		rec.Lease.Live = false
	}
	return rec, err
}

// story tells what the provider saw.
func (s *schedule) story() string {
	var b strings.Builder
	for _, r := range s.w.sim.Requests() {
		if r.Key != "" {
			fmt.Fprintf(&b, "  %s %s %s key %.8s complete %t executed %t replayed %t fault %q status %d\n",
				r.Time.Format("15:04:05.000"), r.Method, r.Path, r.Key, r.Complete, r.Executed, r.Replayed, r.Fault, r.Status)
		}
	}
	return b.String()
}
