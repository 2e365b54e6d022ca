package simulator_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
)

var description = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../provider/truelayer/testdata/openapi.core.yaml")
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// routed is a request as the API's description knows it.
func routed(t *testing.T, r *http.Request) (*openapi3filter.RequestValidationInput, bool) {
	t.Helper()
	router, err := description()
	require.NoError(t, err)
	r = r.Clone(t.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "https", "api.truelayer-sandbox.com", "api.truelayer-sandbox.com"
	if r.URL.Path == "/connect/token" {
		r.URL.Host, r.Host = "auth.truelayer-sandbox.com", "auth.truelayer-sandbox.com"
	}
	route, ids, err := router.FindRoute(r)
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: ids, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		},
	}, err == nil
}

// conforms checks an answer against the API's OpenAPI description, as far as
// that has the endpoint. It lists 400 for no GET.
func conforms(t *testing.T, r *http.Request, a answered) {
	t.Helper()
	in, ok := routed(t, r)
	if !ok || r.Method == http.MethodGet && a.status == http.StatusBadRequest {
		return
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in,
		Status:                 a.status,
		Header:                 a.header,
		Body:                   io.NopCloser(strings.NewReader(a.body)),
		Options:                in.Options,
	}), "%s %s: %d %s", r.Method, r.URL.Path, a.status, a.body)
	if strings.HasPrefix(r.URL.Path, "/v3/") {
		require.Len(t, a.header.Get("Tl-Trace-Id"), 32)
	}
}

// described says whether a request is good by the API's description alone.
func described(t *testing.T, r *http.Request, body string) error {
	t.Helper()
	in, ok := routed(t, r)
	require.True(t, ok)
	in.Request.Body = io.NopCloser(strings.NewReader(body))
	return openapi3filter.ValidateRequest(t.Context(), in)
}
