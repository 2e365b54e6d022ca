package pgstore

import (
	"log/slog"
	"time"
)

// Option changes how a store is opened, or where Migrate makes its tables.
type Option func(*config)

// config is what the options change.
type config struct {
	schema         string
	logger         *slog.Logger
	allowPowerLoss bool
	quiet          bool
	// clock is an expression for the server's clock.
	clock string
	// batch is how many writes share a commit.
	batch int
	// grain is how far the newest time that was noted may lag behind.
	grain time.Duration
	// patience bounds the waits of the writer.
	patience patience
	// scripts lead from each version of the schema to the next.
	scripts []string
}

func newConfig(opts []Option) *config {
	cfg := &config{
		logger: slog.New(slog.DiscardHandler), clock: clockSQL, batch: maxBatch, grain: 10 * time.Second, scripts: migrations(),
		patience: patience{
			pool: 10 * time.Second, lock: 2 * time.Second, batch: 15 * time.Second, enlist: 5 * time.Second, read: 25 * time.Second,
		},
	}
	for _, opt := range opts {
		opt(cfg)
	}
	return cfg
}

// patience is how long the writer waits: for a connection of the pool, for a row that another transaction holds, for the answer to a
// batch, for its own row; and how long a read may take, whatever its caller's context says.
type patience struct{ pool, lock, batch, enlist, read time.Duration }

// WithSchema names the schema of the tables. By default it is the one in which the search path finds them.
func WithSchema(name string) Option { return func(c *config) { c.schema = name } }

// AllowPowerLoss opens a store on a server with fsync, full_page_writes or synchronous_commit off: when it loses power, so may
// acknowledged writes be lost, and a payment can then be made twice after its key has expired at the provider. Durability says so.
// Without it New refuses.
func AllowPowerLoss() Option { return func(c *config) { c.allowPowerLoss = true } }

// WithoutWake makes Wake do nothing, and the method InsertTx notify nobody: what it inserts is found by the next recovery. For poolers that
// share connections (PgBouncer in transaction mode), on which LISTEN does not work, and where very many orders are committed at
// once: PostgreSQL commits transactions that notify one after the other.
func WithoutWake() Option { return func(c *config) { c.quiet = true } }

// WithLogger makes the store log what it steps over, such as a damaged row that List leaves out, and a fail-over or a restore that it
// notices. By default it logs nothing.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
