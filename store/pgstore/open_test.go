package pgstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

// parameter sets a parameter of every connection.
func parameter(name, value string) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams[name] = value }
}

// refused opens a store that must be refused, and returns why.
func refused(t *testing.T, pool *pgxpool.Pool, opts ...pgstore.Option) *pgstore.Error {
	t.Helper()
	store, err := pgstore.New(t.Context(), pool, opts...)
	if err == nil {
		require.NoError(t, store.Close())
	}
	var e *pgstore.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestAServerThatLosesWritesWithItsPowerIsRefusedOrLabelled(t *testing.T) {
	t.Parallel()
	host := server.New(t, "fsync=off", "full_page_writes=off")
	pool := newPool(t, host.URL(), parameter("synchronous_commit", "off"))
	require.NoError(t, pgstore.Migrate(t.Context(), pool))
	e := refused(t, pool)
	assert.ErrorContains(t, e, "fsync and full_page_writes and synchronous_commit is off")
	assert.Contains(t, e.Advice, "AllowPowerLoss")

	store, err := pgstore.New(t.Context(), pool, pgstore.AllowPowerLoss())
	require.NoError(t, err)
	d := store.Durability()
	assert.True(t, d.Process)
	assert.False(t, d.Power)
	assert.Regexp(t, `^postgresql [0-9.]+, fsync=off, full_page_writes=off, synchronous_commit=off$`, d.Text)
	require.NoError(t, store.Close())
}

func TestADurableServerSaysSo(t *testing.T) {
	t.Parallel()
	d := open(t).Durability()
	assert.True(t, d.Process)
	assert.True(t, d.Power)
	assert.Regexp(t, `^postgresql [0-9.]+, fsync=on, full_page_writes=on, synchronous_commit=on$`, d.Text)
}

func TestSettingsAreJudged(t *testing.T) {
	t.Parallel()
	good := pgstore.Settings{Number: 130000, Version: "13.0 (Debian)", Encoding: "UTF8", Fsync: "on", FullPages: "on", Synchronous: "on", ClientEncoding: "UTF8", Dates: "ISO, MDY", Bytes: "hex"}
	for _, c := range []struct {
		change func(*pgstore.Settings)
		want   string // "" is good
	}{
		{func(*pgstore.Settings) {}, ""},
		{func(s *pgstore.Settings) { s.Number, s.Version = 120022, "12.22" }, "12.22 is too old, 13 is needed; update the server"},
		{func(s *pgstore.Settings) { s.Standby = true }, "is a standby; connect to the primary"},
		{func(s *pgstore.Settings) { s.Encoding = "SQL_ASCII" }, "in SQL_ASCII; make a database with encoding UTF8"},
		{func(s *pgstore.Settings) { s.Fsync = "off" }, "fsync is off; switch it on"},
		{func(s *pgstore.Settings) { s.FullPages = "off" }, "full_page_writes is off"},
		{func(s *pgstore.Settings) { s.Synchronous = "off" }, "synchronous_commit is off"},
		{func(s *pgstore.Settings) { s.ClientEncoding = "LATIN1" }, "client_encoding=LATIN1; put client_encoding=UTF8 into the pool's RuntimeParams"},
		{func(s *pgstore.Settings) { s.Dates = "German, DMY" }, "datestyle=German, DMY; put datestyle=ISO into"},
		{func(s *pgstore.Settings) { s.Bytes = "escape" }, "bytea_output=escape; put bytea_output=hex into"},
		{func(s *pgstore.Settings) { s.Synchronous = "local" }, ""},
		{func(s *pgstore.Settings) { s.Synchronous = "remote_write" }, ""},
		{func(s *pgstore.Settings) { s.Synchronous = "remote_apply" }, ""},
	} {
		s := good
		c.change(&s)
		if err := s.Check(); c.want != "" {
			assert.ErrorContains(t, err, c.want)
		} else {
			assert.NoError(t, err)
		}
	}
}

// TestSynchronousCommitIsOnInEveryTransaction looks from inside the transactions: a session may have been changed after New.
func TestSynchronousCommitIsOnInEveryTransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		session, want string
		opts          []pgstore.Option
	}{
		{"off", "on", nil},
		{"remote_apply", "remote_apply", nil},
		{"local", "local", nil},
		{"off", "off", []pgstore.Option{pgstore.AllowPowerLoss()}},
	} {
		host := server.Server(t)
		schema := host.Schema(t)
		pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 1 })
		store := openIn(t, pool, schema, c.opts...)
		change(t, pool, fmt.Sprintf(`create table %[1]s.seen (value text);
			create function %[1]s.see() returns trigger language plpgsql as $$
				begin insert into %[1]s.seen values (current_setting('synchronous_commit')); return new; end $$;
			create trigger see before insert on %[1]s.payonce_operation for each row execute function %[1]s.see();
			set synchronous_commit = %[2]s`, schema, c.session))
		_, err := store.Claim(t.Context(), record("order-1"))
		require.NoError(t, err)
		var seen string
		require.NoError(t, pool.QueryRow(t.Context(), "select value from "+schema+".seen").Scan(&seen))
		assert.Equal(t, c.want, seen, "in a session with %s", c.session)
	}
}

