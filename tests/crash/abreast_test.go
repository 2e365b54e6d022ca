//go:build unix

package crash_test

import (
	"sync"
	"testing"
)

// abreast runs subtests side by side, more of them than there are cores: most of the time they wait for processes, disks and clocks.
func abreast(t *testing.T, width, count int, run func(i int)) {
	t.Helper()
	free := make(chan struct{}, width)
	var all sync.WaitGroup
	for i := range count {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			run(i)
		})
	}
	all.Wait()
}
