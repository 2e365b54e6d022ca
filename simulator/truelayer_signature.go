package simulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
)

// p521Size is the length of r and of s in an ES512 signature.
const p521Size = 66

// joseHeader is the part of Tl-Signature that says what was signed.
type joseHeader struct {
	Alg       string `json:"alg"`
	Kid       string `json:"kid"`
	TLVersion string `json:"tl_version"`
	TLHeaders string `json:"tl_headers"`
}

// checkSignature judges one signature over one signing input.
type checkSignature func(kid string, signingInput, signature []byte) error

// verify judges the request's Tl-Signature, and that it covers the key where a
// key is mandatory.
func (s *TrueLayer) verify(q *query) error {
	declared, err := verifySignature(q.Header.Get("Tl-Signature"), q.Method, q.URL.EscapedPath(), q.Header, q.body, s.checkSignature())
	if err != nil {
		return err
	}
	covered := slices.ContainsFunc(declared, func(name string) bool { return strings.EqualFold(name, keyHeader) })
	if q.endpoint.key == keyMandatory && (!covered || q.key == "") {
		return errors.New("there is no signed idempotency key")
	}
	return nil
}

func (s *TrueLayer) checkSignature() checkSignature {
	if s.cfg.VerifySignature != nil {
		return s.cfg.VerifySignature
	}
	return func(kid string, signingInput, signature []byte) error {
		key := s.cfg.SigningKeys[kid]
		if key == nil {
			return fmt.Errorf("no key has the id %q", kid)
		}
		return verifyES512(key, signingInput, signature)
	}
}

// verifySignature judges a Tl-Signature (version 2, detached) and returns the
// names of the headers that it covers.
func verifySignature(
	value, method, path string, header http.Header, body []byte, check checkSignature,
) (declared []string, err error) {
	// A third part would be an attached payload, which says what was signed in
	// place of what was received.
	head, tail, ok := strings.Cut(value, "..")
	if !ok || strings.Contains(head, ".") || strings.Contains(tail, ".") {
		return nil, errors.New("the signature is not a detached JWS")
	}
	jose, err := parseJOSE(head)
	if err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(tail)
	if err != nil {
		return nil, fmt.Errorf("decode the signature: %w", err)
	}
	if jose.TLHeaders != "" {
		declared = strings.Split(jose.TLHeaders, ",")
	}
	lines, err := signedHeaders(declared, header)
	if err != nil {
		return nil, err
	}
	input := func(path string) []byte {
		payload := bytes.Join([][]byte{[]byte(strings.ToUpper(method) + " " + path + "\n"), lines, body}, nil)
		return []byte(head + "." + base64.RawURLEncoding.EncodeToString(payload))
	}
	if err = check(jose.Kid, input(path), signature); err == nil {
		return declared, nil
	}
	return declared, check(jose.Kid, input(toggleSlash(path)), signature)
}

func parseJOSE(encoded string) (joseHeader, error) {
	var jose joseHeader
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return jose, fmt.Errorf("decode the JOSE header: %w", err)
	}
	if err := json.Unmarshal(raw, &jose); err != nil {
		return jose, fmt.Errorf("decode the JOSE header: %w", err)
	}
	if jose.Alg != "ES512" || jose.TLVersion != "2" {
		return jose, fmt.Errorf("signature of algorithm %q, version %q", jose.Alg, jose.TLVersion)
	}
	return jose, nil
}

// signedHeaders writes the declared headers in the declared order and spelling,
// with the values received.
func signedHeaders(declared []string, header http.Header) ([]byte, error) {
	var b bytes.Buffer
	for _, name := range declared {
		values := header.Values(name)
		if len(values) == 0 {
			return nil, fmt.Errorf("the signed header %q is missing", name)
		}
		fmt.Fprintf(&b, "%s: %s\n", name, values[0])
	}
	return b.Bytes(), nil
}

// toggleSlash adds or removes a trailing slash, which some routers change under
// way.
func toggleSlash(path string) string {
	if trimmed, ok := strings.CutSuffix(path, "/"); ok {
		return trimmed
	}
	return path + "/"
}

func verifyES512(key *ecdsa.PublicKey, signingInput, signature []byte) error {
	if key.Curve != elliptic.P521() {
		return errors.New("the key is not on P-521")
	}
	if len(signature) != 2*p521Size {
		return fmt.Errorf("a signature of %d bytes, not %d", len(signature), 2*p521Size)
	}
	digest := sha512.Sum512(signingInput)
	r, s := new(big.Int).SetBytes(signature[:p521Size]), new(big.Int).SetBytes(signature[p521Size:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return errors.New("the signature does not match")
	}
	return nil
}

// ParsePublicKey reads an EC public key in PEM form ("PUBLIC KEY"), as it is
// uploaded to the provider, for SigningKeys.
func ParsePublicKey(pemBytes []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(pemBytes)
	if block == nil {
		return nil, errors.New("simulator: parse a public key: not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("simulator: parse a public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P521() {
		return nil, errors.New("simulator: parse a public key: not an EC key on P-521")
	}
	return key, nil
}
