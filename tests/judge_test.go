package tests_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// stamp is how times are told.
const stamp = "Jan 2 2006 15:04:05.000"

// judge goes by the provider's ledger and by what the store holds, never by the client's word.
type judge struct {
	sim   simulated
	store payonce.KeyStore
	// before is how many effects there were before the trial.
	before int
}

// records returns every generation of the operation, the first one first; none if it was never begun.
func (j *judge) records(id payonce.OperationID) []*payonce.Record {
	last, err := j.store.Load(context.Background(), id, 0)
	if err != nil {
		return nil
	}
	all := make([]*payonce.Record, 0, last.Generation)
	for generation := 1; generation < last.Generation; generation++ {
		if rec, err := j.store.Load(context.Background(), id, generation); err == nil {
			all = append(all, rec)
		}
	}
	return append(all, last)
}

// effects counts how often the operation moved money, under any of its keys.
func (j *judge) effects(id payonce.OperationID) int { return j.effectsOf(j.records(id)) }

func (j *judge) effectsOf(all []*payonce.Record) int {
	n := 0
	for _, rec := range all {
		for _, e := range j.sim.Ledger().ByKey(rec.Key) {
			if !e.Declined {
				n++
			}
		}
	}
	return n
}

// told compares what a caller was told of an operation with the ledger. It returns what is wrong, or "".
func (j *judge) told(id payonce.OperationID, err error) string {
	all := j.records(id)
	effects := j.effectsOf(all)
	if e, ok := errors.AsType[*payonce.Error](err); len(all) == 0 && (err == nil || (ok && e.Sent > 0)) {
		return fmt.Sprintf("it vanished, after the caller was told: %v", err)
	}
	ok := effects <= 1
	switch {
	case err == nil:
		ok = effects == 1
	case errors.Is(err, payonce.ErrOutcomeUnknown), errors.Is(err, payonce.ErrKeyReuse):
	case errors.Is(err, payonce.ErrNotSent), errors.Is(err, payonce.ErrRejected):
		// Another caller, who came later, may have gone on with it; then its record says so.
		ok = effects == 0 || (effects == 1 && reopened(all))
	default:
		ok = false
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%d effects in the ledger, but the caller was told: %v", effects, err)
}

// reopened says that a later call went on with the operation.
func reopened(all []*payonce.Record) bool {
	last := all[len(all)-1]
	return last.State != payonce.StateNotSent && last.State != payonce.StateRejected
}

// standing compares what the store says of an operation with the ledger: it is there, terminal, or due, or in doubt with a reason, and
// what is terminal is true.
func (j *judge) standing(id payonce.OperationID) string {
	all := j.records(id)
	if len(all) == 0 {
		return "it vanished"
	}
	effects := j.effectsOf(all)
	last := all[len(all)-1]
	wrong := effects > 1
	switch last.State {
	case payonce.StateOpen:
		wrong = wrong || last.DueAt.IsZero()
	case payonce.StateInDoubt:
		wrong = wrong || last.Reason == ""
	case payonce.StateSucceeded:
		wrong = effects != 1
	case payonce.StateNotSent, payonce.StateRejected:
		wrong = effects != 0
	}
	if !wrong {
		return ""
	}
	return fmt.Sprintf("%d effects in the ledger, but its record is %v, due %v, because %q", effects, last.State, last.DueAt, last.Reason)
}

// wire compares the requests that arrived with the marks (no attempt without one), and with each other (always the same bytes).
func (j *judge) wire(requests []simulator.Request, id payonce.OperationID) string {
	for _, rec := range j.records(id) {
		var first *simulator.Request
		receipts, doubled := 0, 0
		for i := range requests {
			r := &requests[i]
			if r.Key != rec.Key || !r.Complete {
				continue
			}
			if receipts++; strings.HasPrefix(r.Fault, "F27") || strings.HasPrefix(r.Fault, "F30") {
				doubled++ // on the way, not by the client
			}
			if first == nil {
				first = r
			}
			if why := differ(rec, first, r); why != "" {
				return why
			}
		}
		if receipts-doubled/2 > rec.Reached {
			return fmt.Sprintf("%d requests arrived, %d of them doubled on the way, but only %d of %d marks may have reached the provider", receipts, doubled/2, rec.Reached, rec.Sent)
		}
	}
	return ""
}

// differ says in what two requests under one key are not the same.
func differ(rec *payonce.Record, a, b *simulator.Request) string {
	if a.Method != b.Method || a.Path != b.Path || !bytes.Equal(a.Body, b.Body) {
		return fmt.Sprintf("%s %s %s and %s %s %s under one key", a.Method, a.Path, a.Body, b.Method, b.Path, b.Body)
	}
	for name, values := range rec.Header {
		if !slices.Equal(b.Header.Values(name), values) {
			return fmt.Sprintf("%s is %q on the wire and %q in the record", name, b.Header.Values(name), values)
		}
	}
	return ""
}

// strangers says how many effects belong to none of the operations.
func (j *judge) strangers(ids []payonce.OperationID) string {
	n := -j.before
	for _, e := range j.sim.Ledger().Entries() {
		if !e.Declined {
			n++
		}
	}
	total := 0
	for _, id := range ids {
		total += j.effects(id)
	}
	if n == total {
		return ""
	}
	return fmt.Sprintf("%d effects in the ledger, %d belong to operations", n, total)
}

// sticky says that the provider stored a 5xx answer under the operation's key and repeats it for ever: then nobody can know more.
func (j *judge) sticky(id payonce.OperationID) bool {
	all := j.records(id)
	rec := all[len(all)-1]
	for _, r := range slices.Backward(j.sim.Requests()) {
		if r.Key == rec.Key {
			return r.Replayed && r.Status >= 500 && rec.DueAt.After(time.Now())
		}
	}
	return false
}

// story tells what the store knows of an operation, and what the provider saw.
func (j *judge) story(id payonce.OperationID) string {
	var b strings.Builder
	for _, rec := range j.records(id) {
		fmt.Fprintf(&b, "  generation %d, key %.8s: %v, due %s, %d sent, %d reached, %d possible, accepted %t, spent %t, %q\n",
			rec.Generation, rec.Key, rec.State, rec.DueAt.Format(stamp), rec.Sent, rec.Reached, rec.Possible, rec.Accepted, rec.KeySpent, rec.Reason)
		for _, a := range rec.Attempts {
			fmt.Fprintf(&b, "    attempt %d at %s took %v: %v, status %d %s %s\n", a.N, a.StartedAt.Format(stamp), a.Took, a.Class, a.Status, a.Code, a.Fault)
		}
	}
	for _, r := range j.sim.Requests() {
		fmt.Fprintf(&b, "  %s %s %s key %.8s complete %t executed %t replayed %t fault %q status %d\n",
			r.Time.Format(stamp), r.Method, r.Path, r.Key, r.Complete, r.Executed, r.Replayed, r.Fault, r.Status)
	}
	return b.String()
}
