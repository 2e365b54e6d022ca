package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/webhook"
	"github.com/payonce/payonce/store/memstore"
)

// nobody is a provider that makes no request.
type nobody struct{}

func (nobody) Profile() payonce.Profile {
	return payonce.Profile{Name: "nobody", Account: "nobody/test/shop", BaseURL: "https://nobody.example"}
}
func (nobody) Portable() payonce.Portable { return payonce.Portable{} }
func (nobody) Authorize(context.Context, *http.Client, *payonce.Request, http.Header) (http.Header, error) {
	return nil, errors.New("no requests here")
}

func (nobody) Classify(*payonce.Request, *payonce.Response) payonce.Verdict { return payonce.Verdict{} }

func TestWhatADeliveryIsAnsweredWith(t *testing.T) {
	t.Parallel()
	client, err := payonce.New(payonce.Config{Provider: nobody{}, Store: memstore.New(), RecoverEvery: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	heard := map[string]int{}
	source := webhook.Source[string]{
		Open: func(r *http.Request, body []byte) ([]string, error) {
			switch r.Header.Get("Signature") {
			case "good":
				return strings.Fields(string(body)), nil
			case "garbled":
				return nil, errors.New("the body is no event")
			case "later":
				return nil, fmt.Errorf("%w: no keys", payonce.ErrUnavailable)
			}
			return nil, webhook.ErrSignature
		},
		Portable: func(id string) payonce.Event { return payonce.Event{Account: "nobody/test/shop", ID: id} },
		Ack:      `{"processed": true}`,
	}
	handler := source.Handler(client, func(_ context.Context, id string) error {
		if heard[id]++; id == "bad" && heard[id] == 1 {
			return errors.New("the merchant's database is down")
		}
		return nil
	})
	for _, test := range []struct {
		name, method, signature, body string
		status                        int
		heard                         map[string]int
	}{
		{name: "a GET", method: http.MethodGet, status: 405},
		{name: "a forgery", signature: "bad", body: "a", status: 401},
		{name: "a body that can't be read", signature: "garbled", body: "a", status: 400},
		{name: "keys that can't be had", signature: "later", body: "a", status: 503},
		{name: "a huge body", signature: "good", body: strings.Repeat("a", 1<<20+1), status: 413},
		{name: "the largest body", signature: "bad", body: strings.Repeat("a", 1<<20), status: 401},
		{name: "two events", signature: "good", body: "a b", status: 200, heard: map[string]int{"a": 1, "b": 1}},
		{name: "the same again", signature: "good", body: "a b", status: 200, heard: map[string]int{"a": 1, "b": 1}},
		{name: "one that fails between others", signature: "good", body: "c bad d", status: 500, heard: map[string]int{"a": 1, "b": 1, "c": 1, "bad": 1, "d": 1}},
		{name: "delivered again", signature: "good", body: "c bad d", status: 200, heard: map[string]int{"a": 1, "b": 1, "c": 1, "bad": 2, "d": 1}},
		{name: "no event", signature: "good", status: 200, heard: map[string]int{"a": 1, "b": 1, "c": 1, "bad": 2, "d": 1}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), orPost(test.method), "/hooks", strings.NewReader(test.body))
		r.Header.Set("Signature", test.signature)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, test.status, w.Code, test.name)
		if test.heard != nil {
			assert.Equal(t, test.heard, heard, test.name)
		}
		if test.status == http.StatusOK {
			assert.JSONEq(t, source.Ack, w.Body.String(), test.name)
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		} else {
			assert.NotContains(t, w.Body.String(), "processed", test.name)
		}
	}
	source.Ack = ""
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", strings.NewReader("z"))
	r.Header.Set("Signature", "good")
	source.Handler(client, nil).ServeHTTP(w, r)
	assert.Equal(t, http.StatusOK, w.Code, "a nil function only settles")
	assert.Empty(t, w.Body.String())
}

// Where the signature does not say whose an event is, the provider is asked: "theirs" is another merchant's, "unknown" can't be told.
func TestAnEventIsOursOnlyOnceTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	client, err := payonce.New(payonce.Config{Provider: nobody{}, Store: memstore.New(), RecoverEvery: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	var asked, settled, heard []string
	source := webhook.Source[string]{
		Open: func(_ *http.Request, body []byte) ([]string, error) { return strings.Fields(string(body)), nil },
		Confirm: func(_ context.Context, c *payonce.Client, id string) (string, bool, error) {
			assert.Same(t, client, c)
			asked = append(asked, id)
			if id == "unknown" {
				return "", true, errors.New("the provider is down")
			}
			return "confirmed-" + id, id != "theirs", nil
		},
		Portable: func(id string) payonce.Event {
			settled = append(settled, id)
			return payonce.Event{Account: "nobody/test/shop", ID: id}
		},
	}
	handler := source.Handler(client, func(_ context.Context, id string) error {
		heard = append(heard, id)
		return nil
	})
	for _, test := range []struct {
		body                  string
		status                int
		asked, settled, heard []string
	}{
		{"theirs", 200, []string{"theirs"}, nil, nil},
		{"ours", 200, []string{"ours"}, []string{"confirmed-ours"}, []string{"confirmed-ours"}},
		{"unknown", 500, []string{"unknown"}, nil, nil},
		{"unknown theirs b", 500, []string{"unknown", "theirs", "b"}, []string{"confirmed-b"}, []string{"confirmed-b"}},
		{"b", 200, []string{"b"}, []string{"confirmed-b"}, nil},
	} {
		asked, settled, heard = nil, nil, nil
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", strings.NewReader(test.body)))
		assert.Equal(t, test.status, w.Code, test.body)
		assert.Equal(t, [][]string{test.asked, test.settled, test.heard}, [][]string{asked, settled, heard}, test.body)
	}
}

func orPost(method string) string {
	if method == "" {
		return http.MethodPost
	}
	return method
}
