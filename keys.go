package payonce

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// KeyScheme is how an idempotency key is made from an operation's identity and generation. Derived and readable keys are the same
// on any machine, so that even a lost store leads back to the same key.
type KeyScheme int

const (
	// KeysDefault: what the provider recommends (Profile.Keys). The zero value.
	KeysDefault KeyScheme = iota
	// KeysDerived: SHA-256 of the identity, in the shape of a UUIDv4.
	KeysDerived
	// KeysReadable: "order-12345_payment", "order-12345_payment_2"; derived where the reference does not fit the provider's alphabet.
	KeysReadable
	// KeysGenerated: random UUIDv4s, which only the store remembers.
	KeysGenerated
)

const printableASCII = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// makeKey returns the key of a generation and whether the store must keep it exclusive. Only KeysGenerated is not a pure function.
func makeKey(scheme KeyScheme, p *Profile, id OperationID, generation int) (key string, exclusive bool) {
	switch scheme {
	case KeysGenerated:
		return uuid.NewString(), true
	case KeysReadable:
		if key, ok := readableKey(id, generation); ok && checkKey(p, key) == nil {
			return key, true
		}
		return derivedKey(id, generation), true // events name these keys, so the store must find them
	case KeysDefault, KeysDerived:
		return derivedKey(id, generation), false
	}
	return derivedKey(id, generation), false
}

// derivedKey hashes length-prefixed fields, so that no two identities run together.
func derivedKey(id OperationID, generation int) string {
	h := sha256.New()
	for _, field := range []string{"payonce key v1", id.Account, id.Kind, id.Reference, strconv.Itoa(generation)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		h.Write(size[:])
		h.Write([]byte(field))
	}
	var key uuid.UUID
	copy(key[:], h.Sum(nil))
	key[6] = key[6]&0x0f | 0x40 // version 4
	key[8] = key[8]&0x3f | 0x80 // the RFC 9562 variant
	return key.String()
}

// words are what readable keys say of the portable kinds. Other kinds have derived keys.
func words() map[string]string {
	return map[string]string{
		kindPaymentCreate: "payment", kindPaymentCapture: "capture", kindPaymentCancel: "cancel", kindRefundCreate: "refund",
	}
}

// readableKey appends what the operation does: reference_payment, reference_refund, reference_capture, reference_cancel; from the
// second generation on also its number. Read from the right it leads back, so a reference may contain separators, words and numbers.
func readableKey(id OperationID, generation int) (string, bool) {
	word, ok := words()[id.Kind]
	if !ok {
		return "", false
	}
	key := id.Reference + "_" + word
	if generation > 1 {
		key += "_" + strconv.Itoa(generation)
	}
	return key, true
}

// checkKey refuses a key that the provider could not take.
func checkKey(p *Profile, key string) error {
	maxLen, alphabet := p.KeyMaxLen, p.KeyAlphabet
	if maxLen == 0 {
		maxLen = 255
	}
	if alphabet == "" {
		alphabet = printableASCII
	}
	switch i := strings.IndexFunc(key, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }); {
	case key == "":
		return invalid("key", "is empty")
	case len(key) > maxLen:
		return invalid("key", "has %d bytes, %s takes at most %d", len(key), p.Name, maxLen)
	case i >= 0:
		return invalid("key", "has a character at byte %d that %s does not take", i, p.Name)
	}
	return nil
}
