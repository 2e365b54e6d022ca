package adapter_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

func bodyOf(metadata map[string]string) any { return metadata }

func TestTheRefTravelsBesideTheMerchantsMetadata(t *testing.T) {
	t.Parallel()
	var p adapter.Problems
	own := map[string]string{"order": "1"}
	op := adapter.WithRef(&p, "acme/test/shop", payonce.Operation{Kind: "payment.create", Reference: "order-1", Path: "/payments"}, own, false, bodyOf)
	require.NoError(t, p.Err())
	own["order"] = "changed later"
	assert.Equal(t, "/payments", op.Path)
	assert.Equal(t, map[string]string{"order": "1"}, op.KeyedBody("", 0), "what tells an operation from another one has no ref")
	assert.Equal(t, map[string]string{"order": "1", "payonce_ref": "payment.create:1:order-1"}, op.KeyedBody("k", 1))
	assert.Equal(t, map[string]string{"order": "1", "payonce_ref": "payment.create:2:order-1"}, op.KeyedBody("k", 2))
	assert.Equal(t, op.KeyedBody("k", 1), op.KeyedBody("other", 1), "pure")

	bare := adapter.WithRef(&p, "a", payonce.Operation{Kind: "k", Reference: "r"}, nil, false, bodyOf)
	assert.Equal(t, map[string]string{"payonce_ref": "k:1:r"}, bare.KeyedBody("k", 1))
}

func TestTheRefIsTheClientsUnlessTheMerchantWantsItOut(t *testing.T) {
	t.Parallel()
	own := map[string]string{"payonce_ref": "mine"}
	var p adapter.Problems
	adapter.WithRef(&p, "a", payonce.Operation{Kind: "k", Reference: "r"}, own, false, bodyOf)
	require.ErrorIs(t, p.Err(), payonce.ErrInvalid)
	require.ErrorContains(t, p.Err(), "metadata: payonce_ref is set by the client; Config.NoRef leaves it out")

	var off adapter.Problems
	op := adapter.WithRef(&off, "a", payonce.Operation{Kind: "k", Reference: "r"}, own, true, bodyOf)
	require.NoError(t, off.Err())
	assert.Equal(t, own, op.KeyedBody("k", 1))
	assert.Equal(t, own, op.KeyedBody("", 0))
}
