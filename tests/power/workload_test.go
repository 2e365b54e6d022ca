package power_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// The environment of a recorded process: what it is to do, and with which file.
const (
	roleVariable = "PAYONCE_TEST_ROLE"
	pathVariable = "PAYONCE_TEST_PATH"
)

const account = "provider/sandbox/merchant-1"

// What the processes say.
const (
	saidSection = "section" // a part of the workload begins; the roles of its processes
	saidOpened  = "opened"  // an Open has returned; the digest of the salt
	saidTries   = "tries"   // a write of a record begins; what identify returns
	saidDone    = "done"    // it has returned: acknowledged
	saidMade    = "made"    // last: the fingerprint of what was recorded
)

// say puts a line into the trace: standard error is traced like the files, so that its place among the writes is known.
func say(words ...any) { _, _ = fmt.Fprint(os.Stderr, sayPrefix+fmt.Sprintln(words...)) }

// TestChild is what a recorded process runs; on its own it has nothing to do.
func TestChild(t *testing.T) {
	if role := os.Getenv(roleVariable); role != "" {
		w := &worker{t: t, path: os.Getenv(pathVariable)}
		w.roles()[role]()
	}
}

// worker is a process that uses the store.
type worker struct {
	t     *testing.T
	path  string
	store *sqlitestore.Store
}

func (w *worker) roles() map[string]func() {
	return map[string]func(){
		"all":     w.all,
		"first":   w.first,
		"long":    w.long,
		"recover": w.recover,
		"left":    func() { w.pair("left") },
		"right":   func() { w.pair("right") },
		"later":   w.later,
	}
}

func (w *worker) open() {
	store, err := sqlitestore.Open(w.path)
	require.NoError(w.t, err)
	w.store = store
	say(saidOpened, digest(store.Salt()))
}

func (w *worker) close() { require.NoError(w.t, w.store.Close()) }

// first makes the store.
func (w *worker) first() {
	w.open()
	for n := range 3 {
		w.pay(n, 300)
	}
	w.close()
}

// long fills the -wal file until it is moved into the database and begun anew, twice, and dies with it.
func (w *worker) long() {
	w.open()
	for n := 100; n < 290; n++ {
		w.pay(n, n%5*2500+n)
	}
	self, err := os.FindProcess(os.Getpid())
	require.NoError(w.t, err)
	require.NoError(w.t, self.Kill())
	select {}
}

// recover finds the -wal file of a dead process. Purge empties it; then it grows again.
func (w *worker) recover() {
	w.open()
	ids := []payonce.OperationID{}
	for n := 400; n < 410; n++ {
		rec := w.claim(n, 2000)
		ids = append(ids, rec.ID)
		require.NoError(w.t, w.store.Renew(w.t.Context(), rec.Lease.Holder, time.Minute, ids))
	}
	w.purge(20)
	for n := 410; n < 420; n++ {
		w.pay(n, 1000)
	}
	w.purge(1000)
	w.pay(420, 1000)
	w.close()
}

// pair writes while another process does. What closes last empties the -wal file.
func (w *worker) pair(name string) {
	w.open()
	first := map[string]int{"left": 500, "right": 600}[name]
	for n := range 20 {
		w.pay(first+n, 700*(n%4))
	}
	w.close()
}

// later lets writes ride in commits that nobody waits for.
func (w *worker) later() {
	w.open()
	var all []*payonce.Record
	for n := 700; n < 712; n++ {
		all = append(all, w.claim(n, 800))
	}
	for i, rec := range all {
		succeed(rec)
		w.saveLater(rec)
		if i%4 == 3 {
			w.claim(720+i, 400)
		}
	}
	w.close()
}

// pay is the life of an operation: claimed, perhaps tried again, and answered.
func (w *worker) pay(n, size int) {
	rec := w.claim(n, size)
	if n%3 == 1 {
		again(rec)
		w.save(rec)
	}
	switch {
	case n%7 == 3: // nobody knows
	case n%5 == 2:
		refuse(rec)
		w.save(rec)
		next := operation(n, 2, size)
		w.claimed(next)
	default:
		succeed(rec)
		w.save(rec)
	}
}

