package tests_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	sim "github.com/payonce/payonce/simulator"
)

// line is one line of the wire matrix: faults at the server, and what must come of a call.
type line struct {
	name   string
	faults []sim.Fault
	http1  bool // the fault only exists in HTTP/1
	// posts is how many POSTs the server reads to their end; moved is the ledger after the call.
	posts, moved int
	err          error // nil: success
	not          []error
	before       func(t *testing.T, w *world, c *payonce.Client)
	timeout      time.Duration // the caller's, if any
	atLeast      time.Duration // of virtual time
	exactly      time.Duration
	check        func(t *testing.T, w *world, p *payonce.Payment, err error)
}

func times(n int, f sim.Fault) []sim.Fault { return []sim.Fault{sim.Repeated(f, n)} }

func wireMatrix() []line {
	html400 := sim.Answer(400, http.Header{"Content-Type": {"text/html"}}, "<html>bad</html>")
	problem400 := sim.Answer(400, http.Header{"Content-Type": {"application/problem+json"}}, `{"type":"https://docs.truelayer.com/docs/error-types#invalid-parameters","title":"Invalid Parameters","status":400,"trace_id":"t","detail":"d"}`)
	unknown := []error{payonce.ErrRejected, payonce.ErrNotSent}
	lines := []line{
		{name: "500", faults: []sim.Fault{sim.InternalError()}, posts: 2, moved: 1},
		{name: "503 HTML", faults: []sim.Fault{sim.Unavailable()}, posts: 2, moved: 1},
		{name: "409 in flight", faults: []sim.Fault{sim.InFlight()}, posts: 2, moved: 1},
		{name: "422 reuse", faults: []sim.Fault{sim.KeyReuse()}, posts: 1, err: payonce.ErrKeyReuse, not: unknown},
		{name: "409 reuse", faults: []sim.Fault{sim.Answer(409, nil, `{"type":"x#idempotency-key-reuse","title":"Idempotency-Key Reuse","status":409,"trace_id":"t","detail":"d"}`)}, posts: 1, err: payonce.ErrKeyReuse, not: unknown},
		{name: "429 with a hint", faults: []sim.Fault{sim.RateLimited("2")}, posts: 2, moved: 1, atLeast: 2 * time.Second},
		{name: "reset on a new connection", faults: []sim.Fault{sim.ResetAfterRead(false)}, posts: 2, moved: 1},
		{name: "executed, answer lost", faults: []sim.Fault{sim.LoseAnswer()}, posts: 2, moved: 1},
		{name: "keep-alive connection closed at reuse", faults: []sim.Fault{sim.CloseReused(false)}, before: warmUp, posts: 1, moved: 1, check: twoAttempts},
		{name: "keep-alive connection reset after the request was read", faults: []sim.Fault{sim.ResetAfterRead(false)}, before: warmUp, posts: 2, moved: 1, check: twoAttempts},
		{name: "keep-alive connection closed at reuse, executed", faults: []sim.Fault{sim.CloseReused(true)}, before: warmUp, posts: 2, moved: 1, check: twoAttempts},
		{name: "truncated body", faults: []sim.Fault{sim.TruncateBody(20)}, posts: 2, moved: 1},
		{name: "truncated chunks", faults: []sim.Fault{sim.TruncateChunks(20)}, posts: 2, moved: 1},
		{name: "silently truncated body", faults: []sim.Fault{sim.TruncateSilently(20)}, posts: 2, moved: 1},
		{name: "garbled body", faults: []sim.Fault{sim.GarbleBody()}, posts: 2, moved: 1},
		{name: "empty body", faults: []sim.Fault{sim.EmptyBody()}, posts: 2, moved: 1},
		{name: "503 that says do not retry", faults: []sim.Fault{sim.ShouldRetry(sim.Unavailable(), false)}, posts: 1, err: payonce.ErrOutcomeUnknown, not: unknown},
		{name: "400 that says retry", faults: []sim.Fault{sim.ShouldRetry(problem400, true)}, posts: 2, moved: 1},
		{name: "always 503", faults: times(9, sim.Unavailable()), posts: 4, err: payonce.ErrOutcomeUnknown, not: unknown, check: keyAndAttempts},
		{name: "always 503 under a deadline", faults: times(9, sim.Unavailable()), timeout: 200 * time.Millisecond, posts: -1, err: payonce.ErrOutcomeUnknown, not: unknown, exactly: 200 * time.Millisecond, check: deadline},
		{name: "302", faults: []sim.Fault{sim.Redirect(302, "https://evil.example/")}, posts: 1, err: payonce.ErrOutcomeUnknown, not: unknown, check: notFollowed},
		{name: "307", faults: []sim.Fault{sim.Redirect(307, "https://evil.example/")}, posts: 1, err: payonce.ErrOutcomeUnknown, not: unknown, check: notFollowed},
		{name: "308", faults: []sim.Fault{sim.Redirect(308, "https://evil.example/")}, posts: 1, err: payonce.ErrOutcomeUnknown, not: unknown, check: notFollowed},
		{name: "a hang", faults: []sim.Fault{sim.Hang(false)}, posts: 2, moved: 1, atLeast: 35 * time.Second},
		{name: "a hang after executing", faults: []sim.Fault{sim.Hang(true)}, posts: 2, moved: 1, atLeast: 35 * time.Second},
		{name: "token expired", before: expireToken, posts: 2, moved: 1, check: oneRefresh},
		{name: "a huge hint", faults: []sim.Fault{sim.RateLimited("86400")}, posts: 1, err: payonce.ErrRejected, check: dueLater},
		{name: "a huge hint after a lost answer", faults: []sim.Fault{sim.LoseAnswer(), sim.RateLimited("86400")}, posts: 2, moved: 1, err: payonce.ErrOutcomeUnknown, not: unknown, check: dueLater},
		{name: "executed, answer lost, then 401", faults: append([]sim.Fault{sim.LoseAnswer()}, times(9, sim.Unauthenticated())...), posts: 3, moved: 1, err: payonce.ErrOutcomeUnknown, not: unknown},
		{name: "executed, answer lost, then 403", faults: []sim.Fault{sim.LoseAnswer(), sim.Forbidden()}, posts: 2, moved: 1, err: payonce.ErrOutcomeUnknown, not: unknown},
		{name: "executed, answer lost, then 429", faults: append([]sim.Fault{sim.LoseAnswer()}, times(9, sim.RateLimited(""))...), posts: 4, moved: 1, err: payonce.ErrOutcomeUnknown, not: unknown},
		{name: "executed, answer lost, then an HTML 400", faults: []sim.Fault{sim.LoseAnswer(), html400}, posts: 2, moved: 1, err: payonce.ErrOutcomeUnknown, not: unknown},
		{name: "400", faults: []sim.Fault{problem400}, posts: 1, err: payonce.ErrRejected, not: []error{payonce.ErrOutcomeUnknown, payonce.ErrDeclined}},
		{name: "403", faults: []sim.Fault{sim.Forbidden()}, posts: 1, err: payonce.ErrRejected, not: []error{payonce.ErrOutcomeUnknown}},
		{name: "connection refused", faults: times(9, sim.ConnectionRefused()), posts: 0, err: payonce.ErrNotSent, not: []error{payonce.ErrOutcomeUnknown}},
		{name: "an HTML 200 from somebody else", faults: []sim.Fault{sim.LoginPage()}, posts: 2, moved: 1},
		{name: "delivered twice", faults: []sim.Fault{sim.DeliverTwice()}, posts: -1, moved: 1},
	}
	return lines
}

