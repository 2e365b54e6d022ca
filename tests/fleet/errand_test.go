//go:build unix

package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// errandVariable holds what a child process is to do.
const errandVariable = "PAYONCE_FLEET_ERRAND"

// errand is a process' part of what all processes want: two neighbouring blocks of a ring, so that two want each operation.
type errand struct {
	Bank, Postgres, Schema string
	Lease                  time.Duration
	Process, Processes     int
	Operations, From       int
	Seed                   uint64
}

// wants are the operations in the order in which the process calls for them, which is its own.
func (e *errand) wants() []int {
	block := max(e.Operations/2, 1)
	wants := make([]int, 0, 2*block)
	for _, p := range []int{e.Process, (e.Process + 1) % e.Processes} {
		for n := range block {
			wants = append(wants, p*block+n)
		}
	}
	rnd := rand.New(rand.NewPCG(e.Seed, uint64(e.Process)))
	rnd.Shuffle(len(wants), func(i, j int) { wants[i], wants[j] = wants[j], wants[i] })
	return wants
}

// workers is how many goroutines of a process call at once.
const workers = 4

// runErrand is the whole life of a child process. The server may be away when it begins.
func runErrand(text string) {
	var e errand
	must(json.Unmarshal([]byte(text), &e))
	ctx, cancel := context.WithTimeout(context.Background(), 20*patience)
	defer cancel()
	m, err := open(ctx, e.Bank, e.Postgres, e.Schema, e.Lease)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); pause(20 * time.Millisecond) {
		m, err = open(ctx, e.Bank, e.Postgres, e.Schema, e.Lease)
	}
	must(err)
	wants := e.wants()
	var next atomic.Int64
	next.Store(int64(e.From))
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(wants)); i = next.Add(1) - 1 {
				say("try", wants[i])
				id, err := m.await(ctx, wants[i])
				must(err)
				say("ok", wants[i], id)
			}
		})
	}
	group.Wait()
	must(m.close())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// say writes a line to the parent, in one piece: what was said before a kill is heard.
func say(word string, args ...any) { _, _ = fmt.Fprintln(os.Stdout, append([]any{word}, args...)...) }
