package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// setting is one pragma and what it must read back as.
type setting struct{ name, value string }

// settings are made and verified on every connection, in this order: a pool opens connections whenever it likes, and one with another
// synchronous would lose acknowledged writes with the power.
func settings(readOnly bool, maxPages int) []setting {
	all := []setting{
		{"busy_timeout", "10000"}, // first: it covers the change of the journal mode and a recovery
		{"journal_mode", "wal"},
		{"synchronous", "2"}, // full
		{"fullfsync", "1"},   // macOS: a real flush
		{"checkpoint_fullfsync", "1"},
		{"foreign_keys", "1"},
		{"trusted_schema", "0"},
		{"cell_size_check", "1"},
		{"mmap_size", "0"},     // no torn view through a mapping
		{"temp_store", "2"},    // memory: bodies don't spill into files
		{"secure_delete", "1"}, // purged bodies are zeroed
		{"journal_size_limit", strconv.Itoa(64 << 20)},
		{"wal_autocheckpoint", "1000"},
	}
	if readOnly {
		all = append(all, setting{"query_only", "1"}, setting{"cache_size", "-32768"}) // holds the upper pages of a million records
	} else {
		all = append(all, setting{"query_only", "0"}, setting{"cache_size", "-8192"}, setting{"busy_timeout", busyTimeout}) // patiently does the rest
	}
	if maxPages > 0 {
		all = append(all, setting{"max_page_count", strconv.Itoa(maxPages)})
	}
	return all
}

const (
	// busyTimeout is for how many milliseconds SQLite waits for the write lock by itself. Its pauses grow to 100 ms, in which busy
	// processes starve one that waits.
	busyTimeout = "3"
	// writePatience is for how long we wait for it.
	writePatience = 10 * time.Second
)

// patiently calls begin until it has the write lock, some hundred times a second, or patience is over.
func patiently(patience time.Duration, begin func() error) error {
	for end := time.Now().Add(patience); ; {
		err := begin()
		if resultCode(err) != sqlite3.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
	}
}

// connector opens connections that are what settings says, to the file that was opened first.
type connector struct {
	driver.Connector
	settings []setting
	watch    *watch
}

// pool opens at most size connections.
func pool(connect func(dsn string) (driver.Connector, error), path, mode string, w *watch, size int, s []setting) (*sql.DB, error) {
	base, err := connect(dsn(path, mode))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(&connector{Connector: base, settings: s, watch: w})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// dsn names the file. Its mode is rw or ro, so that no connection ever makes a file anew.
func dsn(path, mode string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // c:/x becomes file:///c:/x
	}
	return "file://" + (&url.URL{Path: slashed}).EscapedPath() + "?mode=" + mode + "&_txlock=immediate&_defensive=1&_error_rc=1"
}

// Connect opens a connection, or refuses it if a setting does not read back.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.configure(ctx, conn), c.watch.checkFile(c.watch.path, c.watch.main)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (c *connector) configure(ctx context.Context, conn driver.Conn) error {
	for _, s := range c.settings {
		if _, err := pragma(ctx, conn, s.name+" = "+s.value); err != nil {
			return fmt.Errorf("pragma %s = %s: %w", s.name, s.value, err)
		}
		got, err := pragma(ctx, conn, s.name)
		if err != nil {
			return fmt.Errorf("pragma %s: %w", s.name, err)
		}
		if got != s.value {
			return fmt.Errorf("%s is %s and can't be made %s", s.name, got, s.value)
		}
	}
	return nil
}

// pragma runs a pragma and returns its first value, "" if it has none.
func pragma(ctx context.Context, conn driver.Conn, text string) (string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", fmt.Errorf("%T can't query", conn)
	}
	rows, err := q.QueryContext(ctx, "pragma "+text, nil)
	if err != nil {
		return "", err
	}
	dest := make([]driver.Value, max(len(rows.Columns()), 1))
	err = rows.Next(dest)
	if errors.Is(err, io.EOF) {
		return "", rows.Close()
	}
	return fmt.Sprint(dest[0]), errors.Join(err, rows.Close())
}
