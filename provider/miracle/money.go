package miracle

import (
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
