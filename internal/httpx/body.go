package httpx

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// MaxBody is how much of an answer is read. A longer one counts as cut.
const MaxBody = 4 << 20

// errLong says so.
var errLong = errors.New("the answer is longer than 4 MiB")

// The sizes of the first part of a body whose length is unknown, and of the largest one.
const minPart, maxPart = 1 << 10, 256 << 10

// readBody reads a body to its end, unless it is too long. Its parts stay where they are until it is known to be whole, so a body
// without an end costs what was read of it, and not several times as much.
func readBody(res *http.Response) ([]byte, error) {
	if res.ContentLength > MaxBody {
		return nil, errLong
	}
	var parts [][]byte
	part, size := make([]byte, 0, min(max(res.ContentLength+1, minPart), maxPart)), 0
	for {
		n, err := res.Body.Read(part[len(part):cap(part)])
		part, size = part[:len(part)+n], size+n
		switch {
		case size > MaxBody:
			return nil, errLong
		case errors.Is(err, io.EOF):
			return join(parts, part), nil
		case err != nil:
			return nil, err
		case len(part) == cap(part):
			parts = append(parts, part)
			part = make([]byte, 0, min(2*cap(part), maxPart))
		}
	}
}

func join(parts [][]byte, last []byte) []byte {
	if len(parts) == 0 {
		return last
	}
	return bytes.Join(append(parts, last), nil)
}
