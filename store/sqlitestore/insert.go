package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// callersFile stands for the file in errors: a transaction does not tell.
const callersFile = "the database of the caller's transaction"

// InsertTx inserts a record that Prepare made in the merchant's own transaction on the store's file, beside the order that it pays for:
// either both are committed or neither exists. After the commit Run, or the next recovery of any client, sends it.
//
// The file is one that Open made, to which the merchant has added tables of its own; names that begin with payonce_, application_id
// and user_version are the store's. Open the merchant's *sql.DB after the store and with modernc.org/sqlite, as in
// "file:shop.db?_txlock=immediate&_pragma=busy_timeout(10000)": a connection with synchronous below FULL is refused, since an order that
// it acknowledged may be lost with the power. Payments wait while the transaction is open, so keep it short and call none in it.
//
// An operation that is there already, with the same content, is left as it is: InsertTx may be repeated. With other content, or when
// another operation has its key, it is ErrKeyReuse. After any error roll the transaction back. Only a client of this store can send the
// record: hashes in it are keyed with the store's salt.
func InsertTx(ctx context.Context, tx *sql.Tx, rec *payonce.Record) error {
	doing := "insert"
	err := storage.PreparedOnly(rec)
	if err == nil {
		doing += " " + rec.ID.String()
		err = insert(ctx, tx, rec)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(callersFile, doing, err)
}

func insert(ctx context.Context, tx *sql.Tx, rec *payonce.Record) error {
	if err := checkCallers(ctx, tx); err != nil {
		return err
	}
	idle := *rec
	idle.Lease = payonce.Lease{}
	w, err := encodeClaim(&idle)
	if err != nil {
		return err
	}
	p := &preparer{ctx: ctx, on: tx}
	st := &statements{
		ctx: ctx, latest: p.stmt(recordSQL + ofLatest), keyOwner: p.stmt(keyOwnerSQL),
		insertOperation: p.stmt(insertOperationSQL), insertProgress: p.stmt(insertProgressSQL), raise: p.stmt(raiseSQL),
	}
	st.all = p.all
	defer func() { _ = st.close() }() // the transaction does, in any case
	if p.err != nil {
		return p.err
	}
	found, answer, failure := st.claim(w, "")
	switch {
	case failure != nil:
		return failure
	case answer != nil:
		return answer
	case found == nil:
		_, err := st.raise.ExecContext(ctx, st.newest)
		return err
	case found.unreadable != nil:
		return found.unreadable
	case !bytes.Equal(found.fingerprint, rec.Fingerprint):
		return fmt.Errorf("the operation exists with other content: %w", payonce.ErrKeyReuse)
	}
	return nil
}

// checkCallers refuses the transaction of another database, and of a connection that does not flush.
func checkCallers(ctx context.Context, tx *sql.Tx) error {
	h, err := readHeader(ctx, tx)
	if err != nil {
		return err
	}
	if known := len(migrations()); h.application != applicationID || h.version != known {
		return &Error{
			Path: callersFile, Doing: "insert", Err: fmt.Errorf("it is no store of this version (application id %#x, schema %d)", h.application, h.version),
			Advice: "make the file with Open, and the merchant's tables in it",
		}
	}
	var synchronous int
	if err := tx.QueryRowContext(ctx, "pragma synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if synchronous < 2 {
		return &Error{
			Path: callersFile, Doing: "insert", Err: fmt.Errorf("its connection would lose commits with the power (synchronous=%d)", synchronous),
			Advice: "open it with _pragma=synchronous(full)",
		}
	}
	return nil
}
