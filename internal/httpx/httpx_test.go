package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/httpx"
)

// dying counts full requests and closes the connection without an answer, but for each connection's first request.
type dying struct {
	full   atomic.Int64
	server *httptest.Server
}

func newDying(t *testing.T, http2 bool) *dying {
	t.Helper()
	d := &dying{}
	var mu sync.Mutex
	first := map[string]bool{}
	d.server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		d.full.Add(1)
		mu.Lock()
		defer mu.Unlock()
		if !first[r.RemoteAddr] {
			first[r.RemoteAddr] = true
			return
		}
		panic(http.ErrAbortHandler)
	}))
	d.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	d.server.EnableHTTP2 = http2
	if http2 {
		d.server.StartTLS()
	} else {
		d.server.Start()
	}
	t.Cleanup(d.server.Close)
	return d
}

func post(url string, body []byte) *httpx.Call {
	return &httpx.Call{Method: http.MethodPost, URL: url, Header: http.Header{"Idempotency-Key": {"k"}}, Body: body, Write: true}
}

func TestOneCallIsOneRequestOnTheWireWhenAWarmConnectionDies(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, body := range []string{"", `{"a":1}`} {
			t.Run(fmt.Sprintf("http2 %t, body %q", http2, body), func(t *testing.T) {
				t.Parallel()
				d := newDying(t, http2)
				client := httpx.Harden(d.server.Client())
				warm := httpx.Do(t.Context(), client, post(d.server.URL, []byte(body)))
				require.NoError(t, warm.Err)
				answer := httpx.Do(t.Context(), client, post(d.server.URL, []byte(body)))
				require.Error(t, answer.Err)
				assert.Zero(t, answer.Status)
				assert.False(t, answer.NotSent, "it may have been executed")
				assert.EqualValues(t, 2, d.full.Load())
			})
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			http.Redirect(w, r, "/elsewhere", status)
		}))
		answer := httpx.Do(t.Context(), httpx.Harden(server.Client()), post(server.URL, []byte("x")))
		server.Close()
		require.NoError(t, answer.Err)
		assert.Equal(t, status, answer.Status)
		assert.EqualValues(t, 1, requests.Load())
	}
}

// raw serves one connection with the given bytes.
func raw(t *testing.T, response string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 64<<10)
			_, _ = conn.Read(buffer)
			_, _ = io.WriteString(conn, response)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestACutBodyIsNeverWhole(t *testing.T) {
	t.Parallel()
	whole := `{"id":"pay_1","status":"ok"}`
	framings := map[string]func(string) string{
		"content-length": func(body string) string {
			return fmt.Sprintf("HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(whole), body)
		},
		"chunked": func(body string) string {
			end := ""
			if body == whole {
				end = "0\r\n\r\n"
			}
			return fmt.Sprintf("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%s", max(len(body), 1), body, end)
		},
		"close": func(body string) string { return "HTTP/1.0 201 Created\r\n\r\n" + body },
	}
	for name, frame := range framings {
		for cut := 1; cut <= len(whole); cut++ {
			answer := httpx.Do(t.Context(), httpx.Harden(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}), post(raw(t, frame(whole[:cut])), []byte("{}")))
			assert.Equal(t, 201, answer.Status, "%s cut at %d", name, cut)
			assert.Equal(t, cut == len(whole), answer.Complete, "%s cut at %d", name, cut)
			if !answer.Complete {
				assert.Nil(t, answer.Body)
			}
		}
	}
}

func TestHostileAnswersAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			chunk := bytes.Repeat([]byte("x"), 64<<10)
			for range 1 << 14 { // 1 GiB
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 11<<20))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("{}"))
		case "/switch":
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer server.Close()
	for _, path := range []string{"/endless", "/headers", "/gzip", "/switch"} {
		answer := httpx.Do(t.Context(), httpx.Harden(server.Client()), post(server.URL+path, []byte("{}")))
		assert.False(t, answer.Complete, path)
		assert.Nil(t, answer.Body, path)
		assert.False(t, answer.NotSent, path)
	}
}

func TestABodyIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	content := make([]byte, httpx.MaxBody+1)
	for i := range content {
		content[i] = byte(i / 7)
	}
	for _, size := range []int{0, 1, 1 << 10, 1<<10 + 1, 3 << 10, 300 << 10, 1 << 20, httpx.MaxBody, httpx.MaxBody + 1} {
		for _, announced := range []bool{true, false} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if announced {
					w.Header().Set("Content-Length", strconv.Itoa(size))
				} else {
					_ = http.NewResponseController(w).Flush()
				}
				_, _ = w.Write(content[:size])
			}))
			answer := httpx.Do(t.Context(), httpx.Harden(server.Client()), post(server.URL, []byte("{}")))
			server.Close()
			if size > httpx.MaxBody {
				require.ErrorContains(t, answer.Err, "longer than 4 MiB")
				assert.False(t, answer.Complete)
				assert.Nil(t, answer.Body)
				continue
			}
			require.NoError(t, answer.Err)
			assert.True(t, answer.Complete, size)
			assert.True(t, bytes.Equal(content[:size], answer.Body), "%d bytes, announced %v", size, announced)
		}
	}
}

func TestNotSentNeedsProof(t *testing.T) {
	t.Parallel()
	refused, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + refused.Addr().String()
	require.NoError(t, refused.Close())
	assert.True(t, httpx.Do(t.Context(), httpx.Harden(&http.Client{}), post(url, nil)).NotSent, "connection refused")

	server := httptest.NewTLSServer(nil)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer server.Close()
	assert.True(t, httpx.Do(t.Context(), httpx.Harden(&http.Client{}), post(server.URL, nil)).NotSent, "unknown certificate authority")
	assert.True(t, httpx.Do(t.Context(), httpx.Harden(&http.Client{}), post("http://[::1", nil)).NotSent, "no request at all")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	assert.True(t, httpx.Do(ended, httpx.Harden(&http.Client{Transport: &http.Transport{}}), post(server.URL, []byte("{}"))).NotSent, "a context that has ended")

	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, "=~.*", httpmock.NewErrorResponder(errors.New("who knows")))
	assert.False(t, httpx.Do(t.Context(), httpx.Harden(&http.Client{Transport: mock}), post("http://x.example", []byte("{}"))).NotSent, "an error of somebody else's transport proves nothing")
	mock.RegisterResponder(http.MethodPost, "=~.*", httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: errors.New("refused")}))
	assert.True(t, httpx.Do(t.Context(), httpx.Harden(&http.Client{Transport: mock}), post("http://x.example", []byte("{}"))).NotSent, "unless it is a dial's")
	mock.RegisterResponder(http.MethodPost, "=~.*", httpmock.NewStringResponder(201, `{"id":"1"}`))
	answer := httpx.Do(t.Context(), httpx.Harden(&http.Client{Transport: mock}), post("http://x.example", []byte("{}")))
	assert.True(t, answer.Complete, "a mock's answer without a length is whole when it parses")
}

func TestTheGateHoldsTheBodyBack(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		d := newDying(t, http2)
		client := httpx.Harden(d.server.Client())
		late := post(d.server.URL, []byte(`{"a":1}`))
		late.Late = func() bool { return true }
		answer := httpx.Do(t.Context(), client, late)
		require.ErrorIs(t, answer.Err, httpx.ErrTooLate)
		assert.False(t, answer.NotSent, "the head of the request may have left")
		late.Body = nil
		answer = httpx.Do(t.Context(), client, late)
		require.ErrorIs(t, answer.Err, httpx.ErrTooLate)
		assert.False(t, answer.NotSent)
		assert.Zero(t, d.full.Load())
	}
}

func TestAConnectionHoldsTheFirstByteBack(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heads atomic.Int64
			server := start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { heads.Add(1); _, _ = io.WriteString(w, "{}") }))
			transport := server.Client().Transport.(*http.Transport).Clone()
			transport.DialContext = httpx.Dial(&net.Dialer{})
			t.Cleanup(server.Close)
			t.Cleanup(transport.CloseIdleConnections)
			client := httpx.Harden(&http.Client{Transport: transport})
			for _, body := range [][]byte{nil, []byte(`{"a":1}`), make([]byte, 100_000)} {
				heads.Store(0)
				require.True(t, httpx.Do(t.Context(), client, post(server.URL, body)).Complete, "on a connection that stays")
				late := post(server.URL, body)
				late.Late = func() bool { return true }
				answer := httpx.Do(t.Context(), client, late)
				require.ErrorIs(t, answer.Err, httpx.ErrTooLate)
				assert.True(t, answer.NotSent, "not a byte has left")
				assert.EqualValues(t, 1, heads.Load())
			}
		})
	}
}

func TestErrorsDoNotRepeatTheURL(t *testing.T) {
	t.Parallel()
	answer := httpx.Do(t.Context(), httpx.Harden(&http.Client{}), post("http://127.0.0.1:1/secret?token=canary", nil))
	require.Error(t, answer.Err)
	assert.NotContains(t, answer.Err.Error(), "canary")
}
