package storage_test

import (
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/storage"
)

// write is a request of some bytes; a negative number of them goes alone.
type write int

func (w write) weight() (bytes int, alone bool) { return max(int(w), -int(w)), w < 0 }

func TestWhatIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	limit := storage.Limit{Requests: 3, Bytes: 10}
	for name, c := range map[string]struct{ pushed, first, second []write }{
		"all that wait":                {[]write{1, 2, 3}, []write{1, 2, 3}, nil},
		"no more than the limit":       {[]write{1, 1, 1, 2}, []write{1, 1, 1}, []write{2}},
		"no more bytes together":       {[]write{4, 6, 1}, []write{4, 6}, []write{1}},
		"more bytes if it is one":      {[]write{11, 1}, []write{11}, []write{1}},
		"alone at first":               {[]write{-1, 2}, []write{-1}, []write{2}},
		"alone after others":           {[]write{2, -1, 3}, []write{2}, []write{-1}},
		"nothing, when it is all over": {nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := storage.NewQueue(limit, write.weight)
			for _, w := range c.pushed {
				require.NoError(t, q.Push(w))
			}
			assert.Equal(t, len(c.pushed), q.Len())
			assert.False(t, q.Over())
			q.Close()
			assert.True(t, q.Over())
			assert.Equal(t, c.first, q.Take())
			assert.Equal(t, c.second, q.Take())
		})
	}
}

func TestTakeWaitsForARequestOrTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := storage.NewQueue(storage.Limit{Requests: 3}, func(int) (bytes int, alone bool) { return 0, false })
		taken := make(chan []int, 2)
		go func() { taken <- q.Take(); taken <- q.Take() }()
		synctest.Wait()
		require.Empty(t, taken)
		require.NoError(t, q.Push(1))
		assert.Equal(t, []int{1}, <-taken)
		q.Close()
		assert.Empty(t, <-taken)
		require.ErrorIs(t, q.Push(2), fs.ErrClosed)
	})
}

func TestTooManyAreRefusedAndNoneIsLost(t *testing.T) {
	t.Parallel()
	q := storage.NewQueue(storage.Limit{Requests: 1 << 20}, func(int) (bytes int, alone bool) { return 0, false })
	accepted := 0
	for q.Push(accepted) == nil {
		accepted++
	}
	assert.Equal(t, 1<<16, accepted)
	require.ErrorContains(t, q.Push(0), "too many writes wait")
	assert.Len(t, q.Take(), accepted)
	require.NoError(t, q.Push(0))
}
