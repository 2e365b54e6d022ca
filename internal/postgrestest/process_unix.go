//go:build unix

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// port is part of the socket's name; nothing listens on the network.
	port = "5432"
	// patience is how long a server may take to start or to stop.
	patience = 30 * time.Second
)

// process is a server that was started here.
type process struct {
	binaries, dir string
	template      string              // a copy of the cluster that was never started
	owner         *syscall.Credential // nil: this process's own
	settings      []string
	server        *exec.Cmd
	ended         chan struct{} // closed when the server's process is gone
	watchdog      *exec.Cmd
	leash         func() error // lets the watchdog go
}

// newServer makes a cluster and starts it. It keeps a copy of the cluster: to copy one takes a tenth of the time.
func newServer() (*Server, error) {
	return newCluster(nil, func(p *process) error {
		p.template = filepath.Join(p.dir, "template")
		err := p.run(filepath.Join(p.binaries, "initdb"), "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
		if err != nil {
			return err
		}
		return p.run("/bin/cp", "-R", "-p", p.data(), p.template)
	})
}

// New starts a server for one test, which may do to it what it likes, with settings such as "max_connections=10". It is stopped at the
// test's end. Like Server it skips the test where it can't, also when the shared server was not started here.
func (s *Shared) New(tb TB, settings ...string) *Server {
	tb.Helper()
	first := s.Server(tb)
	if first.process == nil {
		missing(tb, errors.New("the server that "+urlVariable+" names is not for killing"))
	}
	server, err := newCluster(settings, func(p *process) error { return p.copy(first.template) })
	if err != nil {
		tb.Fatalf("a server of its own: %v", err)
	}
	tb.Cleanup(server.stop)
	return server
}

// Standby starts a server that follows this one, asynchronously and from its very beginning, so ask for it before much is written. It is
// stopped at the test's end.
func (s *Server) Standby(tb TB) *Server {
	tb.Helper()
	from := "primary_conninfo=user=postgres port=" + port + " host=" + s.dir
	standby, err := newCluster(append(slices.Clone(s.settings), from), func(p *process) error {
		mark := filepath.Join(p.data(), "standby.signal")
		return errors.Join(p.copy(s.template), os.WriteFile(mark, nil, 0o600), p.own(mark))
	})
	if err != nil {
		tb.Fatalf("standby: %v", err)
	}
	tb.Cleanup(standby.stop)
	return standby
}

// newCluster makes a cluster in a folder of its own and starts it.
func newCluster(settings []string, fill func(*process) error) (*Server, error) {
	folder, err := binaries()
	if err != nil {
		return nil, err
	}
	p := &process{binaries: folder, settings: settings}
	if p.owner, err = ordinaryUser(); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "payonce-pg-"); err != nil {
		return nil, err
	}
	if err := errors.Join(p.own(p.dir), p.watch()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	s := &Server{process: p, url: "postgres://postgres@/postgres?sslmode=disable&port=" + port + "&host=" + url.QueryEscape(p.dir)}
	if err = fill(p); err == nil {
		err = s.launch()
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (p *process) data() string { return filepath.Join(p.dir, "data") }

// copy makes the cluster a copy of another one.
func (p *process) copy(template string) error {
	p.template = template
	return p.run("/bin/cp", "-R", "-p", template, p.data())
}

// ordinaryUser is whom the server runs as if this process is root, which PostgreSQL refuses.
func ordinaryUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("this is root, PostgreSQL wants another user, and there is neither postgres nor nobody")
}

func (p *process) own(path string) error {
	if p.owner == nil {
		return nil
	}
	return os.Chown(path, int(p.owner.Uid), int(p.owner.Gid))
}

// command is one as the server's user and in a process group of its own.
func (p *process) command(name string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: name, Args: append([]string{name}, args...), Dir: p.dir,
		SysProcAttr: &syscall.SysProcAttr{Credential: p.owner, Setpgid: true}, // ^C is not for it
	}
}

// run runs a command to its end.
func (p *process) run(name string, args ...string) error {
	out, err := p.command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// watchdogScript waits until nobody holds the other end of its input any more, because the test binary is over or dead; then it ends the
// server and removes its folder.
const watchdogScript = `
cat > /dev/null
if read -r pid < "$1/data/postmaster.pid"; then
	kill -CONT $(cat "/proc/$pid/task/$pid/children") # all of it may be paused
	kill -QUIT "$pid" && kill -CONT "$pid"
	for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" && sleep 0.2; done
	kill -KILL "$pid"
fi
rm -rf "$1"
`

// watch starts the watchdog.
func (p *process) watch() error {
	p.watchdog = p.command("/bin/sh", "-c", watchdogScript, "watchdog", p.dir)
	p.watchdog.SysProcAttr.Credential, p.watchdog.Dir = nil, "/"
	leash, err := p.watchdog.StdinPipe()
	if err != nil {
		return err
	}
	p.leash = leash.Close
	return p.watchdog.Start()
}

// launch starts the server and waits until it answers.
func (s *Server) launch() error {
	args := []string{
		"-D", s.data(), "-k", s.dir, "-p", port, "-c", "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "max_connections=100",
		"-c", "fsync=on", "-c", "max_wal_size=256MB",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own descriptor
	server := s.command(filepath.Join(s.binaries, "postgres"), args...)
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait() // how it ended is in the log
		close(ended)
	}()
	s.server, s.ended = server, ended
	return s.awaitAnswer()
}

func (s *Server) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended: %s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("the server did not start: %w: %s", err, s.Log())
		case <-time.NewTimer(10 * time.Millisecond).C:
		}
	}
}

