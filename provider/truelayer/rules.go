package truelayer

import "maps"

// rules are the shapes of request bodies, by kind.
type rules map[string]shape

// newRules transcribes the request schemas of https://docs.truelayer.com/openapi/payments-api-v3.json. What TrueLayer may extend on
// its own (banks, schemes, countries, segments) is left to TrueLayer.
func newRules() rules {
	var (
		anything = shape{}
		positive = shape{check: atLeast(1)}
		flow     = flowShape()
		meta     = shape{check: metadataRule}
	)
	return rules{
		kindCreatePayment: {
			required: []string{"amount_in_minor", "currency", "payment_method", "user"},
			fields: map[string]shape{
				"amount_in_minor": positive, "currency": oneOf("GBP", "EUR"), "payment_method": paymentMethodShape(), "user": userShape(),
				"metadata": meta, "related_products": anything, "authorization_flow": flow, "hosted_page": hostedPageShape(),
				"risk_assessment": object(map[string]shape{"segment": name(0)}), "sub_merchants": subMerchantsShape(),
				"user_consent": {forms: map[string]shape{
					string(ConsentPrecaptured): object(map[string]shape{"captured_at": anything}, "captured_at"), string(ConsentAuthorizationFlowCaptured): {},
				}},
			},
		},
		kindStartFlow:    flow,
		kindCreateRefund: object(map[string]shape{"amount_in_minor": positive, "reference": reference(140), "metadata": meta}, "reference"),
		kindCreatePayout: object(map[string]shape{
			"merchant_account_id": {check: uuidRule}, "amount_in_minor": positive, "currency": oneOf("GBP", "EUR", "PLN"),
			"beneficiary": payoutBeneficiaryShape(), "metadata": meta, "sub_merchants": subMerchantsShape(),
			"scheme_selection": {forms: map[string]shape{
				string(InstantPreferred): {}, string(InstantOnly): {},
				string(Preselected): object(map[string]shape{"scheme_id": anything}, "scheme_id"),
			}},
		}, "merchant_account_id", "amount_in_minor", "currency", "beneficiary"),
		kindSetSweeping: object(map[string]shape{
			"max_amount_in_minor": {check: atLeast(0)}, "currency": oneOf("GBP", "EUR", "PLN"), "frequency": anything,
		}, "max_amount_in_minor", "currency", "frequency"),
	}
}

func object(fields map[string]shape, required ...string) shape {
	return shape{fields: fields, required: required}
}

func paymentMethodShape() shape {
	schemes := map[string]shape{
		string(InstantOnly):      object(map[string]shape{"allow_remitter_fee": {}}),
		string(InstantPreferred): object(map[string]shape{"allow_remitter_fee": {}}),
		string(UserSelected):     {},
	}
	preselected := map[string]shape{string(Preselected): object(map[string]shape{"scheme_id": {}}, "scheme_id")}
	maps.Copy(preselected, schemes)
	selection := shape{forms: map[string]shape{
		string(UserSelected): object(map[string]shape{
			"filter": filterShape(), "scheme_selection": {forms: schemes},
			"remitter": object(map[string]shape{"account_holder_name": name(80)}, "account_holder_name"),
		}),
		string(Preselected): object(map[string]shape{
			"provider_id": {}, "scheme_selection": {forms: preselected},
			"branch_selection": {forms: map[string]shape{
				string(Preselected): object(map[string]shape{"branch_id": {}}, "branch_id"), string(UserSelected): {},
			}},
			"remitter":          object(map[string]shape{"account_holder_name": name(80), "account_identifier": accountShape(true)}),
			"data_access_token": {check: text(10000)},
		}, "provider_id", "scheme_selection"),
	}}
	retry := shape{forms: map[string]shape{
		string(RetryStandard): object(map[string]shape{"for": {}}),
		string(RetrySmart):    object(map[string]shape{"for": {}, "ensure_minimum_balance_in_minor": {check: atLeast(1)}}),
	}}
	return shape{forms: map[string]shape{
		string(MethodBankTransfer): object(map[string]shape{
			"provider_selection": selection, "beneficiary": beneficiaryShape(), "retry": {},
		}, "provider_selection", "beneficiary"),
		string(MethodMandate): object(map[string]shape{
			"mandate_id": {}, "reference": {}, "retry": retry, "user_interaction": oneOf(string(UserPresent), string(UserNotPresent)),
		}, "mandate_id"),
	}}
}

func beneficiaryShape() shape {
	return shape{forms: map[string]shape{
		string(ToMerchantAccount): object(map[string]shape{
			"merchant_account_id": {check: uuidRule}, "account_holder_name": name(40), "reference": reference(100),
			"statement_reference": reference(18),
			"verification": {forms: map[string]shape{
				string(VerifyAutomated): object(map[string]shape{"remitter_name": {}, "remitter_date_of_birth": {}}),
			}},
		}, "merchant_account_id"),
		string(ToExternalAccount): object(map[string]shape{
			"account_holder_name": name(40), "account_identifier": accountShape(true), "reference": reference(18),
		}, "account_holder_name", "account_identifier", "reference"),
	}}
}

