// Package sqlitestore keeps operations in an SQLite file that many processes of one host share.
//
// What it acknowledged outlasts the process and the machine's power. It needs a local disk and no cgo.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/failpoint"
	"github.com/payonce/payonce/internal/storage"
)

const (
	// pageSize is the size of a page when the filter names none.
	pageSize = 100
	// purgeBatch is how many records are purged between other writes.
	purgeBatch = 200
)

// Store is a key store in an SQLite file. What its methods acknowledge is flushed to the disk; it is lost with the disk, and with a
// file that is restored from an earlier state, which Open notices: the records that are left say so (Restored). Safe for concurrent use; many stores in many processes of one host may have the same
// file open. Its errors are of type *Error, or the context's.
//
// A lease counts as over as soon as the process of its holder is dead or has closed the store.
type Store struct {
	path       string
	logger     *slog.Logger
	salt       []byte
	durability payonce.Durability

	keepers *keepers
	witness *witness
	writer  *writer
	reading *sql.DB
	reader  *reader

	closing sync.Once
	closed  error
}

var _ payonce.KeyStore = (*Store)(nil)

// Durability says that a write outlasts the process and the power, with the settings that were read back.
func (s *Store) Durability() payonce.Durability { return s.durability }

// Salt returns the random key that was made with the file.
func (s *Store) Salt() []byte { return slices.Clone(s.salt) }

// Claim inserts rec or returns the record that is there. If ctx ends while it waits for the disk, the insert may still happen.
func (s *Store) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	doing := "claim " + rec.ID.String()
	w, err := encodeClaim(rec)
	if err != nil {
		return nil, s.explain(doing, err)
	}
	var found *row
	err = s.write(ctx, doing, func(st *statements) (answer, failure error) {
		found, answer, failure = st.claim(w, s.keepers.id)
		return answer, failure
	})
	switch {
	case resultCode(err) == sqlite3.SQLITE_BUSY: // whoever has the write lock may be inserting it
		return nil, s.explain(doing, fmt.Errorf("%w (%w: who has the lock may be inserting it)", err, payonce.ErrStale))
	case err != nil:
		return nil, err
	case found != nil:
		stored, err := found.decode(s.keepers.alive)
		return stored, s.explain(doing, err)
	}
	rec.Version = 1
	rec.Lease.Live = rec.Lease.For > 0
	return rec, nil
}

// Load returns the record of one generation, or of the latest if generation is 0. It sees every write that has returned.
func (s *Store) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	found, err := s.reader.load(ctx, id, generation)
	return s.decode(ctx, found, err, fmt.Sprintf("load %s, generation %d", id, generation))
}

// Find returns the record that has an exclusive key within a scope.
func (s *Store) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	found, err := s.reader.find(ctx, scope, key)
	return s.decode(ctx, found, err, fmt.Sprintf("find key %q", key))
}

// decode makes a record of what a read found.
func (s *Store) decode(ctx context.Context, found *row, err error, doing string) (*payonce.Record, error) {
	if err == nil {
		var rec *payonce.Record
		if rec, err = found.decode(s.keepers.alive); err == nil {
			return rec, nil
		}
	}
	return nil, s.readError(ctx, doing, err)
}

// Save replaces progress and lease if nobody else did since rec was read. If ctx ends while it waits for the disk, it may still happen.
func (s *Store) Save(ctx context.Context, rec *payonce.Record) error {
	doing := "save " + rec.ID.String()
	w, err := encode(rec, rec.Version+1)
	if err != nil {
		return s.explain(doing, err)
	}
	err = s.write(ctx, doing, func(st *statements) (answer, failure error) { return st.replace(w, s.keepers.id) })
	if err != nil {
		return err
	}
	rec.Version++
	return nil
}

