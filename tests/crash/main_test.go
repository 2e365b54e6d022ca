//go:build unix

package crash_test

import (
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain is also where a child process begins, and ends.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // net/http's remarks on broken connections
	if text := os.Getenv(errandVariable); text != "" {
		runErrand(text)
		return
	}
	m.Run()
}

// number reads a size or a seed from the environment.
func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// seed is the test's first seed: a new one each time, unless the environment has one.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := number(t, "PAYONCE_SEED", int(time.Now().UnixNano()%1e9))
	t.Logf("PAYONCE_SEED=%d", s)
	return uint64(s)
}

// pause lets real time pass.
func pause(d time.Duration) { <-time.NewTimer(d).C }
