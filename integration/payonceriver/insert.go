package payonceriver

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/payonce/payonce"
)

// InsertTx inserts a record that Prepare made, and the job that sends it, in the merchant's own transaction: after a commit both are
// there, after a rollback neither. The record is inserted by insert, which is the store's: the method InsertTx of a *pgstore.Store, or
// InsertSQLTx with River's driver for database/sql. The options are River's; nil is none.
//
// It may be repeated with the same content: there is still one record, and one job unless the first is over. With other content, or when
// another operation has the key, it is payonce.ErrKeyReuse. After an error roll the transaction back.
func InsertTx[TTx any](
	ctx context.Context, jobs *river.Client[TTx], tx TTx, insert func(context.Context, TTx, *payonce.Record) error,
	rec *payonce.Record, opts *river.InsertOpts,
) (*rivertype.JobInsertResult, error) {
	if err := insert(ctx, tx, rec); err != nil {
		return nil, err
	}
	job, err := jobs.InsertTx(ctx, tx, Args{rec.ID}, opts)
	if err != nil {
		return nil, fmt.Errorf("payonceriver: insert the job of %s: %w", rec.ID, err)
	}
	return job, nil
}
