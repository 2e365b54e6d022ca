package elebne

import (
	"net/url"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Order is what a buyer ordered in the merchant's store. What the documentation names is here; the rest is in Result.Raw.
// Source: https://docs.staging.elebne.ai/en/docs/store-api/orders.
type Order struct {
	// ReferenceNumber is Elebne's number, such as EL-3….
	ReferenceNumber string      `json:"referenceNumber"`
	Status          OrderStatus `json:"status"`
	// Items are as received.
	Items       payonce.Raw `json:"-"`
	TotalAmount Centimes    `json:"totalAmount"`
	ShopID      string      `json:"shopId"`
	ShopName    string      `json:"shopName"`
	// CustomerName and CustomerPhone are the buyer's, the number in full; both print as [secret].
	CustomerName  payonce.Secret `json:"customerName"`
	CustomerPhone payonce.Secret `json:"customerPhone"`
	CreatedAt     Timestamp      `json:"createdAt"`
}

// UnmarshalJSON reads an order.
func (o *Order) UnmarshalJSON(text []byte) error {
	type fields Order // has no UnmarshalJSON
	var wire fields
	if _, err := adapter.Decode(text, &wire); err != nil {
		return err
	}
	*o = Order(wire)
	o.Items = payonce.Raw(adapter.ObjectOf(text)["items"])
	return nil
}

// OrderList is one page of orders.
type OrderList = List[Order]

// ListOrdersParams says which orders to list. The zero value is the first page of all.
type ListOrdersParams struct {
	// Status selects one state.
	Status OrderStatus
	// Page is the page, from 1. 0 leaves it out.
	Page int
}

func (params *ListOrdersParams) query() (payonce.Query, error) {
	var p adapter.Problems
	values := url.Values{}
	if params.Status != "" {
		values.Set("status", string(params.Status))
	}
	addPage(&p, values, params.Page)
	return payonce.Query{Kind: kindListOrders, Path: withQuery(orders, values)}, p.Err()
}