func change(t *testing.T, pool *pgxpool.Pool, statement string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), statement)
	require.NoError(t, err)
}

func TestTablesThatCantBeTrustedAreRefused(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	for _, c := range []struct{ change, want string }{
		{"alter table %s.payonce_progress set unlogged", "1 of the tables are unlogged or temporary"},
		{"drop table %s.payonce_meta", "there are no tables; call pgstore.Migrate"},
		{"update %s.payonce_meta set version = 9", "its schema is version 9, made by a newer program; this one knows up to 1: update this program"},
		{"update %s.payonce_meta set version = 0", "there are no tables; call pgstore.Migrate"},
		{"update %s.payonce_meta set salt = 'short'", "the salt is damaged"},
		{"drop table %s.payonce_operation", "call pgstore.Migrate"},
	} {
		schema := host.Schema(t)
		require.NoError(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(schema)))
		change(t, pool, fmt.Sprintf(c.change, schema))
		assert.ErrorContains(t, refused(t, pool, pgstore.WithSchema(schema)), c.want)
	}
	assert.ErrorContains(t, refused(t, newPool(t, host.Database(t))), "there are no tables in the search path; call pgstore.Migrate, or name the schema with WithSchema")
	assert.ErrorContains(t, refused(t, newPool(t, host.Database(t, "encoding LATIN1 locale 'C'"))), "the database is in LATIN1")
}

// TestWhatIdentifiesComparesByBytes: an index in the order of a language breaks when the operating system's locales change.
func TestWhatIdentifiesComparesByBytes(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, host.Schema(t))
	var others []string
	rows, err := pool.Query(t.Context(), `select c.relname || '.' || a.attname from pg_index i join pg_class c on c.oid = i.indexrelid
		join pg_attribute a on a.attrelid = c.oid where c.relnamespace = to_regnamespace($1) and c.relname like 'payonce_operation%'
		and a.attcollation not in (0, (select oid from pg_collation where collname = 'C'))`, store.Schema())
	require.NoError(t, err)
	others, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	assert.Empty(t, others)
}

func TestARoleWithoutRightsIsToldWhichItNeeds(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	admin := newPool(t, host.Database(t))
	require.NoError(t, pgstore.Migrate(t.Context(), admin))
	role := host.Schema(t) // any name that is free
	change(t, admin, "create role "+role+" login")
	forgetRole(t, admin, role)
	pool := newPool(t, admin.Config().ConnString(), func(c *pgxpool.Config) { c.ConnConfig.User = role })
	e := refused(t, pool)
	assert.ErrorContains(t, e, "permission denied")
	assert.Contains(t, e.Advice, "select, insert, update and delete on the tables payonce_*")
	change(t, admin, "grant select, insert, update, delete on payonce_meta, payonce_writer, payonce_operation, payonce_progress to "+role)
	store, err := pgstore.New(t.Context(), pool)
	require.NoError(t, err)
	operate(t, store, "order-1")
	require.NoError(t, store.Close())
}

// forgetRole drops a role at the end of the test.
func forgetRole(t *testing.T, admin *pgxpool.Pool, role string) {
	t.Helper()
	t.Cleanup(func() {
		_, err := admin.Exec(context.WithoutCancel(t.Context()), "drop owned by "+role+"; drop role "+role)
		assert.NoError(t, err)
	})
}

