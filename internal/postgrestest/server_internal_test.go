//go:build linux

package postgrestest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childVariable makes TestChild start a server and say where.
const childVariable = "PAYONCE_TEST_POSTGRES_CHILD"

func TestChild(t *testing.T) {
	t.Parallel()
	if os.Getenv(childVariable) == "" {
		return
	}
	var shared Shared
	s := shared.Server(t)
	_, _ = fmt.Fprintf(os.Stdout, "child %d %s\n", s.server.Process.Pid, s.dir)
	<-t.Context().Done() // it is killed
}

func TestTheServerEndsWithTheTestBinaryHoweverThatDies(t *testing.T) {
	t.Parallel()
	if _, err := binaries(); err != nil {
		missing(t, err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childVariable+"=1", urlVariable+"=")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var pid int
	var dir string
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "child ") {
			_, err := fmt.Sscanf(lines.Text(), "child %d %s", &pid, &dir)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, pid)
	require.True(t, anyAlive([]int{pid}))
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, err := os.Stat(filepath.Join(dir, "data"))
		if errors.Is(err, os.ErrNotExist) && !anyAlive([]int{pid}) {
			return
		}
		select {
		case <-ctx.Done():
			require.Fail(t, "the server or its folder is still there", "process %d, %s", pid, dir)
		case <-time.NewTimer(10 * time.Millisecond).C:
		}
	}
}

// judge is a test that says how it ended.
type judge struct {
	*testing.T
	failed, skipped string
}

func (j *judge) Fatalf(format string, args ...any) { j.failed = fmt.Sprintf(format, args...) }
func (j *judge) Skipf(format string, args ...any)  { j.skipped = fmt.Sprintf(format, args...) }

func TestWithoutAServerATestIsSkippedOrFails(t *testing.T) {
	t.Setenv(requireVariable, "")
	for _, c := range []struct {
		required string
		fails    bool
	}{{"", false}, {"npm", false}, {"npm,postgres", true}} {
		t.Setenv(requireVariable, c.required)
		j := &judge{T: t}
		missing(j, errors.New("no binaries"))
		assert.Equal(t, c.fails, j.failed != "")
		assert.Equal(t, !c.fails, j.skipped != "")
		assert.Contains(t, j.failed+j.skipped, "no binaries")
	}
}
