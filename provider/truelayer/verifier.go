package truelayer

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/webhook"
)

// verifier checks Tl-Signature headers strictly: version 2, ES512, detached, every declared header present.
type verifier struct {
	// key returns the public key with the id, nil when there is none. An error says that this could not be found out.
	key func(ctx context.Context, keyID string) (*ecdsa.PublicKey, error)
	// required lists the headers that must be signed.
	required []string
	// jku is what a signature must name as its key's home, to the letter. It is compared, never fetched. "" is for requests, which
	// name none.
	jku string
}

// verify checks the signature of a request as it was received. Frameworks add and drop the trailing slash of a path, and TrueLayer's
// examples disagree on whether the query is signed: any of these will do.
func (v verifier) verify(ctx context.Context, signature, method, path, query string, header http.Header, body []byte) error {
	jws, err := jose.ParseDetached(signature, []byte{}, []jose.SignatureAlgorithm{jose.ES512})
	if err != nil || len(jws.Signatures) != 1 || strings.ContainsAny(signature, " \t\r\n") {
		return webhook.ErrSignature
	}
	protected := jws.Signatures[0].Protected
	names, ok := declaredHeaders(protected, header)
	missing := func(name string) bool {
		return !slices.ContainsFunc(names, func(declared string) bool { return strings.EqualFold(declared, name) })
	}
	if !ok || slices.ContainsFunc(v.required, missing) || (v.jku != "" && protected.ExtraHeaders["jku"] != v.jku) {
		return webhook.ErrSignature
	}
	key, err := v.key(ctx, protected.KeyID)
	if err != nil {
		return fmt.Errorf("%w: %w", payonce.ErrUnavailable, err)
	}
	if key == nil {
		return webhook.ErrSignature
	}
	for _, path := range signedAs(path, query) {
		if jws.DetachedVerify(signedPayload(method, path, names, header, body), key) == nil {
			return nil
		}
	}
	return webhook.ErrSignature
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

// signedAs lists how a path may have been signed, the likeliest first.
func signedAs(path, query string) []string {
	paths := []string{path, toggleSlash(path)}
	if query != "" {
		paths = append(paths, path+"?"+query)
	}
	return paths
}

func toggleSlash(path string) string {
	if trimmed, ok := strings.CutSuffix(path, "/"); ok {
		return trimmed
	}
	return path + "/"
}
