package adapter_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/payonce/payonce/internal/adapter"
)

func TestRedactKeepsLanguageAndTakesOutWhatLooksPrivate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                                "",
		"amount must be at least 1, is 0":                 "amount must be at least 1, is 0",
		"10 of 20":                                        "10 of 20",
		"one of 100, 200, 300":                            "one of 100, 200, 300",
		"at most 3 items; 2 shoes":                        "at most 3 items; 2 shoes",
		"status 404: 12 34":                               "status 404: 12 34",
		"- a list - of 5":                                 "- a list - of 5",
		"between 1 and 99999":                             "between 1 and 99999",
		"amount 100000 is too much":                       "amount […] is too much",
		"card 4111111111111111 refused":                   "card […] refused",
		"card 4111 1111 1111 1111 refused":                "card […] refused",
		"card 4111-1111 1111-1111, refused":               "card […] refused",
		"card 4111 - 1111 - 1111 refused":                 "card […] refused",
		"card 4111\u00a01111\u202f1111 ok":                "card […] ok",
		"card 4111\u200b1111 ok":                          "card […] ok",
		"4111 1111":                                       "[…]",
		"payer +222 42 12 34 56 is blocked":               "payer […] is blocked",
		"payer +222 (42) 12/34/56 is blocked":             "payer […] is blocked",
		"payer ٤٢ ١٢ ٣٤ is blocked":                       "payer […] is blocked",
		"payer 42 ** ** 78 is blocked":                    "payer 42 ** ** 78 is blocked",
		"account MR13 0002 0001 0100":                     "account MR13 […]",
		"IBAN GB29NWBK60161331926819":                     "IBAN […]",
		"at 2026-04-04 10:30:00 it failed":                "at […] it failed",
		"of jane@example.com":                             "of […]",
		"of 1@2":                                          "of […]",
		"key sk_live_" + strings.Repeat("x", 60):          "key […]",
		strings.Repeat("-", 61):                           "[…]",
		"id b6d2e4a0-1111-4222-8333-444455556666, 5 5":    "id b6d2e4a0-1111-4222-8333-444455556666, 5 5",
		"(11111111-1111-4111-8111-111111111111) is taken": "(11111111-1111-4111-8111-111111111111) is taken",
		"  two \n\t lines\x00 \x1b[31m ":                  "two lines [31m",
		"\x00 \x01":                                       "",
		"not \xff UTF-8":                                  "not \uFFFD UTF-8",
	} {
		assert.Equal(t, want, adapter.Redact(text))
		assert.Equal(t, want, adapter.Redact(adapter.Redact(text)), "twice is once")
	}
}

func TestMessageAndCodeAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä ", 500)
	assert.Equal(t, 200, utf8.RuneCountInString(adapter.Message(long)))
	assert.Equal(t, 60, utf8.RuneCountInString(adapter.Code(long)))
	assert.True(t, strings.HasSuffix(adapter.Code(long), "…"))
	assert.Equal(t, "NOT_FOUND", adapter.Code("NOT_FOUND"))
	assert.Equal(t, "No […]", adapter.Message("No 123 456"), "masked")
}

func TestCutCountsCharacters(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "äöü", adapter.Cut("äöü", 3))
	assert.Equal(t, "ä…", adapter.Cut("äöü", 2))
	assert.Empty(t, adapter.Cut("", 1))
}
