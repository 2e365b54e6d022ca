package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The modes of what a store makes: operations hold personal data.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// locate returns the absolute path of the database in its directory, which it makes if it is missing.
func locate(path string) (string, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return "", refuse(path, "give the path of a file, such as payments.db", "%q is no plain path", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", explain(path, "open", err)
	}
	dir, err := makeDir(filepath.Dir(abs))
	if err != nil {
		return "", explain(abs, "open", err)
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// makeDir makes what is missing of a directory, durably, and returns it without symbolic links.
func makeDir(dir string) (string, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	parent, err := makeDir(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	resolved = filepath.Join(parent, filepath.Base(dir))
	if err := os.Mkdir(resolved, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return resolved, syncDir(parent)
}

// syncDir makes names in a directory durable. Windows needs no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	d, err := root.Open(".")
	if err != nil {
		return errors.Join(err, root.Close())
	}
	return errors.Join(d.Sync(), d.Close(), root.Close())
}

// createFile makes an empty file durably. It may only be called while nobody can have the file open in SQLite: closing any
// descriptor of a file drops all POSIX locks that the process has on it.
func createFile(path string) error {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	f, err := root.OpenFile(filepath.Base(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
	if err != nil {
		return errors.Join(err, root.Close())
	}
	if err := errors.Join(f.Sync(), f.Close(), root.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// inspect refuses a file that must not be used as a database.
func inspect(path string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return refuse(path, "open the file that it points to", "it is a symbolic link")
	case !info.Mode().IsRegular():
		return refuse(path, "give the path of a file", "it is no regular file")
	case info.Mode().Perm()&0o200 == 0:
		return refuse(path, "chmod u+w it", "it is read-only")
	}
	if err := inspectOwner(path, info); err != nil {
		return err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(path, info.Mode().Perm()&^0o077); err != nil {
			return explain(path, "open", err)
		}
	}
	return nil
}

// watch knows which files a store has open, to notice when they are deleted or replaced under it: what is then written is lost.
type watch struct {
	path string
	main fs.FileInfo
	side []sideFile
}

// sideFile is one of the files that SQLite has beside the database.
type sideFile struct {
	path string
	info fs.FileInfo
}

func newWatch(path string) (*watch, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return &watch{path: path, main: info}, nil
}

// connected remembers the side files of a new connection.
func (w *watch) connected() error {
	w.side = nil
	for _, suffix := range []string{"-wal", "-shm"} {
		info, err := os.Lstat(w.path + suffix)
		if err != nil {
			return err
		}
		w.side = append(w.side, sideFile{path: w.path + suffix, info: info})
	}
	return nil
}

// check fails if a file is not the one that was opened.
func (w *watch) check() error {
	if err := w.checkFile(w.path, w.main); err != nil {
		return err
	}
	for _, f := range w.side {
		if err := w.checkFile(f.path, f.info); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) checkFile(path string, opened fs.FileInfo) error {
	problem := "was replaced"
	now, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem = "was deleted"
	case err != nil:
		return explain(w.path, "check", err)
	case os.SameFile(now, opened):
		return nil
	}
	return &Error{
		Path: w.path, Doing: "check", Err: fmt.Errorf("%s %s while it was open", path, problem),
		Advice: "nothing more is written: put back the file that was there, or restore a backup, and start the process again",
	}
}
