package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
	"github.com/payonce/payonce/provider/midaspay"
	"github.com/payonce/payonce/provider/miracle"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
)

const (
	merchant = "merchant123456"
	secret   = "sk_test_example"
	keyID    = "45fc75cf-5649-4134-84b3-192c2c78e990"
)

// shop is one merchant's choice of provider. Changing it changes the constructor and the method, and nothing else in the backend.
type shop struct {
	price  payonce.Amount
	method any
	// connect makes the provider, at a stand-in's address.
	connect func(url string, k *keys) (payonce.Provider, error)
	// simulate makes the stand-in.
	simulate func(k *keys) server
}

// server is a simulated provider.
type server interface {
	Run(ctx context.Context, listener net.Listener) error
}

func shops() map[string]shop {
	return map[string]shop{
		"truelayer": {
			price: payonce.Amount{Minor: 5000, Currency: "GBP"},
			method: truelayer.BankTransfer{
				Beneficiary: truelayer.Beneficiary{Type: truelayer.ToMerchantAccount, MerchantAccountID: simulator.MerchantAccountGBP},
				User:        truelayer.User{Name: "Ada Lovelace", Email: "ada@example.com"},
			},
			connect: func(url string, k *keys) (payonce.Provider, error) {
				return truelayer.New(truelayer.Config{
					BaseURL: url, AuthURL: url, ClientID: merchant, ClientSecret: secret, SigningKeyID: keyID, SigningKeyPEM: k.ecPEM,
				})
			},
			simulate: func(k *keys) server {
				return simulator.NewTrueLayer(simulator.TrueLayerConfig{
					ClientID: merchant, ClientSecret: secret, SigningKeys: map[string]*ecdsa.PublicKey{keyID: &k.ec.PublicKey}, AutoAuthorize: true,
				})
			},
		},
		"miracle": {
			price:  payonce.Amount{Minor: 5000, Currency: "USD"},
			method: miracle.Method{Type: "card", Token: "tok_test_example"},
			connect: func(url string, _ *keys) (payonce.Provider, error) {
				return miracle.New(miracle.Config{BaseURL: url, MerchantID: merchant, SecretKey: secret})
			},
			simulate: func(*keys) server {
				return simulator.NewMiracle(simulator.MiracleConfig{MerchantID: merchant, SecretKeys: []string{secret}, AutoPay: true})
			},
		},
		"midaspay": {
			price:  payonce.Amount{Minor: 5000, Currency: "USD"},
			method: midaspay.Order{PaymentMethod: "CREDIT_CARD"},
			connect: func(url string, k *keys) (payonce.Provider, error) {
				return midaspay.New(midaspay.Config{BaseURL: url, MerchantID: merchant, SerialNo: keyID, PrivateKeyPEM: k.rsaPEM})
			},
			simulate: func(k *keys) server {
				return simulator.NewMidasPay(simulator.MidasPayConfig{
					MerchantID: merchant, PublicKeys: map[string]*rsa.PublicKey{keyID: &k.rsa.PublicKey}, AutoPay: true,
				})
			},
		},
		"elebne": {
			price: payonce.Amount{Minor: 5000, Currency: "MRU"},
			connect: func(url string, _ *keys) (payonce.Provider, error) {
				return elebne.New(elebne.Config{BaseURL: url + "/api/v1", MerchantID: merchant, SecretKey: secret})
			},
			simulate: func(*keys) server {
				return simulator.NewElebne(simulator.ElebneConfig{SecretKeys: []string{secret}, AutoPay: true})
			},
		},
	}
}

// providerNames lists what -provider takes.
func providerNames() string { return strings.Join(slices.Sorted(maps.Keys(shops())), "|") }

// thisShop is the shop that the parent chose.
func thisShop() (shop, error) {
	name := os.Getenv("QUICKSTART_PROVIDER")
	s, ok := shops()[name]
	if !ok {
		return shop{}, fmt.Errorf("there is no provider %q; -provider takes %s", name, providerNames())
	}
	return s, nil
}
