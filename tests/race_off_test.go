//go:build !race

package tests_test

const defaultSchedules = 2000
