package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"

	sqlite3 "modernc.org/sqlite/lib"
)

// Error is what went wrong with a store's file: what was done, to which file, why it failed and what to do about it. A write that
// failed may have been committed; whoever made it reads again.
type Error struct {
	// Path is the database file.
	Path string
	// Doing is what was tried: "open", "claim truelayer/live/client-1 payment.create order-1".
	Doing string
	// Err is the cause.
	Err error
	// Advice says what to do; empty when there is nothing to add.
	Advice string
}

// Error says it in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("sqlitestore: %s: %s: %v", e.Doing, e.Path, e.Err)
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refuse is the error of an Open that must not go on.
func refuse(path, advice, format string, args ...any) error {
	return &Error{Path: path, Doing: "open", Err: fmt.Errorf(format, args...), Advice: advice}
}

// explain adds file and advice to what SQLite or the operating system said.
func explain(path, doing string, err error) error {
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	return &Error{Path: path, Doing: doing, Err: err, Advice: advice(err)}
}

// advice says what a person can do about it.
func advice(err error) string {
	switch code := resultCode(err); {
	case code == sqlite3.SQLITE_FULL:
		return "the disk or its quota is full: make room; what was acknowledged is safe and nothing else was stored"
	case code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_ERROR: // a statement of ours does not fit
		return "the file is damaged or no database: stop every process that uses it, keep it with its -wal file, and restore a backup"
	case code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_PERM || errors.Is(err, fs.ErrPermission):
		return "file and directory must belong to this user and be writable"
	case code == sqlite3.SQLITE_BUSY:
		return "another process has held the write lock for 10 s: look for a shell with an open transaction"
	case code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_CANTOPEN:
		return "look at the disk and at the directory's permissions"
	}
	return ""
}

// coded is an error of the driver: *sqlite.Error.
type coded interface {
	error
	Code() int
}

// resultCode returns SQLite's primary result code, 0 if the error is not SQLite's.
func resultCode(err error) int {
	if e, ok := errors.AsType[coded](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
