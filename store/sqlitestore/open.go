package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"
)

// readers is the number of connections that read.
const readers = 4

// Open opens the store in the file, or makes it. Its directory is made if missing, 0700; the file and what lies beside it is 0600.
//
// What can't be trusted is refused with an *Error that says what to do: a symbolic link, a file with several names or of another
// user, a network filesystem, a database of another program or of a newer version, a damaged one, a file that another SQLite library
// in this process has open, and a missing file where there was one. A damaged or missing journal is never replaced by an empty one.
//
// Open reads the whole file to see that it is sound if it is small, if a process died with it open, or if it was restored: put back to an
// earlier state, or brought from elsewhere. The records of a restored file say so. Open waits up to 2 min for another Open of the same
// file.
//
// On Linux it switches modernc.org/sqlite to OFD locks, for the whole process, unless a database was opened before.
func Open(path string, opts ...Option) (*Store, error) {
	cfg := config{
		migrations: migrations(), network: networkFilesystem, drivers: sql.Drivers, batch: maxBatch, patience: writePatience, connect: sqlite.NewConnector,
		logger: slog.New(slog.DiscardHandler),
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, logger: cfg.logger}
	if err := s.open(context.Background(), &cfg); err != nil {
		return nil, errors.Join(explain(path, "open", err), s.abandon())
	}
	go s.writer.run(context.Background())
	return s, nil
}

// open does all that can fail.
func (s *Store) open(ctx context.Context, cfg *config) error {
	network, err := cfg.network(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	if network != "" && !cfg.allowNetwork {
		return refuse(s.path, "use a local disk, or AllowNetworkFilesystem and lose the guarantee", "it is on a network filesystem (%s)", network)
	}
	if s.keepers, err = newKeepers(s.path); err != nil {
		return err
	}
	dead, err := s.openLocked(ctx, cfg)
	if err != nil {
		return err
	}
	if err := s.describe(ctx, network); err != nil {
		return err
	}
	return s.keepers.bury(dead)
}

// openLocked opens the file while no other store does. It returns the keepers that died with the file open.
func (s *Store) openLocked(ctx context.Context, cfg *config) (dead []string, err error) {
	release, err := s.keepers.opening(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, refuse(s.path, "look for a process that hangs in Open", "another Open of it has not ended for %v", openPatience)
	}
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.prepareFile(cfg); err != nil {
		return nil, err
	}
	if err := s.keepers.join(); err != nil {
		return nil, err
	}
	living, dead, err := s.keepers.others()
	if err != nil {
		return nil, err
	}
	wal, err := os.Lstat(s.path + "-wal")
	e := examination{crashed: len(dead) > 0 || (len(living) == 0 && err == nil && wal.Size() > 0)}
	if e.said, err = readTestimony(s.keepers.dir); err != nil { // before the database: what others commit meanwhile is newer
		return nil, err
	}
	if err := s.examine(ctx, cfg, &e); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, cfg); err != nil {
		return nil, err
	}
	// SQLite has made -wal and -shm by now: testify sees to it that their names last, whatever the driver did.
	return dead, s.testify(ctx, e.restored)
}

// prepareFile makes the file, or looks at the one that is there without opening it.
func (s *Store) prepareFile(cfg *config) error {
	if dir, err := os.Stat(filepath.Dir(s.path)); err != nil || dir.Mode().Perm()&0o300 != 0o300 {
		return errors.Join(err, refuse(s.path, "chmod u+wx it", "its directory is read-only"))
	}
	info, err := os.Lstat(s.path)
	_, noWAL := os.Lstat(s.path + "-wal")
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil && noWAL == nil, s.keepers.created() && (err != nil || info.Size() == 0):
		return refuse(s.path, "put it back or restore a backup; to really start anew, remove "+s.keepers.dir+" and "+s.path+"-wal",
			"it is missing or empty, and was there before")
	case err != nil:
		return createFile(s.path)
	}
	if err := inspect(s.path, info); err != nil {
		return err
	}
	return s.refuseSecondLibrary(info, cfg.drivers())
}

