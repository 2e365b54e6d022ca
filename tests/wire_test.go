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
	"github.com/payonce/payonce/store/memstore"
)

// line is one line of the wire matrix: faults at the server, and what must come of a call.
type line struct {
	name   string
	faults []sim.Fault
	want
	before  func(t *testing.T, w *world, c *payonce.Client)
	timeout time.Duration // the caller's, if any
	hangs   bool          // the first attempt ends with the provider's timeout
	atLeast time.Duration // of virtual time
	exactly time.Duration
	check   func(t *testing.T, w *world, p *payonce.Payment, err error)
}

// want is what comes of a call.
type want struct {
	// posts is how many writes the server reads to their end (-1: any number), moved the payments in the ledger after the call.
	posts, moved int
	// err is nil for a success.
	err error
}

func times(n int, f sim.Fault) []sim.Fault { return []sim.Fault{sim.Repeated(f, n)} }

func faults(f ...sim.Fault) []sim.Fault { return f }

// wireMatrix holds the lines that every provider has. What it answers otherwise is in its dialect.
func wireMatrix(d *dialect) []line {
	html400 := sim.Answer(400, http.Header{"Content-Type": {"text/html"}}, "<html>bad</html>")
	refused := sim.Answer(400, http.Header{"Content-Type": {"application/json"}}, d.refusal)
	evil := "https://evil.example/"
	again, unknown := want{posts: 2, moved: 1}, want{posts: 1, err: payonce.ErrOutcomeUnknown}
	lostThenUnknown := want{posts: 2, moved: 1, err: payonce.ErrOutcomeUnknown}
	rejected := want{posts: 1, err: payonce.ErrRejected}
	lines := []line{
		{name: "500", faults: faults(sim.InternalError()), want: again},
		{name: "503 HTML", faults: faults(sim.Unavailable()), want: again},
		{name: "409 in flight", faults: faults(sim.InFlight()), want: again},
		{name: "reuse", faults: faults(sim.KeyReuse()), want: want{posts: 1, err: payonce.ErrKeyReuse}},
		{name: "429 with a hint", faults: faults(sim.RateLimited("2")), want: again, atLeast: 2 * time.Second},
		{name: "reset on a new connection", faults: faults(sim.ResetAfterRead(false)), want: again},
		{name: "executed, answer lost", faults: faults(sim.LoseAnswer()), want: again},
		{name: "keep-alive connection closed at reuse", faults: faults(sim.CloseReused(false)), before: warmUp, want: want{posts: 1, moved: 1}, check: twoAttempts},
		{name: "keep-alive connection reset after the request was read", faults: faults(sim.ResetAfterRead(false)), before: warmUp, want: again, check: twoAttempts},
		{name: "keep-alive connection closed at reuse, executed", faults: faults(sim.CloseReused(true)), before: warmUp, want: again, check: twoAttempts},
		{name: "truncated body", faults: faults(sim.TruncateBody(20)), want: again},
		{name: "truncated chunks", faults: faults(sim.TruncateChunks(20)), want: again},
		{name: "silently truncated body", faults: faults(sim.TruncateSilently(20)), want: again},
		{name: "garbled body", faults: faults(sim.GarbleBody()), want: again},
		{name: "empty body", faults: faults(sim.EmptyBody()), want: again},
		{name: "always 503", faults: times(9, sim.Unavailable()), want: want{posts: 4, err: payonce.ErrOutcomeUnknown}, check: keyAndAttempts},
		{name: "always 503 under a deadline", faults: times(9, sim.Unavailable()), timeout: 10 * time.Millisecond, want: want{posts: -1, err: payonce.ErrOutcomeUnknown}, exactly: 10 * time.Millisecond, check: deadline},
		{name: "302", faults: faults(sim.Redirect(302, evil)), want: unknown, check: notFollowed},
		{name: "307", faults: faults(sim.Redirect(307, evil)), want: unknown, check: notFollowed},
		{name: "308", faults: faults(sim.Redirect(308, evil)), want: unknown, check: notFollowed},
		{name: "a hang", faults: faults(sim.Hang(false)), want: again, hangs: true},
		{name: "a hang after executing", faults: faults(sim.Hang(true)), want: again, hangs: true},
		{name: "a huge hint", faults: faults(sim.RateLimited("86400")), want: rejected, check: dueLater},
		{name: "a huge hint after a lost answer", faults: faults(sim.LoseAnswer(), sim.RateLimited("86400")), want: lostThenUnknown, check: dueLater},
		{name: "executed, answer lost, then 401", faults: append(faults(sim.LoseAnswer()), times(9, sim.Unauthenticated())...), want: lostThenUnknown},
		{name: "executed, answer lost, then 403", faults: faults(sim.LoseAnswer(), sim.Forbidden()), want: lostThenUnknown},
		{name: "executed, answer lost, then 429", faults: append(faults(sim.LoseAnswer()), times(9, sim.RateLimited(""))...), want: want{posts: 4, moved: 1, err: payonce.ErrOutcomeUnknown}},
		{name: "executed, answer lost, then an HTML 400", faults: faults(sim.LoseAnswer(), html400), want: lostThenUnknown},
		{name: "400", faults: faults(refused), want: rejected},
		{name: "403", faults: faults(sim.Forbidden()), want: rejected},
		{name: "connection refused", faults: times(9, sim.ConnectionRefused()), want: want{err: payonce.ErrNotSent}},
		{name: "an HTML 200 from somebody else", faults: faults(sim.LoginPage()), want: again},
		{name: "the key was used for another amount by somebody else", before: foreignUse, want: want{posts: 1, err: payonce.ErrKeyReuse}},
		{name: "delivered twice", faults: faults(sim.DeliverTwice()), want: want{posts: -1, moved: 1}},
	}
	for i, l := range lines {
		if other, ok := d.differs[l.name]; ok {
			lines[i].want = other
		}
	}
	return append(lines, d.lines...)
}

