package pgstore

import (
	"reflect"
	"time"
)

// WithBatch sets how many writes share a commit.
func WithBatch(size int) Option { return func(c *config) { c.batch = size } }

// WithClock replaces the server's clock by an expression.
func WithClock(expression string) Option { return func(c *config) { c.clock = expression } }

// WithGrain sets how far the newest time that was noted may lag behind.
func WithGrain(d time.Duration) Option { return func(c *config) { c.grain = d } }

// WithPatience sets how long the writer waits.
func WithPatience(pool, lock, batch, enlist time.Duration) Option {
	return func(c *config) {
		c.patience = patience{pool: pool, lock: lock, batch: batch, enlist: enlist, read: pool + batch}
	}
}

// WithScripts replaces the scripts of the schema.
func WithScripts(scripts ...string) Option { return func(c *config) { c.scripts = scripts } }

// Scripts are the scripts of the schema.
func Scripts() []string { return migrations() }

// Commits is how many transactions the writer has sent.
func (s *Store) Commits() int64 { return s.writer.commits.Load() }

// Queued is how many requests wait for the writer.
func (s *Store) Queued() int { return s.writer.queue.Len() }

// Schema is where the tables are.
func (s *Store) Schema() string { return s.schema }

// Settings are what a server shows of itself.
type Settings struct {
	Number                        int
	Version, Encoding             string
	Standby                       bool
	Fsync, FullPages, Synchronous string
	ClientEncoding, Dates, Bytes  string
}

// Check says why a server with these settings is refused.
func (s *Settings) Check() error {
	store := &Store{config: newConfig(nil)}
	return store.checkServer(&settings{
		number: s.Number, version: s.Version, encoding: s.Encoding, standby: s.Standby, fsync: s.Fsync, fullPages: s.FullPages, synchronous: s.Synchronous,
		session: session{encoding: s.ClientEncoding, dates: s.Dates, bytes: s.Bytes},
	})
}

// Statements are all that the store asks of the server, by name.
func (s *Store) Statements() map[string]string {
	all := map[string]string{"inserting.insert": s.inserting.insert, "inserting.stored": s.inserting.stored, "inserting.keyOwner": s.inserting.keyOwner}
	v := reflect.ValueOf(*s.st)
	for i := range v.NumField() {
		all[v.Type().Field(i).Name] = v.Field(i).String()
	}
	return all
}

// UnknownIncarnation stands for the incarnation where the server does not tell.
func UnknownIncarnation(schema string) string {
	return (&dialect{schema: schema}).text(unknownIncarnationSQL)
}

// RolledBack says whether an error proves that nothing was committed.
func RolledBack(err error) bool { return rolledBack(err) }

// WriterID names the writer's row. The writer must be idle.
func (s *Store) WriterID() string { return s.writer.id }

// Incarnation is the server's history as the writer knows it. The writer must be idle.
func (s *Store) Incarnation() string { return s.writer.incarnation }
