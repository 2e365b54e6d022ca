package payonce_test

import (
	"errors"
	"net"
)

// errDial is what a transport returns when it never had a connection.
func errDial() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}
