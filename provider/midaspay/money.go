package midaspay

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// Money is an amount as MidasPay spells it. Source:
// https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-query-order/.
type Money struct {
	// CurrencyCode is the ISO 4217 code.
	CurrencyCode string `json:"currency_code"`
	// Value is a decimal in major units, "1.00", with as many decimals as the currency has: "100" in JPY, "100.123" in TND.
	Value string `json:"value"`
}

// UnmarshalJSON also reads a value that is a number, digit by digit as it is spelled.
func (m *Money) UnmarshalJSON(text []byte) error {
	var told struct {
		CurrencyCode string          `json:"currency_code"`
		Value        json.RawMessage `json:"value"`
	}
	*m = Money{}
	if string(text) == "null" {
		return nil
	}
	if odd, err := adapter.Decode(text, &told); odd || err != nil {
		return errUnreadable
	}
	m.CurrencyCode = told.CurrencyCode
	if len(told.Value) == 0 {
		return nil
	}
	if bytes.HasPrefix(told.Value, []byte(`"`)) {
		return json.Unmarshal(told.Value, &m.Value)
	}
	var number json.Number
	err := json.Unmarshal(told.Value, &number)
	m.Value = number.String()
	return err
}

// encode spells an amount in MidasPay's way, and notes what is wrong with it.
func (d *dialect) encode(p *adapter.Problems, field string, amount payonce.Amount) Money {
	decimals, known := d.profile.Currencies[amount.Currency]
	if !known {
		p.Add(field, "currency must be one whose number of decimals is sure, such as USD, in capitals")
	}
	if amount.Minor <= 0 {
		p.Add(field, "must be at least 1 minor unit, is %d", amount.Minor)
		return Money{}
	}
	digits := strconv.FormatInt(amount.Minor, 10)
	if decimals == 0 {
		return Money{amount.Currency, digits}
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - decimals
	return Money{amount.Currency, digits[:point] + "." + digits[point:]}
}

// decode reads an amount; the zero value if it is none that this package can express exactly.
func (d *dialect) decode(m Money) payonce.Amount {
	currency := strings.ToUpper(m.CurrencyCode)
	decimals, known := d.profile.Currencies[currency]
	value, ok := parseDecimal(m.Value)
	if !known || !ok || value.negative || len(value.fraction) > decimals {
		return payonce.Amount{}
	}
	minor, err := strconv.ParseInt("0"+value.whole+value.fraction+strings.Repeat("0", decimals-len(value.fraction)), 10, 64)
	if err != nil {
		return payonce.Amount{}
	}
	return payonce.Amount{Minor: minor, Currency: currency}
}

// decimal is a decimal number without leading and trailing zeros, so that equal numbers are equal values.
type decimal struct {
	negative        bool
	whole, fraction string
}

// parseDecimal reads what matches the documented pattern ^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$, of at most 100 characters.
func parseDecimal(text string) (decimal, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if len(text) > 100 || (point && fraction == "") || (!point && whole == "") ||
		strings.ContainsFunc(whole+fraction, func(r rune) bool { return r < '0' || r > '9' }) {
		return decimal{}, false
	}
	d := decimal{negative, strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")}
	d.negative = negative && d.whole+d.fraction != ""
	return d, true
}

// same says that both are the same amount of the same currency, however they are spelled.
func (m Money) same(other Money) bool {
	a, ok := parseDecimal(m.Value)
	b, also := parseDecimal(other.Value)
	return ok && also && a == b && strings.EqualFold(m.CurrencyCode, other.CurrencyCode)
}
