package sqlitestore_test

import (
	"bytes"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// raw opens the file as any program with the same library would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// closed makes a store with records and closes it.
func closed(t *testing.T, references ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payments.db")
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	for _, reference := range references {
		claim(t, store, reference)
	}
	require.NoError(t, store.Close())
	return path
}

// died leaves what a process leaves that was killed with the file open.
func died(t *testing.T, path string) string {
	t.Helper()
	name := filepath.Join(path+"-keepers", "keeper-00000000deadbeef")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	return name
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T) string
		opts    []sqlitestore.Option
		want    []string
	}{
		{"what is no path", func(*testing.T) string { return ":memory:" }, nil, []string{"no plain path", "give the path of a file"}},
		{"a URI", func(*testing.T) string { return "file:payments.db" }, nil, []string{"no plain path"}},
		{"nothing", func(*testing.T) string { return "" }, nil, []string{"no plain path"}},
		{"a directory", (*testing.T).TempDir, nil, []string{"no regular file"}},
		{"a symbolic link", symlink, nil, []string{"symbolic link", "open the file that it points to"}},
		{"a file with two names", hardLink, nil, []string{"2 hard links", "remove the others"}},
		{"a read-only file", func(t *testing.T) string { t.Helper(); return chmod(t, closed(t), 0o400) }, nil, []string{"read-only", "chmod u+w"}},
		{"a read-only directory", readOnlyDir, nil, []string{"directory", "read-only"}},
		{"text", garbage, nil, []string{"not a database", "restore a backup"}},
		{"the database of another program", otherProgram, nil, []string{"another program", "give the path of a new file"}},
		{"a newer schema", newerSchema, nil, []string{"its schema is 2", "knows up to 1", "update this program"}},
		{"a missing file where there was one", missing, nil, []string{"missing or empty", "restore a backup", "-keepers"}},
		{"an empty file where there was a full one", emptied, nil, []string{"missing or empty", "restore a backup"}},
		{"a missing file whose -wal is there", onlyWAL, nil, []string{"missing or empty", "-wal"}},
		{"a damaged file after a crash", damaged, nil, []string{"damaged", "restore a backup"}},
		{"a cut file", cut, nil, []string{"damaged", "restore a backup"}},
		{
			"a network filesystem", func(t *testing.T) string { t.Helper(); return closed(t) },
			[]sqlitestore.Option{sqlitestore.WithFilesystem("nfs")},
			[]string{"network filesystem (nfs)", "use a local disk"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := c.prepare(t)
			store, err := sqlitestore.Open(path, c.opts...)
			if err == nil {
				require.NoError(t, store.Close())
			}
			var e *sqlitestore.Error
			require.ErrorAs(t, err, &e)
			for _, want := range append(c.want, "open", filepath.Base(path)) {
				require.ErrorContains(t, err, want)
			}
			assert.NotEmpty(t, e.Advice)
			again, err := sqlitestore.Open(path, c.opts...)
			assert.Nil(t, again)
			assert.Error(t, err, "the first refusal left something behind")
		})
	}
}

func TestWhatIsRefusedIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T) string{
		"the database of another program": otherProgram, "a newer schema": newerSchema, "a damaged file": damaged, "a cut file": cut, "text": garbage,
		"a damaged file with a -wal": func(t *testing.T) string {
			t.Helper()
			path, copied := closed(t, "order-1"), filepath.Join(t.TempDir(), "copy.db")
			store := open(t, path)
			claim(t, store, "order-2")
			copyTo(t, path, copied, "", "-wal", witness)
			f, err := os.OpenFile(copied, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{0xff}, 7*4096) // a page that the -wal does not have
			require.NoError(t, err)
			require.NoError(t, f.Close())
			return copied
		},
		"half an operation": func(t *testing.T) string {
			t.Helper()
			path := closed(t, "order-1")
			db := raw(t, path)
			_, err := db.ExecContext(t.Context(), "delete from payonce_progress")
			require.NoError(t, err)
			require.NoError(t, db.Close())
			return path
		},
		"no salt": func(t *testing.T) string {
			t.Helper()
			path := closed(t)
			db := raw(t, path)
			_, err := db.ExecContext(t.Context(), "delete from payonce_meta where name = 'newest'")
			require.NoError(t, err)
			require.NoError(t, db.Close())
			return path
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := prepare(t)
			before, after := filepath.Join(t.TempDir(), "before.db"), filepath.Join(t.TempDir(), "after.db")
			copyTo(t, path, before, "", "-wal", witness)
			_, err := sqlitestore.Open(path)
			var e *sqlitestore.Error
			require.ErrorAs(t, err, &e)
			assert.NotEmpty(t, e.Advice)
			copyTo(t, path, after, "", "-wal", witness)
			for _, suffix := range []string{"", "-wal", witness} {
				was, _ := os.ReadFile(before + suffix)
				is, _ := os.ReadFile(after + suffix)
				assert.True(t, bytes.Equal(was, is), "%q was changed", suffix)
			}
		})
	}
}

