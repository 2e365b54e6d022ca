package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/payonce/payonce/internal/postgrestest"
	"github.com/payonce/payonce/store/pgstore"
)

// database is a schema of our own, on a server that is there or on one that is thrown away.
type database struct {
	// url is where the tables are found without naming the schema.
	url    string
	schema string
	server string
	own    postgrestest.Shared
}

func openDatabase(ctx context.Context) (*database, error) {
	db := &database{server: os.Getenv("PAYONCE_POSTGRES"), schema: "payonce_fleet_" + strings.ToLower(rand.Text())}
	if db.server == "" {
		server, err := db.own.Start()
		if err != nil {
			return nil, fmt.Errorf("no PostgreSQL: %w; install it (Debian: apt-get install postgresql), or set PAYONCE_POSTGRES to the URL of one", err)
		}
		db.server = server.URL()
	}
	if err := db.fill(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// fill makes the schema and the tables: the shop's, payonce's and River's.
func (db *database) fill(ctx context.Context) error {
	u, err := url.Parse(db.server)
	if err != nil {
		return errors.New("PAYONCE_POSTGRES is not a URL")
	}
	query := u.Query()
	query.Set("search_path", db.schema)
	u.RawQuery = query.Encode()
	db.url = u.String()
	if err := db.execute(ctx, "create schema "+db.schema); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, db.url)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, riverErr := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	_, ordersErr := pool.Exec(ctx, "create table orders (reference text primary key)")
	return errors.Join(riverErr, ordersErr, pgstore.Migrate(ctx, pool))
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

func (db *database) close() error {
	err := db.execute(context.Background(), "drop schema if exists "+db.schema+" cascade")
	db.own.Stop()
	return err
}
