package truelayer

import (
	"errors"
	"fmt"

	"github.com/payonce/payonce"
)

// fieldError is one thing that is wrong with the input. It never repeats the value.
type fieldError struct{ field, text string }

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func (*fieldError) Is(target error) bool { return target == payonce.ErrInvalid }

// problems collects everything that is wrong, so that the caller reads it all at once.
type problems struct{ errs []error }

func (p *problems) add(field, format string, args ...any) {
	p.errs = append(p.errs, &fieldError{field: field, text: fmt.Sprintf(format, args...)})
}

func (p *problems) require(field, value string) {
	if value == "" {
		p.add(field, "is required")
	}
}

func (p *problems) err() error { return errors.Join(p.errs...) }
