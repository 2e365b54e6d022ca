// Package pgstore keeps operations in a PostgreSQL database that many processes on many hosts share.
//
// Make the tables with Migrate, open the store with New on the pool that the program has anyway.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// purgeBatch is how many records are purged between other writes.
const purgeBatch = 50

// Store is a key store in a PostgreSQL database. What its methods acknowledge is committed and flushed to the server's disk. Safe for
// concurrent use; any number of stores in processes on any hosts may have the same tables open. Its errors are of type *Error, or
// the context's.
//
// Leases run by the server's clock. One goroutine writes, on one connection of the pool at a time; reads use others. A program whose own
// transactions hold all connections of the pool while it calls a payment waits for itself.
type Store struct {
	pool       *pgxpool.Pool
	config     *config
	server     string // for errors
	schema     string
	st         *statements
	inserting  inserting
	salt       []byte
	durability payonce.Durability
	writer     *writer

	mu     sync.Mutex // of what follows
	over   bool
	closed chan struct{}
	wakers sync.WaitGroup
}

var _ payonce.KeyStore = (*Store)(nil)

// Durability says that a write outlasts the process and the server's power, with the settings that the server showed.
func (s *Store) Durability() payonce.Durability { return s.durability }

// Salt returns the random key that Migrate made.
func (s *Store) Salt() []byte { return slices.Clone(s.salt) }

// Claim inserts rec, in one trip to the server, or returns the record that is there, in two. If ctx ends while it waits for the server,
// the insert may still happen.
func (s *Store) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	doing := "claim " + rec.ID.String()
	w, err := encodeClaim(rec)
	if err != nil {
		return nil, s.explain(doing, err)
	}
	version := int64(0)
	r := w.request(rec, func(b *pgx.Batch) { b.Queue(s.st.claim, w.insertion()...) }, func(results pgx.BatchResults) (answer, failure error) {
		version = 0
		err := results.QueryRow().Scan(&version)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return nil, err
	})
	err = s.write(ctx, doing, r)
	switch {
	case sqlState(err) == stateLockTimeout: // somebody is inserting it, and has not come to an end
		return nil, s.explain(doing, fmt.Errorf("%w (%w: who has the lock may be inserting it)", err, payonce.ErrStale))
	case err != nil:
		return nil, err
	case version == 0:
		return s.claimed(ctx, doing, rec, w)
	}
	rec.Version = version
	rec.Lease.Live = rec.Lease.For > 0
	return rec, nil
}

// claimed returns the record that kept a claim from inserting.
func (s *Store) claimed(ctx context.Context, doing string, rec *payonce.Record, w *written) (*payonce.Record, error) {
	stored, err := s.read(ctx, doing, s.st.latest, w.identity[:3]...)
	if err == nil && stored.Generation >= rec.Generation {
		return stored, nil
	}
	if err != nil && !errors.Is(err, payonce.ErrNotFound) {
		return nil, err
	}
	return nil, s.inTime(ctx, doing, func(ctx context.Context) error { return keyTaken(ctx, s.pool.QueryRow, s.inserting.keyOwner, rec) })
}

// Load returns the record of one generation, or of the latest if generation is 0. It sees every write that has returned.
func (s *Store) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	doing := fmt.Sprintf("load %s, generation %d", id, generation)
	statement, args := s.st.latest, []any{storable(id.Account), storable(id.Kind), storable(id.Reference)}
	if generation != 0 {
		statement, args = s.st.generation, append(args, int64(generation))
	}
	return s.read(ctx, doing, statement, args...)
}

// Find returns the record that has an exclusive key within a scope.
func (s *Store) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	return s.read(ctx, fmt.Sprintf("find key %q", key), s.st.byKey, append([]byte{}, scope...), storable(key))
}

// read returns the record that a statement finds.
func (s *Store) read(ctx context.Context, doing, statement string, args ...any) (*payonce.Record, error) {
	var rec *payonce.Record
	err := s.inTime(ctx, doing, func(ctx context.Context) error {
		found, err := scan(s.pool.QueryRow(ctx, statement, args...))
		if errors.Is(err, pgx.ErrNoRows) {
			return payonce.ErrNotFound
		}
		if err == nil {
			rec, err = found.decode()
		}
		return err
	})
	return rec, err
}

// Save replaces progress and lease if nobody else did since rec was read. If ctx ends while it waits for the server, it may still happen.
func (s *Store) Save(ctx context.Context, rec *payonce.Record) error {
	doing := "save " + rec.ID.String()
	r, err := s.replacement(rec)
	if err != nil {
		return s.explain(doing, err)
	}
	if err := s.write(ctx, doing, r); err != nil {
		return err
	}
	rec.Version++
	return nil
}

