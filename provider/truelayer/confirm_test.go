package truelayer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// sameKey signs with a key that two simulators share, as TrueLayer's merchants do.
func sameKey(t *testing.T) func(*simulator.TrueLayerConfig) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	return func(c *simulator.TrueLayerConfig) { c.WebhookKey = key }
}

// theirPayment is a payment of another merchant's, for 1 penny, whose metadata name our operation.
func theirPayment(t *testing.T, attacker *shop) *payonce.Result[truelayer.CreatedPayment] {
	t.Helper()
	created, err := payonce.Do[truelayer.CreatedPayment](t.Context(), attacker.client, payonce.Operation{
		Kind: "payment.create", Reference: "mine", Path: "/v3/payments", Body: object{
			"amount_in_minor": 1, "currency": "GBP", "user": object{"name": "Mallory", "email": "mallory@example.com"},
			"metadata": object{"payonce_ref": "payment.create:1:order-12345"},
			"payment_method": object{
				"type": "bank_transfer", "provider_selection": object{"type": "user_selected"},
				"beneficiary": object{"type": "merchant_account", "merchant_account_id": simulator.MerchantAccountGBP},
			},
		},
	})
	require.NoError(t, err)
	return created
}

// TrueLayer signs for all merchants with one key and names none of them: another merchant can have any metadata signed and send it on.
func TestAnotherMerchantsEventSettlesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*simulator.TrueLayer, string) error{
		"paid": (*simulator.TrueLayer).Pay, "expired": (*simulator.TrueLayer).ExpirePayment,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := sameKey(t)
			victim, attacker := takeWebhooks(t, key), openShop(t, key)
			require.NoError(t, victim.client.Check(t.Context()))
			victim.sim.Script(simulator.LoseAnswer())
			_, err := victim.client.Payments.Create(t.Context(), order(toShop()))
			require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
			require.NoError(t, end(attacker.sim, theirPayment(t, attacker).ResourceID))
			deliveries := attacker.sim.Webhooks("/hook")
			require.NotEmpty(t, deliveries)
			for _, d := range deliveries {
				assert.Equal(t, http.StatusOK, victim.deliver(t, d), "nothing that is worth delivering again")
			}
			assert.Empty(t, victim.seen)

			ours := victim.sim.Ledger().Entries()[0].ID
			payment, err := victim.client.Payments.Create(t.Context(), order(toShop()))
			require.NoError(t, err)
			assert.Equal(t, ours, payment.ID)
			assert.NotEqual(t, "local", payment.Receipt.Replayed, "it was open until now")
			_, err = victim.client.Payments.Create(t.Context(), order(toShop()), payonce.WithNewKey())
			require.Error(t, err)
			assert.Equal(t, 1, victim.sim.Ledger().Count("payment"))
		})
	}
}

// Without Confirm there is no account, so whoever calls Parse by himself and forgets it settles nothing.
func TestAnUnconfirmedEventIsRefused(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	created, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	require.NoError(t, s.sim.Pay(created.ID))
	d := s.sim.Webhooks("/hook")[0]
	r, err := d.Request(t.Context(), "")
	require.NoError(t, err)
	events, err := s.hooks.Parse(r, d.Body)
	require.NoError(t, err)
	_, err = s.client.Settle(t.Context(), events[0].Portable())
	require.ErrorIs(t, err, payonce.ErrInvalid)
	require.ErrorIs(t, s.client.Receive(t.Context(), events[0].Portable(), nil), payonce.ErrInvalid)

	confirmed, ours, err := s.hooks.Confirm(t.Context(), s.client, events[0])
	require.NoError(t, err)
	assert.True(t, ours)
	settled, err := s.client.Settle(t.Context(), confirmed.Portable())
	require.NoError(t, err)
	assert.Equal(t, created.ID, settled.ResourceID)
}

func TestAnEventThatCantBeConfirmedIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := takeWebhooks(t)
	created, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	require.NoError(t, s.sim.Pay(created.ID))
	d := s.sim.Webhooks("/hook")[0]
	read := simulator.On(http.MethodGet, "/v3/payments/"+created.ID)
	for _, fault := range []simulator.Fault{
		simulator.InternalError(), simulator.Repeated(simulator.LoseAnswer(), -1), simulator.Forbidden(), simulator.RateLimited(""), simulator.GarbleBody(),
		simulator.Answer(http.StatusNotFound, http.Header{"Content-Type": {"text/html"}}, "<html>a gateway's"),
	} {
		s.sim.Script(simulator.Only(fault, read))
		assert.Equal(t, http.StatusInternalServerError, s.deliver(t, d), fault.Name)
		s.sim.ClearScript()
	}
	require.Empty(t, s.seen)
	before := len(s.sim.Requests())
	assert.Equal(t, http.StatusOK, s.deliver(t, d))
	assert.Len(t, s.seen, 1)
	assert.Len(t, s.sim.Requests(), before+1, "one read")
}

