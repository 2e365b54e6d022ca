package power_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/store/sqlitestore"
)

// database is the recorded file. Its directory is made by the store.
const database = "data/pay.db"

// record runs the workload and returns what it did to the disk.
func record(t *testing.T) []event {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	disk, log := filepath.Join(root, "disk"), filepath.Join(root, "log")
	require.NoError(t, os.Mkdir(disk, 0o700))
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", "signal=none", "-e", "trace="+calls,
		"-o", log, os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), roleVariable+"=all", pathVariable+"="+filepath.Join(disk, database))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	f, err := os.Open(log)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	events, err := parse(f, disk)
	require.NoError(t, err)
	return append(events, event{Op: opSay, Said: []string{saidMade, current(t)}})
}

// all starts one process after the other.
func (w *worker) all() {
	for _, roles := range [][]string{{"first"}, {"left", "right"}, {"later"}, {"long"}, {"recover"}} {
		say(saidSection, strings.Join(roles, "+"))
		var running []*exec.Cmd
		for _, role := range roles {
			cmd := exec.CommandContext(w.t.Context(), os.Args[0], "-test.run=^TestChild$")
			cmd.Env = append(os.Environ(), roleVariable+"="+role)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			require.NoError(w.t, cmd.Start())
			running = append(running, cmd)
		}
		for i, cmd := range running {
			if err := cmd.Wait(); roles[i] == "long" {
				require.Error(w.t, err, "it was to be killed")
			} else {
				require.NoError(w.t, err)
			}
		}
	}
}

// current tells the engine, the settings and the schema of now from others.
func current(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pay.db")
	store, err := sqlitestore.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	var schema string
	require.NoError(t, query(t.Context(), path, "select group_concat(sql, x'0a') from sqlite_schema", &schema))
	return digest([]byte(store.Durability().Text + schema))
}

// query reads one row of the database without the store.
func query(ctx context.Context, path, text string, dest ...any) (err error) {
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()+"?mode=rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.QueryRowContext(ctx, text).Scan(dest...)
}
