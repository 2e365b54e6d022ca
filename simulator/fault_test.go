package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

// What one plain request meets, from both ends.
type meeting struct {
	saw      string // by the client: error, timeout, or a status and what became of the body
	arrived  int    // requests at the provider
	complete int    // of them read to the end
	paid     int    // entries in the ledger
}

// meetings says what each fault of the catalogue does to one create request.
// Where HTTP/2 differs there is an entry under "h2 " and the name.
func meetings() map[string]meeting {
	unseen := meeting{"error", 0, 0, 0}
	unread := meeting{"error", 1, 0, 0}
	lost := meeting{"error", 1, 1, 1}
	refused := func(status int) meeting { return meeting{fmt.Sprint(status), 1, 1, 0} }
	return map[string]meeting{
		"no-such-host": unseen, "dns-unavailable": unseen, "connection-refused": unseen, "host-unreachable": unseen,
		"connect-timeout": {"timeout", 0, 0, 0}, "half-open": {"timeout", 0, 0, 0},
		"unknown-authority": unseen, "expired-certificate": unseen, "wrong-host": unseen,
		"handshake-reset": unseen, "handshake-alert": unseen, "reset-before-first-byte": unseen,
		"proxy-denied": unseen, "outage": unseen,

		"reset-before-read": unread, "reset-mid-request": unread,
		"reset-after-read": {"error", 1, 1, 0}, "reset-after-executing": lost, "lose-answer": lost,
		"close-reused": unread, "close-reused-executed": lost, "dead-pool": unread, "dead-pool-executed": lost,
		"delay": {"timeout", 1, 1, 1}, "hang": {"timeout", 1, 1, 0}, "hang-executed": {"timeout", 1, 1, 1},

		"cut-status-line": lost, "garbage-status-line": lost, "oversized-headers": lost,
		"duplicate-content-length": lost, "bad-chunk": {"201 cut", 1, 1, 1},
		"truncate-body": {"201 cut", 1, 1, 1}, "truncate-chunks": {"201 cut", 1, 1, 1},
		"truncate-silently": {"201 no JSON", 1, 1, 1}, "garble-body": {"201 no JSON", 1, 1, 1},
		"empty-body": {"201 no JSON", 1, 1, 1}, "slow": {"201 cut", 1, 1, 1}, "endless": {"201 cut", 1, 1, 1},
		"repeat-answer": {"201", 1, 1, 1}, "login-page": {"200 no JSON", 1, 1, 0}, "cached-answer": refused(200),
		"h2 bad-chunk": lost,

		"inform": {"201", 1, 1, 1}, "switch-protocols": {"101 no JSON", 1, 1, 0}, "h2 switch-protocols": {"error", 1, 1, 0},
		"answer-before-body": {"417 no JSON", 1, 0, 0}, "late-continue": {"201", 1, 1, 1},
		"refuse-stream": unread, "go-away-below": unread, "go-away": {"error", 1, 1, 0}, "go-away-executed": lost,
		"reset-stream": {"error", 1, 1, 0}, "reset-stream-executed": lost, "reset-stream-internal": lost,
		"reset-stream-cancel": lost, "stall": {"timeout", 1, 0, 0},

		"deliver-twice": {"201", 2, 2, 1}, "deliver-later": {"error", 1, 1, 1}, "deliver-again": {"201", 2, 2, 1},

		"sticky-error": refused(500), "sticky-error-executed": {"500", 1, 1, 1},
		"error-after-executing": {"502 no JSON", 1, 1, 1}, "internal-error": refused(500),
		"unavailable": {"503 no JSON", 1, 1, 0}, "rate-limited": refused(429), "rate-limited-absurd": refused(429),
		"rate-limited-negative": refused(429), "unauthenticated": refused(401), "forbidden": refused(403),
		"redirect": {"307 no JSON", 1, 1, 0}, "redirect-found": {"302 no JSON", 1, 1, 0},
		"error-under-200": refused(200), "success-under": {"400", 1, 1, 1}, "accepted": {"202 no JSON", 1, 1, 1},
		"not-yet-visible": {"201", 1, 1, 1}, "answer": {"418 no JSON", 1, 1, 0},
		"answer-after-executing": {"418 no JSON", 1, 1, 1},

		"in-flight": refused(409), "in-flight-for-ever": refused(409), "hold-key": {"201", 1, 1, 1},
		"key-reuse": refused(422), "replay-any-body": {"201", 1, 1, 1}, "replay-latest": {"201", 1, 1, 1},
		"forget-key": {"201", 1, 1, 1}, "execute-twice": {"201", 1, 1, 2},
	}
}

func TestEveryFaultIsSeenFromBothEnds(t *testing.T) {
	t.Parallel()
	want := meetings()
	for _, s := range simulator.AllFaults() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, want, s.Name, "say what this fault does")
			for _, h2 := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					sim := newSimulator()
					transport := sim.Transport
					if h2 {
						transport = sim.TransportHTTP2
					}
					meet(t, sim, onTransport(t, transport()), s, h2)
				})
			}
		})
	}
}

