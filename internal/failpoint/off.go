//go:build !failpoint || !unix

package failpoint

// Hit does nothing in what is shipped; the compiler removes it.
func Hit(Point) {}
