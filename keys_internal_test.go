package payonce

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// golden is one line of testdata/keys.json, which another program made from the description of the schemes. A key that changes between
// versions pays again: these lines never change.
type golden struct {
	Scheme, Account, Kind, Reference, Key string
	Generation                            int
}

// narrow is a provider with MidasPay's alphabet and length.
func narrow() *Profile {
	return &Profile{Name: "p", KeyMaxLen: 64, KeyAlphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"}
}

func TestKeysAreTheSameOnAnyMachine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/keys.json")
	require.NoError(t, err)
	var lines []golden
	require.NoError(t, json.Unmarshal(text, &lines))
	require.Len(t, lines, 418)
	schemes := map[string]KeyScheme{"derived": KeysDerived, "readable": KeysReadable}
	for _, line := range lines {
		id := OperationID{line.Account, line.Kind, line.Reference}
		key, exclusive := makeKey(schemes[line.Scheme], narrow(), id, line.Generation)
		require.Equal(t, line.Key, key, "%+v", line)
		require.NoError(t, checkKey(narrow(), key))
		assert.Equal(t, line.Scheme == "readable", exclusive)
		parsed, err := uuid.Parse(key)
		if err != nil {
			require.Equal(t, "readable", line.Scheme)
			continue
		}
		require.Equal(t, uuid.Version(4), parsed.Version())
		require.Equal(t, uuid.RFC4122, parsed.Variant())
	}
}

// adversary makes identities whose fields run into each other: separators, words, numbers and Unicode, cut at any place.
type adversary struct{ rnd *rand.Rand }

func (a adversary) text(most int) string {
	pieces := []string{"a", "b", "_", "__", ":", ".", "/", "payment", "refund", "_payment", "_refund_2", "2", "11", "\x00", "é", "e\u0301", "☂", "\U0001F4B8", " ", "create", "1:"}
	var b strings.Builder
	for range a.rnd.IntN(most + 1) {
		b.WriteString(pieces[a.rnd.IntN(len(pieces))])
	}
	return b.String()
}

func (a adversary) identity() (OperationID, int) {
	kinds := slices.Sorted(maps.Keys(words()))
	kind := kinds[a.rnd.IntN(len(kinds))]
	if a.rnd.IntN(4) == 0 {
		kind = a.text(2)
	}
	return OperationID{a.text(2), kind, a.text(5)}, 1 + a.rnd.IntN(12)
}

// TestNoTwoIdentitiesShareAKey tries 100,000 different identities. Accounts are not in readable keys: the provider keeps them apart.
func TestNoTwoIdentitiesShareAKey(t *testing.T) {
	t.Parallel()
	type identity struct {
		OperationID
		generation int
	}
	a := adversary{rand.New(rand.NewPCG(1, 1))}
	made := map[string]identity{}
	known := map[identity]bool{}
	for len(known) < 100_000 {
		id, generation := a.identity()
		tuple := identity{id, generation}
		if known[tuple] {
			continue
		}
		known[tuple] = true
		for _, scheme := range []KeyScheme{KeysDerived, KeysReadable} {
			key, _ := makeKey(scheme, &Profile{KeyMaxLen: 1000, KeyAlphabet: printableASCII}, id, generation)
			readable := uuid.Validate(key) != nil
			if scheme == KeysReadable && !readable {
				continue
			}
			require.NoError(t, checkKey(narrow(), narrowKey(scheme, id, generation)), "alphabet and length")
			if readable {
				kind, reference, n, ok := parseReadableKey(key)
				require.Equal(t, id.Reference != "", ok, "%q", key) // an empty one is refused before it comes to a key
				require.True(t, !ok || tuple == identity{OperationID{id.Account, kind, reference}, n}, "%q does not lead back to %q", key, tuple)
				key = id.Account + "\x00 " + key
			}
			other, taken := made[key]
			require.False(t, taken, "%q is the key of %q and of %q", key, tuple, other)
			made[key] = tuple
		}
	}
	assert.Greater(t, len(made), 110_000, "there were readable keys among them")
}

// narrowKey is the key for a provider that takes few characters.
func narrowKey(scheme KeyScheme, id OperationID, generation int) string {
	key, _ := makeKey(scheme, narrow(), id, generation)
	return key
}

