package midaspay_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

const (
	merchantID = "merchant123456"
	serialNo   = "6E5A0B1C"
	serial     = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
)

var at = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)

func file(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/signing", name))
	require.NoError(tb, err)
	return text
}

// keyFile turns a key of the test data into PEM.
func keyFile(tb testing.TB, name, blockType string) payonce.Secret {
	tb.Helper()
	der, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(file(tb, name), []byte("\n"), nil)))
	require.NoError(tb, err)
	return payonce.Secret(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
}

func privateKey(tb testing.TB, name string) *rsa.PrivateKey {
	tb.Helper()
	block, _ := pem.Decode([]byte(keyFile(tb, name, "PRIVATE KEY").Reveal()))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(tb, err)
	return key.(*rsa.PrivateKey)
}

func config(tb testing.TB) midaspay.Config {
	tb.Helper()
	return midaspay.Config{
		BaseURL: midaspay.Sandbox, MerchantID: merchantID, SerialNo: serialNo, PrivateKeyPEM: keyFile(tb, "merchant.private.der.b64", "PRIVATE KEY"),
	}
}

func newProvider(tb testing.TB, change ...func(*midaspay.Config)) *midaspay.Provider {
	tb.Helper()
	cfg := config(tb)
	for _, c := range change {
		c(&cfg)
	}
	p, err := midaspay.New(cfg)
	require.NoError(tb, err)
	return p
}

// certified makes a provider that verifies answers.
func certified(tb testing.TB) func(*midaspay.Config) {
	tb.Helper()
	certificate := string(file(tb, "platform.certificate.pem"))
	return func(c *midaspay.Config) { c.PlatformCertificates = map[string]string{serial: certificate} }
}

// platformKey is read once: parsing a private key takes longer than signing with it.
var platformKey = sync.OnceValue(func() *rsa.PrivateKey {
	text, _ := os.ReadFile("testdata/signing/platform.private.der.b64")
	der, _ := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(text, []byte("\n"), nil)))
	key, _ := x509.ParsePKCS8PrivateKey(der)
	return key.(*rsa.PrivateKey)
})

// sign makes the headers of an answer or a webhook with code of its own.
func sign(tb testing.TB, body string, when time.Time) http.Header {
	tb.Helper()
	const nonce = "NONCE1234567890"
	timestamp := strconv.FormatInt(when.Unix(), 10)
	digest := sha256.Sum256([]byte(timestamp + "\n" + nonce + "\n" + body + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, platformKey(), crypto.SHA256, digest[:])
	require.NoError(tb, err)
	header := http.Header{}
	header.Set("Txgw-Timestamp", timestamp)
	header.Set("Txgw-Nonce", nonce)
	header.Set("Txgw-Serial", serial)
	header.Set("Txgw-Signature", base64.StdEncoding.EncodeToString(signature))
	return header
}

// encode returns an operation's body as the client would send it.
func encode(tb testing.TB, op payonce.Operation, key string, generation int) string {
	tb.Helper()
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody(key, generation)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(tb, encoder.Encode(body))
	return string(bytes.TrimSuffix(buffer.Bytes(), []byte("\n")))
}

func usd(minor int64) payonce.Amount { return payonce.Amount{Minor: minor, Currency: "USD"} }

func order(method any) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: "order-12345", Amount: usd(5000), Method: method}
}
