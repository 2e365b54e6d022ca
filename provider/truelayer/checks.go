package truelayer

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/payonce/payonce/internal/adapter"
)

// What a value of a request may be. Each check returns what is wrong, "" for nothing, and never repeats a text.

func text(most int) func(any) string { return length(0, most) }

func length(least, most int) func(any) string {
	return func(value any) string {
		s, _ := value.(string)
		if n := utf8.RuneCountInString(s); n < least || n > most {
			return fmt.Sprintf("must have %d to %d characters, has %d", least, most, n)
		}
		return ""
	}
}

// name is a text without parentheses of at most most characters, 0 for any number.
func name(most int) shape {
	return shape{check: func(value any) string {
		s, _ := value.(string)
		switch n := utf8.RuneCountInString(s); {
		case s == "":
			return "is required"
		case strings.ContainsAny(s, "()"):
			return "must have no parentheses"
		case most > 0 && n > most:
			return fmt.Sprintf("must have at most %d characters, has %d", most, n)
		}
		return ""
	}}
}

const referenceAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:().,'+ ?/"

// reference is a text that banks print on statements.
func reference(most int) shape {
	return shape{check: func(value any) string {
		s, _ := value.(string)
		i := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(referenceAlphabet, r) })
		switch n := utf8.RuneCountInString(s); {
		case s == "":
			return "is required"
		case i >= 0:
			return fmt.Sprintf("has a character at byte %d that banks don't take; letters, digits, spaces and -:().,'+?/ are", i)
		case n > most:
			return fmt.Sprintf("must have at most %d characters, has %d", most, n)
		}
		return ""
	}}
}

func matching(pattern, words string) shape {
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }) // most are never asked
	return shape{check: func(value any) string {
		if s, _ := value.(string); !re().MatchString(s) {
			return "must be " + words
		}
		return ""
	}}
}

func oneOf(words ...string) shape {
	return shape{check: func(value any) string {
		for _, word := range words {
			if value == word {
				return ""
			}
		}
		return "must be one of " + strings.Join(words, ", ")
	}}
}

func atLeast(least int64) func(any) string {
	return func(value any) string {
		n, _ := value.(json.Number)
		if i, err := n.Int64(); err != nil || i < least {
			return fmt.Sprintf("must be at least %d, is %s", least, n)
		}
		return ""
	}
}

func between(least, most int64) func(any) string {
	return func(value any) string {
		n, _ := value.(json.Number)
		if i, err := n.Int64(); err != nil || i < least || i > most {
			return fmt.Sprintf("must be %d to %d, is %s", least, most, n)
		}
		return ""
	}
}

func count(least, most int) func(any) string {
	return func(value any) string {
		if list, _ := value.([]any); len(list) < least || len(list) > most {
			return fmt.Sprintf("must have %d to %d elements, has %d", least, most, len(list))
		}
		return ""
	}
}

func distinct(value any) string {
	list, _ := value.([]any)
	seen := make(map[any]bool, len(list))
	for _, element := range list {
		if s, ok := element.(string); ok && seen[s] {
			return "has an element twice"
		}
		if s, ok := element.(string); ok {
			seen[s] = true
		}
	}
	return ""
}

func uuidRule(value any) string {
	if s, _ := value.(string); uuid.Validate(s) != nil || len(s) != 36 {
		return "must be a UUID"
	}
	return ""
}

func dateRule(value any) string {
	s, _ := value.(string)
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "must be a date such as 2006-01-02"
	}
	return ""
}

func emailRule(value any) string {
	s, _ := value.(string)
	if address, err := mail.ParseAddress(s); err != nil || address.Address != s {
		return "must be an email address"
	}
	return ""
}

func uriRule(value any) string {
	if s, _ := value.(string); s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "must be a URI"
	}
	return ""
}

func objectRule(value any) string {
	if _, ok := value.(map[string]any); !ok {
		return "must be a JSON object"
	}
	return ""
}

// metadataRule is TrueLayer's bound: 10 pairs, keys of 40 and values of 500 characters.
func metadataRule(value any) string {
	pairs, _ := value.(map[string]any)
	if len(pairs) > 10 {
		return fmt.Sprintf("must have at most 10 pairs, has %d with %s", len(pairs), adapter.RefKey)
	}
	for key, value := range pairs {
		s, _ := value.(string)
		if n := utf8.RuneCountInString(key); n == 0 || n > 40 {
			return fmt.Sprintf("has a key of %d characters; 1 to 40 are taken", n)
		}
		if n := utf8.RuneCountInString(s); n > 500 {
			return fmt.Sprintf("has a value of %d characters; at most 500 are taken", n)
		}
	}
	return ""
}
