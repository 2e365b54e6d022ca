package power_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostSeeds is how many images are looked at, those aside that keep what was not flushed.
const mostSeeds = 200

// A disk on which flushes are missing loses what was acknowledged. The judge must see that, or it would not see it in the product.
func TestAStoreThatDoesNotFlushIsCaught(t *testing.T) {
	events := recorded(t)
	sync := func(e *event, name string) bool { return e.Op == opSync && e.Name == name }
	for what, c := range map[string]struct {
		drop func(n int, e *event) bool
		seen string
	}{
		"no flush at all, as with synchronous=off": {
			func(_ int, e *event) bool { return e.Op == opSync }, lostMark,
		},
		"no flush of commits, as with synchronous=normal": {func(n int, e *event) bool {
			next := events[min(n+1, len(events)-1)]
			return sync(e, database+"-wal") && next.Op != opWrite // before a checkpoint, or after the header of a new -wal file
		}, lostMark},
		"no flush of the database before its -wal file is begun anew": {
			func(_ int, e *event) bool { return sync(e, database) }, refusedMark,
		},
		"no flush of the database's directory": {
			func(_ int, e *event) bool { return sync(e, "data") }, lostMark,
		},
		"no flush of the directory above": {
			func(_ int, e *event) bool { return sync(e, ".") }, lostMark,
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorkload(t, without(events, c.drop))
			require.Less(t, len(w.events), len(events))
			for first := 1; first < mostSeeds; first += 20 {
				images := slices.DeleteFunc(w.images(first, 20), func(i *image) bool { return i.keeps != keepsNothing })
				var seen error
				w.run(t, images, func(_ *image, err error) {
					if err != nil && strings.Contains(err.Error(), c.seen) {
						seen = err
					}
				})
				if seen != nil {
					t.Logf("seen up to seed %d: %.200s", first+19, strings.ReplaceAll(seen.Error(), "\n", "; "))
					return
				}
			}
			t.Fatalf("%d seeds, and the judge saw nothing", mostSeeds)
		})
	}
}
