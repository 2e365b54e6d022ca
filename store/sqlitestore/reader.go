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
	"github.com/payonce/payonce/internal/storage"
)

//go:embed sql/list.sql
var listSQL string

// pageBytes is how much the bodies of a page may take, which then is shorter than asked for: Recover holds a page in memory.
const pageBytes = 4 << 20

// reader is what the pool of reading connections has prepared. Each read is one short statement: a long one would keep the -wal file
// from being reused.
type reader struct {
	generation, latest, byKey *sql.Stmt
	open, inDoubt             *sql.Stmt // lists, with the state in their text, so that the partial index is used

	db *sql.DB
}

func newReader(ctx context.Context, db *sql.DB) (*reader, error) {
	p := &preparer{ctx: ctx, on: db}
	return &reader{
		generation: p.stmt(recordSQL + ofGeneration), latest: p.stmt(recordSQL + ofLatest), byKey: p.stmt(recordSQL + ofKey),
		open: p.stmt(listOf(payonce.StateOpen)), inDoubt: p.stmt(listOf(payonce.StateInDoubt)), db: db,
	}, p.err // the pool closes them
}

func listOf(state payonce.State) string {
	return strings.Replace(recordSQL+listSQL, ":state", strconv.Itoa(int(state)), 1)
}

// list runs the list of a state.
func (r *reader) list(ctx context.Context, state payonce.State, args ...any) (*sql.Rows, error) {
	switch state {
	case payonce.StateOpen:
		return r.open.QueryContext(ctx, args...)
	case payonce.StateInDoubt:
		return r.inDoubt.QueryContext(ctx, args...)
	case payonce.StateSucceeded, payonce.StateNotSent, payonce.StateRejected:
		return r.db.QueryContext(ctx, listOf(state), args...)
	}
	return nil, fmt.Errorf("no such state: %d: %w", state, payonce.ErrInvalid)
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

func (c cursor) before(other cursor) bool {
	return c.due < other.due || (c.due == other.due && c.number < other.number)
}

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

// start is the cursor where a list begins, or goes on.
func start(f payonce.Filter) (cursor, error) {
	after, err := parseCursor(f.After)
	if from := (cursor{due: storage.Micros(f.DueAfter), number: 1<<63 - 1}); !f.DueAfter.IsZero() && after.before(from) {
		after = from
	}
	return after, err
}

// page returns the rows after the cursor, and whether there are more.
func (r *reader) page(ctx context.Context, f payonce.Filter, after cursor, limit int) (page []*row, more bool, err error) {
	dueBefore := int64(1<<63 - 1)
	if !f.DueBefore.IsZero() {
		dueBefore = storage.Micros(f.DueBefore)
	}
	rows, err := r.list(ctx, f.State, f.Account, after.due, after.number, dueBefore, limit+1)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for size := 0; rows.Next(); {
		if len(page) == limit || size >= pageBytes {
			return page, true, nil
		}
		found, err := scan(rows)
		if err != nil {
			return nil, false, err
		}
		size += found.size()
		page = append(page, found)
	}
	return page, false, rows.Err()
}
