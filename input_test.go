package payonce_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
)

func TestNewFindsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := payonce.New(payonce.Config{Retry: payonce.Retry{MaxAttempts: -1, MaxElapsed: -1, MinWait: 2, MaxWait: 1}, Lease: -1})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, field := range []string{"Config.Provider", "Config.Store", "Config.Retry.MaxAttempts", "Config.Retry:", "Config.Retry.MaxWait", "Config.Lease"} {
		assert.ErrorContains(t, err, field)
	}
	var nilStore *memstore.Store
	var nilProvider *bank
	_, err = payonce.New(payonce.Config{Provider: (*pointerDialect)(nil), Store: nilStore})
	require.ErrorIs(t, err, payonce.ErrInvalid, "nil pointers in interfaces are found, not called")
	assert.Nil(t, nilProvider)

	b := newBank()
	b.profile = func(p *payonce.Profile) { p.BaseURL, p.Account = "ftp://x/", "" }
	_, err = payonce.New(payonce.Config{Provider: b.provider(), Store: memory()})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	assert.ErrorContains(t, err, "BaseURL")
	assert.ErrorContains(t, err, "Account")
}

type pointerDialect struct{ dialect }

func TestParametersAreCheckedAllAtOnceAndNothingIsSent(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	_, err := c.Payments.Create(t.Context(), payonce.PaymentParams{Amount: payonce.Amount{Minor: -1, Currency: "gbp"}})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, text := range []string{"Reference", "at least 1 minor unit", "ISO 4217"} {
		assert.ErrorContains(t, err, text)
	}
	tests := map[string]error{}
	create := func(name string, change func(*payonce.PaymentParams), opts ...payonce.CallOption) {
		p := order("order-1")
		if change != nil {
			change(&p)
		}
		_, tests[name] = c.Payments.Create(t.Context(), p, opts...)
	}
	create("zero amount", func(p *payonce.PaymentParams) { p.Amount.Minor = 0 })
	create("unknown currency", func(p *payonce.PaymentParams) { p.Amount.Currency = "XYZ" })
	create("long reference", func(p *payonce.PaymentParams) { p.Reference = strings.Repeat("x", 256) })
	create("control character", func(p *payonce.PaymentParams) { p.Reference = "a\nb" })
	create("not UTF-8", func(p *payonce.PaymentParams) { p.Reference = "a\xff" })
	create("key too long", nil, payonce.WithKey(strings.Repeat("k", 256)))
	create("key with a line break", nil, payonce.WithKey("a\r\nX: y"))
	create("key not ASCII", nil, payonce.WithKey("é"))
	do := func(name string, op payonce.Operation) {
		op.Kind, op.Reference = "bank.thing", "r"
		_, tests[name] = payonce.Do[payonce.Raw](t.Context(), c, op)
	}
	do("relative path", payonce.Operation{Path: "things"})
	do("path with a space", payonce.Operation{Path: "/a b"})
	do("body that is no JSON", payonce.Operation{Path: "/a", Body: func() {}})
	do("body over the limit", payonce.Operation{Path: "/a", Body: make([]byte, 8<<20+1)})
	do("two bodies", payonce.Operation{Path: "/a", Body: 1, KeyedBody: func(string, int) any { return 1 }})
	do("own key header", payonce.Operation{Path: "/a", Header: http.Header{"idempotency-key": {"x"}}})
	do("own credentials", payonce.Operation{Path: "/a", Header: http.Header{"Authorization": {"x"}}})
	do("header injection", payonce.Operation{Path: "/a", Header: http.Header{"X": {"a\r\nY: b"}}})
	_, tests["refund without amount"] = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "r", PaymentID: "p"})
	_, tests["refund with amount and full"] = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "r", PaymentID: "p", Full: true, Amount: payonce.Amount{Minor: 1, Currency: "GBP"}})
	_, tests["refund of a path"] = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "r", PaymentID: "p/../q", Full: true})
	_, tests["refund reference"] = c.Refunds.Create(t.Context(), payonce.RefundParams{PaymentID: "p", Full: true})
	_, tests["refund prepared"] = c.Refunds.Prepare(payonce.RefundParams{PaymentID: "p", Full: true})
	_, tests["payment prepared"] = c.Payments.Prepare(payonce.PaymentParams{})
	_, tests["prepared with a new key"] = c.Payments.Prepare(order("r"), payonce.WithNewKey())
	for name, err := range tests {
		require.ErrorIs(t, err, payonce.ErrInvalid, name)
		require.NotErrorIs(t, err, payonce.ErrOutcomeUnknown, name)
	}
	assert.Empty(t, b.seen)
}

