package payonce

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is money as a whole number of the currency's smallest unit: Amount{Minor: 5000, Currency: "GBP"} is 50 pounds.
// It is never a float. The zero value is no amount and is refused wherever one is required.
type Amount struct {
	// Minor is the number of minor units: pence, cents, whole yen.
	Minor int64
	// Currency is the ISO 4217 code in capitals.
	Currency string
}

// String returns the number of minor units and the currency, "5000 GBP minor units"; it never guesses where the point goes.
func (a Amount) String() string { return fmt.Sprintf("%d %s minor units", a.Minor, a.Currency) }

// parseAmount reads a decimal such as "50.00" in a currency with the given number of decimals, without rounding.
func parseAmount(decimal, currency string, decimals int) (Amount, error) {
	whole, fraction, point := strings.Cut(decimal, ".")
	if point && fraction == "" {
		return Amount{}, invalid("amount", "%q ends in a point", decimal)
	}
	if len(fraction) > decimals {
		return Amount{}, invalid("amount", "%q has %d decimals, %s has %d", decimal, len(fraction), currency, decimals)
	}
	digits := whole + fraction + strings.Repeat("0", decimals-len(fraction))
	if whole == "" || strings.ContainsAny(digits, "+-_") {
		return Amount{}, invalid("amount", "%q is not a positive decimal number such as 50.00", decimal)
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Amount{}, invalid("amount", "%q is not a decimal number that fits 64 bits", decimal)
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

// checkAmount adds what is wrong with an amount, against the currencies of the provider (nil: any three capitals).
func checkAmount(p *problems, field string, a Amount, currencies map[string]int) {
	if a.Minor <= 0 {
		p.add(field, "must be at least 1 minor unit, is %d", a.Minor)
	}
	if len(a.Currency) != 3 || strings.ToUpper(a.Currency) != a.Currency {
		p.add(field, "currency must be a three-letter ISO 4217 code in capitals, is %q", a.Currency)
		return
	}
	if _, known := currencies[a.Currency]; currencies != nil && !known {
		p.add(field, "the provider does not take %s", a.Currency)
	}
}