func symlink(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(closed(t), link))
	return link
}

func hardLink(t *testing.T) string {
	t.Helper()
	path := closed(t)
	require.NoError(t, os.Link(path, path+"2"))
	return path
}

func chmod(t *testing.T, path string, mode fs.FileMode) string {
	t.Helper()
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func readOnlyDir(t *testing.T) string {
	t.Helper()
	path := closed(t)
	dir := filepath.Dir(path)
	t.Cleanup(func() { chmod(t, dir, 0o700) })
	chmod(t, dir, 0o500)
	return path
}

func garbage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notes.db")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("no database\n"), 1000), 0o600))
	return path
}

func otherProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.db")
	db := raw(t, path)
	_, err := db.ExecContext(t.Context(), "create table t (x)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return path
}

func newerSchema(t *testing.T) string {
	t.Helper()
	path := closed(t)
	store, err := sqlitestore.Open(path, sqlitestore.WithMigration("create table more (x integer) strict"))
	require.NoError(t, err)
	require.NoError(t, store.Close())
	return path
}

func missing(t *testing.T) string {
	t.Helper()
	path := closed(t)
	require.NoError(t, os.Remove(path))
	return path
}

func emptied(t *testing.T) string {
	t.Helper()
	path := closed(t)
	require.NoError(t, os.Truncate(path, 0))
	return path
}

func onlyWAL(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payments.db")
	require.NoError(t, os.WriteFile(path+"-wal", []byte("frames"), 0o600))
	return path
}

func damaged(t *testing.T) string {
	t.Helper()
	path := closed(t, "order-1", "order-2", "order-3")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, 3000), 2*4096+100)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	died(t, path)
	return path
}

func cut(t *testing.T) string {
	t.Helper()
	path := closed(t, "order-1")
	require.NoError(t, os.Truncate(path, 5*4096))
	died(t, path)
	return path
}

func TestOpenRefusesTheFileOfAnotherUser(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // left to access control lists
	}
	err := sqlitestore.InspectOwner("payments.db", somebodyElses(t))
	require.ErrorContains(t, err, "belongs to user")
	require.ErrorContains(t, err, "chown")
}

func TestWithTheOptionANetworkFilesystemIsOpenedAndPromisesLess(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t), sqlitestore.WithFilesystem("nfs"), sqlitestore.AllowNetworkFilesystem())
	d := store.Durability()
	assert.True(t, d.Process)
	assert.False(t, d.Power)
	assert.Contains(t, d.Text, "network filesystem (nfs)")
}

func TestWhatIsMadeIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store := open(t, path)
	claim(t, store, "order-1")
	dir := filepath.Dir(store.Path())
	assert.Equal(t, fs.FileMode(0o700), mode(t, dir))
	for _, name := range files(t, dir) {
		want := fs.FileMode(0o600)
		if strings.HasSuffix(name, "-keepers") {
			want = 0o700
		}
		assert.Equal(t, want, mode(t, name), name)
	}
	assert.Len(t, files(t, dir), 7, "database, -wal, -shm, directory of lock files, and there: open, created, one keeper")
}

func TestAFileThatOthersCanReadIsClosedToThem(t *testing.T) {
	t.Parallel()
	path := chmod(t, closed(t), 0o644)
	open(t, path)
	assert.Equal(t, fs.FileMode(0o600), mode(t, path))
}

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Mode().Perm()
}

// files returns everything below a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if name != dir {
			names = append(names, name)
		}
		return err
	}))
	return names
}

