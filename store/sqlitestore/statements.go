package sqlitestore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

var (
	//go:embed sql/record.sql
	recordSQL string
	//go:embed sql/insert_operation.sql
	insertOperationSQL string
	//go:embed sql/insert_progress.sql
	insertProgressSQL string
	//go:embed sql/save.sql
	saveSQL string
	//go:embed sql/put_outcome.sql
	putOutcomeSQL string
	//go:embed sql/renew.sql
	renewSQL string
	//go:embed sql/purgeable.sql
	purgeableSQL string
)

const (
	ofGeneration = "where o.account = ? and o.kind = ? and o.reference = ? and o.generation = ?"
	ofKey        = "where ifnull(o.scope, x'') = ? and o.key = ? and o.exclusive = 1"
	ofLatest     = "where o.account = ? and o.kind = ? and o.reference = ? order by o.generation desc limit 1"
	raiseSQL     = "update payonce_meta set value = ?1 where name = 'newest' and value < ?1"
	keyOwnerSQL  = "select account, kind, reference from payonce_operation where exclusive = 1 and ifnull(scope, x'') = ifnull(?, x'') and key = ?"
)

// statements are what the writer's connection has prepared. They run inside the writer's transaction, and again in another one when
// the first was rolled back, so they keep nothing but the newest time that the transaction wrote.
type statements struct {
	ctx                             context.Context // the writer's
	begin, commit, rollback         *sql.Stmt
	latest, keyOwner                *sql.Stmt
	insertOperation, insertProgress *sql.Stmt
	save, putOutcome, dropOutcome   *sql.Stmt
	renew, raise                    *sql.Stmt
	purgeable, purged               *sql.Stmt
	dropBody, dropAnswer            *sql.Stmt

	all    []*sql.Stmt
	newest int64
}

// close must come before the connection's: SQLite keeps a connection with open statements, its locks and its file.
func (st *statements) close() error {
	var errs []error
	for _, stmt := range st.all {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

func prepare(ctx context.Context, conn *sql.Conn) (*statements, error) {
	p := &preparer{ctx: ctx, on: conn}
	st := &statements{
		ctx:             ctx,
		begin:           p.stmt("begin immediate"),
		commit:          p.stmt("commit"),
		rollback:        p.stmt("rollback"),
		latest:          p.stmt(recordSQL + ofLatest),
		keyOwner:        p.stmt(keyOwnerSQL),
		insertOperation: p.stmt(insertOperationSQL),
		insertProgress:  p.stmt(insertProgressSQL),
		save:            p.stmt(saveSQL),
		putOutcome:      p.stmt(putOutcomeSQL),
		dropOutcome:     p.stmt("delete from payonce_outcome where operation = ?"),
		renew:           p.stmt(renewSQL),
		raise:           p.stmt(raiseSQL),
		purgeable:       p.stmt(purgeableSQL),
		purged:          p.stmt("update payonce_progress set purged = 1 where operation = ?"),
		dropBody:        p.stmt("update payonce_operation set body = null where id = ?"),
		dropAnswer:      p.stmt("update payonce_outcome set body = null where operation = ?"),
	}
	st.all = p.all
	if p.err != nil {
		return nil, errors.Join(p.err, st.close())
	}
	return st, nil
}

// preparer prepares statements and remembers the first error.
type preparer struct {
	ctx context.Context
	on  interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	all []*sql.Stmt
	err error
}

func (p *preparer) stmt(text string) *sql.Stmt {
	if p.err != nil {
		return nil
	}
	stmt, err := p.on.PrepareContext(p.ctx, text)
	if err != nil {
		p.err = fmt.Errorf("prepare %q: %w", text, err)
		return nil
	}
	p.all = append(p.all, stmt)
	return stmt
}

// claim inserts, or returns the row that is there. The answer is the caller's, the failure is the transaction's.
func (st *statements) claim(w *written, keeper string) (found *row, answer, failure error) {
	found, err := scan(st.latest.QueryRowContext(st.ctx, w.id.Account, w.id.Kind, w.id.Reference))
	switch {
	case err == nil && found.stands(w.generation):
		return found, nil, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return nil, nil, err
	}
	res, err := st.insertOperation.ExecContext(st.ctx, w.intent...)
	if err != nil {
		return nil, nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nil, st.keyTaken(w), err
	}
	number, err := res.LastInsertId()
	if err != nil {
		return nil, nil, err
	}
	args := append([]any{number, w.id.Account}, w.progress...)
	if _, err := st.insertProgress.ExecContext(st.ctx, append(args, w.leaseArgs(keeper)...)...); err != nil {
		return nil, nil, err
	}
	st.newest = max(st.newest, w.newest)
	return nil, nil, st.writeOutcome(number, w.outcome)
}

// keyTaken is the answer to a claim of a key that another operation has.
func (st *statements) keyTaken(w *written) error {
	var owner payonce.OperationID
	if err := st.keyOwner.QueryRowContext(st.ctx, w.scope, w.key).Scan(&owner.Account, &owner.Kind, &owner.Reference); err != nil {
		return fmt.Errorf("key %q: %w", w.key, payonce.ErrKeyReuse)
	}
	return fmt.Errorf("key %q belongs to %s: %w", w.key, owner, payonce.ErrKeyReuse)
}

// writeOutcome stores the outcome of an operation that has none stored.
func (st *statements) writeOutcome(number int64, outcome []any) error {
	if outcome == nil {
		return nil
	}
	_, err := st.putOutcome.ExecContext(st.ctx, append([]any{number}, outcome...)...)
	return err
}

// replace is the compare-and-set.
func (st *statements) replace(w *written, keeper string) (answer, failure error) {
	args := make([]any, 0, 32)
	args = append(args, w.progress...)
	args = append(args, w.leaseArgs(keeper)...)
	args = append(args, w.id.Account, w.id.Kind, w.id.Reference, int64(w.generation), w.version)
	var number int64
	err := st.save.QueryRowContext(st.ctx, args...).Scan(&number)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("version %d: %w", w.version, payonce.ErrStale), nil
	case err != nil:
		return nil, err
	}
	st.newest = max(st.newest, w.newest)
	if w.outcome == nil {
		_, err = st.dropOutcome.ExecContext(st.ctx, number)
		return nil, err
	}
	return nil, st.writeOutcome(number, w.outcome)
}

func (st *statements) extend(holder string, length time.Duration, ids []payonce.OperationID) error {
	for _, id := range ids {
		now := time.Now()
		_, err := st.renew.ExecContext(st.ctx, storage.Micros(now.Add(length)), id.Account, id.Kind, id.Reference, holder, storage.Micros(now))
		if err != nil {
			return err
		}
	}
	return nil
}

// purge forgets the bodies of the oldest limit records.
func (st *statements) purge(before time.Time, limit int) (n int, err error) {
	numbers, err := st.oldest(before, limit)
	if err != nil {
		return 0, err
	}
	for _, number := range numbers {
		for _, stmt := range []*sql.Stmt{st.dropBody, st.dropAnswer, st.purged} {
			if _, err := stmt.ExecContext(st.ctx, number); err != nil {
				return 0, err
			}
		}
	}
	return len(numbers), nil
}

func (st *statements) oldest(before time.Time, limit int) (numbers []int64, err error) {
	rows, err := st.purgeable.QueryContext(st.ctx, storage.Micros(before), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var number int64
		if err := rows.Scan(&number); err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	return numbers, rows.Err()
}
