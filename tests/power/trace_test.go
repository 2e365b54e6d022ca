package power_test

import (
	"compress/gzip"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// op is what an event did.
type op int

const (
	opSay      op = iota // a process said something: see witness
	opCreate             // a file was made
	opMkdir              // a directory was made
	opRemove             // a name was removed
	opWrite              // bytes were written
	opTruncate           // a size was set
	opSync               // a file or a directory was flushed
)

func (o op) String() string {
	return [...]string{"say", "create", "mkdir", "remove", "write", "truncate", "sync"}[o]
}

// event is one step of the recorded processes, in the order in which they ended.
type event struct {
	Op op
	// Name is the file's, from the recorded directory, which is ".".
	Name string
	// Offset and Data are of a write, Size is of a truncation.
	Offset, Size int64
	Data         []byte
	// Began, of a sync, is how many events had ended when it began: it covers those and no later one.
	Began int
	// Said is what a process said, in words.
	Said []string
}

func (e *event) String() string {
	switch e.Op {
	case opSay:
		return fmt.Sprint(e.Said)
	case opWrite:
		return fmt.Sprintf("write %s, %d bytes at %d", e.Name, len(e.Data), e.Offset)
	case opTruncate:
		return fmt.Sprintf("truncate %s to %d", e.Name, e.Size)
	case opCreate, opMkdir, opRemove, opSync:
	}
	return e.Op.String() + " " + e.Name
}

// Where the trace comes from. PAYONCE_STRACE=1 records the store as it is now into the file, before anything else; that needs Linux
// and strace.
const (
	straceVariable = "PAYONCE_STRACE"
	fileVariable   = "PAYONCE_TRACE"
	committedTrace = "testdata/trace.gz"
)

func traceFile() string {
	if name := os.Getenv(fileVariable); name != "" {
		return name
	}
	return filepath.FromSlash(committedTrace)
}

var (
	recordOnce sync.Once
	readOnce   = sync.OnceValues(func() ([]event, error) { return readTrace(traceFile()) })
)

// recorded returns the trace that all tests work from.
func recorded(t *testing.T) []event {
	t.Helper()
	recordOnce.Do(func() {
		if os.Getenv(straceVariable) != "" {
			require.NoError(t, writeTrace(traceFile(), record(t)))
		}
	})
	events, err := readOnce()
	require.NoError(t, err)
	require.NotEmpty(t, events, "the trace is empty")
	return events
}

func readTrace(name string) (events []event, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	if err := gob.NewDecoder(unzipped).Decode(&events); err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, unzipped) // up to the checksum
	return events, err
}

func writeTrace(name string, events []event) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zipped, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(zipped).Encode(events), zipped.Close())
}
