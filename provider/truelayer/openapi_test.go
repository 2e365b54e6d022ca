package truelayer_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
)

// specification is TrueLayer's own description of the API, which the SDK must meet.
type specification struct{ doc *openapi3.T }

func openAPI(tb testing.TB) *specification {
	tb.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/openapi.core.yaml")
	require.NoError(tb, err)
	return &specification{doc}
}

// schema returns a named schema.
func (s *specification) schema(tb testing.TB, name string) *openapi3.Schema {
	tb.Helper()
	ref := s.doc.Components.Schemas[name]
	require.NotNil(tb, ref, "no schema %s", name)
	return ref.Value
}

// check says what is wrong with a JSON text.
func conforms(tb testing.TB, schema *openapi3.Schema, text []byte) error {
	tb.Helper()
	var value any
	require.NoError(tb, json.Unmarshal(text, &value), "%s", text)
	return schema.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors(),
		openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC4122)),
		openapi3.WithStringFormatValidator("email", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForEmail)),
		openapi3.WithStringFormatValidator("date", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringDate)))
}

// requireAll checks many texts against one schema, which is compiled anew for each check.
func requireAll(tb testing.TB, schema *openapi3.Schema, texts map[string][]byte) {
	tb.Helper()
	names := slices.Sorted(maps.Keys(texts))
	all := make([]json.RawMessage, len(names))
	for i, name := range names {
		all[i] = texts[name]
	}
	list := openapi3.NewArraySchema().WithItems(schema)
	if conforms(tb, list, jsonOf(tb, all)) == nil {
		return
	}
	for _, name := range names {
		require.NoError(tb, conforms(tb, schema, texts[name]), "%s: %s", name, texts[name])
	}
	require.Fail(tb, "together they fail, alone they don't")
}

// A validator that lets everything pass would make this file worthless.
func TestTheSpecificationIsEnforced(t *testing.T) {
	t.Parallel()
	spec := openAPI(t)
	for name, tc := range map[string]struct {
		schema, good, bad string
	}{
		"const":         {"ProblemDetailsForbidden", problemBody(403, "Forbidden", "d"), problemBody(404, "Forbidden", "d")},
		"pattern":       {"ProblemDetailsForbidden", problemBody(403, "Forbidden", "d"), strings.Replace(problemBody(403, "Forbidden", "d"), "#forbidden", "#other", 1)},
		"type array":    {"PaymentUserCreate", `{"political_exposure":null}`, `{"political_exposure":1}`},
		"enum":          {"PaymentUserCreate", `{"political_exposure":"current"}`, `{"political_exposure":"past"}`},
		"uuid":          {"PayoutToVerifiedExternalAccount", `{"type":"verified_external_account","account_holder_verification_id":"a61acaef-ee05-4077-92f3-25543a11bd8d"}`, `{"type":"verified_external_account","account_holder_verification_id":"1"}`},
		"date":          {"PaymentUserCreate", `{"date_of_birth":"1990-01-31"}`, `{"date_of_birth":"31.1.1990"}`},
		"email":         {"PaymentUserCreate", `{"email":"jane@example.com"}`, `{"email":"jane"}`},
		"required":      {"PaymentRefundCreated", `{"id":"r"}`, `{}`},
		"minimum":       {"CreatePaymentRefund", `{"reference":"r","amount_in_minor":1}`, `{"reference":"r","amount_in_minor":0}`},
		"maxLength":     {"Address", `{"address_line1":"a","city":"c","zip":"z","country_code":"GB"}`, `{"address_line1":"a","city":"c","zip":"z","country_code":"GBR"}`},
		"oneOf":         {"PaymentAccountIdentifier", `{"type":"iban","iban":"GB33BUKB20201555555555"}`, `{"type":"iban"}`},
		"closed":        {"CreatePaymentRefund", `{"reference":"r"}`, `{"reference":"r","amount":1}`},
		"maxProperties": {"Metadata", `{"a":"b"}`, `{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","10":"","11":""}`},
	} {
		schema := spec.schema(t, tc.schema)
		if name == "closed" {
			schema = closed(schema)
		}
		list := openapi3.NewArraySchema().WithItems(schema) // as requireAll does it
		assert.NoError(t, conforms(t, list, []byte("["+tc.good+"]")), name)
		assert.Error(t, conforms(t, list, []byte("["+tc.good+","+tc.bad+"]")), name)
	}
}

