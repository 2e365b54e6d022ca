//go:build unix

package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/pgstore"
)

const (
	merchantID = "merchant_test_example"
	secretKey  = "sk_test_example"
	// patience is how long anything may last on a machine that has much else to do.
	patience = time.Minute
	// answering is how long the provider takes to answer: what is killed is often waiting for it.
	answering = 10 * time.Millisecond
)

// bank is a provider, whose ledger is the judge. It outlasts the processes.
type bank struct {
	t   *testing.T
	sim *simulator.Miracle
	url string
}

func newBank(t *testing.T) *bank {
	t.Helper()
	sim := simulator.NewMiracle(simulator.MiracleConfig{MerchantID: merchantID, SecretKeys: []string{secretKey}, AutoPay: true})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pause(answering)
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return &bank{t: t, sim: sim, url: web.URL}
}

// script makes a bank that does what a test says, on its own connections.
func script(t *testing.T, faults ...simulator.Fault) *bank {
	t.Helper()
	sim := simulator.NewMiracle(simulator.MiracleConfig{MerchantID: merchantID, SecretKeys: []string{secretKey}, AutoPay: true})
	web := sim.Start()
	t.Cleanup(web.Close)
	sim.Script(faults...)
	return &bank{t: t, sim: sim, url: web.URL}
}

// merchant is one client with its store.
type merchant struct {
	client *payonce.Client
	store  *pgstore.Store
	pool   *pgxpool.Pool
	// again opens another like it.
	again func(context.Context) (*merchant, error)
}

// open starts a client on tables that are there.
func open(ctx context.Context, bank, postgres, schema string, lease time.Duration) (*merchant, error) {
	pool, err := pgxpool.New(ctx, postgres)
	if err != nil {
		return nil, err
	}
	store, err := pgstore.New(ctx, pool, pgstore.WithSchema(schema))
	if err != nil {
		pool.Close()
		return nil, err
	}
	m := &merchant{store: store, pool: pool, again: func(ctx context.Context) (*merchant, error) {
		return open(ctx, bank, postgres, schema, lease)
	}}
	provider, err := miracle.New(miracle.Config{BaseURL: bank, MerchantID: merchantID, SecretKey: secretKey})
	if err == nil {
		m.client, err = payonce.New(payonce.Config{
			Provider: provider, Store: store, RecoverEvery: time.Second, Lease: lease,
			Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond, MaxElapsed: patience},
		})
	}
	if err != nil {
		_ = store.Close() // the first error says more
		pool.Close()
		return nil, err
	}
	return m, nil
}

func (m *merchant) close() error {
	err := m.client.Close()
	if storeErr := m.store.Close(); err == nil {
		err = storeErr
	}
	m.pool.Close()
	return err
}

func reference(n int) string { return fmt.Sprint("order-", n) }

// call asks for a payment, and returns the provider's id of it.
func (m *merchant) call(ctx context.Context, n int) (string, error) {
	p, err := m.client.Payments.Create(ctx, payonce.PaymentParams{
		Reference: reference(n), Amount: payonce.Amount{Minor: 5000, Currency: "USD"}, Method: miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
	})
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

func (m *merchant) id(n int) payonce.OperationID {
	return payonce.OperationID{Account: m.client.Account(), Kind: "payment.create", Reference: reference(n)}
}

// await calls for an operation until it has an answer.
func (m *merchant) await(ctx context.Context, n int) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if id, err = m.call(ctx, n); err == nil || ctx.Err() != nil {
			return id, err
		}
		pause(10 * time.Millisecond)
	}
}

// settle calls once more for everything that was ever called for, when all is well again, closes the merchant, and compares the answers with
// the ledger and with what another one finds: each was paid once, under its own key, and whoever was told of it was told the same.
func (b *bank) settle(m *merchant, operations int, told map[int]string) {
	b.t.Helper()
	answers := make([]string, operations)
	for n := range operations {
		id, err := m.await(b.t.Context(), n)
		require.NoError(b.t, err, "operation %d", n)
		if before, ok := told[n]; ok {
			assert.Equal(b.t, before, id, "operation %d: what somebody was told", n)
		}
		answers[n] = id
	}
	require.NoError(b.t, m.close()) // a success is stored by then
	after, err := m.again(b.t.Context())
	require.NoError(b.t, err)
	made := map[string]string{} // by key
	for n, id := range answers {
		rec, err := after.store.Load(b.t.Context(), after.id(n), 0)
		require.NoError(b.t, err, "operation %d", n)
		assert.Equal(b.t, payonce.StateSucceeded, rec.State, "operation %d", n)
		made[rec.Key] = id
	}
	require.NoError(b.t, after.close())
	require.Len(b.t, made, operations)
	entries := b.sim.Ledger().Entries()
	assert.Len(b.t, entries, operations, "effects in the ledger")
	for _, e := range entries {
		assert.Equal(b.t, made[e.Key], e.ID, "what was made under %s, and what the store says", e.Key)
	}
}
