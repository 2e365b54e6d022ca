// Command payonce-simulator serves a simulated payment provider on a loopback
// port, for programs that are not written in Go or run on their own.
//
// The first line it prints is its URL. The API, the token endpoint and the
// control endpoints under /simulator/ (see package simulator, Control) are all
// there.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/payonce/payonce/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "payonce-simulator:", err)
		stop()
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	provider, addr, keyID    string
	publicKey                string
	merchant, secret         string
	anySigned, pay, noDedupe bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("payonce-simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.provider, "provider", "truelayer", "truelayer, miracle, midaspay or elebne")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "where to listen; keep it on loopback")
	flags.StringVar(&o.publicKey, "public-key", "", "PEM file with the public key that requests are signed for (truelayer, midaspay)")
	flags.StringVar(&o.keyID, "kid", "", "id or serial number of that key")
	flags.BoolVar(&o.anySigned, "any-signature", false, "accept any signature of the right form")
	flags.StringVar(&o.merchant, "client-id", "", "client id or merchant id; defaults to a made-up one")
	flags.StringVar(&o.secret, "client-secret", "", "client secret or secret key; defaults to a made-up one")
	flags.BoolVar(&o.pay, "auto-authorize", false, "every payer pays at once")
	flags.BoolVar(&o.noDedupe, "no-dedupe", false, "ignore idempotency keys")
	return o, flags.Parse(args)
}

// server is a simulated provider.
type server interface {
	Run(ctx context.Context, ln net.Listener) error
}

// simulated makes the provider that was asked for.
func (o *options) simulated() (server, error) {
	key, err := readKey(o.publicKey)
	if err != nil {
		return nil, err
	}
	var verify func(string, []byte, []byte) error
	if o.anySigned {
		verify = func(string, []byte, []byte) error { return nil }
	}
	var secrets []string
	if o.secret != "" {
		secrets = []string{o.secret}
	}
	switch o.provider {
	case "truelayer":
		cfg := simulator.TrueLayerConfig{ClientID: o.merchant, ClientSecret: o.secret, AutoAuthorize: o.pay, NoDedupe: o.noDedupe, VerifySignature: verify}
		if ec, ok := key.(*ecdsa.PublicKey); ok {
			cfg.SigningKeys = map[string]*ecdsa.PublicKey{o.keyID: ec}
		}
		return simulator.NewTrueLayer(cfg), nil
	case "midaspay":
		cfg := simulator.MidasPayConfig{MerchantID: o.merchant, AutoPay: o.pay, NoDedupe: o.noDedupe, VerifySignature: verify}
		if public, ok := key.(*rsa.PublicKey); ok {
			cfg.PublicKeys = map[string]*rsa.PublicKey{o.keyID: public}
		}
		return simulator.NewMidasPay(cfg), nil
	case "miracle":
		return simulator.NewMiracle(simulator.MiracleConfig{MerchantID: o.merchant, SecretKeys: secrets, AutoPay: o.pay, NoDedupe: o.noDedupe}), nil
	case "elebne":
		return simulator.NewElebne(simulator.ElebneConfig{SecretKeys: secrets, AutoPay: o.pay, NoDedupe: o.noDedupe}), nil
	}
	return nil, fmt.Errorf("there is no provider %q", o.provider)
}

// readKey reads the public key, if there is one.
func readKey(path string) (any, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read the public key: the file is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return key, nil
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	provider, err := o.simulated()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", o.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "http://%s\n", ln.Addr()); err != nil {
		return errors.Join(fmt.Errorf("print the address: %w", err), ln.Close())
	}
	return provider.Run(ctx, ln)
}
