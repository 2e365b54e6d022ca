package storage_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

func TestHeadersComeBackByteForByte(t *testing.T) {
	t.Parallel()
	for _, h := range []http.Header{
		nil, {}, {"A": nil}, {"B": {"2", "1", ""}, "A": {"ü"}}, {"raw": {"\xff", "a\x00b", `{"base64":"AA=="}`, "[", "\u2028"}},
	} {
		data, err := storage.EncodeHeader(h)
		require.NoError(t, err)
		back, err := storage.DecodeHeader(stored(t, data))
		require.NoError(t, err)
		require.Equal(t, len(h), len(back))
		assert.Equal(t, h == nil, back == nil)
		for name := range h {
			assert.ElementsMatch(t, h[name], back[name])
		}
	}
}

func TestHeadersAreStoredInOneOrder(t *testing.T) {
	t.Parallel()
	data, err := storage.EncodeHeader(http.Header{"B": {"2"}, "A": {"1", "\x00"}})
	require.NoError(t, err)
	assert.Equal(t, `[["A","1",{"base64":"AA=="}],["B","2"]]`, data, "no zero byte, which PostgreSQL refuses")
}

func TestAttemptsComeBack(t *testing.T) {
	t.Parallel()
	for _, attempts := range [][]payonce.Attempt{nil, {}, {{N: 1}}, {{
		N: 2, StartedAt: time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC), Took: 3, Class: payonce.ClassUnknown, Status: 409,
		Code: "c\x00", RequestID: "\xff", Fault: "reset", Waited: 4,
	}}} {
		data, err := storage.EncodeAttempts(attempts)
		require.NoError(t, err)
		back, err := storage.DecodeAttempts(stored(t, data))
		require.NoError(t, err)
		assert.Equal(t, attempts, back)
	}
}

func TestWhatIsDamagedIsSaid(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{", `[[]]`, `[[{"base64":"?"}]]`, `[[1]]`, `{}`} {
		_, err := storage.DecodeHeader(&data)
		require.ErrorContains(t, err, "header: ", "%q", data)
	}
	for _, data := range []string{"", "{", `[[]]`, `[{"n":"one"}]`, `{}`} {
		_, err := storage.DecodeAttempts(&data)
		require.ErrorContains(t, err, "attempts: ", "%q", data)
	}
}

// stored is what a database gives back.
func stored(t *testing.T, data any) *string {
	t.Helper()
	if data == nil {
		return nil
	}
	text, ok := data.(string)
	require.True(t, ok)
	return &text
}

// FuzzStoredJSON decodes what a damaged row may hold: it is refused, or comes back the same.
func FuzzStoredJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, data string) {
		if h, err := storage.DecodeHeader(&data); err == nil {
			again, err := storage.EncodeHeader(h)
			require.NoError(t, err)
			back, err := storage.DecodeHeader(stored(t, again))
			require.NoError(t, err)
			assert.Equal(t, h, back)
		}
		if attempts, err := storage.DecodeAttempts(&data); err == nil {
			again, err := storage.EncodeAttempts(attempts)
			require.NoError(t, err)
			back, err := storage.DecodeAttempts(stored(t, again))
			require.NoError(t, err)
			assert.Equal(t, attempts, back)
		}
	})
}
