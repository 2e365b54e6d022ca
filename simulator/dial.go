package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// DialFault is what goes wrong while a connection is made.
type DialFault int

// The faults of a dial. Each shows the client the error type that the real thing
// shows.
const (
	DialNormally             DialFault = iota
	DialNoSuchHost                     // NXDOMAIN
	DialDNSUnavailable                 // SERVFAIL, temporary
	DialRefused                        // nobody listens
	DialUnreachable                    // no route
	DialTimeout                        // no answer to SYN: waits for the context's end
	DialSilent                         // accepted, then silence for ever
	DialUnknownAuthority               // the certificate's issuer is not trusted
	DialExpiredCertificate             // the certificate is too old
	DialWrongHost                      // the certificate is for another name
	DialHandshakeReset                 // reset in the middle of the TLS handshake
	DialHandshakeAlert                 // TLS alert: handshake failure
	DialResetBeforeFirstByte           // connected, then reset by the first write
	DialProxyDenied                    // the proxy refuses to open the tunnel
)

// dial connects, or applies the fault that the script has for this dial.
func (b *backend) dial(
	ctx context.Context, address string, connect func(context.Context) (net.Conn, error),
) (net.Conn, error) {
	f, ok := b.core.script.forDial()
	if !ok {
		return connect(ctx)
	}
	switch f.Dial {
	case DialNormally:
		return connect(ctx)
	case DialTimeout:
		<-ctx.Done()
		return nil, opError("dial", os.ErrDeadlineExceeded)
	case DialSilent:
		return b.silence()
	case DialResetBeforeFirstByte:
		nc, err := connect(ctx)
		if err != nil {
			return nil, err
		}
		return deadOnArrival{nc}, nil
	case DialNoSuchHost, DialDNSUnavailable, DialRefused, DialUnreachable, DialUnknownAuthority,
		DialExpiredCertificate, DialWrongHost, DialHandshakeReset, DialHandshakeAlert, DialProxyDenied:
	}
	return nil, dialError(f.Dial, address)
}

// dialError is the error of a dial that fails at once.
func dialError(f DialFault, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	switch f {
	case DialNoSuchHost:
		return opError("dial", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	case DialDNSUnavailable:
		return opError("dial", &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true})
	case DialRefused:
		return opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case DialUnreachable:
		return opError("dial", os.NewSyscallError("connect", syscall.ENETUNREACH))
	case DialUnknownAuthority:
		return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	case DialExpiredCertificate:
		return &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}
	case DialWrongHost:
		other := &x509.Certificate{DNSNames: []string{"other.example"}}
		return &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: other, Host: host}}
	case DialHandshakeReset:
		return opError("read", os.NewSyscallError("read", syscall.ECONNRESET))
	case DialHandshakeAlert:
		return opError("remote error", tls.AlertError(40))
	case DialProxyDenied:
		return opError("proxyconnect", errors.New(http.StatusText(http.StatusProxyAuthRequired))) // as net/http puts it
	case DialNormally, DialTimeout, DialSilent, DialResetBeforeFirstByte:
	}
	return nil
}

// silence is a connection that takes every byte and never gives one.
func (b *backend) silence() (net.Conn, error) {
	if !b.enter() {
		return nil, opError("dial", net.ErrClosed)
	}
	client, server := newPipe()
	c := b.adopt(server)
	c.active.Add(1) // never idle
	go func() {
		defer b.group.Done()
		_, _ = io.Copy(io.Discard, c.wire)
		_ = c.wire.Close()
		b.forget(c)
	}()
	return client, nil
}

// deadOnArrival is a connection that is reset when the first byte is written.
type deadOnArrival struct{ net.Conn }

// Write fails, with nothing written.
func (deadOnArrival) Write([]byte) (int, error) {
	return 0, opError("write", os.NewSyscallError("write", syscall.ECONNRESET))
}