func (w *worker) claim(n, size int) *payonce.Record { return w.claimed(operation(n, 1, size)) }

func (w *worker) claimed(rec *payonce.Record) *payonce.Record {
	tried := *rec
	tried.Version = 1
	words := identify(&tried)
	say(append([]any{saidTries}, words...)...)
	got, err := w.store.Claim(w.t.Context(), rec)
	require.NoError(w.t, err)
	require.Same(w.t, rec, got)
	say(append([]any{saidDone}, words...)...)
	return rec
}

func (w *worker) save(rec *payonce.Record) {
	words := w.tries(rec)
	require.NoError(w.t, w.store.Save(w.t.Context(), rec))
	say(append([]any{saidDone}, words...)...)
}

func (w *worker) saveLater(rec *payonce.Record) {
	words := w.tries(rec)
	w.store.SaveLater(rec, func(err error) {
		if err == nil {
			say(append([]any{saidDone}, words...)...)
		}
	})
}

// tries announces the next version of a record.
func (w *worker) tries(rec *payonce.Record) (words []any) {
	tried := *rec
	tried.Version++
	words = identify(&tried)
	say(append([]any{saidTries}, words...)...)
	return words
}

// purge forgets bodies; any of the closed records may lose its own.
func (w *worker) purge(limit int) {
	var closed []*payonce.Record
	for _, state := range []payonce.State{payonce.StateSucceeded, payonce.StateRejected} {
		all, err := list(w.t.Context(), w.store, state)
		require.NoError(w.t, err)
		for _, rec := range all {
			if rec.Final() && rec.Body != nil {
				bare := *rec
				forget(&bare)
				say(append([]any{saidTries}, identify(&bare)...)...)
				closed = append(closed, rec)
			}
		}
	}
	_, err := w.store.Purge(w.t.Context(), time.Now().Add(time.Hour), limit)
	require.NoError(w.t, err)
	for _, rec := range closed {
		now, err := w.store.Load(w.t.Context(), rec.ID, rec.Generation)
		require.NoError(w.t, err)
		if now.Body == nil {
			say(append([]any{saidDone}, identify(now)...)...)
		}
	}
}

// forget does to a record what Purge does.
func forget(rec *payonce.Record) {
	rec.Body = nil
	if rec.Outcome != nil {
		outcome := *rec.Outcome
		outcome.Body = nil
		rec.Outcome = &outcome
	}
}

// list returns all records in a state.
func list(ctx context.Context, store *sqlitestore.Store, state payonce.State) (all []*payonce.Record, err error) {
	for after := ""; ; {
		page, next, err := store.List(ctx, payonce.Filter{Account: account, State: state, After: after, Limit: 1000})
		if all = append(all, page...); next == "" || err != nil {
			return all, err
		}
		after = next
	}
}

// epoch is when the recorded world was made.
func epoch() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

const (
	// referencePrefix starts every reference.
	referencePrefix = "order-"
	// bodyMark follows a record's name in each line of its body.
	bodyMark = " pays in line "
	// purgedMark follows a record's version when its body was purged.
	purgedMark = "-purged"
)

// operation returns what a client would claim. Each byte of its body tells whose it is and where it belongs.
func operation(n, generation, size int) *payonce.Record {
	reference, now := fmt.Sprint(referencePrefix, n), epoch().Add(time.Duration(n)*time.Second)
	var body strings.Builder
	for line := 0; body.Len() < size; line++ {
		fmt.Fprintf(&body, "%s/%d%s%-80d\n", reference, generation, bodyMark, line)
	}
	hash := sha256.Sum256([]byte(reference))
	return &payonce.Record{
		ID:         payonce.OperationID{Account: account, Kind: "payment.create", Reference: reference},
		Generation: generation, Key: fmt.Sprint(reference, "_", generation), Exclusive: n%2 == 0,
		Scope: hash[:8], Fingerprint: hash[:], Seal: hash[16:],
		Origin: "https://api.example.com", Method: http.MethodPost, Path: "/v1/payments",
		Header: http.Header{"Content-Type": {"application/json"}}, Body: payonce.Raw(body.String()),
		CreatedAt: now, Progress: payonce.Progress{
			Sent: 1, Reached: 1, Possible: 1, FirstAt: now, LastAt: now, DueAt: now.Add(time.Minute),
			Attempts: []payonce.Attempt{{N: 1, StartedAt: now}},
		},
		Lease: payonce.Lease{Holder: "client-1", For: 15 * time.Second},
	}
}