// trueLayerLines are about Tl-Should-Retry, the two spellings of reuse, and tokens.
func trueLayerLines() []line {
	problem := func(detail string) sim.Fault {
		return sim.Answer(400, nil, `{"type":"https://docs.truelayer.com/docs/error-types#invalid-parameters","title":"Invalid Parameters","status":400,"trace_id":"t","detail":"`+detail+`"}`)
	}
	reuse := `{"type":"x#idempotency-key-reuse","title":"Idempotency-Key Reuse","status":409,"trace_id":"t","detail":"d"}`
	return []line{
		{name: "409 reuse", faults: faults(sim.Answer(409, nil, reuse)), want: want{posts: 1, err: payonce.ErrKeyReuse}},
		{name: "503 that says do not retry", faults: faults(sim.ShouldRetry(sim.Unavailable(), false)), want: want{posts: 1, err: payonce.ErrOutcomeUnknown}},
		{name: "400 that says retry", faults: faults(sim.ShouldRetry(problem("d"), true)), want: want{posts: 2, moved: 1}},
		{name: "token expired", before: expireToken, want: want{posts: 2, moved: 1}, check: oneRefresh},
	}
}

func TestTheWireMatrix(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		for _, l := range wireMatrix(&d) {
			for proto, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
				for store, open := range stores() {
					t.Run(d.name+": "+l.name+" over "+proto+" with "+store, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { l.run(t, newWorld(t, &d, http2, open(t), setup{})) })
					})
				}
			}
		}
	}
}

