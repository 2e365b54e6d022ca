package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// provide is the provider's process: the simulator on a loopback port.
func provide(ctx context.Context) error {
	shop, err := thisShop()
	if err != nil {
		return err
	}
	keys, err := readKeys(os.Getenv("QUICKSTART_DIR"))
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return shop.simulate(keys).Run(ctx, listener)
}

// provider is the parent's view of the provider's process.
type provider struct {
	url     string
	process *exec.Cmd
}

// fault is a simulator.FaultSpec.
type fault map[string]any

func (p *provider) stop() { _ = errors.Join(p.process.Process.Kill(), p.process.Wait()) }

// script sets what the provider does to the next writes.
func (p *provider) script(ctx context.Context, faults ...fault) error {
	for _, f := range faults {
		body, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if err := p.call(ctx, http.MethodPost, "/simulator/faults", bytes.NewReader(body), nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *provider) call(ctx context.Context, method, path string, body *bytes.Reader, answer any) error {
	if body == nil {
		body = bytes.NewReader(nil)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, body)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// count returns how often each kind of thing happened, by the ledger.
func (p *provider) count(ctx context.Context) (map[string]int, error) {
	var ledger struct {
		Entries []struct{ Kind string }
	}
	err := p.call(ctx, http.MethodGet, "/simulator/ledger", nil, &ledger)
	counts := map[string]int{}
	for _, entry := range ledger.Entries {
		counts[entry.Kind]++
	}
	return counts, err
}

// waitForPayment waits until the ledger shows the payment.
func (p *provider) waitForPayment(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		counts, err := p.count(ctx)
		if err != nil || counts["payment"] > 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// verdict prints what the ledger shows, and is an error unless it is one payment and one refund.
func (p *provider) verdict(ctx context.Context) error {
	counts, err := p.count(ctx)
	if err != nil {
		return err
	}
	var log struct {
		Requests []struct{ Key string }
	}
	if err := p.call(ctx, http.MethodGet, "/simulator/requests", nil, &log); err != nil {
		return err
	}
	requests := 0
	for _, r := range log.Requests {
		if r.Key != "" {
			requests++
		}
	}
	fmt.Printf("once: %d payment, %d refund in the provider's ledger after %d requests and 1 crash\n", counts["payment"], counts["refund"], requests)
	if counts["payment"] != 1 || counts["refund"] != 1 {
		return errors.New("that is not once")
	}
	return nil
}
