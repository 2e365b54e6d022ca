package pgstore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// recordFormat is the format of the records that this version writes and reads; it stands in the statements too. A version that
// stores something that this one must not step over writes a higher one.
const recordFormat = 1

// written is a record as arguments, encoded in the caller's goroutine. It shares no memory with the record.
type written struct {
	identity []any // account, kind, reference, generation
	version  int64
	intent   []any // nil unless it is for a claim
	progress []any
	lease    []any // holder, microseconds
	newest   time.Time
	size     int
}

func encode(rec *payonce.Record) (*written, error) {
	attempts, err := storage.EncodeAttempts(rec.Attempts)
	if err != nil {
		return nil, err
	}
	p := &rec.Progress
	w := &written{
		identity: []any{storable(rec.ID.Account), storable(rec.ID.Kind), storable(rec.ID.Reference), int64(rec.Generation)},
		version:  rec.Version,
		lease:    []any{"", int64(0)},
		progress: []any{
			int64(p.State), int64(p.Sent), int64(p.Reached), int64(p.Possible), p.Accepted, p.KeySpent, moment(p.FirstAt), moment(p.LastAt),
			moment(p.DueAt), storable(p.Reason), storable(p.Note), attempts,
		},
		newest: latest(rec.CreatedAt, p.FirstAt, p.LastAt),
	}
	if rec.Lease.For > 0 {
		w.lease = []any{storable(rec.Lease.Holder), micros(rec.Lease.For)}
	}
	outcome := make([]any, 9)
	if o := p.Outcome; o != nil {
		outcome = []any{
			int64(o.Class), int64(o.Status), storable(o.Code), storable(o.Message), storable(o.RequestID), storable(o.ResourceID),
			moment(o.AnsweredAt), o.Replayed, storage.Bytes(o.Body),
		}
		w.size += len(o.Body)
	}
	w.progress = append(w.progress, outcome...)
	return w, nil
}

// encodeClaim also encodes the intent.
func encodeClaim(rec *payonce.Record) (*written, error) {
	w, err := encode(rec)
	if err != nil {
		return nil, err
	}
	header, err := storage.EncodeHeader(rec.Header)
	if err != nil {
		return nil, err
	}
	w.intent = []any{
		storable(rec.Key), rec.Exclusive, storage.Bytes(rec.Scope), storage.Bytes(rec.Fingerprint), storage.Bytes(rec.Seal), int64(rec.Replay),
		rec.EmptyOK, rec.Prepared, moment(rec.CreatedAt), moment(rec.NotAfter), storable(rec.Origin), storable(rec.Method),
		storable(rec.Path), header, storage.Bytes(rec.Body),
	}
	w.size += len(rec.Body)
	return w, nil
}

// insertion are the arguments of insert.sql.
func (w *written) insertion() []any { return slices.Concat(w.identity, w.intent, w.lease, w.progress) }

// replacement are the arguments of save.sql.
func (w *written) replacement() []any {
	return slices.Concat(w.identity, []any{w.version}, w.lease, w.progress)
}

func latest(times ...time.Time) (newest time.Time) {
	for _, t := range times {
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}

// row is a record as record.sql reads it.
type row struct {
	number, format int64
	rec            payonce.Record

	header, attempts                     *string
	created, notAfter, first, last, due  pgtype.Timestamptz // which has words for infinity too
	newest                               pgtype.Timestamptz
	body                                 []byte
	class, status                        *int64
	code, message, requestID, resourceID *string
	answered                             pgtype.Timestamptz
	replayed                             *bool
	answer                               []byte
}

// scan reads a row of record.sql.
func scan(from pgx.Row) (*row, error) {
	r := new(row)
	rec := &r.rec
	err := from.Scan(
		&r.number, &r.format, &rec.ID.Account, &rec.ID.Kind, &rec.ID.Reference, &rec.Generation, &rec.Key, &rec.Exclusive, &rec.Scope,
		&rec.Fingerprint, &rec.Seal, &rec.Replay, &rec.EmptyOK, &rec.Prepared, &r.created, &r.notAfter, &rec.Origin, &rec.Method, &rec.Path,
		&r.header, &r.body,
		&rec.Version, &rec.State, &rec.Sent, &rec.Reached, &rec.Possible, &rec.Accepted, &rec.KeySpent, &r.first, &r.last, &r.due,
		&rec.Lease.Holder, &rec.Lease.Live, &rec.Reason, &rec.Note, &r.attempts,
		&r.class, &r.status, &r.code, &r.message, &r.requestID, &r.resourceID, &r.answered, &r.replayed, &r.answer,
		&r.newest, &rec.Restored,
	)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// decode makes the record.
func (r *row) decode() (*payonce.Record, error) {
	rec := &r.rec
	if r.format > recordFormat {
		return nil, r.strange("was written by a newer version (format %d; this one knows %d): update this program", r.format, recordFormat)
	}
	if rec.State < payonce.StateOpen || rec.State > payonce.StateInDoubt {
		return nil, r.strange("is in state %d, which this version does not know", int(rec.State))
	}
	var header, attempts error
	rec.Header, header = storage.DecodeHeader(r.header)
	rec.Attempts, attempts = storage.DecodeAttempts(r.attempts)
	if err := errors.Join(header, attempts, r.decodeTexts(), r.decodeTimes(), r.decodeOutcome()); err != nil {
		return nil, r.strange("is damaged: %w", err)
	}
	rec.Body = r.body
	return rec, nil
}

func (r *row) decodeTexts() error {
	var t texts
	rec := &r.rec
	for _, s := range []*string{
		&rec.ID.Account, &rec.ID.Kind, &rec.ID.Reference, &rec.Key, &rec.Origin, &rec.Method, &rec.Path, &rec.Lease.Holder, &rec.Reason,
		&rec.Note,
	} {
		*s = t.original(*s)
	}
	return t.err
}

func (r *row) decodeTimes() error {
	var t times
	rec := &r.rec
	rec.CreatedAt, rec.NotAfter, rec.Newest = t.instant(r.created), t.instant(r.notAfter), t.instant(r.newest)
	rec.FirstAt, rec.LastAt, rec.DueAt = t.instant(r.first), t.instant(r.last), t.instant(r.due)
	return t.err
}

func (r *row) decodeOutcome() error {
	if r.class == nil {
		return nil
	}
	if r.status == nil || r.code == nil || r.message == nil || r.requestID == nil || r.resourceID == nil || r.replayed == nil {
		return errors.New("a part of the outcome is missing")
	}
	var t texts
	var at times
	r.rec.Outcome = &payonce.Outcome{
		Class: payonce.Class(*r.class), Status: int(*r.status), Body: r.answer, Code: t.original(*r.code), Message: t.original(*r.message),
		RequestID: t.original(*r.requestID), ResourceID: t.original(*r.resourceID), AnsweredAt: at.instant(r.answered), Replayed: *r.replayed,
	}
	return errors.Join(t.err, at.err)
}

// strange is the error for a row that can't be used. It names the row so that a person finds it.
func (r *row) strange(format string, args ...any) error {
	return fmt.Errorf("the record of %s, generation %d, number %d, %w", r.rec.ID, r.rec.Generation, r.number, fmt.Errorf(format, args...))
}