// closed forbids what the specification does not name, in a schema without allOf, so that no misspelled field passes.
func closed(schema *openapi3.Schema) *openapi3.Schema {
	no := false
	if len(schema.Properties) > 0 {
		schema.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	}
	for _, property := range schema.Properties {
		closed(property.Value)
	}
	for _, form := range schema.OneOf {
		closed(form.Value)
	}
	if schema.Items != nil {
		closed(schema.Items.Value)
	}
	return schema
}

var (
	account  = "a61acaef-ee05-4077-92f3-25543a11bd8d"
	address  = truelayer.Address{Line1: "1 Hardwick St", Line2: "Flat 2", City: "London", State: "London", Zip: "EC1R 4RB", CountryCode: "GB"}
	scan     = truelayer.AccountIdentifier{Type: truelayer.SortCodeAccountNumber, SortCode: "010203", AccountNumber: "12345678"}
	iban     = truelayer.AccountIdentifier{Type: truelayer.IBAN, IBAN: "GB33BUKB20201555555555"}
	bban     = truelayer.AccountIdentifier{Type: truelayer.BBAN, BBAN: "BUKB20201555555555"}
	nrb      = truelayer.AccountIdentifier{Type: truelayer.NRB, NRB: "61109010140000071219812874"}
	captured = truelayer.Timestamp{Time: time.Date(2026, 8, 20, 14, 0, 0, 1000, time.FixedZone("CEST", 7200))}
)

// filter has every field.
func filter() truelayer.ProviderFilter {
	return truelayer.ProviderFilter{
		Countries: []string{"GB", "DE"}, ReleaseChannel: truelayer.PrivateBeta,
		CustomerSegments: []truelayer.CustomerSegment{truelayer.Retail, truelayer.Business, truelayer.Corporate},
		ProviderIDs:      []string{"a"}, Excludes: truelayer.ProviderExcludes{ProviderIDs: []string{"b"}},
	}
}

// paymentMethods is every form that a payment can take.
func paymentMethods() map[string]any {
	methods := map[string]any{}
	add := func(name string, change func(*truelayer.BankTransfer)) {
		m := bankTransfer()
		change(&m)
		methods[name] = m
	}
	add("the least", func(*truelayer.BankTransfer) {})
	for _, scheme := range []truelayer.SchemeSelection{
		{Type: truelayer.InstantOnly}, {Type: truelayer.InstantOnly, AllowRemitterFee: true}, {Type: truelayer.InstantPreferred, AllowRemitterFee: true}, {Type: truelayer.UserSelected},
	} {
		add("user selected, "+string(scheme.Type), func(m *truelayer.BankTransfer) {
			m.ProviderSelection = truelayer.ProviderSelection{
				Type: truelayer.UserSelected, Filter: filter(), SchemeSelection: scheme, Remitter: truelayer.Remitter{AccountHolderName: "Jane Doe"},
			}
		})
	}
	for _, scheme := range []truelayer.SchemeSelection{
		{Type: truelayer.InstantOnly}, {Type: truelayer.InstantPreferred}, {Type: truelayer.UserSelected}, {Type: truelayer.Preselected, SchemeID: truelayer.FasterPaymentsService},
	} {
		add("preselected, "+string(scheme.Type), func(m *truelayer.BankTransfer) {
			m.ProviderSelection = truelayer.ProviderSelection{
				Type: truelayer.Preselected, ProviderID: "bank", SchemeSelection: scheme, DataAccessToken: "token",
				Remitter:        truelayer.Remitter{AccountHolderName: "Jane Doe", AccountIdentifier: bban},
				BranchSelection: truelayer.BranchSelection{Type: truelayer.Preselected, BranchID: "b"},
			}
		})
	}
	add("branch selected by the user", func(m *truelayer.BankTransfer) {
		*m = withToken("")
		m.ProviderSelection.BranchSelection.Type = truelayer.UserSelected
	})
	for _, id := range []truelayer.AccountIdentifier{scan, iban, bban, nrb} {
		add("to an external account by "+string(id.Type), func(m *truelayer.BankTransfer) {
			m.Beneficiary = truelayer.Beneficiary{
				Type: truelayer.ToExternalAccount, AccountHolderName: "Shop Ltd", AccountIdentifier: id, Reference: "a-Z 0:().,'+?/",
			}
		})
	}
	add("everything", func(m *truelayer.BankTransfer) {
		m.Beneficiary.AccountHolderName, m.Beneficiary.Reference, m.Beneficiary.StatementReference = "Shop Ltd", "order 1", "SHOP 1"
		m.Beneficiary.Verification = truelayer.Verification{Type: truelayer.VerifyAutomated, RemitterName: true, RemitterDateOfBirth: true}
		m.Retry, m.SignupPlus, m.RiskSegment = true, true, "gold"
		m.User = truelayer.User{
			ID: "user-1", Name: "Jane Doe", Email: "jane@example.com", Phone: "+447700900000", DateOfBirth: "1990-01-31", Address: address,
			PoliticalExposure: truelayer.ExposureNone,
		}
		m.HostedPage = truelayer.HostedPage{ReturnURI: "https://shop.example/return", CountryCode: "GB", LanguageCode: "en", MaxWaitForResult: new(0)}
		m.SubMerchants = truelayer.SubMerchants{UltimateCounterparty: truelayer.UltimateCounterparty{Type: truelayer.BusinessDivision, ID: "1", Name: "Shoes"}}
		m.UserConsent = truelayer.UserConsent{Type: truelayer.ConsentPrecaptured, CapturedAt: captured}
		m.PayerIP, m.PayerUserAgent = "192.0.2.1", "Mozilla/5.0"
	})
	add("with a flow", func(m *truelayer.BankTransfer) {
		m.AuthorizationFlow = new(everyFlow())
		m.UserConsent = truelayer.UserConsent{Type: truelayer.ConsentAuthorizationFlowCaptured}
		m.SubMerchants = truelayer.SubMerchants{UltimateCounterparty: truelayer.UltimateCounterparty{
			Type: truelayer.BusinessClient, ID: "1", TradingName: "Shoes", CommercialName: "Shoes Ltd", URL: "https://shoes.example", MCC: "5661",
			RegistrationNumber: "123", Address: address,
		}}
	})
	for _, retry := range []truelayer.MandateRetry{{}, {Type: truelayer.RetryStandard, For: "30m"}, {Type: truelayer.RetrySmart, For: "24h", EnsureMinimumBalanceInMinor: 100}} {
		methods["mandate, retry "+string(retry.Type)] = &truelayer.Mandate{
			MandateID: account, Reference: "r", UserInteraction: truelayer.UserNotPresent, Retry: retry, User: bankTransfer().User,
			HostedPage: truelayer.HostedPage{ReturnURI: "https://shop.example"}, SignupPlus: true, RiskSegment: "gold",
			UserConsent:  truelayer.UserConsent{Type: truelayer.ConsentAuthorizationFlowCaptured},
			SubMerchants: truelayer.SubMerchants{UltimateCounterparty: truelayer.UltimateCounterparty{Type: truelayer.BusinessDivision, ID: "1", Name: "Shoes"}},
		}
	}
	return methods
}

