// Package power_test takes the power away from the SQLite store.
//
// What real processes did to the disk was recorded, with what they were told in between. From the recording follow the images that a
// disk may hold when the power fails: what was flushed is there, of the rest anything. Each image is opened and judged.
//
// PAYONCE_IMAGES sets how many, PAYONCE_SEED the first seed. PAYONCE_STRACE=1 records the store as it is now, into the file that
// PAYONCE_TRACE names or else into testdata.
package power_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// defaultImages is how many images a plain `go test` opens.
const defaultImages = 100

// run judges images in the order of their moments, so that the trace is gone through once. After each it calls report.
func (w *workload) run(t *testing.T, images []*image, report func(*image, error)) {
	t.Helper()
	root := t.TempDir()
	slices.SortFunc(images, func(a, b *image) int { return a.point - b.point })
	d, p := newDisk(), newPromise()
	for _, i := range images {
		for d.at < i.point {
			e := &w.events[d.at]
			d.step(e)
			if e.Op == opSay {
				require.NoError(t, p.hear(e.Said), "event %d", d.at)
			}
		}
		dir := filepath.Join(root, strconv.FormatUint(i.seed, 10))
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, i.write(d, dir))
		report(i, p.judge(t, i, dir))
		require.NoError(t, os.RemoveAll(dir))
	}
}

func (w *workload) images(first, count int) (all []*image) {
	for n := range count {
		all = append(all, newImage(uint64(first+n), w))
	}
	return all
}

// TestMain lets garbage lie: an image is a few megabytes that are soon gone.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

func TestNoPowerLossLosesWhatWasAcknowledged(t *testing.T) {
	w := newWorkload(t, recorded(t))
	first, count := number(t, "PAYONCE_SEED", 1), number(t, "PAYONCE_IMAGES", defaultImages)
	require.Positive(t, count)
	t.Logf("PAYONCE_SEED=%d PAYONCE_IMAGES=%d, from %d events in %s", first, count, len(w.events), traceFile())
	parts := min(runtime.GOMAXPROCS(0), count)
	var judged atomic.Int64
	t.Run("images", func(t *testing.T) {
		for part := range parts {
			from, to := count*part/parts, count*(part+1)/parts
			t.Run(fmt.Sprint("part ", part+1), func(t *testing.T) {
				t.Parallel()
				w.run(t, w.images(first+from, to-from), func(i *image, err error) {
					judged.Add(1)
					assert.NoError(t, err, "%v\nagain: PAYONCE_SEED=%d PAYONCE_IMAGES=1 PAYONCE_TRACE=%s go test -run %s ./tests/power",
						i, i.seed, traceFile(), "TestNoPowerLossLosesWhatWasAcknowledged")
				})
			})
		}
	})
	assert.EqualValues(t, count, judged.Load())
}

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