func TestRefundsAndPayoutsAreConfirmed(t *testing.T) {
	t.Parallel()
	key := sameKey(t)
	s, foreign := takeWebhooks(t, paid, key), takeWebhooks(t, key)
	created, err := s.client.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	require.NoError(t, s.client.Check(t.Context()))
	s.sim.Script(simulator.LoseAnswer())
	refund := payonce.RefundParams{Reference: "rma-77", PaymentID: created.ID, Full: true}
	_, err = s.client.Refunds.Create(t.Context(), refund)
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	s.sim.Script(simulator.LoseAnswer())
	payout := truelayer.PayoutParams{
		Reference: "payout-1", MerchantAccountID: simulator.MerchantAccountGBP, Amount: payonce.Amount{Minor: 100, Currency: "GBP"},
		Beneficiary: truelayer.PayoutBeneficiary{Type: truelayer.ToBusinessAccount, Reference: "payout"},
	}
	_, err = s.api.Payouts.Create(t.Context(), payout)
	require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
	ids := map[string]string{}
	for _, e := range s.sim.Ledger().Entries() {
		ids[e.Kind] = e.ID
	}
	require.NoError(t, s.sim.FailRefund(ids["refund"], "insufficient_funds"))
	require.NoError(t, s.sim.ExecutePayout(ids["payout"]))
	deliveries := s.sim.Webhooks("/hook")
	for _, d := range deliveries {
		assert.Equal(t, http.StatusOK, foreign.deliver(t, d))
		assert.Equal(t, http.StatusOK, s.deliver(t, d))
	}
	assert.Empty(t, foreign.seen, "it has other refunds and payouts")
	assert.Len(t, s.seen, len(deliveries))
	_, err = s.client.Refunds.Create(t.Context(), refund)
	require.ErrorIs(t, err, payonce.ErrDeclined)
	done, err := s.api.Payouts.Create(t.Context(), payout)
	require.NoError(t, err)
	assert.Equal(t, []string{ids["payout"], "local"}, []string{done.ResourceID, done.Receipt.Replayed})
}

// reads is a TrueLayer that answers reads, by path.
type reads struct {
	answers map[string]string
	asked   []string
}

