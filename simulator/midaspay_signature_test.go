package simulator_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestMidasPayBelievesNoOtherSignature(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	body := m.encode(midasOrderOf("order-1", "1.00"))
	path := "/v1/payment/orders"
	good := func() midasCredentials { return m.credentials() }
	for name, change := range map[string]func(c *midasCredentials, message *string){
		"another target":    func(_ *midasCredentials, s *string) { *s = strings.Replace(*s, path, path+"?a=b", 1) },
		"another method":    func(_ *midasCredentials, s *string) { *s = strings.Replace(*s, "POST", "GET", 1) },
		"another body":      func(_ *midasCredentials, s *string) { *s = strings.Replace(*s, "1.00", "2.00", 1) },
		"no last newline":   func(_ *midasCredentials, s *string) { *s = strings.TrimSuffix(*s, "\n") },
		"another nonce":     func(c *midasCredentials, _ *string) { c.nonce = "other" },
		"no nonce":          func(c *midasCredentials, s *string) { *s, c.nonce = strings.Replace(*s, c.nonce, "", 1), "" },
		"another timestamp": func(c *midasCredentials, _ *string) { c.timestamp = fmt.Sprint(midasNow.Unix() + 1) },
		"no timestamp":      func(c *midasCredentials, s *string) { *s, c.timestamp = strings.Replace(*s, c.timestamp, "", 1), "" },
		"another merchant":  func(c *midasCredentials, _ *string) { c.id = "merchant1" },
		"another type":      func(c *midasCredentials, _ *string) { c.kind = "APP_ID" },
	} {
		c := good()
		message := c.message(http.MethodPost, path, body)
		change(&c, &message)
		header := c.header(midasQuoted, standIn([]byte(message)))
		a := m.sendSigned(http.MethodPost, path, body, header)
		assert.Equal(t, http.StatusUnauthorized, a.status, name)
		assert.Equal(t, "SIGN_ERROR", a.text("name"), name)
		assert.Contains(t, a.text("debug_id"), "req_", name)
	}
	for _, header := range []string{"", "Bearer x", "TXGW-SHA256-RSA2048 ", "TXGW-SHA256-RSA2048 auth_id"} {
		assert.Equal(t, http.StatusUnauthorized, m.sendSigned(http.MethodPost, path, body, header).status, header)
	}
	c := good()
	broken := strings.Replace(c.header(midasQuoted, standIn([]byte(c.message(http.MethodPost, path, body)))), "signature=", "signature=!", 1)
	assert.Equal(t, http.StatusUnauthorized, m.sendSigned(http.MethodPost, path, body, broken).status)
	assert.Empty(t, sim.Ledger().Entries())
	assert.Equal(t, http.StatusOK, m.post(path, midasOrderOf("order-1", "1.00")).status, "a refusal at the door uses up nothing")
}

func TestMidasPayReadsEveryStyleOfAuthorization(t *testing.T) {
	t.Parallel()
	_, m := newMidasPay(t)
	for i, layout := range []string{
		midasQuoted,
		`auth_id=%[1]s,auth_id_type=%[2]s,nonce_str=%[3]s,timestamp=%[4]s,signature=%[6]s,serial_no=%[5]s`,
		`signature=%[6]s,serial_no="%[5]s",timestamp=%[4]s,nonce_str="%[3]s",auth_id_type="%[2]s",auth_id=%[1]s`,
	} {
		body := m.encode(midasOrderOf(fmt.Sprint("order-", i), "1.00"))
		c := m.credentials()
		header := c.header(layout, standIn([]byte(c.message(http.MethodPost, "/v1/payment/orders", body))))
		require.Contains(t, header, "=", "the signature ends in padding")
		assert.Equal(t, http.StatusOK, m.sendSigned(http.MethodPost, "/v1/payment/orders", body, header).status, layout)
	}
}

