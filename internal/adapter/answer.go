package adapter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

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

// Message makes a provider's text fit for errors and logs: short, printable, without what looks private.
func Message(text string) string { return Cut(Redact(text), 200) }

// Code makes a provider's code fit for errors and logs.
func Code(text string) string { return Cut(Redact(text), 60) }

// Redact takes out the words that look like account numbers, tokens or addresses rather than language, and what can't be printed.
func Redact(text string) string {
	words := strings.Fields(strings.ToValidUTF8(text, "\uFFFD"))
	for i, word := range words {
		words[i] = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, word)
		if looksPrivate(word) {
			words[i] = "[…]"
		}
	}
	return strings.Join(words, " ")
}

func looksPrivate(word string) bool {
	if uuid.Validate(strings.Trim(word, `.,;:'"()`)) == nil {
		return false
	}
	digits := 0
	for _, r := range word {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return len(word) > 60 || digits > 5 || strings.Contains(word, "@")
}

// Cut shortens to n runes.
func Cut(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
