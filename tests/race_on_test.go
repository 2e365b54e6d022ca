//go:build race

package tests_test

const (
	defaultSchedules = 200
	// floodLimit leaves room for the detector, whose programs are slow to collect garbage.
	floodLimit = 128.0
)
