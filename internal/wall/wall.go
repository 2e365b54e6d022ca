// Package wall is the wall clock, where tests set it.
package wall

import "time"

// Clock tells the wall's time, without the monotonic one.
type Clock func() time.Time

// Now is the machine's.
func Now() time.Time { return time.Now().Round(0).UTC() }

// Of returns the clock that a test's key store brings along, so that two clients of one store can have two clocks; otherwise Now.
func Of(store any) Clock {
	if s, ok := store.(interface{ WallClock() Clock }); ok {
		return s.WallClock()
	}
	return Now
}
