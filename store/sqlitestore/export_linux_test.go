package sqlitestore

// NetworkKind names a magic number.
func NetworkKind(magic uint32) string { return networkKind(magic) }

// NetworkFilesystem names what a directory is on.
func NetworkFilesystem(dir string) (string, error) { return networkFilesystem(dir) }
