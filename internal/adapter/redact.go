package adapter

import (
	"strings"
	"unicode"

	"github.com/google/uuid"
)

const (
	// mask stands for what was taken out.
	mask = "[…]"
	// maxDigits is how many digits may stand together: a status or a small amount has no more, an account number has.
	maxDigits = 5
	// maxWord is the length from which a word is no language.
	maxWord = 60
)

// Message makes a provider's text fit for errors and logs: short, printable, without what looks private.
func Message(text string) string { return Cut(Redact(text), 200) }

// Code makes a provider's code fit for errors and logs.
func Code(text string) string { return Cut(Redact(text), 60) }

// Redact takes out what looks like account numbers, phone numbers, tokens or addresses rather than language, also a number that is
// written in groups, and what can't be printed. A UUID stays.
func Redact(text string) string {
	var kept, run []string
	digits := 0
	flush := func() {
		if digits > maxDigits {
			run = []string{mask}
		}
		kept, run, digits = append(kept, run...), nil, 0
	}
	for word := range strings.FieldsSeq(strings.ToValidUTF8(text, "\uFFFD")) {
		word = printable(word)
		if isNumber(word) {
			run, digits = append(run, word), digits+countDigits(word)
			if strings.ContainsAny(word[len(word)-1:], ",;:") { // the next one is another number
				flush()
			}
			continue
		}
		flush()
		if looksPrivate(word) {
			word = mask
		}
		if word != "" {
			kept = append(kept, word)
		}
	}
	flush()
	return strings.Join(kept, " ")
}

func printable(word string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, word)
}

// isNumber says that a word may be a group of a number: it has no letters. Signs between two groups count as one.
func isNumber(word string) bool {
	return word != "" && len(word) <= maxWord && !isUUID(word) && !strings.Contains(word, "@") && !strings.ContainsFunc(word, unicode.IsLetter)
}

func looksPrivate(word string) bool {
	return !isUUID(word) && (len(word) > maxWord || countDigits(word) > maxDigits || strings.Contains(word, "@"))
}

func isUUID(word string) bool { return uuid.Validate(strings.Trim(word, `.,;:'"()`)) == nil }

func countDigits(word string) (n int) {
	for _, r := range word {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// Cut shortens to n runes.
func Cut(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