func TestFaultsOnSockets(t *testing.T) {
	t.Parallel()
	for _, h2 := range []bool{false, true} {
		for _, s := range simulator.AllFaults() {
			if s.Waits {
				continue
			}
			t.Run(fmt.Sprintf("%s h2=%v", s.Name, h2), func(t *testing.T) {
				t.Parallel()
				sim := newSimulator()
				start := sim.Start
				if h2 {
					start = sim.StartHTTP2
				}
				server := start()
				t.Cleanup(server.Close)
				meet(t, sim, newMerchant(t, server.Client(), server.URL), s, h2)
			})
		}
	}
}

// meet sends one request into a fault, compares what both ends saw, and sends it
// again in fine weather: now it is answered, and nothing is paid twice that the
// fault has not paid twice by itself.
func meet(t *testing.T, sim *simulator.TrueLayer, m *merchant, s simulator.Specimen, h2 bool) {
	t.Helper()
	require.Equal(t, "201", attempt(t, m, "another key")) // from now on the connection is a used one
	before := len(sim.Requests())
	if s.Fault.Dial != simulator.DialNormally {
		m.http.CloseIdleConnections()
	}
	sim.Script(s.Fault)
	got := meeting{saw: attempt(t, m, key(1))}
	if s.Name == "deliver-later" || s.Name == "deliver-again" {
		pass(t, 2*time.Minute)
	}
	log := sim.Requests()[before:]
	got.arrived = len(log)
	for _, r := range log {
		if r.Complete {
			got.complete++
		}
		if s.Name != "not-yet-visible" {
			assert.Equal(t, s.Fault.Name, r.Fault)
		}
	}
	got.paid = len(sim.Ledger().ByKey(key(1)))
	want := meetings()
	expected, ok := want["h2 "+s.Name]
	if !h2 || !ok {
		expected = want[s.Name]
	}
	if h2 && s.Proto == "HTTP/1.1" && !ok && s.Name != "repeat-answer" {
		expected.saw = "error"
	}
	assert.Equal(t, expected, got, "%s, HTTP/2: %v", s.Name, h2)

	sim.ClearScript()
	m.http.CloseIdleConnections()
	status := attempt(t, m, key(1))
	switch s.Name {
	case "sticky-error", "sticky-error-executed":
		assert.Equal(t, "500", status, "the error stays under the key")
	default:
		assert.Equal(t, "201", status)
		assert.Len(t, sim.Ledger().ByKey(key(1)), max(1, expected.paid))
	}
}

// attempt sends one payment as a plain client does, and says what it saw.
func attempt(t *testing.T, m *merchant, k string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
	defer cancel()
	res, err := m.http.Do(m.request(http.MethodPost, "/v3/payments", k, payment()).WithContext(ctx))
	switch {
	case err != nil && ctx.Err() != nil:
		return "timeout"
	case err != nil:
		return "error"
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return fmt.Sprintf("%d cut", res.StatusCode)
	case !json.Valid(body):
		return fmt.Sprintf("%d no JSON", res.StatusCode)
	}
	return fmt.Sprint(res.StatusCode)
}

func TestFaultsWaitForTheRequestsTheyAreFor(t *testing.T) {
	t.Parallel()
	sim := newSimulator(autoAuthorize)
	m := inProcess(t, sim)
	id := m.pay(key(1))
	sim.Script(
		simulator.Only(simulator.RateLimited("7"), simulator.On(http.MethodPost, "/refunds")),
		simulator.Repeated(simulator.ShouldRetry(simulator.Unavailable(), false), 2),
		simulator.NotYetVisible(1),
	)
	seen := func() string { return attempt(t, m, key(2)) }
	assert.Equal(t, "503 no JSON", seen())
	limited := m.request(http.MethodPost, "/v3/payments/"+id+"/refunds", key(3), object{"reference": "r"})
	res, err := m.http.Do(limited)
	require.NoError(t, err)
	assert.Equal(t, "7", res.Header.Get("Retry-After"))
	assert.Equal(t, http.StatusTooManyRequests, readAnswer(t, res).status)
	assert.Equal(t, "503 no JSON", seen())
	assert.Equal(t, "201", seen())
	assert.Equal(t, http.StatusNotFound, m.get("/v3/payments/"+id).status)
	assert.Equal(t, http.StatusOK, m.get("/v3/payments/"+id).status)
}

func TestFaultsSetHeaders(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	sim.Script(simulator.ShouldRetry(simulator.Fault{Execute: true}, true), simulator.ShouldRetry(simulator.InFlight(), false))
	assert.Equal(t, "true", m.post("/v3/payments", key(1), payment()).header.Get("Tl-Should-Retry"))
	assert.Equal(t, "false", m.post("/v3/payments", key(1), payment()).header.Get("Tl-Should-Retry"))
}

