package elebne

import (
	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Centimes is money as Elebne writes it in JSON: hundredths of an ouguiya, 50000 for 500.00 MRU. CSV files have decimal ouguiya
// instead. Source: https://docs.staging.elebne.ai/en/docs/getting-started/common-patterns.
type Centimes int64

// Amount returns the same as an amount in MRU.
func (c Centimes) Amount() payonce.Amount {
	return payonce.Amount{Minor: int64(c), Currency: currency}
}

// checkAmount refuses what Elebne would not take.
func checkAmount(p *adapter.Problems, field string, a payonce.Amount) {
	if a.Minor < 1 {
		p.Add(field, "must be at least 1 centime, is %d", a.Minor)
	}
	if a.Currency != currency {
		p.Add(field, "must be in %s, is in %q", currency, a.Currency)
	}
}
