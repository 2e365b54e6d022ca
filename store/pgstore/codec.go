package pgstore

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/payonce/payonce"
)

// encoded starts a text that is stored in base64.
const encoded = "base64:"

// storable makes text of what may hold zero bytes or no UTF-8, which PostgreSQL refuses. Different strings stay different.
func storable(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") && !strings.HasPrefix(s, encoded) {
		return s
	}
	return encoded + base64.StdEncoding.EncodeToString([]byte(s))
}

// original is the inverse of storable.
func original(s string) (string, error) {
	text, ok := strings.CutPrefix(s, encoded)
	if !ok {
		return s, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	return string(data), err
}

// moment is a time as an argument: no time becomes null.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// times decodes times and remembers whether one can't be had.
type times struct{ err error }

// instant is the time of a column.
func (t *times) instant(at pgtype.Timestamptz) time.Time {
	switch {
	case !at.Valid:
		return time.Time{}
	case at.InfinityModifier != pgtype.Finite:
		t.err = errors.New("a time is infinite")
	}
	return at.Time.UTC()
}

// bytesOrNull is a copy of bytes as an argument: nil becomes null.
func bytesOrNull[B ~[]byte](b B) any {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// micros rounds up, so that no lease is shorter than was asked for.
func micros(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d-1)/time.Microsecond) + 1
}

// encodeHeader returns [[name, value, …], …] in the order of names; nil for nil.
func encodeHeader(h http.Header) (any, error) {
	if h == nil {
		return nil, nil
	}
	lines := make([][]string, 0, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		line := []string{storable(name)}
		for _, v := range h[name] {
			line = append(line, storable(v))
		}
		lines = append(lines, line)
	}
	data, err := json.Marshal(lines)
	return string(data), err
}

func decodeHeader(data *string) (http.Header, error) {
	if data == nil {
		return nil, nil
	}
	var lines [][]string
	if err := json.Unmarshal([]byte(*data), &lines); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	h := make(http.Header, len(lines))
	for _, line := range lines {
		if len(line) == 0 {
			return nil, errors.New("header: a line without a name")
		}
		for i := range line {
			var err error
			if line[i], err = original(line[i]); err != nil {
				return nil, fmt.Errorf("header: %w", err)
			}
		}
		h[line[0]] = line[1:]
	}
	return h, nil
}

// attempt is a payonce.Attempt as it is stored: short, and open for new fields.
type attempt struct {
	N         int    `json:"n"`
	StartedAt string `json:"at,omitzero"`
	Took      int64  `json:"took,omitzero"` // nanoseconds
	Class     int    `json:"class,omitzero"`
	Status    int    `json:"status,omitzero"`
	Code      string `json:"code,omitzero"`
	RequestID string `json:"request,omitzero"`
	Fault     string `json:"fault,omitzero"`
	Waited    int64  `json:"waited,omitzero"` // nanoseconds
}

const attemptTime = "2006-01-02T15:04:05.999999Z"

func encodeAttempts(attempts []payonce.Attempt) (any, error) {
	if attempts == nil {
		return nil, nil
	}
	lines := make([]attempt, 0, len(attempts))
	for _, a := range attempts {
		line := attempt{
			N: a.N, Took: int64(a.Took), Class: int(a.Class), Status: a.Status, Code: storable(a.Code), RequestID: storable(a.RequestID),
			Fault: storable(a.Fault), Waited: int64(a.Waited),
		}
		if !a.StartedAt.IsZero() {
			line.StartedAt = a.StartedAt.UTC().Format(attemptTime)
		}
		lines = append(lines, line)
	}
	data, err := json.Marshal(lines)
	return string(data), err
}

func decodeAttempts(data *string) ([]payonce.Attempt, error) {
	if data == nil {
		return nil, nil
	}
	var lines []attempt
	if err := json.Unmarshal([]byte(*data), &lines); err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	attempts := make([]payonce.Attempt, 0, len(lines))
	for _, line := range lines {
		a := payonce.Attempt{
			N: line.N, Took: time.Duration(line.Took), Class: payonce.Class(line.Class), Status: line.Status, Waited: time.Duration(line.Waited),
		}
		var t texts
		a.Code, a.RequestID, a.Fault = t.original(line.Code), t.original(line.RequestID), t.original(line.Fault)
		if line.StartedAt != "" {
			a.StartedAt, t.err = time.Parse(attemptTime, line.StartedAt)
		}
		if t.err != nil {
			return nil, fmt.Errorf("attempts: %w", t.err)
		}
		attempts = append(attempts, a)
	}
	return attempts, nil
}

// texts decodes texts and remembers the first error.
type texts struct{ err error }

func (t *texts) original(s string) string {
	text, err := original(s)
	if t.err == nil {
		t.err = err
	}
	return text
}