func TestEveryConnectionHasTheSettings(t *testing.T) {
	t.Parallel()
	store := open(t, newPath(t))
	all, err := store.Pragmas(t.Context(), "journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync", "foreign_keys",
		"trusted_schema", "cell_size_check", "mmap_size", "temp_store", "secure_delete", "query_only", "busy_timeout", "writable_schema")
	require.NoError(t, err)
	require.Len(t, all, 5)
	for i, got := range all {
		want := map[string]string{
			"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "checkpoint_fullfsync": "1", "foreign_keys": "1",
			"trusted_schema": "0", "cell_size_check": "1", "mmap_size": "0", "temp_store": "2", "secure_delete": "1", "query_only": "1",
			"busy_timeout": "10000", "writable_schema": "0",
		}
		if i == 4 {
			want["query_only"], want["busy_timeout"] = "0", "3" // the writer
		}
		assert.Equal(t, want, got)
	}
	d := store.Durability()
	assert.True(t, d.Process && d.Power)
	assert.Regexp(t, `^sqlite 3\.\d+\.\d+, wal, synchronous=full$`, d.Text)
}

func TestAConnectionWithoutASettingIsRefused(t *testing.T) {
	t.Parallel()
	path := open(t, newPath(t)).Path()
	require.NoError(t, sqlitestore.Connect(t.Context(), path, "synchronous", "2"))
	require.ErrorContains(t, sqlitestore.Connect(t.Context(), path, "synchronous", "9"), "synchronous is")
	require.ErrorContains(t, sqlitestore.Connect(t.Context(), path, "journal_mode", "off"), "journal_mode is wal")
}

func TestTheSaltLastsAndDiffersBetweenStores(t *testing.T) {
	t.Parallel()
	path := closed(t)
	salt := open(t, path).Salt()
	assert.Equal(t, salt, open(t, path).Salt())
	assert.NotEqual(t, salt, open(t, newPath(t)).Salt())
}

func TestAnOlderSchemaIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	path := closed(t, "order-1")
	store := open(t, path, sqlitestore.WithMigration("create table more (x integer) strict"))
	_, err := store.Load(t.Context(), id("order-1"), 1)
	require.NoError(t, err)
	var version int
	require.NoError(t, raw(t, path).QueryRowContext(t.Context(), "pragma user_version").Scan(&version))
	assert.Equal(t, 2, version)
	_, err = sqlitestore.Open(path)
	require.ErrorContains(t, err, "newer version", "while the newer version has it open")
}

func TestAfterACrashASoundFileIsOpenedAndTheDeadForgotten(t *testing.T) {
	t.Parallel()
	path := closed(t, "order-1")
	name := died(t, path)
	store := open(t, path)
	_, err := store.Load(t.Context(), id("order-1"), 1)
	require.NoError(t, err)
	assert.NoFileExists(t, name)
}

func TestWithoutACrashADamagedFileFailsToLoadAndPanicsNowhere(t *testing.T) {
	t.Parallel()
	path := damaged(t)
	require.NoError(t, os.Remove(filepath.Join(path+"-keepers", "keeper-00000000deadbeef")))
	store, err := sqlitestore.Open(path)
	if err != nil {
		require.ErrorContains(t, err, "damaged")
		return
	}
	failed := 0
	for _, reference := range []string{"order-1", "order-2", "order-3"} {
		if _, err := store.Load(t.Context(), id(reference), 1); err != nil {
			require.NotErrorIs(t, err, payonce.ErrNotFound)
			require.ErrorContains(t, err, "restore a backup")
			failed++
		}
	}
	assert.Positive(t, failed)
	require.NoError(t, store.Close())
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.51.3": true, "3.51.10": true, "3.54.1": true, "3.100.0": true, "4.0": true, "3.51.2": false, "3.9.9": false, "3.51.3.1": true,
	} {
		assert.Equal(t, want, sqlitestore.AtLeast(version, 3, 51, 3), version)
	}
}

func TestNetworkFilesystemsAreKnownByTheirMagicNumbers(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{
		0x6969: "nfs", 0xff534d42: "smb", 0xfe534d42: "smb", 0x65735546: "fuse", 0x00c36400: "ceph",
		0xef53: "", 0x58465342: "", 0x01021994: "", 0x9123683e: "", 0x794c7630: "", 0x01021997: "",
	} {
		assert.Equal(t, want, sqlitestore.NetworkKind(magic), "%#x", magic)
	}
}
