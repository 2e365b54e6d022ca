package truelayer_test

import (
	"crypto/ecdsa"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/memstore"
)

// shop is a merchant with a simulated TrueLayer.
type shop struct {
	client *payonce.Client
	api    *truelayer.API
	sim    *simulator.TrueLayer
}

func openShop(t *testing.T, change ...func(*simulator.TrueLayerConfig)) *shop {
	t.Helper()
	cfg := simulator.TrueLayerConfig{VerifySignature: verifyStandIn}
	for _, c := range change {
		c(&cfg)
	}
	sim := simulator.NewTrueLayer(cfg)
	transport := sim.Transport()
	t.Cleanup(transport.Close)
	provider := newProvider(t)
	client, err := payonce.New(payonce.Config{
		Provider: provider, Store: memstore.New(), HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1,
		Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return &shop{client, provider.API(client), sim}
}

func paid(c *simulator.TrueLayerConfig) { c.AutoAuthorize = true }

func toShop() truelayer.BankTransfer {
	m := bankTransfer()
	m.Beneficiary.MerchantAccountID = simulator.MerchantAccountGBP
	return m
}

func TestNativePaymentIsThePortableOne(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	m := toShop()
	m.HostedPage = truelayer.HostedPage{ReturnURI: "https://shop.example/return"}
	created, err := s.api.Payments.Create(t.Context(), order(m))
	require.NoError(t, err)
	assert.Equal(t, truelayer.PaymentAuthorizationRequired, created.Value.Status)
	assert.Equal(t, created.ResourceID, created.Value.ID)
	assert.NotEmpty(t, created.Value.ResourceToken.Reveal())
	assert.Contains(t, created.Value.HostedPage.URI.Reveal(), "https://")
	assert.NotEmpty(t, created.Raw.Bytes())
	assert.NotEmpty(t, created.Receipt.RequestID)

	again, err := s.client.Payments.Create(t.Context(), order(m))
	require.NoError(t, err)
	assert.Equal(t, created.Value.ID, again.ID, "the same reference is the same payment, whichever service made it")
	assert.Equal(t, "local", again.Receipt.Replayed)
	assert.Equal(t, created.Value.HostedPage.URI, again.NextURL)
	assert.Equal(t, 1, s.sim.Ledger().Count("payment"))

	got, err := s.api.Payments.Get(t.Context(), created.Value.ID)
	require.NoError(t, err)
	assert.Equal(t, payonce.Amount{Minor: 5000, Currency: "GBP"}, got.Value.Amount())
	assert.Equal(t, "payment.create:1:order-12345", got.Value.Metadata["payonce_ref"])
	assert.Equal(t, truelayer.ToMerchantAccount, got.Value.PaymentMethod.Beneficiary.Type)

	m.User.Name = "Somebody Else"
	_, err = s.api.Payments.Create(t.Context(), order(m))
	require.ErrorIs(t, err, payonce.ErrKeyReuse)
	_, err = s.api.Payments.Get(t.Context(), "nobody")
	require.ErrorIs(t, err, payonce.ErrNotFound)
	_, err = s.api.Payments.Get(t.Context(), "../payouts")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	_, err = s.api.Payments.Create(t.Context(), payonce.PaymentParams{Reference: "order-2"})
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

// The simulator verifies P-521 with code of its own.
func TestRealSignaturesAreAccepted(t *testing.T) {
	t.Parallel()
	public, err := os.ReadFile("testdata/signing/ec512-public.pem")
	require.NoError(t, err)
	key, err := simulator.ParsePublicKey(public)
	require.NoError(t, err)
	sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{SigningKeys: map[string]*ecdsa.PublicKey{keyID: key}})
	transport := sim.Transport()
	defer transport.Close()
	for name, provider := range map[string]*truelayer.Provider{"the key": withTestKey(t), "a stand-in": newProvider(t)} {
		client, err := payonce.New(payonce.Config{Provider: provider, Store: memstore.New(), HTTPClient: &http.Client{Transport: transport}, RecoverEvery: -1})
		require.NoError(t, err)
		_, err = client.Payments.Create(t.Context(), order(toShop()))
		if name == "the key" {
			require.NoError(t, client.Check(t.Context()))
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, payonce.ErrRejected)
			require.ErrorContains(t, err, "Invalid request signature")
		}
		require.NoError(t, client.Close())
	}
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestLostAnswerIsResentAndOnePaymentExists(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.sim.Script(simulator.LoseAnswer(), simulator.ErrorAfterExecuting(http.StatusBadGateway))
	created, err := s.api.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	assert.Equal(t, 3, created.Receipt.Attempts)
	assert.Equal(t, 1, s.sim.Ledger().Count("payment"))
}

func TestRefusedTokenIsReplacedAndThePaymentMade(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	require.NoError(t, s.client.Check(t.Context()))
	s.sim.RevokeTokens()
	created, err := s.api.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	assert.Equal(t, 2, created.Receipt.Attempts)
	assert.Equal(t, 1, s.sim.Ledger().Count("payment"))
}

func TestDeclinedPaymentIsAResultAndAnError(t *testing.T) {
	t.Parallel()
	s := openShop(t, func(c *simulator.TrueLayerConfig) {
		c.FailAmounts = map[int64]simulator.Failure{5000: {Reason: "insufficient_funds"}}
	})
	created, err := s.api.Payments.Create(t.Context(), order(toShop()))
	require.ErrorIs(t, err, payonce.ErrDeclined)
	require.NotNil(t, created)
	assert.Equal(t, truelayer.PaymentFailed, created.Value.Status)
	assert.Equal(t, truelayer.ReasonInsufficientFunds, created.Value.FailureReason)
	problem := new(payonce.Error)
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, "insufficient_funds", problem.Code)
}

func TestCancelAndStartAFlow(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	created, err := s.api.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	id := created.Value.ID
	flow, err := s.api.Payments.StartAuthorizationFlow(t.Context(), truelayer.StartFlowParams{
		PaymentID: id, Options: truelayer.FlowOptions{ProviderSelection: true, Redirect: truelayer.Redirect{ReturnURI: "https://shop.example"}},
	})
	require.NoError(t, err)
	assert.Equal(t, truelayer.PaymentAuthorizing, flow.Value.Status)
	assert.NotEmpty(t, flow.Value.AuthorizationFlow.Actions.Next.Type)

	s.sim.Script(simulator.LoseAnswer())
	canceled, err := s.api.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: id})
	require.NoError(t, err)
	assert.Equal(t, 2, canceled.Receipt.Attempts)
	got, err := s.client.Payments.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, payonce.StatusCanceled, got.Status)
	assert.True(t, got.NoMoneyMoved)

	_, err = s.api.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: id, Reference: "again"})
	require.ErrorIs(t, err, payonce.ErrRejected, "it is over")
	again, err := s.client.Payments.Create(t.Context(), order(toShop()), payonce.WithNewKey())
	require.NoError(t, err, "no money moved, so it may be paid again")
	assert.NotEqual(t, id, again.ID)
	assert.Equal(t, 2, again.Receipt.Generation)
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := openShop(t, paid)
	created, err := s.api.Payments.Create(t.Context(), order(toShop()))
	require.NoError(t, err)
	params := payonce.RefundParams{Reference: "rma-77", PaymentID: created.Value.ID, Amount: payonce.Amount{Minor: 700, Currency: "GBP"}}
	part, err := s.api.Refunds.Create(t.Context(), params)
	require.NoError(t, err)
	rest, err := s.client.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-78", PaymentID: created.Value.ID, Amount: payonce.Amount{Minor: 4300, Currency: "GBP"}})
	require.NoError(t, err)
	assert.Equal(t, 2, s.sim.Ledger().Count("refund"))

	got, err := s.api.Refunds.Get(t.Context(), created.Value.ID, part.Value.ID)
	require.NoError(t, err)
	assert.Equal(t, params.Amount, got.Value.Amount())
	assert.Equal(t, "rma-77", got.Value.Reference)
	list, err := s.api.Refunds.List(t.Context(), created.Value.ID)
	require.NoError(t, err)
	assert.Len(t, list.Value.Items, 2)
	for refund, err := range s.client.Refunds.List(t.Context(), created.Value.ID) {
		require.NoError(t, err)
		assert.Contains(t, []string{part.Value.ID, rest.ID}, refund.ID)
	}
	_, err = s.api.Refunds.List(t.Context(), "")
	require.ErrorIs(t, err, payonce.ErrInvalid)
}

