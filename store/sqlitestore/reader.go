package sqlitestore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
)

//go:embed sql/list.sql
var listSQL string

// reader is what the pool of reading connections has prepared. Each read is one short statement: a long one would keep the -wal file
// from being reused.
type reader struct {
	generation, latest, byKey *sql.Stmt
	list                      []*sql.Stmt // by state, which is part of the text, so that the partial index is used
}

func newReader(ctx context.Context, db *sql.DB) (*reader, error) {
	p := &preparer{ctx: ctx, on: db}
	r := &reader{generation: p.stmt(recordSQL + ofGeneration), latest: p.stmt(recordSQL + ofLatest), byKey: p.stmt(recordSQL + ofKey)}
	for state := payonce.StateOpen; state <= payonce.StateInDoubt; state++ {
		r.list = append(r.list, p.stmt(strings.Replace(recordSQL+listSQL, ":state", strconv.Itoa(int(state)), 1)))
	}
	return r, p.err // the pool closes them
}

// load returns a row, or ErrNotFound.
func (r *reader) load(ctx context.Context, id payonce.OperationID, generation int) (*row, error) {
	stmt, args := r.latest, []any{id.Account, id.Kind, id.Reference}
	if generation != 0 {
		stmt, args = r.generation, append(args, generation)
	}
	found, err := scan(stmt.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, payonce.ErrNotFound
	}
	return found, err
}

// find returns the row that has an exclusive key within a scope, or ErrNotFound.
func (r *reader) find(ctx context.Context, scope []byte, key string) (*row, error) {
	if scope == nil {
		scope = []byte{} // as the index has it
	}
	found, err := scan(r.byKey.QueryRowContext(ctx, scope, key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, payonce.ErrNotFound
	}
	return found, err
}

// cursor is a place in the order of List.
type cursor struct{ due, number int64 }

func (c cursor) String() string { return fmt.Sprintf("%d.%d", c.due, c.number) }

func parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return cursor{due: -1 << 63}, nil
	}
	due, number, ok := strings.Cut(text, ".")
	c.due, err = strconv.ParseInt(due, 10, 64)
	if ok && err == nil {
		c.number, err = strconv.ParseInt(number, 10, 64)
	}
	if !ok || err != nil {
		return cursor{}, fmt.Errorf("%q is no cursor of this store: %w", text, payonce.ErrInvalid)
	}
	return c, nil
}

// page returns the rows after the cursor, one more than limit if there are more.
func (r *reader) page(ctx context.Context, f payonce.Filter, after cursor, limit int) (page []*row, err error) {
	if f.State < 0 || int(f.State) >= len(r.list) {
		return nil, fmt.Errorf("no such state: %d: %w", f.State, payonce.ErrInvalid)
	}
	dueBefore := int64(1<<63 - 1)
	if !f.DueBefore.IsZero() {
		dueBefore = micros(f.DueBefore)
	}
	rows, err := r.list[f.State].QueryContext(ctx, f.Account, after.due, after.number, dueBefore, limit+1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		found, err := scan(rows)
		if err != nil {
			return nil, err
		}
		page = append(page, found)
	}
	return page, rows.Err()
}
