//go:build unix

package crash_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/payonce/payonce/internal/httpx"
)

// network is the child's way to the provider; nil is the client's own. If connecting takes time, each request connects anew and is told of.
func (e *errand) network() *http.Client {
	if e.Dial == 0 {
		return nil
	}
	dial := httpx.Dial(&net.Dialer{}) // as a client's own
	return &http.Client{Transport: &telltale{&http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			pause(time.Duration(rand.Int64N(int64(e.Dial))))
			return dial(ctx, network, address)
		},
	}}}
}

// telltale tells for every write when its body was first read, and when it was answered.
type telltale struct{ http.RoundTripper }

func (t *telltale) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return t.RoundTripper.RoundTrip(req)
	}
	body := &timedBody{ReadCloser: req.Body}
	copied := req.Clone(req.Context())
	copied.Body = body
	res, err := t.RoundTripper.RoundTrip(copied)
	if at := body.readAt(); !at.IsZero() {
		say("left", at.UnixMicro(), time.Now().UnixMicro(), req.Header.Get("Idempotency-Key"))
	}
	return res, err
}

// timedBody remembers when it was first read.
type timedBody struct {
	io.ReadCloser

	mu sync.Mutex
	at time.Time
}

func (b *timedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.at.IsZero() {
		b.at = time.Now()
	}
	b.mu.Unlock()
	return b.ReadCloser.Read(p)
}

func (b *timedBody) readAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}
