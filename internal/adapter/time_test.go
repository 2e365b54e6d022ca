package adapter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce/internal/adapter"
)

func TestTimesAreReadOrZero(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-11-22T12:00:00Z"`: noon, `"2026-11-22T13:00:00+01:00"`: noon, `"2026-11-22t12:00:00z"`: noon, `"2026-11-22"`: noon.Add(-12 * time.Hour),
		`"noon"`: {}, `""`: {}, `12`: {}, `null`: {}, `{`: {}, ``: {},
	} {
		assert.Equal(t, want, adapter.Time([]byte(text), time.RFC3339Nano, time.DateOnly), text)
	}
}
