package adapter_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

const month = 30 * 24 * time.Hour

var receivedAt = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	date := func(d time.Duration) string { return receivedAt.Add(d).Format(http.TimeFormat) }
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "23": 23 * time.Second, " 23 ": 23 * time.Second, "-5": 0, "soon": 0, "1.5": 0, "1e3": 0,
		"2592000": month, "2592001": month, "99999999999999999999": month, "-99999999999999999999": 0,
		date(42 * time.Second): 42 * time.Second, date(-time.Hour): 0, date(100 * month): month,
	} {
		res := &payonce.Response{Header: http.Header{"Retry-After": {value}}, ReceivedAt: receivedAt}
		assert.Equal(t, want, adapter.RetryAfter(res), value)
	}
	assert.Zero(t, adapter.RetryAfter(&payonce.Response{}))
}

func TestUntilIsNeverInThePastAndNeverForEver(t *testing.T) {
	t.Parallel()
	res := &payonce.Response{ReceivedAt: receivedAt}
	for at, want := range map[time.Time]time.Duration{
		receivedAt: 0, receivedAt.Add(-1): 0, receivedAt.Add(time.Minute): time.Minute, receivedAt.Add(2 * month): month,
		{}: 0, time.Unix(1<<60, 0): month,
	} {
		assert.Equal(t, want, adapter.Until(res, at), at)
	}
}

func TestWhatAStatusAloneSays(t *testing.T) {
	t.Parallel()
	for status := range 700 {
		transient := status == 408 || status == 425 || status == 429 || status/100 == 5
		assert.Equal(t, transient, adapter.Transient(status), status)
		assert.Equal(t, status/100 == 2, adapter.Success(status), status)
	}
}

func TestARequestIDIsPrintableAndShort(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"": "", "req-1": "req-1", "r\x00 1\n": "r1", "a\x1b[31mb": "a[31mb", "ä": "", "\xff": "", strings.Repeat("x", 100): strings.Repeat("x", 100),
		strings.Repeat("x", 101): strings.Repeat("x", 99) + "…",
	} {
		assert.Equal(t, want, adapter.RequestID(id))
	}
}
