package payonce_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// What an event must not settle, and what it must.

func TestAnEventDoesNotSettleAReusedKeyThatWasLookedUp(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"lookup absent -> in doubt": 404, "lookup down -> open": 503} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBank()
				first := newClient(t, b, memory())
				_, err := first.Payments.Create(t.Context(), order("order-1"))
				require.NoError(t, err)
				b.lookup = true
				second := newClient(t, b, memory(), func(cfg *payonce.Config) {
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						if strings.HasPrefix(r.URL.Path, "/by-key/") {
							return response(r, status, `{"code":"absent"}`, nil), nil
						}
						return b.RoundTrip(r)
					})}
				})
				dear := order("order-1")
				dear.Amount.Minor = 700000
				_, err = second.Payments.Create(t.Context(), dear)
				require.Error(t, err)
				if status == 404 {
					advance(6 * time.Minute)
					_, err = second.Payments.Create(t.Context(), dear)
					require.ErrorIs(t, err, payonce.ErrInDoubt)
				}
				r, err := second.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_1"))
				require.NoError(t, err)
				assert.NotEqual(t, payonce.StateSucceeded, r.State, "pay_1 is 5000, the order 700000")
			})
		})
	}
}

func TestAnEventDoesNotSettleAKeyThatWasTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank(reply{skip: true, status: 409, body: `{"code":"duplicate"}`})
		b.lookup = true
		c := newClient(t, b, memory(), func(cfg *payonce.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.HasPrefix(r.URL.Path, "/by-key/") {
					return response(r, 503, "", nil), nil
				}
				return b.RoundTrip(r)
			})}
		})
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.Error(t, err)
		r, err := c.Settle(t.Context(), eventOf(paymentID("order-1"), 1, "pay_of_somebody_else"))
		require.NoError(t, err)
		assert.NotEqual(t, payonce.StateSucceeded, r.State, "our only request was refused because the key was taken")
	})
}

func TestAnEventWithoutAnIDKeepsNoAnswerOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), memory()
		c := newClient(t, b, store)
		b.script = []reply{{hook: func() {
			_, err := newClient(t, newBank(), store).Settle(t.Context(), eventOf(paymentID("order-1"), 1, ""))
			assert.NoError(t, err)
		}}}
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		synctest.Wait()
		p, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		assert.Equal(t, "pay_1", p.ID, "the answer had id and body")
		b.set("pay_1", "expired")
		_, err = c.Payments.Create(t.Context(), order("order-1"), payonce.WithNewKey())
		assert.NoError(t, err, "refused for ever, because the id was thrown away")
	})
}

func TestARefOfAnotherKindDoesNotHideTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBank()
		c := newClient(t, b, memory())
		_, err := c.Payments.Create(t.Context(), order("order-1"))
		require.NoError(t, err)
		b.script = lostAnswers().script
		_, err = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "refund-1", PaymentID: "pay_1", Amount: payonce.Amount{Minor: 10, Currency: "GBP"}}, payonce.WithKey("mine"))
		require.Error(t, err)
		e := eventOf(paymentID("order-1"), 1, "re_1")
		e.Kind, e.Key = "refund.create", "mine"
		r, err := c.Settle(t.Context(), e)
		require.NoError(t, err, "either leads to the operation")
		assert.Equal(t, payonce.StateSucceeded, r.State)
	})
}

func TestWhatNobodyCanSendIsReportedInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, store := newBank(), durable{memory()}
		b.credential = true
		b.profile = func(p *payonce.Profile) { p.Credential = "old" }
		old := newClient(t, b, store)
		rec, err := old.Payments.Prepare(order("order-1"))
		require.NoError(t, err)
		_, err = store.Claim(t.Context(), rec)
		require.NoError(t, err)
		b.profile = func(p *payonce.Profile) { p.Credential = "new" }
		c := newClient(t, b, store)
		advance(365 * 24 * time.Hour)
		n := 0
		for _, err := range c.Recover(t.Context()) {
			require.ErrorIs(t, err, payonce.ErrNotSent)
			n++
		}
		assert.Equal(t, 1, n, "nobody is ever told that the payment was not sent")
	})
}
