// Package failpoint names the places at which tests kill or stop the process. Only binaries that were built with the tag failpoint have
// them.
package failpoint

// Point is a moment in the life of an operation, in the order of docs/reliability.md.
type Point string

// The crash points. The others are moments of the connection or of the server: tests see those from outside.
const (
	Submitted Point = "s0"  // the caller has called
	Drafted   Point = "s1"  // key and hashes are made
	Inserting Point = "s2"  // the insert is not committed
	Inserted  Point = "s3"  // the insert is committed
	Leased    Point = "s5"  // a record of somebody else's is taken over
	Gated     Point = "s6"  // the time to send was checked
	Marked    Point = "s7"  // the mark of another attempt is committed
	Connected Point = "s8"  // there is a connection
	Leaving   Point = "s9"  // the body is first read
	Left      Point = "s10" // the body was read to its end
	Answered  Point = "s12" // the status line was read
	Read      Point = "s14" // the answer was read to its end
	Storing   Point = "s15" // the outcome is about to be committed
	Stored    Point = "s16" // the outcome is committed
	Telling   Point = "s17" // the caller is about to be told
	Released  Point = "s18" // the lease was given back
	Purged    Point = "s19" // the bodies were purged
)

// Points are all of them, in their order.
func Points() []Point {
	return []Point{
		Submitted, Drafted, Inserting, Inserted, Leased, Gated, Marked, Connected, Leaving, Left, Answered, Read, Storing, Stored,
		Telling, Released, Purged,
	}
}
