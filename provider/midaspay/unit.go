package midaspay

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Unit is a purchase unit of an order.
type Unit struct {
	// Reference tells the unit from the order's others: at most 40 letters, digits, . and -, not digits alone, nor payment, refund,
	// capture or cancel. The unit's id is the key, _ and this. Defaults to item1, item2, …, by its place.
	Reference string
	// Amount is the unit's. A single unit may leave it to PaymentParams.Amount.
	Amount payonce.Amount
	// Extra is a JSON object with further members of the unit, as MidasPay's reference has them.
	Extra payonce.Raw
}

// unitReferenceAlphabet has no underscore, and a number alone and the last words of readable keys are refused, so that a unit's id is
// neither the key of this order's next generation (order-1_payment_2) nor that of the operation whose reference is this order's key
// (order-1_payment_payment).
const unitReferenceAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"

// purchaseUnit is a unit without its id.
type purchaseUnit struct {
	reference string
	body      object
}

type purchaseUnits []purchaseUnit

// purchaseUnits checks the units of an order. Two of one name would be refused by MidasPay (DUPLICATE_SUB_REFERENCE_ID).
func (d *dialect) purchaseUnits(p *adapter.Problems, total payonce.Amount, own []Unit) purchaseUnits {
	if len(own) == 0 {
		own = []Unit{{}}
	}
	if len(own) == 1 && own[0].Amount == (payonce.Amount{}) {
		own = []Unit{{Reference: own[0].Reference, Amount: total, Extra: own[0].Extra}}
	}
	units := make(purchaseUnits, 0, len(own))
	seen := make(map[string]bool, len(own))
	for i, unit := range own {
		field := "Units[" + strconv.Itoa(i) + "]"
		reference := cmp.Or(unit.Reference, "item"+strconv.Itoa(i+1))
		checkUnitReference(p, field, reference)
		if seen[reference] {
			p.Add(field, "Reference is another unit's")
		}
		seen[reference] = true
		body := object{"amount": d.encode(p, field+".Amount", unit.Amount)}
		body.add(p, field+".Extra", unit.Extra, keyField)
		units = append(units, purchaseUnit{reference, body})
	}
	checkSum(p, total, own)
	return units
}

func checkUnitReference(p *adapter.Problems, field, reference string) {
	switch reference {
	case "payment", "refund", "capture", "cancel":
		p.Add(field, "Reference must not be %s, which ends other keys", reference)
	}
	if len(reference) > 40 || strings.Trim(reference, "0123456789") == "" ||
		strings.ContainsFunc(reference, func(r rune) bool { return !strings.ContainsRune(unitReferenceAlphabet, r) }) {
		p.Add(field, "Reference must be at most 40 letters, digits, . and -, and not digits alone")
	}
}

// checkSum holds the units to the payment's amount: MidasPay is told the amounts of the units only.
func checkSum(p *adapter.Problems, total payonce.Amount, units []Unit) {
	left := total.Minor
	for _, unit := range units {
		if unit.Amount.Currency != total.Currency {
			p.Add("Units", "must have the payment's currency, %s", total.Currency)
			return
		}
		if unit.Amount.Minor <= 0 {
			return // noted already
		}
		left = max(left, math.MinInt64+unit.Amount.Minor) - unit.Amount.Minor // too much stays too much
	}
	if left != 0 {
		p.Add("Units", "must add up to the payment's amount; they differ from it by %d minor units", left)
	}
}

// keyed returns the units with their ids. Without a key they keep what the caller called them: that is content.
func (u purchaseUnits) keyed(key string) []object {
	bodies := make([]object, len(u))
	for i, unit := range u {
		bodies[i] = maps.Clone(unit.body)
		bodies[i][keyField] = unitID(key, unit.reference)
	}
	return bodies
}

// unitID makes a unit's id from the order's key, hashed where it would be too long.
func unitID(key, reference string) string {
	if key == "" {
		return reference
	}
	if id := key + "_" + reference; len(id) <= keyMaxLen {
		return id
	}
	sum := sha256.Sum256([]byte(key + "\n" + reference))
	return "unit_" + hex.EncodeToString(sum[:])[:40]
}
