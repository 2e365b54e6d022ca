package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
)

// applicationID marks our files, in the header where file(1) finds it: "pay1".
const applicationID = 0x70617931

// saltSize is what payonce.KeyStore asks for.
const saltSize = 32

//go:embed sql/schema.sql
var schemaSQL string

// migrations returns the scripts that lead from each version of the schema to the next. Never change one that was released.
func migrations() []string { return []string{schemaSQL} }

// header is what a file says of itself.
type header struct{ application, version, tables int }

// migrate brings the file to the newest schema, in one transaction: killed at any point, it leaves the old schema or the new one.
// Two who open at once wait for each other, and the second finds nothing to do. Where there is nothing to do nobody waits.
func migrate(ctx context.Context, conn *sql.Conn, path string, scripts []string) error {
	h, err := readHeader(ctx, conn)
	if err == nil {
		err = h.check(path, len(scripts))
	}
	if err != nil || h.version == len(scripts) {
		return err
	}
	var tx *sql.Tx
	err = patiently(writePatience, func() error { tx, err = conn.BeginTx(ctx, nil); return err }) // immediate, by the dsn
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit
	if err := upgrade(ctx, tx, path, scripts); err != nil {
		return err
	}
	return tx.Commit()
}

// upgrade runs what is missing. It looks again, now that nobody else can change it.
func upgrade(ctx context.Context, tx *sql.Tx, path string, scripts []string) error {
	h, err := readHeader(ctx, tx)
	if err == nil {
		err = h.check(path, len(scripts))
	}
	if err != nil || h.version == len(scripts) {
		return err
	}
	for _, script := range scripts[h.version:] {
		if _, err := tx.ExecContext(ctx, script); err != nil {
			return fmt.Errorf("migration from schema %d: %w", h.version, err)
		}
	}
	return writeHeader(ctx, tx, len(scripts))
}

// querier is a connection or its transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHeader(ctx context.Context, q querier) (h header, err error) {
	return h, errors.Join(
		q.QueryRowContext(ctx, "pragma application_id").Scan(&h.application),
		q.QueryRowContext(ctx, "pragma user_version").Scan(&h.version),
		q.QueryRowContext(ctx, "select count(*) from sqlite_schema").Scan(&h.tables),
	)
}

// check refuses the file of another program and that of a newer version of this one.
func (h header) check(path string, known int) error {
	switch {
	case h == header{}:
		return nil
	case h.application != applicationID:
		return refuse(path, "give the path of a new file", "it is the database of another program (application id %#x)", h.application)
	case h.version > known:
		return refuse(path, "update this program, or restore the backup from before the update",
			"its schema is %d, written by a newer version; this one knows up to %d", h.version, known)
	}
	return nil
}

func writeHeader(ctx context.Context, tx *sql.Tx, version int) error {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: it ends the process instead
	_, err := tx.ExecContext(ctx, "insert or ignore into payonce_meta (name, value) values ('salt', ?)", salt)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("pragma application_id = %d; pragma user_version = %d", applicationID, version))
	return err
}
