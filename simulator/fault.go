package simulator

import (
	"net/http"
	"strings"
	"time"
)

// A Fault is one misbehaviour on the way of a request, in three separate steps:
// what is read of the request, whether it is executed, and what goes back. The
// zero Fault reads everything, executes nothing and closes the connection.
//
// Ready-made faults, one constructor each, are in this package under the names
// of what happens; AllFaults lists them with the numbers of the fault catalogue.
type Fault struct {
	// Name is shown in the request log.
	Name string
	// Match says which requests the fault applies to. Nil is every write except
	// the token endpoint. It must not read the body nor call the simulator.
	Match func(*http.Request) bool
	// OnReused limits the fault to requests on a connection that has carried
	// another request before.
	OnReused bool
	// Times is how many requests (or dials) the fault applies to: 0 is one,
	// negative is for ever.
	Times int

	// Dial makes it a fault of the network before any request arrives: it applies
	// to dials, and everything below is unused. It needs the clients and
	// transports of this package.
	Dial DialFault

	// Read is how much of the body is read. Executing implies ReadAll.
	Read ReadMode
	// Execute says whether the provider executes the request, through its usual
	// checks and its key store, before responding.
	Execute bool
	// Hold is how long the execution takes, with the key in flight.
	Hold time.Duration
	// Respond is what goes back; nil is the provider's own answer.
	Respond Response
	// Header is laid over the headers of the response.
	Header http.Header

	pause time.Duration // before anything is read
	quirk quirk
	path  networkPath
	delay time.Duration // of a request that the network holds back
}

// ReadMode is how much of a request's body the provider reads.
type ReadMode int

// The zero ReadMode reads everything.
const (
	ReadAll ReadMode = iota
	ReadNone
	ReadPart // half of it
)

// networkPath is what the network does with a request before the provider sees it.
type networkPath int

const (
	pathDirect networkPath = iota
	pathLater              // the client sees a reset; the request arrives later
	pathTwice              // it arrives twice, the second answer goes back
	pathAgain              // it arrives and is answered, and arrives again later
)

// On returns a Match for a method and the end of a path, for example
// On("POST", "/refunds"). An empty method is every method.
func On(method, pathSuffix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return (method == "" || method == r.Method) && strings.HasSuffix(r.URL.Path, pathSuffix)
	}
}

// ShouldRetry returns the fault with TrueLayer's Tl-Should-Retry header set on
// its response.
func ShouldRetry(f Fault, v bool) Fault {
	value := "false"
	if v {
		value = "true"
	}
	return WithHeader(f, "Tl-Should-Retry", value)
}

// WithHeader returns the fault with a header set on its response.
func WithHeader(f Fault, name, value string) Fault {
	f.Header = f.Header.Clone()
	if f.Header == nil {
		f.Header = http.Header{}
	}
	f.Header.Set(name, value)
	return f
}

// Repeated returns the fault for n requests instead of one; negative is for ever.
func Repeated(f Fault, n int) Fault {
	f.Times = n
	return f
}

// Only returns the fault limited to matching requests.
func Only(f Fault, match func(*http.Request) bool) Fault {
	f.Match = match
	return f
}
