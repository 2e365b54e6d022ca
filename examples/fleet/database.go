package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/payonce/payonce/store/pgstore"
)

// database is a schema of our own on a server. Whoever connects by its URL finds the tables without naming the schema.
type database struct {
	url    string
	server string
	schema string
}

// openDatabase makes the schema and its tables.
func openDatabase(ctx context.Context, server string) (*database, error) {
	db := &database{server: server, schema: "payonce_fleet_" + strings.ToLower(rand.Text())}
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("-postgres wants a URL, such as postgres://user@host/database")
	}
	query := u.Query()
	query.Set("search_path", db.schema)
	u.RawQuery = query.Encode()
	db.url = u.String()
	if err := db.execute(ctx, "create schema "+db.schema); err != nil {
		return nil, fmt.Errorf("make a schema: %w", err)
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// migrate makes the tables: the shop's, payonce's and River's.
func (db *database) migrate(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, db.url)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("river's tables: %w", err)
	}
	if _, err := pool.Exec(ctx, "create table orders (reference text primary key)"); err != nil {
		return err
	}
	return pgstore.Migrate(ctx, pool)
}

// execute runs a statement on a connection of its own.
func (db *database) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, db.server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// close removes the schema, also when the run was interrupted.
func (db *database) close() error {
	return db.execute(context.Background(), "drop schema "+db.schema+" cascade")
}
