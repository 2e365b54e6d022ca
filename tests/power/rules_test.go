package power_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines makes what strace writes of what is easier to read: quoted strings and names become hex.
func lines(text string) string {
	var out strings.Builder
	quoted := false
	for _, r := range text {
		switch {
		case strings.ContainsRune("\"‹›", r):
			quoted = r == '‹' || r == '"' && !quoted
			out.WriteString(map[rune]string{'"': `"`, '‹': "<", '›': ">"}[r])
		case quoted:
			out.WriteString(`\x` + hex.EncodeToString([]byte(string(r))))
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func TestWhatStraceWritesIsUnderstood(t *testing.T) {
	events, err := parse(strings.NewReader(lines(`11 mkdirat(AT_FDCWD‹/›, "/r/data", 0700) = 0
11 openat(AT_FDCWD‹/›, "/r/data/a", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3‹/r/data/a›
11 openat(AT_FDCWD‹/›, "/r/data/a", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 4‹/r/data/a›
11 openat(AT_FDCWD‹/›, "/r/data/b", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
11 openat(AT_FDCWD‹/›, "/elsewhere/c", O_RDWR|O_CREAT, 0600) = 5‹/elsewhere/c›
11 pwrite64(3‹/r/data/a›, "abc", 3, 10) = 2
12 pwrite64(4‹/r/data/a›, "xyz", 3, 0 <unfinished ...>
11 fsync(3‹/r/data/a› <unfinished ...>
12 <... pwrite64 resumed>) = 3
11 <... fsync resumed>) = 0
11 write(2‹pipe:[1]›, "say done x" <unfinished ...>
12 ftruncate(4‹/r/data/a›, 7) = 0
11 <... write resumed>, 10) = 10
12 mmap(NULL, 32768, PROT_READ|PROT_WRITE, MAP_SHARED, 7‹/r/data/a-shm›, 0) = 0x7f
12 unlinkat(8‹/r/data›, "a", 0) = 0
12 pwrite64(4‹/r/data/a›(deleted), "lost", 4, 0) = 4
12 +++ exited with 0 +++
`)), "/r")
	require.NoError(t, err)
	assert.Equal(t, []event{
		{Op: opMkdir, Name: "data"},
		{Op: opCreate, Name: "data/a"},
		{Op: opWrite, Name: "data/a", Offset: 10, Data: []byte("ab")},
		{Op: opWrite, Name: "data/a", Data: []byte("xyz")},
		{Op: opSync, Name: "data/a", Began: 3},
		{Op: opSay, Said: []string{"done", "x"}},
		{Op: opTruncate, Name: "data/a", Size: 7},
		{Op: opRemove, Name: "data/a"},
	}, events)
}

func TestWhatTheParserCannotFollowIsAnError(t *testing.T) {
	for what, text := range map[string]string{
		"a write at the descriptor's place": `1 write(3‹/r/a›, "abc", 3) = 3`,
		"a new name":                        `1 renameat(AT_FDCWD‹/›, "/r/a", AT_FDCWD‹/›, "/r/b") = 0`,
		"a mapping":                         `1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3‹/r/a›, 0) = 0x7f`,
		"a write that never ended":          `1 pwrite64(3‹/r/a›, "abc", 3, 0 <unfinished ...>`,
		"a write whose process was killed":  `1 pwrite64(3‹/r/a›, "abc", 3, 0) = ?`,
		"another line":                      `hello`,
	} {
		_, err := parse(strings.NewReader(lines(text+"\n")), "/r")
		assert.Error(t, err, what)
	}
}

func TestTheDiskKeepsWhatWasFlushedAndNothingElseForSure(t *testing.T) {
	write := func(name, data string) event { return event{Op: opWrite, Name: name, Data: []byte(data)} }
	for what, c := range map[string]struct {
		events []event
		least  map[string]string // what is there when nothing else is kept
	}{
		"nothing": {[]event{{Op: opCreate, Name: "a"}, write("a", "1")}, map[string]string{}},
		"a name and no content": {
			[]event{{Op: opCreate, Name: "a"}, write("a", "1"), {Op: opSync, Name: ".", Began: 2}}, map[string]string{"a": ""},
		},
		"content and no name": {[]event{{Op: opCreate, Name: "a"}, write("a", "1"), {Op: opSync, Name: "a", Began: 2}}, map[string]string{}},
		"both": {
			[]event{{Op: opCreate, Name: "a"}, write("a", "1"), {Op: opSync, Name: "a", Began: 2}, {Op: opSync, Name: ".", Began: 3}},
			map[string]string{"a": "1"},
		},
		"what was written while the flush ran": {
			[]event{{Op: opCreate, Name: "a"}, {Op: opSync, Name: ".", Began: 1}, write("a", "1"), write("a", "2"), {Op: opSync, Name: "a", Began: 3}},
			map[string]string{"a": "1"},
		},
		"a name that was removed": {
			[]event{{Op: opCreate, Name: "a"}, {Op: opSync, Name: ".", Began: 1}, {Op: opRemove, Name: "a"}}, map[string]string{"a": ""},
		},
		"a size": {
			[]event{
				{Op: opCreate, Name: "a"},
				{Op: opSync, Name: ".", Began: 1},
				write("a", "123"),
				{Op: opTruncate, Name: "a", Size: 1},
				{Op: opSync, Name: "a", Began: 4},
				{Op: opTruncate, Name: "a"},
			},
			map[string]string{"a": "1"},
		},
		"a directory whose own name is lost": {
			[]event{{Op: opMkdir, Name: "d"}, {Op: opCreate, Name: "d/a"}, {Op: opSync, Name: "d", Began: 2}}, map[string]string{},
		},
	} {
		t.Run(what, func(t *testing.T) {
			d, all := newDisk(), map[string]string{}
			for n := range c.events {
				d.step(&c.events[n])
			}
			for name := range d.current {
				if name != "." {
					all[name] = ""
				}
			}
			assert.Equal(t, c.least, written(t, d, false))
			for name := range written(t, d, true) {
				assert.Contains(t, all, name)
				delete(all, name)
			}
			delete(all, "d")
			assert.Empty(t, all, "everything kept is what processes see")
		})
	}
}

// written returns the files of the image that keeps all or nothing of what was not flushed.
func written(t *testing.T, d *disk, all bool) map[string]string {
	t.Helper()
	dir, found := t.TempDir(), map[string]string{}
	i := &image{rnd: rand.New(rand.NewPCG(1, 1)), block: 512, keep: func(int) func(int) bool { return func(int) bool { return all } }}
	require.NoError(t, i.write(d, dir))
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return found
}

func TestAWriteIsTornAtBlocks(t *testing.T) {
	i := &image{block: 512}
	var pieces []int64
	for _, u := range i.units([]change{{event: &event{Op: opWrite, Offset: 500, Data: make([]byte, 1000)}}, {event: &event{Op: opTruncate}}}) {
		pieces = append(pieces, u.from, u.to)
	}
	assert.Equal(t, []int64{500, 512, 512, 1024, 1024, 1500, 0, 0}, pieces)
}

func TestARecordMayBeNewerThanAcknowledgedAndNeverOlder(t *testing.T) {
	h := &history{tried: []version{{number: "1", digest: "a"}, {number: "2", digest: "b"}, {number: "3", digest: "c"}}}
	require.NoError(t, h.judge(""))
	require.NoError(t, h.judge("c"))
	require.ErrorContains(t, h.judge("x"), "half")
	h.acked = 2
	require.ErrorContains(t, h.judge(""), lostMark)
	require.ErrorContains(t, h.judge("a"), rolledBackMark)
	require.NoError(t, h.judge("b"))
	require.NoError(t, h.judge("c"))
}
