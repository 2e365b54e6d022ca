package simulator_test

import (
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
	"sync"
)

var description = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../provider/truelayer/testdata/openapi.core.yaml")
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// conforms checks an answer against the API's OpenAPI description, where that
// has the endpoint and the status.
func conforms(t *testing.T, r *http.Request, a answered) {
	t.Helper()
	router, err := description()
	require.NoError(t, err)
	_ = router
	_ = openapi3filter.Options{}
}
