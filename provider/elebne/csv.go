package elebne

import (
	"bytes"
	"net/http"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// ImportParams asks to import products from a CSV file. Its columns are name, price, description, sku, quantity and image_url, the first
// two required; a price is decimal ouguiya there, 500.00, and not centimes. A sku matches existing products.
// Source: https://docs.staging.elebne.ai/en/docs/store-api/csv-import.
type ImportParams struct {
	// Reference is the merchant's own id of this import. Required.
	Reference string
	// CSV is the file. It is sent as it is, byte for byte, with Content-Type text/csv: how Elebne wants it is not documented.
	// At most 8 MiB.
	CSV []byte
	// NotAfter: not imported for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// CSVTemplate is an empty file to fill in.
type CSVTemplate struct {
	CSV      string `json:"csv"`
	Filename string `json:"filename"`
}

// importCSV encodes the one import call that the page on idempotency lists. Another page tells of a preview and a confirmation, whose
// paths are not known.
func (d *dialect) importCSV(params ImportParams) (payonce.Operation, error) {
	var p adapter.Problems
	if len(bytes.TrimSpace(params.CSV)) == 0 {
		p.Require("CSV", "")
	}
	return d.write(&p, payonce.Operation{
		Kind: kindImportProducts, Reference: params.Reference, Path: products + "/import-csv", Header: http.Header{"Content-Type": {"text/csv"}},
		Body: params.CSV, NotAfter: params.NotAfter,
	})
}
