package pgstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/payonce/payonce"
)

//go:embed sql/schema_1.sql
var schema1SQL string

// migrations returns the scripts that lead from each version of the schema to the next. Never change one that was released.
func migrations() []string { return []string{schema1SQL} }

// Beginner begins transactions: a *pgxpool.Pool, a *pgx.Conn, or a transaction.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Migrate makes the tables, or brings them up to date, in one transaction: killed at any point, it leaves the old schema or the new
// one. Any number of processes may do it at once; who comes later finds nothing to do. The tables are named payonce_* and lie where
// the search path finds them, at first in its first schema, or in the schema that WithSchema names, which is made if it is missing.
// It needs a role that may create tables; the store itself needs usage of the schema, and select, insert, update and delete.
//
// Programs of the old version that run notice it at their next write, and fail: a newer schema is never written by an older version.
func Migrate(ctx context.Context, db Beginner, opts ...Option) error {
	cfg := newConfig(opts)
	err := migrate(ctx, db, cfg)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain("schema "+cfg.schema, "migrate", err)
}

func migrate(ctx context.Context, db Beginner, cfg *config) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing to do after a commit
	// Each statement must see what others committed while this one waited for them.
	if _, err := tx.Exec(ctx, "set transaction isolation level read committed, read write"); err != nil {
		return err
	}
	d, err := place(ctx, tx, cfg)
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, tx, d)
	if err != nil || version == len(cfg.scripts) {
		return err
	}
	if version > len(cfg.scripts) {
		return newerSchema(version, len(cfg.scripts))
	}
	for _, script := range cfg.scripts[version:] {
		if _, err := tx.Exec(ctx, d.text(script)); err != nil {
			return fmt.Errorf("from schema version %d: %w", version, err)
		}
	}
	if err := stamp(ctx, tx, d, version, len(cfg.scripts)); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// place finds the schema, or makes it, and keeps others from migrating it until the transaction is over.
func place(ctx context.Context, tx pgx.Tx, cfg *config) (*dialect, error) {
	schema := cfg.schema
	if err := checkSchema(schema); err != nil {
		return nil, err
	}
	if schema == "" {
		var found *string
		if err := tx.QueryRow(ctx, "select coalesce("+visibleSchemaSQL+", current_schema())").Scan(&found); err != nil {
			return nil, err
		}
		if found == nil {
			return nil, errors.New("the search path has no schema: name one with WithSchema")
		}
		schema = *found
	}
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended($1::text, 0))", "payonce migrate "+schema); err != nil {
		return nil, err
	}
	var exists bool
	if err := tx.QueryRow(ctx, "select exists (select from pg_catalog.pg_namespace where nspname = $1::text)", schema).Scan(&exists); err != nil {
		return nil, err
	}
	if !exists {
		if _, err := tx.Exec(ctx, "create schema "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return &dialect{schema: schema, clock: cfg.clock, incarnation: incarnationSQL}, nil
}

// checkSchema refuses names that PostgreSQL would cut short: what looks for the whole name finds nothing.
func checkSchema(name string) error {
	if len(name) > 63 || strings.Contains(name, "\x00") {
		return fmt.Errorf("schema %q: a name has at most 63 bytes, none of them zero: %w", name, payonce.ErrInvalid)
	}
	return nil
}

// visibleSchemaSQL is the schema in which the search path finds the tables; null if it doesn't.
const visibleSchemaSQL = `(select n.nspname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
	where c.oid = to_regclass('payonce_meta'))`

// schemaVersion is 0 where there are no tables.
func schemaVersion(ctx context.Context, q queryer, d *dialect) (version int, err error) {
	var exists bool
	if err := q.QueryRow(ctx, "select to_regclass($1::text) is not null", d.text("{meta}")).Scan(&exists); err != nil || !exists {
		return 0, err
	}
	return version, q.QueryRow(ctx, d.text("select version from {meta}")).Scan(&version)
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
}

// stamp writes the version down, and what is made once.
func stamp(ctx context.Context, tx pgx.Tx, d *dialect, from, to int) error {
	if from > 0 { // the rows of the writers get other names, so that who writes by the old schema stops
		_, err := tx.Exec(ctx, d.text("with old as (update {writer} set id = 'before version ' || $1::bigint || ': ' || id) update {meta} set version = $1::bigint"), int64(to))
		return err
	}
	random := make([]byte, 40)
	_, _ = rand.Read(random) // never fails: it ends the process instead
	_, err := tx.Exec(ctx, d.text("insert into {meta} (version, salt, channel) values ($1::bigint, $2::bytea, $3::text)"),
		int64(to), random[:32], "payonce_"+hex.EncodeToString(random[32:]))
	return err
}

// checkVersion refuses a schema of another version than this program's.
func checkVersion(version, known int) error {
	switch {
	case version > known:
		return newerSchema(version, known)
	case version < known:
		return fmt.Errorf("its schema is version %d and this program needs %d: call pgstore.Migrate", version, known)
	}
	return nil
}

func newerSchema(version, known int) error {
	return fmt.Errorf("its schema is version %d, made by a newer program; this one knows up to %d: update this program", version, known)
}
