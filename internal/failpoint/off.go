//go:build !failpoint

package failpoint

// Hit does nothing in what is shipped; the compiler removes it.
func Hit(Point) {}
