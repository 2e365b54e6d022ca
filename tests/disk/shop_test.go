// Package disk_test shows what becomes of payments when the store or its disk fails: a call that was done and answers an error, damaged
// files, files that are missing, exchanged or put back to an earlier state. The judge is the provider's ledger.
//
// Faults of the disk at every single access are in store/sqlitestore, which can be given another disk.
package disk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/sqlitestore"
)

// TestMain keeps net/http's remarks on broken connections out of the output, and lets the garbage of thousands of little worlds lie.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// sampled is the step from one thing that is tried to the next: 1 if PAYONCE_DISK is all.
func sampled(step int) int {
	if os.Getenv("PAYONCE_DISK") == "all" {
		return 1
	}
	return step
}

// simulated is what every simulated provider does.
type simulated interface {
	Ledger() *simulator.Ledger
	Requests() []simulator.Request
	Script(faults ...simulator.Fault)
	ClearScript()
	Transport() *simulator.Transport
}

// dialect is a provider. Dear is a price that it declines.
type dialect struct {
	name        string
	price, dear payonce.Amount
	method      any
	start       func(t *testing.T) (simulated, payonce.Provider)
}

// dialects are one that forgets keys after a day, and one that does after 30.
func dialects() []dialect { return []dialect{miraclePay(), trueLayer()} }

func miraclePay() dialect {
	return dialect{
		name:   "miracle",
		price:  payonce.Amount{Minor: 5000, Currency: "USD"},
		dear:   payonce.Amount{Minor: 700_000, Currency: "USD"},
		method: miracle.Method{Type: miracle.Card, Token: "tok_test_example"},
		start: func(t *testing.T) (simulated, payonce.Provider) {
			t.Helper()
			provider, err := miracle.New(miracle.Config{MerchantID: "merchant-1", SecretKey: "sk_test_example"})
			require.NoError(t, err)
			return simulator.NewMiracle(simulator.MiracleConfig{
				MerchantID: "merchant-1", SecretKeys: []string{"sk_test_example"}, AutoPay: true,
				DeclineAmounts: map[int64]string{700_000: "INSUFFICIENT_FUNDS"},
			}), provider
		},
	}
}

// cheapSigner stands in for P-521, which costs milliseconds.
type cheapSigner struct{}

func (cheapSigner) Sign(context.Context, []byte) ([]byte, error) { return []byte("signature"), nil }

func trueLayer() dialect {
	return dialect{
		name:  "truelayer",
		price: payonce.Amount{Minor: 5000, Currency: "GBP"},
		dear:  payonce.Amount{Minor: 700_000, Currency: "GBP"},
		method: truelayer.BankTransfer{
			Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
			User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
		},
		start: func(t *testing.T) (simulated, payonce.Provider) {
			t.Helper()
			provider, err := truelayer.New(truelayer.Config{
				BaseURL: truelayer.Sandbox, ClientID: "merchant-1", ClientSecret: "secret_test_example",
				SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: cheapSigner{},
			})
			require.NoError(t, err)
			return simulator.NewTrueLayer(simulator.TrueLayerConfig{
				ClientID: "merchant-1", AutoAuthorize: true, FailAmounts: map[int64]simulator.Failure{700_000: {Reason: "insufficient_funds"}},
				VerifySignature: func(string, []byte, []byte) error { return nil },
			}), provider
		},
	}
}

// shop is one merchant and its provider, with what the judge must remember.
type shop struct {
	*dialect

	t        *testing.T
	sim      simulated
	provider payonce.Provider
	log      *bytes.Buffer

	mu   sync.Mutex
	keys map[string][]string // of each reference
}

// newShop must be called inside the bubble that uses it.
func newShop(t *testing.T, d *dialect) *shop {
	t.Helper()
	sim, provider := d.start(t)
	return &shop{dialect: d, t: t, sim: sim, provider: provider, log: &bytes.Buffer{}, keys: map[string][]string{}}
}

