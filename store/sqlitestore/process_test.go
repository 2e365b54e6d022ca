package sqlitestore_test

import (
	"bufio"
	"database/sql/driver"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// The environment of a child process: what it is to do, and with which file.
const (
	roleVariable = "PAYONCE_TEST_ROLE"
	pathVariable = "PAYONCE_TEST_PATH"
)

// contested is how many operations the processes claim.
const contested = 200

// TestChild is what a child process runs; on its own it has nothing to do.
func TestChild(t *testing.T) {
	t.Parallel()
	roles := map[string]func(*testing.T, string){"claim": claimContested, "hold": holdLease, "migrate": hangInMigration}
	if role := os.Getenv(roleVariable); role != "" {
		roles[role](t, os.Getenv(pathVariable))
	}
}

// say sends a line to the parent.
func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stderr, format+"\n", args...) }

// hear waits for a line from the parent.
func hear() { _, _ = bufio.NewReader(os.Stdin).ReadString('\n') }

// child is another process.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func start(t *testing.T, role, path string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &child{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
}

// line waits for a line that starts with a word, and returns the rest of it.
func (c *child) line(t *testing.T, word string) string {
	t.Helper()
	for c.lines.Scan() {
		if rest, ok := strings.CutPrefix(c.lines.Text(), word+" "); ok {
			return rest
		}
		t.Log(c.lines.Text())
	}
	t.Fatalf("the child ended without saying %q", word)
	return ""
}

func (c *child) tell(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(c.in, "go\n")
	require.NoError(t, err)
}

// kill ends the child as the kernel does when memory is short.
func (c *child) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Kill())
	require.Error(t, c.cmd.Wait())
}

func claimContested(t *testing.T, path string) {
	t.Helper()
	store := open(t, path)
	say("ready .")
	hear()
	var inserted atomic.Int32
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for n := range contested {
				rec := record(fmt.Sprintf("order-%d", (n+worker*25)%contested))
				got, err := store.Claim(t.Context(), rec)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				if got == rec {
					inserted.Add(1)
				}
			}
		})
	}
	workers.Wait()
	say("inserted %d", inserted.Load())
}

func TestTwoProcessesClaimEachOperationOnce(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	children := []*child{start(t, "claim", path), start(t, "claim", path)} // both open, and make, the file at once
	for _, c := range children {
		c.line(t, "ready")
	}
	for _, c := range children {
		c.tell(t)
	}
	total := 0
	for _, c := range children {
		var n int
		_, err := fmt.Sscan(c.line(t, "inserted"), &n)
		require.NoError(t, err)
		require.NoError(t, c.cmd.Wait(), "a claim failed in the child")
		total += n
	}
	assert.Equal(t, contested, total)
	store := open(t, path)
	sound(t, store)
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account, Limit: 10 * contested})
	require.NoError(t, err)
	assert.Len(t, page, contested)
}

func holdLease(t *testing.T, path string) {
	t.Helper()
	store := open(t, path)
	for n := 0; ; n++ {
		rec := record(fmt.Sprintf("order-%d", n))
		rec.Lease.For = time.Hour
		if _, err := store.Claim(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		say("claimed %d", n)
	}
}

func TestTheLeaseOfAKilledProcessEndsWithinASecondAndItsWritesStay(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	store := open(t, path)
	holder := start(t, "hold", path)
	for range 100 {
		holder.line(t, "claimed")
	}
	rec, err := store.Load(t.Context(), id("order-0"), 1)
	require.NoError(t, err)
	require.Equal(t, payonce.Lease{Holder: "client-1", Live: true}, rec.Lease)
	holder.kill(t)
	acknowledged := 100
	for holder.lines.Scan() {
		if strings.HasPrefix(holder.lines.Text(), "claimed ") {
			acknowledged++
		}
	}
	eventually(t, time.Second, "the lease of the dead process is over", func() bool {
		rec, err := store.Load(t.Context(), id("order-0"), 1)
		return err == nil && !rec.Lease.Live
	})
	for n := range acknowledged {
		rec, err := store.Load(t.Context(), id(fmt.Sprintf("order-%d", n)), 1)
		require.NoError(t, err)
		require.False(t, rec.Lease.Live)
	}
	sound(t, store)
	rec.Lease = payonce.Lease{Holder: "client-2", For: time.Minute}
	require.NoError(t, store.Save(t.Context(), rec))

	open(t, path) // looks at the whole file, because somebody died
	keepers, err := filepath.Glob(filepath.Join(filepath.Dir(store.Path()), "*-keepers", "keeper-*"))
	require.NoError(t, err)
	assert.Len(t, keepers, 2, "the dead are forgotten")
}

// sound fails the test if the file is damaged.
func sound(t *testing.T, store *sqlitestore.Store) {
	t.Helper()
	all, err := store.Pragmas(t.Context(), "integrity_check")
	require.NoError(t, err)
	for _, got := range all {
		require.Equal(t, map[string]string{"integrity_check": "ok"}, got)
	}
}

// hangInMigration stops in the middle of a migration.
func hangInMigration(t *testing.T, path string) {
	t.Helper()
	sqlite.MustRegisterScalarFunction("hang", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		say("inside .")
		hear()
		return nil, nil
	})
	_, err := sqlitestore.Open(path, sqlitestore.WithMigration("create table half (x integer) strict; select hang()"))
	t.Errorf("nobody killed the migration: %v", err)
}

func TestAKilledMigrationLeavesTheOldSchema(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"of a new file": newPath(t), "of a file with records": closed(t, "order-1")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hanging := start(t, "migrate", path)
			hanging.line(t, "inside")
			type opened struct {
				store *sqlitestore.Store
				err   error
			}
			second := make(chan opened, 1)
			go func() { // waits for the migration, and finds it undone
				store, err := sqlitestore.Open(path)
				second <- opened{store, err}
			}()
			hanging.kill(t)
			got := <-second
			require.NoError(t, got.err)
			defer func() { require.NoError(t, got.store.Close()) }()
			claim(t, got.store, "order-2")
			all, err := got.store.Pragmas(t.Context(), "user_version")
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"user_version": "1"}, all[0])
			if name == "of a file with records" {
				_, err = got.store.Load(t.Context(), id("order-1"), 1)
				require.NoError(t, err)
			}
			more := open(t, path, sqlitestore.WithMigration("create table half (x integer) strict"))
			claim(t, more, "order-3")
		})
	}
}
