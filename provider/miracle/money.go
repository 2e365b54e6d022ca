package miracle

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Money is an amount as Miracle writes it. Source: https://docs.gate.miracleapi.ai/tenant/getting-started/glossary.
type Money struct {
	// Currency is the ISO 4217 code in capitals.
	Currency string `json:"currency"`
	// ValueMinor is the number of minor units: cents for USD, whole yen for JPY.
	ValueMinor int64 `json:"valueMinor"`
}

// UnmarshalJSON reads an amount. What can't be read of it is zero and not an error: an odd amount must not make a payment unreadable.
func (m *Money) UnmarshalJSON(body []byte) error {
	*m = moneyIn(adapter.ObjectOf(body))
	return nil
}

func moneyIn(told adapter.Object) Money {
	minor, _ := wholeNumber(told["valueMinor"])
	return Money{Currency: told.Text("currency"), ValueMinor: minor}
}

// Amount returns it in portable form.
func (m Money) Amount() payonce.Amount {
	return payonce.Amount{Minor: m.ValueMinor, Currency: m.Currency}
}

// moneyOf puts an amount on the wire and notes what is wrong with it. Which currencies Miracle takes is not documented.
func moneyOf(p *adapter.Problems, field string, a payonce.Amount) Money {
	if a.Minor < 1 {
		p.Add(field, "must be at least 1 minor unit, is %d", a.Minor)
	}
	checkCurrency(p, field, a.Currency)
	return Money{Currency: a.Currency, ValueMinor: a.Minor}
}

func checkCurrency(p *adapter.Problems, field, currency string) {
	if len(currency) != 3 || strings.ContainsFunc(currency, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		p.Add(field, "currency must be a three-letter ISO 4217 code in capitals")
	}
}

// wholeNumber reads a number without a fraction, also as 5000.0; false for anything else and for what does not fit.
func wholeNumber(raw json.RawMessage) (int64, bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53 // beyond it a float skips numbers
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, false
	}
	return int64(f), true
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// differInNumber says that both are numbers and not the same. What is no number can't be compared.
func differInNumber(sent, told json.RawMessage) bool {
	want, _ := wholeNumber(sent)
	got, whole := wholeNumber(told)
	return isNumber(sent) && isNumber(told) && (!whole || got != want)
}

// movedMoney says that the breakdown of a payment's amount shows captured or refunded money, or something that can't be read.
func movedMoney(payment adapter.Object) bool {
	breakdown := payment.Object("amountBreakdown")
	if breakdown == nil {
		return !isNothing(payment["amountBreakdown"])
	}
	return !isNothing(breakdown["captured"]) || !isNothing(breakdown["refunded"])
}

// isNothing says that an amount is not told, or zero.
func isNothing(amount json.RawMessage) bool {
	if money := adapter.ObjectOf(amount); money != nil {
		amount = money["valueMinor"]
	}
	n, whole := wholeNumber(amount)
	return len(amount) == 0 || string(amount) == "null" || whole && n == 0
}
