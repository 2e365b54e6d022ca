package tests_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/wall"
)

// moment is a boundary in the life of a process, as its store and its connections see it. There it can die; between two of them nothing
// happens outside of it. The numbers are those of the crash points.
type moment string

const (
	atInserting moment = "s2 inserting"           // the claim is not committed
	atInserted  moment = "s3 inserted"            // the claim is committed
	atGated     moment = "s6 gated"               // the client is about to send
	atMarking   moment = "s7 marking"             // the mark of another attempt is not committed
	atMarked    moment = "s7 marked"              // it is
	atConnected moment = "s8 connected"           // nothing was written
	atFirstByte moment = "s9 first byte written"  // and no other
	atLastByte  moment = "s10 last byte written"  // the request is on its way
	atExecuted  moment = "s11 executed"           // the server has answered, or hung up, and nobody has read it
	atStatus    moment = "s12 status line read"   // and the headers
	atHalf      moment = "s13 half the body read" // of the answer
	atRead      moment = "s14 body read"          // to its end
	atStoring   moment = "s15 storing"            // the outcome is not committed
	atStored    moment = "s16 stored"             // it is
	atPurging   moment = "s19 purging"            // the bodies are there
	atPurged    moment = "s19 purged"             // they are gone
	atOther     moment = "another"                // reads of the store, renewals, connecting, requests for tokens
)

var errDied = errors.New("the process died")

// process is a process of the merchant's that can die: from one moment to the next nothing that it does is committed, leaves or arrives,
// and nobody hears what its calls return. Leases and marks stay as they are.
type process struct {
	*payonce.Client

	// life ends with the process.
	life context.Context
	// watch, if set, hears of each moment, and says whether the process dies there.
	watch func(moment) bool
	// skew is by how much its wall clock is wrong.
	skew atomic.Int64

	// started is closed when there is a Client.
	started chan struct{}

	// busy says that it works in the background.
	busy bool

	mu    sync.Mutex
	calls []context.CancelFunc // that are under way, or over

	kill    context.CancelCauseFunc
	dead    atomic.Bool
	network *network
}

// process starts one, with a store and a network of its own. It must be stopped inside the bubble.
func (w *world) process(t *testing.T, store payonce.KeyStore, watch func(moment) bool, change ...func(*payonce.Config)) *process {
	t.Helper()
	return w.begin(t, &process{watch: watch}, store, change...)
}

// begin starts p, which may work in the background at once.
func (w *world) begin(t *testing.T, p *process, store payonce.KeyStore, change ...func(*payonce.Config)) *process {
	t.Helper()
	p.started = make(chan struct{})
	p.life, p.kill = context.WithCancelCause(t.Context())
	p.network = newNetwork(p, w.transport())
	cfg := payonce.Config{Provider: w.provider, Store: mortalStore{store, p}, HTTPClient: &http.Client{Transport: p.network}, RecoverEvery: -1}
	for _, f := range change {
		f(&cfg)
	}
	client, err := payonce.New(cfg)
	require.NoError(t, err)
	p.Client = client
	close(p.started)
	return p
}

// stop ends the process in good order, or what is left of a dead one. What it could not store is not of interest here.
func (p *process) stop() {
	_ = p.Close()
	p.kill(nil)
	p.network.own.Close()
}

// call is the context of a caller in the process who waits for so long.
func (p *process) call(patience time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(p.life, patience)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, cancel)
	return ctx, cancel
}

// interrupt ends the waiting of all who call.
func (p *process) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cancel := range p.calls {
		cancel()
	}
}

// rest ends a process that works in the background, and says so.
func (p *process) rest() bool {
	if p.busy {
		p.stop()
	}
	return p.busy
}

// reaches tells of a moment, and says whether the process lives on.
func (p *process) reaches(m moment) bool {
	if p.dying(m) {
		p.die()
	}
	return !p.dead.Load()
}

// dying says whether the process is to die at the moment; then its last deed comes before die.
func (p *process) dying(m moment) bool { return !p.dead.Load() && p.watch != nil && p.watch(m) }

// die is kill -9. What its goroutines still do reaches nothing; they are called off only so that they end.
func (p *process) die() {
	if p.dead.Swap(true) {
		return
	}
	p.kill(errDied)
	p.network.sever()
	go func() {
		<-p.started // it can die before New returns
		_ = p.Close()
	}()
}

// mortalStore is the store as a process sees it. It brings the process's wall clock.
type mortalStore struct {
	payonce.KeyStore

	p *process
}

func (s mortalStore) WallClock() wall.Clock {
	return func() time.Time { return wall.Now().Add(time.Duration(s.p.skew.Load())) }
}

func (s mortalStore) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	if !s.p.reaches(atInserting) {
		return nil, errDied
	}
	got, err := s.KeyStore.Claim(ctx, rec)
	if !s.p.reaches(atInserted) {
		return nil, errDied
	}
	return got, err
}

func (s mortalStore) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	if !s.p.reaches(atOther) {
		return nil, errDied
	}
	return s.KeyStore.Load(ctx, id, generation)
}

func (s mortalStore) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	if !s.p.reaches(atOther) {
		return nil, errDied
	}
	return s.KeyStore.Find(ctx, scope, key)
}

func (s mortalStore) Save(ctx context.Context, rec *payonce.Record) error {
	before, after := atStoring, atStored
	if rec.Lease.For > 0 {
		before, after = atMarking, atMarked
	}
	if !s.p.reaches(before) {
		return errDied
	}
	err := s.KeyStore.Save(ctx, rec)
	if !s.p.reaches(after) {
		return errDied
	}
	return err
}

func (s mortalStore) SaveLater(rec *payonce.Record, done func(error)) {
	if !s.p.reaches(atStoring) {
		done(errDied)
		return
	}
	s.KeyStore.SaveLater(rec, func(err error) {
		if !s.p.reaches(atStored) {
			err = errDied
		}
		done(err)
	})
}

func (s mortalStore) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	if !s.p.reaches(atOther) {
		return errDied
	}
	return s.KeyStore.Renew(ctx, holder, length, ids)
}

func (s mortalStore) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	if !s.p.reaches(atOther) {
		return nil, "", errDied
	}
	return s.KeyStore.List(ctx, f)
}

func (s mortalStore) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if !s.p.reaches(atPurging) {
		return 0, errDied
	}
	n, err := s.KeyStore.Purge(ctx, before, limit)
	if !s.p.reaches(atPurged) {
		return 0, errDied
	}
	return n, err
}