// Log is the end of what the server logged.
func (s *Server) Log() string {
	data, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4096):])
}

// stop ends the server at once and removes its folder.
func (p *process) stop() {
	if p.server != nil {
		p.signal(syscall.SIGCONT, p.processes())
		_ = p.server.Process.Signal(syscall.SIGQUIT) // it may be gone
		select {
		case <-p.ended:
		case <-time.NewTimer(patience).C:
			p.signal(syscall.SIGKILL, p.processes())
		}
	}
	_ = p.leash()         // the watchdog removes the folder,
	_ = p.watchdog.Wait() // and whether it could is its own affair
}

// Dial opens a connection to the server's socket, for a proxy.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(s.dir, ".s.PGSQL."+port))
}

// Kill ends all processes of the server as kill -9 does.
func (s *Server) Kill(tb TB) {
	tb.Helper()
	all := s.processes()
	s.signal(syscall.SIGKILL, all)
	<-s.ended
	for end := time.Now().Add(patience); anyAlive(all); {
		if time.Now().After(end) {
			tb.Fatalf("the server's processes don't die: %v", all)
		}
		<-time.NewTimer(time.Millisecond).C
	}
}

// Restart starts the server again after Kill. One of its processes may have been born while they were killed, and lives until it notices: a
// server does not start beside it.
func (s *Server) Restart(tb TB) {
	tb.Helper()
	err := s.launch()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = s.launch() {
		<-time.NewTimer(50 * time.Millisecond).C
	}
	if err != nil {
		tb.Fatalf("restart: %v", err)
	}
}

// Pause stops all processes of the server until Resume, as if its host hung.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP, s.processes()) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT, s.processes()) }

func (p *process) signal(sig syscall.Signal, pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig) // it may be gone
	}
}

// processes are the server's main process and its children.
func (p *process) processes() []int {
	main := p.server.Process.Pid
	pids := []int{main}
	stats, err := fs.Glob(os.DirFS("/proc"), "[0-9]*/stat")
	if err != nil {
		return pids
	}
	for _, path := range stats {
		if pid, parent, _ := readStat(path); parent == main {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readStat reads what Linux says of a process, below /proc: zero if it is gone.
func readStat(path string) (pid, parent int, state string) {
	data, err := fs.ReadFile(os.DirFS("/proc"), path)
	if err != nil {
		return 0, 0, ""
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name before it may hold anything else
	_, err = fmt.Sscan(rest, &state, &parent)
	if err == nil {
		_, err = fmt.Sscan(string(data), &pid)
	}
	if err != nil {
		return 0, 0, ""
	}
	return pid, parent, state
}

// anyAlive says whether one of them is there and no zombie.
func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if _, _, state := readStat(strconv.Itoa(pid) + "/stat"); state != "" && state != "Z" {
			return true
		}
	}
	return false
}
