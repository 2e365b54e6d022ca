package sqlitestore

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// networkFilesystem names the network filesystem that dir is on, "" if it is a local one.
func networkFilesystem(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", fmt.Errorf("statfs %s: %w", dir, err)
	}
	if st.Flags&unix.MNT_LOCAL != 0 {
		return "", nil
	}
	return unix.ByteSliceToString(st.Fstypename[:]), nil
}
