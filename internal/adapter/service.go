package adapter

import (
	"context"

	"github.com/payonce/payonce"
)

// Service is what a provider's native service needs.
type Service struct {
	Client  *payonce.Client
	Account string
}

// Do makes a write, unless its parameters were refused.
func Do[T any](ctx context.Context, s Service, op payonce.Operation, err error, opts []payonce.CallOption) (*payonce.Result[T], error) {
	if err != nil {
		return nil, s.Invalid(op.Kind, op.Reference, err)
	}
	return payonce.Do[T](ctx, s.Client, op, opts...)
}

// Get makes a read, unless one of the ids would lead elsewhere.
func Get[T any](ctx context.Context, s Service, q payonce.Query, ids ...string) (*payonce.Result[T], error) {
	var p Problems
	for _, id := range ids {
		p.PathID("id", id)
	}
	if err := p.Err(); err != nil {
		return nil, s.Invalid(q.Kind, "", err)
	}
	return payonce.Get[T](ctx, s.Client, q)
}

// Invalid is the error for parameters that can't be sent.
func (s Service) Invalid(kind, reference string, err error) error {
	id := payonce.OperationID{Account: s.Account, Kind: kind, Reference: reference}
	return &payonce.Error{Kind: payonce.ErrInvalid, Operation: id, Err: err, Next: "nothing was sent"}
}