// TestEveryDifferenceIsALine finds names in a dialect that no line has (any more).
func TestEveryDifferenceIsALine(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		names := map[string]bool{}
		for _, l := range wireMatrix(&d) {
			require.False(t, names[l.name], "%s: two lines are named %q", d.name, l.name)
			names[l.name] = true
		}
		for name := range d.differs {
			assert.True(t, names[name], "%s differs in %q, which is no line", d.name, name)
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
	p, err := c.Payments.Create(ctx, w.params("order-1"))
	took := time.Since(start)
	if l.posts >= 0 {
		assert.Equal(t, l.posts, w.posts()-posts, "writes that the server read")
	}
	assert.Equal(t, l.moved, w.sim.Ledger().Count("payment")-moved, "payments in the ledger")
	assert.GreaterOrEqual(t, took, l.atLeast)
	if l.hangs {
		assert.GreaterOrEqual(t, took, w.provider.Profile().Timeout)
	}
	if l.exactly > 0 {
		assert.Equal(t, l.exactly, took)
	}
	l.conclusion(t, err)
	if l.check != nil {
		l.check(t, w, p, err)
	}
	l.again(t, w, moved, err)
}

// conclusion compares the error with what is wanted: also that it says nothing else of the outcome.
func (l *line) conclusion(t *testing.T, err error) {
	t.Helper()
	if l.err == nil {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, l.err)
	if errors.Is(l.err, payonce.ErrRejected) || errors.Is(l.err, payonce.ErrNotSent) {
		require.NotErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Equal(t, errors.Is(l.err, payonce.ErrDeclined), errors.Is(err, payonce.ErrDeclined))
		return
	}
	require.NotErrorIs(t, err, payonce.ErrRejected)
	require.NotErrorIs(t, err, payonce.ErrNotSent)
}

// again shows that calling again, from a new process too, ends with at most one payment: exactly one unless in doubt or refused for good.
func (l *line) again(t *testing.T, w *world, moved int, err error) {
	t.Helper()
	w.sim.ClearScript()
	c := w.client(t)
	if errors.Is(err, payonce.ErrOutcomeUnknown) {
		_, refused := c.Payments.Create(t.Context(), w.params("order-1"), payonce.WithNewKey())
		require.ErrorIs(t, refused, payonce.ErrOutcomeUnknown, "a new key is refused")
	}
	final := errors.Is(err, payonce.ErrRejected)
	_, err = c.Payments.Create(t.Context(), w.params("order-1"))
	if errors.Is(err, payonce.ErrOutcomeUnknown) && !errors.Is(err, payonce.ErrInDoubt) {
		advance(10 * time.Minute) // a lookup knows more when nothing can be on its way any more
		_, err = c.Payments.Create(t.Context(), w.params("order-1"))
		final = true
	}
	moved = w.sim.Ledger().Count("payment") - moved
	switch {
	case err == nil:
		assert.Equal(t, 1, moved, "payments in the ledger at the end")
	case errors.Is(err, payonce.ErrInDoubt):
		assert.LessOrEqual(t, moved, 1)
	default:
		require.ErrorIs(t, err, payonce.ErrRejected)
		assert.True(t, final, "what was unknown is settled, what was refused stays so")
		assert.Zero(t, moved)
		_, err = c.Payments.Create(t.Context(), w.params("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
	}
}

// warmUp leaves a keep-alive connection behind.
func warmUp(t *testing.T, w *world, c *payonce.Client) {
	t.Helper()
	_, err := c.Payments.Create(t.Context(), w.params("warm-up"))
	require.NoError(t, err)
}

func expireToken(t *testing.T, w *world, c *payonce.Client) {
	t.Helper()
	warmUp(t, w, c)
	w.sim.(*sim.TrueLayer).RevokeTokens()
}

// foreignUse is another installation, with a store of its own, that takes another amount under the same reference.
func foreignUse(t *testing.T, w *world, _ *payonce.Client) {
	t.Helper()
	elsewhere := *w
	elsewhere.store = memstore.New()
	p := w.params("order-1")
	p.Amount.Minor += 100
	_, err := elsewhere.client(t).Payments.Create(t.Context(), p)
	require.NoError(t, err)
}

func twoAttempts(t *testing.T, _ *world, p *payonce.Payment, _ error) {
	t.Helper()
	assert.Equal(t, 2, p.Receipt.Attempts, "both requests are in the receipt")
}

func oneRefresh(t *testing.T, w *world, _ *payonce.Payment, _ error) {
	t.Helper()
	tokens, keys := 0, map[string]bool{}
	for _, r := range w.sim.Requests() {
		switch {
		case strings.HasSuffix(r.Path, "/connect/token"):
			tokens++
		case r.Key != "":
			keys[r.Key] = true
		}
	}
	assert.Equal(t, 2, tokens, "the first token and one refresh")
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
