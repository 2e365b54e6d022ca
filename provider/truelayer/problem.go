package truelayer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// problem is TrueLayer's error document (RFC 9457). Source: https://docs.truelayer.com/docs/payments-api-errors.
type problem struct {
	Type    string                     `json:"type"`
	Title   string                     `json:"title"`
	Status  int                        `json:"status"`
	Detail  string                     `json:"detail"`
	TraceID string                     `json:"trace_id"`
	Errors  map[string]json.RawMessage `json:"errors"`
}

// problemOf reads the error document of an answer; nil if it is none, whatever its Content-Type says.
func problemOf(res *payonce.Response) *problem {
	var p problem
	if !res.Complete || json.Unmarshal(res.Body, &p) != nil {
		return nil
	}
	if p.Title == "" || p.Status == 0 || (p.Type == "" && p.Detail == "") {
		return nil
	}
	return &p
}

// code is the fragment of the type, whose base differs between TrueLayer's own documents, or else the title, in the fragment's
// spelling: "invalid-parameters".
func (p *problem) code() string {
	_, code, ok := strings.Cut(p.Type, "#")
	if !ok || code == "" {
		code = p.Title
	}
	code = strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case r == ' ' || r == '_':
			return '-'
		case r == '-' || (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'):
			return r
		}
		return -1
	}, code)
	return adapter.Cut(code, 60)
}

// isReuse says that the key was seen with other content, in whichever way it is spelled.
func (p *problem) isReuse() bool {
	return strings.Contains(p.code(), "reuse") || strings.Contains(strings.ToLower(p.Title), "reuse")
}

// blamesSignature says that the signature was refused, which no new token cures.
func (p *problem) blamesSignature() bool {
	return strings.Contains(strings.ToLower(p.Detail), "signature")
}

// message is title, detail and the names of the wrong fields. The messages of the fields may repeat what was sent, and so are left out.
func (p *problem) message() string {
	text := adapter.Redact(p.Title)
	if p.Detail != "" {
		text += ": " + adapter.Redact(p.Detail)
	}
	text = adapter.Cut(text, 200)
	if len(p.Errors) > 0 {
		names := slices.Sorted(maps.Keys(p.Errors))
		names = names[:min(len(names), 10)]
		for i, name := range names {
			names[i] = adapter.Cut(adapter.Redact(name), 60)
		}
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text
}
