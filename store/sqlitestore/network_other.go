//go:build !linux && !darwin && !windows

package sqlitestore

// networkFilesystem can't tell here.
func networkFilesystem(string) (string, error) { return "", nil }
