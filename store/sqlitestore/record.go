package sqlitestore

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// recordFormat is the format of the records that this version writes and reads. A version that stores something that this one must
// not overlook (another state, a sealed body) writes another.
const recordFormat = 1

// written is a record as arguments, encoded in the caller's goroutine. It shares no memory with the record.
type written struct {
	id         payonce.OperationID
	generation int
	version    int64
	key        string
	scope      any
	newest     int64 // of its times
	intent     []any // as insert_operation.sql wants it; nil unless it is for a claim
	progress   []any
	outcome    []any // as put_outcome.sql wants it, without the operation; nil if there is none
	lease      payonce.Lease
}

// encode encodes what a save writes, which becomes this version.
func encode(rec *payonce.Record, version int64) (*written, error) {
	attempts, err := storage.EncodeAttempts(rec.Attempts)
	if err != nil {
		return nil, err
	}
	w := &written{
		id: rec.ID, generation: rec.Generation, version: rec.Version, lease: rec.Lease, key: rec.Key, scope: storage.Bytes(rec.Scope),
		newest: max(storage.Micros(rec.CreatedAt), storage.Micros(rec.FirstAt), storage.Micros(rec.LastAt)),
	}
	w.progress = append(progressColumns(&rec.Progress, attempts), progressChecksum(rec, version, attempts))
	if o := rec.Outcome; o != nil {
		w.outcome = append(outcomeColumns(o), storage.Bytes(o.Body))
	}
	return w, nil
}

// encodeClaim also encodes the intent.
func encodeClaim(rec *payonce.Record) (*written, error) {
	w, err := encode(rec, 1)
	if err != nil {
		return nil, err
	}
	header, err := storage.EncodeHeader(rec.Header)
	if err != nil {
		return nil, err
	}
	columns := intentColumns(rec, header)
	w.intent = append(columns, int64(recordFormat), checksum(columns, rec.Body), storage.Bytes(rec.Body))
	return w, nil
}

// The columns are what is written, and what the checksums are of.

func intentColumns(rec *payonce.Record, header any) []any {
	return []any{
		rec.ID.Account, rec.ID.Kind, rec.ID.Reference, int64(rec.Generation), rec.Key, rec.Exclusive, storage.Bytes(rec.Scope),
		storage.Bytes(rec.Fingerprint), storage.Bytes(rec.Seal), int64(rec.Replay), rec.EmptyOK, rec.Prepared, storage.Micros(rec.CreatedAt), storage.Micros(rec.NotAfter),
		rec.Origin, rec.Method, rec.Path, header,
	}
}

func progressColumns(p *payonce.Progress, attempts any) []any {
	return []any{
		int64(p.State), int64(p.Sent), int64(p.Reached), int64(p.Possible), p.Accepted, p.KeySpent,
		storage.Micros(p.FirstAt), storage.Micros(p.LastAt), storage.Micros(p.DueAt), p.Reason, p.Note, attempts,
	}
}

func outcomeColumns(o *payonce.Outcome) []any {
	return []any{int64(o.Class), int64(o.Status), o.Code, o.Message, o.RequestID, o.ResourceID, storage.Micros(o.AnsweredAt), o.Replayed}
}

// progressChecksum binds progress and outcome to their operation and to each other.
func progressChecksum(rec *payonce.Record, version int64, attempts any) int64 {
	columns := []any{rec.ID.Account, rec.ID.Kind, rec.ID.Reference, int64(rec.Generation), version}
	columns = append(columns, progressColumns(&rec.Progress, attempts)...)
	if rec.Outcome == nil {
		return checksum(columns, nil)
	}
	return checksum(append(columns, outcomeColumns(rec.Outcome)...), rec.Outcome.Body)
}

// leaseArgs are holder, keeper, end of the lease and time of the change, as of now.
func (w *written) leaseArgs(keeper string) []any {
	now := time.Now()
	if w.lease.For <= 0 {
		return []any{"", "", int64(0), storage.Micros(now)}
	}
	return []any{w.lease.Holder, keeper, storage.Micros(now.Add(w.lease.For)), storage.Micros(now)}
}

// row is a record as record.sql reads it.
type row struct {
	number     int64
	unreadable error // why its columns could not be scanned
	rec        payonce.Record
	outcome    payonce.Outcome
	answered   bool
	answeredAt int64

	format                                    int64
	sealed, purged                            bool
	intentSum, progressSum                    int64
	newest                                    int64
	scope, fingerprint, seal, body, answer    blob
	created, notAfter, firstAt, lastAt, dueAt int64
	header, attempts                          *string
	leaseUntil                                int64
	keeper                                    string
}

