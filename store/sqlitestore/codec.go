package sqlitestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
)

// micros is a time as it is stored; 0 is no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// blob is a column of bytes that tells null from empty, which database/sql does not.
type blob []byte

// Scan takes what the driver read.
func (b *blob) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*b = nil
	case []byte:
		*b = append(blob{}, v...)
	default:
		return fmt.Errorf("%T is no blob", src)
	}
	return nil
}

// value is a copy of bytes as an argument: nil becomes null.
func value[B ~[]byte](b B) any {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// text is a string that survives JSON byte for byte: what is not UTF-8 becomes {"base64": …}.
type text string

type notUTF8 struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON keeps bytes that encoding/json would replace.
func (s text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	return json.Marshal(notUTF8{Base64: []byte(s)})
}

// UnmarshalJSON reads both forms.
func (s *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var raw notUTF8
		err := json.Unmarshal(data, &raw)
		*s = text(raw.Base64)
		return err
	}
	return json.Unmarshal(data, (*string)(s))
}

// encodeHeader returns [[name, value, …], …] in the order of names; nil for nil.
func encodeHeader(h http.Header) (any, error) {
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

func decodeHeader(data *string) (http.Header, error) {
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
	StartedAt int64 `json:"at,omitzero"`   // microseconds
	Took      int64 `json:"took,omitzero"` // nanoseconds
	Class     int   `json:"class,omitzero"`
	Status    int   `json:"status,omitzero"`
	Code      text  `json:"code,omitzero"`
	RequestID text  `json:"request,omitzero"`
	Fault     text  `json:"fault,omitzero"`
	Waited    int64 `json:"waited,omitzero"` // nanoseconds
}

func encodeAttempts(attempts []payonce.Attempt) (any, error) {
	if attempts == nil {
		return nil, nil
	}
	lines := make([]attempt, 0, len(attempts))
	for _, a := range attempts {
		lines = append(lines, attempt{
			N: a.N, StartedAt: micros(a.StartedAt), Took: int64(a.Took), Class: int(a.Class), Status: a.Status,
			Code: text(a.Code), RequestID: text(a.RequestID), Fault: text(a.Fault), Waited: int64(a.Waited),
		})
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
	for _, a := range lines {
		attempts = append(attempts, payonce.Attempt{
			N: a.N, StartedAt: fromMicros(a.StartedAt), Took: time.Duration(a.Took), Class: payonce.Class(a.Class), Status: a.Status,
			Code: string(a.Code), RequestID: string(a.RequestID), Fault: string(a.Fault), Waited: time.Duration(a.Waited),
		})
	}
	return attempts, nil
}
