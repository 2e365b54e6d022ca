package simulator

import (
	"cmp"
	"encoding/hex"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
)

// An elebneProduct is one product as the provider knows it.
type elebneProduct struct {
	id   string
	live bool
	doc  map[string]any
}

// elebneProductRule is the body of a create, or of an update. That an update may
// leave out anything is assumed.
func elebneProductRule(create bool) rule {
	adjustment := integer{min: math.MinInt64}
	return object{
		{"name", create, text{min: 1}},
		{"price", create, integer{min: 1}},
		may("description", text{}),
		may("categoryId", text{}),
		may("externalId", text{max: 256}),
		may("quantity", integer{}),
		may("status", text{enum: []string{"ACTIVE", "DISABLED"}}),
		may("isFlexiblePrice", boolean{}),
		may("costBasis", integer{}),
		may("images", list{items: object{need("url", text{}), may("sortOrder", integer{})}}),
		may("variants", list{items: object{
			need("type", text{}), need("label", text{}), may("value", text{}), may("priceAdjustment", adjustment), may("quantity", integer{}),
		}}),
		may("options", list{items: object{need("name", text{}), need("priceAdjustment", adjustment)}}),
		may("preparationTime", object{need("value", integer{}), need("unit", text{enum: []string{"minutes", "hours", "days"}})}),
	}
}

func elebneStockRule() rule {
	return object{
		may("quantity", integer{}),
		may("variants", list{items: object{need("label", text{}), need("quantity", integer{})}}),
	}
}

func (s *Elebne) createProduct(q *elebneQuery) answer {
	p := &elebneProduct{id: newMongoID(), live: q.live, doc: map[string]any{"status": "DISABLED"}}
	s.products = append(s.products, p)
	return s.changeProduct(q, p, http.StatusCreated, "product")
}

func (s *Elebne) updateProduct(q *elebneQuery) answer {
	p := s.product(q)
	if p == nil {
		return elebneNotFound("Product")
	}
	return s.changeProduct(q, p, http.StatusOK, "product_update")
}

// changeProduct takes over the members that came.
func (s *Elebne) changeProduct(q *elebneQuery, p *elebneProduct, status int, kind string) answer {
	maps.Copy(p.doc, q.doc)
	p.doc["id"] = p.id
	for _, v := range p.variants() {
		v["id"] = cmp.Or(textAt(v, "id"), newMongoID())
	}
	s.record(q, Entry{Kind: kind, ID: p.id, Reference: textAt(p.doc, "externalId")})
	return elebneData(status, p.doc)
}

func (s *Elebne) deleteProduct(q *elebneQuery) answer {
	p := s.product(q)
	if p == nil {
		return elebneNotFound("Product")
	}
	s.products = slices.DeleteFunc(s.products, func(other *elebneProduct) bool { return other == p })
	s.record(q, Entry{Kind: "product_deletion", ID: p.id})
	return elebneData(http.StatusOK, map[string]any{})
}

// product finds a product by its id or, as documented of stock and assumed of
// the rest, by its external one.
func (s *Elebne) product(q *elebneQuery) *elebneProduct {
	for _, p := range s.products {
		if p.live == q.live && (p.id == q.ids[0] || textAt(p.doc, "externalId") == q.ids[0]) {
			return p
		}
	}
	return nil
}

// variants are the product's, which share memory with it.
func (p *elebneProduct) variants() (all []map[string]any) {
	items, _ := p.doc["variants"].([]any)
	for _, item := range items {
		if v, ok := item.(map[string]any); ok {
			all = append(all, v)
		}
	}
	return all
}

// variant finds a variant by a member, whatever the case of its letters.
func (p *elebneProduct) variant(member, value string) map[string]any {
	for _, v := range p.variants() {
		if strings.EqualFold(textAt(v, member), value) {
			return v
		}
	}
	return nil
}

func (s *Elebne) setStock(q *elebneQuery) answer {
	p := s.product(q)
	if p == nil {
		return elebneNotFound("Product")
	}
	changes := map[string]map[string]any{} // what to take over, by the label as it was sent
	items, _ := q.doc["variants"].([]any)
	for _, item := range items {
		change, _ := item.(map[string]any)
		label := textAt(change, "label")
		if p.variant("label", label) == nil {
			return elebneInvalid(map[string][]string{"variants": {"There is no variant " + label + "."}})
		}
		changes[label] = change
	}
	for label, change := range changes {
		p.variant("label", label)["quantity"] = change["quantity"]
	}
	maps.Copy(p.doc, pick(q.doc, "quantity"))
	s.record(q, Entry{Kind: "stock", ID: p.id})
	return elebneData(http.StatusOK, p.doc)
}

// setVariantStock takes {quantity}, which is assumed, and answers as setStock.
func (s *Elebne) setVariantStock(q *elebneQuery) answer {
	p := s.product(q)
	if p == nil {
		return elebneNotFound("Product")
	}
	v := p.variant("id", q.ids[1])
	if v == nil {
		return elebneNotFound("Variant")
	}
	v["quantity"] = q.doc["quantity"]
	s.record(q, Entry{Kind: "stock", ID: p.id})
	return elebneData(http.StatusOK, p.doc)
}

// importCSV takes whatever comes: neither the parameters nor the answer are
// documented. It makes no product.
func (s *Elebne) importCSV(q *elebneQuery) answer {
	id := newMongoID()
	s.record(q, Entry{Kind: "import", ID: id})
	return elebneData(http.StatusOK, map[string]any{"id": id})
}

func (*Elebne) csvTemplate(*elebneQuery) answer {
	return elebneData(http.StatusOK, map[string]any{
		"csv": "name,price,description,sku,quantity,image_url\n", "filename": "products-template.csv",
	})
}

// newMongoID returns a random id in the form of MongoDB's: 24 hexadecimal digits.
func newMongoID() string { return hex.EncodeToString(randomBytes(12)) }
