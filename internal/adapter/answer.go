package adapter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/payonce/payonce"
)

// maxWait clamps absurd hints.
const maxWait = 30 * 24 * time.Hour

// RetryAfter reads the header of that name: seconds or a date (RFC 9110, section 10.2.3), clamped to 30 days.
func RetryAfter(res *payonce.Response) time.Duration {
	value := strings.TrimSpace(res.Header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return Until(res, at)
	}
	return 0
}

// Until is how long after the answer a time is, clamped to 30 days.
func Until(res *payonce.Response, at time.Time) time.Duration {
	return min(max(at.Sub(res.ReceivedAt), 0), maxWait)
}

// Transient says that the status alone makes another try worthwhile.
func Transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status <= 599
}

// Success says that the status is a 2xx.
func Success(status int) bool { return status >= 200 && status <= 299 }

// RequestID keeps what can be printed of a provider's id of a request.
func RequestID(id string) string {
	return Cut(strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, id), 100)
}
