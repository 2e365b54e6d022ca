package simulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	// sandboxJWKS is where the provider's sandbox publishes the keys of its webhooks.
	sandboxJWKS      = "https://webhooks.truelayer-sandbox.com/.well-known/jwks"
	jwksPath         = "/.well-known/jwks"
	webhookTimestamp = "X-TL-Webhook-Timestamp"
)

// announce tells the merchant of a change of what doc asked for, as of now.
func (s *TrueLayer) announce(name string, doc, about map[string]any) {
	body := pick(doc, "metadata")
	maps.Copy(body, about)
	e := event{id: newID(), name: name, at: s.now(), data: body}
	body["type"], body["event_version"], body["event_id"] = name, 1, e.id
	s.outbox.add(e)
}

func (s *TrueLayer) announcePayment(name string, p *payment, about map[string]any) {
	view := p.methodView()
	method := pick(view, "type", "mandate_id", "reference")
	if method["type"] != "mandate" {
		maps.Copy(method, pick(objectAt(view, "provider_selection"), "provider_id", "scheme_id"))
	}
	about["payment_id"], about["payment_method"] = p.id, method
	if about["payment_source"] == nil && !p.executed.IsZero() {
		about["payment_source"] = p.source()
	}
	s.announce(name, p.doc, about)
}

func (s *TrueLayer) announceRefund(name string, r *refund, about map[string]any) {
	about["refund_id"], about["payment_id"] = r.id, r.payment.id
	s.announce(name, r.doc, about)
}

func (s *TrueLayer) announcePayout(name string, p *payout, about map[string]any) {
	about["payout_id"], about["beneficiary"] = p.id, p.beneficiary()
	s.announce(name, p.doc, about)
}

// deliver renders a webhook and signs it for the path, without its query, as
// most of the provider's examples verify it.
func (s *TrueLayer) deliver(path string, e event) Delivery {
	key, body, sent := s.webhookKey(), encode(e.data), s.now().UTC().Format(time.RFC3339)
	head := base64.RawURLEncoding.EncodeToString(encode(struct {
		joseHeader

		JKU string `json:"jku"`
	}{joseHeader{Alg: "ES512", Kid: webhookKeyID(&key.PublicKey), TLVersion: "2", TLHeaders: webhookTimestamp}, s.cfg.WebhookJWKS}))
	signed, _, _ := strings.Cut(path, "?")
	payload := fmt.Appendf(nil, "POST %s\n%s: %s\n%s", signed, webhookTimestamp, sent, body)
	input := head + "." + base64.RawURLEncoding.EncodeToString(payload)

	d := Delivery{ID: e.id, Path: path, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}
	d.Header.Set(webhookTimestamp, sent)
	d.Header.Set("Tl-Signature", head+".."+base64.RawURLEncoding.EncodeToString(signES512(key, []byte(input))))
	return d
}

// newWebhookKey makes the key where the configuration has none.
func newWebhookKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("simulator: make a webhook key: %v", err)) // the system has no random numbers
	}
	return key
}

// signES512 returns r and s, each in its full length.
func signES512(key *ecdsa.PrivateKey, signingInput []byte) []byte {
	digest := sha512.Sum512(signingInput)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(fmt.Sprintf("simulator: sign a webhook: %v", err)) // as above
	}
	signature := make([]byte, 2*p521Size)
	r.FillBytes(signature[:p521Size])
	s.FillBytes(signature[p521Size:])
	return signature
}

// webhookKeys publishes the key, after one of another kind, as the provider does.
// Its coordinates lack their leading zeros, as the sandbox's have been seen to.
func (s *TrueLayer) webhookKeys(cl *call) answer {
	if cl.Method != http.MethodGet {
		return newProblem(http.StatusNotFound, "Not Found", "not-found", "There is no such endpoint.")
	}
	key := &s.webhookKey().PublicKey
	x, y := coordinates(key)
	return newAnswer(http.StatusOK, map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "alg": "RS512", "kid": "c0ffee00-0000-4000-8000-000000000000", "n": "yWTtfMrBLrU", "e": "AQAB"},
		map[string]any{
			"kty": "EC", "alg": "ES512", "kid": webhookKeyID(key), "crv": "P-521",
			"x": base64.RawURLEncoding.EncodeToString(bytes.TrimLeft(x, "\x00")),
			"y": base64.RawURLEncoding.EncodeToString(bytes.TrimLeft(y, "\x00")),
		},
	}})
}

func coordinates(key *ecdsa.PublicKey) (x, y []byte) {
	point, err := key.Bytes()
	if err != nil || len(point) != 1+2*p521Size {
		panic("simulator: the webhook key is not on P-521")
	}
	return point[1 : 1+p521Size], point[1+p521Size:]
}

// webhookKeyID names a key after itself: another key has another id.
func webhookKeyID(key *ecdsa.PublicKey) string {
	x, y := coordinates(key)
	sum := sha512.Sum512(append(bytes.Clone(x), y...))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
