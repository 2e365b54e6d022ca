package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/payonce/payonce/simulator"
)

// work is a worker's process. It ends, in good order, with its input: when the parent says so, or is no more.
func work(ctx context.Context) error {
	m, err := openMerchant(ctx, place{os.Getenv("FLEET_DATABASE"), os.Getenv("FLEET_BANK")})
	if err != nil {
		return err
	}
	if err := m.jobs.Start(ctx); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, m.jobs.Stop(ctx), m.close())
}

// workers are the three processes, as the parent sees them.
type workers struct {
	start   func() (worker, error)
	running [3]worker
	killed  int
}

type worker struct {
	*exec.Cmd

	input io.Closer
}

// hire starts them. They die with ctx.
func hire(ctx context.Context, p place) (*workers, error) {
	w := &workers{start: func() (worker, error) { return startWorker(ctx, p) }}
	for i := range w.running {
		var err error
		if w.running[i], err = w.start(); err != nil {
			w.stop()
			return nil, err
		}
	}
	return w, nil
}

// startWorker starts this program again as a worker.
func startWorker(ctx context.Context, p place) (worker, error) {
	program, err := os.Executable()
	if err != nil {
		return worker{}, err
	}
	cmd := exec.CommandContext(ctx, program, "worker")
	cmd.Env = append(os.Environ(), "FLEET_DATABASE="+p.database, "FLEET_BANK="+p.bank)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return worker{}, err
	}
	if err := cmd.Start(); err != nil {
		return worker{}, err
	}
	return worker{cmd, input}, nil
}

// suffer kills one after the other, after a few payments each that nobody knows, until there are enough.
func (w *workers) suffer(ctx context.Context, ledger *simulator.Ledger, enough int) error {
	for paid := 0; paid < enough; paid = ledger.Count("payment") {
		next := paid + 1 + rand.IntN(1+enough/20)
		if err := until(ctx, func() bool { return ledger.Count("payment") >= next }); err != nil {
			return err
		}
		if err := w.strike(); err != nil {
			return err
		}
		fmt.Printf("  kill -9 of a worker after %d payments; another one takes its place\n", ledger.Count("payment"))
	}
	return nil
}

// strike kills one of them, and another one takes its place.
func (w *workers) strike() (err error) {
	i := rand.IntN(len(w.running))
	if err := w.running[i].Process.Kill(); err != nil {
		return err
	}
	_ = w.running[i].Wait() // killed, as it should be
	w.killed++
	w.running[i], err = w.start()
	return err
}

// until waits until it is so.
func until(ctx context.Context, so func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// dismiss lets all of them finish what they do, and go.
func (w *workers) dismiss() error {
	var errs []error
	for _, worker := range w.running {
		errs = append(errs, worker.input.Close(), worker.Wait())
	}
	w.running = [3]worker{}
	return errors.Join(errs...)
}

// stop leaves none behind.
func (w *workers) stop() {
	for _, worker := range w.running {
		if worker.Cmd != nil {
			_ = errors.Join(worker.Process.Kill(), worker.Wait()) // it says that it was killed, or was over
		}
	}
}
