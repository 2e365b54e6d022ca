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
	if isRaw[T]() {
		return payonce.Do[T](ctx, s.Client, op, opts...)
	}
	return decoded(payonce.Do[answer[T]](ctx, s.Client, op, opts...))
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
	return Read[T](ctx, s, q)
}

// Read makes a read that leads nowhere else.
func Read[T any](ctx context.Context, s Service, q payonce.Query) (*payonce.Result[T], error) {
	if isRaw[T]() {
		return payonce.Get[T](ctx, s.Client, q)
	}
	return decoded(payonce.Get[answer[T]](ctx, s.Client, q))
}

// answer is a body that is read by Decode.
type answer[T any] struct{ value T }

// UnmarshalJSON reads the body.
func (a *answer[T]) UnmarshalJSON(text []byte) error {
	_, err := Decode(text, &a.value)
	return err
}

// isRaw says that the bytes are wanted, whatever they are.
func isRaw[T any]() bool {
	_, raw := any(*new(T)).(payonce.Raw)
	return raw
}

func decoded[T any](r *payonce.Result[answer[T]], err error) (*payonce.Result[T], error) {
	if r == nil {
		return nil, err
	}
	return &payonce.Result[T]{Value: r.Value.value, Raw: r.Raw, ResourceID: r.ResourceID, Receipt: r.Receipt}, err
}

// Invalid is the error for parameters that can't be sent.
func (s Service) Invalid(kind, reference string, err error) error {
	id := payonce.OperationID{Account: s.Account, Kind: kind, Reference: reference}
	return &payonce.Error{Kind: payonce.ErrInvalid, Operation: id, Err: err, Next: "nothing was sent"}
}
