package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"
)

// Path is the database file.
func (s *Store) Path() string { return s.path }

// Commits counts the transactions that were committed.
func (s *Store) Commits() int64 { return s.writer.commits.Load() }

// Queued counts the writes that wait.
func (s *Store) Queued() int { return s.writer.queue.Len() }

// Hold makes the writer wait, inside of a transaction, until release is called.
func (s *Store) Hold() (release func()) {
	holding, held := make(chan struct{}), make(chan struct{})
	_ = s.writer.queue.Push(&request{
		run: func(*statements) (answer, failure error) {
			close(holding)
			<-held
			return nil, nil
		},
		done: func(error) {},
	})
	<-holding
	return func() { close(held) }
}

// Break queues a write whose statement fails, and returns where its error arrives.
func (s *Store) Break(err error) <-chan error {
	done := make(chan error, 1)
	_ = s.writer.queue.Push(&request{
		run:  func(*statements) (answer, failure error) { return nil, err },
		done: func(err error) { done <- err },
	})
	return done
}

// Pragmas reads settings on every connection that the store may have.
func (s *Store) Pragmas(ctx context.Context, names ...string) (all []map[string]string, err error) {
	read := func(conn *sql.Conn) error {
		values := make(map[string]string)
		for _, name := range names {
			var value string
			if err := conn.QueryRowContext(ctx, "pragma "+name).Scan(&value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			values[name] = value
		}
		all = append(all, values)
		return nil
	}
	for range readers {
		conn, err := s.reading.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		if err := read(conn); err != nil {
			return nil, err
		}
	}
	return all, s.write(ctx, "look", func(*statements) (answer, failure error) { return read(s.writer.conn), nil })
}

// Exec runs a statement on the writer's connection.
func (s *Store) Exec(t *testing.T, text string) {
	t.Helper()
	err := s.write(t.Context(), "exec", func(st *statements) (answer, failure error) {
		_, err := s.writer.conn.ExecContext(st.ctx, text)
		return err, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Number reads one number from the database.
func (s *Store) Number(t *testing.T, query string) (n int) {
	t.Helper()
	if err := s.reading.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Text reads one text from the database.
func (s *Store) Text(t *testing.T, query string) (text string) {
	t.Helper()
	if err := s.reading.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// Plan returns how a statement is executed.
func (s *Store) Plan(t *testing.T, text string) (plan string) {
	t.Helper()
	rows, err := s.reading.QueryContext(t.Context(), "explain query plan "+text, make([]any, strings.Count(text, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b, c int
		var line string
		if err := rows.Scan(&a, &b, &c, &line); err != nil {
			t.Fatal(err)
		}
		plan += line + "\n"
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return plan
}

// Connect opens one connection that must have a setting.
func Connect(ctx context.Context, path, name, value string) error {
	w, err := newWatch(path)
	if err != nil {
		return err
	}
	db, err := pool(sqlite.NewConnector, path, "rw", w, 1, []setting{{name, value}})
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

// WithMigration adds a script to the schema.
func WithMigration(script string) Option {
	return func(c *config) { c.migrations = append(c.migrations, script) }
}

// WithFilesystem says what filesystem the directory is on.
func WithFilesystem(name string) Option {
	return func(c *config) { c.network = func(string) (string, error) { return name, nil } }
}

// WithMaxPages makes the disk full after so many pages.
func WithMaxPages(n int) Option { return func(c *config) { c.maxPages = n } }

// WithBatch says how many writes share a commit.
func WithBatch(n int) Option { return func(c *config) { c.batch = n } }

// WithPatience sets for how long a write waits for the lock.
func WithPatience(d time.Duration) Option { return func(c *config) { c.patience = d } }

// WithEngine makes the store run on another SQLite library.
func WithEngine(connect func(dsn string) (driver.Connector, error)) Option {
	return func(c *config) { c.connect, c.drivers = connect, func() []string { return nil } }
}

// InspectOwner judges whose file it is.
func InspectOwner(path string, info fs.FileInfo) error { return inspectOwner(path, info) }

// NetworkFilesystem names what a directory is on.
func NetworkFilesystem(dir string) (string, error) { return networkFilesystem(dir) }

// NetworkKind names a magic number.
func NetworkKind(magic uint32) string { return networkKind(magic) }

// AtLeast compares versions.
func AtLeast(version string, least ...int) bool { return atLeast(version, least...) }

// Queries are the statements whose plans matter.
func Queries() map[string]string {
	return map[string]string{
		"load": recordSQL + ofGeneration, "latest": recordSQL + ofLatest, "find": recordSQL + ofKey, "save": saveSQL, "renew": renewSQL, "purge": purgeableSQL,
		"owner": keyOwnerSQL, "list": recordSQL + listSQL,
	}
}
