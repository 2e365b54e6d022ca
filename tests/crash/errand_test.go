//go:build unix

package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payonce/payonce"
)

// errandVariable holds what a child process is to do.
const errandVariable = "PAYONCE_CRASH_ERRAND"

// errand is what a child process is started for.
type errand struct {
	Role string
	// Path is the file of the store; Provider and URL say where the provider is; refunds are made of the payments Paid.
	Path, Provider, URL string
	Paid                []string
	// Lease, KeyLife and Dial replace the client's lease, the provider's key life, and the time that it takes to connect.
	Lease, KeyLife, Dial time.Duration
	// Wants are the operations that it calls for, in their order.
	Wants []int
	// Share and From are its part of what all processes want, and where in it to begin.
	Share share
	From  int
	// Seed, Fresh and Recover are for the wanderer: Fresh is the first operation that nobody has called for yet.
	Seed    uint64
	Fresh   int
	Recover bool
}

// clerk is a child process at work.
type clerk struct {
	*errand
	*merchant
}

// runErrand is the whole life of a child process.
func runErrand(text string) {
	var e errand
	must(json.Unmarshal([]byte(text), &e))
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	m, err := e.open(e.network(), say)
	must(err)
	say("ready")
	c := &clerk{&e, m}
	map[string]func(context.Context){
		"call": c.call, "recover": c.recover, "wander": c.wander, "share": c.share, "purge": c.purge,
	}[e.Role](ctx)
	must(m.close())
	say("done")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// say writes a line to the parent, in one piece: what was said before a kill is heard.
func say(word string, args ...any) {
	_, _ = fmt.Fprintln(os.Stdout, append([]any{word}, args...)...)
}

// want calls for an operation and tells what came of it.
func (c *clerk) want(ctx context.Context, n int) {
	say("try", n)
	id, err := c.merchant.call(ctx, n)
	switch {
	case err == nil:
		say("ok", n, id, c.store.claimed(c.id(n)).Microseconds())
	case errors.Is(err, payonce.ErrOutcomeUnknown):
		say("unknown", n, err)
	default:
		say("failed", n, err)
	}
}

// call calls for operations one after the other.
func (c *clerk) call(ctx context.Context) {
	for _, n := range c.Wants {
		c.want(ctx, n)
	}
}

// recover finishes what is due.
func (c *clerk) recover(ctx context.Context) {
	for r, err := range c.client.Recover(ctx) {
		say("recovered", r.Operation.Reference, r.State, err)
	}
}

// workers is how many goroutines of a process call at once.
const workers = 4

// share calls for the process' part of what all want.
func (c *clerk) share(ctx context.Context) {
	wants := c.Share.wants()
	var next atomic.Int64
	next.Store(int64(c.From))
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(wants)); i = next.Add(1) - 1 {
				c.want(ctx, wants[i])
			}
		})
	}
	group.Wait()
}

// wander calls for new and old operations until it is killed, perhaps with a recovery at the same time.
func (c *clerk) wander(ctx context.Context) {
	var fresh atomic.Int64
	fresh.Store(int64(c.Fresh))
	var group sync.WaitGroup
	if c.Recover {
		group.Go(func() { c.recover(ctx) })
	}
	for worker := range workers {
		rnd := rand.New(rand.NewPCG(c.Seed, uint64(worker)))
		group.Go(func() {
			for ctx.Err() == nil {
				if len(c.Wants) > 0 && rnd.IntN(2) == 0 {
					c.want(ctx, c.Wants[rnd.IntN(len(c.Wants))])
					continue
				}
				c.want(ctx, int(fresh.Add(1)-1))
			}
		})
	}
	group.Wait()
}

// purge forgets every body that may be forgotten.
func (c *clerk) purge(ctx context.Context) {
	n, err := c.store.Purge(ctx, time.Now().Add(time.Hour), 100)
	must(err)
	say("purged", n)
}
