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

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("payonce-simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		cfg       simulator.TrueLayerConfig
		addr      = flags.String("addr", "127.0.0.1:0", "where to listen; keep it on loopback")
		publicKey = flags.String("public-key", "", "PEM file with the public key that requests are signed for")
		kid       = flags.String("kid", "", "id of that key")
		anySigned = flags.Bool("any-signature", false, "accept any signature of the right form")
	)
	flags.StringVar(&cfg.ClientID, "client-id", "client_test_example", "client id that gets a token")
	flags.StringVar(&cfg.ClientSecret, "client-secret", "secret_test_example", "its secret")
	flags.BoolVar(&cfg.AutoAuthorize, "auto-authorize", false, "every payer pays at once")
	flags.BoolVar(&cfg.NoDedupe, "no-dedupe", false, "ignore idempotency keys")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *anySigned {
		cfg.VerifySignature = func(string, []byte, []byte) error { return nil }
	}
	if *publicKey != "" {
		pem, err := os.ReadFile(*publicKey)
		if err != nil {
			return fmt.Errorf("read the public key: %w", err)
		}
		key, err := simulator.ParsePublicKey(pem)
		if err != nil {
			return err
		}
		cfg.SigningKeys = map[string]*ecdsa.PublicKey{*kid: key}
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "http://%s\n", ln.Addr()); err != nil {
		return errors.Join(fmt.Errorf("print the address: %w", err), ln.Close())
	}
	return simulator.NewTrueLayer(cfg).Run(ctx, ln)
}
