//go:build failpoint && unix

package crash_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAProcessStoppedAtEachPointHarmsNothingWhenItGoesOn stops it there for longer than its lease, and for longer than the key's life.
func TestAProcessStoppedAtEachPointHarmsNothingWhenItGoesOn(t *testing.T) {
	first, retry := passed(onFirst), passed(onRetry)
	abreast(t, stopsAtOnce, len(first), func(i int) {
		t.Run("across its lease, at "+first[i], func(t *testing.T) {
			s := &suspense{plan: first[i]}
			s.acrossLease(t)
			t.Log(s)
		})
	})
	abreast(t, stopsAtOnce, len(retry), func(i int) {
		t.Run("across the key's life, at "+retry[i], func(t *testing.T) {
			s := &suspense{plan: retry[i]}
			s.acrossKeyLife(t)
			t.Log(s)
			require.True(t, s.excused == 0 || retry[i] == "s7,s10", "only what was read before may leave")
		})
	})
}