// SaveLater is Save that rides in the next commit, at latest in that of Close. It copies rec and leaves it as it is. Done is called by
// the goroutine that writes, or at once if the store is closed.
func (s *Store) SaveLater(rec *payonce.Record, done func(error)) {
	doing := "save " + rec.ID.String()
	w, err := encode(rec, rec.Version+1)
	if err == nil {
		err = s.writer.queue.Push(&request{
			run:  func(st *statements) (answer, failure error) { return st.replace(w, s.keepers.id) },
			done: func(err error) { done(s.explain(doing, err)) },
		})
	}
	if err != nil {
		done(s.explain(doing, err))
	}
}

// Renew extends what holder still has; a lease that ran out stays so.
func (s *Store) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	ids = slices.Clone(ids)
	return s.write(ctx, "renew leases", func(st *statements) (answer, failure error) { return nil, st.extend(holder, length, ids) })
}

// List returns a page of records in the order of their DueAt, then of their creation. A record that can't be read is logged and left
// out; Load says what is wrong with it. Lists of closed states read the whole file: they are for people.
func (s *Store) List(ctx context.Context, f payonce.Filter) (page []*payonce.Record, next string, err error) {
	after, err := start(f)
	if err == nil && f.Account == "" {
		err = fmt.Errorf("no account: %w", payonce.ErrInvalid)
	}
	if err != nil {
		return nil, "", s.explain("list", err)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	rows, more, err := s.reader.page(ctx, f, after, limit)
	if err != nil {
		return nil, "", s.readError(ctx, "list", err)
	}
	if more {
		last := cursor{due: rows[len(rows)-1].dueAt, number: rows[len(rows)-1].number}
		if !after.before(last) { // or the list would have no end
			return nil, "", s.explain("list", fmt.Errorf("row %d is damaged and has no place in it", last.number))
		}
		next = last.String()
	}
	for _, found := range rows {
		rec, err := found.decode(s.keepers.alive)
		if err != nil {
			s.logger.LogAttrs(ctx, slog.LevelError, "a record that can't be read was left out of a list", slog.Any("error", err))
			continue
		}
		page = append(page, rec)
	}
	return page, next, nil
}

// Purge forgets the bodies of closed records, oldest first, and removes them from the disk: freed pages are zeroed and the -wal file
// is emptied, as soon as nobody reads. When it fails it may have purged some.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	total := 0
	for total < limit {
		size, n := min(limit-total, purgeBatch), 0
		err := s.write(ctx, "purge", func(st *statements) (answer, failure error) {
			n, failure = st.purge(before, size)
			s.writer.truncate = s.writer.truncate || n > 0
			return nil, failure
		})
		if err != nil {
			return 0, err
		}
		failpoint.Hit(failpoint.Purged)
		total += n
		if n < size {
			return total, nil
		}
	}
	return total, nil
}

// Close writes what waits, SaveLater included, and closes the file. The leases of this store end. Later calls fail with
// fs.ErrClosed, further ones of Close return what the first did.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.shut() })
	return s.closed
}

func (s *Store) shut() error {
	var errs []error
	if s.writer != nil {
		s.writer.queue.Close()
		<-s.writer.ended
	}
	if s.reading != nil {
		errs = append(errs, s.reading.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.disconnect(), s.writer.db.Close())
	}
	if s.witness != nil {
		errs = append(errs, s.witness.close())
	}
	if s.keepers != nil {
		errs = append(errs, s.keepers.leave()) // last: while it is there, the file is known to be open
	}
	return s.explain("close", errors.Join(errs...))
}

// write hands a request to the writer and waits for its answer.
func (s *Store) write(ctx context.Context, doing string, run func(*statements) (answer, failure error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	answer := make(chan error, 1)
	if err := s.writer.queue.Push(&request{ctx: ctx, run: run, done: func(err error) { answer <- err }}); err != nil {
		return s.explain(doing, err)
	}
	select {
	case err := <-answer:
		return s.explain(doing, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) explain(doing string, err error) error { return explain(s.path, doing, err) }

// readError prefers the context's error to what the driver made of it.
func (s *Store) readError(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.writer.queue.Over() {
		err = storage.ErrClosed()
	}
	return s.explain(doing, err)
}
