package elebne

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Quantity is how many pieces are in stock. The zero value says nothing; Pieces and Unlimited make one that does.
// Source: https://docs.staging.elebne.ai/en/docs/store-api/products.
type Quantity struct {
	told, limited bool
	pieces        int64
}

// Pieces is a stock of n, 0 for sold out.
func Pieces(n int64) Quantity { return Quantity{told: true, limited: true, pieces: n} }

// Unlimited is a stock that does not run out.
func Unlimited() Quantity { return Quantity{told: true} }

// IsZero says that nothing is said.
func (q Quantity) IsZero() bool { return !q.told }

// Count returns the number of pieces; false if it is unlimited or nothing is said.
func (q Quantity) Count() (pieces int64, limited bool) { return q.pieces, q.limited }

// MarshalJSON writes null for a stock that is unlimited.
func (q Quantity) MarshalJSON() ([]byte, error) {
	if !q.limited {
		return []byte("null"), nil
	}
	return json.Marshal(q.pieces)
}

// UnmarshalJSON reads a whole number or null. Anything else says nothing: it must not make a product unreadable.
func (q *Quantity) UnmarshalJSON(text []byte) error {
	var n *int64
	switch err := json.Unmarshal(text, &n); {
	case err != nil:
		*q = Quantity{}
	case n == nil:
		*q = Unlimited()
	default:
		*q = Pieces(*n)
	}
	return nil
}

func (q Quantity) check(p *adapter.Problems, field string) {
	if q.pieces < 0 {
		p.Add(field, "must not be negative, is %d", q.pieces)
	}
}

// StockParams asks to set the stock of a product, of its variants, or both. What is set is the number itself, not a difference: a
// repeat has no second effect, but a late one can undo a newer change.
// Source: https://docs.staging.elebne.ai/docs/store-api/inventory.
type StockParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the product needs another one.
	Reference string
	// ProductID is Elebne's id or the product's ExternalID. Required; it may not have one of /\?#%; in it.
	ProductID string
	// Quantity is the product's stock. The zero value leaves it out.
	Quantity Quantity
	// Variants are the stocks of variants.
	Variants []VariantStock
	// NotAfter: not set for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// VariantStock is the stock of one variant.
type VariantStock struct {
	// Label is the variant's, whatever its case. Required.
	Label string `json:"label"`
	// Quantity is required.
	Quantity Quantity `json:"quantity"`
}

// VariantStockParams asks to set the stock of one variant by its id. Elebne documents the path
// (https://docs.staging.elebne.ai/en/docs/reference/idempotency) but not the body, which is assumed to be {"quantity": n}.
type VariantStockParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the variant needs another one.
	Reference string
	// ProductID and VariantID are Elebne's. Required.
	ProductID, VariantID string
	// Quantity is required.
	Quantity Quantity
	// NotAfter: not set for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

type wireStock struct {
	Quantity Quantity       `json:"quantity,omitzero"`
	Variants []VariantStock `json:"variants,omitempty"`
}

func (d *dialect) setStock(params StockParams) (payonce.Operation, error) {
	var p adapter.Problems
	checkProductID(&p, params.ProductID)
	if params.Quantity.IsZero() && len(params.Variants) == 0 {
		p.Add("Quantity", "is required, or Variants")
	}
	params.Quantity.check(&p, "Quantity")
	seen := map[string]bool{}
	for _, v := range params.Variants {
		p.Require("Variants.Label", v.Label)
		requireQuantity(&p, "Variants.Quantity", v.Quantity)
		label := strings.ToLower(v.Label)
		if seen[label] {
			p.Add("Variants", "has a label twice; Elebne takes no notice of its case")
		}
		seen[label] = true
	}
	return d.write(&p, payonce.Operation{
		Kind: kindSetStock, Reference: params.Reference, Method: http.MethodPatch, Path: under(products, params.ProductID, "/stock"),
		Body: wireStock{params.Quantity, params.Variants}, NotAfter: params.NotAfter,
	})
}

func (d *dialect) setVariantStock(params VariantStockParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("ProductID", params.ProductID)
	p.PathID("VariantID", params.VariantID)
	requireQuantity(&p, "Quantity", params.Quantity)
	return d.write(&p, payonce.Operation{
		Kind: kindSetVariantStock, Reference: params.Reference, Method: http.MethodPatch,
		Path: under(products, params.ProductID, under("/variants", params.VariantID, "/stock")),
		Body: wireStock{Quantity: params.Quantity}, NotAfter: params.NotAfter,
	})
}

func requireQuantity(p *adapter.Problems, field string, q Quantity) {
	if q.IsZero() {
		p.Add(field, "is required: Pieces(n) or Unlimited()")
	}
	q.check(p, field)
}

// checkProductID takes what may be the merchant's own id, but nothing that somebody on the way could read as another path.
func checkProductID(p *adapter.Problems, id string) {
	p.Require("ProductID", id)
	switch n := utf8.RuneCountInString(id); {
	case n > maxExternalID:
		p.Add("ProductID", "must have at most %d characters, has %d", maxExternalID, n)
	case id == ".", id == "..", !utf8.ValidString(id), strings.ContainsAny(id, `/\?#%;`), strings.ContainsFunc(id, isControl):
		p.Add("ProductID", `can't be a part of a path: it has a control character or one of /\?#%%;, or is . or ..`)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
