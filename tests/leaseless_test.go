package tests_test

import (
	"context"

	"github.com/payonce/payonce"
)

// leaseless is a store whose leases bind nobody: they save work, and nothing else may rest on them.
type leaseless struct{ payonce.KeyStore }

func (l leaseless) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	return unleased(l.KeyStore.Claim(ctx, rec))
}

func (l leaseless) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	return unleased(l.KeyStore.Load(ctx, id, generation))
}

func (l leaseless) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	page, next, err := l.KeyStore.List(ctx, f)
	for _, rec := range page {
		rec.Lease.Live = false
	}
	return page, next, err
}

func unleased(rec *payonce.Record, err error) (*payonce.Record, error) {
	if rec != nil {
		rec.Lease.Live = false
	}
	return rec, err
}
