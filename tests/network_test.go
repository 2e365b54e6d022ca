package tests_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/payonce/payonce/simulator"
)

// tokens is where TrueLayer's tokens come from. Its requests move nothing, so their moments are no crash points.
const tokens = "/connect/token"

func momentOf(token bool, m moment) moment {
	if token {
		return atOther
	}
	return m
}

// network is what a process reaches its provider by. It breaks when the process dies: what was written arrives, and no more.
type network struct {
	process *process
	own     *simulator.Transport

	mu    sync.Mutex
	wires map[*wire]struct{}
}

func newNetwork(p *process, own *simulator.Transport) *network {
	n := &network{process: p, own: own, wires: map[*wire]struct{}{}}
	own.HTTP().DialContext, own.HTTP().DialTLSContext = n.dial, nil
	if own.HTTP().TLSClientConfig == nil { // HTTP/1: the simulator's connections leave TLS out
		own.HTTP().DialTLSContext = n.dial
	}
	return n
}

// RoundTrip makes one request.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	token := r.URL.Path == tokens
	if !n.process.reaches(momentOf(token, atGated)) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errDied
	}
	res, err := n.own.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if !n.process.reaches(momentOf(token, atStatus)) {
		_ = res.Body.Close()
		return nil, errDied
	}
	res.Body = &answerBody{ReadCloser: res.Body, process: n.process, token: token, toHalf: max(1, res.ContentLength/2)}
	return res, nil
}

// CloseIdleConnections lets the client drop what it no longer trusts.
func (n *network) CloseIdleConnections() { n.own.CloseIdleConnections() }

func (n *network) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	if !n.process.reaches(atOther) {
		return nil, errDied
	}
	conn, err := n.own.DialContext(ctx, proto, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, network: n}
	n.mu.Lock()
	n.wires[w] = struct{}{}
	n.mu.Unlock()
	if n.process.dead.Load() {
		_ = w.Close()
		return nil, errDied
	}
	return w, nil
}

// sever closes every connection, as the kernel does for a dead process.
func (n *network) sever() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.wires {
		_ = w.Conn.Close()
	}
}

// wire is one connection.
type wire struct {
	net.Conn

	network *network
	// token says that the last request was one for a token, waiting that nothing has come back yet.
	token, waiting atomic.Bool
}

func (w *wire) Write(b []byte) (int, error) {
	p, token := w.network.process, bytes.HasPrefix(b, []byte("POST "+tokens))
	w.token.Store(token)
	if !p.reaches(momentOf(token, atConnected)) {
		return 0, errDied
	}
	if p.dying(momentOf(token, atFirstByte)) {
		n, _ := w.Conn.Write(b[:1])
		p.die()
		return n, errDied
	}
	w.waiting.Store(true)
	n, err := w.Conn.Write(b)
	if !p.reaches(momentOf(token, atLastByte)) {
		return n, errDied
	}
	return n, err
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	p := w.network.process
	if w.waiting.Swap(false) && !errors.Is(err, net.ErrClosed) {
		p.reaches(momentOf(w.token.Load(), atExecuted))
	}
	if p.dead.Load() {
		return 0, errDied
	}
	return n, err
}

func (w *wire) Close() error {
	w.network.mu.Lock()
	delete(w.network.wires, w)
	w.network.mu.Unlock()
	return w.Conn.Close()
}

// answerBody is the body of an answer on its way into the process.
type answerBody struct {
	io.ReadCloser

	process *process
	token   bool
	toHalf  int64
}

func (a *answerBody) Read(b []byte) (int, error) {
	if a.toHalf > 0 && int64(len(b)) > a.toHalf {
		b = b[:a.toHalf]
	}
	n, err := a.ReadCloser.Read(b)
	if a.toHalf > 0 && n > 0 {
		if a.toHalf -= int64(n); a.toHalf <= 0 {
			a.process.reaches(momentOf(a.token, atHalf))
		}
	}
	if errors.Is(err, io.EOF) {
		a.process.reaches(momentOf(a.token, atRead))
	}
	if a.process.dead.Load() {
		return 0, errDied
	}
	return n, err
}
