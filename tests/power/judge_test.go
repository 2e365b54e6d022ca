package power_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// judge opens what a power loss left in a directory and says what is wrong with it. A disk that keeps what it has flushed is no reason
// to refuse, at any moment: Open must succeed, all that was acknowledged be there, nothing be half, and work go on.
//
// No record may say that the store was restored from an earlier state, unless a block holds anything: that may have been the one which
// tells such states.
func (p *promise) judge(t *testing.T, i *image, dir string) error {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(database))
	store, err := sqlitestore.Open(path)
	if err != nil {
		return fmt.Errorf(refusedMark+": %w", err)
	}
	if err := errors.Join(p.judgeStore(t.Context(), store, i.garbles), store.Close()); err != nil {
		return err
	}
	return errors.Join(sound(t.Context(), path), p.forgotten(path))
}

// sound lets SQLite look at all of the file.
func sound(ctx context.Context, path string) error {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return errors.New("the last Close left a -wal file")
	}
	var result string
	var orphans int
	err := query(ctx, path, `
		select (select group_concat(integrity_check) from pragma_integrity_check),
		       (select count(*) from payonce_operation where id not in (select operation from payonce_progress))`, &result, &orphans)
	switch {
	case err != nil:
		return err
	case result != "ok":
		return fmt.Errorf("damaged: %s", result)
	case orphans != 0:
		return fmt.Errorf("%d operations without progress", orphans)
	}
	return nil
}

// forgotten says whether a body is in the file that was purged.
func (p *promise) forgotten(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for before := range bytes.SplitSeq(content, []byte(bodyMark)) {
		name := before[max(0, bytes.LastIndex(before, []byte(referencePrefix))):]
		if h := p.records[string(name)]; h != nil && h.purged() {
			return fmt.Errorf("%s: its purged body is still in the file", name)
		}
	}
	return nil
}

func (p *promise) judgeStore(ctx context.Context, store *sqlitestore.Store, mayBeRestored bool) error {
	found, err := p.read(ctx, store, mayBeRestored)
	errs := []error{err}
	if p.salt != "" && p.salt != digest(store.Salt()) {
		errs = append(errs, errors.New("the salt is another one"))
	}
	for name, h := range p.records {
		if err := h.judge(found[name]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		delete(found, name)
	}
	for name := range found {
		errs = append(errs, fmt.Errorf("%s: nobody ever wrote it", name))
	}
	return errors.Join(append(errs, goesOn(ctx, store))...)
}

// read returns the digests of all records.
func (p *promise) read(ctx context.Context, store *sqlitestore.Store, mayBeRestored bool) (found map[string]string, failed error) {
	found = map[string]string{}
	for state := payonce.StateOpen; state <= payonce.StateInDoubt; state++ {
		all, err := list(ctx, store, state)
		if err != nil {
			return found, err
		}
		for _, rec := range all {
			if rec.Newest.UnixMicro() < p.newest {
				failed = fmt.Errorf("%s: the newest time is %v, which is older than an acknowledged one", name(rec), rec.Newest)
			}
			if rec.Restored && !mayBeRestored {
				failed = fmt.Errorf("%s: it says that the store was restored", name(rec))
			}
			found[name(rec)] = fmt.Sprint(identify(rec)[3])
		}
	}
	return found, failed
}

// goesOn says whether the store takes new work.
func goesOn(ctx context.Context, store *sqlitestore.Store) error {
	rec := operation(1000, 1, 5000)
	got, err := store.Claim(ctx, rec)
	if err != nil {
		return fmt.Errorf("a new operation: %w", err)
	}
	if got != rec {
		return errors.New("a new operation was there already")
	}
	succeed(rec)
	if err := store.Save(ctx, rec); err != nil {
		return fmt.Errorf("a new operation: %w", err)
	}
	return nil
}