func TestWhatTheProviderLacksIsUnsupportedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	b := newBank()
	cfg := payonce.Config{Provider: poor{dialect{b}}, Store: memory(), HTTPClient: &http.Client{Transport: b}, RecoverEvery: -1}
	c, err := payonce.New(cfg)
	require.NoError(t, err)
	defer c.Close()
	var errs [10]error
	_, errs[0] = c.Payments.Create(t.Context(), order("r"))
	_, errs[1] = c.Payments.Capture(t.Context(), payonce.CaptureParams{PaymentID: "p"})
	_, errs[2] = c.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "p"})
	_, errs[3] = c.Payments.Get(t.Context(), "p")
	_, errs[4] = c.Payments.Prepare(order("r"))
	_, errs[5] = c.Refunds.Create(t.Context(), payonce.RefundParams{})
	_, errs[6] = c.Refunds.Prepare(payonce.RefundParams{})
	_, errs[7] = c.Refunds.Get(t.Context(), "p", "r")
	for _, err := range c.Refunds.List(t.Context(), "p") {
		errs[8] = err
	}
	errs[9] = c.Check(t.Context())
	for i, err := range errs {
		require.ErrorIs(t, err, payonce.ErrUnsupported, i)
	}
	assert.Empty(t, b.seen)
}

// poor is a provider without portable services.
type poor struct{ dialect }

func (poor) Portable() payonce.Portable { return payonce.Portable{} }

func TestOtherWrites(t *testing.T) {
	t.Parallel()
	b := newBank(reply{}, reply{status: 202}, reply{status: 400, skip: true, body: `{"code":"bad"}`})
	b.status["pay_7"] = "pending"
	c := newClient(t, b, memory())
	refund, err := c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-1", PaymentID: "pay_7", Full: true})
	require.NoError(t, err)
	assert.Equal(t, "pay_7", refund.PaymentID)
	canceled, err := c.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_7"})
	require.NoError(t, err, "an answer without a body is whole for a kind that has none")
	assert.Equal(t, "pay_7", canceled.ID)
	again, err := c.Payments.Cancel(t.Context(), payonce.CancelParams{PaymentID: "pay_7"})
	require.NoError(t, err)
	assert.Equal(t, "local", again.Receipt.Replayed)
	_, err = c.Refunds.Create(t.Context(), payonce.RefundParams{Reference: "rma-2", PaymentID: "pay_7", Amount: payonce.Amount{Minor: 1, Currency: "GBP"}})
	require.ErrorIs(t, err, payonce.ErrRejected)
	assert.Len(t, b.writes(), 3)
	assert.Empty(t, b.writes()[1].body)
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	c := newClient(t, newBank(), memory())
	good := map[string]payonce.Amount{
		"50.00": {Minor: 5000, Currency: "GBP"}, "50": {Minor: 5000, Currency: "GBP"}, "0.1": {Minor: 10, Currency: "GBP"}, "92233720368547758.07": {Minor: 1<<63 - 1, Currency: "GBP"},
	}
	for text, want := range good {
		got, err := c.Amount(text, "GBP")
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "1.", ".5", "1.005", "-1", "+1", "1e3", "1_000", "1,00", "92233720368547758.08", "0x10"} {
		_, err := c.Amount(text, "GBP")
		require.ErrorIs(t, err, payonce.ErrInvalid, text)
	}
	_, err := c.Amount("100.5", "JPY")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	_, err = c.Amount("1", "XYZ")
	require.ErrorIs(t, err, payonce.ErrInvalid)
	assert.Equal(t, "5000 GBP minor units", payonce.Amount{Minor: 5000, Currency: "GBP"}.String())
}

func TestErrorsSayWhatIsKnownAndWhatToDo(t *testing.T) {
	t.Parallel()
	b := newBank(reply{status: 400, skip: true, body: `{"code":"bad"}`, header: http.Header{"Request-Id": {"req-9"}}})
	c := newClient(t, b, memory())
	_, err := c.Payments.Create(t.Context(), order("order-1"))
	e := detail(t, err)
	assert.Equal(t, 400, e.Status)
	assert.Equal(t, "bad", e.Code)
	assert.Equal(t, "req-9", e.RequestID)
	assert.Equal(t, 1, e.Generation)
	assert.WithinDuration(t, time.Now(), e.FirstSentAt, time.Minute)
	for _, text := range []string{"payment.create", "order-1", "rejected", e.Key, "400", "bad", "req-9", "WithNewKey"} {
		assert.ErrorContains(t, err, text)
	}
	require.NotErrorIs(t, err, errors.ErrUnsupported)
	assert.Equal(t, "bank/test/shop payment.create order-1", e.Operation.String())
	assert.Equal(t, "payment.create:2:order-1", e.Operation.Ref(2))
	assert.Equal(t, []string{"open", "succeeded", "not sent", "rejected", "in doubt", "state unknown to this version"}, []string{
		payonce.StateOpen.String(), payonce.StateSucceeded.String(), payonce.StateNotSent.String(), payonce.StateRejected.String(), payonce.StateInDoubt.String(), payonce.State(99).String(),
	})
}

func TestATimeThatNoStoreCanKeepIsInvalid(t *testing.T) {
	t.Parallel()
	b := newBank()
	c := newClient(t, b, memory())
	for _, limit := range []time.Time{time.Unix(0, 0), time.Unix(-1, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<60, 0)} {
		p := order("order-1")
		p.NotAfter = limit
		_, err := c.Payments.Create(t.Context(), p)
		require.ErrorIs(t, err, payonce.ErrInvalid)
		require.ErrorContains(t, err, "NotAfter")
		_, err = c.Payments.Prepare(p)
		require.ErrorIs(t, err, payonce.ErrInvalid)
	}
	assert.Empty(t, b.writes())
}
