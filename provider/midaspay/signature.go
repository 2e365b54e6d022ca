package midaspay

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
)

// scheme is RSA PKCS#1 v1.5 over SHA-256. Source: https://developer.midaspayment.com/docs/signature/introduction/.
const scheme = "TXGW-SHA256-RSA2048"

// Signer signs requests with a key that never leaves its home, a KMS or an HSM. Sign is given the text to sign and returns its raw
// RSASSA-PKCS1-v1_5 signature with SHA-256, as many bytes as the key has. It must be safe for concurrent use and honour ctx.
// Source: https://developer.midaspayment.com/docs/signature/introduction/.
type Signer interface {
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// pemSigner signs with a key in memory.
type pemSigner struct{ key *rsa.PrivateKey }

func (s pemSigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
}

// signing makes Authorization headers.
type signing struct {
	merchantID, serialNo string
	signer               Signer
}

// header returns the Authorization header of one attempt. Everything but the type is in quotes, as the part that
// https://developer.midaspayment.com/docs/signature/introduction/ shows; the order of the last four parameters is not documented.
func (s *signing) header(ctx context.Context, req *payonce.Request, timestamp int64, nonce string) (string, error) {
	at := strconv.FormatInt(timestamp, 10)
	signature, err := s.signer.Sign(ctx, requestText(req, at, nonce))
	if err == nil && len(signature) == 0 {
		err = errors.New("the signer returned no signature")
	}
	if err != nil {
		return "", fmt.Errorf("sign the request: %w", err)
	}
	return fmt.Sprintf(`%s auth_id="%s",auth_id_type=MERCHANT_ID,nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		scheme, s.merchantID, nonce, at, s.serialNo, base64.StdEncoding.EncodeToString(signature)), nil
}

// requestText is what a request's signature covers: method, path with query, timestamp, nonce and body exactly as sent, each with a
// line feed, also after a body that ends in one.
func requestText(req *payonce.Request, timestamp, nonce string) []byte {
	return lines(strings.ToUpper(req.Method), req.Path, timestamp, nonce, string(req.Body))
}

// answerText is what the signature of an answer or a webhook covers.
func answerText(timestamp, nonce string, body []byte) []byte {
	return lines(timestamp, nonce, string(body))
}

func lines(values ...string) []byte { return []byte(strings.Join(values, "\n") + "\n") }

// newNonce returns 32 hexadecimal digits, as in the documented examples. It keeps one signed request from being replayed and has
// nothing to do with deduplication.
func newNonce() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the program instead
	return hex.EncodeToString(random[:])
}

// platformKeys are MidasPay's public keys by serial.
type platformKeys map[string]*rsa.PublicKey

// trust is what the signature of an answer says.
type trust int

const (
	trustUnchecked trust = iota // there is no key to check it with
	trustGenuine
	trustUnsigned
	trustForged // signed, but not by a known key, or not this body
)

// judge checks the signature of an answer over its raw body. Its timestamp is not compared with any clock: TLS keeps old answers out,
// and a wrong clock here must not turn successes into unknown outcomes.
func (k platformKeys) judge(res *payonce.Response) trust {
	switch {
	case len(k) == 0:
		return trustUnchecked
	case !claimsSignature(res.Header):
		return trustUnsigned
	case k.verify(res.Header, res.Body):
		return trustGenuine
	}
	return trustForged
}

const (
	headerTimestamp = "Txgw-Timestamp"
	headerNonce     = "Txgw-Nonce"
	headerSignature = "Txgw-Signature"
	headerSerial    = "Txgw-Serial"
)

func claimsSignature(header http.Header) bool {
	return len(header.Values(headerSignature)) > 0 || len(header.Values(headerSerial)) > 0
}

// verify checks a signature over a raw body. A serial that is not known is refused: no other key is tried.
func (k platformKeys) verify(header http.Header, body []byte) bool {
	values := make(map[string]string, 4)
	for _, name := range []string{headerTimestamp, headerNonce, headerSignature, headerSerial} {
		if len(header.Values(name)) != 1 || header.Get(name) == "" {
			return false
		}
		values[name] = header.Get(name)
	}
	key := k[spellSerial(values[headerSerial])]
	signature, err := base64.StdEncoding.Strict().DecodeString(values[headerSignature])
	if key == nil || err != nil {
		return false
	}
	digest := sha256.Sum256(answerText(values[headerTimestamp], values[headerNonce], body))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}