// again marks a second attempt.
func again(rec *payonce.Record) {
	rec.Sent, rec.Reached, rec.Possible = 2, 2, 2
	rec.LastAt = rec.FirstAt.Add(2 * time.Second)
	rec.Attempts[0].Fault = "connection reset"
	rec.Attempts = append(rec.Attempts, payonce.Attempt{N: 2, StartedAt: rec.LastAt, Waited: time.Second})
}

func succeed(rec *payonce.Record) {
	rec.State = payonce.StateSucceeded
	rec.Outcome = &payonce.Outcome{
		Class: payonce.ClassSucceeded, Status: http.StatusCreated, Body: payonce.Raw(`{"id":"` + rec.Key + `"}`), ResourceID: rec.Key,
		AnsweredAt: rec.LastAt.Add(time.Second),
	}
	rec.Lease = payonce.Lease{}
}

func refuse(rec *payonce.Record) {
	rec.State, rec.KeySpent, rec.Reason = payonce.StateRejected, true, "declined"
	rec.Outcome = &payonce.Outcome{
		Class: payonce.ClassRefused, Status: http.StatusUnprocessableEntity, Body: payonce.Raw(`{"code":"declined"}`), Code: "declined",
		AnsweredAt: rec.LastAt.Add(time.Second),
	}
	rec.Lease = payonce.Lease{}
}

// identify returns what is said of a record: its name and version, the newest of its times, and a digest of all that must
// last. The lease is not among it.
func identify(rec *payonce.Record) []any {
	h := sha256.New()
	p := rec.Progress
	_, _ = fmt.Fprintln(h, rec.ID, rec.Generation, rec.Key, rec.Exclusive, string(rec.Scope), string(rec.Fingerprint), string(rec.Seal), int(rec.Replay), rec.EmptyOK,
		rec.Origin, rec.Method, rec.Path, rec.Header, rec.Prepared, rec.CreatedAt.UnixMicro(), rec.NotAfter.UnixMicro(), rec.Version,
		int(p.State), p.Sent, p.Reached, p.Possible, p.Accepted, p.KeySpent, p.FirstAt.UnixMicro(), p.LastAt.UnixMicro(), p.DueAt.UnixMicro(),
		p.Reason, p.Note)
	for _, a := range p.Attempts {
		_, _ = fmt.Fprintln(h, a.N, a.StartedAt.UnixMicro(), a.Took, int(a.Class), a.Status, a.Code, a.RequestID, a.Fault, a.Waited)
	}
	if o := p.Outcome; o != nil {
		_, _ = fmt.Fprintln(h, int(o.Class), o.Status, o.Code, o.Message, o.RequestID, o.ResourceID, o.AnsweredAt.UnixMicro(), o.Replayed)
		_, _ = h.Write(o.Body)
	}
	_, _ = h.Write(rec.Body)
	number := fmt.Sprint(rec.Version)
	if rec.Body == nil {
		number += purgedMark
	}
	return []any{name(rec), number, newest(rec).UnixMicro(), hex.EncodeToString(h.Sum(nil)[:8])}
}

// name tells a record from the others.
func name(rec *payonce.Record) string { return fmt.Sprint(rec.ID.Reference, "/", rec.Generation) }

// newest is the latest time of a record.
func newest(rec *payonce.Record) time.Time {
	if rec.LastAt.After(rec.CreatedAt) {
		return rec.LastAt
	}
	return rec.CreatedAt
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
