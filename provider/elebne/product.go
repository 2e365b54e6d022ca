package elebne

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Product is something that the merchant's store sells. In a request a field with its zero value is left out. An answer is assumed to
// have the same fields, and the rest is in Result.Raw. Source: https://docs.staging.elebne.ai/en/docs/store-api/products.
type Product struct {
	// ID is Elebne's id; leave it empty in requests.
	ID string `json:"id,omitempty"`
	// Name and Price are required of a new product.
	Name  string   `json:"name,omitempty"`
	Price Centimes `json:"price,omitempty"`
	// Description and CategoryID are optional.
	Description string `json:"description,omitempty"`
	CategoryID  string `json:"categoryId,omitempty"`
	// ExternalID is the merchant's own id (SKU), at most 256 characters. CSV imports match by it.
	ExternalID string `json:"externalId,omitempty"`
	// Quantity is the stock.
	Quantity Quantity `json:"quantity,omitzero"`
	// Status is ProductDisabled for a new product unless told otherwise: it is not on sale.
	Status ProductStatus `json:"status,omitempty"`
	// FlexiblePrice lets the buyer choose the price. nil leaves it out.
	FlexiblePrice *bool `json:"isFlexiblePrice,omitempty"`
	// CostBasis is what the product cost the merchant.
	CostBasis       Centimes        `json:"costBasis,omitempty"`
	Images          []Image         `json:"images,omitempty"`
	Variants        []Variant       `json:"variants,omitempty"`
	Options         []ProductOption `json:"options,omitempty"`
	PreparationTime PreparationTime `json:"preparationTime,omitzero"`
}

// Image is a picture of a product.
type Image struct {
	// URL is required.
	URL       string `json:"url"`
	SortOrder int    `json:"sortOrder,omitempty"`
}

// Variant is one form of a product.
type Variant struct {
	// ID is Elebne's id, in answers; that it is called so is assumed.
	ID string `json:"id,omitempty"`
	// Type is VariantColor, VariantSize or the merchant's own word. Type and Label are required.
	Type  VariantType `json:"type"`
	Label string      `json:"label"`
	Value string      `json:"value,omitempty"`
	// PriceAdjustment is added to the product's price.
	PriceAdjustment Centimes `json:"priceAdjustment,omitempty"`
	Quantity        Quantity `json:"quantity,omitzero"`
}

// VariantType says in what the variants of a product differ. The set is open.
type VariantType string

// The documented types.
const (
	VariantColor VariantType = "COLOR"
	VariantSize  VariantType = "SIZE"
)

// ProductOption is something that a buyer may add to a product.
type ProductOption struct {
	// Name is required.
	Name string `json:"name"`
	// PriceAdjustment is added to the product's price. It is always sent.
	PriceAdjustment Centimes `json:"priceAdjustment"`
}

// PreparationTime is how long a product takes. The zero value says nothing.
type PreparationTime struct {
	Value int      `json:"value"`
	Unit  TimeUnit `json:"unit"`
}

// TimeUnit is a unit of time.
type TimeUnit string

// The documented units.
const (
	Minutes TimeUnit = "minutes"
	Hours   TimeUnit = "hours"
	Days    TimeUnit = "days"
)

// CreateProductParams asks for a new product.
type CreateProductParams struct {
	// Reference is the merchant's own id of this creation. Required.
	Reference string
	// Product is what to create; Name and Price are required.
	Product Product
	// NotAfter: not created for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// UpdateProductParams asks to change a product.
type UpdateProductParams struct {
	// Reference is the merchant's own id of this change. Required; the next change of the product needs another one.
	Reference string
	// ProductID is Elebne's id. Required.
	ProductID string
	// Product is what to send. The body is not documented: it is assumed to have the fields of a new product. Whether what is left out
	// stays or is reset is not documented either, so send everything that shall stand.
	Product Product
	// NotAfter: not changed for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// DeleteProductParams asks to delete a product.
type DeleteProductParams struct {
	// Reference is the merchant's own id of this deletion. Required.
	Reference string
	// ProductID is Elebne's id. Required.
	ProductID string
	// NotAfter: not deleted for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

func (d *dialect) createProduct(params CreateProductParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Product.Name", params.Product.Name)
	if params.Product.Price == 0 {
		p.Add("Product.Price", "is required: at least 1 centime")
	}
	params.Product.check(&p)
	return d.write(&p, payonce.Operation{
		Kind: kindCreateProduct, Reference: params.Reference, Path: products, Body: params.Product, NotAfter: params.NotAfter,
	})
}

func (d *dialect) updateProduct(params UpdateProductParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("ProductID", params.ProductID)
	params.Product.check(&p)
	return d.write(&p, payonce.Operation{
		Kind: kindUpdateProduct, Reference: params.Reference, Method: http.MethodPut, Path: under(products, params.ProductID, ""),
		Body: params.Product, NotAfter: params.NotAfter,
	})
}

// deleteProduct takes a 2xx without a body for whole: the answer to a deletion is not documented.
func (d *dialect) deleteProduct(params DeleteProductParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.PathID("ProductID", params.ProductID)
	return d.write(&p, payonce.Operation{
		Kind: kindDeleteProduct, Reference: params.Reference, Method: http.MethodDelete, Path: under(products, params.ProductID, ""),
		EmptyOK: true, NotAfter: params.NotAfter,
	})
}

const maxExternalID = 256

// check finds what is wrong with the fields that are set.
func (pr *Product) check(p *adapter.Problems) {
	if pr.ID != "" {
		p.Add("Product.ID", "is Elebne's to give")
	}
	if pr.Price < 0 {
		p.Add("Product.Price", "must be at least 1 centime, is %d", pr.Price)
	}
	if pr.CostBasis < 0 {
		p.Add("Product.CostBasis", "must not be negative, is %d", pr.CostBasis)
	}
	if n := utf8.RuneCountInString(pr.ExternalID); n > maxExternalID {
		p.Add("Product.ExternalID", "must have at most %d characters, has %d", maxExternalID, n)
	}
	if pr.Status != "" && pr.Status != ProductActive && pr.Status != ProductDisabled {
		p.Add("Product.Status", "must be %s or %s", ProductActive, ProductDisabled)
	}
	pr.Quantity.check(p, "Product.Quantity")
	for _, image := range pr.Images {
		p.Require("Product.Images.URL", image.URL)
	}
	for _, v := range pr.Variants {
		p.Require("Product.Variants.Type", string(v.Type))
		p.Require("Product.Variants.Label", v.Label)
		v.Quantity.check(p, "Product.Variants.Quantity")
	}
	for _, option := range pr.Options {
		p.Require("Product.Options.Name", option.Name)
	}
	pr.PreparationTime.check(p)
}

func (t PreparationTime) check(p *adapter.Problems) {
	if t == (PreparationTime{}) {
		return
	}
	if t.Value < 0 {
		p.Add("Product.PreparationTime.Value", "must not be negative, is %d", t.Value)
	}
	if t.Unit != Minutes && t.Unit != Hours && t.Unit != Days {
		p.Add("Product.PreparationTime.Unit", "must be %s, %s or %s", Minutes, Hours, Days)
	}
}
