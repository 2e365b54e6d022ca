package pgstore

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
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

// micros rounds up, so that no lease is shorter than was asked for.
func micros(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d-1)/time.Microsecond) + 1
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
