package storage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

func TestBytesAreACopyAndNilIsNull(t *testing.T) {
	t.Parallel()
	assert.Nil(t, storage.Bytes[[]byte](nil))
	assert.Equal(t, []byte{}, storage.Bytes([]byte{}))
	given := []byte("ab")
	copied := storage.Bytes(given)
	given[0] = 'x'
	assert.Equal(t, []byte("ab"), copied)
}

func TestOnlyWhatNobodySentIsInserted(t *testing.T) {
	t.Parallel()
	require.NoError(t, storage.PreparedOnly(&payonce.Record{Prepared: true}))
	for _, rec := range []*payonce.Record{
		nil,
		{},
		{Prepared: true, Version: 1},
		{Prepared: true, Progress: payonce.Progress{Sent: 1}},
		{Prepared: true, Progress: payonce.Progress{State: payonce.StateRejected}},
	} {
		require.ErrorIs(t, storage.PreparedOnly(rec), payonce.ErrInvalid)
	}
}
