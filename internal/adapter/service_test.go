package adapter_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// unclient has no client: what is refused never gets to one.
var unclient = adapter.Service{Account: "acme/test/shop"}

func TestParametersThatWereRefusedAreNotSent(t *testing.T) {
	t.Parallel()
	cause := &adapter.FieldError{Field: "Amount", Text: "is required"}
	result, err := adapter.Do[payonce.Raw](t.Context(), unclient, payonce.Operation{Kind: "acme.thing", Reference: "r-1"}, cause, nil)
	assert.Nil(t, result)
	refused(t, err, "acme.thing", "r-1")
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "Amount: is required")
}

func TestAReadOfAnIDThatLeadsElsewhereIsNotMade(t *testing.T) {
	t.Parallel()
	for _, ids := range [][]string{{""}, {"../other"}, {"good", "a/b"}} {
		result, err := adapter.Get[payonce.Raw](t.Context(), unclient, payonce.Query{Kind: "acme.get", Path: "/things"}, ids...)
		assert.Nil(t, result)
		refused(t, err, "acme.get", "")
		require.ErrorContains(t, err, "id: ")
	}
}

func TestInvalidSaysWhoseParametersTheyWere(t *testing.T) {
	t.Parallel()
	refused(t, unclient.Invalid("acme.thing", "r-1", errors.New("wrong")), "acme.thing", "r-1")
}

// refused says that an error is about input, names the operation, and says that nothing was sent.
func refused(t *testing.T, err error, kind, reference string) {
	t.Helper()
	require.ErrorIs(t, err, payonce.ErrInvalid)
	e := new(payonce.Error)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, payonce.OperationID{Account: "acme/test/shop", Kind: kind, Reference: reference}, e.Operation)
	assert.Equal(t, "nothing was sent", e.Next)
}
