package storage

import (
	"fmt"

	"github.com/payonce/payonce"
)

// Bytes is a copy of bytes as an argument of a statement: nil becomes null, empty stays empty.
func Bytes[B ~[]byte](b B) any {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// PreparedOnly refuses, for an insert in the merchant's transaction, records that somebody may have sent.
func PreparedOnly(rec *payonce.Record) error {
	if rec == nil || !rec.Prepared || rec.Version != 0 || rec.Sent != 0 || rec.State != payonce.StateOpen {
		return fmt.Errorf("the record is not as Prepare made it: %w", payonce.ErrInvalid)
	}
	return nil
}
