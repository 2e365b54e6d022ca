package simulator

import (
	"crypto/ecdsa"
	"net"
	"net/http"
)

// VerifySignature is the judgement of one Tl-Signature under one key.
func VerifySignature(key *ecdsa.PublicKey, value, method, path string, header http.Header, body []byte) error {
	_, err := verifySignature(value, method, path, header, body, func(_ string, signingInput, signature []byte) error {
		return verifyES512(key, signingInput, signature)
	})
	return err
}

// NewFrameWriter returns a frame writer that ends the next aborted streams with
// these codes.
func NewFrameWriter(out net.Conn, codes ...uint32) net.Conn {
	w := &frameWriter{out: out}
	for _, code := range codes {
		w.expect(streamEnd{code: code})
	}
	return &conn{Conn: out, frames: w}
}