func payoutBeneficiaryShape() shape {
	search := object(map[string]shape{
		"tokens": {check: count(1, 5), each: &shape{check: length(3, 50)}}, "amount_in_minor": {check: atLeast(1)}, "currency": oneOf("GBP"),
		"created_at": {check: dateRule},
	}, "tokens", "amount_in_minor", "currency", "created_at")
	return shape{forms: map[string]shape{
		string(ToExternalAccount): object(map[string]shape{
			"reference": {}, "account_holder_name": {}, "account_identifier": accountShape(false), "date_of_birth": {check: dateRule},
			"address": addressShape(),
		}, "reference", "account_holder_name", "account_identifier"),
		string(ToPaymentSource):   object(map[string]shape{"user_id": {}, "payment_source_id": {}, "reference": {}}, "user_id", "payment_source_id", "reference"),
		string(ToBusinessAccount): object(map[string]shape{"reference": {}}, "reference"),
		string(ToVerifiedExternalAccount): object(map[string]shape{
			"account_holder_verification_id": {check: uuidRule}, "override_bank_matched_name": {},
		}, "account_holder_verification_id"),
		string(ToUserDetermined): object(map[string]shape{
			"reference": {}, "user": userShape(),
			"verification": object(map[string]shape{"verify_name": {}, "transaction_search_criteria": search}, "verify_name"),
			"provider_selection": {forms: map[string]shape{
				string(UserSelected): object(map[string]shape{"filter": filterShape()}),
				string(Preselected):  object(map[string]shape{"provider_id": {}}, "provider_id"),
			}},
		}, "reference", "user", "verification", "provider_selection"),
	}}
}

func accountShape(bban bool) shape {
	forms := map[string]shape{
		string(SortCodeAccountNumber): object(map[string]shape{
			"sort_code": matching(`^[0-9]{6}$`, "6 digits"), "account_number": matching(`^[0-9]{8}$`, "8 digits"),
		}, "sort_code", "account_number"),
		string(IBAN): object(map[string]shape{
			"iban": matching(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`, "an IBAN in capitals without spaces"),
		}, "iban"),
		string(NRB): object(map[string]shape{"nrb": {}}, "nrb"),
	}
	if bban {
		forms[string(BBAN)] = object(map[string]shape{"bban": {}}, "bban")
	}
	return shape{forms: forms}
}

func userShape() shape {
	return object(map[string]shape{
		"id": {}, "name": name(0), "email": {check: emailRule}, "phone": {}, "date_of_birth": {check: dateRule}, "address": addressShape(),
		"political_exposure": oneOf(string(ExposureCurrent), string(ExposureNone)),
	})
}

func addressShape() shape {
	line := shape{check: length(1, 50)}
	return object(map[string]shape{
		"address_line1": line, "address_line2": line, "city": line, "state": line, "zip": {check: length(1, 20)},
		"country_code": matching(`^[A-Z]{2}$`, "two capitals, such as GB"),
	}, "address_line1", "city", "zip", "country_code")
}

func filterShape() shape {
	list := shape{check: distinct}
	return object(map[string]shape{
		"countries":       {check: distinct, each: new(matching(`^[A-Z]{2}$`, "two capitals, such as GB"))},
		"release_channel": {}, "customer_segments": list, "provider_ids": list,
		"excludes": object(map[string]shape{"provider_ids": list}),
	})
}

func hostedPageShape() shape {
	return object(map[string]shape{
		"return_uri": {check: uriRule}, "country_code": matching(`^[A-Z]{2}$`, "two capitals, such as GB"),
		"language_code": matching(`^[a-z]{2}$`, "two letters, such as en"), "max_wait_for_result": {check: between(0, 60)},
	}, "return_uri")
}

func flowShape() shape {
	return object(map[string]shape{
		"provider_selection": {}, "scheme_selection": {}, "branch_selection": {}, "user_account_selection": {},
		"redirect": object(map[string]shape{"return_uri": {check: uriRule}, "direct_return_uri": {check: uriRule}}, "return_uri"),
		"form":     object(map[string]shape{"input_types": {check: distinct}}, "input_types"),
		"consent": object(map[string]shape{
			"action_type": oneOf(string(ConsentExplicit), string(ConsentAdjacent)), "requirements": {check: objectRule},
		}),
	})
}

func subMerchantsShape() shape {
	return object(map[string]shape{"ultimate_counterparty": {forms: map[string]shape{
		string(BusinessDivision): object(map[string]shape{"id": {}, "name": {}}, "id", "name"),
		string(BusinessClient): object(map[string]shape{
			"id": {}, "trading_name": {check: text(70)}, "commercial_name": {check: text(100)}, "url": {check: text(100)},
			"mcc": matching(`^[0-9]{4}$`, "4 digits"), "registration_number": {check: text(35)}, "address": addressShape(),
		}, "id", "trading_name"),
	}}}, "ultimate_counterparty")
}
