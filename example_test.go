package payonce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/sqlitestore"
)

// A payment whose answer is lost is made once, and the merchant knows it. The simulator stands in for TrueLayer here.
func Example() {
	dir, _ := os.MkdirTemp("", "payonce")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "payments.db")
	sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{VerifySignature: func(string, []byte, []byte) error { return nil }})
	transport := sim.Transport()
	defer transport.Close()
	sim.Script(simulator.LoseAnswer())
	signer := signAnything{}
	ctx := context.Background()

	store, err := sqlitestore.Open(path)
	if err != nil {
		panic(err)
	}
	defer store.Close()
	tl, err := truelayer.New(truelayer.Config{
		BaseURL: truelayer.Sandbox, ClientID: "client_test_example", ClientSecret: "secret_test_example",
		SigningKeyID: "45fc75cf-5649-4134-84b3-192c2c78e990", Signer: signer,
	})
	if err != nil {
		panic(err)
	}
	client, err := payonce.New(payonce.Config{Provider: tl, Store: store, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{
		Reference: "order-12345",
		Amount:    payonce.Amount{Minor: 5000, Currency: "GBP"},
		Method: truelayer.BankTransfer{
			Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
			User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
			HostedPage:  truelayer.HostedPage{ReturnURI: "https://shop.example/paid"},
		},
	})
	switch {
	case err == nil:
		fmt.Println(payment.Status, "after", payment.Receipt.Attempts, "attempts;", sim.Ledger().Count("payment"), "in the ledger")
	case errors.Is(err, payonce.ErrDeclined):
		fmt.Println("declined:", payment.FailureCode)
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		fmt.Println("not known yet; the same call, or Recover, finishes it:", err)
	default:
		fmt.Println("nothing took effect:", err)
	}
	// Output: action_required after 2 attempts; 1 in the ledger
}

type signAnything struct{}

func (signAnything) Sign(context.Context, []byte) ([]byte, error) { return []byte("signature"), nil }

// Do serves any endpoint that the typed services don't know, with the same promises.
func ExampleDo() {
	b := newBank()
	client, err := payonce.New(payonce.Config{Provider: b.provider(), Store: memory(), HTTPClient: &http.Client{Transport: b}})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	type link struct{ ID string }
	result, err := payonce.Do[link](context.Background(), client, payonce.Operation{
		Kind: "bank.link.create", Reference: "link-7", Path: "/payment-links", Body: map[string]any{"amount": 5000},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Value.ID, result.Receipt.Generation)
	// Output: pay_1 1
}

// Recover finishes what a crash interrupted. A client also does it by itself, every Config.RecoverEvery.
func ExampleClient_Recover() {
	client, err := payonce.New(payonce.Config{Provider: newBank().provider(), Store: memory()})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for recovered, err := range client.Recover(context.Background()) {
		fmt.Println(recovered.Operation, recovered.State, err)
	}
	fmt.Println("nothing is open")
	// Output: nothing is open
}
