package tests_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to edit what was stored

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// spout is a provider that answers every write with more than anybody wants.
type spout struct {
	// header is how many bytes of headers there are, body how many of the body; framed announces their number.
	header, body int64
	framed       bool
	posts, wrote atomic.Int64
}

func (s *spout) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.posts.Add(1)
	for n := range s.header / 1024 {
		w.Header().Set(fmt.Sprint("X-Filler-", n), strings.Repeat("x", 1000))
	}
	w.Header().Set("Content-Type", "application/json")
	answer := `{"data":{"id":"pay-1","status":"succeeded","amount":{"valueMinor":5000,"currency":"USD"}}}`
	if s.framed {
		w.Header().Set("Content-Length", strconv.FormatInt(int64(len(answer))+s.body, 10))
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
	block := []byte(strings.Repeat(" ", 64<<10)) // white space after a document is still JSON
	for left := s.body; left > 0; left -= int64(len(block)) {
		n, err := w.Write(block[:min(left, int64(len(block)))])
		if s.wrote.Add(int64(n)); err != nil {
			return
		}
	}
}

// flooded is a client of a spout that makes one attempt for each call. A nil transport is the client's own.
func flooded(t *testing.T, url string, transport *http.Transport) *payonce.Client {
	t.Helper()
	provider, err := miracle.New(miracle.Config{BaseURL: url, MerchantID: "merchant-1", SecretKey: "sk_test_example"})
	require.NoError(t, err)
	cfg := payonce.Config{Provider: provider, Store: memstore.New(), RecoverEvery: -1, Retry: payonce.Retry{MaxAttempts: 1}}
	if transport != nil {
		t.Cleanup(transport.CloseIdleConnections)
		cfg.HTTPClient = &http.Client{Transport: transport}
	}
	c, err := payonce.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func payMiracle(t *testing.T, c *payonce.Client, reference string) error {
	t.Helper()
	d := miraclePay()
	_, err := c.Payments.Create(t.Context(), d.params(reference))
	return err
}

const gibibyte = 1 << 30

// meetFlood pays a few times at once where each answer is a gibibyte long.
func meetFlood(t *testing.T, url string) {
	t.Helper()
	const calls = 4
	debug.SetGCPercent(100)
	c := flooded(t, url, nil)
	before := peak()()
	stop := peak()
	errs := make([]error, calls)
	var paying sync.WaitGroup
	for i := range errs {
		paying.Go(func() { errs[i] = payMiracle(t, c, fmt.Sprint("order-", i)) })
	}
	paying.Wait()
	for _, err := range errs {
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "a 2xx that is cut is no failure")
		require.NotErrorIs(t, err, payonce.ErrInDoubt)
	}
	say("mebibytes more", (stop()-before)/mebibyte)
}

func TestAnAnswerOfAGibibyteIsCutAndUnknown(t *testing.T) {
	t.Parallel()
	for name, framed := range map[string]bool{"announced": true, "in chunks": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &spout{body: gibibyte, framed: framed}
			server := httptest.NewServer(s)
			defer server.Close()
			figures := inAChild(t, "flood", server.URL, 0)
			t.Logf("%.1f MiB more for 4 answers of 1 GiB at once, of which %.1f MiB were sent", figures["mebibytes more"], float64(s.wrote.Load())/mebibyte)
			assert.Contains(t, figures, "mebibytes more")
			assert.Less(t, figures["mebibytes more"], 64.0)
			assert.Equal(t, int64(4), s.posts.Load())
			assert.Less(t, s.wrote.Load(), int64(gibibyte), "nobody listens to the end")
		})
	}
}

func TestHeadersOfAMegabyteAreUnknownToo(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header    int64
		transport *http.Transport
		taken     bool
	}{
		"half of one, the client's own transport": {header: mebibyte / 2, taken: true},
		"two, the client's own transport":         {header: 2 * mebibyte},
		"two, a transport of the caller's":        {header: 2 * mebibyte, transport: &http.Transport{}, taken: true},
		"twelve, a transport of the caller's":     {header: 12 * mebibyte, transport: &http.Transport{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &spout{header: test.header, framed: true}
			server := httptest.NewServer(s)
			defer server.Close()
			c := flooded(t, server.URL, test.transport)
			err := payMiracle(t, c, "order-1")
			if test.taken {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				require.NotErrorIs(t, err, payonce.ErrInDoubt)
			}
			assert.Equal(t, int64(1), s.posts.Load())
		})
	}
}

// TestARecordOfANewerVersionIsSetAside edits one of several records so that this version does not know it, in the middle of a recovery.
func TestARecordOfANewerVersionIsSetAside(t *testing.T) {
	t.Parallel()
	edits := map[string]string{
		"format": `update payonce_operation set format = format + 1 where reference = 'order-19'`,
		"state":  `update payonce_progress set state = 99, version = version + 1 where operation = (select id from payonce_operation where reference = 'order-19')`,
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, d := t.TempDir()+"/payments.db", miraclePay()
			synctest.Test(t, func(t *testing.T) {
				const orders = 20 // the last of them is in nobody's hands when the first is finished
				w := newWorld(t, &d, false, openSQLite(t, path), setup{})
				w.sim.Script(simulator.Repeated(simulator.LoseAnswer(), orders))
				c := w.client(t, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
				for n := range orders {
					_, err := c.Payments.Create(t.Context(), w.params(fmt.Sprint("order-", n)))
					require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				}
				advance(time.Hour)
				edited, finished := false, 0
				for r, err := range w.client(t).Recover(t.Context()) {
					if !edited {
						edited = true
						editSQLite(t, path, edit)
					}
					if r.Operation.Reference == "order-19" {
						require.Error(t, err)
						assert.Contains(t, err.Error(), "newer version")
						continue
					}
					require.NoError(t, err, r.Operation.Reference)
					finished++
				}
				assert.Equal(t, orders-1, finished, "the rest goes on")
				posts := w.posts()
				_, err := c.Payments.Create(t.Context(), w.params("order-19"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				assert.Contains(t, err.Error(), "newer version")
				require.Error(t, c.Resolve(t.Context(), w.id("order-19"), payonce.NotExecuted, ""))
				_, err = c.Payments.Create(t.Context(), w.params("order-19"), payonce.WithNewKey())
				require.Error(t, err)
				for r, err := range w.client(t).Recover(t.Context()) {
					assert.Equal(t, "order-19", r.Operation.Reference)
					require.Error(t, err)
				}
				assert.Equal(t, posts, w.posts(), "nothing is sent for it")
				assert.Equal(t, orders, w.sim.Ledger().Count("payment"))
			})
		})
	}
}

// editSQLite changes the file as another program would.
func editSQLite(t *testing.T, path, edit string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	defer db.Close()
	done, err := db.ExecContext(t.Context(), edit)
	require.NoError(t, err)
	changed, err := done.RowsAffected()
	require.NoError(t, err)
	require.Equal(t, int64(1), changed)
}
