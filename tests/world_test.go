// Package tests_test holds what needs everything at once: client, provider, store and the simulator whose ledger is the judge.
package tests_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
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

// platformKey is the key of MidasPay's platform.
var platformKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// platformCertificates are what the merchant downloaded from the console.
func platformCertificates() map[string]string {
	der, err := x509.MarshalPKIXPublicKey(&platformKey().PublicKey)
	if err != nil {
		panic(err)
	}
	return map[string]string{"01": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
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
	*dialect

	sim      simulated
	store    payonce.KeyStore
	provider payonce.Provider
	http2    bool
}

// newWorld must be called inside the bubble that uses it.
func newWorld(t *testing.T, d *dialect, http2 bool, store payonce.KeyStore, s setup) *world {
	t.Helper()
	if s.merchant == "" {
		s.merchant = "merchant-1"
	}
	sim, provider := d.start(t, s)
	return &world{dialect: d, sim: sim, store: store, provider: provider, http2: http2}
}

// transport is a network of its own to the provider, as another process has.
func (w *world) transport() *simulator.Transport {
	if w.http2 {
		return w.sim.TransportHTTP2()
	}
	return w.sim.Transport()
}

// connect is a client of such a network, which is closed at the end of the test.
func (w *world) connect(t *testing.T) *http.Client {
	t.Helper()
	own := w.transport()
	t.Cleanup(own.Close)
	return &http.Client{Transport: own}
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

// id is the identity of a payment.
func (w *world) id(reference string) payonce.OperationID {
	return payonce.OperationID{Account: w.provider.Profile().Account, Kind: "payment.create", Reference: reference}
}

// posts counts the writes that the server read to their end.
func (w *world) posts() int {
	n := 0
	for _, r := range w.sim.Requests() {
		if r.Key != "" && r.Complete {
			n++
		}
	}
	return n
}

// advance lets virtual time pass inside a bubble.
func advance(d time.Duration) { <-time.NewTimer(d).C }
