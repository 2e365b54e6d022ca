//go:build !failpoint && unix

package crash_test

const hasPoints = false