func TestTheTablesAreFoundWhereverTheyAre(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	const name = `pay "ments'; é`
	database := host.Database(t)
	admin := newPool(t, database)
	change(t, admin, "create schema "+pgx.Identifier{name}.Sanitize()+"; create schema other")

	found := newPool(t, database, parameter("search_path", `missing, `+pgx.Identifier{name}.Sanitize()+`, other`))
	require.NoError(t, pgstore.Migrate(t.Context(), found))
	store, err := pgstore.New(t.Context(), found)
	require.NoError(t, err)
	assert.Equal(t, name, store.Schema())
	change(t, found, "set search_path = other") // what one connection thinks of it later is of no account
	operate(t, store, "order-1")
	require.NoError(t, store.Close())

	named, err := pgstore.New(t.Context(), admin, pgstore.WithSchema(name))
	require.NoError(t, err)
	rec, err := named.Load(t.Context(), id("order-1"), 0)
	require.NoError(t, err)
	assert.Equal(t, payonce.StateSucceeded, rec.State)
	require.NoError(t, named.Close())

	// A second Migrate finds the tables rather than making others in the first schema of the path.
	second := newPool(t, database, parameter("search_path", `other, `+pgx.Identifier{name}.Sanitize()))
	require.NoError(t, pgstore.Migrate(t.Context(), second))
	again, err := pgstore.New(t.Context(), second)
	require.NoError(t, err)
	assert.Equal(t, name, again.Schema())
	require.NoError(t, again.Close())
}

// TestErrorsHoldNoSecrets looks for the password and the body in everything that an error can be turned into.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	schema := host.Schema(t)
	pool := newPool(t, host.URL())
	store := openIn(t, pool, schema)
	change(t, pool, "alter table "+schema+".payonce_operation add check (reference <> 'order-1')")
	rec := record("order-1")
	rec.Body = payonce.Raw("secret-canary")
	_, refusedRow := store.Claim(t.Context(), rec)

	nowhere := newPool(t, "postgres://user:secret-canary@127.0.0.1:1/x?connect_timeout=5")
	_, unreachable := pgstore.New(t.Context(), nowhere)
	for want, err := range map[string]error{"violates check constraint": refusedRow, "127.0.0.1:1/x": unreachable} {
		require.ErrorContains(t, err, want)
		for ; err != nil; err = errors.Unwrap(err) {
			encoded, encodeErr := json.Marshal(err)
			require.NoError(t, encodeErr)
			for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%v %+v %#v", err, err, err), string(encoded)} {
				assert.NotContains(t, text, "canary")
			}
		}
	}
	var coded interface{ SQLState() string }
	require.ErrorAs(t, refusedRow, &coded)
	assert.Equal(t, "23514", coded.SQLState())
}

func TestAContextThatEndsWhileOpeningIsTheError(t *testing.T) {
	t.Parallel()
	pool := newPool(t, server.Server(t).URL())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pgstore.New(ctx, pool)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, pgstore.Migrate(ctx, pool), context.Canceled)
}

func TestAPoolWithoutAFreeConnectionFailsInTimeAndIsUsedAgain(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	pool := newPool(t, host.URL(), func(c *pgxpool.Config) { c.MaxConns = 1 })
	store := openIn(t, pool, host.Schema(t), pgstore.WithPatience(100*time.Millisecond, time.Second, time.Second, time.Second))
	operate(t, store, "order-1") // one connection is enough for all it does

	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	_, err = store.Claim(t.Context(), record("order-2"))
	require.ErrorContains(t, err, "the pool had no connection for 100ms")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "it is nobody's context")
	held.Release()
	_, err = store.Load(t.Context(), id("order-2"), 0)
	require.ErrorIs(t, err, payonce.ErrNotFound)
	operate(t, store, "order-2")
}

func TestSessionsThatWriteOtherwiseAreRefused(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	schema := host.Schema(t)
	require.NoError(t, pgstore.Migrate(t.Context(), newPool(t, host.URL()), pgstore.WithSchema(schema)))
	for name, value := range map[string]string{"client_encoding": "LATIN1", "datestyle": "German", "bytea_output": "escape"} {
		_, err := pgstore.New(t.Context(), newPool(t, host.URL(), parameter(name, value)), pgstore.WithSchema(schema))
		require.ErrorContains(t, err, "into the pool's RuntimeParams", name)
	}
}
