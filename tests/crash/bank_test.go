//go:build unix

package crash_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// patience is how long anything may last on a machine that has much else to do.
const patience = time.Minute

// paidPayments is how many payments there are for refunds to be made of: the refunds of one slow each other down at the provider.
const paidPayments = 8

// bank is a provider, and the place of a merchant's key store. Both outlast the processes.
type bank struct {
	dialect

	t      *testing.T
	sim    simulated
	server *simulator.Server
	path   string
	paid   []string
	// setup is how many entries the ledger has before the test.
	setup int
	// keyLife is how long keys live, as the processes believe; 0 is what the provider says.
	keyLife time.Duration
}

func newBank(t *testing.T, provider string) *bank {
	t.Helper()
	d := dialectOf(provider)
	b := &bank{dialect: d, t: t, sim: d.start(), path: filepath.Join(t.TempDir(), "payments.db")}
	b.server = b.sim.Start()
	t.Cleanup(b.server.Close)
	b.pay()
	b.setup = len(b.sim.Ledger().Entries())
	return b
}

// pay makes the payments that refunds are made of. Their records are not kept.
func (b *bank) pay() {
	b.t.Helper()
	provider, err := b.provider(b.server.URL)
	require.NoError(b.t, err)
	client, err := payonce.New(payonce.Config{Provider: provider, Store: memstore.New(), RecoverEvery: -1})
	require.NoError(b.t, err)
	for n := range paidPayments {
		p, err := client.Payments.Create(b.t.Context(), b.params(fmt.Sprint("paid-", n), 1_000_000))
		require.NoError(b.t, err)
		b.paid = append(b.paid, p.ID)
	}
	require.NoError(b.t, client.Close())
}

// errand fills in where to go.
func (b *bank) errand(e errand) errand {
	e.Path, e.Provider, e.URL, e.Paid, e.KeyLife = b.path, b.name, b.server.URL, b.paid, b.keyLife
	return e
}

// merchant opens the file and starts a client in this process.
func (b *bank) merchant(e errand) *merchant {
	b.t.Helper()
	e = b.errand(e)
	m, err := e.open(nil, func(word string, args ...any) { b.t.Error(append([]any{word}, args...)...) })
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, m.close()) })
	return m
}

// child starts a process.
func (b *bank) child(e errand, environment ...string) *process {
	b.t.Helper()
	return start(b.t, b.errand(e), environment...)
}

// executed counts what was executed since the test began.
func (b *bank) executed() int { return len(b.sim.Ledger().Entries()) - b.setup }

// eventually waits until something is so.
func (b *bank) eventually(what string, so func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !so(); pause(time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "waited in vain until "+what)
	}
}

// settle is what a new process finds after all others are dead, when the weather is fine again: it finishes what they left, and calls
// once more for what was ever called for. acknowledged is what processes were told before they died.
func (b *bank) settle(tried []int, acknowledged map[int]string) tally {
	b.t.Helper()
	b.sim.ClearScript()
	b.finish(tried)
	found := b.judge(tried, acknowledged)
	before := len(b.writes())
	m := b.merchant(errand{})
	for _, n := range tried {
		id, err := m.call(b.t.Context(), n)
		if told, ok := found.ids[n]; ok {
			require.NoError(b.t, err, "operation %d", n)
			require.Equal(b.t, told, id, "operation %d", n)
		}
	}
	require.NoError(b.t, m.close()) // a success is stored by then
	require.Equal(b.t, found.unsent, len(b.writes())-before, "requests, for what nothing had been sent of")
	b.judge(tried, acknowledged)
	return found
}

// finish recovers what is due, and runs what is due later. Nothing else may be left.
func (b *bank) finish(tried []int) {
	b.t.Helper()
	m := b.merchant(errand{})
	for r, err := range m.client.Recover(b.t.Context()) {
		require.NotEmpty(b.t, r.Operation.Reference, "Recover: %v", err)
	}
	for _, n := range tried {
		rec, err := m.store.Load(b.t.Context(), m.id(n), 0)
		if err == nil && rec.State == payonce.StateOpen && rec.DueAt.After(time.Now()) {
			_, err = m.client.Run(b.t.Context(), rec.ID)
			require.NoError(b.t, err, "operation %d", n)
		}
	}
	require.NoError(b.t, m.close())
}
