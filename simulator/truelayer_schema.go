package simulator

import (
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The rules of request bodies, from the API's OpenAPI description.

func oneOf(values ...string) text { return text{enum: values} }

func typed(name string, fields ...field) object {
	return append(object{need("type", oneOf(name))}, fields...)
}

func pattern(longest int, expression string) text {
	return text{max: longest, pattern: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

func reference(longest int) text     { return pattern(longest, `^[a-zA-Z0-9\-:().,'+ ?/]+$`) }
func withoutParens(longest int) text { return pattern(longest, `^[^()]+$`) }
func uuid() text                     { return pattern(0, `^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`) }
func metadata() pairs                { return pairs{max: 10, maxKey: 40, maxValue: 500} }
func amount() integer                { return integer{min: 1} }

func date() text {
	return text{format: func(s string) bool {
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	}}
}

func email() text {
	return text{format: func(s string) bool {
		address, err := mail.ParseAddress(s)
		return err == nil && address.Address == s
	}}
}

func createPaymentRule(ownLicence bool) rule {
	return all{
		object{
			need("amount_in_minor", amount()),
			need("currency", oneOf("GBP", "EUR")),
			need("payment_method", variants{"bank_transfer": bankTransferRule(), "mandate": mandateRule()}),
			need("user", userRule(ownLicence)),
			may("metadata", metadata()),
			may("related_products", object{may("signup_plus", object{})}),
			may("authorization_flow", authorizationFlowRule()),
			may("hosted_page", object{
				need("return_uri", text{min: 1}),
				may("country_code", pattern(0, `^[A-Z]{2}$`)),
				may("language_code", pattern(0, `^[a-z]{2}$`)),
				may("max_wait_for_result", integer{max: 60}),
			}),
			may("risk_assessment", object{may("segment", withoutParens(0))}),
			may("sub_merchants", subMerchantsRule()),
			may("user_consent", variants{
				"precaptured":                 typed("precaptured", need("captured_at", text{})),
				"authorization_flow_captured": typed("authorization_flow_captured"),
			}),
		},
		exclusive{"hosted_page", "authorization_flow"},
	}
}

func bankTransferRule() rule {
	return typed("bank_transfer",
		need("provider_selection", variants{
			"user_selected": typed("user_selected",
				may("filter", filterRule()),
				may("scheme_selection", schemeSelectionRule(false)),
				may("remitter", object{need("account_holder_name", withoutParens(80))})),
			"preselected": typed("preselected",
				need("provider_id", text{min: 1}),
				need("scheme_selection", schemeSelectionRule(true)),
				may("branch_selection", variants{
					"preselected":   typed("preselected", need("branch_id", text{min: 1})),
					"user_selected": typed("user_selected"),
				}),
				may("remitter", object{
					may("account_holder_name", withoutParens(80)),
					may("account_identifier", accountIdentifierRule(true)),
				}),
				may("data_access_token", text{max: 10000})),
		}),
		need("beneficiary", variants{
			"merchant_account": typed("merchant_account",
				need("merchant_account_id", uuid()),
				may("account_holder_name", withoutParens(40)),
				may("reference", reference(100)),
				may("statement_reference", reference(18)),
				may("verification", verificationRule())),
			"external_account": typed("external_account",
				need("account_holder_name", withoutParens(40)),
				need("account_identifier", accountIdentifierRule(true)),
				need("reference", reference(18))),
		}),
		may("retry", object{}))
}

func mandateRule() rule {
	return typed("mandate",
		need("mandate_id", text{min: 1}),
		may("reference", text{}),
		may("user_interaction", oneOf("present", "not_present")),
		may("retry", variants{
			"standard": typed("standard", may("for", text{})),
			"smart":    typed("smart", may("for", text{}), may("ensure_minimum_balance_in_minor", amount())),
		}))
}

func filterRule() rule {
	countries := strings.Fields("AT BE DE DK ES FI FR GB IE IT LT NL NO PL PT RO")
	return object{
		may("countries", list{min: 1, items: oneOf(countries...)}),
		may("release_channel", oneOf("general_availability", "public_beta", "private_beta")),
		may("customer_segments", list{min: 1, items: oneOf("retail", "business", "corporate")}),
		may("provider_ids", list{min: 1, items: text{}}),
		may("excludes", object{may("provider_ids", list{min: 1, items: text{}})}),
	}
}

func schemeSelectionRule(preselectable bool) rule {
	fee := may("allow_remitter_fee", boolean{})
	v := variants{
		"instant_only":      typed("instant_only", fee),
		"instant_preferred": typed("instant_preferred", fee),
		"user_selected":     typed("user_selected"),
	}
	if preselectable {
		v["preselected"] = typed("preselected", need("scheme_id", text{min: 1}))
	}
	return v
}

func verificationRule() rule {
	return variants{"automated": typed("automated", may("remitter_name", boolean{}), may("remitter_date_of_birth", boolean{}))}
}

func accountIdentifierRule(bban bool) rule {
	v := variants{
		"sort_code_account_number": typed("sort_code_account_number",
			need("sort_code", pattern(6, `^[0-9]{6}$`)),
			need("account_number", pattern(8, `^[0-9]{8}$`))),
		"iban": typed("iban", need("iban", pattern(34, `^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`))),
		"nrb":  typed("nrb", need("nrb", text{min: 1})),
	}
	if bban {
		v["bban"] = typed("bban", need("bban", text{min: 1}))
	}
	return v
}

// userRule asks for the user's name and a way to reach them, unless the client
// has its own licence or names a user that it named before.
func userRule(ownLicence bool) rule {
	fields := object{
		may("id", text{min: 1}),
		may("name", withoutParens(0)),
		may("email", email()),
		may("phone", text{min: 1}),
		may("date_of_birth", date()),
		may("address", addressRule()),
		may("political_exposure", oneOf("current", "none")),
	}
	if ownLicence {
		return fields
	}
	return all{fields, reachable{}}
}

func addressRule() rule {
	line := text{min: 1, max: 50}
	return object{
		need("address_line1", line), may("address_line2", line), need("city", line), may("state", line),
		need("zip", text{min: 1, max: 20}), need("country_code", text{min: 2, max: 2}),
	}
}

func subMerchantsRule() rule {
	return object{need("ultimate_counterparty", variants{
		"business_division": typed("business_division", need("id", text{}), need("name", text{})),
		"business_client": typed("business_client",
			need("id", text{}),
			need("trading_name", text{max: 70}),
			may("commercial_name", text{max: 100}),
			may("url", text{max: 100}),
			may("mcc", pattern(4, `^[0-9]{4}$`)),
			may("registration_number", text{max: 35}),
			may("address", addressRule())),
	})}
}

func authorizationFlowRule() rule {
	return object{
		may("provider_selection", object{}),
		may("scheme_selection", object{}),
		may("branch_selection", object{}),
		may("redirect", object{need("return_uri", text{min: 1}), may("direct_return_uri", text{})}),
		may("form", object{need("input_types", list{min: 1, items: oneOf("text", "text_with_image", "select")})}),
		may("consent", object{may("action_type", oneOf("explicit", "adjacent")), may("requirements", object{})}),
		may("user_account_selection", object{}),
	}
}

func createRefundRule() rule {
	return object{may("amount_in_minor", amount()), need("reference", text{min: 1}), may("metadata", metadata())}
}

func createPayoutRule() rule {
	// The limits of names and references are the schemes'; SEPA's are the widest.
	ref, holder := need("reference", text{min: 1, max: 140}), need("account_holder_name", text{min: 1, max: 140})
	return object{
		need("merchant_account_id", uuid()),
		need("amount_in_minor", amount()),
		need("currency", oneOf("GBP", "EUR", "PLN")),
		need("beneficiary", variants{
			"external_account": typed("external_account", ref, holder,
				need("account_identifier", accountIdentifierRule(false)),
				may("date_of_birth", date()), may("address", addressRule())),
			"verified_external_account": typed("verified_external_account",
				need("account_holder_verification_id", uuid()), may("override_bank_matched_name", boolean{})),
			"payment_source": typed("payment_source", ref,
				need("user_id", text{min: 1}), need("payment_source_id", text{min: 1})),
			"business_account": typed("business_account", ref),
			"user_determined": typed("user_determined", ref,
				need("user", userRule(true)),
				need("verification", object{need("verify_name", boolean{})}),
				need("provider_selection", variants{
					"user_selected": typed("user_selected", may("filter", object{})),
					"preselected":   typed("preselected", need("provider_id", text{min: 1})),
				})),
		}),
		may("scheme_selection", variants{
			"instant_preferred": typed("instant_preferred"),
			"instant_only":      typed("instant_only"),
			"preselected": typed("preselected", need("scheme_id", oneOf(
				"faster_payments_service", "sepa_credit_transfer_instant", "sepa_credit_transfer",
				"polish_domestic_standard", "polish_domestic_express"))),
		}),
		may("sub_merchants", object{may("ultimate_counterparty", object{})}),
		may("metadata", metadata()),
	}
}

func sweepingRule() rule {
	return object{
		need("max_amount_in_minor", amount()),
		need("currency", oneOf("GBP", "EUR", "PLN")),
		need("frequency", oneOf("daily", "weekly", "fortnightly")),
	}
}

// all is several rules for one value.
type all []rule

func (a all) check(path string, v any, report reportFunc) {
	for _, r := range a {
		r.check(path, v, report)
	}
}

// exclusive is members of which an object may have one.
type exclusive [2]string

func (e exclusive) check(_ string, v any, report reportFunc) {
	m, _ := v.(map[string]any)
	if m[e[0]] != nil && m[e[1]] != nil {
		report(e[1], "Value must not be given together with "+e[0]+".")
	}
}

// reachable is a user with a name and an email address or a phone number.
type reachable struct{}

func (reachable) check(path string, v any, report reportFunc) {
	m, ok := v.(map[string]any)
	if !ok || m["id"] != nil {
		return
	}
	if m["name"] == nil {
		report(path+".name", "Value is required.")
	}
	if m["email"] == nil && m["phone"] == nil {
		report(path, "One of email and phone is required.")
	}
}