func (s *reads) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, `{"access_token":"token","token_type":"Bearer","expires_in":3600}`
	if r.URL.Path != "/connect/token" {
		s.asked = append(s.asked, r.Method+" "+r.URL.EscapedPath())
		if body = s.answers[r.URL.EscapedPath()]; body == "" {
			status, body = http.StatusNotFound, `{"type":"https://docs.truelayer.com/docs/error-types#not-found","title":"Not Found","status":404}`
		}
	}
	return &http.Response{StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (s *reads) client(t *testing.T) (*payonce.Client, *truelayer.Webhooks) {
	t.Helper()
	provider := newProvider(t)
	client, err := payonce.New(payonce.Config{
		Provider: provider, Store: memstore.New(), HTTPClient: &http.Client{Transport: s}, RecoverEvery: -1, Retry: payonce.Retry{MaxAttempts: 1},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	hooks, err := provider.Webhooks(truelayer.WebhookConfig{})
	require.NoError(t, err)
	return client, hooks
}

func TestWhatIsReadOfAnEvent(t *testing.T) {
	t.Parallel()
	const mine = "truelayer/sandbox/" + clientID
	for name, tc := range map[string]struct {
		event, read string
		want        payonce.Event // without an account: it is not the merchant's
	}{
		"a payment":           {`"payment_id":"p-1"`, "/v3/payments/p-1", payonce.Event{Account: mine, Kind: "payment.create", Ref: "read", ResourceID: "p-1", PaymentID: "p-1"}},
		"a refund":            {`"payment_id":"p-1","refund_id":"r-1"`, "/v3/payments/p-1/refunds/r-1", payonce.Event{Account: mine, Kind: "refund.create", Ref: "read", ResourceID: "r-1", PaymentID: "p-1"}},
		"a payout":            {`"payout_id":"o-1"`, "/v3/payouts/o-1", payonce.Event{Account: mine, Kind: "truelayer.payout.create", Ref: "read", ResourceID: "o-1"}},
		"a link's payment":    {`"payment_link_id":"l-1","payment":{"id":"p-1"}`, "/v3/payments/p-1", payonce.Event{Account: mine, ResourceID: "l-1", PaymentID: "p-1"}},
		"money from outside":  {`"merchant_account_id":"a-1","transaction_id":"t-1"`, "/v3/merchant-accounts/a-1", payonce.Event{Account: mine, ResourceID: "t-1"}},
		"a balance":           {`"merchant_account_id":"a-1"`, "/v3/merchant-accounts/a-1", payonce.Event{Account: mine}},
		"a mandate":           {`"mandate_id":"m-1"`, "", payonce.Event{Account: mine}},
		"a link":              {`"payment_link_id":"l-1"`, "", payonce.Event{Account: mine}},
		"nobody knows what":   {`"thing_id":"t-1"`, "", payonce.Event{Account: mine}},
		"a refund of nothing": {`"refund_id":"r-1"`, "", payonce.Event{Account: mine}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := truelayer.ParseEvent([]byte(`{"type":"x","event_id":"e-1","metadata":{"payonce_ref":"payment.create:1:order-1"},` + tc.event + `}`))
			require.NoError(t, err)
			id := tc.read[strings.LastIndexByte(tc.read, '/')+1:]
			s := &reads{answers: map[string]string{tc.read: `{"id":"` + id + `","status":"executed","metadata":{"payonce_ref":"read"}}`}}
			client, hooks := s.client(t)
			confirmed, ours, err := hooks.Confirm(t.Context(), client, e)
			require.NoError(t, err)
			assert.True(t, ours)
			assert.Equal(t, tc.want, names(confirmed.Portable()), "the payonce_ref that was read is what counts")
			if tc.read == "" {
				assert.Empty(t, s.asked)
				return
			}
			assert.Equal(t, []string{"GET " + tc.read}, s.asked)

			s.answers[tc.read] = `{"id":"another","status":"executed"}`
			_, ours, err = hooks.Confirm(t.Context(), client, e)
			require.ErrorIs(t, err, payonce.ErrUnavailable, "an answer about something else")
			assert.False(t, ours)
			delete(s.answers, tc.read)
			foreign, ours, err := hooks.Confirm(t.Context(), client, confirmed)
			require.NoError(t, err)
			assert.False(t, ours)
			assert.Equal(t, payonce.Event{}, names(foreign.Portable()))
		})
	}
}

// An event may be late. What the read says since counts as well.
func TestThatNoMoneyMovedIsSaidByTheReadToo(t *testing.T) {
	t.Parallel()
	const early, blocked = `"status":"failed","failure_stage":"authorizing","failure_reason":"expired"`, `"status":"failed","failure_reason":"blocked"`
	for name, tc := range map[string]struct {
		event, path, read string
		want              bool
	}{
		"a payment that failed early":   {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", early, true},
		"a payment that went on":        {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", `"status":"executed"`, false},
		"a payment that failed later":   {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", `"status":"failed","failure_stage":"executed"`, false},
		"a payment that was executed":   {`"type":"payment_executed","payment_id":"p-1"`, "/v3/payments/p-1", early, false},
		"a refund that was blocked":     {`"type":"refund_failed","refund_id":"p-1","payment_id":"p-0","failure_reason":"blocked"`, "/v3/payments/p-0/refunds/p-1", blocked, true},
		"a refund that went on":         {`"type":"refund_failed","refund_id":"p-1","payment_id":"p-0","failure_reason":"blocked"`, "/v3/payments/p-0/refunds/p-1", `"status":"pending"`, false},
		"a payout that was blocked":     {`"type":"payout_failed","payout_id":"p-1","failure_reason":"blocked"`, "/v3/payouts/p-1", blocked, true},
		"a payout that was executed":    {`"type":"payout_failed","payout_id":"p-1","failure_reason":"blocked"`, "/v3/payouts/p-1", blocked + `,"executed_at":"` + anyTime + `"`, false},
		"a payout that was returned":    {`"type":"payout_failed","payout_id":"p-1","failure_reason":"blocked"`, "/v3/payouts/p-1", `"status":"failed","failure_reason":"returned"`, false},
		"a payout that is tried again":  {`"type":"payout_attempt_failed","payout_id":"p-1","failure_reason":"blocked"`, "/v3/payouts/p-1", blocked, false},
		"a payment of which we're odd":  {`"type":"payment_failed","payment_id":"p-1","failure_funds_stage":7,` + early, "/v3/payments/p-1", early, false},
		"a read that is odd elsewhere":  {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", early + `,"metadata":{"n":1},"user_consent":true`, true},
		"funds that can't be read":      {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", early + `,"failure_funds_stage":7`, false},
		"a time that can't be read":     {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", early + `,"executed_at":true`, false},
		"an event's time, unreadable":   {`"type":"payment_failed","payment_id":"p-1","reversed_at":{},` + early, "/v3/payments/p-1", early, false},
		"a payout's time, unreadable":   {`"type":"payout_failed","payout_id":"p-1","failure_reason":"blocked"`, "/v3/payouts/p-1", blocked + `,"executed_at":"soon"`, false},
		"a payment that a read forgets": {`"type":"payment_failed","payment_id":"p-1",` + early, "/v3/payments/p-1", `"status":"failed"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := truelayer.ParseEvent([]byte(`{"event_id":"e-1",` + strings.Replace(tc.event, `"status":"failed",`, "", 1) + `}`))
			require.NoError(t, err)
			client, hooks := (&reads{answers: map[string]string{tc.path: `{"id":"p-1",` + tc.read + `}`}}).client(t)
			confirmed, ours, err := hooks.Confirm(t.Context(), client, e)
			require.NoError(t, err)
			assert.True(t, ours)
			assert.Equal(t, tc.want, confirmed.Portable().NoMoneyMoved)
		})
	}
}