// open opens a store, which logs to the shop's log.
func (s *shop) open(path string) (*sqlitestore.Store, error) {
	return sqlitestore.Open(path, sqlitestore.WithLogger(slog.New(slog.NewTextHandler(s.log, nil))))
}

// work is a process: a client with a store, until it ends.
func (s *shop) work(store payonce.KeyStore, do func(c *payonce.Client)) {
	s.t.Helper()
	transport := s.sim.Transport()
	defer transport.Close()
	c, err := payonce.New(payonce.Config{
		Provider: s.provider, Store: &notary{store, s}, HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1,
		Retry: payonce.Retry{MaxAttempts: 2},
	})
	require.NoError(s.t, err)
	do(c)
	_ = c.Close() // names what could not be stored
}

// pay asks for a payment and judges the answer.
func (s *shop) pay(c *payonce.Client, reference string, price payonce.Amount, opts ...payonce.CallOption) error {
	s.t.Helper()
	_, err := c.Payments.Create(s.t.Context(), payonce.PaymentParams{Reference: reference, Amount: price, Method: s.method}, opts...)
	s.judge(reference, err)
	return err
}

// recover recovers what is due, and judges each result.
func (s *shop) recover(c *payonce.Client) {
	s.t.Helper()
	for r, err := range c.Recover(s.t.Context()) {
		if r.Generation > 0 {
			s.judge(r.Operation.Reference, err)
		}
	}
}

// judge compares what is said of an operation with the ledger. A refusal is about the key that it names.
func (s *shop) judge(reference string, err error) {
	s.t.Helper()
	moved := s.moved(s.keysOf(reference)...)
	assert.LessOrEqual(s.t, moved, 1, "%s moved money twice; the caller was told: %v", reference, err)
	var told *payonce.Error
	switch {
	case err == nil:
		assert.Equal(s.t, 1, moved, "%s: the caller was told that it succeeded", reference)
	case errors.Is(err, payonce.ErrOutcomeUnknown), errors.Is(err, payonce.ErrKeyReuse):
	case errors.As(err, &told) && (errors.Is(err, payonce.ErrNotSent) || errors.Is(err, payonce.ErrRejected)):
		assert.Zero(s.t, s.moved(told.Key), "%s: the caller was told: %v", reference, err)
	default:
		assert.Fail(s.t, "the caller is not told what became of it", "%s: %v", reference, err)
	}
}

// moved counts the payments that were made, and not declined, under some keys.
func (s *shop) moved(keys ...string) (n int) {
	for _, e := range s.sim.Ledger().Entries() {
		if slices.Contains(keys, e.Key) && !e.Declined {
			n++
		}
	}
	return n
}

func (s *shop) keysOf(reference string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys[reference])
}

// total counts all payments that were made and not declined.
func (s *shop) total() (n int) {
	for _, e := range s.sim.Ledger().Entries() {
		if !e.Declined {
			n++
		}
	}
	return n
}

// account checks that no request left without its mark in the store.
func (s *shop) account(store payonce.KeyStore, reference string) {
	s.t.Helper()
	rec, err := store.Load(s.t.Context(), payonce.OperationID{Account: s.provider.Profile().Account, Kind: "payment.create", Reference: reference}, 0)
	require.NoError(s.t, err)
	sent := 0
	for _, r := range s.sim.Requests() {
		if r.Key == rec.Key {
			sent++
		}
	}
	assert.GreaterOrEqual(s.t, rec.Sent, sent, "%s: requests that arrived, and marks", reference)
}

// notary is a store that notes the keys of what is claimed.
type notary struct {
	payonce.KeyStore

	s *shop
}

func (n *notary) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	n.s.mu.Lock()
	if reference := rec.ID.Reference; !slices.Contains(n.s.keys[reference], rec.Key) {
		n.s.keys[reference] = append(n.s.keys[reference], rec.Key)
	}
	n.s.mu.Unlock()
	return n.KeyStore.Claim(ctx, rec)
}

// elapse lets the bubble's time pass.
func elapse(d time.Duration) { <-time.NewTimer(d).C }
