package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/payonce/payonce"
)

// pageSize is the size of a page when the filter names none.
const pageSize = 100

// List returns a page of records in the order of their DueAt, then of their creation.
func (s *Store) List(ctx context.Context, f payonce.Filter) (page []*payonce.Record, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if f.Account == "" {
		return nil, "", fmt.Errorf("list: no account: %w", payonce.ErrInvalid)
	}
	after, err := parseCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*entry
	for _, e := range s.entries {
		if matches(e.rec, f) && e.cursor().compare(after) > 0 {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return a.cursor().compare(b.cursor()) })
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].cursor().String()
	}
	for _, e := range found {
		page = append(page, s.out(e))
	}
	return page, next, nil
}

func matches(rec *payonce.Record, f payonce.Filter) bool {
	return rec.ID.Account == f.Account && rec.State == f.State &&
		(f.DueBefore.IsZero() || !rec.DueAt.After(f.DueBefore)) && (f.DueAfter.IsZero() || rec.DueAt.After(f.DueAfter))
}

// cursor is a place in the order of List.
type cursor struct {
	due    int64
	number int
}

func (e *entry) cursor() cursor { return cursor{due: e.rec.DueAt.UnixMicro(), number: e.number} }

func (c cursor) compare(other cursor) int {
	return cmp.Or(cmp.Compare(c.due, other.due), cmp.Compare(c.number, other.number))
}

func (c cursor) String() string { return fmt.Sprintf("%d.%d", c.due, c.number) }

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{due: time.Time{}.UnixMicro()}, nil
	}
	var c cursor
	if _, err := fmt.Sscanf(text, "%d.%d", &c.due, &c.number); err != nil {
		return cursor{}, fmt.Errorf("list: %q is no cursor of this store: %w", text, payonce.ErrInvalid)
	}
	return c, nil
}

// Purge forgets the bodies of final records that were last changed before the time, oldest first.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old []*entry
	for _, e := range s.entries {
		if !e.purged && e.rec.Final() && e.changedAt.Before(before) {
			old = append(old, e)
		}
	}
	slices.SortStableFunc(old, func(a, b *entry) int { return a.changedAt.Compare(b.changedAt) })
	old = old[:min(len(old), max(limit, 0))]
	for _, e := range old {
		e.purged = true
		e.rec.Body = nil
		if e.rec.Outcome != nil {
			e.rec.Outcome.Body = nil
		}
	}
	return len(old), nil
}
