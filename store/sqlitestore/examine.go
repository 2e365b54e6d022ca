package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// alwaysChecked is up to which size a file is read whole at every Open and its indexes are compared with its tables: an operation that is
// missing in an index would be forgotten. It takes some milliseconds. Larger ones are when they were restored; after a crash, which leaves
// what SQLite wrote, their pages are read.
const alwaysChecked = 16 << 20

// examination is what was seen of a file before anything was written to it.
type examination struct {
	// crashed says that a process died with the file open, or left its -wal file.
	crashed bool
	// said is what the witness said before the database was looked at, nil if nothing.
	said *testimony
	// restored says that the database is in an earlier state than the witness saw, or came from elsewhere.
	restored bool
}

// examine looks at a file that is there, by a connection that can't write: what is refused is left as it was, -wal and all. A database
// that was put back to an earlier state is opened, if it is sound: its records know less than was done, and say so.
func (s *Store) examine(ctx context.Context, cfg *config, e *examination) (err error) {
	mode := "ro"
	if _, err := os.Lstat(s.path + "-journal"); err == nil {
		mode = "rw" // whoever made the file died at it, which only a writer can undo
	}
	w, err := newWatch(s.path)
	if err != nil {
		return err
	}
	db, err := pool(cfg.connect, s.path, mode, w, 1, []setting{{"busy_timeout", "10000"}, {"cell_size_check", "1"}, {"mmap_size", "0"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h, err := readHeader(ctx, db)
	if err != nil || h == (header{}) {
		return err
	}
	if err := h.check(s.path, len(cfg.migrations)); err != nil {
		return err
	}
	now, last, err := readTimes(ctx, db)
	if err != nil && resultCode(err) == 0 {
		err = s.damaged(err) // something is missing
	}
	if err != nil {
		return err
	}
	if e.said != nil && e.said.database != now.database {
		return refuse(s.path, "put back the file that was there; to really use this one, remove "+s.keepers.dir,
			"it is another database than the one that was here")
	}
	e.restored = last > 0 && (e.said == nil || now.newest < e.said.newest)
	switch {
	case e.restored || w.main.Size() <= alwaysChecked:
		return s.check(ctx, db, "integrity_check")
	case e.crashed:
		return s.check(ctx, db, "quick_check")
	}
	return nil
}

// readTimes returns what the witness of the database should say, and the number of the last operation.
func readTimes(ctx context.Context, q querier) (now testimony, last int64, err error) {
	var salt []byte
	var restored int64
	err = q.QueryRowContext(ctx, "select (select value from payonce_meta where name = 'salt'), (select value from payonce_meta where name = 'newest'), "+
		"(select value from payonce_meta where name = 'restores'), ifnull((select max(id) from payonce_operation), 0)").Scan(&salt, &now.newest, &restored, &last)
	if err == nil && len(salt) != saltSize {
		err = errors.New("the salt is not what it was")
	}
	now.database = nameOf(salt)
	return now, last, err
}

// check reads the whole file. An intent without its progress is what is left when an older state of a page comes back from the disk.
func (s *Store) check(ctx context.Context, db *sql.DB, how string) error {
	var result string
	if err := db.QueryRowContext(ctx, "pragma "+how+"(1)").Scan(&result); err != nil {
		return err
	}
	if result == "ok" {
		var half int
		err := db.QueryRowContext(ctx, "select count(*) from payonce_operation where id not in (select operation from payonce_progress)").Scan(&half)
		if err != nil || half == 0 {
			return err
		}
		result = fmt.Sprintf("%d operations are there by half", half)
	}
	return s.damaged(errors.New(result))
}

// damaged refuses the file.
func (s *Store) damaged(err error) error {
	return refuse(s.path, "stop every process that uses it, keep it with its -wal file, and restore a backup", "it is damaged: %w", err)
}

// testify notes a restore in the database and swears the witness in. The note comes first: if the process dies in between, the next
// Open notes the same again.
func (s *Store) testify(ctx context.Context, restored bool) error {
	now, last, err := readTimes(ctx, s.writer.conn)
	if err != nil {
		return err
	}
	if restored {
		err := patiently(writePatience, func() error {
			_, err := s.writer.conn.ExecContext(ctx, "update payonce_meta set value = value + 1 where name = 'restores'")
			return err
		})
		if err != nil {
			return err
		}
		s.logger.LogAttrs(ctx, slog.LevelWarn, "the database was restored from an earlier state, or brought from elsewhere: what was sent since is not known",
			slog.String("file", s.path), slog.Int64("operations", last))
	}
	s.writer.newest = now.newest
	s.witness, err = swear(s.keepers.dir, now)
	s.writer.witness = s.witness
	return errors.Join(err, syncDir(filepath.Dir(s.path)))
}
