package payonce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// stage is where clients play what a walk says: each stops before it stores, signs, sends, hears and looks up, until it is released.
type stage struct {
	t      *testing.T
	m      *model
	shelf  *shelf
	actors []*actor
	gone   []*actor
}

// Where a client stops.
const (
	atSave      = "before a save"
	atAuthorize = "before a request"
	atSend      = "before the wire"
	atAnswer    = "before an answer"
	atLook      = "before what a lookup finds"
)

func newStage(t *testing.T, m *model) *stage {
	t.Helper()
	s := &stage{t: t, m: m, shelf: &shelf{binding: m.leases}}
	for range m.crew {
		s.actors = append(s.actors, s.newActor())
	}
	if m.prepared {
		rec, err := s.actors[0].client.prepare(s.actors[0].operation(), nil)
		require.NoError(t, err)
		rec.Version = 1
		s.shelf.put(rec)
	}
	return s
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	<-time.NewTimer(d).C
	synctest.Wait()
}

// crash kills a client and starts another one in its place.
func (s *stage) crash(i int) {
	s.actors[i].die()
	s.gone = append(s.gone, s.actors[i])
	s.actors[i] = s.newActor()
}

func (s *stage) close() {
	for i := range s.actors {
		s.crash(i)
	}
	for _, a := range append(s.gone, s.actors...) {
		_ = a.client.Close() // the dead can't store anything
	}
}

// actor is a client, its store and its wire.
type actor struct {
	*shelf
	stage  *stage
	client *Client
	cancel context.CancelFunc
	told   State

	mu    sync.Mutex
	dead  bool
	stops []*stop
}

// stop is a client that waits to be released.
type stop struct {
	at   string
	goOn chan uint8
}

var errDead = errors.New("the process is dead")

func (s *stage) newActor() *actor {
	a := &actor{shelf: s.shelf, stage: s, cancel: func() {}, told: untold}
	client, err := New(Config{Provider: script{a}, Store: a, HTTPClient: &http.Client{Transport: a}, RecoverEvery: -1, Lease: 1000 * unit})
	require.NoError(s.t, err)
	client.policy, client.timeout = s.m.policy, 1000*unit
	a.client = client
	return a
}

// stop waits to be released, with a reply.
func (a *actor) stop(at string) (uint8, error) {
	s := &stop{at, make(chan uint8)}
	a.mu.Lock()
	if a.dead {
		a.mu.Unlock()
		return 0, errDead
	}
	a.stops = append(a.stops, s)
	a.mu.Unlock()
	reply, ok := <-s.goOn
	if !ok {
		return 0, errDead
	}
	return reply, nil
}

// stopped says where it waits.
func (a *actor) stopped() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := make([]string, 0, len(a.stops))
	for _, s := range a.stops {
		at = append(at, s.at)
	}
	return strings.Join(at, " and ")
}

func (a *actor) release(t *testing.T, at string, reply uint8) {
	t.Helper()
	a.mu.Lock()
	i := slices.IndexFunc(a.stops, func(s *stop) bool { return s.at == at })
	if i < 0 {
		a.mu.Unlock()
		require.Fail(t, "the client does something else", "it should be %s, and is %q", at, a.stopped())
	}
	s := a.stops[i]
	a.stops = slices.Delete(a.stops, i, i+1)
	a.mu.Unlock()
	s.goOn <- reply
	synctest.Wait()
}

func (a *actor) die() {
	a.mu.Lock()
	a.dead = true
	for _, s := range a.stops {
		close(s.goOn)
	}
	a.stops = nil
	a.mu.Unlock()
	a.client.stop()
	a.cancel()
	synctest.Wait()
}

func (a *actor) operation() Operation {
	op := Operation{Kind: "bank.transfer", Reference: "order-1", Path: "/transfers", Body: map[string]int{"amount": 1}, Replay: a.stage.m.replay}
	if a.stage.m.notAfter != never {
		op.NotAfter = a.stage.m.time(a.stage.m.notAfter)
	}
	return op
}

// begin runs a call until it stops. What its caller is told is noted.
func (a *actor) begin(call func(ctx context.Context) State) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.told = cancel, untold
	go func() {
		defer cancel()
		a.told = call(ctx)
	}()
	synctest.Wait()
}

func (a *actor) call(options ...CallOption) {
	a.begin(func(ctx context.Context) State {
		answer, _ := a.client.do(ctx, a.operation(), options)
		if answer.rec == nil {
			return untold
		}
		return answer.rec.State
	})
}

func (a *actor) recover(generation int) {
	a.begin(func(ctx context.Context) State {
		rec, err := a.Load(ctx, OperationID{}, generation)
		if err != nil {
			return untold
		}
		recovered, _ := a.client.recoverOne(ctx, rec, a.client.recovery)
		return recovered.State
	})
}

func (a *actor) resolve(resolution Resolution) {
	a.begin(func(ctx context.Context) State {
		id := OperationID{Account: "bank", Kind: a.operation().Kind, Reference: a.operation().Reference}
		_ = a.client.Resolve(ctx, id, resolution, "")
		return untold
	})
}

func (a *actor) Claim(_ context.Context, rec *Record) (*Record, error) {
	if _, err := a.stop(atSave); err != nil {
		return nil, err
	}
	return a.claim(rec), nil
}

