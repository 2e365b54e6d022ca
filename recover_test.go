package payonce_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// recoverAll collects what Recover yields.
func recoverAll(t *testing.T, c *payonce.Client) (results []payonce.Recovered, errs []error) {
	t.Helper()
	for r, err := range c.Recover(t.Context()) {
		results, errs = append(results, r), append(errs, err)
	}
	return results, errs
}

// leaveOpen begins a payment whose answer is lost for good.
func leaveOpen(t *testing.T, b *bank, store payonce.KeyStore, reference string) payonce.OperationID {
	t.Helper()
	b.script = append(b.script, reply{lose: true})
	c := newClient(t, b, store, func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 })
	_, err := c.Payments.Create(t.Context(), order(reference))
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	return detail(t, err).Operation
}

func TestRecoverFinishesWhatIsDueWithStoredBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		id := leaveOpen(t, b, store, "order-1")
		c := newClient(t, b, store)
		results, _ := recoverAll(t, c)
		assert.Empty(t, results, "not due yet")

		advance(time.Hour)
		results, errs := recoverAll(t, c)
		require.Len(t, results, 1)
		require.NoError(t, errs[0])
		assert.Equal(t, id, results[0].Operation)
		assert.Equal(t, payonce.StateSucceeded, results[0].State)
		assert.Equal(t, "pay_1", results[0].ResourceID)
		writes := b.writes()
		require.Len(t, writes, 2)
		assert.Equal(t, writes[0].body, writes[1].body)
		assert.Equal(t, writes[0].key, writes[1].key)
		assert.Equal(t, 1, b.moved())
		results, _ = recoverAll(t, c)
		assert.Empty(t, results)
	})
}

func TestTheClientRecoversByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		id := leaveOpen(t, b, store, "order-1")
		newClient(t, b, store, func(cfg *payonce.Config) { cfg.RecoverEvery = 0 })
		advance(2 * time.Minute)
		synctest.Wait()
		rec, err := store.Load(t.Context(), id, 0)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, rec.State)
		assert.Equal(t, 1, b.moved())
	})
}

func TestTheOperationOfADeadProcessIsTakenOverWhenItsLeaseHasRunOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		id := leaveOpen(t, b, store, "order-1")
		rec, err := store.Load(t.Context(), id, 0)
		require.NoError(t, err)
		rec.Lease = payonce.Lease{Holder: "a process that was killed", For: 15 * time.Second}
		require.NoError(t, store.Save(t.Context(), rec))

		start := time.Now()
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.InDelta(t, 15, time.Since(start).Seconds(), 1.1)
		assert.Equal(t, 1, b.moved())
	})
}

func TestAfterTheKeysLifeNothingIsResent(t *testing.T) {
	t.Parallel()
	window := 24 * time.Hour / 10 * 9
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, store := newBank(), memory()
			leaveOpen(t, b, durable{store}, "order-1")
			advance(window - time.Microsecond)
			if late {
				advance(time.Microsecond)
			}
			_, err := newClient(t, b, durable{store}).Payments.Create(t.Context(), order("order-1"))
			if !late {
				require.NoError(t, err)
				assert.Len(t, b.writes(), 2)
				return
			}
			require.ErrorIs(t, err, payonce.ErrInDoubt)
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
			assert.Len(t, b.writes(), 1)
		})
	}
}

func TestTheBodyIsHeldBackWhenTheKeysLifeEndsOnTheWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		leaveOpen(t, b, durable{store}, "order-1")
		advance(24*time.Hour/10*9 - time.Second)
		b.authorize = func(bool) error { advance(2 * time.Second); return nil } // the host slept, or the signer was slow
		_, err := newClient(t, b, durable{store}).Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		assert.Len(t, b.writes(), 1, "not a byte of the body left")
	})
}

// durable says that a store keeps what it was given, so that the key's life counts from the first mark.
type durable struct{ payonce.KeyStore }

func (durable) Durability() payonce.Durability {
	return payonce.Durability{Process: true, Power: true, Text: "test"}
}

func TestNothingIsResentUnderAnotherHostOrCredential(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*payonce.Profile){
		"host":       func(p *payonce.Profile) { p.BaseURL = "https://other.example" },
		"credential": func(p *payonce.Profile) { p.Credential = "rotated" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, store := newBank(), memory()
			leaveOpen(t, b, store, "order-1")
			b.profile = change
			_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
			require.ErrorIs(t, err, payonce.ErrInDoubt)
			assert.Len(t, b.writes(), 1)
		})
	}
}

