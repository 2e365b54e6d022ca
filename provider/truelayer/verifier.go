package truelayer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// coordinateSize is the length of a P-521 coordinate.
const coordinateSize = 66

// errSignature is all that a caller learns of a bad signature.
var errSignature = errors.New("Tl-Signature does not verify")

// verifier checks Tl-Signature headers strictly: version 2, ES512, detached, every declared header present.
type verifier struct {
	// key returns the public key with the id, nil when there is none.
	key func(keyID string) *ecdsa.PublicKey
	// required lists the headers that must be signed.
	required []string
}

// verify checks the signature of a request as it was received. The path is tried as it is and with its trailing slash toggled,
// because frameworks add and drop it.
func (v verifier) verify(signature, method, path string, header http.Header, body []byte) error {
	jws, err := jose.ParseDetached(signature, []byte{}, []jose.SignatureAlgorithm{jose.ES512})
	if err != nil || len(jws.Signatures) != 1 || strings.ContainsAny(signature, " \t\r\n") {
		return errSignature
	}
	protected := jws.Signatures[0].Protected
	names, ok := declaredHeaders(protected, header)
	missing := func(name string) bool {
		return !slices.ContainsFunc(names, func(declared string) bool { return strings.EqualFold(declared, name) })
	}
	if !ok || slices.ContainsFunc(v.required, missing) {
		return errSignature
	}
	key := v.key(protected.KeyID)
	if key == nil {
		return errSignature
	}
	for _, path := range []string{path, toggleSlash(path)} {
		if jws.DetachedVerify(signedPayload(method, path, names, header, body), key) == nil {
			return nil
		}
	}
	return errSignature
}

// declaredHeaders reads tl_headers of a version 2 signature; false if the version is another one or a declared header is absent.
func declaredHeaders(protected jose.Header, header http.Header) ([]string, bool) {
	version, _ := protected.ExtraHeaders["tl_version"].(string)
	declared, _ := protected.ExtraHeaders["tl_headers"].(string)
	if version != "2" {
		return nil, false
	}
	names := strings.FieldsFunc(declared, func(r rune) bool { return r == ',' })
	for _, name := range names {
		if len(header.Values(name)) != 1 {
			return nil, false
		}
	}
	return names, true
}

func toggleSlash(path string) string {
	if trimmed, ok := strings.CutSuffix(path, "/"); ok {
		return trimmed
	}
	return path + "/"
}

// keySet holds the P-521 keys of a JWKS by id.
type keySet map[string]*ecdsa.PublicKey

// parseKeySet reads a JWKS and skips what is no P-521 key. Coordinates may lack their leading zeros, as TrueLayer's sandbox sends
// them, for which go-jose would refuse the whole set.
func parseKeySet(text []byte) (keySet, error) {
	var set struct {
		Keys []struct {
			KeyID string `json:"kid"`
			Type  string `json:"kty"`
			Curve string `json:"crv"`
			X     string `json:"x"`
			Y     string `json:"y"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("is not a JWKS")
	}
	keys := keySet{}
	for _, k := range set.Keys {
		if k.Type != "EC" || k.Curve != "P-521" {
			continue
		}
		point := append([]byte{4}, padCoordinate(k.X)...)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P521(), append(point, padCoordinate(k.Y)...))
		if err == nil {
			keys[k.KeyID] = key
		}
	}
	return keys, nil
}

// padCoordinate decodes a coordinate to its full length; nil if it can't be one.
func padCoordinate(text string) []byte {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(decoded) > coordinateSize {
		return nil
	}
	return append(make([]byte, coordinateSize-len(decoded)), decoded...)
}
