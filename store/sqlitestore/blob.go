package sqlitestore

import "fmt"

// blob is a column of bytes that tells null from empty, which database/sql does not.
type blob []byte

// Scan takes what the driver read.
func (b *blob) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*b = nil
	case []byte:
		*b = append(blob{}, v...)
	default:
		return fmt.Errorf("%T is no blob", src)
	}
	return nil
}
