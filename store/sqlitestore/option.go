package sqlitestore

import (
	"database/sql/driver"
	"log/slog"
	"strings"
	"time"
)

// Option changes how a store is opened.
type Option func(*config)

// config is what the options change.
type config struct {
	logger       *slog.Logger
	allowNetwork bool
	migrations   []string
	// network names the network filesystem that a directory is on, "" if it is local.
	network func(dir string) (string, error)
	// drivers lists what database/sql knows.
	drivers func() []string
	// batch is how many writes share a commit.
	batch int
	// patience is how long a write waits for the lock that lets one process write.
	patience time.Duration
	// connect makes what opens connections to what a dsn names.
	connect func(dsn string) (driver.Connector, error)
	// maxPages bounds the file, for tests of a full disk; 0 is no bound.
	maxPages int
}

// AllowNetworkFilesystem opens a file on NFS, SMB, FUSE and the like, where locks and flushes may not be what they say: two hosts can
// then both believe that they write alone, and an acknowledged write can be lost. Durability says so. Without it Open refuses.
func AllowNetworkFilesystem() Option { return func(c *config) { c.allowNetwork = true } }

// WithLogger makes the store log what it steps over, such as a damaged row that List leaves out, and a restore that it notices. By
// default it logs nothing.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// otherLibrary returns the name of a registered driver that looks like another SQLite than ours, or "".
func otherLibrary(drivers []string) string {
	for _, name := range drivers {
		if name != "sqlite" && strings.Contains(strings.ToLower(name), "sqlite") {
			return name
		}
	}
	return ""
}
