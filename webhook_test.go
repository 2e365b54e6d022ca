package payonce_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

func eventOf(id payonce.OperationID, generation int, resource string) payonce.Event {
	return payonce.Event{Account: id.Account, ID: "evt-1", Type: "paid", Kind: id.Kind, Ref: id.Ref(generation), ResourceID: resource, ProviderStatus: "paid"}
}

// lostAnswers is a bank that executes the first write and loses every answer to it.
func lostAnswers() *bank {
	return newBank(reply{lose: true}, reply{lose: true}, reply{lose: true}, reply{lose: true})
}

func TestAnEventSettlesACreateWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		r, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, r.State)
		assert.Equal(t, "pay_1", r.ResourceID)
		sent := len(b.writes())
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", payment.ID)
		assert.Equal(t, "paid", payment.ProviderStatus)
		assert.Equal(t, "local", payment.Receipt.Replayed)
		assert.Len(t, b.writes(), sent, "nothing was sent")
		again, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, again.State)
	})
}

func TestAnEventSettlesWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, lostAnswers(), memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		advance(48 * time.Hour)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		_, err = c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
	})
}

func TestAnEventDoesNotSettleAKeyThatTwoRequestsHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		first, second := newClient(t, b, memory()), newClient(t, b, memory())
		_, err := first.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		dear := order("order-1")
		dear.Amount.Minor = 700000
		_, err = second.Payments.Create(t.Context(), dear)
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
		r, err := second.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		assert.Equal(t, payonce.StateInDoubt, r.State)
	})
}

func TestAnEventThatNoMoneyMovedDeclinesAndFreesTheReference(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := lostAnswers()
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		e := eventOf(paymentID("order-1"), 1, "pay_1")
		e.NoMoneyMoved, e.FailureCode = true, "expired"
		r, err := c.Settle(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateRejected, r.State)
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrDeclined)
		assert.Equal(t, "expired", detail(t, err).Code)
		assert.Equal(t, "pay_1", payment.ID)
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		require.NoError(t, err)
		_, err = c.Settle(t.Context(), e)
		require.NoError(t, err)
		payment, err = c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err, "an event about the first key says nothing of the second")
		assert.Equal(t, 2, payment.Receipt.Generation)
	})
}

func TestAFailureEventDoesNotUndoAStoredSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, newBank(), memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		synctest.Wait()
		e := eventOf(paymentID("order-1"), 1, "pay_1")
		e.NoMoneyMoved = true
		r, err := c.Settle(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, r.State)
	})
}

func TestASuccessEventWinsOverARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, newBank(reply{skip: true, status: 400, body: `{"code":"bad"}`}), memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrRejected)
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", payment.ID)
	})
}

func TestAnEventOvertakesItsOwnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		b.script = []reply{{hook: func() {
			_, err := newClient(t, newBank(), store).Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
			assert.NoError(t, err)
		}}}
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", payment.ID)
		assert.Len(t, b.writes(), 1)
	})
}

func TestAnEventFindsItsOperationByTheKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, reference string
		opts            []payonce.CallOption
	}{
		{name: "a readable key", reference: "order-1"},
		{name: "a derived key", reference: "order 1"},
		{name: "a key of one's own", reference: "order-1", opts: []payonce.CallOption{payonce.WithKey("mine")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := lostAnswers()
				b.profile = func(p *payonce.Profile) {
					p.Keys, p.KeyAlphabet = payonce.KeysReadable, "abcdefghijklmnopqrstuvwxyz0123456789_-"
				}
				c := newClient(t, b, memory())
				_, err := c.Payments.Create(t.Context(), order("order-0"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				b.script = lostAnswers().script
				_, err = c.Payments.Create(t.Context(), order(test.reference), test.opts...)
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				e := payonce.Event{Account: "bank/test/shop", ID: "evt-1", Kind: "payment.create", Key: detail(t, err).Key, ResourceID: "pay_2"}
				r, err := c.Settle(t.Context(), e)
				require.NoError(t, err)
				assert.Equal(t, test.reference, r.Operation.Reference)
				assert.Equal(t, payonce.StateSucceeded, r.State)
				e.Kind = "refund.create"
				_, err = c.Settle(t.Context(), e)
				require.ErrorIs(t, err, payonce.ErrNotFound, "the same key of another kind is another operation")
			})
		})
	}
}

func TestEventsThatNameNothingChangeNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t, newBank(), memory())
	for name, change := range map[string]func(*payonce.Event){
		"no name":               func(e *payonce.Event) { e.Ref = "" },
		"an unknown reference":  func(*payonce.Event) {},
		"a malformed reference": func(e *payonce.Event) { e.Ref = "payment.create:x:order-1" },
		"an unknown key":        func(e *payonce.Event) { e.Ref, e.Key = "", "nobody's" },
	} {
		e := eventOf(paymentID("order-1"), 1, "pay_1")
		change(&e)
		_, err := c.Settle(t.Context(), e)
		require.ErrorIs(t, err, payonce.ErrNotFound, name)
	}
	e := eventOf(paymentID("order-1"), 1, "pay_1")
	e.Account = "bank/live/shop"
	_, err := c.Settle(t.Context(), e)
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestSettleGoesOnWhenSomebodyElseWasFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &crossing{KeyStore: memory()}
		c := newClient(t, lostAnswers(), store)
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		store.beforeSave = func() {
			_ = c.Resolve(t.Context(), paymentID("order-1"), payonce.StopSending, "a person was first")
		}
		r, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		assert.Equal(t, payonce.StateSucceeded, r.State)
	})
}

func TestAnAnswerIsKeptThoughItsEventCameFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		b.script = []reply{{hook: func() {
			_, err := newClient(t, newBank(), store).Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
			assert.NoError(t, err)
		}}}
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		require.NotEmpty(t, payment.Raw.Bytes())
		synctest.Wait()
		payment, err = c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.NotEmpty(t, payment.Raw.Bytes(), "the answer came, whole, and was not kept")
	})
}

// deployments are two processes of one service in the middle of a roll-out, of which only the new one can finish what it begins.
func deployments() map[string][2]func(*payonce.Profile) {
	return map[string][2]func(*payonce.Profile){
		"credential": {
			func(p *payonce.Profile) { p.Credential = "old" },
			func(p *payonce.Profile) { p.Credential, p.OldCredentials = "new", []payonce.Secret{"old"} },
		},
		"host": {
			func(p *payonce.Profile) { p.BaseURL = "https://bank.example" },
			func(p *payonce.Profile) { p.BaseURL = "https://api.bank.example" },
		},
	}
}

func TestAProcessThatCantFinishAnOperationLeavesItToOthers(t *testing.T) {
	t.Parallel()
	for name, profiles := range deployments() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(reply{lose: true}, reply{lose: true}, reply{lose: true}, reply{lose: true}), memory()
				b.credential = true
				b.profile = profiles[0]
				old := newClient(t, b, store)
				b.profile = profiles[1]
				rolled := newClient(t, b, store)
				_, err := rolled.Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				rec, err := rolled.Payments.Prepare(order("order-2"))
				require.NoError(t, err)
				_, err = store.Claim(t.Context(), rec)
				require.NoError(t, err)
				advance(time.Hour)
				for _, err := range old.Recover(t.Context()) { // what RecoverEvery does by itself every 30 s
					require.NoError(t, err)
				}
				_, err = rolled.Payments.Create(t.Context(), order("order-1"))
				assert.NoError(t, err, "the new process could have finished it; now a person must")
				_, err = rolled.Run(t.Context(), rec.ID)
				assert.NoError(t, err)
			})
		})
	}
}

// A job of a queue names the operation, and a process gets it that can't finish it.
func TestAProcessThatCantFinishAnOperationIsNotToldToCloseIt(t *testing.T) {
	t.Parallel()
	for name, profiles := range deployments() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, store := newBank(), memory()
				b.credential = true
				b.profile = profiles[0]
				old := newClient(t, b, store)
				b.profile = profiles[1]
				rolled := newClient(t, b, store)
				rec, err := rolled.Payments.Prepare(order("order-1"))
				require.NoError(t, err)
				_, err = store.Claim(t.Context(), rec)
				require.NoError(t, err)
				_, err = old.Run(t.Context(), rec.ID)
				require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
				_, err = rolled.Run(t.Context(), rec.ID)
				require.NoError(t, err)
				assert.Equal(t, 1, b.moved())
			})
		})
	}
}

func TestAnEventLeavesTheAnswerAsItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, newBank(), memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		synctest.Wait()
		_, err = c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
		require.NoError(t, err)
		payment, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.NotEmpty(t, payment.Raw.Bytes())
	})
}
