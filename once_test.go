package payonce_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func TestAPaymentIsMadeOnceHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	first, err := c.Payments.Create(t.Context(), order("order-1"))
	require.NoError(t, err)
	assert.Equal(t, "pay_1", first.ID)
	assert.Equal(t, 1, first.Receipt.Attempts)
	assert.Empty(t, first.Receipt.Replayed)
	assert.NotEmpty(t, first.Receipt.Key)

	again, err := c.Payments.Create(t.Context(), order("order-1"))
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID)
	assert.Equal(t, "local", again.Receipt.Replayed)
	assert.Len(t, b.writes(), 1)
	assert.Equal(t, 1, b.moved())
}

func TestEveryAttemptSendsTheSameBytesWithTheSameKeyAndFreshCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{lose: true}, reply{status: 500}, reply{dial: true})
		b.authorize = func(bool) error { b.mu.Lock(); defer b.mu.Unlock(); b.tokens++; return nil }
		c := newClient(t, b, memory())
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 4, p.Receipt.Attempts)
		writes := b.writes()
		require.Len(t, writes, 3)
		for _, w := range writes[1:] {
			assert.NotEqual(t, writes[0].token, w.token)
			w.token = writes[0].token
			assert.Equal(t, writes[0], w)
		}
		assert.Equal(t, 1, b.moved())
	})
}

func TestTheRecordIsDurableBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		id := payonce.OperationID{Account: "bank/test/shop", Kind: "payment.create", Reference: "order-1"}
		sent := 0
		check := func() {
			sent++
			rec, err := store.Load(t.Context(), id, 0)
			require.NoError(t, err)
			assert.Equal(t, sent, rec.Sent, "the attempt was marked before it left")
			assert.Equal(t, b.seen[len(b.seen)-1].body, string(rec.Body.Bytes()))
			assert.Equal(t, b.seen[len(b.seen)-1].key, rec.Key)
			assert.True(t, rec.Lease.Live)
		}
		b.script = []reply{{status: 503, skip: true, hook: check}, {lose: true, hook: check}, {hook: check}}
		c := newClient(t, b, store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, 3, sent)
	})
}

func TestOtherContentUnderTheSameReferenceIsCaughtBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	require.NoError(t, err)
	other := order("order-1")
	other.Amount.Minor++
	_, err = c.Payments.Create(t.Context(), other)
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	require.NotErrorIs(t, err, payonce.ErrInDoubt)
	assert.Len(t, b.writes(), 1)

	_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithKey("another-key"))
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	_, err = c.Payments.Create(t.Context(), order("order-2"), payonce.WithKey("mine"))
	require.NoError(t, err)
	_, err = c.Payments.Create(t.Context(), order("order-3"), payonce.WithKey("mine"))
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "two operations with one key")
	assert.Len(t, b.writes(), 2)
}

func TestTheSameFieldsInAnotherOrderAreTheSameContent(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	op := payonce.Operation{Kind: "bank.thing", Reference: "r", Path: "/things", Body: []byte(`{"a":1,"b":[true,null,"x"]}`)}
	_, err := payonce.Do[payonce.Raw](t.Context(), c, op)
	require.NoError(t, err)
	op.Body = []byte(`{ "b": [true, null, "\u0078"], "a": 1 }`)
	_, err = payonce.Do[payonce.Raw](t.Context(), c, op)
	require.NoError(t, err)
	for _, body := range []string{`{"a":1,"b":[true,null,"y"]}`, `{"a":1.0,"b":[true,null,"x"]}`, `{"a":1,"b":[null,true,"x"]}`, `{"a":"1","b":[true,null,"x"]}`, `{"a":1}`, `a`} {
		op.Body = []byte(body)
		_, err = payonce.Do[payonce.Raw](t.Context(), c, op)
		require.ErrorIs(t, err, payonce.ErrKeyReuse, body)
	}
	assert.Len(t, b.writes(), 1)
}

