package simulator_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/payonce/payonce/simulator"
)

// A merchant tests what their code does when an answer is lost: the payment is
// sent again under the same key, and the ledger shows it once.
func Example() {
	private, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		panic(err)
	}
	sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{
		SigningKeys: map[string]*ecdsa.PublicKey{"my-kid": &private.PublicKey},
	})
	transport := sim.Transport() // in the process: no port, any host name
	defer transport.Close()
	client := &http.Client{Transport: transport}

	// The code under test would be here: a token, a body, a key, a signature.
	token := fetchToken(client)
	body := `{"amount_in_minor":5000,"currency":"GBP","user":{"name":"Ada","email":"ada@example.com"},
		"payment_method":{"type":"bank_transfer","provider_selection":{"type":"user_selected"},
		"beneficiary":{"type":"merchant_account","merchant_account_id":"` + simulator.MerchantAccountGBP + `"}}}`
	pay := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
			"https://api.truelayer-sandbox.com/v3/payments", bytes.NewBufferString(body))
		if err != nil {
			return nil, err
		}
		r.GetBody = nil // net/http re-sends requests with a key by itself if it can rewind them
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Idempotency-Key", "order-12345")
		r.Header.Set("Tl-Signature", signES512(private, "POST /v3/payments\nIdempotency-Key: order-12345\n"+body))
		return client.Do(r)
	}

	sim.Script(simulator.LoseAnswer())
	for range 2 {
		res, err := pay()
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		_ = res.Body.Close()
		fmt.Println(res.Status)
	}

	for _, r := range sim.Requests()[1:] {
		fmt.Printf("request %d: executed %v, replayed %v\n", r.Seq, r.Executed, r.Replayed)
	}
	fmt.Println("payments:", sim.Ledger().Count("payment"))
	// Output:
	// no answer
	// 201 Created
	// request 2: executed true, replayed false
	// request 3: executed false, replayed true
	// payments: 1
}

func fetchToken(client *http.Client) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		"https://auth.truelayer-sandbox.com/connect/token", bytes.NewBufferString(`{"grant_type":"client_credentials",
		"client_id":"client_test_example","client_secret":"secret_test_example","scope":"payments"}`))
	if err != nil {
		panic(err)
	}
	res, err := client.Do(r)
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		panic(err)
	}
	return token.AccessToken
}

// signES512 is a Tl-Signature: a JWS over the payload, without the payload.
func signES512(private *ecdsa.PrivateKey, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	header := encode([]byte(`{"alg":"ES512","kid":"my-kid","tl_version":"2","tl_headers":"Idempotency-Key"}`))
	digest := sha512.Sum512([]byte(header + "." + encode([]byte(payload))))
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		panic(err)
	}
	return header + ".." + encode(append(r.FillBytes(make([]byte, 66)), s.FillBytes(make([]byte, 66))...))
}
