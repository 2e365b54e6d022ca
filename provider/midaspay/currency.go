package midaspay

import (
	"strings"

	"github.com/Rhymond/go-money"
)

// isoCurrencies are the active codes of ISO 4217 by their number of decimals; metals, test codes and units of account are left out.
// Source: https://www.iso.org/iso-4217-currency-codes.html.
func isoCurrencies() map[int]string {
	return map[int]string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU " +
			"CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES " +
			"KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR " +
			"NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP " +
			"TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
		4: "CLF UYW",
	}
}

// tabled returns a currency's number of decimals by the table of go-money, which is kept up by others.
func tabled(code string) (decimals int, ok bool) {
	if currency := money.GetCurrency(code); currency != nil {
		return currency.Fraction, true
	}
	return 0, false
}

// currencies are the currencies that payments take, with their number of decimals. MidasPay publishes no list; a sister product wants
// decimals that follow the currency (https://developer.midasbuy.com/api/apis/orders-api). A point in the wrong place is a hundred times
// the amount, so a currency is taken only where a maintained table and ISO 4217 say the same. The table is read once: it is the
// process's, and anybody may change it.
func currencies(table func(code string) (decimals int, ok bool)) map[string]int {
	taken := map[string]int{}
	for decimals, codes := range isoCurrencies() {
		for code := range strings.FieldsSeq(codes) {
			if listed, ok := table(code); ok && listed == decimals {
				taken[code] = decimals
			}
		}
	}
	return taken
}
