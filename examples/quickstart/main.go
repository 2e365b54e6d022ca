// Command quickstart makes one payment and one refund through everything that can go wrong, and shows that each happened once.
//
// It is three processes: this one, which watches; a simulated provider with a ledger; and a worker, the merchant's backend, which is
// killed between the request and its answer, and started again. Nothing but Go is needed:
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -provider miracle
//
// The last line is taken from the provider's ledger. The exit status is 1 if it does not show one payment and one refund.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	name := flag.String("provider", "truelayer", "whose API to speak: "+providerNames())
	flag.Parse()
	roles := map[string]func(context.Context) error{"": nil, "provider": provide, "payment": pay, "refund": refund}
	run, ok := roles[flag.Arg(0)]
	if !ok {
		flag.Usage()
		os.Exit(2)
	}
	if run == nil {
		run = func(ctx context.Context) error { return watch(ctx, *name) }
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// watch is the parent: it starts the others, throws the faults, kills the worker, and reads the ledger.
func watch(ctx context.Context, name string) error {
	if err := os.Setenv("QUICKSTART_PROVIDER", name); err != nil { // for the children
		return err
	}
	shop, err := thisShop()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "payonce-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeKeys(dir); err != nil {
		return err
	}
	provider, err := startProvider(ctx, dir)
	if err != nil {
		return err
	}
	defer provider.stop()

	fmt.Printf("%s, a payment of 50.00 %s for order-12345:\n", name, shop.price.Currency)
	if err := provider.script(ctx,
		fault{"name": "reset-after-read"},
		fault{"name": "answer", "status": 503, "body": "<html>try later</html>"},
		fault{"name": "hang-executed"}); err != nil {
		return err
	}
	worker, err := startWorker(ctx, dir, provider.url, "payment")
	if err != nil {
		return err
	}
	if err := provider.waitForPayment(ctx); err != nil {
		return errors.Join(err, worker.Process.Kill(), worker.Wait())
	}
	fmt.Println("  the provider executed the payment and has not answered; kill -9 of the worker")
	if err := worker.Process.Kill(); err != nil {
		return err
	}
	_ = worker.Wait() // killed, as it should be
	fmt.Println("a new worker, same order, same database:")
	if err := provider.script(ctx, fault{"name": "in-flight"}); err != nil {
		return err
	}
	if err := runWorker(ctx, dir, provider.url, "payment"); err != nil {
		return err
	}
	fmt.Printf("a refund of 20.00 %s, rma-77:\n", shop.price.Currency)
	if err := provider.script(ctx, fault{"name": "lose-answer"}, fault{"name": "unavailable"}); err != nil {
		return err
	}
	if err := runWorker(ctx, dir, provider.url, "refund"); err != nil {
		return err
	}
	return provider.verdict(ctx)
}

// startWorker starts this program again as the merchant's backend. Its output is ours.
func startWorker(ctx context.Context, dir, url, role string) (*exec.Cmd, error) {
	worker, err := self(ctx, role, "QUICKSTART_DIR="+dir, "QUICKSTART_URL="+url)
	if err != nil {
		return nil, err
	}
	worker.Stdout = os.Stdout
	return worker, worker.Start()
}

func runWorker(ctx context.Context, dir, url, role string) error {
	worker, err := startWorker(ctx, dir, url, role)
	if err != nil {
		return err
	}
	return worker.Wait()
}

// self is this program in another role.
func self(ctx context.Context, role string, env ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, role)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// startProvider starts this program as the provider and waits for its address.
func startProvider(ctx context.Context, dir string) (*provider, error) {
	child, err := self(ctx, "provider", "QUICKSTART_DIR="+dir)
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the provider did not start: %w", err)
	}
	return &provider{url: url[:max(len(url)-1, 0)], process: child}, nil
}

func database(dir string) string { return filepath.Join(dir, "payments.db") }
