package sqlitestore


// What follows is the tests' only door.

// Path is the database file.
func (s *Store) Path() string { return s.path }

// Commits counts the transactions that were committed.
func (s *Store) Commits() int64 { return s.writer.commits.Load() }