func TestPayoutsOfEveryKind(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for name, params := range payouts() {
		params.Reference = name
		params.MerchantAccountID = map[string]string{
			"GBP": simulator.MerchantAccountGBP, "EUR": simulator.MerchantAccountEUR, "PLN": simulator.MerchantAccountPLN,
		}[params.Amount.Currency]
		created, err := s.api.Payouts.Create(t.Context(), params)
		require.NoError(t, err, name)
		got, err := s.api.Payouts.Get(t.Context(), created.Value.ID)
		require.NoError(t, err, name)
		assert.Equal(t, params.Beneficiary.Type, got.Value.Beneficiary.Type)
		assert.Equal(t, params.Amount, got.Value.Amount())
		if params.Beneficiary.Type == truelayer.ToUserDetermined {
			assert.Equal(t, truelayer.PayoutAuthorizationRequired, created.Value.Status)
			assert.NotEmpty(t, created.Value.ResourceToken.Reveal())
		}
	}
	assert.Equal(t, len(payouts()), s.sim.Ledger().Count("payout"))
}

func TestMerchantAccounts(t *testing.T) {
	t.Parallel()
	s := openShop(t, paid, func(c *simulator.TrueLayerConfig) { c.PageSize = 2 })
	for _, reference := range []string{"a", "b", "c", "d", "e"} {
		params := order(toShop())
		params.Reference = reference
		_, err := s.api.Payments.Create(t.Context(), params)
		require.NoError(t, err)
	}
	accounts := s.api.MerchantAccounts
	list, err := accounts.List(t.Context())
	require.NoError(t, err)
	assert.Len(t, list.Value.Items, 3)
	one, err := accounts.Get(t.Context(), simulator.MerchantAccountGBP)
	require.NoError(t, err)
	assert.Equal(t, "GBP", one.Value.Currency)
	assert.NotEmpty(t, one.Value.AccountIdentifiers)

	span := truelayer.TransactionsParams{MerchantAccountID: simulator.MerchantAccountGBP, From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
	seen := map[string]bool{}
	for transaction, err := range accounts.Transactions(t.Context(), span) {
		require.NoError(t, err)
		assert.Equal(t, truelayer.TransactionPayment, transaction.Type)
		seen[transaction.PaymentID] = true
	}
	assert.Len(t, seen, 5, "all pages")
	for _, r := range s.sim.Requests() {
		if strings.Contains(r.Path, "/transactions?") {
			assert.Equal(t, "true", r.Header.Get("tl-enable-pagination"), "older clients get pages only if they ask")
		}
	}
	for _, err := range accounts.Transactions(t.Context(), span) {
		require.NoError(t, err)
		break // stopping early is fine
	}
	payment, err := s.api.Payments.Get(t.Context(), firstOf(seen))
	require.NoError(t, err)
	sources, err := accounts.PaymentSources(t.Context(), simulator.MerchantAccountGBP, payment.Value.User.ID)
	require.NoError(t, err)
	assert.NotEmpty(t, sources.Value.Items)
}

func firstOf(set map[string]bool) string {
	for id := range set {
		return id
	}
	return ""
}

func TestTransactionSpansAreChecked(t *testing.T) {
	t.Parallel()
	s, now := openShop(t), time.Now()
	for want, params := range map[string]truelayer.TransactionsParams{
		"From: and To are required":              {MerchantAccountID: account, From: now},
		"From: must be before To":                {MerchantAccountID: account, From: now, To: now},
		"To: must be at most 31 days after From": {MerchantAccountID: account, From: now, To: now.Add(31*24*time.Hour + 1)},
		"MerchantAccountID: is required":         {From: now, To: now.Add(1)},
	} {
		for _, err := range s.api.MerchantAccounts.Transactions(t.Context(), params) {
			require.ErrorIs(t, err, payonce.ErrInvalid)
			assert.ErrorContains(t, err, want)
		}
	}
	_, err := s.api.MerchantAccounts.PaymentSources(t.Context(), account, "")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	assert.Empty(t, s.sim.Requests(), "nothing was sent")
}

func TestSweeping(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	accounts, id := s.api.MerchantAccounts, simulator.MerchantAccountGBP
	_, err := accounts.Sweeping(t.Context(), id)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	s.sim.Script(simulator.LoseAnswer())
	set, err := accounts.SetSweeping(t.Context(), truelayer.SweepingParams{
		Reference: "sweep-1", MerchantAccountID: id, MaxAmount: payonce.Amount{Minor: 1000, Currency: "GBP"}, Frequency: truelayer.SweepWeekly,
	})
	require.NoError(t, err)
	assert.Equal(t, 2, set.Receipt.Attempts, "a repeat has no second effect")
	got, err := accounts.Sweeping(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, set.Value, got.Value)
	assert.Equal(t, int64(1000), got.Value.MaxAmountInMinor)
	assert.NotEmpty(t, got.Value.Destination.IBAN+got.Value.Destination.SortCode)
	_, err = accounts.DisableSweeping(t.Context(), truelayer.DisableSweepingParams{Reference: "sweep-off-1", MerchantAccountID: id})
	require.NoError(t, err)
	_, err = accounts.Sweeping(t.Context(), id)
	require.ErrorIs(t, err, payonce.ErrNotFound)
}
