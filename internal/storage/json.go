package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
)

// text is a string that survives JSON byte for byte, in a database too: what is not UTF-8, or has a zero byte, becomes {"base64": …}.
type text string

type binary struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON keeps bytes that encoding/json would replace.
func (s text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) && !strings.Contains(string(s), "\x00") {
		return json.Marshal(string(s))
	}
	return json.Marshal(binary{Base64: []byte(s)})
}

// UnmarshalJSON reads both forms.
func (s *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var raw binary
		err := json.Unmarshal(data, &raw)
		*s = text(raw.Base64)
		return err
	}
	return json.Unmarshal(data, (*string)(s))
}

// EncodeHeader returns [[name, value, …], …] in the order of names, as an argument of a statement; nil for nil.
func EncodeHeader(h http.Header) (any, error) {
	if h == nil {
		return nil, nil
	}
	lines := make([][]text, 0, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		line := []text{text(name)}
		for _, v := range h[name] {
			line = append(line, text(v))
		}
		lines = append(lines, line)
	}
	data, err := json.Marshal(lines)
	return string(data), err
}

// DecodeHeader is the inverse of EncodeHeader.
func DecodeHeader(data *string) (http.Header, error) {
	if data == nil {
		return nil, nil
	}
	var lines [][]text
	if err := json.Unmarshal([]byte(*data), &lines); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	h := make(http.Header, len(lines))
	for _, line := range lines {
		if len(line) == 0 {
			return nil, errors.New("header: a line without a name")
		}
		values := make([]string, 0, len(line)-1)
		for _, v := range line[1:] {
			values = append(values, string(v))
		}
		h[string(line[0])] = values
	}
	return h, nil
}

// attempt is a payonce.Attempt as it is stored: short, and open for new fields.
type attempt struct {
	N         int   `json:"n"`
	StartedAt int64 `json:"at,omitzero"`   // microseconds since 1970
	Took      int64 `json:"took,omitzero"` // nanoseconds
	Class     int   `json:"class,omitzero"`
	Status    int   `json:"status,omitzero"`
	Code      text  `json:"code,omitzero"`
	RequestID text  `json:"request,omitzero"`
	Fault     text  `json:"fault,omitzero"`
	Waited    int64 `json:"waited,omitzero"` // nanoseconds
}

// EncodeAttempts returns the ledger of attempts as an argument of a statement; nil for nil.
func EncodeAttempts(attempts []payonce.Attempt) (any, error) {
	if attempts == nil {
		return nil, nil
	}
	lines := make([]attempt, 0, len(attempts))
	for _, a := range attempts {
		lines = append(lines, attempt{
			N: a.N, StartedAt: Micros(a.StartedAt), Took: int64(a.Took), Class: int(a.Class), Status: a.Status,
			Code: text(a.Code), RequestID: text(a.RequestID), Fault: text(a.Fault), Waited: int64(a.Waited),
		})
	}
	data, err := json.Marshal(lines)
	return string(data), err
}

// DecodeAttempts is the inverse of EncodeAttempts.
func DecodeAttempts(data *string) ([]payonce.Attempt, error) {
	if data == nil {
		return nil, nil
	}
	var lines []attempt
	if err := json.Unmarshal([]byte(*data), &lines); err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	attempts := make([]payonce.Attempt, 0, len(lines))
	for _, a := range lines {
		attempts = append(attempts, payonce.Attempt{
			N: a.N, StartedAt: FromMicros(a.StartedAt), Took: time.Duration(a.Took), Class: payonce.Class(a.Class), Status: a.Status,
			Code: string(a.Code), RequestID: string(a.RequestID), Fault: string(a.Fault), Waited: time.Duration(a.Waited),
		})
	}
	return attempts, nil
}

// Micros is a time in microseconds since 1970; 0 is no time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the inverse of Micros, in UTC.
func FromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
