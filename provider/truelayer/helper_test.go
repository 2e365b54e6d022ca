package truelayer_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

const (
	clientID     = "client_test_example"
	clientSecret = "secret_test_example"
	keyID        = "45fc75cf-5649-4134-84b3-192c2c78e990"
)

// standIn signs with an HMAC: P-521 costs milliseconds.
type standIn struct{}

func (standIn) Sign(_ context.Context, signingInput []byte) ([]byte, error) {
	mac := hmac.New(sha512.New, []byte("stand-in"))
	mac.Write(signingInput)
	return mac.Sum(nil), nil
}

func verifyStandIn(_ string, signingInput, signature []byte) error {
	want, _ := standIn{}.Sign(context.Background(), signingInput)
	if !hmac.Equal(want, signature) {
		return errors.New("not signed by the stand-in")
	}
	return nil
}

// testKey is the published test key of truelayer-signing.
func testKey(tb testing.TB, blockType string) payonce.Secret {
	tb.Helper()
	return keyFile(tb, "ec512-private.der.b64", blockType)
}

// keyFile turns a published key into PEM.
func keyFile(tb testing.TB, name, blockType string) payonce.Secret {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/signing", name))
	require.NoError(tb, err)
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	require.NoError(tb, err)
	return payonce.Secret(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
}

func config() truelayer.Config {
	return truelayer.Config{
		BaseURL: truelayer.Sandbox, ClientID: clientID, ClientSecret: clientSecret, SigningKeyID: keyID, Signer: standIn{},
	}
}

func newProvider(tb testing.TB, change ...func(*truelayer.Config)) *truelayer.Provider {
	tb.Helper()
	cfg := config()
	for _, c := range change {
		c(&cfg)
	}
	p, err := truelayer.New(cfg)
	require.NoError(tb, err)
	return p
}

// encode returns an operation's body as the client would send it.
func encode(tb testing.TB, op payonce.Operation, generation int) []byte {
	tb.Helper()
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody("key", generation)
	}
	if body == nil {
		return nil
	}
	encoded, err := json.Marshal(body)
	require.NoError(tb, err)
	return encoded
}

// roundTrip is an http.RoundTripper made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
