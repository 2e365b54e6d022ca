package miracle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/miracle"
)

func TestAStatusInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	p, two := newProvider(t), `{"data":{"id":"pay_1","ID":"pay_2","status":"processing","Status":"failed"}}`
	v := p.Classify(request("payment.create"), response(200, two))
	payment, err := p.Portable().Payment("payment.create", []byte(two))
	require.NoError(t, err)
	assert.Equal(t, []string{v.ResourceID, v.Code}, []string{payment.ID, payment.ProviderStatus})
	assert.Equal(t, []string{"pay_1", "processing"}, []string{payment.ID, payment.ProviderStatus})
	assert.False(t, payment.NoMoneyMoved)
}

func TestAListInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	page, next, err := newProvider(t).Portable().Refunds([]byte(
		`{"data":[{"id":"ref_1","status":"pending","Status":"failed"}],"Data":[],"pagination":{"nextCursor":"c","NextCursor":""},"Pagination":{}}`))
	require.NoError(t, err)
	require.Len(t, page, 1)
	assert.Equal(t, []string{"ref_1", "pending", "c"}, []string{page[0].ID, page[0].ProviderStatus, next})
	_, _, err = newProvider(t).Portable().Refunds([]byte(`{"Data":[]}`))
	require.Error(t, err, "never silently empty")
}

func TestAnEventInTwoSpellingsIsReadInOneWay(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	body := `{"events":[{"id":"e","type":"payment.failed","data":{"id":"pay_1","status":"processing","Status":"failed"}}]}`
	events, err := newWebhooks(t, p).Parse(delivery(t, webhookSecret, "msg_1", time.Now(), body), []byte(body))
	require.NoError(t, err)
	assert.Equal(t, "processing", events[0].Portable().ProviderStatus)
	assert.False(t, events[0].Portable().NoMoneyMoved)
	assert.Equal(t, miracle.PaymentProcessing, events[0].Payment.Status)
	assert.Equal(t, payonce.StatusPending, events[0].Portable().Status)
}
