// Package tests_test holds what needs everything at once: client, provider, store and the simulator whose ledger is the judge.
package tests_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/sqlitestore"
)

// TestMain keeps net/http's remarks on broken connections out of the output, and lets the garbage of thousands of little worlds lie.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// cheapSigner stands in for P-521, which costs milliseconds; real signatures have tests of their own.
type cheapSigner struct{}

const cheapSignature = "not a signature"

func (cheapSigner) Sign(context.Context, []byte) ([]byte, error) { return []byte(cheapSignature), nil }

func cheapVerify(_ string, _, signature []byte) error {
	if string(signature) != cheapSignature {
		return errors.New("bad signature")
	}
	return nil
}

// stores are the stores that every matrix runs over.
func stores() map[string]func(*testing.T) payonce.KeyStore {
	return map[string]func(*testing.T) payonce.KeyStore{
		"memory": func(*testing.T) payonce.KeyStore { return memstore.New() },
		"sqlite": func(t *testing.T) payonce.KeyStore { t.Helper(); return openSQLite(t, t.TempDir()+"/payments.db") },
	}
}

func openSQLite(t *testing.T, path string) payonce.KeyStore {
	t.Helper()
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// world is one merchant, one provider, and what is between them.
type world struct {
	sim      *simulator.TrueLayer
	store    payonce.KeyStore
	provider *truelayer.Provider
	http2    bool
}

// newWorld must be called inside the bubble that uses it.
func newWorld(t *testing.T, http2 bool, store payonce.KeyStore, clientID string, change ...func(*simulator.TrueLayerConfig)) *world {
	t.Helper()
	cfg := simulator.TrueLayerConfig{ClientID: clientID, VerifySignature: cheapVerify, AutoAuthorize: true}
	for _, f := range change {
		f(&cfg)
	}
	return &world{sim: simulator.NewTrueLayer(cfg), store: store, provider: provider(t, clientID), http2: http2}
}

// connect is a network of its own to the provider, as another process has.
func (w *world) connect(t *testing.T) *http.Client {
	t.Helper()
	transport := w.sim.Transport
	if w.http2 {
		transport = w.sim.TransportHTTP2
	}
	own := transport()
	t.Cleanup(own.Close)
	return &http.Client{Transport: own}
}

func provider(t *testing.T, clientID string) *truelayer.Provider {
	t.Helper()
	tl, err := truelayer.New(truelayer.Config{
		BaseURL: truelayer.Sandbox, ClientID: clientID, ClientSecret: "secret_test_example",
		SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: cheapSigner{},
	})
	require.NoError(t, err)
	return tl
}

// client starts a client, as a new process would.
func (w *world) client(t *testing.T, change ...func(*payonce.Config)) *payonce.Client {
	t.Helper()
	cfg := payonce.Config{Provider: w.provider, Store: w.store, HTTPClient: w.connect(t), RecoverEvery: -1}
	for _, f := range change {
		f(&cfg)
	}
	c, err := payonce.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// posts counts the payment requests that the server read to their end.
func (w *world) posts() int {
	n := 0
	for _, r := range w.sim.Requests() {
		if r.Method == http.MethodPost && strings.HasPrefix(r.Path, "/v3/") && r.Complete {
			n++
		}
	}
	return n
}

// tokens counts the requests for a token.
func (w *world) tokens() int {
	n := 0
	for _, r := range w.sim.Requests() {
		if strings.HasSuffix(r.Path, "/connect/token") {
			n++
		}
	}
	return n
}

func params(reference string) payonce.PaymentParams {
	return payonce.PaymentParams{
		Reference: reference,
		Amount:    payonce.Amount{Minor: 5000, Currency: "GBP"},
		Method: truelayer.BankTransfer{
			Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
			User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
		},
	}
}

// advance lets virtual time pass inside a bubble.
func advance(d time.Duration) { <-time.NewTimer(d).C }
