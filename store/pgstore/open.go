package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/payonce/payonce/internal/storage"
)

// oldestServer is the oldest version that the statements were written for.
const oldestServer = 13

// New opens the store in the tables that Migrate made. The pool stays the caller's: close it after the store.
//
// What can't be trusted is refused with an *Error that says what to do: a server before PostgreSQL 13, a standby, one that loses
// acknowledged writes with the power (unless AllowPowerLoss), a database that is not in UTF-8, sessions whose client_encoding,
// DateStyle and bytea_output are not UTF8, ISO and hex, tables that are missing, not logged, or of another version. synchronous_commit is
// looked at again in every transaction and switched on where a session has it off.
func New(ctx context.Context, pool *pgxpool.Pool, opts ...Option) (*Store, error) {
	s := &Store{pool: pool, config: newConfig(opts), server: serverName(pool)}
	if err := s.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, explain(s.server, "open", err)
	}
	s.closed = make(chan struct{})
	go s.writer.run(context.WithoutCancel(ctx))
	return s, nil
}

// serverName says where the pool connects to, without the password.
func serverName(pool *pgxpool.Pool) string {
	c := pool.Config().ConnConfig
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
}

// prepare does all that can fail.
func (s *Store) prepare(ctx context.Context) error {
	server, err := readSettings(ctx, s.pool)
	if err != nil {
		return err
	}
	if err := s.checkServer(server); err != nil {
		return err
	}
	d, err := s.locate(ctx)
	if err != nil {
		return err
	}
	if err := s.checkTables(ctx, d); err != nil {
		return err
	}
	if d.incarnation, err = s.knownIncarnation(ctx, d); err != nil {
		return err
	}
	s.st, s.inserting = d.statements(), d.inserting(len(s.config.scripts), !s.config.quiet)
	s.writer = &writer{
		queue: storage.NewQueue(storage.Limit{Requests: s.config.batch, Bytes: maxBatchBytes}, (*request).weight), pool: s.pool, st: s.st, logger: s.config.logger, patience: s.config.patience, grain: s.config.grain,
		force: !s.config.allowPowerLoss, version: len(s.config.scripts), ended: make(chan struct{}),
	}
	return s.writer.enlist(ctx)
}

// settings are what a server shows of itself.
type settings struct {
	number                        int
	version, encoding             string
	standby                       bool
	fsync, fullPages, synchronous string
	session                       session
}

// session is how the pool's sessions write text and times; another way would be read wrongly, or change what identifies an operation.
type session struct{ encoding, dates, bytes string }

func readSettings(ctx context.Context, q queryer) (*settings, error) {
	var s settings
	err := q.QueryRow(ctx, `select current_setting('server_version_num')::bigint, current_setting('server_version'),
		current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync'), current_setting('full_page_writes'),
		current_setting('synchronous_commit'), current_setting('client_encoding'), current_setting('DateStyle'), current_setting('bytea_output')`,
	).Scan(&s.number, &s.version, &s.encoding, &s.standby, &s.fsync, &s.fullPages, &s.synchronous, &s.session.encoding, &s.session.dates, &s.session.bytes)
	return &s, err
}

// odd names the first setting with which text is not what this package takes it for.
func (s *session) odd() (name, value, want string) {
	switch {
	case s.encoding != "UTF8":
		return "client_encoding", s.encoding, "UTF8"
	case !strings.HasPrefix(s.dates, "ISO"):
		return "datestyle", s.dates, "ISO"
	case s.bytes != "hex":
		return "bytea_output", s.bytes, "hex"
	}
	return "", "", ""
}

// lossy names the settings with which acknowledged writes are lost with the power.
func (s *settings) lossy() string {
	var off []string
	for _, setting := range [][2]string{{"fsync", s.fsync}, {"full_page_writes", s.fullPages}, {"synchronous_commit", s.synchronous}} {
		if setting[1] == "off" {
			off = append(off, setting[0])
		}
	}
	return strings.Join(off, " and ")
}

