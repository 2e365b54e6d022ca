//go:build unix

package sqlitestore_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreignFile is a file's info with another owner.
type foreignFile struct {
	fs.FileInfo
	st syscall.Stat_t
}

func (f *foreignFile) Sys() any { return &f.st }

func somebodyElses(t *testing.T) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(closed(t))
	require.NoError(t, err)
	f := &foreignFile{FileInfo: info, st: *info.Sys().(*syscall.Stat_t)}
	f.st.Uid++
	return f
}
