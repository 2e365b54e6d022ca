//go:build unix

package sqlitestore

import (
	"io/fs"
	"os"
	"syscall"
)

// inspectOwner refuses a file with a second name, under which another program would have another -wal, and one of another user.
func inspectOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case st.Nlink > 1:
		return refuse(path, "remove the others: each name would have a -wal file of its own", "it has %d hard links", st.Nlink)
	case int(st.Uid) != os.Geteuid():
		return refuse(path, "run as its owner or chown it", "it belongs to user %d, this process is user %d", st.Uid, os.Geteuid())
	}
	return nil
}
