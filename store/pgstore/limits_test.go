package pgstore_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/pgstore"
)

func TestTheLargestNumbersAreNoError(t *testing.T) {
	t.Parallel()
	store := open(t)
	rec := record("order-1")
	rec.Lease.For = math.MaxInt64
	_, err := store.Claim(t.Context(), rec)
	require.NoError(t, err)
	require.NoError(t, store.Renew(t.Context(), rec.Lease.Holder, math.MaxInt64, []payonce.OperationID{rec.ID}))
	page, _, err := store.List(t.Context(), payonce.Filter{Account: account, Limit: math.MaxInt})
	require.NoError(t, err)
	require.Len(t, page, 1)
	assert.True(t, page[0].Lease.Live)
	_, err = store.Purge(t.Context(), time.Now(), math.MaxInt)
	require.NoError(t, err)
}

// TestANameThatPostgreSQLWouldCutShortIsRefused because the tables would lie elsewhere than where it is looked whether they are safe.
func TestANameThatPostgreSQLWouldCutShortIsRefused(t *testing.T) {
	t.Parallel()
	pool := newPool(t, server.Server(t).URL())
	for _, name := range []string{strings.Repeat("n", 64), "zero\x00"} {
		assert.ErrorIs(t, pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(name)), payonce.ErrInvalid)
		_, err := pgstore.New(t.Context(), pool, pgstore.WithSchema(name))
		assert.ErrorIs(t, err, payonce.ErrInvalid)
	}
}

// TestOnlyTheServerItselfSaysThatNothingWasCommitted and neither a pooler nor a server that ends.
func TestOnlyTheServerItselfSaysThatNothingWasCommitted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		severity, code string
		rolledBack     bool
	}{
		{"ERROR", "23505", true},
		{"ERROR", "55P03", true},
		{"ERROR", "57014", true},
		{"FATAL", "57P01", false},
		{"PANIC", "XX000", false},
		{"ERROR", "08P01", false}, // as PgBouncer says that the server's connection crashed
		{"ERROR", "08006", false},
		{"ERROR", "58000", false}, // as other poolers do
		{"", "23505", false},      // it does not say how severe it is
	} {
		assert.Equal(t, c.rolledBack, pgstore.RolledBack(&pgconn.PgError{SeverityUnlocalized: c.severity, Code: c.code}), "%+v", c)
	}
}