func TestZeroFaultReadsAndCloses(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	sim.Script(simulator.Fault{Name: "zero"})
	assert.Equal(t, "error", attempt(t, m, key(1)))
	last := sim.Requests()[1]
	assert.True(t, last.Complete)
	assert.False(t, last.Executed)
	assert.Zero(t, last.Status)
}

func TestRepeatedAnswerMeetsTheNextRequest(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	sim.Script(simulator.RepeatAnswer())
	first := m.pay(key(1))
	assert.Equal(t, first, m.pay(key(2)), "the answer to another request, and no error")
	assert.Equal(t, 2, sim.Ledger().Count("payment"))
}

func TestLiesAboutTheKey(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	first := m.pay(key(1))

	sim.Script(simulator.ReplayAnyBody())
	other := m.post("/v3/payments", key(1), payment(object{"amount_in_minor": 1}))
	assert.Equal(t, first, other.text("id"), "the amount differs, silently")

	require.NoError(t, sim.Authorize(first))
	sim.Script(simulator.ReplayLatest())
	assert.Equal(t, "authorized", m.post("/v3/payments", key(1), payment()).text("status"))
	require.NoError(t, sim.Execute(first))
	sim.Script(simulator.ReplayLatest())
	assert.Equal(t, "authorized", m.post("/v3/payments", key(1), payment()).text("status"), "a create answer knows no later one")
	assert.Equal(t, "authorization_required", m.post("/v3/payments", key(1), payment()).text("status"), "the stored one")

	sim.Script(simulator.ForgetKey())
	assert.NotEqual(t, first, m.pay(key(1)))
	assert.Len(t, sim.Ledger().ByKey(key(1)), 2)
}

func TestHeldRequestsArriveWhenTold(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	sim.Script(simulator.DeliverLater(0), simulator.DeliverAgain(0))
	assert.Equal(t, "error", attempt(t, m, key(1)))
	assert.Len(t, sim.Requests(), 1, "only the token request")
	id := m.pay(key(1))
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
	sim.DeliverHeld()
	assert.Len(t, sim.Requests(), 4)
	assert.True(t, sim.Requests()[3].Replayed)
	assert.Equal(t, id, sim.Ledger().Entries()[0].ID)
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestDroppedConnectionsAreFoundOutAtTheNextUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator()
		m := inProcess(t, sim)
		synctest.Wait() // the connection is idle now
		sim.DropConnections()
		synctest.Wait()
		m.pay(key(1))
		assert.Len(t, sim.Requests(), 2)
	})
}

func TestFinalStatusBeforeTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator()
		transport := sim.Transport()
		transport.HTTP().ExpectContinueTimeout = time.Minute
		m := onTransport(t, transport)
		for name, row := range map[string]struct {
			fault          simulator.Fault
			status         int
			waited, wanted bool
		}{
			"refused":  {simulator.AnswerBeforeBody(http.StatusExpectationFailed), http.StatusExpectationFailed, false, false},
			"late":     {simulator.LateContinue(10 * time.Second), http.StatusCreated, true, true},
			"ordinary": {simulator.Fault{Execute: true}, http.StatusCreated, false, true},
		} {
			sim.Script(row.fault)
			continued := false
			r := m.request(http.MethodPost, "/v3/payments", name, payment())
			r.Header.Set("Expect", "100-continue")
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				Got100Continue: func() { continued = true },
			}))
			start := time.Now()
			res, err := m.http.Do(r)
			require.NoError(t, err, name)
			assert.Equal(t, row.status, readAnswer(t, res).status, name)
			assert.Equal(t, row.wanted, continued, name)
			assert.Equal(t, row.waited, time.Since(start) > 0, name)
		}
	})
}

func TestFaultsCanBeGivenAsData(t *testing.T) {
	t.Parallel()
	n, yes := 3, true
	for _, s := range simulator.AllFaults() {
		f, err := simulator.FaultSpec{Name: s.Name}.Fault()
		require.NoError(t, err, s.Name)
		assert.Equal(t, s.Fault.Name, f.Name)
	}
	f, err := simulator.FaultSpec{
		Name: "answer", Times: 2, Method: "POST", Path: "/payments", Status: 599, Delay: "1s", N: &n,
		Header: map[string]string{"Retry-After": "1"}, ShouldRetry: &yes,
	}.Fault()
	require.NoError(t, err)
	assert.Equal(t, 2, f.Times)
	assert.Equal(t, "1", f.Header.Get("Retry-After"))
	assert.Equal(t, "true", f.Header.Get("Tl-Should-Retry"))
	for _, bad := range []simulator.FaultSpec{
		{Name: "weather"}, {Name: "delay", Delay: "soon"}, {Name: "delay", Delay: "-1s"}, {Name: "answer", Status: 99},
	} {
		_, err := bad.Fault()
		require.Error(t, err, bad.Name)
	}
}
