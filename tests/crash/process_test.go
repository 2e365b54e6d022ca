//go:build unix

package crash_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is a child process, seen by its parent. One goroutine listens to it; any may kill it.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	// noise is what it wrote beside reports: why it panicked.
	noise []string
	// hit is the last point of its plan, once it has come to it.
	hit string
	// heard are the reports that came before one that was waited for.
	heard []report
}

// report is one line of a child's.
type report struct {
	word string
	n    int // the first argument, if it is a number
	rest string
}

// words are what a report may begin with.
func words() []string {
	return []string{"ready", "try", "ok", "unknown", "failed", "recovered", "purged", "store", "left", "failpoint", "done"}
}

// start starts a child, which lasts no longer than the test. The environment's variables are "NAME=value".
func start(t *testing.T, e errand, environment ...string) *process {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), errandVariable+"="+string(text)), environment...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // one that is stopped when its parent dies is then hung up by the kernel
	require.NoError(t, cmd.Start())
	return &process{t: t, cmd: cmd, lines: bufio.NewScanner(out)}
}

// next waits for the next report; false at the end.
func (p *process) next() (report, bool) {
	for p.lines.Scan() {
		word, rest, _ := strings.Cut(p.lines.Text(), " ")
		if !slices.Contains(words(), word) {
			p.noise = append(p.noise, p.lines.Text())
			continue
		}
		r := report{word: word, rest: rest}
		first, more, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(first); err == nil {
			r.n, r.rest = n, more
		}
		switch word {
		case "store":
			p.t.Errorf("the store failed in a child: %s", rest)
		case "failpoint":
			p.hit = rest
		}
		return r, true
	}
	return report{}, false
}

// hear waits for a report.
func (p *process) hear(word string) report {
	p.t.Helper()
	for {
		r, ok := p.next()
		if !ok {
			p.t.Fatalf("the child ended without saying %q: %s", word, strings.Join(p.noise, "\n"))
		}
		if r.word == word {
			return r
		}
		p.heard = append(p.heard, r)
	}
}

// kill is kill -9.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// end listens to the end, tells of every report, and says whether the child was killed. One that ends by itself must end well.
func (p *process) end(each func(report)) (killed bool) {
	p.t.Helper()
	for _, r := range p.heard {
		each(r)
	}
	for r, ok := p.next(); ok; r, ok = p.next() {
		each(r)
	}
	err := p.cmd.Wait()
	if killed = p.cmd.ProcessState.ExitCode() < 0; !killed {
		require.NoError(p.t, err, strings.Join(p.noise, "\n"))
	}
	return killed
}
