package sqlitestore

import "io/fs"

// inspectOwner is left to the access control list of the directory.
func inspectOwner(string, fs.FileInfo) error { return nil }
