package tests_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/pgstore"
	"github.com/payonce/payonce/store/sqlitestore"
)

// till is the server of the benchmarks: it answers after its latency, with a new payment for each new key, and counts everything.
type till struct {
	latency  time.Duration
	payments sync.Map // by key
	made     atomic.Int64
	posts    atomic.Int64
	sample   atomic.Pointer[sample]
}

// sample is a payment request as the client sent it.
type sample struct {
	header http.Header
	body   []byte
}

const tokenAnswer = `{"access_token":"token_test_example","token_type":"Bearer","expires_in":3600}`

// pay makes the payment of the key and returns the answer.
func (s *till) pay(ctx context.Context, header http.Header, body []byte) (requestID, answer string) {
	n := s.posts.Add(1)
	if n == 1 {
		s.sample.Store(&sample{header.Clone(), bytes.Clone(body)})
	}
	if s.latency > 0 {
		timer := time.NewTimer(s.latency)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	answer = fmt.Sprintf(`{"id":"00000000-0000-4000-8000-%012d","user":{"id":"f9b48c9d-176b-46dd-b2da-fe1a2b77350c"},`+
		`"resource_token":"token_test_example","status":"authorization_required"}`, n)
	first, repeated := s.payments.LoadOrStore(header.Get("Idempotency-Key"), answer)
	if !repeated {
		s.made.Add(1)
	}
	return strconv.FormatInt(n, 10), first.(string)
}

// ServeHTTP is the till behind a socket.
func (s *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/connect/token" {
		_, _ = io.WriteString(w, tokenAnswer)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	requestID, answer := s.pay(r.Context(), r.Header, body)
	w.Header().Set("Tl-Trace-Id", requestID)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

// RoundTrip is the till without a network.
func (s *till) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, answer, header := http.StatusOK, tokenAnswer, http.Header{"Content-Type": {"application/json"}}
	if r.URL.Path != "/connect/token" {
		var requestID string
		requestID, answer = s.pay(r.Context(), r.Header, body)
		status = http.StatusCreated
		header["Tl-Trace-Id"] = []string{requestID}
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader([]byte(answer))), ContentLength: int64(len(answer)), Request: r,
	}, nil
}

// counter is what the payments of a benchmark go through.
type counter struct {
	b    *testing.B
	till *till
	url  string
	hc   func() *http.Client // one for each contender
	// asked counts the payments, refs the references.
	asked, refs atomic.Int64
}