// scan reads a row of record.sql; decode says what is wrong with one that can't be read. The place in the order of List comes first, so that
// it is known all the same.
func scan(from interface{ Scan(dest ...any) error }) (*row, error) {
	r := new(row)
	rec, o := &r.rec, &r.outcome
	err := from.Scan(
		&r.number, &r.dueAt, &r.format, &r.sealed, &r.intentSum, &r.progressSum, &r.purged,
		&r.newest, &rec.Restored,
		&rec.ID.Account, &rec.ID.Kind, &rec.ID.Reference, &rec.Generation, &rec.Key, &rec.Exclusive, &r.scope, &r.fingerprint,
		&r.seal, &rec.Replay, &rec.EmptyOK,
		&rec.Prepared, &r.created, &r.notAfter, &rec.Origin, &rec.Method, &rec.Path, &r.header, &r.body,
		&rec.State, &rec.Version, &rec.Sent, &rec.Reached, &rec.Possible, &rec.Accepted, &rec.KeySpent, &r.firstAt, &r.lastAt,
		&r.leaseUntil, &rec.Lease.Holder, &r.keeper, &rec.Reason, &rec.Note, &r.attempts,
		&r.answered, &o.Class, &o.Status, &o.Code, &o.Message,
		&o.RequestID, &o.ResourceID, &r.answeredAt, &o.Replayed, &r.answer,
	)
	if err != nil && !errors.Is(err, sql.ErrNoRows) && resultCode(err) == 0 {
		r.unreadable, err = err, nil
	}
	return r, err
}

// stands says that a claim of a generation finds this row. What can't be read stands against all.
func (r *row) stands(generation int) bool {
	return r.unreadable != nil || r.rec.Generation >= generation
}

// size is about how much memory the bodies take.
func (r *row) size() int { return len(r.body) + len(r.answer) }

// decode makes the record. Whether a lease of another keeper is live costs a look at its lock file, so it is asked last.
func (r *row) decode(alive func(keeper string) bool) (*payonce.Record, error) {
	rec := &r.rec
	if r.unreadable != nil {
		return nil, r.damaged(r.unreadable)
	}
	if r.format > recordFormat {
		return nil, r.newer("format %d; this one knows %d", r.format, recordFormat)
	}
	if r.sealed {
		return nil, r.newer("a sealed body; this one knows none")
	}
	var err error
	if rec.Header, err = storage.DecodeHeader(r.header); err != nil {
		return nil, r.damaged(err)
	}
	if rec.Attempts, err = storage.DecodeAttempts(r.attempts); err != nil {
		return nil, r.damaged(err)
	}
	rec.Scope, rec.Fingerprint, rec.Seal, rec.Body = r.scope, r.fingerprint, r.seal, payonce.Raw(r.body)
	rec.CreatedAt, rec.NotAfter = storage.FromMicros(r.created), storage.FromMicros(r.notAfter)
	rec.FirstAt, rec.LastAt, rec.DueAt = storage.FromMicros(r.firstAt), storage.FromMicros(r.lastAt), storage.FromMicros(r.dueAt)
	if r.answered {
		r.outcome.Body, r.outcome.AnsweredAt = payonce.Raw(r.answer), storage.FromMicros(r.answeredAt)
		rec.Outcome = &r.outcome
	}
	if err := r.verify(); err != nil {
		return nil, err
	}
	rec.Newest = storage.FromMicros(max(r.newest, r.created, r.firstAt, r.lastAt)) // its own are of the transaction that is being written
	rec.Lease.Live = storage.Micros(time.Now()) < r.leaseUntil && alive(r.keeper)
	return rec, nil
}

// verify fails on values that this version does not know, and on what is not what was written.
func (r *row) verify() error {
	rec := &r.rec
	classes := []payonce.Class{r.outcome.Class}
	for _, attempt := range rec.Attempts {
		classes = append(classes, attempt.Class)
	}
	for _, class := range classes {
		if class < payonce.ClassUnknown || class > payonce.ClassSucceeded {
			return r.newer("class %d", class)
		}
	}
	if rec.State < payonce.StateOpen || rec.State > payonce.StateInDoubt {
		return r.newer("state %d", rec.State)
	}
	if rec.Replay < payonce.ReplayKeyed || rec.Replay > payonce.ReplayOnce {
		return r.newer("replay %d", rec.Replay)
	}
	intent := checksum(intentColumns(rec, column(r.header)), rec.Body)
	progress := progressChecksum(rec, rec.Version, column(r.attempts))
	bodyGone, answerGone := rec.Body == nil, rec.Outcome == nil || (rec.Outcome.Body == nil && r.purged)
	if r.format != recordFormat || !sameChecksum(r.intentSum, intent, bodyGone) || !sameChecksum(r.progressSum, progress, answerGone) {
		return r.damaged(errors.New("its checksum differs"))
	}
	return nil
}

// column is a text column that may be null as it was written.
func column(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

func (r *row) damaged(err error) error {
	return fmt.Errorf("the record of %s, generation %d, row %d, is damaged: %w", r.rec.ID, r.rec.Generation, r.number, err)
}

func (r *row) newer(format string, args ...any) error {
	return fmt.Errorf("the record of %s, generation %d, row %d, was written by a newer version (%s): update this program",
		r.rec.ID, r.rec.Generation, r.number, fmt.Sprintf(format, args...))
}
