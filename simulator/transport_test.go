package simulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/simulator"
)

func TestTransportTakesAnyHostAndKeepsConnections(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	for proto, transport := range map[string]*simulator.Transport{
		"HTTP/1.1": sim.Transport(), "HTTP/2.0": sim.TransportHTTP2(),
	} {
		m := onTransport(t, transport)
		reused := false
		for _, base := range []string{"https://api.example", "https://api.example", "https://auth.example:8443", "https://192.0.2.1"} {
			m.base = base
			r := m.request(http.MethodGet, "/v3/merchant-accounts", "", nil)
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				GotConn: func(info httptrace.GotConnInfo) { reused = reused || info.Reused },
			}))
			res, err := m.http.Do(r)
			if base == "https://192.0.2.1" && proto == "HTTP/2.0" {
				require.Error(t, err, "an address other than loopback is in no certificate")
				continue
			}
			require.NoError(t, err, "%s %s", proto, base)
			assert.Equal(t, proto, res.Proto)
			assert.Equal(t, http.StatusOK, readAnswer(t, res).status)
		}
		assert.True(t, reused, proto)
		transport.CloseIdleConnections()
	}
}

func TestDialFaultsShowTheRealErrors(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	m := inProcess(t, sim)
	send := func(f simulator.Fault) error {
		m.http.CloseIdleConnections()
		sim.Script(f)
		return m.fail(m.request(http.MethodPost, "/v3/payments", key(1), payment()))
	}
	var dns *net.DNSError
	require.ErrorAs(t, send(simulator.NoSuchHost()), &dns)
	assert.True(t, dns.IsNotFound)
	assert.Equal(t, "api.truelayer-sandbox.com", dns.Name)
	require.ErrorAs(t, send(simulator.DNSUnavailable()), &dns)
	assert.True(t, dns.IsTemporary)
	require.ErrorIs(t, send(simulator.ConnectionRefused()), syscall.ECONNREFUSED)
	require.ErrorIs(t, send(simulator.HostUnreachable()), syscall.ENETUNREACH)
	var certificate *tls.CertificateVerificationError
	require.ErrorAs(t, send(simulator.UnknownAuthority()), &certificate)
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, send(simulator.ExpiredCertificate()), &invalid)
	var host x509.HostnameError
	require.ErrorAs(t, send(simulator.WrongHost()), &host)
	require.ErrorIs(t, send(simulator.HandshakeReset()), syscall.ECONNRESET)
	var alert tls.AlertError
	require.ErrorAs(t, send(simulator.HandshakeAlert()), &alert)
	require.ErrorIs(t, send(simulator.ResetBeforeFirstByte()), syscall.ECONNRESET)
	require.ErrorContains(t, send(simulator.ProxyDenied()), "proxyconnect tcp: Proxy Authentication Required")
	assert.Len(t, sim.Requests(), 1, "only the token request")
}

func TestResetIsAResetEverywhere(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	server := sim.Start()
	t.Cleanup(server.Close)
	for _, m := range []*merchant{inProcess(t, sim), newMerchant(t, server.Client(), server.URL)} {
		for _, f := range []simulator.Fault{simulator.ResetAfterRead(true), simulator.ResetAfterRead(false), simulator.ResetBeforeRead()} {
			sim.Script(f)
			err := m.fail(m.request(http.MethodPost, "/v3/payments", key(1), payment()))
			require.ErrorIs(t, err, syscall.ECONNRESET, f.Name)
		}
		sim.Script(simulator.LoseAnswer())
		err := m.fail(m.request(http.MethodPost, "/v3/payments", key(1), payment()))
		require.ErrorIs(t, err, io.EOF)
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSimulator()
		for _, f := range []simulator.Fault{
			simulator.Hang(true), simulator.Stall(), simulator.Delay(time.Hour), simulator.HoldKey(time.Hour),
			simulator.HalfOpen(), simulator.Endless(time.Second),
		} {
			transport := sim.Transport()
			m := onTransport(t, transport)
			if f.Dial != simulator.DialNormally {
				m.http.CloseIdleConnections()
			}
			sim.Script(f, simulator.DeliverLater(time.Hour))
			var group sync.WaitGroup
			group.Go(func() { attempt(t, m, f.Name) })
			synctest.Wait()
			attempt(t, m, f.Name+" later")
			synctest.Wait()
			transport.Close()
			group.Wait()
			transport.Close()
			assert.Equal(t, "error", attempt(t, m, f.Name), "it is closed")
		}
	})
}

func TestManyStreamsOfOneConnection(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	server := sim.StartHTTP2()
	t.Cleanup(server.Close)
	m := newMerchant(t, server.Client(), server.URL)
	sim.Script(simulator.Repeated(simulator.ResetStream(8, true), 10))
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() { attempt(t, m, key(i)) })
	}
	group.Wait()
	assert.Equal(t, 20, sim.Ledger().Count("payment"), "one stream's end is not another's")
}

func TestForeignServersWork(t *testing.T) {
	t.Parallel()
	sim := newSimulator()
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	m := newMerchant(t, server.Client(), server.URL)
	m.pay(key(1))
	for want, faults := range map[string][]simulator.Fault{
		"error": {
			simulator.ResetAfterRead(true), simulator.LoseAnswer(), simulator.GarbageStatusLine(),
			simulator.DuplicateContentLength(), simulator.RefuseStream(), simulator.DeliverLater(time.Nanosecond),
		},
		"201 cut": {simulator.TruncateBody(3)},
		"201":     {simulator.RepeatAnswer(), simulator.DeliverAgain(0)},
	} {
		for _, f := range faults {
			sim.Script(f)
			assert.Equal(t, want, attempt(t, m, key(1)), f.Name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	sim.Script(simulator.Only(simulator.Stall(), func(*http.Request) bool { cancel(); return true }))
	err := m.fail(m.request(http.MethodPost, "/v3/payments", key(1), payment()).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, sim.Ledger().Count("payment"))
}

func TestFramesPassInAnyPieces(t *testing.T) {
	t.Parallel()
	frame := func(kind byte, stream uint32, payload ...byte) []byte {
		head := []byte{0, 0, byte(len(payload)), kind, 0}
		return append(binary.BigEndian.AppendUint32(head, stream), payload...)
	}
	data, aborted := frame(0, 1, 1, 2, 3), frame(3, 5, 0, 0, 0, 2)
	refused, cancelled := frame(3, 5, 0, 0, 0, 7), frame(3, 7, 0, 0, 0, 8)
	in := append(append(append([]byte{}, data...), cancelled...), aborted...)
	want := append(append(append([]byte{}, data...), cancelled...), refused...)
	for piece := 1; piece <= len(in); piece++ {
		near, far := net.Pipe()
		w := simulator.NewFrameWriter(near, 7)
		got := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(far)
			got <- all
		}()
		for rest := in; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			_, err := w.Write(rest[:min(piece, len(rest))])
			require.NoError(t, err)
		}
		require.NoError(t, near.Close())
		assert.Equal(t, want, <-got, "pieces of %d", piece)
	}
}