func everyFlow() truelayer.FlowOptions {
	return truelayer.FlowOptions{
		ProviderSelection: true, SchemeSelection: true, BranchSelection: true, UserAccountSelection: true,
		Redirect:       truelayer.Redirect{ReturnURI: "https://shop.example", DirectReturnURI: "https://shop.example/direct"},
		FormInputTypes: []truelayer.InputType{truelayer.InputText, truelayer.InputTextWithImage, truelayer.InputSelect},
		Consent:        &truelayer.ConsentOptions{ActionType: truelayer.ConsentAdjacent, Requirements: json.RawMessage(`{"pis":{}}`)},
	}
}

func TestEveryPaymentFormMeetsTheSpecification(t *testing.T) {
	t.Parallel()
	schema := closed(openAPI(t).schema(t, "CreatePayment"))
	p, bodies := newProvider(t), map[string][]byte{}
	for name, method := range paymentMethods() {
		op, err := p.Portable().CreatePayment(payonce.PaymentParams{
			Reference: "order-1", Amount: payonce.Amount{Minor: 1<<53 - 1, Currency: "EUR"}, Method: method, Description: "2 shoes",
			Metadata: map[string]string{"order": "1"},
		})
		require.NoError(t, err, name)
		bodies[name] = encode(t, op, 1)
	}
	requireAll(t, schema, bodies)
}

func TestEveryRefundFormMeetsTheSpecification(t *testing.T) {
	t.Parallel()
	schema, bodies := closed(openAPI(t).schema(t, "CreatePaymentRefund")), map[string][]byte{}
	for name, params := range map[string]payonce.RefundParams{
		"part":          {Amount: payonce.Amount{Minor: 1, Currency: "GBP"}},
		"full":          {Full: true},
		"with a reason": {Full: true, Reason: "broken shoe", Metadata: map[string]string{"a": "b"}},
	} {
		params.Reference, params.PaymentID = "rma_77", account
		op, err := newProvider(t).Portable().CreateRefund(params)
		require.NoError(t, err, name)
		bodies[name] = encode(t, op, 1)
		assert.Equal(t, params.Full, !strings.Contains(string(bodies[name]), "amount_in_minor"), "only a full refund has no amount")
	}
	requireAll(t, schema, bodies)
}

