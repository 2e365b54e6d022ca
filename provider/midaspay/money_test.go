package midaspay_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/Rhymond/go-money"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

// The number of decimals is ISO 4217's; CLDR's tables have 0 for many of the currencies with 2, which would be a hundred times the amount.
func TestCurrenciesAreTakenOnlyWhereTheTableAgreesWithISO4217(t *testing.T) {
	t.Parallel()
	taken := newProvider(t).Profile().Currencies
	var missing, other []string
	count := 0
	for decimals, codes := range midaspay.ISOCurrencies() {
		for _, code := range codes {
			count++
			switch listed := money.GetCurrency(code); {
			case listed == nil:
				missing = append(missing, code)
				assert.NotContains(t, taken, code)
			case listed.Fraction != decimals:
				other = append(other, code)
				assert.NotContains(t, taken, code)
			default:
				assert.Equal(t, decimals, taken[code], code)
			}
		}
	}
	slices.Sort(missing)
	assert.Equal(t, strings.Fields("BOV CHE CHW COU MXV USN UYI UYW VED ZWG"), missing, "these the table does not have")
	assert.Empty(t, other, "these the table has with another number of decimals")
	assert.Len(t, taken, count-len(missing)-len(other))
	assert.Equal(t, strings.Fields("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"), midaspay.ISOCurrencies()[0])
	assert.Equal(t, strings.Fields("BHD IQD JOD KWD LYD OMR TND"), midaspay.ISOCurrencies()[3])
	assert.Equal(t, strings.Fields("CLF UYW"), midaspay.ISOCurrencies()[4])
	for code, decimals := range map[string]int{"USD": 2, "EUR": 2, "JPY": 0, "TND": 3, "IQD": 3, "RSD": 2, "LBP": 2, "IDR": 2, "COP": 2, "ISK": 0, "CLF": 4} {
		assert.Equal(t, decimals, taken[code], code)
	}
}

func TestACurrencyIsRefusedWhereTheTableSaysOtherwise(t *testing.T) {
	t.Parallel()
	cldr := map[string]int{"USD": 2, "JPY": 0, "IQD": 0, "RSD": 0, "XXX": 2} // as other tables have it
	taken := midaspay.Currencies(func(code string) (int, bool) { decimals, ok := cldr[code]; return decimals, ok })
	assert.Equal(t, map[string]int{"USD": 2, "JPY": 0}, taken)
}

func TestAmountsAreSpelledWithTheCurrencysDecimals(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for want, amount := range map[string]payonce.Amount{
		"1.00": {Minor: 100, Currency: "USD"}, "0.01": {Minor: 1, Currency: "USD"}, "0.10": {Minor: 10, Currency: "USD"},
		"100": {Minor: 100, Currency: "JPY"}, "1": {Minor: 1, Currency: "KRW"}, "100.123": {Minor: 100123, Currency: "TND"},
		"0.001": {Minor: 1, Currency: "KWD"}, "1.0000": {Minor: 10000, Currency: "CLF"},
		"92233720368547758.07": {Minor: math.MaxInt64, Currency: "USD"}, "9223372036854775807": {Minor: math.MaxInt64, Currency: "JPY"},
	} {
		params := order(midaspay.Order{})
		params.Amount = amount
		op, err := p.Portable().CreatePayment(params)
		require.NoError(t, err)
		assert.Contains(t, encode(t, op, "k", 1), `"amount":{"currency_code":"`+amount.Currency+`","value":"`+want+`"}`)
		assert.Equal(t, amount, p.Decode(midaspay.Money{CurrencyCode: amount.Currency, Value: want}), "there and back")
	}
}

