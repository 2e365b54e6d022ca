package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/sqlitestore"
)

// A merchant's day is lived on a disk whose n-th access fails: once, or from then on; with an I/O error, because the disk is full, or because
// it was made read-only. That is done for every n, through the whole client. Whatever the caller is told must agree with the provider's
// ledger, and when the disk is mended, what the store acknowledged is there and every payment comes to its end, once.
//
// PAYONCE_DISK=all takes every n, otherwise a sample; PAYONCE_ACCESS takes one.

// trouble is a way in which a disk fails. Step is 1 where every n is taken.
type trouble struct {
	name   string
	code   sqlite3.ErrorCode
	sticky bool
	step   int
}

func troubles() []trouble {
	return []trouble{
		{"I/O error, once", sqlite3.IOERR, false, 1},
		{"I/O error, from then on", sqlite3.IOERR, true, 1},
		{"disk full, once", sqlite3.FULL, false, 3}, // as an I/O error of a write
		{"disk full, from then on", sqlite3.FULL, true, 1},
		{"read-only, from then on", sqlite3.READONLY, true, 3}, // as a disk that is full
	}
}

func TestEveryAccessToTheDiskFails(t *testing.T) {
	t.Parallel()
	for _, how := range troubles() {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			first, step := accesses(t, how.step)
			days := 0
			for n := first; days == 0 || step > 0; n += step {
				hit := liveOn(t, how, n)
				if hit == nil {
					break
				}
				days++
				if t.Failed() {
					t.Fatalf("%s: %s\nagain: PAYONCE_ACCESS=%d go test -run '^%s$' ./store/sqlitestore", how.name, hit, n, t.Name())
				}
			}
			require.Positive(t, days, "nothing failed")
			t.Logf("%d days", days)
		})
	}
}

// accesses says which access fails first, and how many further on the next; 0 is none.
func accesses(t *testing.T, all int) (first, step int) {
	t.Helper()
	if text := os.Getenv("PAYONCE_ACCESS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n, 0
	}
	if os.Getenv("PAYONCE_DISK") == "all" {
		return 1, all
	}
	return 1, 23
}

// liveOn lives a day on a disk whose n-th access fails, and returns which one that was; nil if there are not so many.
func liveOn(t *testing.T, how trouble, n int) *access {
	t.Helper()
	d, name := newDisk(t, n, how.sticky, how.code)
	path := t.TempDir() + "/payments.db"
	synctest.Test(t, func(t *testing.T) {
		m := &merchant{t: t, path: path, engine: sqlitestore.WithEngine(otherEngine(name)), acked: map[payonce.OperationID]int64{}}
		m.sim = simulator.NewMiracle(simulator.MiracleConfig{MerchantID: "merchant-1", SecretKeys: []string{"sk_test_example"}, AutoPay: true})
		var err error
		m.provider, err = miracle.New(miracle.Config{MerchantID: "merchant-1", SecretKey: "sk_test_example"})
		require.NoError(t, err)
		m.morning()
		elapse(5 * time.Minute)
		m.afternoon()
		d.mend()
		elapse(5 * time.Minute)
		m.evening()
	})
	_, hit := d.accesses()
	return hit
}

// elapse lets the bubble's time pass.
func elapse(d time.Duration) { <-time.NewTimer(d).C }

// merchant is one shop: its store, its provider, and what it was told.
type merchant struct {
	t      *testing.T
	path   string
	engine sqlitestore.Option
	sim    *simulator.Miracle

	provider *miracle.Provider

	mu    sync.Mutex
	acked map[payonce.OperationID]int64 // the last version that was acknowledged
}

// at opens the store, again if it failed once, and works with it. A store that can't be opened is closed for the day.
func (m *merchant) at(work func(c *payonce.Client, store *sqlitestore.Store)) error {
	m.t.Helper()
	store, err := sqlitestore.Open(m.path, m.engine)
	if err != nil {
		var own *sqlitestore.Error
		require.ErrorAs(m.t, err, &own)
		if store, err = sqlitestore.Open(m.path, m.engine); err != nil {
			return err
		}
	}
	transport := m.sim.Transport()
	defer transport.Close()
	c, err := payonce.New(payonce.Config{
		Provider: m.provider, Store: &acknowledged{store, m}, HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1,
		Retry: payonce.Retry{MaxAttempts: 2},
	})
	require.NoError(m.t, err)
	work(c, store)
	_ = c.Close()     // names what could not be stored
	_ = store.Close() // what it can't write is lost
	return nil
}

