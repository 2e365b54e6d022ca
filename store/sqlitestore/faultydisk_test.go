package sqlitestore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// access is one call of the operating system by SQLite.
type access struct {
	op, file string
	n        int // from 1
}

func (a access) String() string { return fmt.Sprintf("%s of %s, access %d", a.op, a.file, a.n) }

// disk is a filesystem for SQLite whose n-th access fails, once or from then on. Locks and the memory that connections share don't.
type disk struct {
	vfs.VFS

	mu     sync.Mutex
	n      int
	from   int // which access fails first; 0 is none
	sticky bool
	code   sqlite3.ErrorCode
	hit    *access // the first that failed
}

// newDisk registers a disk; its name is for otherEngine.
func newDisk(t *testing.T, from int, sticky bool, code sqlite3.ErrorCode) (d *disk, name string) {
	t.Helper()
	d = &disk{VFS: vfs.Find("os"), from: from, sticky: sticky, code: code}
	name = fmt.Sprintf("disk-%p", d)
	vfs.Register(name, d)
	t.Cleanup(func() { vfs.Unregister(name) })
	return d, name
}

// mend lets everything work from now on.
func (d *disk) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.from = 0
}

// accesses counts them, and names the first that failed.
func (d *disk) accesses() (n int, hit *access) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n, d.hit
}

// touch counts an access and says how it fails. A full disk fails only what would take more room, a read-only one only changes.
func (d *disk) touch(op, file string) error {
	changes := op != "read" && op != "open"
	d.mu.Lock()
	defer d.mu.Unlock()
	if (d.code == sqlite3.FULL && op != "write") || (d.code == sqlite3.READONLY && !changes) {
		return nil
	}
	d.n++
	if d.from == 0 || d.n < d.from || (d.n > d.from && !d.sticky) {
		return nil
	}
	if d.hit == nil {
		d.hit = &access{op, file, d.n}
	}
	return d.code
}

// kind is the part of a file's name that tells what it is.
func kind(name string) string {
	if i := strings.LastIndex(name, "-"); i > strings.LastIndex(name, ".") {
		return name[i:]
	}
	return "the database"
}

func (d *disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if err := d.touch("open", kind(name.String())); err != nil {
		return nil, flags, sqlite3.CANTOPEN
	}
	file, flags, err := vfsutil.WrapOpenFilename(d.VFS, name, flags)
	if err != nil {
		return nil, flags, err
	}
	return &diskFile{File: file, disk: d, kind: kind(name.String())}, flags, nil
}

func (d *disk) Delete(name string, syncDir bool) error {
	if err := d.touch("delete", kind(name)); err != nil {
		return err
	}
	return d.VFS.Delete(name, syncDir)
}

// diskFile is a file on the disk.
type diskFile struct {
	vfs.File

	disk *disk
	kind string
}

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.disk.touch("read", f.kind); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteAt writes the first half of what it fails to write.
func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.touch("write", f.kind); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Truncate(size int64) error {
	if err := f.disk.touch("truncate", f.kind); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync flushes nothing: the power stays on, and it would take most of the time.
func (f *diskFile) Sync(vfs.SyncFlag) error { return f.disk.touch("sync", f.kind) }

func (f *diskFile) SharedMemory() vfs.SharedMemory {
	return f.File.(vfs.FileSharedMemory).SharedMemory()
}
func (f *diskFile) LockState() vfs.LockLevel      { return vfsutil.WrapLockState(f.File) }
func (f *diskFile) PersistWAL() bool              { return vfsutil.WrapPersistWAL(f.File) }
func (f *diskFile) SetPersistWAL(keep bool)       { vfsutil.WrapSetPersistWAL(f.File, keep) }
func (f *diskFile) PowersafeOverwrite() bool      { return vfsutil.WrapPowersafeOverwrite(f.File) }
func (f *diskFile) SetPowersafeOverwrite(on bool) { vfsutil.WrapSetPowersafeOverwrite(f.File, on) }
func (f *diskFile) MemoryMapper() vfs.MemoryMapper {
	return f.File.(vfs.FileMemoryMapper).MemoryMapper()
}