// SaveLater is Save that rides in the next commit, at latest in that of Close. It copies rec and leaves it as it is. Done is called by
// the goroutine that writes, or at once if the store is closed.
func (s *Store) SaveLater(rec *payonce.Record, done func(error)) {
	doing := "save " + rec.ID.String()
	r, err := s.replacement(rec)
	if err == nil {
		r.done = func(err error) { done(s.explain(doing, err)) }
		err = s.writer.queue.Push(r)
	}
	if err != nil {
		done(s.explain(doing, err))
	}
}

// replacement is the compare-and-set as a request.
func (s *Store) replacement(rec *payonce.Record) (*request, error) {
	w, err := encode(rec)
	if err != nil {
		return nil, err
	}
	return w.request(rec, func(b *pgx.Batch) { b.Queue(s.st.save, w.replacement()...) }, func(results pgx.BatchResults) (answer, failure error) {
		tag, err := results.Exec()
		if err == nil && tag.RowsAffected() == 0 {
			return fmt.Errorf("version %d: %w", w.version, payonce.ErrStale), nil
		}
		return nil, err
	}), nil
}

// Renew extends what holder still has; a lease that ran out stays so.
func (s *Store) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	var accounts, kinds, references []string
	for _, id := range ids {
		accounts = append(accounts, storable(id.Account))
		kinds = append(kinds, storable(id.Kind))
		references = append(references, storable(id.Reference))
	}
	return s.write(ctx, "renew leases", &request{
		queue: func(b *pgx.Batch) { b.Queue(s.st.renew, storable(holder), micros(length), accounts, kinds, references) },
		read:  func(results pgx.BatchResults) (answer, failure error) { _, err := results.Exec(); return nil, err },
	})
}

// Purge forgets the bodies of closed records, oldest first. Several stores that purge at once share the work, and none waits for a record
// that is being written. When it fails it may have purged some. What PostgreSQL keeps of old rows until it vacuums, its log and backups
// are out of its reach.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	total := 0
	for total < limit {
		size, n := min(limit-total, purgeBatch), 0
		err := s.write(ctx, "purge", &request{
			alone: true,
			queue: func(b *pgx.Batch) { b.Queue(s.st.purge, moment(before), int64(size)) },
			read: func(results pgx.BatchResults) (answer, failure error) {
				tag, err := results.Exec()
				n = int(tag.RowsAffected())
				return nil, err
			},
		})
		if err != nil {
			return 0, err
		}
		total += n
		if n < size {
			return total, nil
		}
	}
	return total, nil
}

// Close writes what waits, SaveLater included, and ends what the store runs. The pool stays the caller's, who closes it afterwards.
// Later writes fail with fs.ErrClosed; reads go on as long as the pool does.
func (s *Store) Close() error {
	s.mu.Lock()
	if !s.over {
		s.over = true
		close(s.closed)
		s.writer.queue.Close()
	}
	s.mu.Unlock()
	<-s.writer.ended
	s.wakers.Wait()
	return nil
}

// write hands a request to the writer and waits for its answer.
func (s *Store) write(ctx context.Context, doing string, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	answer := make(chan error, 1)
	r.ctx, r.done = ctx, func(err error) { answer <- err }
	if err := s.writer.queue.Push(r); err != nil {
		return s.explain(doing, err)
	}
	select {
	case err := <-answer:
		return s.explain(doing, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled waits until no write is under way that nobody waits for any more: after a write has failed, what a read finds is final.
func (s *Store) settled(ctx context.Context, doing string) error {
	if !s.writer.unsettled.Load() {
		return ctx.Err()
	}
	return s.write(ctx, doing, &request{})
}

func (s *Store) explain(doing string, err error) error { return explain(s.server, doing, err) }

// inTime reads when all is settled, and not for ever.
func (s *Store) inTime(ctx context.Context, doing string, read func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.config.patience.read)
	defer cancel()
	err := s.settled(bounded, doing)
	if err == nil {
		err = read(bounded)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, payonce.ErrNotFound):
	case ctx.Err() != nil: // rather than what the driver made of it
		return ctx.Err()
	case bounded.Err() != nil:
		err = fmt.Errorf("the pool and the server did not answer in %v", s.config.patience.read)
	case s.writer.queue.Over():
		err = storage.ErrClosed()
	}
	return s.explain(doing, err)
}