// openCounter starts a till on a loopback port; with keep-alive for as many callers as there may be.
func openCounter(b *testing.B, latency time.Duration) *counter {
	b.Helper()
	till := &till{latency: latency}
	server := httptest.NewServer(till)
	b.Cleanup(server.Close)
	hc := func() *http.Client {
		transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
		b.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	return &counter{b: b, till: till, url: server.URL, hc: hc}
}

// openCounterInMemory is a till without a network: what is left is the engine.
func openCounterInMemory(b *testing.B) *counter {
	b.Helper()
	till := &till{}
	return &counter{b: b, till: till, url: "http://127.0.0.1", hc: func() *http.Client { return &http.Client{Transport: till} }}
}

// settle is the judge: as many payments as were asked for, each by one request.
func (c *counter) settle() {
	asked, made, posts := c.asked.Load(), c.till.made.Load(), c.till.posts.Load()
	if asked == 0 || made != asked || posts != asked {
		c.b.Errorf("%d payments were asked for, %d were made by %d requests", asked, made, posts)
	}
}

// pay makes one payment.
type pay func(ctx context.Context) error

// way is a way to pay, not started yet; contender one that is.
type (
	way struct {
		name string
		open func(*counter) pay
	}
	contender struct {
		name string
		pay  pay
	}
)

// memory pays through a client over a store in memory, with a signature that costs nothing.
func (c *counter) memory() pay { return c.payer(memstore.New(), signCheaply) }

// signed pays as memory does, with real signatures.
func (c *counter) signed() pay { return c.payer(memstore.New(), signReally(c.b)) }

// sqlite pays through a client over a durable store.
func (c *counter) sqlite() pay { return c.payer(openBenchSQLite(c.b), signCheaply) }

// postgres pays through a client over a PostgreSQL server that is started for it.
func (c *counter) postgres() pay { return c.payer(openBenchPostgres(c.b), signCheaply) }

// payer pays through a client.
func (c *counter) payer(store payonce.KeyStore, sign func(*truelayer.Config)) pay {
	client := c.client(store, sign)
	return func(ctx context.Context) error {
		c.asked.Add(1)
		payment, err := client.Payments.Create(ctx, new(trueLayer()).params("order-"+strconv.FormatInt(c.refs.Add(1), 10)))
		if err == nil && (payment.ID == "" || payment.Receipt.Replayed != "") {
			err = fmt.Errorf("payment %q, replayed %q", payment.ID, payment.Receipt.Replayed)
		}
		return err
	}
}

func (c *counter) client(store payonce.KeyStore, sign func(*truelayer.Config)) *payonce.Client {
	cfg := truelayer.Config{
		BaseURL: c.url, AuthURL: c.url, ClientID: "client_test_example", ClientSecret: "secret_test_example",
		SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990",
	}
	sign(&cfg)
	tl, err := truelayer.New(cfg)
	require.NoError(c.b, err)
	client, err := payonce.New(payonce.Config{Provider: tl, Store: store, HTTPClient: c.hc(), RecoverEvery: -1})
	require.NoError(c.b, err)
	c.b.Cleanup(func() { require.NoError(c.b, client.Close()) })
	return client
}

func signCheaply(cfg *truelayer.Config) { cfg.Signer = cheapSigner{} }

// signReally makes a P-521 key, so that every attempt is signed as TrueLayer wants it.
func signReally(b *testing.B) func(*truelayer.Config) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(b, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(b, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return func(cfg *truelayer.Config) { cfg.SigningKeyPEM = payonce.Secret(text) }
}

// raw pays with net/http alone: the bytes and headers that the client sends, under a key of its own, the answer read and decoded.
func (c *counter) raw() pay {
	require.NoError(c.b, c.memory()(c.b.Context()))
	like, hc := c.till.sample.Load(), c.hc()
	return func(ctx context.Context) error {
		n := c.asked.Add(1)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v3/payments", bytes.NewReader(like.body))
		if err != nil {
			return err
		}
		req.Header = like.header.Clone()
		req.Header.Set("Idempotency-Key", fmt.Sprintf("11111111-1111-4111-8111-%012d", n))
		res, err := hc.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		var payment struct{ ID, Status string }
		if err := json.Unmarshal(body, &payment); err != nil || res.StatusCode != http.StatusCreated || payment.ID == "" {
			return errors.Join(err, fmt.Errorf("status %d, payment %q", res.StatusCode, payment.ID))
		}
		return nil
	}
}

// race runs b.N payments of the contender by so many callers. Between its blocks the others pay as much while the clock stands: the
// machine's mood is the same for all, and x-NAME is the median, over the blocks, of the contender's time through the other's.
func race(b *testing.B, callers int, own contender, others ...contender) {
	b.Helper()
	block := max(25, 8*callers)
	ratios := make([][]float64, len(others))
	for _, one := range append(slices.Clone(others), own) { // fetches the token and opens the connections
		run(b, callers, 2*callers, one, nil)
	}
	var took []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for paid := 0; paid < b.N; paid += block {
		n := min(block, b.N-paid)
		b.StopTimer()
		against := make([]time.Duration, len(others))
		for i, other := range others {
			against[i] = run(b, callers, n, other, nil)
		}
		b.StartTimer()
		mine := run(b, callers, n, own, &took)
		for i := range others {
			if n == block || paid == 0 {
				ratios[i] = append(ratios[i], float64(mine)/float64(against[i]))
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
	b.ReportMetric(quantile(took, 0.5).Seconds()*1e6, "p50-µs")
	b.ReportMetric(quantile(took, 0.99).Seconds()*1e6, "p99-µs")
	for i, other := range others {
		b.ReportMetric(quantile(ratios[i], 0.5), "x-"+other.name)
	}
}

// run has n payments made by so many callers, returns how long it took, and notes how long each took.
func run(b *testing.B, callers, n int, c contender, took *[]time.Duration) time.Duration {
	b.Helper()
	each := make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	started := time.Now()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				began := time.Now()
				if err := c.pay(b.Context()); err != nil {
					b.Errorf("%s: %v", c.name, err)
					return
				}
				each[i-1] = time.Since(began)
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(started)
	if took != nil {
		*took = append(*took, each...)
	}
	return elapsed
}

func quantile[T float64 | time.Duration](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}

// BenchmarkPayment is one payment of a reference of its own, over loopback TCP with keep-alive, to a server that answers at once or
// after its latency. "raw" is net/http alone; x-raw and x-memory are paired ratios. The server runs in the same process: ns/op and
// allocs/op hold its part too, which is the same for all.
func BenchmarkPayment(b *testing.B) {
	raw, memory := way{"raw", (*counter).raw}, way{"memory", (*counter).memory}
	signed, sqlite := way{"memory+ES512", (*counter).signed}, way{"sqlite", (*counter).sqlite}
	atOnce := [][]way{{raw}, {memory, raw}, {signed, raw, memory}, {sqlite, raw, memory}}
	postgres := way{"postgres", (*counter).postgres}
	later := [][]way{{raw}, {sqlite, raw, memory}, {postgres, raw, memory}} // what a signature costs does not depend on the server
	for _, callers := range []int{1, 16, 64} {
		benchmarkPayment(b, 0, callers, atOnce)
		benchmarkPayment(b, 5*time.Millisecond, callers, later)
		benchmarkPayment(b, 50*time.Millisecond, callers, later)
	}
}

// benchmarkPayment races the first of each line against its others.
func benchmarkPayment(b *testing.B, latency time.Duration, callers int, lines [][]way) {
	b.Helper()
	for _, line := range lines {
		b.Run(fmt.Sprintf("server=%v/callers=%d/%s", latency, callers, line[0].name), func(b *testing.B) {
			c := openCounter(b, latency)
			var field []contender
			for _, w := range line {
				field = append(field, contender{w.name, w.open(c)})
			}
			race(b, callers, field[0], field[1:]...)
			c.settle()
		})
	}
}

// BenchmarkEngine is one payment without a network: what the client itself costs, with a cheap signature.
func BenchmarkEngine(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("memory/callers=%d", callers), func(b *testing.B) {
			c := openCounterInMemory(b)
			race(b, callers, contender{"memory", c.memory()})
			c.settle()
		})
	}
}

// BenchmarkReplay asks again for a payment that was made: the record answers, the server hears nothing.
func BenchmarkReplay(b *testing.B) {
	const made = 1000
	stores := map[string]func(*testing.B) payonce.KeyStore{
		"memory": func(*testing.B) payonce.KeyStore { return memstore.New() },
		"sqlite": openBenchSQLite,
	}
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				c := openCounterInMemory(b)
				client := c.client(stores[name](b), signCheaply)
				var next atomic.Int64
				again := func(want string) contender {
					return contender{"replay", func(ctx context.Context) error {
						n := next.Add(1) % made
						payment, err := client.Payments.Create(ctx, new(trueLayer()).params("order-"+strconv.FormatInt(n, 10)))
						if err == nil && (payment.ID == "" || payment.Receipt.Replayed != want) {
							err = fmt.Errorf("payment %q, replayed %q", payment.ID, payment.Receipt.Replayed)
						}
						return err
					}}
				}
				c.asked.Store(made)
				run(b, callers, made, again(""), nil)
				race(b, callers, again("local"))
				c.settle()
			})
		}
	}
}

func openBenchSQLite(b *testing.B) payonce.KeyStore {
	b.Helper()
	store, err := sqlitestore.Open(b.TempDir() + "/payments.db")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	return store
}

func openBenchPostgres(b *testing.B) payonce.KeyStore {
	b.Helper()
	shared := new(postgrestest.Shared)
	b.Cleanup(shared.Stop)
	pool, err := pgxpool.New(b.Context(), shared.Server(b).Database(b))
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	require.NoError(b, pgstore.Migrate(b.Context(), pool))
	store, err := pgstore.New(b.Context(), pool)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	return store
}