// payouts is every form that a payout can take.
func payouts() map[string]truelayer.PayoutParams {
	all := map[string]truelayer.PayoutParams{}
	add := func(name, currency string, b truelayer.PayoutBeneficiary) {
		all[name] = truelayer.PayoutParams{
			Reference: "payout-1", MerchantAccountID: account, Amount: payonce.Amount{Minor: 1, Currency: currency}, Beneficiary: b,
		}
	}
	for currency, id := range map[string]truelayer.AccountIdentifier{"GBP": scan, "EUR": iban, "PLN": nrb} {
		add("external account in "+currency, currency, truelayer.PayoutBeneficiary{
			Type: truelayer.ToExternalAccount, Reference: "r", AccountHolderName: "Jane Doe", AccountIdentifier: id, DateOfBirth: "1990-01-31", Address: address,
		})
	}
	add("payment source", "GBP", truelayer.PayoutBeneficiary{Type: truelayer.ToPaymentSource, Reference: "r", UserID: "u", PaymentSourceID: "s"})
	add("business account", "GBP", truelayer.PayoutBeneficiary{Type: truelayer.ToBusinessAccount, Reference: "r"})
	add("verified external account", "GBP", truelayer.PayoutBeneficiary{
		Type: truelayer.ToVerifiedExternalAccount, AccountHolderVerificationID: account, OverrideBankMatchedName: true,
	})
	toUser := truelayer.PayoutBeneficiary{
		Type: truelayer.ToUserDetermined, Reference: "r", User: bankTransfer().User, Verification: &truelayer.PayoutVerification{},
	}
	add("user determined", "GBP", toUser)
	toUser.ProviderSelection = truelayer.ProviderSelection{Filter: filter()}
	add("user determined, filtered", "GBP", toUser)
	toUser.ProviderSelection = truelayer.ProviderSelection{Type: truelayer.Preselected, ProviderID: "bank"}
	toUser.Verification = &truelayer.PayoutVerification{VerifyName: true, TransactionSearchCriteria: &truelayer.TransactionSearchCriteria{
		Tokens: []string{"abc"}, AmountInMinor: 1, Currency: "GBP", CreatedAt: "2026-08-20",
	}}
	add("user determined, verified", "GBP", toUser)
	for _, scheme := range []truelayer.SchemeSelection{
		{Type: truelayer.InstantOnly}, {Type: truelayer.InstantPreferred}, {Type: truelayer.Preselected, SchemeID: truelayer.SEPATransferInstant},
	} {
		params := all["business account"]
		params.SchemeSelection, params.Metadata = scheme, map[string]string{"a": "b"}
		params.SubMerchants = truelayer.SubMerchants{UltimateCounterparty: truelayer.UltimateCounterparty{Type: truelayer.BusinessClient, ID: "1", TradingName: "Shoes"}}
		all["scheme "+string(scheme.Type)] = params
	}
	return all
}

func TestEveryPayoutFormMeetsTheSpecification(t *testing.T) {
	t.Parallel()
	schema, bodies := closed(openAPI(t).schema(t, "CreatePayout")), map[string][]byte{}
	p := newProvider(t)
	for name, params := range payouts() {
		op, err := truelayer.CreatePayout(p)(params)
		require.NoError(t, err, name)
		bodies[name] = encode(t, op, 1)
		assert.Contains(t, string(bodies[name]), `"payonce_ref":"truelayer.payout.create:1:payout-1"`)
	}
	requireAll(t, schema, bodies)
}

func TestEveryFlowFormMeetsTheSpecification(t *testing.T) {
	t.Parallel()
	schema, bodies := closed(openAPI(t).schema(t, "StartPaymentAuthorizationFlow")), map[string][]byte{}
	for name, options := range map[string]truelayer.FlowOptions{
		"nothing": {}, "everything": everyFlow(), "explicit consent": {Consent: &truelayer.ConsentOptions{ActionType: truelayer.ConsentExplicit}},
		"any consent": {Consent: &truelayer.ConsentOptions{}}, "redirect": {Redirect: truelayer.Redirect{ReturnURI: "https://shop.example"}},
	} {
		op, err := truelayer.StartFlow(newProvider(t))(truelayer.StartFlowParams{PaymentID: account, Options: options, PayerIP: "192.0.2.1"})
		require.NoError(t, err, name)
		bodies[name] = encode(t, op, 1)
	}
	requireAll(t, schema, bodies)
}
