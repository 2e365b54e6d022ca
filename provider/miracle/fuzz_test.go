package miracle_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
	"github.com/payonce/payonce/provider/miracle"
)

func FuzzClassify(f *testing.F) {
	p := newProvider(f)
	kinds := []string{
		"payment.create", "payment.capture", "payment.cancel", "refund.create", "miracle.payment.complete_action", "miracle.hpp_session.create",
		"miracle.webhook_endpoint.delete", "acme.thing", "payment.get", "refund.get", "refund.list", "check", "acme.read",
	}
	f.Fuzz(func(t *testing.T, kind uint8, status int, retryAfter string, complete bool, path string, sent, body []byte) {
		req := request(kinds[int(kind)%len(kinds)])
		req.Path, req.Body = path, sent
		res := &payonce.Response{Status: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: body, Complete: complete, ReceivedAt: receivedAt}
		v := p.Classify(req, res)
		require.Equal(t, v, p.Classify(req, res), "not pure")
		success, write := status >= 200 && status <= 299, req.Key != ""
		switch v.Class {
		case succeeded, declined, mismatch:
			require.True(t, success && complete, "%v out of status %d", v.Class, status)
			require.False(t, v.Resend)
		case refused, payonce.ClassReuse, payonce.ClassInFlight:
			require.True(t, status >= 400 && status <= 499 && (write || v.Class == refused), "%v out of status %d", v.Class, status)
		case unknown, payonce.ClassNotSent, payonce.ClassDuplicate:
			require.Equal(t, unknown, v.Class)
		}
		require.Equal(t, v.Class == declined, v.Proven, "only what was tried and failed is proven")
		require.Equal(t, v.Class == declined, v.KeySpent)
		if v.Class == refused {
			require.True(t, complete && json.Valid(body), "no document refused it")
		}
		if write && !success && v.Class == refused {
			require.False(t, strings.Contains(strings.ToUpper(v.Code), miracle.CodeDuplicateTransaction) && v.Code == strings.TrimSpace(v.Code) && len(v.Code) == len(miracle.CodeDuplicateTransaction))
		}
		require.True(t, v.Wait >= 0 && v.Wait <= 30*24*time.Hour && utf8.RuneCountInString(v.Message) <= 200 && utf8.RuneCountInString(v.Code) <= 60 && utf8.ValidString(v.Message+v.Code), "unbounded: %+v", v)
		looked := p.ClassifyLookup(req, res)
		if looked.Class != unknown {
			require.True(t, success && complete && (req.Kind == "payment.capture" || req.Kind == "payment.cancel"))
		}
		if q, ok := p.Lookup(req); ok {
			require.True(t, strings.HasPrefix(q.Path, "/v1/payments/") && strings.Count(q.Path, "/") == 3 && !strings.ContainsAny(q.Path, "?# \r\n"), q.Path)
		}
	})
}

func FuzzWebhook(f *testing.F) {
	p := newProvider(f)
	w := newWebhooks(f, p)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		r := &http.Request{Header: http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}}
		_, err := w.Parse(r, body)
		require.ErrorIs(t, err, miracle.ErrSignature, "nobody guesses a signature")
		if id == "" {
			return
		}
		events, err := w.Parse(delivery(t, webhookSecret, id, time.Now(), string(body)), body)
		require.False(t, errors.Is(err, miracle.ErrSignature) || err != nil && events != nil)
		for _, e := range events {
			portable := e.Portable()
			require.NotEmpty(t, portable.ID)
			require.Equal(t, p.Profile().Account, portable.Account)
			require.False(t, portable.NoMoneyMoved && portable.Status != payonce.StatusFailed && portable.Status != payonce.StatusCanceled)
			require.True(t, json.Valid(e.Raw.Bytes()))
		}
	})
}

func FuzzPayment(f *testing.F) {
	p := newProvider(f)
	portable := p.Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		payment, err := portable.Payment("payment.get", body)
		res := &payonce.Response{Status: http.StatusOK, Header: http.Header{}, Complete: true, Body: body}
		if v := p.Classify(&payonce.Request{Kind: "payment.create"}, res); v.Class == payonce.ClassSucceeded {
			require.NoError(t, err, "what is taken for a success can be read")
			require.Equal(t, []string{v.ResourceID, v.Code}, []string{payment.ID, adapter.Code(payment.ProviderStatus)})
		}
		if err != nil {
			require.Nil(t, payment)
			return
		}
		require.False(t, payment.NoMoneyMoved && payment.ProviderStatus != "failed" && payment.ProviderStatus != "canceled")
		require.Equal(t, portable.PaymentStatus(payment.ProviderStatus), payment.Status)
	})
}

func FuzzRefund(f *testing.F) {
	portable := newProvider(f).Portable()
	f.Fuzz(func(t *testing.T, body []byte) {
		if refund, err := portable.Refund("refund.get", body); err == nil {
			require.Equal(t, portable.RefundStatus(refund.ProviderStatus), refund.Status)
		}
		page, next, err := portable.Refunds(body)
		require.False(t, err != nil && (page != nil || next != ""))
		_, _, _ = miracle.PageOfPayments(body)
	})
}

func FuzzSession(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, into := range []any{&miracle.Session{}, &miracle.WebhookEndpoint{}, &miracle.RotatedSecret{}} {
			if json.Unmarshal(body, into) == nil {
				_, err := json.Marshal(into)
				require.NoError(t, err)
			}
		}
	})
}

func FuzzMethod(f *testing.F) {
	create := newProvider(f).Portable().CreatePayment
	f.Fuzz(func(t *testing.T, kind, token string, fields []byte, capture string) {
		m := miracle.Method{Type: miracle.MethodType(kind), Token: payonce.Secret(token), Fields: fields, CaptureMethod: miracle.CaptureMethod(capture)}
		op, err := create(order(m))
		if err != nil {
			require.ErrorIs(t, err, payonce.ErrInvalid)
			return
		}
		body := encode(t, op, 1)
		require.Equal(t, body, encode(t, op, 1), "not pure")
		var sent struct {
			PaymentMethod map[string]any `json:"paymentMethod"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &sent))
		if kind != "" {
			require.Equal(t, kind, sent.PaymentMethod["type"])
		}
	})
}
