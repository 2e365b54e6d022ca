package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

const (
	// pageSize is the size of a page when the filter names none.
	pageSize = 100
	// maxPage is the size of the largest, whatever the filter names.
	maxPage = 10_000
	// pageBytes is what the bodies of a page may take, but for the last one; then it is shorter than asked for, because Recover holds it
	// in memory.
	pageBytes = 4 << 20
)

// List returns a page of records in the order of their DueAt, then of their creation. A record that can't be read is logged and left
// out; Load says what is wrong with it.
//
// What is due (DueBefore) it lists for recovery, and leaves out what somebody is writing at that moment (FOR UPDATE SKIP LOCKED): replicas that
// recover at once don't wait for each other. The locks are over when it returns; then the version that Save compares lets one go on. A
// list of all is whole.
func (s *Store) List(ctx context.Context, f payonce.Filter) (page []*payonce.Record, next string, err error) {
	after, err := parseCursor(f.After)
	switch {
	case err != nil:
	case f.Account == "":
		err = fmt.Errorf("no account: %w", payonce.ErrInvalid)
	case f.State < payonce.StateOpen || f.State > payonce.StateInDoubt:
		err = fmt.Errorf("no such state: %d: %w", int(f.State), payonce.ErrInvalid)
	}
	if err != nil {
		return nil, "", s.explain("list", err)
	}
	if lower := f.DueAfter.Truncate(time.Microsecond); !f.DueAfter.IsZero() && !after.due.After(lower) {
		after = cursor{due: lower, number: math.MaxInt64}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	var rows []*row
	err = s.inTime(ctx, "list", func(ctx context.Context) (err error) {
		rows, next, err = s.page(ctx, f, after, min(limit, maxPage))
		return err
	})
	if err != nil {
		return nil, "", err
	}
	for _, found := range rows {
		rec, err := found.decode()
		if err != nil {
			s.config.logger.LogAttrs(ctx, slog.LevelError, "a record was left out of a list", slog.Any("error", err))
			continue
		}
		page = append(page, rec)
	}
	return page, next, nil
}

// page returns the rows after the cursor, and the cursor of the next page. The server leaves out what is too much for one page: what it has
// begun to send must be read to the end.
func (s *Store) page(ctx context.Context, f payonce.Filter, after cursor, limit int) (page []*row, next string, err error) {
	statement := s.st.list
	if !f.DueBefore.IsZero() {
		statement = s.st.listDue
	}
	rows, err := s.pool.Query(ctx, statement, storable(f.Account), int64(f.State), moment(after.due), after.number, moment(f.DueBefore),
		int64(limit)+1, int64(pageBytes))
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	bytes := 0
	for rows.Next() {
		found, err := scan(rows)
		if err != nil {
			return nil, "", err
		}
		bytes += len(found.body) + len(found.answer)
		page = append(page, found)
	}
	more := bytes >= pageBytes
	if len(page) > limit {
		page, more = page[:limit], true
	}
	if more {
		last := page[len(page)-1]
		next = cursor{due: last.due.Time, number: last.number}.String()
	}
	return page, next, rows.Err()
}

// cursor is a place in the order of List.
type cursor struct {
	due    time.Time // zero: since ever
	number int64
}

func (c cursor) String() string {
	if c.due.IsZero() {
		return fmt.Sprintf(".%d", c.number)
	}
	return fmt.Sprintf("%d.%d", c.due.UnixMicro(), c.number)
}

func parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return cursor{}, nil
	}
	due, number, ok := strings.Cut(text, ".")
	if !ok {
		err = errors.New("it has no dot")
	}
	if due != "" && err == nil {
		var at int64
		at, err = strconv.ParseInt(due, 10, 64)
		c.due = time.UnixMicro(at).UTC()
	}
	if err == nil {
		c.number, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil {
		return cursor{}, fmt.Errorf("%q is no cursor of this store: %w", text, payonce.ErrInvalid)
	}
	return c, nil
}
