//go:build !race

package tests_test

const (
	defaultSchedules = 2000
	// floodLimit is what four answers without end may take, in MiB.
	floodLimit = 64.0
)