func TestTheWireMatrix(t *testing.T) {
	t.Parallel()
	for _, l := range wireMatrix() {
		for proto, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
			for store, open := range stores() {
				t.Run(l.name+" over "+proto+" with "+store, func(t *testing.T) {
					t.Parallel()
					if http2 && l.http1 {
						return
					}
					synctest.Test(t, func(t *testing.T) { l.run(t, newWorld(t, http2, open(t), "client-1")) })
				})
			}
		}
	}
}

// run makes the call, judges it by the ledger, and then calls again as a new process would.
func (l *line) run(t *testing.T, w *world) {
	t.Helper()
	c := w.client(t)
	if l.before != nil {
		l.before(t, w, c)
	}
	posts, moved := w.posts(), w.sim.Ledger().Count("payment")
	w.sim.Script(l.faults...)
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if l.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.timeout)
	}
	defer cancel()
	start := time.Now()
	p, err := c.Payments.Create(ctx, params("order-1"))
	took := time.Since(start)
	if l.posts >= 0 {
		assert.Equal(t, l.posts, w.posts()-posts, "POSTs that the server read")
	}
	assert.Equal(t, l.moved, w.sim.Ledger().Count("payment")-moved, "payments in the ledger")
	assert.GreaterOrEqual(t, took, l.atLeast)
	if l.exactly > 0 {
		assert.Equal(t, l.exactly, took)
	}
	l.conclusion(t, err)
	if l.check != nil {
		l.check(t, w, p, err)
	}
	l.again(t, w, moved, err)
}