// refuseSecondLibrary refuses a file that another SQLite library of this process has open: the libraries don't see each other's locks,
// and when one closes the file the locks of both are gone.
func (s *Store) refuseSecondLibrary(info fs.FileInfo, drivers []string) error {
	other := otherLibrary(drivers)
	if other == "" {
		return nil
	}
	for range 2 { // twice, because a store of ours that is just being closed or opened can look like it
		if database, keeper := descriptors(info, s.keepers.dir); !database || keeper {
			return nil
		}
	}
	return refuse(s.path, "open it through sqlitestore only",
		"this process has it open already, and it has another SQLite library, driver %q", other)
}

// connect opens the pools and brings the schema up to date.
func (s *Store) connect(ctx context.Context, cfg *config) error {
	_, _ = sqlite.OFDLocking(true) // where it can't be, locks are POSIX locks, which nothing of ours drops
	w, err := newWatch(s.path)
	if err != nil {
		return err
	}
	writing, err := pool(cfg.connect, s.path, "rw", w, 1, settings(false, cfg.maxPages))
	if err != nil {
		return err
	}
	s.writer = newWriter(writing, w, cfg)
	if err := s.migrate(ctx, cfg.migrations); err != nil {
		return err
	}
	if s.reading, err = pool(cfg.connect, s.path, "rw", w, readers, settings(true, 0)); err != nil {
		return err
	}
	if s.reader, err = newReader(ctx, s.reading); err != nil {
		return err
	}
	return s.writer.connect(ctx)
}

func (s *Store) migrate(ctx context.Context, scripts []string) error {
	conn, err := s.writer.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // back to the pool
	if err := recentEngine(ctx, conn); err != nil {
		return err
	}
	if err := migrate(ctx, conn, s.path, scripts); err != nil {
		return err
	}
	return conn.QueryRowContext(ctx, "select value from payonce_meta where name = 'salt'").Scan(&s.salt) // testify looks at it
}

// recentEngine refuses an engine that can corrupt a WAL database: up to 3.51.2 two connections could reset it at once.
func recentEngine(ctx context.Context, conn *sql.Conn) error {
	var version string
	if err := conn.QueryRowContext(ctx, "select sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if !atLeast(version, 3, 51, 3) {
		return fmt.Errorf("sqlite %s can damage the file, 3.51.3 is needed: update modernc.org/sqlite", version)
	}
	return nil
}

// atLeast compares a dotted version.
func atLeast(version string, least ...int) bool {
	for i, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || i >= len(least) {
			return err == nil
		}
		if n != least[i] {
			return n > least[i]
		}
	}
	return true
}

// describe reads back what the store promises.
func (s *Store) describe(ctx context.Context, network string) error {
	var version, mode string
	var synchronous int
	err := errors.Join(
		s.writer.conn.QueryRowContext(ctx, "select sqlite_version()").Scan(&version),
		s.writer.conn.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode),
		s.writer.conn.QueryRowContext(ctx, "pragma synchronous").Scan(&synchronous),
	)
	levels := []string{"off", "normal", "full", "extra"}
	if err != nil || synchronous < 0 || synchronous >= len(levels) {
		return errors.Join(errors.New("the settings can't be read back"), err)
	}
	s.durability.Process = true
	s.durability.Power = synchronous >= 2 && network == ""
	s.durability.Text = fmt.Sprintf("sqlite %s, %s, synchronous=%s", version, mode, levels[synchronous])
	if network != "" {
		s.durability.Text += ", on a network filesystem (" + network + ")"
	}
	return nil
}

// abandon closes what a failed open leaves.
func (s *Store) abandon() error {
	if s.writer != nil {
		close(s.writer.ended)
	}
	return s.Close()
}
