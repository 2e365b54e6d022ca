package elebne_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/elebne"
)

// adding puts a field into an intent.
func adding(field, text string) string {
	return strings.Replace(text, `"amount"`, field+`,"amount"`, 1)
}

func TestAnIntentThatWasMadeIsTold(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"code":123456`, `"label":7`, `"payUrl":{}`, `"shortCode":1`, `"codeExpiresAt":[]`, `"createdAt":true`} {
		client, _, _ := shop(t, always(http.StatusCreated, adding(odd, intent("PENDING"))))
		payment, err := client.Payments.Create(t.Context(), order(nil))
		require.NoError(t, err, odd)
		assert.Equal(t, intentID, payment.ID, odd)
		assert.Equal(t, payonce.StatusActionRequired, payment.Status, odd)
		assert.Equal(t, mru(50000), payment.Amount, odd)
	}
}

func TestANativeIntentHasWhatCanBeRead(t *testing.T) {
	t.Parallel()
	_, api, _ := shop(t, always(http.StatusCreated, adding(`"code":123456,"label":"2 shoes"`, intent("PENDING"))))
	made, err := api.Intents.Create(t.Context(), order(nil))
	require.NoError(t, err)
	assert.Equal(t, []any{intentID, "2 shoes", payonce.Secret("")}, []any{made.Value.ReferenceNumber, made.Value.Label, made.Value.Code})
	read, err := api.Intents.Get(t.Context(), intentID)
	require.NoError(t, err)
	assert.Equal(t, elebne.IntentPending, read.Value.Status)
}

func TestAnAbandonedIntentWithAnOddFieldMayBePaidAgain(t *testing.T) {
	t.Parallel()
	client, _, _ := shop(t, func(s sent) (int, string) {
		if s.method == http.MethodGet {
			return http.StatusOK, adding(`"code":123456`, intent("CANCELLED"))
		}
		return http.StatusCreated, intent("PENDING")
	})
	_, err := client.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	_, err = client.Payments.Create(t.Context(), order(nil), payonce.WithNewKey())
	assert.NoError(t, err)
}

func TestAStatusInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	two := strings.Replace(intent("PENDING"), `"status":"PENDING"`, `"status":"PENDING","Status":"CANCELLED","ReferenceNumber":"PI-1"`, 1)
	client, _, _ := shop(t, always(http.StatusOK, two))
	payment, err := client.Payments.Create(t.Context(), order(nil))
	require.NoError(t, err)
	assert.Equal(t, []string{intentID, "PENDING"}, []string{payment.ID, payment.ProviderStatus})
	assert.False(t, payment.NoMoneyMoved)
	_, err = client.Payments.Create(t.Context(), order(nil), payonce.WithNewKey())
	assert.ErrorIs(t, err, payonce.ErrKeyReuse, "nothing says that the first one is over")
}

func TestAnEventInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	body := strings.NewReplacer(`"PAID"`, `"PENDING","Status":"CANCELLED","Reference_Number":"PI-1"`).Replace(paymentEvent)
	events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
	require.NoError(t, err)
	e := events[0].Portable()
	assert.Equal(t, "PENDING", e.ProviderStatus)
	assert.NotEqual(t, "PI-1", e.ResourceID)
}

func TestAnOddFieldDoesNotHideAnEvent(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"short_code":7`, `"currency":[]`, `"metadata":5`, `"amount":"5"`} {
		body := `{"id":"d-1","event":"payment.created","data":{"reference_number":"PI-1","status":"PENDING",` + odd + `}}`
		events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
		require.NoError(t, err, odd)
		e := events[0].Portable()
		assert.Equal(t, []string{"PI-1", "PENDING"}, []string{e.ResourceID, e.ProviderStatus}, odd)
		assert.Zero(t, e.Amount, odd)
	}
	body := `{"id":"d-1","event":"order.new","data":{"referenceNumber":"EL-1","totalAmount":"5","shopId":7}}`
	events, err := newWebhooks(t, hooks()).Parse(signed(body), []byte(body))
	require.NoError(t, err)
	assert.Equal(t, elebne.OrderEvent{ReferenceNumber: "EL-1"}, events[0].Order)
}
