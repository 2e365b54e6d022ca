package tests_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/store/sqlitestore"
)

// What a process needs for a great many of something is measured in a process of its own: a child, which is this binary again.

const (
	roleVariable = "PAYONCE_TEST_ROLE"
	pathVariable = "PAYONCE_TEST_PATH"
	mebibyte     = 1 << 20
)

// TestOfAChild is what a child process runs; on its own it has nothing to do.
func TestOfAChild(t *testing.T) {
	t.Parallel()
	switch os.Getenv(roleVariable) {
	case "fill":
		fillPending(t, os.Getenv(pathVariable), number(t, "PAYONCE_PENDING", 0))
	case "begin":
		beginPending(t, os.Getenv(pathVariable))
	case "drain":
		drainPending(t, os.Getenv(pathVariable))
	case "flood":
		meetFlood(t, os.Getenv(pathVariable))
	}
}

// inAChild runs a role in another process and returns the figures that it says, by name.
func inAChild(t *testing.T, role, path string, pending int) map[string]float64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOfAChild$", "-test.v", "-test.timeout=1h")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path, fmt.Sprint("PAYONCE_PENDING=", pending))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", role, out)
	said := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "figure "), " = ")
		if figure, err := strconv.ParseFloat(value, 64); ok && err == nil {
			said[name] = figure
		}
	}
	return said
}

func say(name string, value float64) {
	_, _ = fmt.Fprintf(os.Stderr, "\nfigure %s = %f\n", name, value)
}

// peak watches how much memory is in use, until it is stopped; then it returns the most, in bytes.
func peak() (stop func() float64) {
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		highest, ticker := uint64(0), time.NewTicker(5*time.Millisecond)
		defer ticker.Stop()
		for {
			sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
			metrics.Read(sample)
			highest = max(highest, sample[0].Value.Uint64()-sample[1].Value.Uint64())
			select {
			case <-done:
				most <- highest
				return
			case <-ticker.C:
			}
		}
	}()
	return func() float64 { close(done); return float64(<-most) }
}

// clerk is a provider that answers at once, and remembers only how often it did.
type clerk struct {
	posts atomic.Int64
	once  sync.Once
	first chan struct{} // closed at the first write
}

func newClerk() *clerk { return &clerk{first: make(chan struct{})} }

func (c *clerk) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
	}
	status, answer := http.StatusOK, tokenAnswer
	if req.URL.Path != "/connect/token" {
		c.once.Do(func() { close(c.first) })
		n := c.posts.Add(1)
		status, answer = http.StatusCreated, fmt.Sprintf(`{"id":"00000000-0000-4000-8000-%012d","user":{"id":"f9b48c9d-176b-46dd-b2da-fe1a2b77350c"},`+
			`"resource_token":"token_test_example","status":"authorization_required"}`, n)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)), Request: req,
	}, nil
}

func pendingClient(t *testing.T, path string, clerk *clerk, recoverEvery time.Duration) (*payonce.Client, *sqlitestore.Store) {
	t.Helper()
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	provider, err := truelayer.New(truelayer.Config{
		BaseURL: truelayer.Sandbox, ClientID: "merchant-1", ClientSecret: "secret_test_example",
		SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: cheapSigner{},
	})
	require.NoError(t, err)
	c, err := payonce.New(payonce.Config{Provider: provider, Store: store, HTTPClient: &http.Client{Transport: clerk}, RecoverEvery: recoverEvery})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, store
}

// fillPending inserts operations that were prepared and never sent, as a merchant's transactions do.
func fillPending(t *testing.T, path string, n int) {
	t.Helper()
	c, store := pendingClient(t, path, newClerk(), -1)
	d := trueLayer()
	began, next := time.Now(), atomic.Int64{}
	var inserting sync.WaitGroup
	errs := make([]error, 256)
	for i := range errs {
		inserting.Go(func() {
			for at := next.Add(1); at <= int64(n) && errs[i] == nil; at = next.Add(1) {
				rec, err := c.Payments.Prepare(d.params(fmt.Sprint("order-", at)))
				if err == nil {
					_, err = store.Claim(t.Context(), rec)
				}
				errs[i] = err
			}
		})
	}
	inserting.Wait()
	require.NoError(t, errors.Join(errs...))
	say("inserted per second", float64(n)/time.Since(began).Seconds())
}

// beginPending is a process that starts on that, works by itself, and ends after its first request.
func beginPending(t *testing.T, path string) {
	t.Helper()
	began, clerk := time.Now(), newClerk()
	t.Cleanup(func() { say("sent", float64(clerk.posts.Load())) }) // when the client is closed
	_, _ = pendingClient(t, path, clerk, 0)
	<-clerk.first
	say("seconds to the first send", time.Since(began).Seconds())
}

// drainPending is a process that sends it all.
func drainPending(t *testing.T, path string) {
	t.Helper()
	debug.SetGCPercent(100)
	stop, began, clerk := peak(), time.Now(), newClerk()
	c, _ := pendingClient(t, path, clerk, -1)
	finished := 0
	for _, err := range c.Recover(t.Context()) {
		require.NoError(t, err)
		finished++
	}
	say("recovered", float64(finished))
	say("recovered per second", float64(finished)/time.Since(began).Seconds())
	say("sent", float64(clerk.posts.Load()))
	say("mebibytes at most", stop()/mebibyte)
}

// TestAGreatManyPendingOperations starts a process on a store with PAYONCE_PENDING operations that wait (F93): it sends the first one at
// once, and needs no more memory however many there are.
func TestAGreatManyPendingOperations(t *testing.T) {
	t.Parallel()
	n, path := number(t, "PAYONCE_PENDING", 2000), t.TempDir()+"/payments.db"
	figures := inAChild(t, "fill", path, n)
	t.Logf("%d operations inserted, %.0f per second", n, figures["inserted per second"])
	first, sent := math.Inf(1), 0.0
	for range 3 { // a machine that does much else is given another chance
		figures = inAChild(t, "begin", path, n)
		require.Contains(t, figures, "seconds to the first send")
		sent += figures["sent"]
		if first = min(first, figures["seconds to the first send"]); first < 1 {
			break
		}
	}
	figures = inAChild(t, "drain", path, n)
	t.Logf("first send after %.3f s; then %.0f recovered per second, at most %.0f MiB in use", first, figures["recovered per second"], figures["mebibytes at most"])
	limit := 1.0
	if n < 100_000 { // beside all other tests
		limit = 10
	}
	assert.Less(t, first, limit)
	assert.InDelta(t, n, sent+figures["sent"], 0, "each once")
	assert.Less(t, figures["mebibytes at most"], 64.0)
}