// pay asks for a payment and compares what is said of it with the ledger.
func (m *merchant) pay(c *payonce.Client, reference string) error {
	m.t.Helper()
	_, err := c.Payments.Create(m.t.Context(), payonce.PaymentParams{
		Reference: reference, Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
	})
	effects := m.effects(reference)
	switch {
	case err == nil:
		assert.Equal(m.t, 1, effects, "%s succeeded", reference)
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		assert.LessOrEqual(m.t, effects, 1, "%s: %v", reference, err)
	case errors.Is(err, payonce.ErrNotSent), errors.Is(err, payonce.ErrRejected):
		assert.Zero(m.t, effects, "%s: %v", reference, err)
	default:
		assert.Fail(m.t, "the caller is not told what became of it", "%s: %v", reference, err)
	}
	return err
}

func (m *merchant) effects(reference string) int {
	return len(m.sim.Ledger().ByKey(reference + "_payment"))
}

// receipts counts the requests that arrived with a key.
func (m *merchant) receipts(key string) (n int) {
	for _, r := range m.sim.Requests() {
		if r.Key == key {
			n++
		}
	}
	return n
}

// morning is normal work: a payment whose first answer is lost, and one whose answers are all lost.
func (m *merchant) morning() {
	_ = m.at(func(c *payonce.Client, _ *sqlitestore.Store) {
		m.sim.Script(simulator.LoseAnswer())
		_ = m.pay(c, "order-1")
		m.sim.Script(simulator.LoseAnswer(), simulator.LoseAnswer())
		_ = m.pay(c, "order-2")
		m.sim.ClearScript()
	})
}

// afternoon is recovery, a repeated call, and a purge.
func (m *merchant) afternoon() {
	_ = m.at(func(c *payonce.Client, store *sqlitestore.Store) {
		for r, err := range c.Recover(m.t.Context()) {
			if err == nil && r.Generation > 0 {
				assert.Equal(m.t, 1, m.effects(r.Operation.Reference), "%s was recovered", r.Operation)
			}
		}
		_ = m.pay(c, "order-1")
		_, _ = store.Purge(m.t.Context(), time.Now(), 100)
		_ = m.pay(c, "order-3")
	})
}

// evening is after the disk was mended: nothing that was acknowledged is missing, and everything comes to its end.
func (m *merchant) evening() {
	err := m.at(func(c *payonce.Client, store *sqlitestore.Store) {
		m.mu.Lock()
		for id, version := range m.acked {
			rec, err := store.Load(m.t.Context(), id, 1)
			if assert.NoError(m.t, err, "acknowledged") {
				assert.GreaterOrEqual(m.t, rec.Version, version, "%s was acknowledged", id)
				assert.False(m.t, rec.Restored, "%s", id)
			}
		}
		m.mu.Unlock()
		for _, err := range c.Recover(m.t.Context()) {
			assert.NoError(m.t, err)
		}
		for n := range 3 {
			reference := fmt.Sprintf("order-%d", n+1)
			assert.NoError(m.t, m.pay(c, reference))
			rec, err := store.Load(m.t.Context(), payonce.OperationID{Account: m.provider.Profile().Account, Kind: "payment.create", Reference: reference}, 1)
			assert.NoError(m.t, err)
			assert.GreaterOrEqual(m.t, rec.Sent, m.receipts(rec.Key), "%s: a request left without its mark", reference)
		}
		assert.Equal(m.t, "ok", store.Text(m.t, "pragma integrity_check"))
	})
	assert.NoError(m.t, err, "the disk was mended")
	assert.Len(m.t, m.sim.Ledger().Entries(), 3)
}

// acknowledged remembers what the store said was done.
type acknowledged struct {
	payonce.KeyStore

	m *merchant
}

func (a *acknowledged) ack(id payonce.OperationID, version int64) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	a.m.acked[id] = max(a.m.acked[id], version)
}

func (a *acknowledged) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := a.KeyStore.Claim(ctx, rec)
	if err == nil {
		a.ack(got.ID, got.Version)
	}
	return got, err
}

func (a *acknowledged) Save(ctx context.Context, rec *payonce.Record) error {
	err := a.KeyStore.Save(ctx, rec)
	if err == nil {
		a.ack(rec.ID, rec.Version)
	}
	return err
}

func (a *acknowledged) SaveLater(rec *payonce.Record, done func(error)) {
	id, version := rec.ID, rec.Version+1
	a.KeyStore.SaveLater(rec, func(err error) {
		if err == nil {
			a.ack(id, version)
		}
		done(err)
	})
}
