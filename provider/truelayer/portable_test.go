package truelayer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

func order(method any) payonce.PaymentParams {
	return payonce.PaymentParams{Reference: "order-12345", Amount: payonce.Amount{Minor: 5000, Currency: "GBP"}, Method: method}
}

func TestPaymentIsEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	m := bankTransfer()
	m.HostedPage = truelayer.HostedPage{ReturnURI: "https://shop.example/?a=1&b=2"}
	m.PayerIP, m.PayerUserAgent = "192.0.2.1", "Mozilla/5.0"
	params := order(m)
	params.Description, params.Metadata = "2 shoes", map[string]string{"order": "12345"}
	params.NotAfter = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	op, err := newProvider(t).Portable().CreatePayment(params)
	require.NoError(t, err)
	const body = `{"amount_in_minor":5000,"currency":"GBP",
		"payment_method":{"type":"bank_transfer","provider_selection":{"type":"user_selected"},
			"beneficiary":{"type":"merchant_account","merchant_account_id":"a61acaef-ee05-4077-92f3-25543a11bd8d","reference":"2 shoes"}},
		"user":{"name":"Jane Doe","email":"jane@example.com"},"hosted_page":{"return_uri":"https://shop.example/?a=1&b=2"},
		"metadata":{"order":"12345"%s}}`
	assert.JSONEq(t, fmt.Sprintf(body, ""), string(encode(t, op, 0)), "what tells an operation from another has no reference")
	assert.JSONEq(t, fmt.Sprintf(body, `,"payonce_ref":"payment.create:1:order-12345"`), string(encode(t, op, 1)))
	assert.JSONEq(t, fmt.Sprintf(body, `,"payonce_ref":"payment.create:2:order-12345"`), string(encode(t, op, 2)))
	assert.Equal(t, http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Device-User-Agent": {"Mozilla/5.0"}}, op.Header)
	assert.Equal(t, "payment.create", op.Kind)
	assert.Equal(t, "order-12345", op.Reference)
	assert.Equal(t, params.NotAfter, op.NotAfter)
	assert.Equal(t, payonce.ReplayKeyed, op.Replay)
	assert.False(t, op.EmptyOK)
	assert.Equal(t, map[string]string{"order": "12345"}, params.Metadata, "the caller's map is not touched")

	op, err = newProvider(t, func(c *truelayer.Config) { c.NoRef = true }).Portable().CreatePayment(params)
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(body, ""), string(encode(t, op, 1)))
}

func TestMethodMayBeAPointer(t *testing.T) {
	t.Parallel()
	m := bankTransfer()
	value, err := newProvider(t).Portable().CreatePayment(order(m))
	require.NoError(t, err)
	pointer, err := newProvider(t).Portable().CreatePayment(order(&m))
	require.NoError(t, err)
	assert.JSONEq(t, string(encode(t, value, 1)), string(encode(t, pointer, 1)))
}

func TestPaymentsThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	external := func(change func(*truelayer.Beneficiary)) func(*truelayer.BankTransfer) {
		return func(m *truelayer.BankTransfer) {
			m.Beneficiary = truelayer.Beneficiary{Type: truelayer.ToExternalAccount, AccountHolderName: "Shop", Reference: "r", AccountIdentifier: scan}
			change(&m.Beneficiary)
		}
	}
	identifier := func(id truelayer.AccountIdentifier) func(*truelayer.BankTransfer) {
		return external(func(b *truelayer.Beneficiary) { b.AccountIdentifier = id })
	}
	selection := func(s truelayer.ProviderSelection) func(*truelayer.BankTransfer) {
		return func(m *truelayer.BankTransfer) { m.ProviderSelection = s }
	}
	user := func(change func(*truelayer.User)) func(*truelayer.BankTransfer) {
		return func(m *truelayer.BankTransfer) { change(&m.User) }
	}
	const method, beneficiary = "payment_method.", "payment_method.beneficiary."
	for want, change := range map[string]func(*truelayer.BankTransfer){
		beneficiary + "type: must be one of external_account, merchant_account":                                            func(m *truelayer.BankTransfer) { m.Beneficiary = truelayer.Beneficiary{} },
		beneficiary + "merchant_account_id: is required":                                                                   func(m *truelayer.BankTransfer) { m.Beneficiary.MerchantAccountID = "" },
		beneficiary + "merchant_account_id: must be a UUID":                                                                func(m *truelayer.BankTransfer) { m.Beneficiary.MerchantAccountID = "1" },
		beneficiary + "account_identifier: does not belong to merchant_account":                                            func(m *truelayer.BankTransfer) { m.Beneficiary.AccountIdentifier = scan },
		beneficiary + "account_holder_name: must have no parentheses":                                                      func(m *truelayer.BankTransfer) { m.Beneficiary.AccountHolderName = "Shop (UK)" },
		beneficiary + "account_holder_name: must have at most 40":                                                          func(m *truelayer.BankTransfer) { m.Beneficiary.AccountHolderName = strings.Repeat("x", 41) },
		beneficiary + "reference: must have at most 100":                                                                   func(m *truelayer.BankTransfer) { m.Beneficiary.Reference = strings.Repeat("x", 101) },
		beneficiary + "reference: has a character at byte 1":                                                               func(m *truelayer.BankTransfer) { m.Beneficiary.Reference = "a_b" },
		beneficiary + "statement_reference: must have at most 18":                                                          func(m *truelayer.BankTransfer) { m.Beneficiary.StatementReference = strings.Repeat("x", 19) },
		beneficiary + "verification.type: must be one of automated":                                                        func(m *truelayer.BankTransfer) { m.Beneficiary.Verification.RemitterName = true },
		beneficiary + "reference: must have at most 18":                                                                    external(func(b *truelayer.Beneficiary) { b.Reference = strings.Repeat("x", 19) }),
		beneficiary + "reference: is required":                                                                             external(func(b *truelayer.Beneficiary) { b.Reference = "" }),
		beneficiary + "account_holder_name: is required":                                                                   external(func(b *truelayer.Beneficiary) { b.AccountHolderName = "" }),
		beneficiary + "account_identifier: is required":                                                                    identifier(truelayer.AccountIdentifier{}),
		beneficiary + "account_identifier.type: must be one of bban, iban, nrb, sort_code_account_number":                  identifier(truelayer.AccountIdentifier{IBAN: "x"}),
		beneficiary + "account_identifier.sort_code: must be 6 digits":                                                     identifier(truelayer.AccountIdentifier{Type: truelayer.SortCodeAccountNumber, SortCode: "01-02-03", AccountNumber: "12345678"}),
		beneficiary + "account_identifier.account_number: must be 8 digits":                                                identifier(truelayer.AccountIdentifier{Type: truelayer.SortCodeAccountNumber, SortCode: "010203", AccountNumber: "1"}),
		beneficiary + "account_identifier.iban: must be an IBAN":                                                           identifier(truelayer.AccountIdentifier{Type: truelayer.IBAN, IBAN: "GB33 BUKB"}),
		beneficiary + "account_identifier.nrb: is required":                                                                identifier(truelayer.AccountIdentifier{Type: truelayer.NRB}),
		beneficiary + "account_identifier.nrb: does not belong to bban":                                                    identifier(truelayer.AccountIdentifier{Type: truelayer.BBAN, BBAN: "1", NRB: "1"}),
		method + "provider_selection.type: must be one of preselected, user_selected":                                      selection(truelayer.ProviderSelection{Type: "any"}),
		method + "provider_selection.provider_id: does not belong to user_selected":                                        selection(truelayer.ProviderSelection{ProviderID: "bank"}),
		method + "provider_selection.scheme_id: does not belong to user_selected":                                          selection(truelayer.ProviderSelection{SchemeID: "x"}),
		method + "provider_selection.data_access_token: does not belong to user_selected":                                  selection(truelayer.ProviderSelection{DataAccessToken: "canary"}),
		method + "provider_selection.data_access_token: must have 0 to 10000 characters":                                   selection(truelayer.ProviderSelection{Type: truelayer.Preselected, DataAccessToken: payonce.Secret(strings.Repeat("c", 10001))}),
		method + "provider_selection.provider_id: is required":                                                             selection(truelayer.ProviderSelection{Type: truelayer.Preselected}),
		method + "provider_selection.scheme_selection: is required":                                                        selection(truelayer.ProviderSelection{Type: truelayer.Preselected}),
		method + "provider_selection.scheme_selection.type: must be one of instant_only, instant_preferred, user_selected": selection(truelayer.ProviderSelection{SchemeSelection: truelayer.SchemeSelection{Type: truelayer.Preselected, SchemeID: "x"}}),
		method + "provider_selection.scheme_selection.scheme_id: is required":                                              selection(truelayer.ProviderSelection{Type: truelayer.Preselected, ProviderID: "b", SchemeSelection: truelayer.SchemeSelection{Type: truelayer.Preselected}}),
		method + "provider_selection.scheme_selection.allow_remitter_fee: does not belong to user_selected":                selection(truelayer.ProviderSelection{SchemeSelection: truelayer.SchemeSelection{Type: truelayer.UserSelected, AllowRemitterFee: true}}),
		method + "provider_selection.branch_selection.branch_id: is required":                                              selection(truelayer.ProviderSelection{Type: truelayer.Preselected, BranchSelection: truelayer.BranchSelection{Type: truelayer.Preselected}}),
		method + "provider_selection.filter.countries[1]: must be two capitals":                                            selection(truelayer.ProviderSelection{Filter: truelayer.ProviderFilter{Countries: []string{"GB", "de"}}}),
		method + "provider_selection.filter.provider_ids: has an element twice":                                            selection(truelayer.ProviderSelection{Filter: truelayer.ProviderFilter{ProviderIDs: []string{"a", "a"}}}),
		method + "provider_selection.remitter.account_identifier: does not belong":                                         selection(truelayer.ProviderSelection{Remitter: truelayer.Remitter{AccountHolderName: "J", AccountIdentifier: iban}}),
		"user.name: is required":                         user(func(u *truelayer.User) { u.Name = "" }),
		"user.name: must have no parentheses":            user(func(u *truelayer.User) { u.Name = "Jane (Doe)" }),
		"user.email: is required, or user.phone":         user(func(u *truelayer.User) { u.Email = "" }),
		"user.email: must be an email address":           user(func(u *truelayer.User) { u.Email = "Jane <jane@example.com>" }),
		"user.date_of_birth: must be a date":             user(func(u *truelayer.User) { u.DateOfBirth = "31.1.1990" }),
		"user.political_exposure: must be one of":        user(func(u *truelayer.User) { u.PoliticalExposure = "past" }),
		"user.address.zip: must have 1 to 20 characters": user(func(u *truelayer.User) { u.Address = truelayer.Address{Line1: "a", City: "c", CountryCode: "GB"} }),
		"user.address.city: must have 1 to 50 characters": user(func(u *truelayer.User) {
			u.Address = truelayer.Address{Line1: "a", City: strings.Repeat("c", 51), Zip: "z", CountryCode: "GB"}
		}),
		"user.address.country_code: must be two capitals": user(func(u *truelayer.User) {
			u.Address = truelayer.Address{Line1: "a", City: "c", Zip: "z", CountryCode: "gb"}
		}),
		"hosted_page: and authorization_flow exclude each other": func(m *truelayer.BankTransfer) {
			m.HostedPage.ReturnURI, m.AuthorizationFlow = "https://shop.example", &truelayer.FlowOptions{}
		},
		"hosted_page.return_uri: must be a URI": func(m *truelayer.BankTransfer) { m.HostedPage.CountryCode = "GB" },
		"hosted_page.country_code: must be two capitals": func(m *truelayer.BankTransfer) {
			m.HostedPage = truelayer.HostedPage{ReturnURI: "x", CountryCode: "uk"}
		},
		"hosted_page.language_code: must be two letters": func(m *truelayer.BankTransfer) {
			m.HostedPage = truelayer.HostedPage{ReturnURI: "x", LanguageCode: "EN"}
		},
		"hosted_page.max_wait_for_result: must be 0 to 60, is 61": func(m *truelayer.BankTransfer) {
			m.HostedPage = truelayer.HostedPage{ReturnURI: "x", MaxWaitForResult: new(61)}
		},
		"authorization_flow.redirect.return_uri: must be a URI": func(m *truelayer.BankTransfer) {
			m.AuthorizationFlow = &truelayer.FlowOptions{Redirect: truelayer.Redirect{DirectReturnURI: "https://shop.example"}}
		},
		"authorization_flow.consent.requirements: must be a JSON object": func(m *truelayer.BankTransfer) {
			m.AuthorizationFlow = &truelayer.FlowOptions{Consent: &truelayer.ConsentOptions{Requirements: json.RawMessage(`[]`)}}
		},
		"body: can't be encoded as JSON": func(m *truelayer.BankTransfer) {
			m.AuthorizationFlow = &truelayer.FlowOptions{Consent: &truelayer.ConsentOptions{Requirements: json.RawMessage(`{canary`)}}
		},
		"risk_assessment.segment: must have no parentheses": func(m *truelayer.BankTransfer) { m.RiskSegment = "(gold)" },
		"user_consent.captured_at: is required":             func(m *truelayer.BankTransfer) { m.UserConsent.Type = truelayer.ConsentPrecaptured },
		"user_consent.captured_at: does not belong to authorization_flow_captured": func(m *truelayer.BankTransfer) {
			m.UserConsent = truelayer.UserConsent{Type: truelayer.ConsentAuthorizationFlowCaptured, CapturedAt: captured}
		},
		"sub_merchants.ultimate_counterparty.name: is required": func(m *truelayer.BankTransfer) {
			m.SubMerchants.UltimateCounterparty = truelayer.UltimateCounterparty{Type: truelayer.BusinessDivision, ID: "1"}
		},
		"sub_merchants.ultimate_counterparty.mcc: must be 4 digits": func(m *truelayer.BankTransfer) {
			m.SubMerchants.UltimateCounterparty = truelayer.UltimateCounterparty{Type: truelayer.BusinessClient, ID: "1", TradingName: "n", MCC: "12"}
		},
		"X-Forwarded-For: has a character that no header takes": func(m *truelayer.BankTransfer) { m.PayerIP = "a\r\nb" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			m := bankTransfer()
			change(&m)
			_, err := newProvider(t).Portable().CreatePayment(order(m))
			require.ErrorIs(t, err, payonce.ErrInvalid)
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestParamsThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 10 {
		many[fmt.Sprint(i)] = ""
	}
	for want, change := range map[string]func(*payonce.PaymentParams){
		"Method: must be a truelayer.BankTransfer or truelayer.Mandate, is <nil>":  func(p *payonce.PaymentParams) { p.Method = nil },
		"Method: must be a truelayer.BankTransfer or truelayer.Mandate, is string": func(p *payonce.PaymentParams) { p.Method = "canary" },
		"is *truelayer.BankTransfer":                                    func(p *payonce.PaymentParams) { p.Method = (*truelayer.BankTransfer)(nil) },
		"is *truelayer.Mandate":                                         func(p *payonce.PaymentParams) { p.Method = (*truelayer.Mandate)(nil) },
		"amount_in_minor: must be at least 1, is 0":                     func(p *payonce.PaymentParams) { p.Amount.Minor = 0 },
		"currency: must be one of GBP, EUR":                             func(p *payonce.PaymentParams) { p.Amount.Currency = "PLN" },
		"metadata: must have at most 10 pairs, has 11 with payonce_ref": func(p *payonce.PaymentParams) { p.Metadata = many },
		"metadata: payonce_ref is set by the client":                    func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"payonce_ref": "x"} },
		"metadata: has a key of 41 characters":                          func(p *payonce.PaymentParams) { p.Metadata = map[string]string{strings.Repeat("é", 41): ""} },
		"metadata: has a value of 501 characters":                       func(p *payonce.PaymentParams) { p.Metadata = map[string]string{"a": strings.Repeat("é", 501)} },
		"payment_method.beneficiary.reference: has a character":         func(p *payonce.PaymentParams) { p.Description = "shoes & socks" },
		"payment_method.mandate_id: is required":                        func(p *payonce.PaymentParams) { p.Method = truelayer.Mandate{User: bankTransfer().User} },
		"payment_method.user_interaction: must be one of":               func(p *payonce.PaymentParams) { p.Method = truelayer.Mandate{UserInteraction: "maybe"} },
		"payment_method.retry.type: must be one of smart, standard":     func(p *payonce.PaymentParams) { p.Method = truelayer.Mandate{Retry: truelayer.MandateRetry{For: "1h"}} },
		"ensure_minimum_balance_in_minor: does not belong to standard": func(p *payonce.PaymentParams) {
			p.Method = truelayer.Mandate{Retry: truelayer.MandateRetry{Type: truelayer.RetryStandard, EnsureMinimumBalanceInMinor: 1}}
		},
	} {
		params := order(bankTransfer())
		change(&params)
		_, err := newProvider(t).Portable().CreatePayment(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
	params := order(bankTransfer())
	params.Metadata = many
	_, err := newProvider(t, func(c *truelayer.Config) { c.NoRef = true }).Portable().CreatePayment(params)
	require.NoError(t, err, "without payonce_ref ten pairs fit")
	params = order(truelayer.BankTransfer{Beneficiary: bankTransfer().Beneficiary})
	_, err = newProvider(t, func(c *truelayer.Config) { c.OwnLicence = true }).Portable().CreatePayment(params)
	require.NoError(t, err, "under an own licence the payer needs no name")
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newProvider(t).Portable().CreatePayment(payonce.PaymentParams{Method: truelayer.BankTransfer{User: truelayer.User{DateOfBirth: "x"}}})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, field := range []string{"amount_in_minor", "currency", "user.name", "user.email", "user.date_of_birth", "payment_method.beneficiary.type"} {
		assert.ErrorContains(t, err, field+": ")
	}
}

func TestRefundsAreEncodedAsDocumented(t *testing.T) {
	t.Parallel()
	create := newProvider(t).Portable().CreateRefund
	op, err := create(payonce.RefundParams{Reference: "rma_77/ü", PaymentID: "p-1", Amount: payonce.Amount{Minor: 5, Currency: "GBP"}})
	require.NoError(t, err)
	assert.Equal(t, "/v3/payments/p-1/refunds", op.Path)
	assert.Equal(t, "refund.create", op.Kind)
	assert.JSONEq(t, `{"amount_in_minor":5,"reference":"rma-77/-","metadata":{"payonce_ref":"refund.create:1:rma_77/ü"}}`, string(encode(t, op, 1)))
	op, err = create(payonce.RefundParams{Reference: "rma-77", PaymentID: "p-1", Full: true, Reason: "too small"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"reference":"too small"}`, string(encode(t, op, 0)))

	for want, params := range map[string]payonce.RefundParams{
		"Amount: must be at least 1 minor unit, or Full must be set": {Reference: "r", PaymentID: "p"},
		"Full: and Amount exclude each other":                        {Reference: "r", PaymentID: "p", Full: true, Amount: payonce.Amount{Minor: 1, Currency: "GBP"}},
		"Amount: must be at least 1":                                 {Reference: "r", PaymentID: "p", Amount: payonce.Amount{Minor: -1, Currency: "GBP"}},
		"reference: has a character at byte 3":                       {Reference: "r", PaymentID: "p", Full: true, Reason: "too_small"},
		"reference: must have at most 140":                           {Reference: "r", PaymentID: "p", Full: true, Reason: strings.Repeat("x", 141)},
		"PaymentID: is required":                                     {Reference: "r", Full: true},
		"PaymentID: is not an id":                                    {Reference: "r", Full: true, PaymentID: "../payouts"},
	} {
		_, err := create(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
}

func TestCancellationHasNoBody(t *testing.T) {
	t.Parallel()
	portable := newProvider(t).Portable()
	op, err := portable.CancelPayment(payonce.CancelParams{PaymentID: "p-1"})
	require.NoError(t, err)
	assert.Nil(t, encode(t, op, 1))
	assert.True(t, op.EmptyOK)
	assert.Equal(t, "/v3/payments/p-1/actions/cancel", op.Path)
	assert.Equal(t, "p-1", op.Reference)
	assert.Nil(t, portable.CapturePayment, "a bank transfer can't be captured")
}

func TestNoIDLeadsToAnotherPath(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	portable := p.Portable()
	for _, id := range []string{"", ".", "..", "a/b", "../payouts/x", "a?b", "a#b", "a b", "a\r\nb", "ü", "%2e%2e", strings.Repeat("a", 101)} {
		for _, path := range []string{portable.GetPayment(id).Path, portable.GetRefund("p", id).Path, portable.GetRefund(id, "r").Path, portable.ListRefunds(id, "").Path} {
			segments := strings.Split(path, "/")
			assert.Contains(t, []int{4, 5, 6}, len(segments), path)
			assert.NotContains(t, segments[1:], "", path)
			assert.NotContains(t, segments, ".", path)
			assert.NotContains(t, segments, "..", path)
			assert.NotContains(t, path, "?")
			assert.NotContains(t, path, "#")
		}
		_, err := portable.CancelPayment(payonce.CancelParams{PaymentID: id})
		require.ErrorIs(t, err, payonce.ErrInvalid, id)
		_, err = truelayer.StartFlow(p)(truelayer.StartFlowParams{PaymentID: id})
		require.ErrorIs(t, err, payonce.ErrInvalid, id)
		_, err = truelayer.SetSweeping(p)(truelayer.SweepingParams{MerchantAccountID: id, Frequency: truelayer.SweepDaily, MaxAmount: payonce.Amount{Currency: "GBP"}})
		require.ErrorIs(t, err, payonce.ErrInvalid, id)
		_, err = truelayer.DisableSweeping(p)(truelayer.DisableSweepingParams{MerchantAccountID: id})
		require.ErrorIs(t, err, payonce.ErrInvalid, id)
	}
	assert.Equal(t, "/v3/payments/p-1/refunds/r-1", portable.GetRefund("p-1", "r-1").Path)
}

func TestCheckIsASignedRequestWithoutEffect(t *testing.T) {
	t.Parallel()
	q := newProvider(t).Portable().Check()
	assert.Equal(t, "/test-signature", q.Path)
	assert.Equal(t, http.MethodPost, q.Method)
	assert.True(t, q.EmptyOK)
	assert.NotEmpty(t, q.Body)
}

func TestPayoutsThatAreRefusedBeforeTheNetwork(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	toBank := func(change func(*truelayer.PayoutParams)) truelayer.PayoutParams {
		params := payouts()["external account in GBP"]
		change(&params)
		return params
	}
	const b = "beneficiary."
	for want, params := range map[string]truelayer.PayoutParams{
		"merchant_account_id: must be a UUID":        toBank(func(p *truelayer.PayoutParams) { p.MerchantAccountID = "" }),
		"amount_in_minor: must be at least 1, is -1": toBank(func(p *truelayer.PayoutParams) { p.Amount.Minor = -1 }),
		"currency: must be one of GBP, EUR, PLN":     toBank(func(p *truelayer.PayoutParams) { p.Amount.Currency = "USD" }),
		b + "type: must be one of business_account, external_account, payment_source, user_determined, verified_external_account": toBank(func(p *truelayer.PayoutParams) { p.Beneficiary.Type = truelayer.ToMerchantAccount }),
		b + "reference: must have at most 18 characters in GBP, has 19":                                                           toBank(func(p *truelayer.PayoutParams) { p.Beneficiary.Reference = strings.Repeat("x", 19) }),
		b + "reference: must have at most 140 characters in EUR": toBank(func(p *truelayer.PayoutParams) {
			p.Amount.Currency, p.Beneficiary.Reference = "EUR", strings.Repeat("x", 141)
		}),
		b + "reference: must have at most 20 characters in PLN": toBank(func(p *truelayer.PayoutParams) {
			p.Amount.Currency, p.Beneficiary.Reference = "PLN", strings.Repeat("x", 21)
		}),
		b + "account_holder_name: must have at most 70 characters in EUR": toBank(func(p *truelayer.PayoutParams) {
			p.Amount.Currency, p.Beneficiary.AccountHolderName = "EUR", strings.Repeat("x", 71)
		}),
		b + "account_identifier.type: must be one of iban, nrb, sort_code_account_number": toBank(func(p *truelayer.PayoutParams) { p.Beneficiary.AccountIdentifier = bban }),
		b + "user_id: does not belong to external_account":                                toBank(func(p *truelayer.PayoutParams) { p.Beneficiary.UserID = "u" }),
		b + "account_identifiers: does not belong to external_account": toBank(func(p *truelayer.PayoutParams) {
			p.Beneficiary.AccountIdentifiers = []truelayer.AccountIdentifier{scan}
		}),
		b + "account_holder_verification_id: must be a UUID": toBank(func(p *truelayer.PayoutParams) {
			p.Beneficiary = truelayer.PayoutBeneficiary{Type: truelayer.ToVerifiedExternalAccount, AccountHolderVerificationID: "1"}
		}),
		b + "verification: is required": toBank(func(p *truelayer.PayoutParams) {
			p.Beneficiary = truelayer.PayoutBeneficiary{Type: truelayer.ToUserDetermined, Reference: "r", User: bankTransfer().User}
		}),
		b + "verification.transaction_search_criteria.tokens: must have 1 to 5 elements": toBank(func(p *truelayer.PayoutParams) {
			p.Beneficiary = truelayer.PayoutBeneficiary{
				Type: truelayer.ToUserDetermined, Verification: &truelayer.PayoutVerification{TransactionSearchCriteria: &truelayer.TransactionSearchCriteria{}},
			}
		}),
		b + "provider_selection.scheme_selection: does not belong to preselected": toBank(func(p *truelayer.PayoutParams) {
			p.Beneficiary = truelayer.PayoutBeneficiary{Type: truelayer.ToUserDetermined, ProviderSelection: withToken("").ProviderSelection}
		}),
		"scheme_selection.type: must be one of instant_only, instant_preferred, preselected": toBank(func(p *truelayer.PayoutParams) { p.SchemeSelection.Type = truelayer.UserSelected }),
		"scheme_selection.scheme_id: is required":                                            toBank(func(p *truelayer.PayoutParams) { p.SchemeSelection.Type = truelayer.Preselected }),
	} {
		_, err := truelayer.CreatePayout(p)(params)
		require.ErrorIs(t, err, payonce.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
	_, err := truelayer.SetSweeping(p)(truelayer.SweepingParams{MerchantAccountID: account, MaxAmount: payonce.Amount{Minor: -1, Currency: "USD"}})
	require.ErrorIs(t, err, payonce.ErrInvalid)
	for _, field := range []string{"max_amount_in_minor", "currency", "frequency"} {
		assert.ErrorContains(t, err, field+": ")
	}
}
