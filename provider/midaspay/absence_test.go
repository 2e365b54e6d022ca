package midaspay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/midaspay"
)

func TestA404ProvesAbsenceOnlyOfWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	orders := []string{"NOT_FOUND", "ORDER_NOT_FOUND", "ORDER_NOT_EXIST", "PAYMENT_NOT_FOUND", "PAYMENT_ORDER_NOT_EXIST", "REFERENCE_NOT_FOUND", "REFERENCE_ID_NOT_EXIST"}
	for _, name := range orders {
		assert.Equal(t, refused, p.ClassifyLookup(ask("payment.create"), answer(404, document(name))).Class, name)
		assert.Equal(t, succeeded, p.Classify(ask("check"), answer(404, document(name))).Class, name)
	}
	for _, name := range []string{"NOT_FOUND", "SUBSCRIPTION_NOT_FOUND", "SUBSCRIPTION_NOT_EXIST", "REFERENCE_ID_NOT_FOUND"} {
		assert.Equal(t, refused, p.ClassifyLookup(ask("midaspay.subscription.create"), answer(404, document(name))).Class, name)
	}
	for _, name := range []string{
		"MERCHANT_NOT_EXIST", "MERCHANT_NOT_FOUND", "SUB_MERCHANT_NOT_EXIST", "API_NOT_FOUND", "ROUTE_NOT_FOUND", "SERVICE_NOT_FOUND", "CERTIFICATE_NOT_FOUND",
		"CHANNEL_NOT_EXIST", "ACCOUNT_NOT_EXIST", "BENEFICIARY_NOT_FOUND", "PAYMENT_METHOD_NOT_FOUND", "_NOT_FOUND", "NOT_EXIST", "ORDER_NOT_FOUND_YET", "ORDER",
		"A_NAME_OF_TOMORROW",
	} {
		for _, kind := range []string{"payment.create", "midaspay.subscription.create"} {
			assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), answer(404, document(name))).Class, "%s: %s", kind, name)
		}
		assert.Equal(t, refused, p.Classify(ask("check"), answer(404, document(name))).Class, "check: %s", name)
	}
	assert.Equal(t, unknown, p.ClassifyLookup(ask("payment.create"), answer(404, document("SUBSCRIPTION_NOT_FOUND"))).Class)
	assert.Equal(t, unknown, p.ClassifyLookup(ask("midaspay.subscription.create"), answer(404, document("ORDER_NOT_FOUND"))).Class)
}

func TestNothingInA200IsTheDocumentedMembersUnset(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for kind, bodies := range map[string][]string{
		"payment.create": {
			`{}`, `{"id":""}`, `{"id":null,"purchase_units":null}`, `{"id":"","status":"UNKNOWN","create_time":"","update_time":null,"purchase_units":[ ],"reference_id":""}`,
		},
		"midaspay.subscription.create": {`{}`, `{"subscriptions":[]}`, `{"subscriptions":null}`},
	} {
		for _, body := range bodies {
			assert.Equal(t, refused, p.ClassifyLookup(ask(kind), answer(200, body)).Class, "%s: %s", kind, body)
		}
	}
	for kind, bodies := range map[string][]string{
		"payment.create": {
			`{"succeed":false}`, `{"succeed":false,"message":""}`, `{"succeed":null}`, `{"error":{}}`, `{"error":null}`, `{"errors":[]}`, `{"code":0}`, `{"message":""}`,
			`{"status":"Unknown"}`, `{"status":"UNKNOWN"}`, `{"id":false}`, `{"id":0}`, `{"id":{"a":1}}`, `{"purchase_units":[{}]}`, `{"ID":""}`, `{"id":"","status":"CREATED"}`,
			`{"reference_id":"k"}`, `{"merchant_id":"merchant123456"}`, `{"subscriptions":[]}`, `null`, `[]`, `""`, `false`,
		},
		"midaspay.subscription.create": {`{"subscriptions":[{}]}`, `{"subscriptions":false}`, `{"subscriptions":"none"}`, `{"total":0,"subscriptions":[]}`, `{"id":""}`},
	} {
		for _, body := range bodies {
			assert.Equal(t, unknown, p.ClassifyLookup(ask(kind), answer(200, body)).Class, "%s: %s", kind, body)
		}
	}
	const none = `{"payment_details":{"payment":{"amount":"","currency":"","discount":{"discount_id":""}}},"transaction":{"external_id":"","id":"","project":{"id":"","name":""},"status":"Unknown"},"user":{}}`
	assert.Equal(t, "not found", p.ClassifyLookup(ask("midaspay.mor_token.create"), answer(200, none)).Code)
	assert.Equal(t, "not found", p.ClassifyLookup(ask("midaspay.authorization.cancel"), answer(200, `{"authorization_id":"","status":""}`)).Code)
}

// The provider says that the reference is taken, and its query that nothing has it: that contradicts itself, and proves nothing.
func TestATakenReferenceThatTheQueryDoesNotFindIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		missing := says(404, document("NOT_FOUND"))
		w.then(lost, says(409, document("DUPLICATE_REFERENCE_ID")), missing)
		_, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrOutcomeUnknown)
		<-time.NewTimer(6 * time.Minute).C
		w.then(missing)
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		_, err = w.client.Payments.Create(t.Context(), order(midaspay.Order{}), payonce.WithNewKey())
		require.ErrorIs(t, err, payonce.ErrInDoubt, "a new key would pay a second time")
		assert.Len(t, w.bodies("/v1/payment/orders"), 2)
	})
}

// The only attempt was told that the reference is taken, so what has it was made by somebody else, however alike it is.
func TestWhatStoodThereBeforeTheOnlyAttemptIsSomebodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		body := `{"id":"O-OTHER","status":"COMPLETED","create_time":"` + time.Now().Add(-4*time.Minute).Format(time.RFC3339) + `",` +
			`"purchase_units":[{"reference_id":"order-12345_payment_item1","amount":{"currency_code":"USD","value":"50.00"}}]}`
		w.then(says(409, document("DUPLICATE_REFERENCE_ID")), says(200, body))
		payment, err := w.client.Payments.Create(t.Context(), order(midaspay.Order{}))
		require.ErrorIs(t, err, payonce.ErrInDoubt)
		require.ErrorIs(t, err, payonce.ErrKeyReuse)
		assert.Nil(t, payment)
	})
	p := newProvider(t)
	for kind, body := range map[string]string{
		"payment.create":                found,
		"midaspay.subscription.create":  `{"subscriptions":[{"id":"S-1","reference_id":"k","subscriber":{"id":"u-1"}}]}`,
		"midaspay.authorization.create": `{"id":"A-1","create_time":"2026-09-21T12:00:00Z"}`,
		"midaspay.mor_token.create":     `{"transaction":{"id":"T-1","external_id":"ext 1","status":"Pending"}}`,
	} {
		req := ask(kind)
		require.Equal(t, succeeded, p.ClassifyLookup(req, answer(200, body)).Class, kind)
		req.FirstSentAt = time.Time{}
		assert.Equal(t, payonce.ClassReuse, p.ClassifyLookup(req, answer(200, body)).Class, kind)
	}
}