func FuzzKeys(f *testing.F) {
	f.Add("miracle/test/m", uint8(0), "order-12345", 1)
	f.Add("a", uint8(1), "a_payment_2", 2)
	f.Add("", uint8(2), "_", 99)
	f.Add("a", uint8(3), "ordér 1", 3)
	f.Add("a", uint8(9), strings.Repeat("x", 70), 1)
	kinds := append(slices.Sorted(maps.Keys(words())), "x.y.z")
	f.Fuzz(func(t *testing.T, account string, kind uint8, reference string, generation int) {
		id := OperationID{account, kinds[int(kind)%len(kinds)], reference}
		generation = 1 + abs(generation)%1000
		if reference == "" {
			return // refused before it comes to a key
		}
		for _, scheme := range []KeyScheme{KeysDerived, KeysReadable} {
			key, _ := makeKey(scheme, narrow(), id, generation)
			readable := uuid.Validate(key) != nil
			again, _ := makeKey(scheme, narrow(), id, generation)
			require.Equal(t, key, again)
			require.NoError(t, checkKey(narrow(), key), "alphabet and length")
			if !readable {
				require.Len(t, key, 36)
				_, _, _, parses := parseReadableKey(key)
				require.False(t, parses, "no derived key looks like a readable one")
				continue
			}
			gotKind, gotReference, gotGeneration, ok := parseReadableKey(key)
			require.True(t, ok)
			require.Equal(t, []any{id.Kind, reference, generation}, []any{gotKind, gotReference, gotGeneration})
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func FuzzParseRef(f *testing.F) {
	for _, ref := range []string{"payment.create:1:order-1", "a:2:b:c", "::", "payment.create:-1:x", "k:1:", "k:01:x"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		kind, reference, generation, ok := parseRef(ref)
		if !ok {
			return
		}
		gotKind, gotReference, gotGeneration, again := parseRef(OperationID{Kind: kind, Reference: reference}.Ref(generation))
		require.True(t, again)
		require.Equal(t, []any{kind, reference, generation}, []any{gotKind, gotReference, gotGeneration})
	})
}

func TestReadableKeys(t *testing.T) {
	t.Parallel()
	p := narrow()
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
		assert.True(t, exclusive, reference)
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

func TestOtherContentHasAnotherFingerprint(t *testing.T) {
	t.Parallel()
	of := func(content string) string {
		return string(fingerprint([]byte("0123456789abcdef"), "k", "POST", "/p", []byte(content)))
	}
	for _, pair := range [][2]string{
		{`{"amount":1}`, `{"amount":1}}`},
		{`{"amount":1}`, `{"amount":1}]`},
		{"\"name\"]\nTea,500.00\n", "\"name\"]\nTea,900.00\n"},
		{"1}5", "1}7"},
		{"1 2", "1 3"},
		{"\"\xff\"", "\"\xfe\""},
		{`"\ud800"`, `"\ud801"`},
		{`{"\ud800":1}`, `{"\ud801":1}`},
		{`"1"`, `1`},
		{`1`, `1.0`},
		{``, `null`},
		{`[1,[2]]`, `[1,2]`},
		{`{"a":{}}`, `{"a":[]}`},
	} {
		assert.NotEqual(t, of(pair[0]), of(pair[1]), "%s and %s", pair[0], pair[1])
	}
	for _, pair := range [][2]string{{`{"a":1,"b":"é"}`, "{ \"b\" : \"\\u00e9\", \"a\" : 1 }\n"}, {"\"\xff\"", "\"\xff\""}} {
		assert.Equal(t, of(pair[0]), of(pair[1]), "%s and %s", pair[0], pair[1])
	}
}

// parseReadableKey reads a key back from the right: that it can be done is why no two identities share one.
func parseReadableKey(key string) (kind, reference string, generation int, ok bool) {
	rest, last, found := cutLast(key)
	generation = 1
	if n, err := strconv.Atoi(last); found && err == nil && n > 1 && strconv.Itoa(n) == last {
		generation = n
		rest, last, found = cutLast(rest)
	}
	for kind, word := range words() {
		if found && word == last && rest != "" {
			return kind, rest, generation, true
		}
	}
	return "", "", 0, false
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '_')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}
