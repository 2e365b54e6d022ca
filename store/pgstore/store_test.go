package pgstore_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

var server postgrestest.Shared

// tests are the package's, with the server that they share.
type tests struct{ *testing.M }

func (m tests) Run() int {
	defer server.Stop()
	return m.M.Run()
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

const account = "provider/sandbox/merchant-1"

// newPool connects to a server until the end of the test.
func newPool(tb testing.TB, url string, configure ...func(*pgxpool.Config)) *pgxpool.Pool {
	tb.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	require.NoError(tb, err)
	cfg.MaxConns = 4
	for _, f := range configure {
		f(cfg)
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// openIn makes the tables in a schema and opens the store until the end of the test.
func openIn(tb testing.TB, pool *pgxpool.Pool, schema string, opts ...pgstore.Option) *pgstore.Store {
	tb.Helper()
	opts = append([]pgstore.Option{pgstore.WithSchema(schema)}, opts...)
	require.NoError(tb, pgstore.Migrate(tb.Context(), pool, opts...))
	store, err := pgstore.New(tb.Context(), pool, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	return store
}

// open opens a store of its own on the shared server.
func open(tb testing.TB, opts ...pgstore.Option) *pgstore.Store {
	tb.Helper()
	host := server.Server(tb)
	return openIn(tb, newPool(tb, host.URL()), host.Schema(tb), opts...)
}

func id(reference string) payonce.OperationID {
	return payonce.OperationID{Account: account, Kind: "payment.create", Reference: reference}
}

// record is what a client claims: marked as about to be sent.
func record(reference string) *payonce.Record {
	return &payonce.Record{
		ID: id(reference), Generation: 1, Key: reference + "_payment", Scope: []byte("scope"),
		Fingerprint: make([]byte, 32), Seal: make([]byte, 32),
		Origin: "https://api.example.com", Method: http.MethodPost, Path: "/v1/payments",
		Header:    http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {reference + "_payment"}},
		Body:      fmt.Appendf(nil, `{"amount":5000,"currency":"EUR","reference":%q,"pad":"%0400d"}`, reference, 0),
		CreatedAt: time.Now(),
		Progress: payonce.Progress{
			Sent: 1, Reached: 1, Possible: 1, FirstAt: time.Now(), LastAt: time.Now(), DueAt: time.Now(),
			Attempts: []payonce.Attempt{{N: 1, StartedAt: time.Now()}},
		},
		Lease: payonce.Lease{Holder: "client-1", For: 15 * time.Second},
	}
}

// succeed is what a client saves in the end.
func succeed(rec *payonce.Record) {
	rec.State = payonce.StateSucceeded
	rec.Attempts = []payonce.Attempt{{N: 1, StartedAt: rec.FirstAt, Took: time.Millisecond, Class: payonce.ClassSucceeded, Status: 201}}
	rec.Outcome = &payonce.Outcome{
		Class: payonce.ClassSucceeded, Status: 201, Body: fmt.Appendf(nil, `{"id":"pay_1","pad":"%0400d"}`, 0), ResourceID: "pay_1",
		AnsweredAt: time.Now(),
	}
	rec.Lease = payonce.Lease{}
}

// operate claims an operation and saves that it succeeded.
func operate(tb testing.TB, store *pgstore.Store, reference string) {
	tb.Helper()
	rec := record(reference)
	if _, err := store.Claim(tb.Context(), rec); err != nil {
		tb.Error(err)
	}
	succeed(rec)
	if err := store.Save(tb.Context(), rec); err != nil {
		tb.Error(err)
	}
}

// random is seeded by PAYONCE_SEED, or by chance, and says how.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("PAYONCE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("PAYONCE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
