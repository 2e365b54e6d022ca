package payonce

import (
	"encoding/hex"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeysAreTheSameOnAnyMachine(t *testing.T) {
	t.Parallel()
	id := OperationID{Account: "truelayer/sandbox/client-1", Kind: "payment.create", Reference: "order-12345"}
	p := &Profile{Name: "p"}
	const golden = "33a1fe48-7ec9-4256-97f2-de731932fe05"
	key, exclusive := makeKey(KeysDerived, p, id, 1)
	assert.False(t, exclusive)
	parsed, err := uuid.Parse(key)
	require.NoError(t, err)
	assert.Equal(t, uuid.Version(4), parsed.Version())
	assert.Equal(t, uuid.RFC4122, parsed.Variant())
	assert.Equal(t, golden, key)
	second, _ := makeKey(KeysDefault, p, id, 2)
	assert.NotEqual(t, key, second)
}

func TestNoTwoIdentitiesRunTogether(t *testing.T) {
	t.Parallel()
	seen := map[string]OperationID{}
	fields := []string{"", "a", "aa", "a.b", "b", "\x00", "a\x00", "1", "11"}
	for _, account := range fields {
		for _, kind := range fields {
			for _, reference := range fields {
				for generation := 1; generation < 12; generation += 10 {
					id := OperationID{account, kind, reference}
					key := derivedKey(id, generation)
					require.NotContains(t, seen, key)
					seen[key] = id
				}
			}
		}
	}
}

func TestReadableKeys(t *testing.T) {
	t.Parallel()
	p := &Profile{Name: "p", KeyMaxLen: 64, KeyAlphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."}
	tests := []struct {
		kind, reference string
		generation      int
		want            string
	}{
		{"payment.create", "order-12345", 1, "order-12345_payment"},
		{"payment.create", "order-12345", 2, "order-12345_payment_2"},
		{"refund.create", "rma-7", 1, "rma-7_refund"},
		{"payment.capture", "pay_1", 1, "pay_1_capture"},
		{"payment.create", "order-1_payment_2", 1, "order-1_payment_2_payment"},
	}
	for _, test := range tests {
		key, exclusive := makeKey(KeysReadable, p, OperationID{"a", test.kind, test.reference}, test.generation)
		assert.Equal(t, test.want, key)
		assert.True(t, exclusive)
	}
	for _, reference := range []string{"order 1", "ordér", "0123456789012345678901234567890123456789012345678901234567890123"} {
		key, exclusive := makeKey(KeysReadable, p, OperationID{"a", "payment.create", reference}, 1)
		assert.False(t, exclusive, reference)
		assert.Len(t, key, 36, "a reference that does not fit falls back to a derived key")
	}
	key, _ := makeKey(KeysReadable, p, OperationID{"a", "x.y.z", "r"}, 1)
	assert.Len(t, key, 36)
	one, exclusive := makeKey(KeysGenerated, p, OperationID{}, 1)
	other, _ := makeKey(KeysGenerated, p, OperationID{}, 1)
	assert.True(t, exclusive)
	assert.NotEqual(t, one, other)
}

func TestTheFingerprintOutlivesVersions(t *testing.T) {
	t.Parallel()
	// Records keep it for ever: a version that hashed otherwise would take the same content for another.
	got := fingerprint([]byte("0123456789abcdef"), "k", "POST", "/p", []byte(`{"b":[1,true,null,"x"],"a":{"c":1.5}}`))
	assert.Equal(t, "ae5568ef84e5b4aa547c3e27690b3195e94e2ff1d627fcbdb97adc0bcd643956", hex.EncodeToString(got))
}