func (s *Store) checkServer(server *settings) error {
	odd, value, want := server.session.odd()
	switch lossy := server.lossy(); {
	case server.number < oldestServer*10000:
		return refuse(s.server, "update the server", "PostgreSQL %s is too old, %d is needed", server.version, oldestServer)
	case server.standby:
		return refuse(s.server, "connect to the primary, with target_session_attrs=read-write", "the server is a standby")
	case server.encoding != "UTF8":
		return refuse(s.server, "make a database with encoding UTF8", "the database is in %s", server.encoding)
	case odd != "":
		return refuse(s.server, "put "+odd+"="+want+" into the pool's RuntimeParams", "its sessions have %s=%s", odd, value)
	case lossy != "" && !s.config.allowPowerLoss:
		return refuse(s.server, "switch it on, or use AllowPowerLoss and lose the guarantee", "it would lose acknowledged writes with its power: %s is off", lossy)
	}
	version, _, _ := strings.Cut(server.version, " ") // some add the name of their package
	s.durability.Process = true
	s.durability.Power = server.lossy() == ""
	s.durability.Text = fmt.Sprintf("postgresql %s, fsync=%s, full_page_writes=%s, synchronous_commit=%s",
		version, server.fsync, server.fullPages, server.synchronous)
	return nil
}

// locate finds the schema of the tables, once: a connection that is opened later may have another search path.
func (s *Store) locate(ctx context.Context) (*dialect, error) {
	d := &dialect{schema: s.config.schema, clock: s.config.clock, incarnation: incarnationSQL}
	if err := checkSchema(d.schema); err != nil {
		return nil, err
	}
	if d.schema == "" {
		var found *string
		if err := s.pool.QueryRow(ctx, "select "+visibleSchemaSQL).Scan(&found); err != nil {
			return nil, err
		}
		if found == nil {
			return nil, refuse(s.server, "call pgstore.Migrate, or name the schema with WithSchema", "there are no tables in the search path")
		}
		d.schema = *found
	}
	s.schema = d.schema
	s.server += ", schema " + d.schema
	return d, nil
}

// checkTables looks at the version, at whether the tables are safe, and takes the salt.
func (s *Store) checkTables(ctx context.Context, d *dialect) error {
	version, err := schemaVersion(ctx, s.pool, d)
	if err != nil {
		return err
	}
	if version == 0 {
		return refuse(s.server, "call pgstore.Migrate", "there are no tables")
	}
	if err := checkVersion(version, len(s.config.scripts)); err != nil {
		return err
	}
	var unsafe int
	err = s.pool.QueryRow(ctx, `select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1::text and c.relname in ('payonce_meta', 'payonce_writer', 'payonce_operation', 'payonce_progress')
		and c.relpersistence <> 'p'`, d.schema).Scan(&unsafe)
	if err != nil {
		return err
	}
	if unsafe > 0 {
		return refuse(s.server, "alter table … set logged", "%d of the tables are unlogged or temporary, so a crash of the server empties them", unsafe)
	}
	err = s.pool.QueryRow(ctx, d.text("select salt from {meta}")).Scan(&s.salt)
	if err == nil && len(s.salt) != 32 {
		err = errors.New("the salt is damaged")
	}
	return err
}

// knownIncarnation is the expression for the server's history, or for what is noted where the server does not tell: then a fail-over is
// not noticed.
func (s *Store) knownIncarnation(ctx context.Context, d *dialect) (string, error) {
	var text string
	err := s.pool.QueryRow(ctx, d.text("select {incarnation}")).Scan(&text)
	if err == nil {
		return d.incarnation, nil
	}
	switch sqlState(err) {
	case stateForbidden, stateNoFunction, stateNotSupported, stateInternal: // managed servers differ in how they refuse
		s.durability.Text += ", a fail-over is not noticed"
		return unknownIncarnationSQL, nil
	}
	return "", err
}
