package simulator

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Request is what the provider knows of one request that arrived, whether it
// was answered or not. Counting them tells how often a client really sent.
type Request struct {
	// Seq counts from 1, in the order of arrival.
	Seq  int       `json:"seq"`
	Time time.Time `json:"time"`
	// Proto is "HTTP/1.1" or "HTTP/2.0".
	Proto  string `json:"proto"`
	Method string `json:"method"`
	// Path includes the query.
	Path string `json:"path"`
	// Key is the idempotency key; empty if there is none or it was not read.
	Key    string      `json:"key,omitempty"`
	Header http.Header `json:"-"`
	// Body is what was read of the body.
	Body []byte `json:"-"`
	// Complete says that the body was read to its end.
	Complete bool `json:"complete"`
	// Executed says that this request changed something at the provider.
	Executed bool `json:"executed"`
	// Replayed says that the answer came from the idempotency store.
	Replayed bool `json:"replayed"`
	// Fault is the name of the fault that was applied; empty if none was.
	Fault string `json:"fault,omitempty"`
	// Status is the status that was answered; 0 if none was.
	Status int `json:"status"`
}

// match compares a path with a pattern in which {} stands for an id, and returns
// the ids.
func match(pattern, path string) (ids []string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	ok = slices.EqualFunc(want, got, func(p, segment string) bool {
		if p == "{}" {
			ids = append(ids, segment)
			return segment != ""
		}
		return p == segment
	})
	return ids, ok
}

// requestLog holds every request in the order of arrival.
type requestLog struct {
	mu  sync.Mutex
	all []Request
}

func (l *requestLog) add(r Request) (seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Seq = len(l.all) + 1
	l.all = append(l.all, r)
	return r.Seq
}

// update changes a request in place. A request that was logged before a reset
// is gone, and the change with it.
func (l *requestLog) update(seq int, change func(*Request)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq >= 1 && seq <= len(l.all) {
		change(&l.all[seq-1])
	}
}

func (l *requestLog) copy() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Request, len(l.all))
	for i, r := range l.all {
		r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
		out[i] = r
	}
	return out
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}