func TestMidasPayClockMayBeFiveMinutesOff(t *testing.T) {
	t.Parallel()
	_, m := newMidasPay(t)
	for skew, status := range map[time.Duration]int{
		-5 * time.Minute: http.StatusNotFound, 5 * time.Minute: http.StatusNotFound,
		-301 * time.Second: http.StatusUnauthorized, 301 * time.Second: http.StatusUnauthorized,
	} {
		body := `{"id":"nobody"}`
		c := m.credentials()
		c.timestamp = fmt.Sprint(midasNow.Add(skew).Unix())
		header := c.header(midasQuoted, standIn([]byte(c.message(http.MethodPost, "/v1/payment/query", body))))
		assert.Equal(t, status, m.sendSigned(http.MethodPost, "/v1/payment/query", body, header).status, "%s", skew)
	}
}

func TestMidasPaySignsWithRealKeysBothWays(t *testing.T) {
	t.Parallel()
	merchant, platform := midasKey(t, 2048), midasKey(t, 2048)
	short := midasKey(t, 1024)
	sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) {
		c.VerifySignature = nil
		c.PublicKeys = map[string]*rsa.PublicKey{"SERIAL1": &merchant.PublicKey, "SERIAL2": &short.PublicKey}
		c.PlatformKey, c.PlatformSerial = platform, "PLATFORM1"
		c.DeclineAmounts = map[int64]string{666: "BLOCKED_CARD"}
	})
	under := func(serial string, key *rsa.PrivateKey) {
		m.serial = serial
		m.sign = func(message []byte) []byte { return midasRSA(t, key, message) }
	}
	under("SERIAL1", merchant)
	verify := func(header http.Header, body string) error {
		message := header.Get("Txgw-Timestamp") + "\n" + header.Get("Txgw-Nonce") + "\n" + body + "\n"
		signature, err := base64.StdEncoding.DecodeString(header.Get("Txgw-Signature"))
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(message))
		return rsa.VerifyPKCS1v15(&platform.PublicKey, crypto.SHA256, sum[:], signature)
	}

	sim.Script(simulator.RateLimited(""))
	nonces := map[string]bool{}
	for i, a := range []answered{
		m.post("/v1/payment/orders", midasOrderOf("order-0", "1.00")),
		m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00")),
		m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00")),
		m.post("/v1/payment/orders", midasOrderOf("order-1", "2.00")),
		m.post("/v1/payment/orders", midasOrderOf("order-2", "6.66")),
		m.post("/v1/payment/orders", midasOrderOf("order-2", "6.66")),
		m.post("/v1/nothing", object{}),
	} {
		require.NoError(t, verify(a.header, a.body), "%d %s", i, a.body)
		require.Error(t, verify(a.header, a.body+" "))
		assert.Equal(t, "PLATFORM1", a.header.Get("Txgw-Serial"))
		assert.Equal(t, fmt.Sprint(midasNow.Unix()), a.header.Get("Txgw-Timestamp"))
		assert.Equal(t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
		nonces[a.header.Get("Txgw-Nonce")] = true
	}
	assert.Len(t, nonces, 7, "a replay is signed anew")
	for _, d := range sim.Webhooks("/hook") {
		require.NoError(t, verify(d.Header, string(d.Body)))
		assert.Contains(t, d.Header.Get("Authorization"), `TXGW-SHA256-RSA2048 auth_id="merchant123456",auth_id_type=MERCHANT_ID,nonce_str="`)
	}

	for serial, key := range map[string]*rsa.PrivateKey{"SERIAL1": platform, "SERIAL2": short, "SERIAL3": merchant} {
		under(serial, key)
		assert.Equal(t, http.StatusUnauthorized, m.post("/v1/payment/orders", midasOrderOf("order-3", "1.00")).status, serial)
	}
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestMidasPayAnswersUnsignedWithoutAKey(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t)
	a := m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00"))
	assert.Empty(t, a.header.Get("Txgw-Signature"))
	d := sim.Webhooks("/hook")[0]
	assert.Equal(t, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, d.Header)

	_, m = newMidasPay(t, func(c *simulator.MidasPayConfig) { c.SignResponse = standIn })
	a = m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00"))
	message := a.header.Get("Txgw-Timestamp") + "\n" + a.header.Get("Txgw-Nonce") + "\n" + a.body + "\n"
	assert.Equal(t, base64.StdEncoding.EncodeToString(standIn([]byte(message))), a.header.Get("Txgw-Signature"))
	assert.Len(t, a.header.Get("Txgw-Serial"), 40)

	_, m = newMidasPay(t, func(c *simulator.MidasPayConfig) { c.VerifySignature = nil })
	assert.Equal(t, http.StatusUnauthorized, m.post("/v1/payment/orders", midasOrderOf("order-1", "1.00")).status)
}

func midasKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	return key
}

func midasRSA(t *testing.T, key *rsa.PrivateKey, message []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(message)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return signature
}

func TestMidasPayTellsByWebhook(t *testing.T) {
	t.Parallel()
	var now time.Time
	sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) {
		c.SignResponse = standIn
		now = midasNow
		c.Now = func() time.Time { return now }
	})
	id := m.order("order-1", "10.00")
	require.NoError(t, sim.MovePayment(id, "PAYER_ACTION_REQUIRED"))
	now = now.Add(time.Minute)
	require.NoError(t, sim.Pay(id))
	failed := m.order("order-2", "1.00")
	require.NoError(t, sim.FailPayment(failed, "CARD_DECLINED"))
	refund := m.post("/v1/payment/orders/refund", object{"reference_id": "rma-1", "id": id}).text("id")
	require.NoError(t, sim.SettleRefund(refund))
	require.NoError(t, sim.FailRefund(refund, "ACQUIRER_ERROR"))

	deliveries := sim.Webhooks("/hook")
	assert.Empty(t, sim.Webhooks("/hook"), "each event is delivered once by itself")
	names, ids := []string{}, map[string]bool{}
	var paid object
	for _, d := range deliveries {
		envelope := answered{t, 0, d.Header, string(d.Body)}
		names = append(names, envelope.text("event_type"))
		ids[envelope.text("id")] = true
		assert.Equal(t, d.ID, envelope.text("id"))
		assert.Equal(t, "/hook", d.Path)
		if envelope.text("event_type") == "PAYMENT_ORDER_COMPLETED" {
			paid = envelope.doc()
		}
	}
	assert.Equal(t, []string{
		"PAYMENT_ORDER_CREATED", "PAYMENT_ORDER_PAYER_ACTION_REQUIRED", "PAYMENT_ORDER_COMPLETED",
		"PAYMENT_ORDER_CREATED", "PAYMENT_ORDER_FAILED",
		"PAYMENT_REFUNDING", "PAYMENT_REFUNDED", "PAYMENT_REFUND_REVERSED",
	}, names)
	assert.Len(t, ids, len(names))
	assert.Equal(t, "2026-01-02T11:04:05+08:00", paid["create_time"])
	assert.Equal(t, "2026-01-02T11:05:05+08:00", paid["update_time"])
	assert.Equal(t, "mpay.apis.event.PaymentNotification", paid["resource_type"])
	resource, _ := paid["resource"].(object)
	for name, want := range map[string]any{"id": id, "reference_id": "order-1", "status": "COMPLETED"} {
		assert.Equal(t, want, resource[name], name)
	}
	assert.NotEmpty(t, resource["purchase_units"])
	last := answered{t, 0, nil, string(deliveries[7].Body)}
	assert.Equal(t, "rma-1", last.text("resource", "reference_id"))
	assert.Equal(t, "ACQUIRER_ERROR", last.text("resource", "error", "name"))
	assert.Equal(t, "mpay.apis.event.RefundNotification", last.text("resource_type"))
}

func TestMidasPayWrapsAResourceOnRequest(t *testing.T) {
	t.Parallel()
	sim, m := newMidasPay(t, func(c *simulator.MidasPayConfig) { c.WrapResources = true })
	id := m.order("order-1", "10.00")
	envelope := answered{t, 0, nil, string(sim.Webhooks("/hook")[0].Body)}
	assert.Equal(t, "type.apis.com/mpay.apis.event.PaymentNotification", envelope.text("resource", "type_url"))
	value, err := base64.StdEncoding.DecodeString(envelope.text("resource", "value"))
	require.NoError(t, err)
	var resource object
	require.NoError(t, json.Unmarshal(value, &resource))
	assert.Equal(t, id, resource["id"])
}

func verifyMidasStandIn(serial string, message, signature []byte) error {
	if serial != "SERIAL1" {
		return errors.New("another serial number")
	}
	return verifyStandIn("", message, signature)
}
