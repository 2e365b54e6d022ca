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
	return networkKind(magic(st.Type)), nil
}

// magic has 32 bits, in a field whose type differs by architecture.
func magic[T int32 | uint32 | int64](field T) uint32 { return uint32(field) }
