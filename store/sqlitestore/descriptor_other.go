//go:build !linux

package sqlitestore

import "io/fs"

// descriptors can't tell here.
func descriptors(fs.FileInfo, string) (database, keeper bool) { return false, false }