func TestAmountsAreReadWithoutRounding(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for value, minor := range map[string]int64{
		"1.00": 100, "1": 100, "1.0": 100, "1.000": 100, "001.10": 110, ".5": 50, "0.00": 0, "0": 0, "-0": 0,
		"92233720368547758.07": math.MaxInt64,
	} {
		assert.Equal(t, usd(minor), p.Decode(midaspay.Money{CurrencyCode: "USD", Value: value}), value)
	}
	for _, value := range []string{
		"", ".", "1.", "-", "-.", "1.001", "+1", "1e2", "1,00", " 1", "1 ", "0x1", "1_0", "NaN", "Infinity", "-1.00", "٣", "1.0.0", "--1",
		"92233720368547758.08", strings.Repeat("9", 99), strings.Repeat("0", 101),
	} {
		assert.Zero(t, p.Decode(midaspay.Money{CurrencyCode: "USD", Value: value}), value)
	}
	assert.Equal(t, usd(100), p.Decode(midaspay.Money{CurrencyCode: "usd", Value: "1.00"}))
	assert.Zero(t, p.Decode(midaspay.Money{CurrencyCode: "XXX", Value: "1.00"}))
	assert.Zero(t, p.Decode(midaspay.Money{CurrencyCode: "JPY", Value: "1.5"}))
}

func TestEqualAmountsAreEqualHoweverTheyAreSpelled(t *testing.T) {
	t.Parallel()
	money := func(value string) midaspay.Money { return midaspay.Money{CurrencyCode: "USD", Value: value} }
	for _, pair := range [][2]string{{"1.00", "1"}, {"1.00", "01.0"}, {".5", "0.50"}, {"0", "-0.00"}, {"-1", "-1.0"}} {
		assert.True(t, midaspay.SameMoney(money(pair[0]), money(pair[1])), pair)
	}
	for _, pair := range [][2]string{{"1.00", "100"}, {"1.00", "-1.00"}, {"1.00", "1.001"}, {"10", "1"}, {"", ""}, {"x", "x"}, {"1.", "1."}, {"0.1", "1.0"}} {
		assert.False(t, midaspay.SameMoney(money(pair[0]), money(pair[1])), pair)
	}
	assert.False(t, midaspay.SameMoney(money("1"), midaspay.Money{CurrencyCode: "EUR", Value: "1"}))
	assert.True(t, midaspay.SameMoney(money("1"), midaspay.Money{CurrencyCode: "usd", Value: "1"}))
}

func TestAValueMayBeANumber(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"currency_code":"USD","value":"1.00"}`: "1.00", `{"currency_code":"USD","value":50.00}`: "50.00", `{"currency_code":"USD","value":-7}`: "-7",
		`{"currency_code":"USD","value":12345678901234567890.10}`: "12345678901234567890.10", `{"currency_code":"USD","value":5e1}`: "5e1",
		`{"currency_code":"USD","value":null}`: "", `{"currency_code":"USD"}`: "", `{"currency_code":"USD","value":""}`: "",
	} {
		got := midaspay.Money{CurrencyCode: "before", Value: "before"}
		require.NoError(t, json.Unmarshal([]byte(body), &got), body)
		assert.Equal(t, midaspay.Money{CurrencyCode: "USD", Value: want}, got, body)
	}
	for _, body := range []string{`{"value":{}}`, `{"value":[1]}`, `{"value":true}`, `{"currency_code":1}`, `[]`, `"1.00"`, `1`} {
		require.Error(t, json.Unmarshal([]byte(body), new(midaspay.Money)), body)
	}
}

func FuzzValue(f *testing.F) {
	p := newProvider(f)
	f.Fuzz(func(t *testing.T, currency, value string) {
		m := midaspay.Money{CurrencyCode: currency, Value: value}
		amount := p.Decode(m)
		if amount.Minor < 0 {
			t.Fatalf("%q %q is %v", currency, value, amount)
		}
		if amount.Minor == 0 {
			return
		}
		params := order(midaspay.Order{})
		params.Amount = amount
		op, err := p.Portable().CreatePayment(params)
		require.NoError(t, err)
		require.Regexp(t, `"value":"([0-9]+|[0-9]+\.[0-9]+)"`, encode(t, op, "k", 1))
		require.True(t, midaspay.SameMoney(m, m))
	})
}