func (l *line) conclusion(t *testing.T, err error) {
	t.Helper()
	if l.err == nil {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, l.err)
	for _, not := range l.not {
		require.NotErrorIs(t, err, not)
	}
}

// again shows that calling again, from a new process too, ends with at most one payment: exactly one unless rejected or in doubt.
func (l *line) again(t *testing.T, w *world, moved int, err error) {
	t.Helper()
	w.sim.ClearScript()
	c := w.client(t)
	if errors.Is(err, payonce.ErrOutcomeUnknown) {
		_, refused := c.Payments.Create(t.Context(), params("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, refused, payonce.ErrOutcomeUnknown, "a new key is refused")
	}
	_, again := c.Payments.Create(t.Context(), params("order-1"))
	if again != nil {
		require.ErrorIs(t, again, payonce.ErrInDoubt)
		assert.LessOrEqual(t, w.sim.Ledger().Count("payment")-moved, 1)
		return
	}
	assert.Equal(t, 1, w.sim.Ledger().Count("payment")-moved, "payments in the ledger at the end")
}

// warmUp leaves a keep-alive connection behind.
func warmUp(t *testing.T, _ *world, c *payonce.Client) {
	t.Helper()
	_, err := c.Payments.Create(t.Context(), params("warm-up"))
	require.NoError(t, err)
}

func expireToken(t *testing.T, w *world, c *payonce.Client) {
	t.Helper()
	warmUp(t, w, c)
	w.sim.RevokeTokens()
}

func twoAttempts(t *testing.T, _ *world, p *payonce.Payment, _ error) {
	t.Helper()
	assert.Equal(t, 2, p.Receipt.Attempts, "both requests are in the receipt")
}

func oneRefresh(t *testing.T, w *world, _ *payonce.Payment, _ error) {
	t.Helper()
	assert.Equal(t, 2, w.tokens(), "the first token and one refresh")
	keys := map[string]bool{}
	for _, r := range w.sim.Requests() {
		if strings.HasPrefix(r.Path, "/v3/payments") {
			keys[r.Key] = true
		}
	}
	assert.Len(t, keys, 2, "the warm-up's key and one more")
}

func keyAndAttempts(t *testing.T, w *world, _ *payonce.Payment, err error) {
	t.Helper()
	var e *payonce.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, w.sim.Requests()[len(w.sim.Requests())-1].Key, e.Key)
	assert.Len(t, e.Attempts, 4)
	assert.Equal(t, 503, e.Status)
	assert.NotEmpty(t, e.Next)
}

func deadline(t *testing.T, _ *world, _ *payonce.Payment, err error) {
	t.Helper()
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func dueLater(t *testing.T, _ *world, _ *payonce.Payment, err error) {
	t.Helper()
	var e *payonce.Error
	require.ErrorAs(t, err, &e)
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), e.DueAt, time.Minute)
}

func notFollowed(t *testing.T, w *world, _ *payonce.Payment, _ error) {
	t.Helper()
	for _, r := range w.sim.Requests() {
		assert.NotContains(t, r.Path, "evil")
	}
}
