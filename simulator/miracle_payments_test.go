package simulator_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestMiracleCapturesOnceAndInFull(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay, func(c *simulator.MiracleConfig) {
		c.DeclineCaptures = map[int64]string{666: "DO_NOT_HONOR"}
	})
	id := m.made("/payments", "k", order(manual()))
	assert.Equal(t, "requires_capture", sim.PaymentStatus(id))
	m.refused(m.post("/payments/"+id+"/capture", "part", object{"amount": usd(1)}), http.StatusBadRequest, invalidCode)
	m.refused(m.post("/payments/"+id+"/refund", "early", nil), http.StatusConflict, conflictCode)
	captured := m.post("/payments/"+id+"/capture", "c", nil)
	assert.Equal(t, http.StatusOK, captured.status)
	assert.Equal(t, "captured", captured.text("data", "status"))
	assert.Equal(t, captured, m.post("/payments/"+id+"/capture", "c", nil))
	m.refused(m.post("/payments/"+id+"/capture", "d", nil), http.StatusConflict, conflictCode)
	require.Len(t, sim.Ledger().ByKey("c"), 1)
	entry := sim.Ledger().ByKey("c")[0]
	assert.Equal(t, "capture", entry.Kind)
	assert.Equal(t, id, entry.PaymentID)
	assert.Equal(t, int64(5000), entry.AmountMinor)

	automatic := m.made("/payments", "a", order())
	m.refused(m.post("/payments/"+automatic+"/capture", "e", nil), http.StatusConflict, conflictCode)
	assert.Equal(t, http.StatusNotFound, m.post("/payments/nobody/capture", "f", nil).status)

	rejected := m.made("/payments", "r", order(manual(), object{"amount": usd(666)}))
	a := m.post("/payments/"+rejected+"/capture", "g", nil)
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, "failed", a.text("data", "status"))
	assert.Equal(t, "DO_NOT_HONOR", a.text("data", "errorCode"))
	assert.True(t, sim.Ledger().ByKey("g")[0].Declined)
}

func TestMiracleCancelsWhatIsNotOver(t *testing.T) {
	t.Parallel()
	type path func(sim *simulator.Miracle, m *miracleMerchant, id string) error
	pay := func(sim *simulator.Miracle, _ *miracleMerchant, id string) error { return sim.Pay(id) }
	refund := func(amount any) path {
		return func(sim *simulator.Miracle, m *miracleMerchant, id string) error {
			if err := sim.Pay(id); err != nil {
				return err
			}
			return sim.SettleRefund(m.made("/payments/"+id+"/refund", "refund", amount))
		}
	}
	for status, row := range map[string]struct {
		manual bool
		path   path
		allow  bool
	}{
		"processing":       {false, func(*simulator.Miracle, *miracleMerchant, string) error { return nil }, true},
		"requires_action":  {false, func(s *simulator.Miracle, _ *miracleMerchant, id string) error { return s.RequireAction(id) }, true},
		"requires_capture": {true, pay, true},
		"succeeded":        {false, pay, false},
		"captured": {true, func(s *simulator.Miracle, m *miracleMerchant, id string) error {
			err := s.Pay(id)
			m.post("/payments/"+id+"/capture", "capture", nil)
			return err
		}, false},
		"failed": {false, func(s *simulator.Miracle, _ *miracleMerchant, id string) error {
			return s.FailPayment(id, "DO_NOT_HONOR")
		}, false},
		"canceled":           {false, func(s *simulator.Miracle, _ *miracleMerchant, id string) error { return s.ExpirePayment(id) }, false},
		"partially_refunded": {false, refund(object{"amount": usd(1)}), false},
		"refunded":           {false, refund(nil), false},
	} {
		sim, m := openMiracle(t)
		body := order()
		if row.manual {
			body = order(manual())
		}
		id := m.made("/payments", "k", body)
		require.NoError(t, row.path(sim, m, id), status)
		require.Equal(t, status, m.get("/payments/"+id).text("data", "status"))
		a := m.post("/payments/"+id+"/cancel", "cancel", nil)
		if row.allow {
			assert.Equal(t, http.StatusOK, a.status, status)
			assert.Equal(t, "canceled", a.text("data", "status"), status)
			assert.Equal(t, 1, sim.Ledger().Count("cancel"), status)
		} else {
			m.refused(a, http.StatusConflict, conflictCode)
			assert.Equal(t, 0, sim.Ledger().Count("cancel"), status)
		}
	}
}

