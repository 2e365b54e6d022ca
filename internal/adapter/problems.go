// Package adapter is what the providers' packages have in common: checking input, reading answers, native services.
package adapter

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/payonce/payonce"
)

// FieldError is one thing that is wrong with the input. It never repeats a value.
type FieldError struct{ Field, Text string }

// Error says where and what.
func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

// Is makes a problem payonce.ErrInvalid.
func (*FieldError) Is(target error) bool { return target == payonce.ErrInvalid }

// Problems collects everything that is wrong, so that the caller reads it all at once.
type Problems struct{ errs []error }

// Add notes a problem.
func (p *Problems) Add(field, format string, args ...any) {
	p.errs = append(p.errs, &FieldError{Field: field, Text: fmt.Sprintf(format, args...)})
}

// Require notes that a value is missing.
func (p *Problems) Require(field, value string) {
	if value == "" {
		p.Add(field, "is required")
	}
}

// Err returns all problems as one error, nil if there are none.
func (p *Problems) Err() error { return errors.Join(p.errs...) }

// BaseURL checks the address of an API: scheme, host and an optional path, without a trailing slash, https unless the host is a
// loopback one. The URL itself is not repeated: somebody may have put a password into it.
func (p *Problems) BaseURL(field, raw, example string) (host string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" {
		p.Add(field, "is not a URL such as %s", example)
		return "", false
	}
	before := len(p.errs)
	switch {
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.Add(field, "must be https; http is for loopback hosts only")
	case u.Scheme != "https" && u.Scheme != "http":
		p.Add(field, "must be https, is %q", u.Scheme)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		p.Add(field, "must have no user, query or fragment")
	}
	if strings.HasSuffix(u.Path, "/") {
		p.Add(field, "must not end in a slash")
	}
	return strings.ToLower(u.Host), len(p.errs) == before
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// AccountPart checks what becomes a part of Profile.Account.
func (p *Problems) AccountPart(field, value, source string) {
	p.Require(field, value)
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		p.Add(field, "has a character that no such id has; it is %s", source)
	}
}

// PathID refuses an id of the provider's that would lead to another path.
func (p *Problems) PathID(field, id string) {
	switch {
	case id == "":
		p.Add(field, "is required")
	case len(id) > 100 || strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune(idAlphabet, r) }):
		p.Add(field, "is not an id of the provider's: letters, digits, - and _, at most 100")
	}
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Element escapes an id that was not checked, so that it stays one element of its path.
func Element(id string) string {
	switch id {
	case "", ".", "..":
		return "-"
	}
	return url.PathEscape(id)
}