func TestWhatWasRefusedUnderALostCredentialNeedsANewKey(t *testing.T) {
	t.Parallel()
	b, store := newBank(reply{skip: true, status: 401, body: `{}`}, reply{skip: true, status: 401, body: `{}`}), memory()
	b.profile = func(p *payonce.Profile) { p.Credential = "revoked" }
	_, err := newClient(t, b, store).Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrRejected)
	b.profile = func(p *payonce.Profile) { p.Credential = "new" }
	c := newClient(t, b, store)
	_, err = c.Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrRejected)
	assert.Contains(t, err.Error(), "to try again use WithNewKey")
	_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
	require.NoError(t, err)
}

func TestAnOldCredentialFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{false, true} {
		b, store := newBank(reply{lose: true}), memory()
		b.credential = true
		b.profile = func(p *payonce.Profile) { p.Credential = "old" }
		once := func(cfg *payonce.Config) { cfg.Retry.MaxAttempts = 1 }
		_, err := newClient(t, b, store, once).Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		b.profile = func(p *payonce.Profile) {
			if p.Credential = "new"; kept {
				p.OldCredentials = []payonce.Secret{"older", "old"}
			}
		}
		c := newClient(t, b, store)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		if !kept {
			require.ErrorIs(t, err, payonce.ErrInDoubt)
			assert.Len(t, b.writes(), 1, "another credential would make it another operation")
			continue
		}
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-2"))
		require.NoError(t, err)
		var tokens []string
		for _, w := range b.writes() {
			tokens = append(tokens, w.token)
		}
		assert.Equal(t, []string{"Bearer old", "Bearer old", "Bearer new"}, tokens)
		_, err = c.Payments.Get(t.Context(), "pay_1")
		require.NoError(t, err)
		assert.Equal(t, "Bearer new", b.seen[len(b.seen)-1].token)
	}
}

func TestALookupSettlesWhatCantBeResent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		b.lookup = true
		leaveOpen(t, b, durable{store}, "order-1")
		advance(48 * time.Hour)
		p, err := newClient(t, b, durable{store}).Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", p.ID)
		assert.Len(t, b.writes(), 1)

		b.script = []reply{{status: 409, skip: true, body: `{"code":"duplicate"}`}}
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "absent, but a request may still be on its way")
		advance(6 * time.Minute)
		_, err = newClient(t, b, store).Payments.Create(t.Context(), order("order-2"))
		require.ErrorIs(t, err, payonce.ErrRejected, "absent for good; the key is spent")
		assert.Len(t, b.writes(), 2)
		assert.Equal(t, 1, b.moved())
	})
}

func TestADamagedRecordIsNotSent(t *testing.T) {
	t.Parallel()
	b, store := newBank(), memory()
	leaveOpen(t, b, store, "order-1")
	c := newClient(t, b, tampered{store})
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	require.ErrorIs(t, err, payonce.ErrInDoubt)
	assert.Len(t, b.writes(), 1)
}

// tampered flips a byte of every body that it returns.
type tampered struct{ payonce.KeyStore }

func (s tampered) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	rec, err := s.KeyStore.Claim(ctx, rec)
	if err == nil {
		rec.Body = clone(rec.Body)
		rec.Body[len(rec.Body)-2] ^= 1
	}
	return rec, err
}

func TestPrepareThenRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(reply{dial: true}, reply{dial: true}, reply{dial: true}, reply{dial: true}), memory()
		c := newClient(t, b, store)
		rec, err := c.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = c.Run(t.Context(), rec.ID)
		require.ErrorIs(t, err, payonce.ErrNotFound, "Prepare does no I/O")
		_, err = store.Claim(t.Context(), rec) // what a SQL store does in the merchant's transaction
		require.NoError(t, err)
		_, err = c.Run(t.Context(), rec.ID)
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown, "a prepared operation stays open: nobody was told")
		advance(time.Hour)
		results, errs := recoverAll(t, c)
		require.Len(t, results, 1)
		require.NoError(t, errs[0])
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, results[0].ResourceID, p.ID)
		assert.Equal(t, 1, b.moved())
	})
}

func TestNotAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		p := order("order-1")
		p.NotAfter = time.Now().Add(time.Hour)
		rec, err := c.Payments.Prepare(p)
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		advance(2 * time.Hour)
		_, err = c.Run(t.Context(), rec.ID)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		_, err = c.Payments.Create(t.Context(), p)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		p.Reference = "order-2"
		_, err = c.Payments.Create(t.Context(), p)
		require.ErrorIs(t, err, payonce.ErrNotSent)
		assert.Empty(t, b.writes())
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		id := leaveOpen(t, b, store, "order-1")
		require.ErrorIs(t, c.Resolve(t.Context(), id, payonce.NotExecuted, ""), payonce.ErrOutcomeUnknown, "it may still be on its way")
		require.NoError(t, c.Resolve(t.Context(), id, payonce.StopSending, "asked support"))
		advance(time.Hour)
		results, errs := recoverAll(t, c)
		require.Len(t, results, 1)
		require.ErrorIs(t, errs[0], payonce.ErrInDoubt)
		assert.Len(t, b.writes(), 1, "nothing is sent any more")
		require.NoError(t, c.Resolve(t.Context(), id, payonce.NotExecuted, "support says no"))
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		require.ErrorIs(t, c.Resolve(t.Context(), id, payonce.Executed, ""), payonce.ErrInvalid)
		rec, err := store.Load(t.Context(), id, 0)
		require.NoError(t, err)
		assert.Equal(t, "support says no", rec.Note)

		id = leaveOpen(t, b, store, "order-2")
		require.NoError(t, c.Resolve(t.Context(), id, payonce.Executed, "seen on the statement"))
		p, err := c.Payments.Create(t.Context(), order("order-2"))
		require.NoError(t, err)
		assert.Equal(t, "local", p.Receipt.Replayed)
		require.ErrorIs(t, c.Resolve(t.Context(), payonce.OperationID{Account: "x"}, payonce.Executed, ""), payonce.ErrNotFound)
		require.ErrorIs(t, c.Resolve(t.Context(), id, 0, ""), payonce.ErrInvalid)
	})
}

func TestAFinishedOperationOutlastsItsBodies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		first, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		advance(time.Hour)
		n, err := store.Purge(t.Context(), time.Now(), 10)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		advance(1000 * 24 * time.Hour)
		again, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, first.ID, again.ID)
		assert.Empty(t, again.Raw)
		other := order("order-1")
		other.Amount.Minor++
		_, err = c.Payments.Create(t.Context(), other)
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
		assert.Len(t, b.writes(), 1)
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		c := newClient(t, b, memory())
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		got, err := c.Payments.Get(t.Context(), p.ID)
		require.NoError(t, err)
		assert.Equal(t, "pending", got.ProviderStatus)
		_, err = c.Payments.Get(t.Context(), "pay_9")
		require.ErrorIs(t, err, payonce.ErrNotFound)
		_, err = c.Payments.Get(t.Context(), "../accounts")
		require.ErrorIs(t, err, payonce.ErrInvalid)
		refund, err := c.Refunds.Get(t.Context(), p.ID, p.ID)
		require.NoError(t, err)
		assert.Equal(t, p.ID, refund.PaymentID)
		for r, err := range c.Refunds.List(t.Context(), p.ID) {
			require.NoError(t, err)
			assert.Equal(t, p.ID, r.ID)
		}
		for _, err := range c.Refunds.List(t.Context(), "pay_9") {
			require.ErrorIs(t, err, payonce.ErrNotFound)
		}
		result, err := payonce.Get[json.RawMessage](t.Context(), c, payonce.Query{Kind: "raw", Path: "/payments/" + p.ID})
		require.NoError(t, err)
		assert.JSONEq(t, `{"id":"pay_1","status":"pending"}`, string(result.Value))
		_, err = payonce.Get[int](t.Context(), c, payonce.Query{Kind: "raw", Path: "/payments/" + p.ID})
		require.ErrorIs(t, err, payonce.ErrUnavailable)
		require.ErrorIs(t, c.Check(t.Context()), payonce.ErrNotFound)

		down := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errDial() })}
		})
		_, err = down.Payments.Get(t.Context(), p.ID)
		require.ErrorIs(t, err, payonce.ErrUnavailable)
	})
}
