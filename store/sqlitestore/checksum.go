package sqlitestore

import (
	"hash/crc32"
	"strconv"
)

// checksum is a CRC of columns in its low half and of a body, which may be purged, in its high one. A disk that returns something
// else than was written is noticed when the row is read: SQLite checks the structure of its pages, not their content.
func checksum(columns []any, body []byte) int64 {
	var text []byte
	for _, column := range columns {
		switch v := column.(type) {
		case int64:
			text = strconv.AppendInt(append(text, 'i'), v, 10)
		case bool:
			text = strconv.AppendBool(append(text, 'b'), v)
		case string:
			text = append(length(text, 's', len(v)), v...)
		case []byte:
			text = append(length(text, 'x', len(v)), v...)
		default:
			text = append(text, '-')
		}
	}
	return int64(crc32.ChecksumIEEE(text)) | int64(crc32.ChecksumIEEE(body))<<32
}

// length keeps a column from running into the next one.
func length(text []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(text, kind), int64(n), 10), ':')
}

// sameChecksum compares, but for the body's half if the body is gone.
func sameChecksum(a, b int64, bodyGone bool) bool {
	const columns = 1<<32 - 1
	return a == b || (bodyGone && a&columns == b&columns)
}
