package payonce

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a call's error says about the operation, over all calls and processes. Ask with errors.Is; details are in *Error.
var (
	// ErrOutcomeUnknown: the operation may have moved money, and may yet: a later call, Run or Recover finishes it with the same
	// key and the same bytes. Never start it again under another reference.
	ErrOutcomeUnknown error = &sentinel{text: "outcome unknown"}
	// ErrNotSent: nothing reached the provider and nothing will until the caller calls again.
	ErrNotSent error = &sentinel{text: "not sent"}
	// ErrRejected: the provider refused and nothing took effect.
	ErrRejected error = &sentinel{text: "rejected"}
	// ErrDeclined: the provider, or the bank behind it, declined the payment. It is also ErrRejected. The call's result, where a
	// payment was made and failed, is non-nil beside it.
	ErrDeclined error = &sentinel{text: "declined", also: []error{ErrRejected}}
	// ErrKeyReuse: the operation or the key was used before for something else. When it was the provider who said so, the error
	// is also ErrInDoubt, because an earlier request exists.
	ErrKeyReuse error = &sentinel{text: "key reuse"}
	// ErrInDoubt: the operation may have taken effect and can't be resent; a person settles it with Client.Resolve. It is also
	// ErrOutcomeUnknown.
	ErrInDoubt error = &sentinel{text: "in doubt", also: []error{ErrOutcomeUnknown}}
	// ErrUnsupported: the provider has no such operation; nothing was sent.
	ErrUnsupported error = &sentinel{text: "unsupported"}
	// ErrInvalid: the input or the configuration is wrong; nothing was sent or stored. The text lists everything that is wrong.
	ErrInvalid error = &sentinel{text: "invalid"}
	// ErrUnavailable: a read could not be answered. Reads change nothing.
	ErrUnavailable error = &sentinel{text: "unavailable"}
	// ErrNotFound: there is no such record, or no such resource at the provider.
	ErrNotFound error = &sentinel{text: "not found"}
	// ErrStale is what a KeyStore answers when somebody else changed the record first. Calls never return it.
	ErrStale error = &sentinel{text: "record was changed by somebody else"}

	errReuseAtProvider error = &sentinel{text: "key reuse reported by the provider", also: []error{ErrKeyReuse, ErrInDoubt}}
)

// sentinel is an error that stands for itself and for others.
type sentinel struct {
	text string
	also []error
}

func (s *sentinel) Error() string { return s.text }

func (s *sentinel) Is(target error) bool {
	for _, other := range s.also {
		if errors.Is(other, target) {
			return true
		}
	}
	return false
}

// Error is what went wrong with one operation or read, for the person at 3 a.m.: which operation, which key, what is known, what
// to do. It holds no secret and no body. Read it with errors.As; compare it with errors.Is against the Err values of this package.
type Error struct {
	// Kind is the Err value that the error stands for.
	Kind error
	// Operation says which operation. For a read only Kind and Account are set.
	Operation OperationID
	// Key and Generation are what the provider dedupes on; empty when no record exists yet.
	Key        string
	Generation int
	// Attempts are the requests of this generation, oldest first, from all calls and processes (the last 32).
	Attempts []Attempt
	// Sent counts all of them.
	Sent int
	// FirstSentAt is when the first may have left; zero when none did.
	FirstSentAt time.Time
	// KeyExpiresAt is when the same key may no longer be sent; zero when nothing was sent or the key lives for ever.
	KeyExpiresAt time.Time
	// DueAt is when Recover will look at an open operation again; of a closed one it is when the server said that trying again makes
	// sense.
	DueAt time.Time
	// Status is the provider's last HTTP status, 0 when there was no answer.
	Status int
	// Code, Message and RequestID are the provider's own, for its support.
	Code, Message, RequestID string
	// Next says what to do.
	Next string
	// Err is the cause; context errors are found through it.
	Err error
}

// Error says what was tried, on which reference, what is known, the cause, and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "payonce: %s", e.Operation.Kind)
	if e.Operation.Reference != "" {
		fmt.Fprintf(&b, " %q", e.Operation.Reference)
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Key != "" {
		fmt.Fprintf(&b, " (key %s, generation %d, attempts %d)", e.Key, e.Generation, e.Sent)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	for _, text := range []string{e.Code, e.Message} {
		if text != "" {
			fmt.Fprintf(&b, ": %s", text)
		}
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "; %s", e.Next)
	}
	return b.String()
}

// Unwrap returns what the error stands for and its cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, foreign{e.Err}}
}

// foreign is a cause. What it says in this package's words is about something else (a read, a signer's input) and not about the
// operation, so only other people's errors are found in it.
type foreign struct{ error }

func (f foreign) Is(target error) bool {
	_, ours := target.(*sentinel)
	return !ours && errors.Is(f.error, target)
}

func (f foreign) As(target any) bool {
	_, ours := target.(**Error)
	return !ours && errors.As(f.error, target)
}

// fieldError is one thing that is wrong with the input.
type fieldError struct{ field, text string }

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func (*fieldError) Is(target error) bool { return target == ErrInvalid }

func invalid(field, format string, args ...any) error {
	return &fieldError{field: field, text: fmt.Sprintf(format, args...)}
}

// problems collects everything that is wrong, so that the caller reads it all at once.
type problems struct{ errs []error }

func (p *problems) add(field, format string, args ...any) {
	p.errs = append(p.errs, invalid(field, format, args...))
}

func (p *problems) addErr(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

func (p *problems) err() error { return errors.Join(p.errs...) }
