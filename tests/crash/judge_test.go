//go:build unix

package crash_test

import (
	"errors"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// tally is what became of the operations: ids are the provider's, of what succeeded, inDoubt is how many can't be finished, unsent how
// many have no record, or one that says that nothing was sent.
type tally struct {
	ids             map[int]string
	inDoubt, unsent int
}

// judge compares what the store says with the provider's ledger: one effect for each success, at most one for what is in doubt, nothing
// open, and not a single effect that no record tells of. What anybody was told is what the ledger says.
func (b *bank) judge(tried []int, acknowledged map[int]string) tally {
	b.t.Helper()
	m := b.merchant(errand{})
	found, effects, wire := tally{ids: map[int]string{}}, b.effects(), b.receipts()
	belong := 0
	for _, n := range tried {
		rec, err := m.store.Load(b.t.Context(), m.id(n), 0)
		if errors.Is(err, payonce.ErrNotFound) {
			assert.NotContains(b.t, acknowledged, n, "operation %d was acknowledged and has no record", n)
			found.unsent++
			continue
		}
		require.NoError(b.t, err)
		made := effects[rec.Key]
		belong += len(made)
		assert.LessOrEqual(b.t, wire[rec.Key], rec.Sent, "operation %d: requests on the wire, attempts that were marked", n)
		if told, ok := acknowledged[n]; ok {
			assert.Equal(b.t, []string{told}, made, "operation %d: what somebody was told, what was made", n)
		}
		switch rec.State {
		case payonce.StateSucceeded:
			found.ids[n] = rec.Outcome.ResourceID
			assert.Equal(b.t, []string{rec.Outcome.ResourceID}, made, "operation %d: the outcome, what was made", n)
		case payonce.StateInDoubt:
			found.inDoubt++
			assert.LessOrEqual(b.t, len(made), 1, "operation %d is in doubt", n)
			assert.True(b.t, b.mayDoubt(rec), "operation %d is in doubt: %s", n, rec.Reason)
		case payonce.StateNotSent: // only a key's life can be over before anything was sent
			found.unsent++
			assert.Empty(b.t, made, "operation %d was not sent", n)
			assert.Positive(b.t, b.keyLife, "operation %d was not sent: %s", n, rec.Reason)
		case payonce.StateOpen, payonce.StateRejected:
			assert.Fail(b.t, "not finished", "operation %d is %s: %s", n, rec.State, rec.Reason)
		}
	}
	require.NoError(b.t, m.close())
	all := 0
	for _, made := range effects {
		all += len(made)
	}
	assert.Equal(b.t, belong, all, "effects that belong to operations, effects in the ledger")
	return found
}

// effects are the ids of what was made since the test began, by key.
func (b *bank) effects() map[string][]string {
	made := map[string][]string{}
	for _, e := range b.sim.Ledger().Entries()[b.setup:] {
		made[e.Key] = append(made[e.Key], e.ID)
	}
	return made
}

// receipts counts the writes that the provider read to their end, by key. All of one key must have the same body.
func (b *bank) receipts() map[string]int {
	b.t.Helper()
	count, bodies := map[string]int{}, map[string]string{}
	for _, r := range b.writes() {
		if count[r.Key]++; count[r.Key] > 1 {
			assert.Equal(b.t, bodies[r.Key], string(r.Body), "two bodies under the key %s", r.Key)
		}
		bodies[r.Key] = string(r.Body)
	}
	return count
}

// writes are the writes that the provider read to their end.
func (b *bank) writes() []simulator.Request {
	return slices.DeleteFunc(b.sim.Requests(), func(r simulator.Request) bool { return r.Key == "" || !r.Complete })
}

// mayDoubt says that there is a reason to be in doubt: each of the last five attempts has no end, because its process was killed. (The
// provider of these tests can't be asked what became of a payment.) A key whose life is over is a reason where lives are short.
func (b *bank) mayDoubt(rec *payonce.Record) bool {
	last := rec.Attempts[max(0, len(rec.Attempts)-5):]
	died := len(last) == 5 && !slices.ContainsFunc(last, func(a payonce.Attempt) bool { return a.Took > 0 || a.Class != payonce.ClassUnknown })
	return died || (b.keyLife > 0 && rec.Sent > 0)
}
