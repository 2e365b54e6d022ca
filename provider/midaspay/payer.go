package midaspay

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/payonce/payonce/internal/adapter"
)

// Payer is who pays. The zero value is nobody.
// Source: https://developer.midaspayment.com/docs/apis/v1/payment/orders/payments-authorization-payment/.
type Payer struct {
	// PayerID is the payer's id in the merchant's system. Required.
	PayerID      string `json:"payer_id"`
	EmailAddress string `json:"email_address,omitempty"`
	Name         Name   `json:"name,omitzero"`
	PayerIP      string `json:"payer_ip,omitempty"`
	// PayerInteraction is Ecommerce or ContAuth.
	PayerInteraction string `json:"payer_interaction,omitempty"`
	// PayerType is MERCHANT or MIDAS.
	PayerType string `json:"payer_type,omitempty"`
	// PayerGender is UNKNOWN, FEMALE or MALE.
	PayerGender string `json:"payer_gender,omitempty"`
	// PayerTelephoneNumber is 5 to 20 digits, with or without a leading +.
	PayerTelephoneNumber string  `json:"payer_telephone_number,omitempty"`
	BillingAddress       Address `json:"billing_address,omitzero"`
	PayerAddress         Address `json:"payer_address,omitzero"`
}

// Name is a person's name.
type Name struct {
	Prefix     string `json:"prefix,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	Surname    string `json:"surname,omitempty"`
	MiddleName string `json:"middle_name,omitempty"`
	Suffix     string `json:"suffix,omitempty"`
	FullName   string `json:"full_name,omitempty"`
}

// Address is a postal address. The zero value is none.
type Address struct {
	RegionCode string `json:"region_code,omitempty"`
	// StateOrProvince and PostalCode have at most 100 characters.
	StateOrProvince   string `json:"state_or_province,omitempty"`
	City              string `json:"city,omitempty"`
	County            string `json:"county,omitempty"`
	Street            string `json:"street,omitempty"`
	HouseNumberOrName string `json:"house_number_or_name,omitempty"`
	PostalCode        string `json:"postal_code,omitempty"`
}

// check holds a payer to the documented rules. Enumerations may grow, so their values are left to MidasPay.
func (p *Payer) check(problems *adapter.Problems, field string) {
	problems.Require(field+".PayerID", p.PayerID)
	checkEmail(problems, field+".EmailAddress", p.EmailAddress)
	digits := strings.TrimPrefix(p.PayerTelephoneNumber, "+")
	if p.PayerTelephoneNumber != "" && (len(digits) < 5 || len(digits) > 20 || strings.Trim(digits, "0123456789") != "") {
		problems.Add(field+".PayerTelephoneNumber", "must be 5 to 20 digits, with or without a leading +")
	}
	p.BillingAddress.check(problems, field+".BillingAddress")
	p.PayerAddress.check(problems, field+".PayerAddress")
}

func (a *Address) check(p *adapter.Problems, field string) {
	checkLength(p, field+".StateOrProvince", a.StateOrProvince, 100)
	checkLength(p, field+".PostalCode", a.PostalCode, 100)
}

func checkEmail(p *adapter.Problems, field, text string) {
	if address, err := mail.ParseAddress(text); text != "" && (err != nil || address.Address != text) {
		p.Add(field, "must be an email address")
	}
}

func checkLength(p *adapter.Problems, field, text string, most int) {
	if n := utf8.RuneCountInString(text); n > most {
		p.Add(field, "must have at most %d characters, has %d", most, n)
	}
}
