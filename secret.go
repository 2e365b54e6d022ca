package payonce

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a credential or a token. It prints as [secret] under every fmt verb that fits a string, in slog and in JSON; only Reveal
// gives it away, and %p and a misplaced %w, for which fmt asks no type (go vet refuses both).
// The zero value is no secret. A Secret decodes from a JSON string like any string.
type Secret string

// Reveal returns the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[secret]".
func (Secret) String() string { return "[secret]" }

// Format writes [secret] whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// MarshalText returns [secret], so that no encoder writes the value.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// UnmarshalText takes the value as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue keeps the value out of structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Raw is a body exactly as it was sent or received. It may hold tokens and personal data, so it prints, logs and encodes as its
// size only; Bytes and Decode give the content. The zero value is no body.
type Raw []byte

// Bytes returns the content. It is not a copy.
func (r Raw) Bytes() []byte { return r }

// Decode parses the content as JSON into v.
func (r Raw) Decode(v any) error { return json.Unmarshal(r, v) }

// String returns the size, never the content.
func (r Raw) String() string { return fmt.Sprintf("[%d bytes]", len(r)) }

// Format writes the size whatever the verb.
func (r Raw) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText returns the size, so that no encoder writes the content.
func (r Raw) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue keeps the content out of structured logs.
func (r Raw) LogValue() slog.Value { return slog.StringValue(r.String()) }
