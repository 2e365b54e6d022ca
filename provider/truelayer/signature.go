package truelayer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/payonce/payonce"
)

// keyHeader carries the idempotency key. It is signed wherever it is sent.
const keyHeader = "Idempotency-Key"

// Signer signs requests with a key that never leaves its home, a KMS or an HSM. Sign is given a JWS signing input and returns its
// ES512 signature: r and s of ECDSA over P-521 with SHA-512, 66 bytes each. It must be safe for concurrent use and honour ctx.
// Source: https://docs.truelayer.com/docs/sign-your-payments-requests.
type Signer interface {
	Sign(ctx context.Context, signingInput []byte) ([]byte, error)
}

// signing makes Tl-Signature headers. The key is an *ecdsa.PrivateKey or a Signer.
type signing struct {
	keyID string
	key   any
}

// sign returns the Tl-Signature of a request: a JWS with detached content over method, path, key and body. It differs at every call.
func (s *signing) sign(ctx context.Context, path string, req *payonce.Request) (string, error) {
	key := s.key
	if signer, ok := key.(Signer); ok {
		key = opaqueKey{ctx, signer}
	}
	signed := signedHeaders(req)
	options := (&jose.SignerOptions{}).WithHeader("kid", s.keyID).WithHeader("tl_version", "2").
		WithHeader("tl_headers", strings.Join(signed, ","))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES512, Key: key}, options)
	if err != nil {
		return "", fmt.Errorf("sign the request: %w", err)
	}
	jws, err := signer.Sign(signedPayload(req.Method, path, signed, req.Header, req.Body))
	if err != nil {
		return "", fmt.Errorf("sign the request: %w", err)
	}
	signature, err := jws.DetachedCompactSerialize()
	if err != nil {
		return "", fmt.Errorf("sign the request: %w", err)
	}
	return signature, nil
}

// signedHeaders lists the headers that are signed. As few as possible: a proxy that changes a signed one breaks the signature.
func signedHeaders(req *payonce.Request) []string {
	if req.Header.Get(keyHeader) == "" {
		return nil
	}
	return []string{keyHeader}
}

// signedPayload is what a signature covers. Names are spelled as in the list, values are as on the wire.
func signedPayload(method, path string, names []string, header http.Header, body []byte) []byte {
	var b strings.Builder
	b.WriteString(strings.ToUpper(method) + " " + path + "\n")
	for _, name := range names {
		b.WriteString(name + ": " + header.Get(name) + "\n")
	}
	b.Write(body)
	return []byte(b.String())
}

// signedPath is the path as it is signed: without query and without a trailing slash.
func signedPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if trimmed := strings.TrimRight(path, "/"); trimmed != "" {
		return trimmed
	}
	return "/"
}

// opaqueKey lets go-jose sign with a Signer, for one call.
type opaqueKey struct {
	ctx    context.Context
	signer Signer
}

func (opaqueKey) Public() *jose.JSONWebKey { return nil }

func (opaqueKey) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES512} }

func (k opaqueKey) SignPayload(input []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	signature, err := k.signer.Sign(k.ctx, input)
	if err == nil && len(signature) == 0 {
		err = errors.New("the signer returned no signature")
	}
	return signature, err
}
