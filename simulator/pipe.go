package simulator

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeBuffer is how much one end of a pipe can write before the other reads, as
// with a socket: TLS and HTTP/2 rely on it.
const pipeBuffer = 64 << 10

// A pipeEnd is one end of an in-process connection that can break like a TCP
// connection. Its waiting is of the kind that testing/synctest knows.
type pipeEnd struct {
	in, out *stream
}

var _ net.Conn = (*pipeEnd)(nil)

func newPipe() (client, server *pipeEnd) {
	up, down := newStream(), newStream()
	return &pipeEnd{in: down, out: up}, &pipeEnd{in: up, out: down}
}

func (p *pipeEnd) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *pipeEnd) Write(b []byte) (int, error) { return p.out.write(b) }

// Close ends both directions. What is written already can still be read.
func (p *pipeEnd) Close() error {
	p.out.change(func(s *stream) { s.ended = true })
	p.in.change(func(s *stream) { s.gone = true })
	return nil
}

// reset breaks both directions. What is written already is lost.
func (p *pipeEnd) reset() {
	p.out.change(func(s *stream) { s.broken, s.queue = true, nil })
	p.in.change(func(s *stream) { s.broken, s.queue = true, nil })
}

func (p *pipeEnd) LocalAddr() net.Addr  { return pipeAddr{} }
func (p *pipeEnd) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline sets both deadlines.
func (p *pipeEnd) SetDeadline(t time.Time) error {
	_ = p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}

// SetReadDeadline ends reads that wait at t; the zero time is never.
func (p *pipeEnd) SetReadDeadline(t time.Time) error {
	p.in.change(func(s *stream) { s.reading.set(t, s) })
	return nil
}

// SetWriteDeadline ends writes that wait at t; the zero time is never.
func (p *pipeEnd) SetWriteDeadline(t time.Time) error {
	p.out.change(func(s *stream) { s.writing.set(t, s) })
	return nil
}

// A stream is one direction of a pipe.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	queue   []byte
	ended   bool // by the writer
	gone    bool // the reader
	broken  bool

	reading, writing deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) change(f func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	s.changed.Broadcast()
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.broken:
			return 0, resetError("read")
		case s.gone:
			return 0, opError("read", net.ErrClosed)
		case s.reading.passed():
			return 0, os.ErrDeadlineExceeded
		case len(s.queue) > 0 || len(b) == 0:
			n := copy(b, s.queue)
			s.queue = s.queue[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) > 0 {
		switch {
		case s.broken:
			return n, resetError("write")
		case s.ended:
			return n, opError("write", net.ErrClosed)
		case s.gone:
			return n, opError("write", os.NewSyscallError("write", syscall.EPIPE))
		case s.writing.passed():
			return n, os.ErrDeadlineExceeded
		case len(s.queue) < pipeBuffer:
			room := min(pipeBuffer-len(s.queue), len(b))
			s.queue = append(s.queue, b[:room]...)
			b, n = b[room:], n+room
			s.changed.Broadcast()
		default:
			s.changed.Wait()
		}
	}
	return n, nil
}

func resetError(op string) error {
	return opError(op, os.NewSyscallError(op, syscall.ECONNRESET))
}

// A deadline wakes a stream's waiters when it passes.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(t time.Time, s *stream) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() { s.change(func(*stream) {}) })
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "in-process" }