func TestWhatACallConcludes(t *testing.T) {
	t.Parallel()
	lost := reply{lose: true}
	tests := map[string]struct {
		script []reply
		writes int
		moved  int
		err    error // nil: success
		not    []error
		state  string
	}{
		"500 is retried":                     {script: []reply{{status: 500, skip: true}}, writes: 2, moved: 1},
		"500 after executing is retried":     {script: []reply{{status: 500}}, writes: 2, moved: 1},
		"a lost answer is asked for again":   {script: []reply{lost}, writes: 2, moved: 1},
		"a truncated success is asked again": {script: []reply{{status: 201, body: `{"id":"pa`}}, writes: 2, moved: 1},
		"an empty success is asked again":    {script: []reply{{status: 201}}, writes: 2, moved: 1},
		"in flight is waited for":            {script: []reply{{status: 409, skip: true}, {status: 409, skip: true}}, writes: 3, moved: 1},
		"throttling is retried":              {script: []reply{{status: 429, skip: true, body: `{}`}}, writes: 2, moved: 1},
		"a dead token is renewed":            {script: []reply{{status: 401, skip: true, body: `{}`}}, writes: 2, moved: 1},
		"not sent is retried":                {script: []reply{{dial: true}}, writes: 1, moved: 1},
		"never sent": {
			script: []reply{{dial: true}, {dial: true}, {dial: true}, {dial: true}}, err: payonce.ErrNotSent, not: []error{payonce.ErrOutcomeUnknown}, state: "not sent",
		},
		"a refusal": {
			script: []reply{{status: 400, skip: true, body: `{"code":"bad"}`}}, writes: 1, err: payonce.ErrRejected, not: []error{payonce.ErrDeclined, payonce.ErrOutcomeUnknown}, state: "rejected",
		},
		"a decline": {script: []reply{{status: 201, skip: true, body: `{"code":"declined"}`}}, writes: 1, err: payonce.ErrDeclined, not: []error{payonce.ErrOutcomeUnknown}, state: "rejected"},
		"reuse, says the provider": {
			script: []reply{{status: 422, skip: true, body: `{}`}}, writes: 1, err: payonce.ErrKeyReuse, not: []error{payonce.ErrRejected}, state: "in doubt",
		},
		"a redirect":                           {script: []reply{{status: 307, skip: true, header: http.Header{"Location": {"https://evil.example/"}}}}, writes: 1, err: payonce.ErrOutcomeUnknown, state: "open"},
		"always 503":                           {script: []reply{{status: 503}, {status: 503}, {status: 503}, {status: 503}}, writes: 4, moved: 1, err: payonce.ErrOutcomeUnknown, not: []error{payonce.ErrRejected, payonce.ErrNotSent}, state: "open"},
		"a refusal after a lost answer":        {script: []reply{lost, {status: 400, body: `{"code":"bad"}`}}, writes: 2, moved: 1, err: payonce.ErrOutcomeUnknown, not: []error{payonce.ErrRejected}, state: "open"},
		"401 after a lost answer":              {script: []reply{lost, {status: 401, body: `{}`}, {status: 401, body: `{}`}}, writes: 3, moved: 1, err: payonce.ErrOutcomeUnknown, not: []error{payonce.ErrRejected}, state: "open"},
		"not sent after a lost answer":         {script: []reply{lost, {dial: true}, {dial: true}, {dial: true}}, writes: 1, moved: 1, err: payonce.ErrOutcomeUnknown, not: []error{payonce.ErrNotSent}, state: "open"},
		"a proven refusal after a lost answer": {script: []reply{{err: io.ErrUnexpectedEOF, skip: true}, {status: 400, skip: true, body: `{"code":"final"}`}}, writes: 2, err: payonce.ErrRejected, state: "rejected"},
		"a proven refusal after a 2xx":         {script: []reply{{status: 200, body: `{`}, {status: 400, body: `{"code":"final"}`}}, writes: 2, moved: 1, err: payonce.ErrOutcomeUnknown, not: []error{payonce.ErrRejected}, state: "open"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(test.script...), memory()
				c := newClient(t, b, store)
				_, err := c.Payments.Create(t.Context(), order("order-1"))
				assert.Len(t, b.writes(), test.writes)
				assert.Equal(t, test.moved, b.moved())
				if test.err == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, test.err)
				for _, not := range test.not {
					require.NotErrorIs(t, err, not)
				}
				e := detail(t, err)
				assert.NotEmpty(t, e.Key)
				assert.NotEmpty(t, e.Next)
				assert.Len(t, e.Attempts, e.Sent)
				rec, loadErr := store.Load(t.Context(), e.Operation, 0)
				require.NoError(t, loadErr)
				assert.Equal(t, test.state, rec.State.String())
				assert.False(t, rec.Lease.Live)
				if errors.Is(err, payonce.ErrOutcomeUnknown) {
					_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
					require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "a new key is refused")
				}
				_, err = c.Payments.Create(t.Context(), order("order-1"))
				if errors.Is(test.err, payonce.ErrInDoubt) || rec.KeySpent || test.state == "in doubt" {
					assert.Equal(t, test.moved, b.moved())
				} else {
					require.NoError(t, err, "calling again finishes it")
					assert.Equal(t, 1, b.moved())
				}
			})
		})
	}
}

func TestAHintIsAFloorAndALongOneEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{status: 429, skip: true, body: `{}`, header: http.Header{"Retry-After": {"2"}}})
		c := newClient(t, b, memory())
		start := time.Now()
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 2*time.Second)

		b.script = []reply{{status: 503, header: http.Header{"Retry-After": {"86400"}}}}
		start = time.Now()
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		assert.Zero(t, time.Since(start))
		assert.WithinDuration(t, start.Add(24*time.Hour), detail(t, err).DueAt, time.Second)
	})
}

func TestACancelledContextEndsAnyWaitAndLeavesAResumableRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := reply{status: 503, skip: true}
		b, store := newBank(down, down, down, down, down, down, down, down), memory()
		c := newClient(t, b, store)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Payments.Create(ctx, order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 200*time.Millisecond, time.Since(start))
		b.script = nil
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err, "another client resumes at once")
		assert.Equal(t, 1, b.moved())
	})
}

func TestAnAttemptTimesOutAndIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		hang := true
		transport := roundTrip(func(req *http.Request) (*http.Response, error) {
			if hang {
				hang = false
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return b.RoundTrip(req)
		})
		c := newClient(t, b, memory(), func(cfg *payonce.Config) { cfg.HTTPClient = &http.Client{Transport: transport} })
		start := time.Now()
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
		assert.Equal(t, 2, p.Receipt.Attempts)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestOneSenderForManyCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{lose: true})
		store := memory()
		clients := []*payonce.Client{newClient(t, b, store), newClient(t, b, store)}
		ids := make(chan string, 64)
		for i := range 64 {
			go func() {
				p, err := clients[i%2].Payments.Create(t.Context(), order("order-1"))
				assert.NoError(t, err)
				ids <- p.ID
			}()
		}
		for range 64 {
			assert.Equal(t, "pay_1", <-ids)
		}
		assert.Len(t, b.writes(), 2, "one client sent, and asked again for the lost answer")
		assert.Equal(t, 1, b.moved())
	})
}

func TestAWaiterIsBoundedByItsOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := newBank()
		transport := roundTrip(func(req *http.Request) (*http.Response, error) {
			<-release
			return b.RoundTrip(req)
		})
		slow := func(cfg *payonce.Config) { cfg.HTTPClient = &http.Client{Transport: transport} }
		store := memory()
		c, other := newClient(t, b, store, slow), newClient(t, b, store, slow)
		go func() { _, _ = c.Payments.Create(t.Context(), order("order-1")) }()
		synctest.Wait()
		for _, waiter := range []*payonce.Client{c, other} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			_, err := waiter.Payments.Create(ctx, order("order-1"))
			cancel()
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		different := order("order-1")
		different.Amount.Minor = 1
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := other.Payments.Create(ctx, different)
		require.ErrorIs(t, err, payonce.ErrKeyReuse, "other content is refused without waiting")
		close(release)
		synctest.Wait()
		assert.Equal(t, 1, b.moved())
	})
}

func TestWithNewKey(t *testing.T) {
	t.Parallel()
	b := newBank(reply{status: 400, skip: true, body: `{"code":"final"}`})
	c := newClient(t, b, memory())
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrRejected)
	_, err = c.Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrRejected, "the stored refusal")
	assert.Len(t, b.writes(), 1)

	changed := order("order-1")
	changed.Amount.Minor = 4000
	p, err := c.Payments.Create(t.Context(), changed, payonce.WithNewKey())
	require.NoError(t, err)
	assert.Equal(t, 2, p.Receipt.Generation)
	writes := b.writes()
	require.Len(t, writes, 2)
	assert.NotEqual(t, writes[0].key, writes[1].key)

	_, err = c.Payments.Create(t.Context(), changed, payonce.WithNewKey())
	require.ErrorIs(t, err, payonce.ErrKeyReuse, "the payment may still move money")
	b.set(p.ID, "expired")
	p, err = c.Payments.Create(t.Context(), changed, payonce.WithNewKey())
	require.NoError(t, err, "the shopper who abandoned the bank's page can pay again")
	assert.Equal(t, 3, p.Receipt.Generation)
	_, err = c.Payments.Create(t.Context(), changed)
	require.NoError(t, err)
	assert.Len(t, b.writes(), 3)
}