func TestMiracleDeclinesWithASuccess(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay, func(c *simulator.MiracleConfig) {
		c.DeclineAmounts = map[int64]string{34: "INSUFFICIENT_FUNDS"}
	})
	a := m.post("/payments", "k", order(object{"amount": usd(34)}))
	assert.Equal(t, http.StatusCreated, a.status)
	assert.Equal(t, "failed", a.text("data", "status"))
	assert.Equal(t, "INSUFFICIENT_FUNDS", a.text("data", "errorCode"))
	assert.NotEmpty(t, a.text("data", "errorMessage"))
	assert.Equal(t, a, m.post("/payments", "k", order(object{"amount": usd(34)})), "a failure is the key's answer")
	require.Len(t, sim.Ledger().Entries(), 1)
	assert.True(t, sim.Ledger().Entries()[0].Declined)
	assert.Equal(t, "failed", sim.PaymentStatus(a.text("data", "id")), "nobody pays it any more")
	m.refused(m.post("/payments/"+a.text("data", "id")+"/refund", "r", nil), http.StatusConflict, conflictCode)
}

func TestMiracleCompletesAThreeDSecureChallenge(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	for name, row := range map[string]struct {
		body   object
		status int
	}{
		"3DS2":             {object{"cres": "c"}, http.StatusOK},
		"3DS2 by redirect": {object{"redirectResult": "c"}, http.StatusOK},
		"3DS1":             {object{"md": "m", "paRes": "p"}, http.StatusOK},
		"half of 3DS1":     {object{"md": "m"}, http.StatusBadRequest},
		"nothing":          {object{}, http.StatusBadRequest},
		"a number":         {object{"cres": 1}, http.StatusBadRequest},
	} {
		id := m.made("/payments", name, order())
		m.refused(m.post("/payments/"+id+"/complete-action", "early", object{"cres": "c"}), http.StatusConflict, conflictCode)
		require.NoError(t, sim.RequireAction(id))
		require.Error(t, sim.RequireAction(id))
		assert.Contains(t, m.get("/payments/"+id).text("data", "action", "url"), id)
		a := m.post("/payments/"+id+"/complete-action", "k", row.body)
		assert.Equal(t, row.status, a.status, name)
		if row.status == http.StatusOK {
			assert.Equal(t, "succeeded", a.text("data", "status"), name)
			assert.Equal(t, "Y", a.text("data", "threeDSResult", "status"), name)
			assert.NotContains(t, a.doc()["data"], "action", name)
		}
	}
	assert.Equal(t, 3, sim.Ledger().Count("complete_action"))
}

func TestMiracleRefundsUpToWhatWasCaptured(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t, autoPay)
	id := m.made("/payments", "k", order())
	path := "/payments/" + id + "/refund"
	assert.Equal(t, http.StatusNotFound, m.post(path+"s", "k", nil).status, "the guide's plural path does not exist")
	assert.Empty(t, m.get(path + "s").doc()["data"])

	created := m.post(path, "1", object{
		"amount": usd(2000), "reason": "returned", "merchantReference": "rma-77", "metadata": object{"payonce_ref": "r2"},
	})
	assert.Equal(t, http.StatusCreated, created.status)
	assert.Equal(t, "pending", created.text("data", "status"))
	assert.Equal(t, id, created.text("data", "paymentId"))
	assert.Equal(t, "rma-77", created.text("data", "merchantReference"))
	assert.Equal(t, "returned", created.text("data", "reason"))
	one := created.text("data", "id")
	entry := sim.Ledger().ByKey("1")[0]
	entry.Time = time.Time{}
	assert.Equal(t, simulator.Entry{
		Seq: 2, Kind: "refund", ID: one, Key: "1", AmountMinor: 2000, Currency: "USD", Reference: "rma-77", PaymentID: id,
		Metadata: map[string]string{"payonce_ref": "r2"},
	}, entry)
	assert.Equal(t, "succeeded", sim.PaymentStatus(id), "a refund is asynchronous")

	m.refused(m.post(path, "2", object{"amount": usd(3001)}), http.StatusBadRequest, invalidCode)
	m.refused(m.post(path, "2", object{"amount": object{"currency": "EUR", "valueMinor": 1}}), http.StatusBadRequest, invalidCode)
	m.refused(m.post(path, "2", object{"amount": 5}), http.StatusBadRequest, invalidCode)
	two := m.made(path, "2", nil)
	assert.Equal(t, int64(3000), sim.Ledger().ByKey("2")[0].AmountMinor, "no amount is the remainder")
	m.refused(m.post(path, "3", nil), http.StatusBadRequest, invalidCode)
	require.NoError(t, sim.FailRefund(two, "ACCOUNT_CLOSED"))
	assert.Equal(t, "ACCOUNT_CLOSED", m.get("/refunds/"+two).text("data", "statusReason"))
	three := m.made(path, "3", object{"amount": usd(3000)})

	require.NoError(t, sim.SettleRefund(one))
	assert.Equal(t, "partially_refunded", sim.PaymentStatus(id))
	require.NoError(t, sim.SettleRefund(three))
	assert.Equal(t, "refunded", sim.PaymentStatus(id))
	m.refused(m.post(path, "4", nil), http.StatusConflict, conflictCode)
	require.Error(t, sim.SettleRefund(three))
	require.Error(t, sim.FailRefund(three, "x"))
	require.Error(t, sim.SettleRefund("nobody"))

	list := m.get(path + "s").doc()["data"].([]any)
	for i, refund := range []string{three, two, one} {
		assert.Equal(t, refund, list[i].(object)["id"], "newest first")
	}
	assert.Equal(t, "succeeded", m.get("/refunds/"+one).text("data", "status"))
	assert.Equal(t, http.StatusNotFound, m.get("/refunds/nobody").status)
	assert.Equal(t, http.StatusNotFound, m.get("/payments/nobody/refunds").status)
}