func (a *actor) Save(_ context.Context, rec *Record) error {
	if _, err := a.stop(atSave); err != nil {
		return err
	}
	return a.save(rec)
}

func (a *actor) SaveLater(rec *Record, done func(error)) {
	kept := *rec
	go func() { done(a.Save(context.Background(), &kept)) }()
}

func (a *actor) Load(_ context.Context, _ OperationID, generation int) (*Record, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead {
		return nil, errDead
	}
	return a.load(generation)
}

// RoundTrip is the wire, and behind it a provider that says what the walk says.
func (a *actor) RoundTrip(req *http.Request) (*http.Response, error) {
	at := atLook
	if req.Header.Get("Idempotency-Key") != "" {
		at = atAnswer
		if reply, err := a.stop(atSend); err != nil || reply == saysNotSent {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
	}
	reply, err := a.stop(at)
	if err != nil || reply == saysLost {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: a.stage.m.answers[reply].status, Header: http.Header{"Reply": {strconv.Itoa(int(reply))}}, Body: http.NoBody,
		Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// script is the provider's dialect: an answer says which one it is.
type script struct{ a *actor }

func (script) Profile() Profile {
	return Profile{Name: "bank", Account: "bank", BaseURL: "https://bank.example", KeyHeader: "Idempotency-Key", Keys: KeysDerived}
}

func (script) Portable() Portable { return Portable{} }

func (p script) Authorize(_ context.Context, _ *http.Client, req *Request, _ http.Header) (http.Header, error) {
	if req.Key == "" {
		return http.Header{}, nil
	}
	if reply, err := p.a.stop(atAuthorize); err != nil || reply == saysUnsigned {
		return nil, fmt.Errorf("%w: no credentials", ErrInvalid)
	}
	return http.Header{}, nil
}

func (p script) Classify(_ *Request, res *Response) Verdict {
	reply, err := strconv.Atoi(res.Header.Get("Reply"))
	if err != nil {
		return Verdict{}
	}
	return p.a.stage.m.answers[reply].verdict
}

func (p script) Lookup(req *Request) (Query, bool) {
	return Query{Kind: "bank.look", Path: "/by-key/" + req.Key}, p.a.stage.m.lookup
}

func (p script) ClassifyLookup(req *Request, res *Response) Verdict { return p.Classify(req, res) }

// shelf is the store that all clients share: the generations of one operation.
type shelf struct {
	mu          sync.Mutex
	generations []Record
	backup      []Record
	binding     bool // leases
}

func (*shelf) Durability() Durability { return Durability{Process: true, Power: true, Text: "shelf"} }

func (*shelf) Salt() []byte { return []byte("a salt that is long enough for it") }

func (*shelf) Find(context.Context, []byte, string) (*Record, error) { return nil, ErrNotFound }

func (*shelf) Renew(context.Context, string, time.Duration, []OperationID) error { return nil }

func (*shelf) List(context.Context, Filter) (page []*Record, next string, err error) {
	return nil, "", nil
}

func (*shelf) Purge(context.Context, time.Time, int) (int, error) { return 0, nil }

func (s *shelf) put(rec *Record) {
	kept := *rec
	kept.Attempts = slices.Clone(rec.Attempts)
	kept.Restored, kept.Lease.Live = false, s.binding && rec.Lease.For > 0
	if !s.binding {
		kept.Lease.Holder = ""
	}
	if rec.Generation > len(s.generations) {
		s.generations = append(s.generations, kept)
		return
	}
	s.generations[rec.Generation-1] = kept
}

func (s *shelf) claim(rec *Record) *Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.generations) >= rec.Generation {
		return s.out(len(s.generations))
	}
	rec.Version = 1
	s.put(rec)
	return rec
}

func (s *shelf) save(rec *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec.Generation > len(s.generations) || s.generations[rec.Generation-1].Version != rec.Version {
		return ErrStale
	}
	rec.Version++
	s.put(rec)
	return nil
}

func (s *shelf) load(generation int) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation = orDefault(generation, len(s.generations)); generation == 0 || generation > len(s.generations) {
		return nil, ErrNotFound
	}
	return s.out(generation), nil
}

func (s *shelf) out(generation int) *Record {
	rec := s.generations[generation-1]
	rec.Attempts = slices.Clone(rec.Attempts)
	return &rec
}

// lease lets a lease run out.
func (s *shelf) lease(generation int, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation <= len(s.generations) {
		s.generations[generation-1].Lease.Live = live
	}
}

func (s *shelf) backUp() { s.backup = slices.Clone(s.generations) }

// restore puts the backup back, and says what the model's store says.
func (s *shelf) restore(w *world) {
	s.generations = slices.Clone(s.backup)
	for g := range s.generations {
		s.generations[g].Restored = w.records[g].restored
	}
}

// record is what is stored, in the model's terms.
func (s *shelf) record(m *model, generation int) (r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation > len(s.generations) {
		return record{}
	}
	rec := s.out(generation)
	r.exists, r.restored, r.created = true, rec.Restored, m.tick(rec.CreatedAt)
	m.take(&r.facts, &rec.Progress)
	for i, line := range rec.Attempts {
		r.facts.lines[i] = struct {
			class uint8
			ended bool
			at    tick
		}{uint8(line.Class), line.Took > 0, m.tick(line.StartedAt)}
		r.facts.count++
	}
	return r
}
