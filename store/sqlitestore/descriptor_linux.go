package sqlitestore

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// descriptors says whether this process has the file open, and whether one of the store's lock files in dir, which every store of
// this package has open longer than the database. It opens nothing.
func descriptors(file fs.FileInfo, dir string) (database, keeper bool) {
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		return false, false
	}
	for _, e := range entries {
		name := filepath.Join(open, e.Name())
		if target, err := os.Readlink(name); err == nil && strings.HasPrefix(target, dir+"/"+keeperPrefix) {
			keeper = true
		}
		if info, err := os.Stat(name); err == nil && os.SameFile(info, file) {
			database = true
		}
	}
	return database, keeper
}
