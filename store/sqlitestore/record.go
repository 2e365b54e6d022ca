package sqlitestore

import (
	"fmt"
	"time"

	"github.com/payonce/payonce"
)

// written is a record as arguments, encoded in the caller's goroutine. It shares no memory with the record.
type written struct {
	id         payonce.OperationID
	generation int
	version    int64
	key        string
	scope      any
	intent     []any // as insert_operation.sql wants it; nil unless it is for a claim
	progress   []any
	outcome    []any // as put_outcome.sql wants it, without the operation; nil if there is none
	lease      payonce.Lease
}

func encode(rec *payonce.Record) (*written, error) {
	attempts, err := encodeAttempts(rec.Attempts)
	if err != nil {
		return nil, err
	}
	p := rec.Progress
	w := &written{
		id: rec.ID, generation: rec.Generation, version: rec.Version, lease: rec.Lease,
		key: rec.Key, scope: value(rec.Scope),
		progress: []any{
			int64(p.State), int64(p.Sent), int64(p.Reached), int64(p.Possible), p.Accepted, p.KeySpent,
			micros(p.FirstAt), micros(p.LastAt), micros(p.DueAt), p.Reason, p.Note, attempts,
		},
	}
	if o := p.Outcome; o != nil {
		w.outcome = []any{
			int64(o.Class), int64(o.Status), o.Code, o.Message, o.RequestID, o.ResourceID, micros(o.AnsweredAt), o.Replayed, value(o.Body),
		}
	}
	return w, nil
}

// encodeClaim also encodes the intent.
func encodeClaim(rec *payonce.Record) (*written, error) {
	w, err := encode(rec)
	if err != nil {
		return nil, err
	}
	header, err := encodeHeader(rec.Header)
	if err != nil {
		return nil, err
	}
	w.intent = []any{
		rec.ID.Account, rec.ID.Kind, rec.ID.Reference, int64(rec.Generation), rec.Key, rec.Exclusive, w.scope,
		value(rec.Fingerprint), value(rec.Seal), int64(rec.Replay), rec.EmptyOK, rec.Prepared, micros(rec.CreatedAt), micros(rec.NotAfter),
		rec.Origin, rec.Method, rec.Path, header, value(rec.Body),
	}
	return w, nil
}

// leaseArgs are holder, keeper, end of the lease and time of the change, as of now.
func (w *written) leaseArgs(keeper string) []any {
	now := time.Now()
	if w.lease.For <= 0 {
		return []any{"", "", int64(0), micros(now)}
	}
	return []any{w.lease.Holder, keeper, micros(now.Add(w.lease.For)), micros(now)}
}

// row is a record as record.sql reads it.
type row struct {
	number     int64
	rec        payonce.Record
	outcome    payonce.Outcome
	answered   bool
	answeredAt int64

	scope, fingerprint, seal, body, answer    blob
	created, notAfter, firstAt, lastAt, dueAt int64
	header, attempts                          *string
	leaseUntil                                int64
	keeper                                    string
}

// scan reads a row of record.sql.
func scan(from interface{ Scan(dest ...any) error }) (*row, error) {
	r := new(row)
	rec, o := &r.rec, &r.outcome
	err := from.Scan(
		&r.number, &rec.ID.Account, &rec.ID.Kind, &rec.ID.Reference, &rec.Generation, &rec.Key, &rec.Exclusive, &r.scope, &r.fingerprint,
		&r.seal, &rec.Replay, &rec.EmptyOK,
		&rec.Prepared, &r.created, &r.notAfter, &rec.Origin, &rec.Method, &rec.Path, &r.header, &r.body,
		&rec.State, &rec.Version, &rec.Sent, &rec.Reached, &rec.Possible, &rec.Accepted, &rec.KeySpent, &r.firstAt, &r.lastAt, &r.dueAt,
		&r.leaseUntil, &rec.Lease.Holder, &r.keeper, &rec.Reason, &rec.Note, &r.attempts,
		&r.answered, &o.Class, &o.Status, &o.Code, &o.Message,
		&o.RequestID, &o.ResourceID, &r.answeredAt, &o.Replayed, &r.answer,
	)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// decode makes the record. Whether a lease of another keeper is live costs a look at its lock file, so it is asked last.
func (r *row) decode(alive func(keeper string) bool) (*payonce.Record, error) {
	rec := &r.rec
	var err error
	if rec.Header, err = decodeHeader(r.header); err != nil {
		return nil, r.damaged(err)
	}
	if rec.Attempts, err = decodeAttempts(r.attempts); err != nil {
		return nil, r.damaged(err)
	}
	rec.Scope, rec.Fingerprint, rec.Seal, rec.Body = r.scope, r.fingerprint, r.seal, payonce.Raw(r.body)
	rec.CreatedAt, rec.NotAfter = fromMicros(r.created), fromMicros(r.notAfter)
	rec.FirstAt, rec.LastAt, rec.DueAt = fromMicros(r.firstAt), fromMicros(r.lastAt), fromMicros(r.dueAt)
	if r.answered {
		r.outcome.Body, r.outcome.AnsweredAt = payonce.Raw(r.answer), fromMicros(r.answeredAt)
		rec.Outcome = &r.outcome
	}
	rec.Lease.Live = micros(time.Now()) < r.leaseUntil && alive(r.keeper)
	return rec, nil
}

func (r *row) damaged(err error) error {
	return fmt.Errorf("the record of %s, generation %d, row %d, is damaged: %w", r.rec.ID, r.rec.Generation, r.number, err)
}
