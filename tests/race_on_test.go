//go:build race

package tests

const defaultSchedules = 200