func TestMiracleListsPaymentsByPage(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	ids := []string{}
	for i := range 25 {
		ids = append([]string{m.made("/payments", strconv.Itoa(i), order())}, ids...)
	}
	read := func(query string) (got []string, pagination object) {
		doc := m.get("/payments?" + query).doc()
		for _, v := range doc["data"].([]any) {
			got = append(got, v.(object)["id"].(string))
		}
		return got, doc["pagination"].(object)
	}
	first, page := read("")
	assert.Equal(t, ids[:20], first)
	assert.Equal(t, true, page["hasMore"])
	assert.InDelta(t, 25, page["totalCount"], 0)
	assert.Nil(t, page["prevCursor"])
	newest := m.made("/payments", "meanwhile", order())
	rest, last := read("cursor=" + page["nextCursor"].(string))
	assert.Equal(t, ids[20:], rest, "what is made meanwhile moves no page")
	assert.Equal(t, false, last["hasMore"])
	assert.Nil(t, last["nextCursor"])
	back, _ := read("limit=20&cursor=" + last["prevCursor"].(string))
	assert.Equal(t, ids[:20], back[len(back)-20:])
	all, _ := read("limit=100")
	assert.Equal(t, append([]string{newest}, ids...), all)

	require.NoError(t, sim.Pay(ids[3]))
	for query, want := range map[string][]string{
		"status=succeeded": {ids[3]}, "status=succeeded&livemode=false": {ids[3]}, "merchantId=merchant_test_example&status=succeeded": {ids[3]},
		"livemode=true": nil, "merchantId=other": nil, "status=captured": nil,
	} {
		got, _ := read(query)
		assert.Equal(t, want, got, query)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "cursor=x", "cursor=LTE", "cursor=OTk5"} {
		m.refused(m.get("/payments?"+query), http.StatusBadRequest, invalidCode)
	}
}

func TestMiracleShowsAClientSecretOnce(t *testing.T) {
	t.Parallel()
	sim, m := openMiracle(t)
	session := object{
		"amount": usd(5000), "lineItems": []object{{"label": "Book", "unitAmount": usd(2500), "quantity": 2}},
		"merchantReference": "order-12345", "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
		"captureMethod": "manual", "metadata": object{"payonce_ref": "r1"},
	}
	created := m.post("/checkout-sessions", "k", session)
	id, secret := created.text("data", "id"), created.text("data", "clientSecret")
	assert.Equal(t, http.StatusCreated, created.status)
	assert.Equal(t, "open", created.text("data", "status"))
	assert.True(t, strings.HasPrefix(secret, "cs_secret_"))
	assert.Equal(t, created, m.post("/checkout-sessions", "k", session), "a replay is the one way to it")
	view := m.get("/checkout-sessions/" + id)
	assert.NotContains(t, view.body, secret)
	assert.Equal(t, id, view.text("data", "id"))
	assert.Equal(t, http.StatusForbidden, m.get("/checkout-sessions/current").status)
	assert.Equal(t, http.StatusNotFound, m.get("/checkout-sessions/nobody").status)
	assert.NotEmpty(t, m.post("/hpp/sessions", "k", session).text("data", "url"))
	assert.Equal(t, 1, sim.Ledger().Count("checkout_session"))
	assert.Equal(t, int64(5000), sim.Ledger().ByKey("k")[0].AmountMinor)
	assert.Equal(t, 1, sim.Ledger().Count("hpp_session"))
	for name := range session {
		if name != "captureMethod" && name != "metadata" {
			bad := object{}
			for other, v := range session {
				if other != name {
					bad[other] = v
				}
			}
			m.refused(m.post("/hpp/sessions", "without "+name, bad), http.StatusBadRequest, invalidCode)
		}
	}
	m.authorization = "Bearer " + secret
	assert.Equal(t, id, m.get("/checkout-sessions/current").text("data", "id"))
	assert.Equal(t, http.StatusForbidden, m.get("/checkout-sessions/"+id).status)
}

func TestMiracleAnswersBareIfTold(t *testing.T) {
	t.Parallel()
	_, m := openMiracle(t, func(c *simulator.MiracleConfig) { c.BareEnvelopes = true })
	id := m.post("/payments", "k", order()).text("id")
	assert.Equal(t, id, m.get("/payments/"+id).text("id"))
	assert.Len(t, m.get("/payments").doc()["data"], 1, "a list keeps its envelope")
}
